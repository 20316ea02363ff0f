"""Every demo file, read and gated: all of it accounted for, and the suites know the files' quirks from their faults."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from real_estate_assets.core.tenants import Source, SourceFileEntry, parse_tenant_file, source_entry
from real_estate_assets.stores import gates
from real_estate_assets.stores.source_reader import open_records
from real_estate_assets.stores.warehouse import Warehouse, evidence, quarantine, records
from real_estate_assets.stores.warehouse.evidence import NewSourceFile

DEMO = Path(__file__).parents[2] / "demo"
# What the files hold, counted with other tools: rows, and rules that reject records with how many.
KNOWN: dict[str, tuple[int, dict[str, int]]] = {
    "tax_fy13.csv.gz": (27_424, {"record_has_a_key": 5}),
    "tax_fy14.csv.gz": (27_528, {"record_has_a_key": 1}),
    "property_database_fy2025.csv.gz": (1_000, {}),
    "kc_house_data.csv.gz": (21_613, {}),
    # Six polygons of streets and one without a number; one empty shape of 2014 is refused while reading.
    "parcels_fy2013.topojson.gz": (13_159, {"record_has_a_key": 7}),
    "parcels_fy2014.topojson.gz": (13_116, {"record_has_a_key": 7}),
    "company_owners_fy2025.csv.gz": (137, {}),
}


def demo_files() -> list[Any]:
    """(tenant, counties, source, entry) of every file of every demo tenant, oldest vintage first within a source."""
    found = []
    for path in sorted((DEMO / "tenants").glob("*.yaml")):
        tenant = parse_tenant_file(path.read_text(encoding="utf-8"), name=path.name)
        found += [
            pytest.param(tenant.tenant, list(tenant.county_fips), source, entry, id=f"{tenant.tenant}-{entry.uri}")
            for source in tenant.sources
            for entry in source.files
        ]
    return found


@pytest.mark.parametrize(("tenant", "counties", "source", "entry"), demo_files())
def test_every_row_of_a_demo_file_is_accepted_or_quarantined(
    warehouse_db: Any, tenant: str, counties: list[str], source: Source, entry: SourceFileEntry
) -> None:
    warehouse = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    path = DEMO / "data" / entry.uri
    with warehouse.as_owner() as connection:
        connection.execute("insert into tenancy.tenant values (%s, %s, '', '', 'file:///')", (tenant, tenant))
    new = NewSourceFile(
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(), source_name=source.name, source_kind=source.kind,
        uri=entry.uri, object_key="k", vintage=entry.vintage, byte_count=path.stat().st_size,
        record_type=source.record_type, source_format=source.format, licence=source.licence,
        locator_kind="csv_row" if source.format == "csv" else "feature_index",
        source_entry=source_entry(source, entry), source_entry_sha256="0" * 64,
    )  # fmt: skip
    file_no, _ = evidence.register_file(warehouse, tenant, new)
    batches = open_records(path, source, entry, county_fips=counties, counties=None)
    loaded = records.load_file(
        warehouse, tenant, file_no=file_no, record_type=source.record_type, batches=batches, evidence_no=1, run_id="r"
    )
    evidence.mark_read(warehouse, tenant, file_no, record_count=loaded.rows_in, evidence_no=1, read_by="test")
    verdict = gates.run_gate(warehouse, tenant, file_no, source.record_type, run_id="r")

    rows, rejecting = KNOWN[entry.uri]
    assert verdict.account == quarantine.account(warehouse, tenant, file_no)
    assert verdict.account == (
        rows,
        rows - sum(rejecting.values()) - loaded.rejected,
        sum(rejecting.values()) + loaded.rejected,
    )
    assert {o.rule.name: o.rows_failed for o in verdict.quarantining} == rejecting
    assert verdict.passed, [o.message for o in verdict.blocking]
