"""Which records are the same property, and its id: the rule of docs/provenance.md, written a second time.

Belongs here: normal forms, the uuid5, the assignment over the records of one file. Does not belong here: reading the
records, choosing the file that describes a property (`properties`).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from auditor.addresses import standardize

NAMESPACE = uuid.UUID("6f3c1e52-0b7d-4c0a-9a54-2f8f0f6f4d11")
LAST_BUILDING = 1 << 62


def normal(text: str | None) -> str:
    """Upper case, single spaces, no outer blanks; '' for null."""
    return " ".join((text or "").upper().split())


def property_id(county: str, parcel: str, unit: str, address: str | None = None) -> uuid.UUID:
    """The id of a property from its parts in normal form."""
    parts = [county, parcel, unit] + ([address] if address is not None else [])
    return uuid.uuid5(NAMESPACE, "|".join(part.replace("|", "%7C") for part in parts))


@dataclass(frozen=True, slots=True)
class Keys:
    """The identifying cells of one record as read. `record_no` is its place in the file."""

    record_no: int
    county: str
    parcel: str | None
    unit: str | None
    account: str | None
    building: int | None
    address: str | None


@dataclass(slots=True)
class Identified:
    """One property as one file speaks of it: its records, the describing one first."""

    property_id: uuid.UUID
    county: str
    parcel: str
    unit: str
    basis: str
    records: list[int] = field(default_factory=list)


def identify(keys: Iterable[Keys], *, lists_events: bool) -> list[Identified]:
    """The properties of one file. Records that cannot be told apart, or have no parcel, are in none of them."""
    rivals: dict[tuple[str, str, str], list[list[Keys]]] = defaultdict(list)
    for claim in _claims(keys, lists_events):
        claim.sort(key=lambda k: (LAST_BUILDING if k.building is None else k.building, k.record_no))
        first = claim[0]
        rivals[first.county, normal(first.parcel), normal(first.unit)].append(claim)
    found: list[Identified] = []
    for place, claims in rivals.items():
        found.extend([_identified(place, claims[0], None)] if len(claims) == 1 else _by_address(place, claims))
    return found


def _claims(keys: Iterable[Keys], lists_events: bool) -> list[list[Keys]]:
    """Records that the source itself presents as one thing, each with exactly one parcel."""
    groups: dict[object, list[Keys]] = defaultdict(list)
    for k in keys:
        account = normal(k.account)
        if account:
            groups["account", k.county, account].append(k)
        elif lists_events:
            groups["events", k.county, normal(k.parcel), normal(k.unit)].append(k)
        else:
            groups["record", k.record_no].append(k)
    return [c for c in groups.values() if len({(k.county, normal(k.parcel)) for k in c}) == 1 and normal(c[0].parcel)]


def _by_address(place: tuple[str, str, str], claims: list[list[Keys]]) -> list[Identified]:
    at_address: dict[str | None, list[list[Keys]]] = defaultdict(list)
    for claim in claims:
        at_address[standardize(claim[0].address).key].append(claim)
    return [
        _identified(place, same[0], address)
        for address, same in at_address.items()
        if address is not None and len(same) == 1
    ]


def _identified(place: tuple[str, str, str], claim: list[Keys], address: str | None) -> Identified:
    county, parcel, unit = place
    basis = "parcel_unit_address" if address is not None else "account" if normal(claim[0].account) else "parcel_unit"
    identifier = property_id(county, parcel, unit, None if address is None else normal(address))
    return Identified(identifier, county, parcel, unit, basis, [k.record_no for k in claim])
