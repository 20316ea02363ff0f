"""The dbt estate with everything that trust asks for: evidence rows, registers, measurements, published marts.

Belongs here: what stages before and beside dbt write into `prov`. Does not belong here: any assertion.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import psycopg

from real_estate_assets.core.provenance.field_map import mapped_fields
from real_estate_assets.defs.reference.trust_registers import trust_registers
from real_estate_assets.stores.warehouse import registry

from .dbt_estate import HPI_SHA, Estate, seed_public, seed_tenant

Connection = psycopg.Connection[tuple[Any, ...]]
FLOOD_SHA = "f" * 64
COUNTY_SHA = "c" * 64
METHODS = ("no_record", "read_and_cast", "dissolve_by_parcel", "hazard_polygon_overlap", "hazard_county_lookup")
# number, file, sha256 of a public file, method, field group, checks passed of how many
EVIDENCE: Sequence[tuple[int, int | None, str | None, str, str, int, int]] = (
    (0, None, None, "no_record", "none", 0, 0),
    (11, 1, None, "read_and_cast", "assessor", 39, 40),
    (12, 2, None, "read_and_cast", "assessor", 40, 40),
    (13, 3, None, "read_and_cast", "assessor", 40, 40),
    (14, 4, None, "read_and_cast", "owner", 15, 15),
    (89, 2, None, "read_and_cast", "parcel_geometry", 15, 17),
    (90, None, None, "dissolve_by_parcel", "parcel_geometry", 0, 0),
    (91, None, FLOOD_SHA, "hazard_polygon_overlap", "hazard", 0, 0),
    (92, None, COUNTY_SHA, "hazard_county_lookup", "hazard", 0, 0),
)
INPUTS = ((90, 89),)


def publish(estate: Estate, tenants: Sequence[str]) -> None:
    """Tenants with evidence and registers, their marts published by dbt. Raises AssertionError with its words."""
    seed_public(estate)
    for sha256, kind in ((FLOOD_SHA, "fema_nfhl"), (COUNTY_SHA, "fema_nri")):
        estate.execute(
            "insert into prov.public_file (sha256, layer, source_kind, uri, object_key, vintage, byte_count, licence,"
            " locator_kind) values (%s, %s, %s, 'u', 'k', '2025-06-01', 1, 'x', 'feature_index')",
            sha256, kind, kind,
        )  # fmt: skip
    for tenant in tenants:
        seed_tenant(estate, tenant)
        support(estate, tenant)
        # A record that fails a check of single records.
        estate.execute(
            "update raw.property set year_built = 1492 where tenant_id = %s and parcel_number = '7-20'", tenant
        )
    untested = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    done = estate.dbt("build", *untested, tenants=tenants)
    assert done.returncode == 0, done.stdout[-3000:]
    register(estate)


def support(estate: Estate, tenant: str) -> None:
    """The evidence that the estate's records, places and exposures name."""
    with estate.warehouse.as_owner() as owner, owner.transaction():
        for method in METHODS:
            owner.execute("insert into prov.method values (%s, '1', 'x', null, 'x') on conflict do nothing", (method,))
        for number, file_no, sha256, method, group, passed, total in EVIDENCE:
            owner.execute(
                "insert into prov.evidence (tenant_id, evidence_no, file_no, public_sha256, method, code_version,"
                " run_id, field_group, checks_passed, checks_total)"
                " values (%s, %s, %s, %s, %s, '1', 'run', %s, %s, %s)",
                (tenant, number, file_no, sha256, method, group, passed, total),
            )
        for number, of in INPUTS:
            owner.execute("insert into prov.evidence_input values (%s, %s, %s)", (tenant, number, of))


def register(estate: Estate) -> None:
    """The reviewed model, priors and checks of this version, and the field map of the models that were built."""
    registers = trust_registers()
    versions = {name: rows for name, rows in registers.versions.items() if name != "source_registry"}
    registry.append_reviewed(estate.warehouse, versions)
    registry.replace_row_checks(estate.warehouse, registers.checks)
    manifest = json.loads((estate.target / "manifest.json").read_text(encoding="utf-8"))
    registry.replace_field_map(estate.warehouse, mapped_fields(manifest))


def measure(estate: Estate, tenant: str, version: int, survival: float, n: int = 900) -> None:
    """One version of measurements: survival of year_built and the total, reliability of the lot, bands, a check."""
    rows = [
        ("stability", "assessor_roll", "year_built", "all", n, survival),
        ("stability", "property_database", "assessed_total_value_usd", "all", n, survival),
        ("stability", "property_database", "assessed_total_value_usd", "no use", 12, survival),
        ("independent", "assessor_roll", "lot_size_sqft", "all", n, 0.77),
        ("method", "fema_nfhl", "hazard_polygon_overlap", "all", n, 0.97),
        ("confidence", "fema_nfhl", "hazard_polygon_overlap", "0.5-1", n, 1.0),
    ]
    with estate.warehouse.as_owner() as owner, owner.transaction():
        owner.execute(
            "insert into prov.calibration (tenant_id, version, run_id, code_version, inputs)"
            " values (%s, %s, 'r', 'c', '[]')",
            (tenant, version),
        )
        for kind, source_kind, field, segment, count, estimate in rows:
            owner.execute(
                "insert into prov.agreement values (%s, %s, %s, %s, %s, %s, %s, 1, 1, %s, null, 'the next vintage')",
                (tenant, version, kind, source_kind, field, segment, count, estimate),
            )


def clock(estate: Estate) -> dt.datetime:
    """The database's own time, by which versions, recalls and publications are dated."""
    found: dt.datetime = estate.rows("select clock_timestamp()")[0][0]
    return found


__all__ = ["HPI_SHA", "Estate", "clock", "measure", "publish", "register", "support"]
