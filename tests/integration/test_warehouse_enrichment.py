"""What the enrichment stages read: one tenant's records that nobody refused, file by file, in record order."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
import shapely

from real_estate_assets.core.records.batch import RecordBatch
from real_estate_assets.core.records.fields import FIELDS, RecordType
from real_estate_assets.core.records.parsing import dtype_of
from real_estate_assets.core.records.scalars import family_of
from real_estate_assets.stores.warehouse import Warehouse, enrichment
from real_estate_assets.stores.warehouse.records import load_file
from real_estate_assets.stores.warehouse.tables import publication
from real_estate_assets.stores.warehouse.tenants import add_tenant

SQUARE = shapely.to_wkb(shapely.box(-71.11, 42.36, -71.1, 42.37))
KEY = {"county_fips": "25017"}
REFUSED = """
insert into quarantine.record (tenant_id, file_no, record_no, record_type, stage, rule, message, run_id)
values (%s, %s, %s, %s, %s, 'a rule', 'm', 'r')
"""


@pytest.fixture
def warehouse(warehouse_db: Any) -> Warehouse:
    """Two tenants with records of their own, loaded by the tests."""
    opened = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    for tenant in ("acme", "beta"):
        add_tenant(opened, tenant, tenant_name=tenant, description="", base_uri="file:///")
    return opened


def load(
    warehouse: Warehouse,
    record_type: RecordType,
    records: list[dict[str, Any]],
    *,
    file_no: int = 1,
    tenant: str = "acme",
) -> None:
    """Loads records of the given cells; all other cells are null. Evidence 5 supports them."""
    columns = {
        field.name: pl.Series(field.name, [record.get(field.name) for record in records]).cast(
            dtype_of(family_of(field.pg_type))
        )
        for field in FIELDS[record_type]
    }
    numbers = pl.Series("record_no", range(len(records)), dtype=pl.Int32)
    reasons = pl.Series("null_reasons", [None] * len(records), dtype=pl.String)
    frame = pl.DataFrame([numbers, *columns.values(), reasons])
    batches = [RecordBatch(frame, rows_in=len(records))]
    load_file(
        warehouse,
        tenant,
        file_no=file_no,
        record_type=record_type,
        batches=batches,
        evidence_no=5,
        run_id=f"r{file_no}",
    )


def refuse(warehouse: Warehouse, record_no: int, *, stage: str, kind: str = "property", file_no: int = 1) -> None:
    with warehouse.as_owner() as connection:
        connection.execute(REFUSED, ("acme", file_no, record_no, kind, stage))


def test_addresses_are_those_of_accepted_records_of_all_files_once_each(warehouse: Warehouse) -> None:
    load(warehouse, "property", [{"address_raw": text} for text in ("2 ELM ST", "1 ELM ST", "9 ELM ST", None)])
    load(warehouse, "property", [{"address_raw": "1 ELM ST"}, {"address_raw": "3 ELM ST"}], file_no=2)
    load(warehouse, "property", [{"address_raw": "77 OAK ST"}], tenant="beta")
    refuse(warehouse, 2, stage="gate")
    assert enrichment.distinct_addresses(warehouse, "acme") == ["1 ELM ST", "2 ELM ST", "3 ELM ST"]
    assert enrichment.distinct_addresses(warehouse, "beta") == ["77 OAK ST"]


def test_what_identifying_refused_before_is_tried_again_and_what_the_gate_refused_is_not(warehouse: Warehouse) -> None:
    load(warehouse, "property", [{**KEY, "parcel_number": f"1-{n}", "building_number": n} for n in range(4)])
    refuse(warehouse, 1, stage="gate")
    refuse(warehouse, 2, stage="identity")
    found = enrichment.identity_inputs(warehouse, "acme", 1)
    assert [(one.record_no, one.parcel_number, one.building_number, one.evidence_no) for one in found] == [
        (0, "1-0", 0, 5), (2, "1-2", 2, 5), (3, "1-3", 3, 5),
    ]  # fmt: skip
    assert enrichment.identity_inputs(warehouse, "acme", 2) == []


def test_a_refusal_in_one_file_says_nothing_of_another(warehouse: Warehouse) -> None:
    for file_no in (1, 2):
        load(warehouse, "property", [{**KEY, "parcel_number": "1-1"}], file_no=file_no)
    refuse(warehouse, 0, stage="gate", file_no=2)
    assert len(enrichment.identity_inputs(warehouse, "acme", 1)) == 1
    assert enrichment.identity_inputs(warehouse, "acme", 2) == []


def test_identity_refusals_are_replaced_and_those_of_other_stages_stay(warehouse: Warehouse) -> None:
    load(warehouse, "property", [{**KEY, "parcel_number": "1-1"}] * 3)
    refuse(warehouse, 0, stage="gate")
    refuse(warehouse, 1, stage="identity")
    collision = (1, 2, "identity_collision", "parcel_number", "1-1", "two records claim it")
    assert enrichment.replace_identity_rejections(warehouse, "acme", [collision], run_id="r2") == 1
    with warehouse.as_app("acme") as connection:
        found = connection.execute("select record_no, stage, rule from quarantine.record order by 1").fetchall()
    assert found == [(0, "gate", "a rule"), (2, "identity", "identity_collision")]


def test_parcels_come_with_their_shape_and_whether_it_was_repaired(warehouse: Warehouse) -> None:
    shaped = {**KEY, "geom_4326": SQUARE}
    load(
        warehouse,
        "parcel",
        [{**shaped, "parcel_number": "1", "is_repaired": True}, {**shaped, "parcel_number": "2"}, {**shaped}],
    )
    refuse(warehouse, 2, stage="gate", kind="parcel")
    pieces = enrichment.parcel_pieces(warehouse, "acme", 1)
    assert [piece[:5] for piece in pieces] == [("25017", "1", 0, True, 5), ("25017", "2", 1, False, 5)]
    assert shapely.from_wkb(pieces[0][5]).equals(shapely.from_wkb(SQUARE))


def test_coordinates_are_those_of_records_that_state_both_and_a_parcel(warehouse: Warehouse) -> None:
    both = {**KEY, "longitude": -122.3, "latitude": 47.5}
    load(
        warehouse,
        "property",
        [
            {**both, "parcel_number": "1"},
            {**both, "parcel_number": "2", "latitude": None},
            both,
            {**both, "parcel_number": "4", "longitude": None},
            {**both, "parcel_number": "5"},
        ],
    )
    assert enrichment.source_coordinates(warehouse, "acme", 1) == [
        ("25017", "1", 0, 5, -122.3, 47.5),
        ("25017", "5", 4, 5, -122.3, 47.5),
    ]


def test_a_tenants_own_hazard_zones_are_its_own(warehouse: Warehouse) -> None:
    zone = {"peril": "flood", "zone_code": "25017350100", "share_major_pct": 12.5, "geom_4326": SQUARE}
    load(warehouse, "hazard_zone", [zone, {**zone, "peril": "heat"}])
    zones = enrichment.tenant_hazard_zones(warehouse, "acme", 1)
    assert [(one["record_no"], one["peril"], one["share_major_pct"], one["category"]) for one in zones] == [
        (0, "flood", 12.5, None), (1, "heat", 12.5, None),
    ]  # fmt: skip
    assert shapely.from_wkb(zones[0]["wkb"]).equals(shapely.from_wkb(SQUARE))
    assert enrichment.tenant_hazard_zones(warehouse, "beta", 1) == []


def test_locations_are_read_back_in_order_with_or_without_a_polygon(warehouse: Warehouse) -> None:
    point = shapely.to_wkb(shapely.set_srid(shapely.Point(-71.1, 42.4), 4326), hex=True, include_srid=True)
    polygon = shapely.to_wkb(shapely.set_srid(shapely.from_wkb(SQUARE), 4326), hex=True, include_srid=True)
    given = [
        ("25017", "2", "parcel_polygon", polygon, point, 900.0, 1, False, 5, 0),
        ("25017", "1", "source_coordinates", None, point, None, 0, False, 5, 1),
    ]
    with publication(warehouse, "acme", "r") as to:
        assert enrichment.stage_locations(to, given) == 2
    first, second = enrichment.locations(warehouse, "acme")
    assert first == ("25017", "1", None, -71.1, 42.4)
    assert second[:2] == ("25017", "2")
    assert shapely.from_wkb(second[2]).equals(shapely.from_wkb(SQUARE))
    assert enrichment.locations(warehouse, "beta") == []
