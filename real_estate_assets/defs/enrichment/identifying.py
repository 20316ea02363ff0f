"""Addresses and identities of one tenant: the standard form beside the raw text, and which property each record names.

Belongs here: reading records, calling the core, shaping rows for the store. Does not belong here: the rules themselves
(`core/addresses`, `core/identity.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from real_estate_assets.core.addresses import PARSER, StandardAddress, parser_version, standardize
from real_estate_assets.core.identity import FileRecords, Identities, assign_property_ids
from real_estate_assets.stores.warehouse import enrichment, evidence

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.enrichment import IdentityInput

EVENT_KINDS = frozenset({"sales_file"})  # sources whose repeated parcels are events of one property, not rivals


@dataclass(frozen=True)
class Identified:
    """Rows for the store and the counts a person wants to see."""

    addresses: dict[str, StandardAddress]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    rejections: list[tuple[int, int, str, str, str | None, str]] = field(default_factory=list)
    properties: int = 0

    def address_rows(self) -> Iterator[tuple[Any, ...]]:
        """In the order of enrichment.ADDRESS_COLUMNS."""
        version = parser_version()
        for raw, a in self.addresses.items():
            yield (
                raw, a.house_number, a.street_predirectional, a.street_name, a.street_suffix, a.street_postdirectional,
                a.unit_type, a.unit_number, a.usps_line, a.address_key, a.status, a.reason, PARSER, version,
            )  # fmt: skip

    def address_counts(self) -> dict[str, int]:
        """Number of distinct addresses by status."""
        counts = {"standardized": 0, "partial": 0, "unparsed": 0}
        for address in self.addresses.values():
            counts[address.status] += 1
        return counts


def identify(warehouse: Warehouse, tenant_id: str) -> Identified:
    """Standardize every distinct address of the tenant and give every accepted property record its property."""
    texts = enrichment.distinct_addresses(warehouse, tenant_id)
    found = Identified(dict(zip(texts, standardize(texts), strict=True)))
    properties: set[UUID] = set()
    for file in evidence.files(warehouse, tenant_id):
        if file.record_type != "property" or file.read_status != "read":
            continue
        inputs = enrichment.identity_inputs(warehouse, tenant_id, file.file_no)
        outcome = assign_property_ids(
            _file_records(inputs, found.addresses), repeats_are_events=file.source_kind in EVENT_KINDS
        )
        found.rows.extend(_identity_rows(file.file_no, inputs, outcome))
        found.rejections.extend((file.file_no, *rejection) for rejection in outcome.rejections)
        properties.update(one for one in outcome.property_ids if one is not None)
    return Identified(found.addresses, found.rows, found.rejections, len(properties))


def _file_records(inputs: list[IdentityInput], addresses: dict[str, StandardAddress]) -> FileRecords:
    def key(raw: str | None) -> str | None:
        return addresses[raw].address_key if raw is not None else None

    return FileRecords(
        record_no=[r.record_no for r in inputs],
        county_fips=[r.county_fips or "" for r in inputs],
        parcel_number=[r.parcel_number for r in inputs],
        unit_number=[r.unit_number for r in inputs],
        account_number=[r.account_number for r in inputs],
        building_number=[r.building_number for r in inputs],
        address_key=[key(r.address_raw) for r in inputs],
    )


def _identity_rows(file_no: int, inputs: list[IdentityInput], outcome: Identities) -> Iterator[tuple[Any, ...]]:
    """In the order of enrichment.IDENTITY_COLUMNS."""
    for position, record in enumerate(inputs):
        property_id = outcome.property_ids[position]
        if property_id is None:
            continue
        key = outcome.keys[position]
        basis = "account" if record.account_number else "parcel_unit"
        if outcome.uses_address[position]:
            basis = "parcel_unit_address"
        yield (
            file_no, record.record_no, property_id, key.county_fips, key.parcel_number, key.unit_number or None, basis,
            outcome.is_primary[position],
        )  # fmt: skip
