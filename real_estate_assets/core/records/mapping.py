"""Rows of text as canonical records: every field of the record type, typed, with the reasons of its nulls.

Belongs here: the frame of one batch. Does not belong here: one expression (`evaluation.py`), reading (`stores`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from real_estate_assets.core.records.batch import NULL_REASONS, RECORD_NO, CellIssue, NullReason
from real_estate_assets.core.records.evaluation import Outcome, evaluate
from real_estate_assets.core.records.fields import FIELDS
from real_estate_assets.core.records.parsing import dtype_of
from real_estate_assets.core.records.scalars import family_of
from real_estate_assets.core.tenants.expressions import columns_of
from real_estate_assets.core.tenants.model import Layout

if TYPE_CHECKING:
    import polars as pl

MAX_SHOWN = 200


def source_columns(layout: Layout) -> tuple[str, ...]:
    """The file's columns that the layout reads, each once, in order of first use."""
    used = (column for expression in layout.columns.values() for column in columns_of(expression))
    return tuple(dict.fromkeys(used))


def map_records(
    texts: pl.DataFrame, record_nos: pl.Series, layout: Layout, county_fips: list[str]
) -> tuple[pl.DataFrame, list[CellIssue]]:
    """The canonical frame of `texts` (one text column per used source column) and the cells that were refused.

    Without a mapping of its own, county_fips is the tenant's one county. Geometry fields are left null.
    """
    import polars as pl

    columns: dict[str, pl.Series] = {RECORD_NO: record_nos.cast(pl.Int64)}
    outcomes: dict[str, Outcome] = {}
    for field in FIELDS[layout.record_type]:
        family = family_of(field.pg_type)
        expression = layout.columns.get(field.name)
        if expression is not None:
            outcomes[field.name] = evaluate(expression, texts, family, layout.null_markers)
            columns[field.name] = outcomes[field.name].values
        else:
            stated = county_fips[0] if field.name == "county_fips" and len(county_fips) == 1 else None
            columns[field.name] = pl.Series([stated], dtype=dtype_of(family)).new_from_index(0, texts.height)
    columns[NULL_REASONS] = _reasons_as_json(outcomes, texts.height)
    return pl.DataFrame(columns), _cell_issues(outcomes, record_nos)


def _reasons_as_json(outcomes: dict[str, Outcome], height: int) -> pl.Series:
    """`{"field": "reason", ...}` for the rows that have any, null for the others."""
    import polars as pl

    with_reasons = {name: o.reasons for name, o in outcomes.items() if o.reasons.null_count() < height}
    if not with_reasons:
        return pl.Series([None], dtype=pl.String).new_from_index(0, height)
    # Field names and reasons are plain words of this code, so that no JSON escape can be due.
    parts = [pl.lit(f'"{name}": "') + pl.col(name) + pl.lit('"') for name in with_reasons]
    joined = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    has_any = pl.any_horizontal(pl.all().is_not_null())
    whole = pl.when(has_any).then(pl.lit("{") + joined + pl.lit("}"))
    return pl.DataFrame(with_reasons).select(whole.alias(NULL_REASONS)).to_series()


def _cell_issues(outcomes: dict[str, Outcome], record_nos: pl.Series) -> list[CellIssue]:
    issues: list[CellIssue] = []
    refusals: tuple[NullReason, ...] = ("out_of_bounds", "unparseable")
    for name, outcome in outcomes.items():
        for reason in refusals:
            if outcome.reasons.null_count() == len(outcome.reasons):
                continue
            is_refused = (outcome.reasons == reason).fill_null(False)
            numbers, texts = record_nos.filter(is_refused), outcome.texts.filter(is_refused)
            for record_no, text in zip(numbers.to_list(), texts.to_list(), strict=True):
                issues.append(CellIssue(record_no, name, (text or "")[:MAX_SHOWN], reason))
    return sorted(issues, key=lambda issue: (issue.record_no, issue.column))
