"""Finding a property by what people know of it: its id, its parcel number, its address.

Belongs here: the look-up as the app role of one tenant. Does not belong here: what makes two records the same property
(`core/identity.py`) and how an address is read (`core/addresses`).

A tenant that does not exist, a property that does not exist and another tenant's property give one and the same answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.addresses.unit import split_unit, unit_parts
from real_estate_assets.core.identity import normal_part
from real_estate_assets.core.provenance.explanation import Property
from real_estate_assets.stores.warehouse.connection import Warehouse

if TYPE_CHECKING:
    from psycopg import Connection

SHOWN = 12  # candidates that a message lists

_COLUMNS = "p.property_id::text, p.parcel_number, p.unit_number, p.address_usps"
_FROM = f"select {_COLUMNS} from marts.dim_properties p where p.tenant_id = %(tenant)s"  # noqa: S608 - our own words
_BY_ID = f"{_FROM} and p.property_id = %(id)s"
_BY_PARCEL = f"{_FROM} and p.parcel_number = %(parcel)s order by p.unit_number nulls first, p.address_usps, 1"
_BY_ADDRESS = (
    f"select {_COLUMNS} from marts.dim_properties p"  # noqa: S608 - our own words
    " join enrichment.address a on a.tenant_id = %(tenant)s and a.address_raw = p.address_raw"
    " where p.tenant_id = %(tenant)s and a.address_key = %(key)s"
    " order by p.parcel_number, p.unit_number nulls first, 1"
)
# Where the tenant's properties lie, in its own words: a city repeated in an address is then no part of the street.
_PLACE = (
    "select city, state_or_province from marts.dim_properties where tenant_id = %(tenant)s and city is not null"
    " group by 1, 2 order by count(*) desc limit 1"
)


class PropertyLookupError(ValueError):
    """The text names no single property; the message says what to do."""


class NoSuchPropertyError(PropertyLookupError):
    """Nothing of that name can be seen in that tenant, whatever the reason."""

    def __init__(self, tenant_id: str, text: str) -> None:
        super().__init__(
            f"no property {text!r} of {tenant_id!r} can be seen here. A property is named by its id, its parcel number "
            "as the roll writes it (7-19, or '188-45 #2' with a unit) or its address; `reos tenant list` shows tenants."
        )


class AmbiguousPropertyError(PropertyLookupError):
    """Several properties bear the name; `candidates` are all of them."""

    def __init__(self, text: str, candidates: Sequence[Property]) -> None:
        self.candidates = tuple(candidates)
        lines = [_line(one) for one in self.candidates[:SHOWN]]
        if len(self.candidates) > SHOWN:
            lines.append(f"  … and {len(self.candidates) - SHOWN:,} more")
        super().__init__(
            f"{len(self.candidates):,} properties are {text!r}. Ask again with one of these ids, or add the unit, as"
            f" in '{text} #{_a_unit(self.candidates)}':\n" + "\n".join(lines)
        )


def _a_unit(candidates: Sequence[Property]) -> str:
    return next((one.unit_number for one in candidates if one.unit_number), "2")


def _line(one: Property) -> str:
    unit = f" #{one.unit_number}" if one.unit_number else ""
    return f"  {one.property_id}  {one.parcel_number}{unit}  {one.address or 'no address'}"


def find_property(warehouse: Warehouse, tenant_id: str, text: str) -> Property:
    """The one property of the tenant that a text names: an id, a parcel number or an address, with a unit or without.

    Raises NoSuchPropertyError and AmbiguousPropertyError.
    """
    with warehouse.as_app(tenant_id) as connection:
        found = _found(connection, tenant_id, text.strip())
    if not found:
        raise NoSuchPropertyError(tenant_id, text)
    if len(found) > 1:
        raise AmbiguousPropertyError(text, found)
    return found[0]


def _found(connection: Connection[tuple[Any, ...]], tenant_id: str, text: str) -> list[Property]:
    known = connection.execute("select to_regclass('marts.dim_properties') is not null").fetchall()[0][0]
    if not known:  # nobody has published anything yet
        return []
    if (property_id := _as_id(text)) is not None:
        return _rows(connection, _BY_ID, tenant=tenant_id, id=property_id)
    named = split_unit(normal_part(text))
    whole = _rows(connection, _BY_PARCEL, tenant=tenant_id, parcel=normal_part(text))
    if whole or not text:
        return whole
    parcels = _rows(connection, _BY_PARCEL, tenant=tenant_id, parcel=named.rest)
    if parcels:
        return _of_unit(parcels, named.number)
    return _by_address(connection, tenant_id, text)


def _by_address(connection: Connection[tuple[Any, ...]], tenant_id: str, text: str) -> list[Property]:
    from real_estate_assets.core.addresses import standardize

    place = connection.execute(_PLACE, {"tenant": tenant_id}).fetchone() or (None, None)
    for city, state in ((None, None), place):
        try:
            standard = standardize([text], city=city, state=state)[0]
        except ValueError:  # a state that the parser does not know
            continue
        if standard.address_key is None:
            continue
        if found := _rows(connection, _BY_ADDRESS, tenant=tenant_id, key=standard.address_key):
            return _of_unit(found, standard.unit_number)
    return []


def _of_unit(candidates: list[Property], unit: str | None) -> list[Property]:
    """Those with the unit that was named; all of them where none was."""
    if unit is None:
        return candidates
    return [one for one in candidates if unit_parts(one.unit_number)[1] == unit]


def _as_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _rows(connection: Connection[tuple[Any, ...]], statement: str, **values: Any) -> list[Property]:
    return [Property(*row) for row in connection.execute(statement, values).fetchall()]
