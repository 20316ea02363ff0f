"""One expression of the column map, carried out for all rows at once: the value, or why there is none.

Belongs here: markers, parts, value maps, sums, the first of several, units and bounds, in that order. Does not belong
here: what a text must look like (`parsing.py`), nor the frame of a whole batch (`mapping.py`).

A blank cell, and a cell in which a pattern finds nothing, is null without a reason: the source says nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING

from real_estate_assets.core.records.batch import NullReason
from real_estate_assets.core.records.parsing import dtype_of, money_texts, parse_texts
from real_estate_assets.core.records.scalars import BLANKS, Family, parse_scalar
from real_estate_assets.core.tenants.expressions import (
    AnyExpression,
    ColumnExpression,
    ConstantExpression,
    FirstExpression,
    SumExpression,
)

if TYPE_CHECKING:
    import polars as pl

_MARKER: NullReason = "null_marker"
_BOUNDS: NullReason = "out_of_bounds"
_UNPARSEABLE: NullReason = "unparseable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One field for all rows: typed values, the reason of each null that has one, and the source's text behind it."""

    values: pl.Series
    reasons: pl.Series
    texts: pl.Series


def evaluate(expression: AnyExpression, texts: pl.DataFrame, family: Family, markers: tuple[str, ...]) -> Outcome:
    """Carries out `expression` on the columns of `texts` (all text, as the file has them).

    `markers` are the source's own null markers; an expression adds its own.
    """
    match expression:
        case ConstantExpression(constant=text):
            return _constant(text, texts.height, family)
        case ColumnExpression():
            return _column(expression, texts[expression.column], family, markers)
        case SumExpression():
            return _sum(expression, texts, family, markers)
        case FirstExpression(first=parts):
            return _first([evaluate(part, texts, family, markers) for part in parts])


def _constant(text: str, height: int, family: Family) -> Outcome:
    import polars as pl

    values = pl.Series([parse_scalar(text, family)], dtype=dtype_of(family)).new_from_index(0, height)
    return Outcome(values, _no_reasons(height), pl.Series([text]).new_from_index(0, height))


def _no_reasons(height: int) -> pl.Series:
    import polars as pl

    return pl.Series([None], dtype=pl.String).new_from_index(0, height)


def _column(expression: ColumnExpression, cells: pl.Series, family: Family, markers: tuple[str, ...]) -> Outcome:
    words = _words(cells)
    is_marker = _is_marker(words, (*markers, *expression.nulls), family, expression.date or ())
    meant = words.set(is_marker, None)
    if expression.regex is not None:
        meant = _words(meant.str.extract(expression.regex, 1))
    elif family == "text" and expression.values is None:
        meant = cells.set(meant.is_null(), None)  # text stays as the source writes it, outer blanks too
    parsed, is_mapped_to_null = _parsed(expression, meant, family)
    reasons = _reasons(is_marker | is_mapped_to_null, meant.is_not_null() & parsed.is_null() & ~is_mapped_to_null)
    return _bounded(expression, Outcome(parsed, reasons, cells), family)


def _words(cells: pl.Series) -> pl.Series:
    """Texts without outer white space; null for blank ones."""
    words = cells.str.strip_chars(BLANKS)
    return words.set(words == "", None)


def _is_marker(words: pl.Series, markers: tuple[str, ...], family: Family, formats: tuple[str, ...]) -> pl.Series:
    """Which cells hold a null marker: by its text, and for numbers and dates also by its value (-1 is `-1.00`)."""
    import polars as pl

    if not markers:
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(words))
    stripped = [marker.strip(BLANKS) for marker in markers]
    is_marker = words.is_in(stripped).fill_null(False)
    if family in ("integer", "number", "money"):
        numbers = parse_texts(pl.Series(stripped), "number").drop_nulls().to_list()
        if numbers:
            is_marker |= parse_texts(words, "number").is_in(numbers).fill_null(False)
    elif family == "date":
        days = parse_texts(pl.Series(stripped), "date", formats).drop_nulls().to_list()
        if days:
            is_marker |= parse_texts(words, "date", formats).is_in(days).fill_null(False)
    return is_marker


def _parsed(expression: ColumnExpression, meant: pl.Series, family: Family) -> tuple[pl.Series, pl.Series]:
    """Values of the meaningful texts, and which of them the value map names as null."""
    import polars as pl

    is_null_by_map = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(meant))
    if expression.values is not None:
        known = {key.strip(BLANKS): value for key, value in expression.values.items()}
        is_null_by_map = meant.is_in([key for key, value in known.items() if value is None]).fill_null(False)
        meant = meant.replace_strict(known, default=None, return_dtype=pl.String)
    if expression.thousands is not None:
        meant = without_thousands(meant, expression.thousands)
    if family == "money":
        scale = Decimal(repr(expression.unit.factor)) if expression.unit else Decimal(1)
        return money_texts(meant, scale), is_null_by_map
    return _in_unit(expression, parse_texts(meant, family, expression.date or ())), is_null_by_map


def without_thousands(words: pl.Series, separator: str) -> pl.Series:
    """Numbers without their separators of thousands, and with a point; what is grouped wrongly is left as it is.

    With `.` as the separator of thousands the comma is the decimal sign (1.234,50), and alone too (0,5).
    """
    import polars as pl

    decimal = "," if separator == "." else "."
    group, point = ("\\" + separator), ("\\" + decimal)
    grouped = rf"^[+-]?[0-9]{{1,3}}(?:{group}[0-9]{{3}})+(?:{point}[0-9]*)?$"
    ungrouped = rf"^[+-]?[0-9]+(?:{point}[0-9]*)?$"
    word = pl.col("word")
    is_number = word.str.contains(grouped) | word.str.contains(ungrouped)
    plain = word.str.replace_all(separator, "", literal=True).str.replace(decimal, ".", literal=True)
    otherwise = pl.lit("?") + word if separator == "." else word  # 1.5 is no number where the point groups
    return pl.DataFrame({"word": words}).select(pl.when(is_number).then(plain).otherwise(otherwise)).to_series()


def _in_unit(expression: ColumnExpression | SumExpression, values: pl.Series) -> pl.Series:
    return values if expression.unit is None else values * expression.unit.factor


def _reasons(is_marker: pl.Series, is_unparseable: pl.Series) -> pl.Series:
    import polars as pl

    none = _no_reasons(len(is_marker))
    if is_marker.any():
        none = none.set(is_marker, _MARKER)
    return none.set(is_unparseable, _UNPARSEABLE) if is_unparseable.any() else none.cast(pl.String)


def _bounded(expression: ColumnExpression | SumExpression, outcome: Outcome, family: Family) -> Outcome:
    import polars as pl

    if expression.min is None and expression.max is None:
        return outcome
    value = pl.col("value")
    is_out = pl.lit(False)
    if expression.min is not None:
        is_out |= value < pl.lit(parse_scalar(expression.min, family), dtype_of(family))
    if expression.max is not None:
        is_out |= value > pl.lit(parse_scalar(expression.max, family), dtype_of(family))
    is_beyond = pl.DataFrame({"value": outcome.values}).select(is_out.fill_null(False)).to_series()
    if not is_beyond.any():
        return outcome
    values = pl.DataFrame({"value": outcome.values, "out": is_beyond}).select(pl.when(~pl.col("out")).then("value"))
    return Outcome(values.to_series(), outcome.reasons.set(is_beyond, _BOUNDS), outcome.texts)


def _sum(expression: SumExpression, texts: pl.DataFrame, family: Family, markers: tuple[str, ...]) -> Outcome:
    """A sum of weighted columns; exact for money, in floating point otherwise (whole numbers must come out whole)."""
    import polars as pl

    term_family: Family = "money" if family == "money" else "number"
    terms = expression.terms.terms
    parts = [
        (weight, evaluate(_term(column, expression), texts, term_family, markers))
        for weight, column in terms
        if column is not None
    ]
    fixed = sum((weight for weight, column in terms if column is None), start=Decimal(0))
    if family == "money":
        values = _exact_sum(parts, fixed)
    else:
        values = reduce(lambda total, part: total + part[1].values * float(part[0]), parts[1:], _start(parts[0], fixed))
        if family == "integer":
            is_whole = (values == values.round(0)) & (values.abs() <= 2_147_483_647)
            values = values.set(~is_whole.fill_null(True), None).cast(pl.Int32)
    outcome = _first([part for _, part in parts])
    is_lost = values.is_null() & pl.Series(_all_present(parts))
    reasons = outcome_reasons(parts).set(is_lost, _UNPARSEABLE)
    values = _in_unit(expression, values) if family == "number" else values
    return _bounded(expression, Outcome(values, reasons, _texts_behind(parts, outcome)), family)


def _term(column: str, expression: SumExpression) -> ColumnExpression:
    return ColumnExpression(column=column, nulls=expression.nulls, thousands=expression.thousands)


def _start(part: tuple[Decimal, Outcome], fixed: Decimal) -> pl.Series:
    return part[1].values * float(part[0]) + float(fixed)


def _exact_sum(parts: list[tuple[Decimal, Outcome]], fixed: Decimal) -> pl.Series:
    import polars as pl

    sums: list[Decimal | None] = []
    for row in zip(*(outcome.values.to_list() for _, outcome in parts), strict=True):
        if any(value is None for value in row):
            sums.append(None)
        else:
            sums.append(sum((weight * value for (weight, _), value in zip(parts, row, strict=True)), start=fixed))
    return money_texts(pl.Series([None if total is None else f"{total:f}" for total in sums], dtype=pl.String))


def _all_present(parts: list[tuple[Decimal, Outcome]]) -> pl.Series:
    return reduce(lambda both, part: both & part[1].values.is_not_null(), parts[1:], parts[0][1].values.is_not_null())


def outcome_reasons(parts: list[tuple[Decimal, Outcome]]) -> pl.Series:
    """Why a sum is null: the graver of its terms' reasons, an unparseable cell before a marker."""
    import polars as pl

    frame = pl.DataFrame({str(i): outcome.reasons for i, (_, outcome) in enumerate(parts)})
    is_unparseable = pl.any_horizontal(pl.all() == _UNPARSEABLE)
    reason = pl.when(is_unparseable).then(pl.lit(_UNPARSEABLE)).otherwise(pl.coalesce(pl.all()))
    return frame.select(reason.alias("reason")).to_series()


def _texts_behind(parts: list[tuple[Decimal, Outcome]], outcome: Outcome) -> pl.Series:
    """The texts of a sum's columns, for a person who looks at a refused one: `2 | x`."""
    import polars as pl

    frame = pl.DataFrame({str(i): part.texts for i, (_, part) in enumerate(parts)})
    return frame.select(pl.concat_str(pl.all().fill_null(""), separator=" | ")).to_series() if parts else outcome.texts


def _first(outcomes: list[Outcome]) -> Outcome:
    """The first that is not null; where none is, the first that has a reason."""
    import polars as pl

    frame = pl.DataFrame(
        {
            **{f"value{i}": outcome.values for i, outcome in enumerate(outcomes)},
            **{f"reason{i}": outcome.reasons for i, outcome in enumerate(outcomes)},
            **{f"text{i}": outcome.texts for i, outcome in enumerate(outcomes)},
        }
    )
    count = range(len(outcomes))
    value = pl.coalesce(*(f"value{i}" for i in count))
    reason = pl.coalesce(*(f"reason{i}" for i in count))
    text = pl.coalesce(*(pl.when(pl.col(f"reason{i}").is_not_null()).then(f"text{i}") for i in count))
    chosen = frame.select(
        value.alias("value"), pl.when(value.is_null()).then(reason).alias("reason"), text.alias("text")
    )
    return Outcome(chosen["value"], chosen["reason"], chosen["text"])
