"""Small tenants made by SQL: two vintages of a roll, a parcel layer, company owners, and what enrichment adds to them.

Belongs here: rows that every model of the dbt project has something to do with, in the shape that the stages write.
Does not belong here: files and their reading; what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import add_tenant

PROPERTIES = 500  # of one tenant, each in both vintages
ROLLS = ((1, "2012-01-01", 2013), (2, "2013-01-01", 2014))  # file_no, vintage, fiscal year
PARCEL_FILE, OWNER_FILE = 3, 4

_FILE = """
insert into prov.source_file (tenant_id, file_no, sha256, source_name, source_kind, uri, object_key, vintage,
  byte_count, record_type, source_format, licence, locator_kind, source_entry, source_entry_sha256, record_count,
  read_status, gate_passed, evidence_no)
values (%(tenant)s, %(file_no)s, encode(sha256((%(tenant)s || %(file_no)s)::bytea), 'hex'), %(source)s, %(kind)s,
  'made', 'made', %(vintage)s, 1, %(type)s, 'csv', 'CC0-1.0', 'csv_row',
  '{"columns": {"parcel_number": "p", "sale_price_usd": "s", "sale_date": "d", "assessed_total_value_usd": "v"}}',
  'made', %(rows)s, 'read', true, %(file_no)s);
"""
_EVIDENCE = """
insert into prov.evidence (tenant_id, evidence_no, file_no, method, code_version, run_id, field_group)
values (%(tenant)s, %(evidence_no)s, %(file_no)s, 'made', '1', 'made', 'assessor')
"""
# {heap} is the staged table; n counts properties. The rolls differ in every tenth value; every seventh is sold.
_PROPERTY = """
insert into raw__leaf."{heap}" (tenant_id, file_no, record_no, evidence_no, county_fips, parcel_number, address_raw,
  city, state_or_province, postal_code, fiscal_year, use_code, lot_size_sqft, assessed_land_value_usd,
  assessed_improvement_value_usd, assessed_total_value_usd, living_area_sqft, year_built, stories, bedrooms_total,
  sale_price_usd, sale_date, deed_reference)
select %(tenant)s, %(file_no)s, n, %(file_no)s, '25017', 'P-' || n, n || ' MAIN ST', 'CAMBRIDGE', 'MA', '02139',
  %(year)s, '101', 3000 + n, 200000, 300000 + case when n %% 10 = 0 then %(file_no)s * 1000 else 0 end,
  500000 + case when n %% 10 = 0 then %(file_no)s * 1000 else 0 end, 1200 + n, 1900 + n %% 100, 2, 3,
  case when n %% 7 = 0 then 400000 + n * 1000 end, case when n %% 7 = 0 then date '2010-01-01' + n end,
  case when n %% 7 = 0 then 'B' || n end
from generate_series(0, %(rows)s - 1) n
"""
_PARCEL = """
insert into raw__leaf."{heap}" (tenant_id, file_no, record_no, evidence_no, county_fips, parcel_number, geom_4326,
  is_repaired)
select %(tenant)s, %(file_no)s, n, %(file_no)s, '25017', 'P-' || n, {square}, false
from generate_series(0, %(rows)s - 1) n
"""
_OWNER = """
insert into raw__leaf."{heap}" (tenant_id, file_no, record_no, evidence_no, county_fips, parcel_number, account_number,
  fiscal_year, owner_name_raw, mailing_address_raw, mailing_city, mailing_state, mailing_postal_code)
select %(tenant)s, %(file_no)s, n, %(file_no)s, '25017', 'P-' || n, 'A' || n, 2014, 'HOLDING ' || n %% 40 || ' LLC',
  n %% 40 || ' ELM ST', 'BOSTON', 'MA', '02110' from generate_series(0, %(rows)s - 1) n
"""
_SQUARE = "st_makeenvelope(-71.1 + n * 0.0002, 42.36, -71.0999 + n * 0.0002, 42.3601, 4326)"
_ADDRESS = """
insert into enrichment__leaf."{heap}" (tenant_id, address_raw, house_number, street_name, street_suffix, address_usps,
  address_key, status, parser, parser_version)
select %(tenant)s, n || ' MAIN ST', n::text, 'MAIN', 'ST', n || ' MAIN ST', n || ' MAIN ST', 'standardized', 'made', '1'
from generate_series(0, %(rows)s - 1) n
"""
_IDENTITY = """
insert into enrichment__leaf."{heap}" (tenant_id, file_no, record_no, property_id, county_fips, parcel_number,
  identity_basis, is_primary)
select %(tenant)s, file_no, n, md5('P-' || n)::uuid, '25017', 'P-' || n, 'parcel_unit', true
from generate_series(0, %(rows)s - 1) n, generate_series(1, 2) file_no
"""
_LOCATION = """
insert into enrichment__leaf."{heap}" (tenant_id, county_fips, parcel_number, method, geom_4326, point_4326, area_m2,
  piece_count, is_repaired, evidence_no, record_no)
select %(tenant)s, '25017', 'P-' || n, 'parcel_polygon', square, st_centroid(square), 90, 1, false, 3, n
from generate_series(0, %(rows)s - 1) n, lateral (select {square} as square) made
"""
_EXPOSURE = """
insert into enrichment__leaf."{heap}" (tenant_id, county_fips, parcel_number, peril, layer, resolution, method,
  category, zones_touched, source_score_pct, evidence_no, record_no)
select %(tenant)s, '25017', 'P-' || n, peril, 'made', 'county', 'county_lookup', 'Made', 1, n %% 100, 3, n
from generate_series(0, %(rows)s - 1) n, unnest(array['flood', 'wildfire', 'heat']) peril
"""
_RECORDS = {"property": _PROPERTY, "parcel": _PARCEL, "owner": _OWNER}
_ENRICHMENT = {
    "address": _ADDRESS, "identity": _IDENTITY, "location": _LOCATION, "hazard_exposure": _EXPOSURE,
}  # fmt: skip


def add_tenants(warehouse: Warehouse, tenant_ids: Sequence[str], *, properties: int = PROPERTIES) -> None:
    """Register the tenants, each with files, records and enrichment. `made` stands where nothing depends on a word."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "insert into prov.method (method, code_version, description, basis)"
            " values ('made', '1', 'made by a benchmark', 'made') on conflict do nothing"
        )
    for tenant_id in tenant_ids:
        add_tenant(warehouse, tenant_id, tenant_name=tenant_id, description="made", base_uri="file:///")
        with warehouse.as_owner() as connection, connection.transaction():
            _add_records(connection, tenant_id, properties)
            for table, statement in _ENRICHMENT.items():
                heap = _stage(connection, "enrichment", table, tenant_id, "made")
                _insert(connection, statement, heap, {"tenant": tenant_id, "rows": properties})
            connection.execute("select tenancy.publish(%s, 'made')", (tenant_id,))


def _add_records(connection: Any, tenant_id: str, properties: int) -> None:
    files = [(no, "roll", "assessor_roll", vintage, "property", year) for no, vintage, year in ROLLS]
    files.append((PARCEL_FILE, "parcels", "parcel_layer", "2013-01-01", "parcel", 2014))
    files.append((OWNER_FILE, "owners", "company_owners", "2013-01-01", "owner", 2014))
    for file_no, source, kind, vintage, record_type, year in files:
        values = {"tenant": tenant_id, "file_no": file_no, "source": source, "kind": kind, "vintage": vintage,
                  "type": record_type, "rows": properties, "year": year, "evidence_no": file_no}  # fmt: skip
        connection.execute(_FILE, values)
        connection.execute(_EVIDENCE, values)
        run = f"made/{file_no}"
        _insert(connection, _RECORDS[record_type], _stage(connection, "raw", record_type, tenant_id, run), values)
        connection.execute("select tenancy.attach_file('raw', %s, %s, %s, %s)", (record_type, tenant_id, file_no, run))
    connection.execute(_EVIDENCE, {"tenant": tenant_id, "evidence_no": 0, "file_no": None})


def _stage(connection: Any, schema: str, table: str, tenant_id: str, run: str) -> str:
    heap: str = connection.execute(
        "select tenancy.stage_empty(%s, %s, %s, %s)", (schema, table, tenant_id, run)
    ).fetchall()[0][0]
    return heap


def _insert(connection: Any, statement: str, heap: str, values: dict[str, Any]) -> None:
    connection.execute(statement.replace("{heap}", heap).replace("{square}", _SQUARE), values)
    schema = "raw" if "raw__leaf" in statement else "enrichment"
    connection.execute(f'analyze {schema}__leaf."{heap}"')
