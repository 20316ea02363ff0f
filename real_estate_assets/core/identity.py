"""What makes two records the same property: the property id and its assignment over the records of one source file.

Belongs here: the normal form of the identifying parts, the id itself, and the rule that decides which records of a
file are one property, which are told apart by their address, and which cannot be told apart at all.
Does not belong here: parsing an address (`core/addresses`), reading files, writing quarantine rows (`stores`, `defs`).

The id must be the same for every tenant, every cell and every year, so `NAMESPACE` and the spelling of the name
(`identity_name`) may never change once data exists. A SQL twin is
``uuid_generate_v5(NAMESPACE, county || '|' || parcel || '|' || unit [|| '|' || address])`` over parts in normal form,
with ``replace(part, '|', '%7C')``.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Literal, NamedTuple

NAMESPACE = uuid.UUID("6f3c1e52-0b7d-4c0a-9a54-2f8f0f6f4d11")

RejectionRule = Literal["identity_collision", "no_parcel_number"]

_NAMESPACE_HASH = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
_SEPARATOR, _ESCAPED_SEPARATOR = "|", "%7C"
_NO_BUILDING_NUMBER = 1 << 31


class PropertyKey(NamedTuple):
    """The three identifying parts of a property in normal form; `unit_number` is '' for a property without units."""

    county_fips: str
    parcel_number: str
    unit_number: str


class Rejection(NamedTuple):
    """One record that got no identity, in the columns of the quarantine. `message` never quotes an owner or address."""

    record_no: int
    rule: RejectionRule
    column_name: str
    value: str | None
    message: str


class _Reason(NamedTuple):
    rule: RejectionRule
    column_name: Literal["parcel_number", "account_number"]
    message: str


_NO_PARCEL = _Reason("no_parcel_number", "parcel_number", "the record has no parcel number to identify it by")
_PLACEHOLDER = _Reason(
    "no_parcel_number",
    "parcel_number",
    "the source writes this word where it has no parcel number (placeholder_parcel_numbers of the tenant file)",
)
_SEVERAL_PARCELS = _Reason(
    "identity_collision", "account_number", "the records of this account name different parcels; it belongs to one"
)
_SAME_ADDRESS = _Reason(
    "identity_collision",
    "parcel_number",
    "another record of this file has the same parcel, unit and address; an account or unit number would separate them",
)
_NO_ADDRESS = _Reason(
    "identity_collision",
    "parcel_number",
    "another record of this file has the same parcel and unit, and this one has no address to tell it apart",
)


@dataclass(frozen=True, slots=True)
class Identities:
    """The outcome for the records of one file; every list is aligned with the input.

    A record has either a property id or an entry in `rejections`, never both and never neither.
    `is_primary` marks, for every property, the one record that describes it where one must be chosen: the lowest
    building number, then the lowest record number. `uses_address` marks ids with the address as fourth part.
    """

    property_ids: list[uuid.UUID | None]
    keys: list[PropertyKey]
    is_primary: list[bool]
    uses_address: list[bool]
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def property_count(self) -> int:
        """Number of distinct properties among the accepted records."""
        return sum(self.is_primary)


@dataclass(frozen=True, slots=True)
class FileRecords:
    """The identifying columns of one source file, one element per record, all of equal length.

    `county_fips` is five digits and never null; the other text columns are as the source writes them, null where
    blank; `address_key` is the comparison key of `core.addresses`. Raises ValueError where lengths differ.
    """

    record_no: Sequence[int]
    county_fips: Sequence[str]
    parcel_number: Sequence[str | None]
    unit_number: Sequence[str | None]
    account_number: Sequence[str | None]
    building_number: Sequence[int | None]
    address_key: Sequence[str | None]

    def __post_init__(self) -> None:
        lengths = {column.name: len(getattr(self, column.name)) for column in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"identity columns differ in length: {lengths}")


@dataclass(slots=True)
class _Claim:
    """Records that are one thing to the source: one account, or one record of a file without accounts."""

    rows: list[int]
    primary: int
    key: PropertyKey
    account: str


def normal_part(text: str | None) -> str:
    """Upper case, white space squeezed to single spaces and trimmed; '' for null."""
    return " ".join(text.upper().split()) if text else ""


def normal_parcel_number(text: str | None) -> str | None:
    """Normal form of a parcel number, null where the source has none."""
    return normal_part(text) or None


def identity_name(key: PropertyKey, address: str | None = None) -> str:
    """The text that is hashed into the id. A separator inside a part is escaped, so two keys never share a name."""
    parts = key if address is None else (*key, normal_part(address))
    name = _SEPARATOR.join(parts)
    if name.count(_SEPARATOR) == len(parts) - 1:  # nearly always: nothing to escape, and this runs once per record
        return name
    return _SEPARATOR.join(part.replace(_SEPARATOR, _ESCAPED_SEPARATOR) for part in parts)


def property_id(
    county_fips: str, parcel_number: str | None, unit_number: str | None = None, address: str | None = None
) -> uuid.UUID:
    """Id of a property: uuid5 of county, parcel and unit, and of the address where the three do not suffice.

    Parts may be as the source writes them. Raises ValueError for a county that is not five digits or a blank parcel.
    """
    parcel = normal_part(parcel_number)
    if not parcel:
        raise ValueError("a property id needs a parcel number")
    return _uuid5(identity_name(PropertyKey(_checked_county(county_fips), parcel, normal_part(unit_number)), address))


def assign_property_ids(
    records: FileRecords, *, placeholder_parcel_numbers: Collection[str] = (), repeats_are_events: bool = False
) -> Identities:
    """Gives every record of one file its property id, or the reason why it has none.

    - Records of one account are one property: the account's primary record gives parcel, unit and address.
    - Accounts (or records without one) that share county, parcel and unit take the address as fourth part.
    - What still shares all four parts, or has no address to be told apart by, or an account that stands on several
      parcels, is rejected as `identity_collision`; a blank parcel number or one of `placeholder_parcel_numbers`
      (words such as 'ROAD' that stand where a number should) as `no_parcel_number`.
    - `repeats_are_events`: the file lists events (sales), so records without an account that share parcel and unit
      are events of one property, not rivals.

    The decision sees one file only: a parcel that is ambiguous in one vintage and not in the next changes its id.
    """
    placeholders = {normal_part(word) for word in placeholder_parcel_numbers}
    keys = _normal_keys(records, placeholders)
    outcome = Identities(
        property_ids=[None] * len(keys),
        keys=keys,
        is_primary=[False] * len(keys),
        uses_address=[False] * len(keys),
    )
    by_key: dict[PropertyKey, list[_Claim]] = defaultdict(list)
    for claim in _usable_claims(records, outcome, repeats_are_events):
        by_key[claim.key].append(claim)
    while by_key:  # emptied as ids are made: both at once would be a third more memory
        _, rivals = by_key.popitem()
        if len(rivals) == 1:
            _accept(outcome, rivals[0], None)
        else:
            _tell_apart_by_address(records, outcome, rivals)
    outcome.rejections.sort()
    return outcome


def _normal_keys(records: FileRecords, placeholders: set[str]) -> list[PropertyKey]:
    """Keys in normal form; a placeholder parcel number becomes blank."""
    keys = []
    for county, parcel, unit in zip(records.county_fips, records.parcel_number, records.unit_number, strict=True):
        normal = normal_part(parcel)
        keys.append(PropertyKey(_checked_county(county), "" if normal in placeholders else normal, normal_part(unit)))
    return keys


def _usable_claims(records: FileRecords, outcome: Identities, repeats_are_events: bool) -> Iterator[_Claim]:
    """Claims with exactly one parcel; the records of all others are rejected."""
    for account, rows in _rows_by_claimant(records, outcome.keys, repeats_are_events):
        primary = min(rows, key=lambda row: _primary_order(records, outcome.keys, row)) if len(rows) > 1 else rows[0]
        key = outcome.keys[primary]
        if not key.parcel_number:
            reason = _PLACEHOLDER if normal_part(records.parcel_number[primary]) else _NO_PARCEL
            _reject(records, outcome, rows, reason)
        elif account and len({outcome.keys[row].parcel_number for row in rows} - {""}) > 1:
            _reject(records, outcome, rows, _SEVERAL_PARCELS)
        else:
            yield _Claim(rows, primary, key, account)


def _rows_by_claimant(
    records: FileRecords, keys: list[PropertyKey], repeats_are_events: bool
) -> Iterator[tuple[str, list[int]]]:
    """Pairs (account or '', rows): rows that the source itself presents as one thing."""
    grouped: dict[Hashable, list[int]] = {}
    for row, (text, key) in enumerate(zip(records.account_number, keys, strict=True)):
        if account := normal_part(text):
            grouped.setdefault((key.county_fips, account), []).append(row)
        elif repeats_are_events and key.parcel_number:
            grouped.setdefault(key, []).append(row)
        else:
            yield "", [row]
    for rows in grouped.values():
        yield normal_part(records.account_number[rows[0]]), rows


def _primary_order(records: FileRecords, keys: list[PropertyKey], row: int) -> tuple[bool, int, int]:
    building = records.building_number[row]
    return (
        not keys[row].parcel_number,
        _NO_BUILDING_NUMBER if building is None else building,
        records.record_no[row],
    )


def _tell_apart_by_address(records: FileRecords, outcome: Identities, rivals: list[_Claim]) -> None:
    by_address: dict[str, list[_Claim]] = defaultdict(list)
    for claim in rivals:
        by_address[normal_part(records.address_key[claim.primary])].append(claim)
    for address, claims in by_address.items():
        if address and len(claims) == 1:
            _accept(outcome, claims[0], address)
            continue
        for claim in claims:
            _reject(records, outcome, claim.rows, _SAME_ADDRESS if address else _NO_ADDRESS)


def _accept(outcome: Identities, claim: _Claim, address: str | None) -> None:
    identity = _uuid5(identity_name(claim.key, address))
    outcome.is_primary[claim.primary] = True
    for row in claim.rows:
        outcome.property_ids[row] = identity
        outcome.keys[row] = claim.key
        outcome.uses_address[row] = address is not None


def _reject(records: FileRecords, outcome: Identities, rows: list[int], reason: _Reason) -> None:
    values: Sequence[str | None] = getattr(records, reason.column_name)
    for row in rows:
        outcome.rejections.append(
            Rejection(records.record_no[row], reason.rule, reason.column_name, values[row], reason.message)
        )


@lru_cache(maxsize=4096)
def _checked_county(county_fips: str) -> str:
    county = normal_part(county_fips)
    if not (len(county) == 5 and county.isascii() and county.isdigit()):
        raise ValueError(f"county FIPS code must be five digits, got {county_fips!r}")
    return county


def _uuid5(name: str) -> uuid.UUID:
    """`uuid.uuid5(NAMESPACE, name)` with the hash of the namespace computed once (a third of the time)."""
    digest = _NAMESPACE_HASH.copy()
    digest.update(name.encode())
    return uuid.UUID(bytes=digest.digest()[:16], version=5)
