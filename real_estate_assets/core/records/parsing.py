"""A column of texts as a column of typed values: the rules of `scalars.py` for all rows at once.

Belongs here: text to value, for each family of types. A text that is no value becomes null; why it is null is for
`mapping.py` to say. Input is text without outer white space and without blanks (null instead).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from real_estate_assets.core.records.scalars import (
    FALSE_WORDS,
    INTEGER_LIMIT,
    INTEGER_PATTERN,
    ISO_DATE_PATTERN,
    NUMBER_PATTERN,
    TRUE_WORDS,
    Family,
    parse_scalar,
)
from real_estate_assets.core.tenants.date_formats import MONTHS, date_pattern

if TYPE_CHECKING:
    import polars as pl

# Amounts that need no rounding: polars reads these exactly. The others go through Python's Decimal.
_PLAIN_MONEY = r"^[+-]?[0-9]{1,12}(?:\.[0-9]{1,2})?$"
_CENTURY_PIVOT = 69


def dtype_of(family: Family) -> pl.DataType:
    """The polars type of a family of canonical types."""
    import polars as pl

    types: dict[Family, pl.DataType] = {
        "text": pl.String(),
        "integer": pl.Int32(),
        "number": pl.Float64(),
        "money": pl.Decimal(14, 2),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "geometry": pl.Binary(),
    }
    return types[family]


def parse_texts(texts: pl.Series, family: Family, date_formats: tuple[str, ...] = ()) -> pl.Series:
    """Typed values of `texts`; null where a text is no value of the family or the type cannot hold it."""
    if family == "date":
        return _dates(texts, date_formats)
    parsers: dict[Family, Callable[[pl.Series], pl.Series]] = {
        "text": lambda series: series,
        "integer": _integers,
        "number": _numbers,
        "money": money_texts,
        "boolean": _booleans,
    }
    return parsers[family](texts)


def _keep(texts: pl.Series, pattern: str) -> pl.Series:
    """The texts that have the form; null for the others."""
    return texts.set(~texts.str.contains(pattern).fill_null(False), None)


def _integers(texts: pl.Series) -> pl.Series:
    import polars as pl

    whole = _keep(texts, INTEGER_PATTERN)
    if whole.str.contains(".", literal=True).any():
        whole = whole.str.replace(r"\.0*$", "")
    numbers = whole.cast(pl.Int64, strict=False)
    return numbers.set(numbers.abs() > INTEGER_LIMIT, None).cast(pl.Int32)


def _numbers(texts: pl.Series) -> pl.Series:
    import polars as pl

    numbers = _keep(texts, NUMBER_PATTERN).cast(pl.Float64, strict=False)
    return numbers.set(numbers.is_infinite().fill_null(False), None)


def money_texts(texts: pl.Series, scale: Decimal = Decimal(1)) -> pl.Series:
    """Exact amounts, times `scale`, rounded half away from zero to cents; null where a text is no amount."""
    import polars as pl

    dtype = pl.Decimal(14, 2)
    is_plain = texts.str.contains(_PLAIN_MONEY).fill_null(False) & (scale == 1)
    values = texts.set(~is_plain, None).cast(dtype, strict=False)
    others = texts.filter(~is_plain & texts.is_not_null()).unique()
    if not len(others):
        return values
    exact = {text: _scaled_money(text, scale) for text in others.to_list()}
    found = pl.Series([exact.get(text) for text in texts.to_list()], dtype=dtype)
    return pl.select(pl.coalesce(pl.lit(values), pl.lit(found))).to_series()


def _scaled_money(text: str, scale: Decimal) -> Decimal | None:
    try:
        if scale == 1:
            value = parse_scalar(text, "money")
        else:
            if not re.match(NUMBER_PATTERN, text):
                return None
            value = parse_scalar(str(Decimal(text) * scale), "money")
    except ValueError:
        return None
    return value if isinstance(value, Decimal) else None


def _booleans(texts: pl.Series) -> pl.Series:
    import polars as pl

    words = texts.str.to_lowercase()
    known = {**dict.fromkeys(TRUE_WORDS, True), **dict.fromkeys(FALSE_WORDS, False)}
    return words.replace_strict(known, default=None, return_dtype=pl.Boolean)


def _dates(texts: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    import polars as pl

    patterns = [date_pattern(date_format) for date_format in formats] or [ISO_DATE_PATTERN]
    dates = pl.Series(texts.name, [None] * len(texts), dtype=pl.Date)
    for pattern in patterns:
        found = _dates_by(texts, pattern)
        dates = dates.zip_with(dates.is_not_null(), found)
    return dates


def _dates_by(texts: pl.Series, pattern: str) -> pl.Series:
    import polars as pl

    parts = pl.DataFrame({"text": texts}).select(pl.col("text").str.extract_groups(pattern)).unnest("text")
    if "year2" in parts.columns:
        short = pl.col("year2").cast(pl.Int32)
        year = short + pl.when(short >= _CENTURY_PIVOT).then(1900).otherwise(2000)
    else:
        year = pl.col("year").cast(pl.Int32)
    if "month_name" in parts.columns:
        names = {name: i + 1 for i, name in enumerate(MONTHS)}
        letters = pl.col("month_name").str.to_lowercase().str.slice(0, 3)
        month = letters.replace_strict(names, default=None, return_dtype=pl.Int8)
    else:
        month = pl.col("month").cast(pl.Int8)
    day = pl.col("day").cast(pl.Int8)
    year = pl.when(year >= 1).then(year)  # there is no year 0, which sources write for an unknown one
    text = pl.format("{}-{}-{}", year.cast(pl.String).str.zfill(4), _two(month), _two(day))
    # strict=False: the 31st of February is no date, and null like any other text that is none.
    return parts.select(text.str.to_date("%Y-%m-%d", strict=False)).to_series()


def _two(number: pl.Expr) -> pl.Expr:
    import polars as pl

    return number.cast(pl.String).str.zfill(2)
