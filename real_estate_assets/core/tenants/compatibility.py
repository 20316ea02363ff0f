"""Whether an expression suits the canonical field it is meant for, and whether a file's map is whole.

Belongs here: every rule that needs both the tenant's words and the list of fields. Each rule yields a message.
"""

from __future__ import annotations

from collections.abc import Iterator

from real_estate_assets.core.records.fields import FIELDS, Field, RecordType
from real_estate_assets.core.records.scalars import Family, family_of, parse_scalar
from real_estate_assets.core.tenants.expressions import (
    AnyExpression,
    ColumnExpression,
    ConstantExpression,
    FirstExpression,
    SumExpression,
)
from real_estate_assets.core.tenants.model import Layout
from real_estate_assets.core.tenants.problems import nearest
from real_estate_assets.core.tenants.units import unit_of_field

_NUMERIC: tuple[Family, ...] = ("integer", "number", "money")
_FROM_GEOMETRY = ("geom_4326", "is_repaired")


def field_named(record_type: RecordType, name: str) -> Field | None:
    """The canonical field of that name, or None."""
    return next((f for f in FIELDS[record_type] if f.name == name), None)


def field_problems(record_type: RecordType, name: str, expression: AnyExpression) -> Iterator[str]:
    """What is wrong with mapping `name` to `expression`; nothing where it suits."""
    field = field_named(record_type, name)
    if field is None:
        mappable = [f.name for f in FIELDS[record_type] if f.name not in _FROM_GEOMETRY]
        yield f"'{name}' is not a field of {record_type}; {nearest(name, mappable)}"
    elif name in _FROM_GEOMETRY:
        yield f"'{name}' comes from the feature's own geometry; leave it out of columns"
    else:
        yield from _expression_problems(field, expression)


def _expression_problems(field: Field, expression: AnyExpression) -> Iterator[str]:
    family = family_of(field.pg_type)
    match expression:
        case ConstantExpression(constant=text):
            yield from _value_problems(field, family, text)
        case FirstExpression(first=parts):
            for part in parts:
                yield from _expression_problems(field, part)
        case SumExpression():
            if family not in _NUMERIC:
                yield f"a sum is a number, but {field.name} is {field.pg_type}"
            else:
                yield from _bound_problems(field, family, expression)
        case ColumnExpression():
            yield from _column_problems(field, family, expression)


def _column_problems(field: Field, family: Family, expression: ColumnExpression) -> Iterator[str]:
    if expression.date is not None and family != "date":
        yield f"'date' is for dates, but {field.name} is {field.pg_type}"
    if expression.thousands is not None and family not in _NUMERIC:
        yield f"'thousands' is for numbers, but {field.name} is {field.pg_type}"
    if expression.values is not None and expression.date is not None:
        yield "'values' and 'date' exclude each other"
    for text in (expression.values or {}).values():
        if text is not None:
            yield from _value_problems(field, family, text)
    yield from _bound_problems(field, family, expression)


def _bound_problems(field: Field, family: Family, expression: ColumnExpression | SumExpression) -> Iterator[str]:
    bounds = [text for text in (expression.min, expression.max) if text is not None]
    if expression.unit is not None:
        yield from _unit_problems(field, family, expression.unit.to, is_sum=isinstance(expression, SumExpression))
    if bounds and family not in (*_NUMERIC, "date"):
        yield f"'min' and 'max' are for numbers and dates, but {field.name} is {field.pg_type}"
        return
    faults = [fault for text in bounds for fault in _value_problems(field, family, text)]
    yield from faults
    if len(bounds) == 2 and not faults and parse_scalar(bounds[0], family) > parse_scalar(bounds[1], family):  # type: ignore[operator]
        yield f"min {bounds[0]} is above max {bounds[1]}"


def _unit_problems(field: Field, family: Family, to_unit: str, *, is_sum: bool) -> Iterator[str]:
    own = unit_of_field(field.name)
    if family not in ("number", "money"):
        yield f"'unit' is for measures, but {field.name} is {field.pg_type}"
    elif family == "money" and is_sum:
        yield f"a sum of money has no 'unit'; put the factor into the sum of {field.name}"
    elif own is not None and own != to_unit:
        yield f"{field.name} is in {own}, so the unit must end 'to: {own}', not 'to: {to_unit}'"


def _value_problems(field: Field, family: Family, text: str) -> Iterator[str]:
    try:
        parse_scalar(text, family)
    except ValueError as error:
        yield f"{field.name} is {field.pg_type}: {error}"


def layout_problems(layout: Layout, counties: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with a file's map as a whole, the source's and the file's own words taken together."""
    names = {f.name for f in FIELDS[layout.record_type]}
    mapped = layout.columns.keys()
    if "geom_4326" in names and layout.format == "csv":
        yield f"a {layout.record_type} needs a geometry, which csv has not; write format: geojson or topojson"
    if ("latitude" in mapped) != ("longitude" in mapped):
        yield "latitude and longitude come together; one of them is not mapped"
    if "latitude" in mapped and layout.crs is None:
        yield "coordinates are mapped, so 'crs' must say in which system (degrees: EPSG:4326)"
    if "county_fips" in names and "county_fips" not in mapped and len(counties) != 1:
        yield f"the tenant has {len(counties)} counties, so county_fips must be mapped (a constant will do)"
    if layout.record_type in ("property", "parcel", "owner") and not mapped & {"parcel_number", "account_number"}:
        yield "neither parcel_number nor account_number is mapped, so no record could be told apart"
