"""Counting how often two statements about the same thing agree, within the tolerance of the field.

Belongs here: what "agree" means for a pair of values, and the counts by field, part of the properties and failed check.
Counts are all that calibration needs: no value leaves this module. Does not belong here: reading the records
(`stores/warehouse/calibration.py`), nor what the counts mean (`calibration.py`).

The comparison is the one of the mart of changes (`fct_changes`): numbers within a share of the older value, words in
upper case with single spaces, dates and flags exactly. A pair counts where both sides have a value: a null claims
nothing, so it neither agrees nor disagrees. Values that appeared or disappeared are counted beside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from real_estate_assets.core.provenance import row_checks

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["text", "number", "date", "flag"]
COUNTS = ("field", "segment", "failed", "n", "agree", "appeared", "disappeared")


class Comparison(NamedTuple):
    """How a field's values are compared. tolerance: share of the older value, 0 is exact; only numbers have one."""

    comparison: Kind
    tolerance: float = 0.0


def comparisons(rows: Iterable[Mapping[str, Any]]) -> dict[str, Comparison]:
    """Field -> comparison, from the rows of the dbt seed field_tolerance."""
    return {row["field"]: Comparison(row["comparison"], float(row["tolerance"])) for row in rows}


def agreement_counts(
    older: pl.DataFrame,
    newer: pl.DataFrame,
    compare: Mapping[str, Comparison],
    checks: Sequence[row_checks.RowCheck],
    *,
    fields: Collection[str],
) -> pl.DataFrame:
    """How often the newer records say what the older ones said of the same property.

    Both have one row a property, `property_id` and the fields; the older also `segment` (prov.segment_of) and
    `failed_checks` (the mask of prov.failed_row_checks, null for none). Fields: those that both files map.

    One row a field, segment and set of failed checks: `failed` holds the names of the failed checks that touch the
    field, joined by ', ', '' where none did; `n` pairs with a value on both sides, `agree` of them; `appeared` and
    `disappeared` where one side has none. Raises KeyError for a field without a comparison, and
    polars.exceptions.ComputeError where a property stands twice in one of the two.
    """
    import polars as pl

    named = {field: pl.col(field).alias(_newer(field)) for field in fields}
    pairs = older.join(newer.select("property_id", *named.values()), on="property_id", validate="1:1")
    counted = [_counts_of(pairs, field, compare[field], checks) for field in sorted(fields)]
    return pl.concat(counted) if counted else pl.DataFrame(schema=_schema())


def pair_agreement(
    frame: pl.DataFrame, left: str, right: str, compare: Comparison, *, segment: str | None = None
) -> pl.DataFrame:
    """How often two columns agree, by the values of a third ('all' without): columns segment, n, agree.

    For two sources that do not know of each other, and for a method against an answer key. A tolerance is a share of
    the left value. Rows without a value on either side, or without a segment, do not count.
    """
    import polars as pl

    part = pl.lit("all") if segment is None else pl.col(segment).cast(pl.String)
    both = pl.col(left).is_not_null() & pl.col(right).is_not_null() & part.is_not_null()
    agreed = _agrees(left, right, compare)
    return (
        frame.filter(both)
        .select(part.alias("segment"), agreed.alias("agrees"))
        .group_by("segment")
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.col("agrees").sum().cast(pl.Int64).alias("agree"))
        .sort("segment")
    )


def _counts_of(
    pairs: pl.DataFrame, field: str, compare: Comparison, checks: Sequence[row_checks.RowCheck]
) -> pl.DataFrame:
    import polars as pl

    old, new = pl.col(field).is_not_null(), pl.col(_newer(field)).is_not_null()
    agrees = (old & new & _agrees(field, _newer(field), compare)).fill_null(False)
    return (
        pairs.select(
            pl.lit(field).alias("field"),
            pl.col("segment"),
            _failed_names(pairs, field, checks).alias("failed"),
            (old & new).alias("n"),
            agrees.alias("agree"),
            (~old & new).alias("appeared"),
            (old & ~new).alias("disappeared"),
        )
        .group_by("field", "segment", "failed")
        .agg(pl.col("n", "agree", "appeared", "disappeared").sum().cast(pl.Int64))
        .filter(pl.sum_horizontal("n", "appeared", "disappeared") > 0)
        .select(COUNTS)
        .sort("segment", "failed")
    )


def _failed_names(pairs: pl.DataFrame, field: str, checks: Sequence[row_checks.RowCheck]) -> pl.Expr:
    """Each record's failed checks that touch the field; few masks occur, so each is taken apart once."""
    import polars as pl

    touched = row_checks.touching(checks, field)
    masks = pairs["failed_checks"].cast(pl.Int64).fill_null(0).unique().to_list()
    names = {mask: ", ".join(row_checks.failed(mask, touched)) for mask in masks}
    mask = pl.col("failed_checks").cast(pl.Int64).fill_null(0)
    return mask.replace_strict(names, return_dtype=pl.String, default="")


def _agrees(left: str, right: str, compare: Comparison) -> pl.Expr:
    """Whether two columns agree in the sense of fct_changes. `not beyond the tolerance`, so an infinite value is equal
    to itself."""
    import polars as pl

    if compare.comparison == "number":
        old, new = pl.col(left).cast(pl.Float64), pl.col(right).cast(pl.Float64)
        return ((new - old).abs() <= compare.tolerance * old.abs()) | (new == old)
    if compare.comparison == "text":
        return _squeezed(left) == _squeezed(right)
    return pl.col(left) == pl.col(right)


def _squeezed(column: str) -> pl.Expr:
    import polars as pl

    return pl.col(column).cast(pl.String).str.strip_chars().str.replace_all(r"\s+", " ").str.to_uppercase()


def _newer(field: str) -> str:
    return f"{field}__newer"


def _schema() -> dict[str, Any]:
    import polars as pl

    return {name: pl.String if name in ("field", "segment", "failed") else pl.Int64 for name in COUNTS}
