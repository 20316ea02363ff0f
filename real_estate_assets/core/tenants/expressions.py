"""The column map's expressions: how one canonical field is made from a file's columns. Data only, nothing runs.

Belongs here: the shape of an expression and what can be judged from it alone. Does not belong here: whether it suits
the field it is meant for (`compatibility.py`) and how it is carried out (`core/records/mapping.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from real_estate_assets.core.tenants.date_formats import check_date_format
from real_estate_assets.core.tenants.patterns import check_pattern
from real_estate_assets.core.tenants.sums import Sum, parse_sum
from real_estate_assets.core.tenants.units import UNIT_NAMES, factor


def scalar_text(value: object) -> str:
    """The text of a YAML scalar as a file would hold it: true and false in lower case, numbers as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, Decimal)):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):  # not from YAML, which gives Decimal, but from Python
        return repr(value)
    raise ValueError("must be one word, number or true/false")


def _optional_scalar_text(value: object) -> str | None:
    return None if value is None else scalar_text(value)


ScalarText = Annotated[str, BeforeValidator(scalar_text)]
OptionalScalarText = Annotated[str | None, BeforeValidator(_optional_scalar_text)]


class Unit(BaseModel):
    """A conversion of units: `{from: m2, to: sqft}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: UNIT_NAMES = Field(alias="from")
    to: UNIT_NAMES

    @model_validator(mode="after")
    def _same_quantity(self) -> Unit:
        factor(self.from_, self.to)
        return self

    @property
    def factor(self) -> float:
        """What to multiply a value in `from` with."""
        return factor(self.from_, self.to)


class _Expression(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Bounded(_Expression):
    """What may follow any computed value: a conversion, then bounds in the canonical unit (both ends allowed)."""

    unit: Unit | None = None
    min: ScalarText | None = None
    max: ScalarText | None = None


class ColumnExpression(_Bounded):
    """One column of the file, cleaned: markers of null, a part by regex, a map of values, a date's format."""

    column: str = Field(min_length=1)
    nulls: tuple[ScalarText, ...] = ()
    regex: str | None = None
    values: dict[str, OptionalScalarText] | None = None
    date: tuple[str, ...] | None = None
    thousands: Literal[",", ".", " ", "'"] | None = None

    @field_validator("date", mode="before")
    @classmethod
    def _one_or_more_formats(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("date")
    @classmethod
    def _known_directives(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for date_format in value or ():
            check_date_format(date_format)
        return value

    @field_validator("regex")
    @classmethod
    def _has_a_group(cls, value: str | None) -> str | None:
        if value is not None:
            check_pattern(value)
        return value


class ConstantExpression(_Expression):
    """The same value for every record of the file."""

    constant: ScalarText


class SumExpression(_Bounded):
    """A sum of columns with fixed weights: `Full + 0.5*Half`. Null as soon as one of its columns is null."""

    sum: str
    nulls: tuple[ScalarText, ...] = ()
    thousands: Literal[",", ".", " ", "'"] | None = None

    @field_validator("sum")
    @classmethod
    def _grammar(cls, value: str) -> str:
        parse_sum(value)
        return value

    @property
    def terms(self) -> Sum:
        """The sum, taken apart."""
        return parse_sum(self.sum)


class FirstExpression(_Expression):
    """The first of several expressions that is not null."""

    first: tuple[Expression, ...] = Field(min_length=1, max_length=8)


def _shorthand(value: Any) -> Any:
    """A bare word is short for `{column: word}`."""
    return {"column": value} if isinstance(value, str) else value


EXPRESSION_KINDS: Mapping[str, type[_Expression]] = {
    "column": ColumnExpression,
    "constant": ConstantExpression,
    "sum": SumExpression,
    "first": FirstExpression,
}


def _kind_of(value: Any) -> str | None:
    """Which expression a mapping means: the one whose leading word it has."""
    if isinstance(value, Mapping):
        kinds = [kind for kind in EXPRESSION_KINDS if kind in value]
        return kinds[0] if len(kinds) == 1 else None
    return next((kind for kind, model in EXPRESSION_KINDS.items() if isinstance(value, model)), None)


AnyExpression = ColumnExpression | ConstantExpression | SumExpression | FirstExpression
Expression = Annotated[
    Annotated[ColumnExpression, Tag("column")]
    | Annotated[ConstantExpression, Tag("constant")]
    | Annotated[SumExpression, Tag("sum")]
    | Annotated[FirstExpression, Tag("first")],
    Discriminator(
        _kind_of,
        custom_error_type="expression_kind",
        custom_error_message="must have exactly one of the words column, constant, sum, first",
    ),
    BeforeValidator(_shorthand),
]
FirstExpression.model_rebuild()


def columns_of(expression: AnyExpression) -> tuple[str, ...]:
    """The file's columns an expression reads, in order, each once."""
    match expression:
        case ColumnExpression(column=column):
            return (column,)
        case SumExpression():
            return tuple(dict.fromkeys(column for _, column in expression.terms.terms if column is not None))
        case FirstExpression(first=parts):
            return tuple(dict.fromkeys(column for part in parts for column in columns_of(part)))
        case _:
            return ()
