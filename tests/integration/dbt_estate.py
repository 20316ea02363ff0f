"""Small but realistic records of a tenant, put where the stages before dbt put them, and a way to run dbt.

Belongs here: rows of `prov`, `raw`, `enrichment` and `quarantine` as the product's stages write them. Does not belong
here: anything about marts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from real_estate_assets.core.identity import property_id
from real_estate_assets.settings import Settings
from real_estate_assets.stores import dbt_process
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import add_tenant

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
COUNTY = "25017"
HPI_SHA = "a" * 64
Connection = psycopg.Connection[tuple[Any, ...]]
Row = dict[str, Any]

ROLL_2013 = [
    {"parcel_number": "7-18", "address_raw": "219 Main St", "lot_size_sqft": 11182, "assessed_total_value_usd": 812500,
     "year_built": None, "sale_date": "1979-11-21", "fiscal_year": 2013, "null_reasons": {"year_built": "null_marker"}},
    {"parcel_number": "7-19", "address_raw": "221 Main St", "lot_size_sqft": 9000, "assessed_total_value_usd": 500000,
     "year_built": 1910, "sale_date": "1979-09-14", "fiscal_year": 2013},
    {"parcel_number": "7-20", "address_raw": "223 Main St", "lot_size_sqft": 5000, "assessed_total_value_usd": 100000,
     "year_built": 1900, "fiscal_year": 2013},
]  # fmt: skip
ROLL_2014 = [
    {"parcel_number": "7-18", "address_raw": "219 MAIN ST", "lot_size_sqft": 11182.0001,
     "assessed_total_value_usd": 830000, "year_built": 1911, "sale_date": "1979-11-21", "fiscal_year": 2014},
    {"parcel_number": "7-19", "address_raw": "221 Main St", "lot_size_sqft": 9000, "assessed_total_value_usd": 600000,
     "year_built": 1910, "sale_date": "2005-07-05", "fiscal_year": 2014},
]  # fmt: skip
DATABASE = [
    *({"parcel_number": "26-180", "account_number": "1472", "building_number": building, "address_raw": "308 Hurley St",
       "assessed_total_value_usd": 1650000, "living_area_sqft": area, "sale_price_usd": 2200000,
       "sale_date": "2016-05-13", "deed_reference": "67251/581", "fiscal_year": 2025}
      for building, area in ((1, 2516), (2, 840), (3, 800))),
    {"parcel_number": "7-18", "account_number": "1", "building_number": 1, "address_raw": "219 Main St",
     "assessed_total_value_usd": 900000, "living_area_sqft": 1000, "sale_price_usd": 10, "sale_date": "2008-03-13",
     "deed_reference": "50879/512", "fiscal_year": 2025},
]  # fmt: skip
OWNERS = [
    {"account_number": "1472", "parcel_number": "26-180", "owner_name_raw": "HURLEY HOMES, LLC", "fiscal_year": 2025},
    {"account_number": "1", "parcel_number": "7-18", "owner_name_raw": "Hurley Homes L.L.C.", "fiscal_year": 2025},
    {"account_number": "999", "parcel_number": "9-9", "owner_name_raw": "CITY OF CAMBRIDGE", "fiscal_year": 2025},
]  # fmt: skip
SQUARE = "SRID=4326;POLYGON((-71.1 42.37,-71.099 42.37,-71.099 42.371,-71.1 42.371,-71.1 42.37))"
POINT = "SRID=4326;POINT(-71.0995 42.3705)"


@dataclass
class Estate:
    """One database with tenants, and dbt run against it with artefacts in a folder of its own."""

    settings: Settings
    warehouse: Warehouse
    target: Path
    project: Path = PROJECT

    def __post_init__(self) -> None:
        """Begin with the saved parse of this process' cluster, so that dbt parses again only what a test changes."""
        dbt_process.ensure_manifest(self.settings)
        shutil.copy(dbt_process.parsed_project(self.settings) / "partial_parse.msgpack", self.target)

    def dbt(self, *arguments: str, tenants: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run dbt to its end."""
        environment = self.environment(tenants)
        return subprocess.run(
            self.command(*arguments), env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    def command(self, *arguments: str) -> list[str]:
        project = str(self.project)
        folders = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(self.target)]
        dbt = str(Path(sys.executable).with_name("dbt"))
        return [dbt, "--no-use-colors", "--log-path", str(self.target), *arguments, *folders]

    def environment(self, tenants: Sequence[str] = ()) -> dict[str, str]:
        named = dbt_process.tenant_environment(tenants) if tenants else {}
        return dbt_process.process_environment({**dbt_process.environment(self.settings), **named})

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the owner reads."""
        with self.warehouse.as_owner() as connection:
            return connection.execute(statement, parameters).fetchall()

    def execute(self, statement: str, *parameters: Any) -> None:
        with self.warehouse.as_owner() as connection:
            connection.execute(statement, parameters)

    def failures(self, tenant: str) -> set[tuple[str, str]]:
        """(short node name, stage) of the latest invocation's failures of one tenant."""
        found = self.rows(
            "select node_id, stage from tenancy.outcome where tenant_id = %s and not is_ok and severity = 'error'"
            " and invocation_id = (select invocation_id from tenancy.outcome where node_id = 'publish'"
            " order by at desc limit 1)",
            tenant,
        )
        return {(node.split(".")[2] if node.count(".") > 1 else node, stage) for node, stage in found}

    def seen_by(self, tenant: str, mart: str) -> list[tuple[Any, ...]]:
        """Every row of a mart that the app sees as a tenant, without a filter of its own: row-level security alone."""
        with self.warehouse.as_app(tenant) as connection:
            return connection.execute(f"select * from marts.{mart}").fetchall()  # type: ignore[no-any-return]


def seed_public(estate: Estate) -> None:
    """The public rows that marts read: the reviewed source kinds and a house price index of two counties."""
    for kind, reliability in (("assessor_roll", 0.9), ("property_database", 0.9), ("company_owners", 0.85)):
        estate.execute(
            "insert into prov.source_registry values (%s, 1, %s, 'r', 'l', 'yearly', 'a', '2026-01-01')",
            kind,
            reliability,
        )
    estate.execute(
        "insert into prov.public_file (sha256, layer, source_kind, uri, object_key, byte_count, licence, locator_kind)"
        " values (%s, 'hpi', 'k', 'u', 'k', 1, 'l', 'csv_row')",
        HPI_SHA,
    )
    estate.execute(
        "insert into reference.house_price_index values (%s, 2013, 100, 1.5, %s, 3), ('01001', 2013, 90, 1, %s, 4)",
        COUNTY, HPI_SHA, HPI_SHA,
    )  # fmt: skip


def seed_tenant(estate: Estate, tenant: str) -> None:
    """A tenant with two vintages of a roll, a property database, company owners, two parcels and their hazards."""
    add_tenant(estate.warehouse, tenant, tenant_name=tenant, description="x", base_uri="file:///")
    land(estate, tenant, 1, "roll", "assessor_roll", "property", "2012-01-01", ROLL_2013)
    land(estate, tenant, 2, "roll", "assessor_roll", "property", "2013-01-01", ROLL_2014)
    land(estate, tenant, 3, "database", "property_database", "property", "2024-01-01", DATABASE)
    land(estate, tenant, 4, "owners", "company_owners", "owner", "2024-01-01", OWNERS)
    # A record that was refused while reading: it stands in the quarantine alone, and counts.
    estate.execute("update prov.source_file set record_count = 4 where tenant_id = %s and file_no = 1", tenant)
    estate.execute(
        "insert into quarantine.record (tenant_id, file_no, record_no, record_type, stage, rule, message, run_id)"
        " values (%s, 1, 3, 'property', 'read', 'wrong_cell_count', 'm', 'r')",
        tenant,
    )
    identify(estate, tenant)
    places = [
        (COUNTY, n, "parcel_polygon", SQUARE, POINT, 9000.0, 1, False, 90, i) for i, n in enumerate(("7-18", "7-19"))
    ]
    enrich(estate, tenant, "location", places)
    exposures: list[tuple[Any, ...]] = []
    for county, parcel, *_ in places:
        at, zone = (county, parcel), ("AE", "AE", "FLOODWAY")
        exposures += [
            (*at, "flood", "nfhl", "parcel", "polygon_overlap", *zone, 1, 0.5, False, None, None, None, 91, 7),
            (*at, "wildfire", "nri", "county", "county_lookup", *[None] * 3, 1, None, None, 12.5, None, None, 92, 3),
            (*at, "heat", None, None, "no_evidence", *[None] * 3, 0, *[None] * 4, "no_evidence", 0, None),
        ]  # fmt: skip
    enrich(estate, tenant, "hazard_exposure", exposures)
    addresses = sorted({str(row["address_raw"]) for row in (*ROLL_2013, *ROLL_2014, *DATABASE)})
    parsed = [(a, *[None] * 7, a.upper(), a.upper(), "standardized", None, "doorplate", "1") for a in addresses]
    enrich(estate, tenant, "address", parsed)


def land(
    estate: Estate,
    tenant: str,
    file_no: int,
    source: str,
    kind: str,
    record_type: str,
    vintage: str,
    rows: Sequence[Row],
) -> None:
    """One file with its records, landed and read."""
    columns = sorted({name for row in rows for name in row} - {"null_reasons"} | {"county_fips"})
    entry = {"columns": {name: name for name in columns}, "files": [{"uri": "u"}]}
    invocation = uuid.uuid4().hex
    records = [{"county_fips": COUNTY, "null_reasons": {}, **row} for row in rows]
    with estate.warehouse.as_owner() as connection, connection.transaction():
        connection.execute(
            "insert into prov.source_file (tenant_id, file_no, sha256, source_name, source_kind, uri, object_key,"
            " vintage, byte_count, record_type, source_format, licence, locator_kind, source_entry,"
            " source_entry_sha256, record_count, read_status, gate_passed)"
            " values (%s, %s, %s, %s, %s, 'u', 'k', %s, 1, %s, 'csv', 'x',"
            " 'csv_row', %s, 'x', %s, 'read', true) on conflict (tenant_id, file_no) do update"
            " set record_count = excluded.record_count",
            (tenant, file_no, f"{file_no:064x}", source, kind, vintage, record_type, json.dumps(entry), len(rows)),
        )
        heap = connection.execute(
            "select tenancy.stage_empty('raw', %s, %s, %s)", (record_type, tenant, invocation)
        ).fetchall()[0][0]
        names = ", ".join([*columns, "null_reasons"])
        connection.execute(
            f'insert into raw__leaf."{heap}" (tenant_id, file_no, record_no, evidence_no, {names})'
            f" select %s, %s, no - 1, 10 + %s, {names} from rows from (jsonb_to_recordset(%s)"
            f" as ({_typed(connection, record_type, [*columns, 'null_reasons'])})) with ordinality as r ({names}, no)",
            (tenant, file_no, file_no, json.dumps(records)),
        )
        connection.execute(
            "select tenancy.attach_file('raw', %s, %s, %s::integer, %s)", (record_type, tenant, file_no, invocation)
        )


def identify(estate: Estate, tenant: str) -> None:
    """The identity of every property record; the first record of a file and parcel is the main one."""
    found = estate.rows(
        "select file_no, record_no, parcel_number from raw.property where tenant_id = %s order by 1, 2", tenant
    )
    seen: set[tuple[int, str]] = set()
    rows = []
    for file_no, record_no, parcel in found:
        is_primary = (file_no, parcel) not in seen
        identity = property_id(COUNTY, parcel)
        rows.append((file_no, record_no, identity, COUNTY, parcel, None, "parcel_unit", is_primary))
        seen.add((file_no, parcel))
    enrich(estate, tenant, "identity", rows)


def enrich(estate: Estate, tenant: str, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Replace one of the tenant's enrichment tables; rows in the order of its columns, without tenant_id."""
    invocation = uuid.uuid4().hex
    with estate.warehouse.as_owner() as connection, connection.transaction():
        heap = connection.execute(
            "select tenancy.stage_empty('enrichment', %s, %s, %s)", (table, tenant, invocation)
        ).fetchall()[0][0]
        with connection.cursor().copy(f'copy enrichment__leaf."{heap}" from stdin') as copy:
            for row in rows:
                copy.write_row((tenant, *row))
        connection.execute("select tenancy.publish(%s, %s)", (tenant, invocation))


def _typed(connection: Connection, record_type: str, columns: Sequence[str]) -> str:
    types = dict(
        connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass",
            (f"raw.{record_type}",),
        ).fetchall()
    )
    return ", ".join(f"{name} {types[name]}" for name in columns)
