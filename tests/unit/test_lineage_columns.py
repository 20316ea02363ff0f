"""Column lineage: what each field of a mart was made of, and nothing that is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from real_estate_assets.core.lineage.columns import AGGREGATION, IDENTITY, TRANSFORMATION, InputColumn, mart_columns
from real_estate_assets.core.lineage.datasets import FileDataset, tenant_namespace
from real_estate_assets.core.lineage.events import OutputAsset, TenantRun, event, event_run_id
from real_estate_assets.core.provenance.field_map import MappedField
from real_estate_assets.core.tenants.expressions import ColumnExpression, ConstantExpression, SumExpression, Unit

OWN = tenant_namespace("river")
ROLL = FileDataset(
    namespace=OWN,
    source_name="roll",
    uri="https://user:secret@example.org:8443/data/fy14.csv.gz?token=secret",  # pragma: allowlist secret
    record_type="property",
    sha256="ab" * 32,
    vintage=None,
    byte_count=100,
    record_count=30,
    columns={
        "year_built": ColumnExpression(column="Built"),
        "lot_size_sqft": ColumnExpression(column="Area", unit=Unit(from_="m2", to="sqft")),
        "bathrooms_total": SumExpression(sum="Full + 0.5*Half"),
        "city": ConstantExpression(constant="CAMBRIDGE"),
        "address_raw": ColumnExpression(column="Address"),
    },
)
ZONES = replace(
    ROLL,
    namespace=tenant_namespace(None),
    source_name="flood",
    uri="data/zones.geojson",
    record_type="hazard_zone",
    columns={"zone_code": ColumnExpression(column="fld_zone"), "zone_subtype": ColumnExpression(column="zone_subty")},
)
SCORES = replace(ZONES, source_name="scores", uri="scores.csv", columns={}, perils={"heat": [("HWAV_S", "HWAV_R")]})


def field(name: str, group: str = "assessor", method: str = "copy", *derived_from: str) -> MappedField:
    return MappedField("a_mart", name, group, method, derived_from)


FIELDS = [
    field("tenant_id", "tenant"),
    field("assessor_record_no", "provenance"),
    field("year_built"),
    field("lot_size_sqft"),
    field("bathrooms_total"),
    field("city"),
    field("building_count"),
    field("address_usps", "assessor", "address_standard", "address_raw"),
    field("hazard_score", "hazard", "hazard_scale", "zone_code", "zone_subtype"),
    field("zone_code", "hazard", "hazard_join"),
    field("zone_subtype", "hazard", "hazard_join"),
    field("category", "hazard", "hazard_join"),
    field("median_price", "aggregate", "derived", "fct_sales.sale_price_usd"),
    MappedField("another_mart", "year_built", "assessor", "copy", []),
]


def columns() -> dict[str, tuple[InputColumn, ...]]:
    return mart_columns("a_mart", FIELDS, [ROLL, ZONES, SCORES], OWN)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("year_built", [("Built", IDENTITY)]),
        ("lot_size_sqft", [("Area", TRANSFORMATION)]),
        ("bathrooms_total", [("Full", TRANSFORMATION), ("Half", TRANSFORMATION)]),
        ("address_usps", [("Address", TRANSFORMATION)]),
        ("zone_code", [("fld_zone", IDENTITY)]),
        ("hazard_score", [("fld_zone", TRANSFORMATION), ("HWAV_S", TRANSFORMATION), ("zone_subty", TRANSFORMATION)]),
        ("category", [("HWAV_R", IDENTITY)]),
        ("median_price", [("sale_price_usd", AGGREGATION)]),
    ],
)
def test_a_field_names_the_columns_it_was_made_of(name: str, expected: list[tuple[str, str]]) -> None:
    assert [(one.column, one.subtype) for one in columns()[name]] == expected


def test_what_no_column_feeds_has_no_entry() -> None:
    assert set(columns()) & {"tenant_id", "assessor_record_no", "city", "building_count"} == set()


def test_a_field_of_another_mart_is_named_as_that_marts() -> None:
    (one,) = columns()["median_price"]
    assert (one.namespace, one.dataset) == (OWN, "marts.fct_sales")


def test_a_public_column_stands_in_the_public_namespace() -> None:
    assert {one.namespace for one in columns()["hazard_score"]} == {"reos/public"}


def an_event(**changes: Any) -> dict[str, Any]:
    import datetime as dt

    run = TenantRun(
        run_id="3f2a9c1b-0000-4000-8000-000000000001",
        job_name="warehouse_job",
        tenant_id="river",
        state="COMPLETE",
        at=dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC),
        engine_version="1.13.27",
        inputs=[("records.properties", False), ("reference.flood_zones", True)],
        files=[ROLL],
        outputs=[OutputAsset("marts.a_mart", 30, columns())],
    )
    return event(replace(run, **changes))


def test_an_event_has_what_the_specification_requires() -> None:
    made = an_event()
    assert {"eventTime", "producer", "schemaURL", "run", "job"} <= made.keys()
    assert made["eventTime"] == "2026-11-24T12:00:00+00:00"
    facets = [f for d in (*made["inputs"], *made["outputs"]) for f in d["facets"].values()]
    facets += [f for d in made["outputs"] for f in d["outputFacets"].values()]
    facets += [*made["run"]["facets"].values(), *made["job"]["facets"].values()]
    assert [
        f for f in facets if not f["_schemaURL"].startswith("https://openlineage.io/spec/") or not f["_producer"]
    ] == []
    said = made["outputs"][0]["facets"]["columnLineage"]["fields"]["year_built"]["inputFields"]
    assert said == [
        {
            "namespace": "reos/tenants/river",
            "name": "files/roll/fy14.csv.gz",
            "field": "Built",
            "transformations": [{"type": "DIRECT", "subtype": "IDENTITY", "description": "copy", "masking": False}],
        }
    ]


def test_nothing_that_opens_a_door_is_told() -> None:
    assert "secret" not in str(an_event())
    source = an_event()["inputs"][-1]["facets"]["dataSource"]
    assert source["uri"] == "https://example.org:8443/data/fy14.csv.gz"


def test_a_tenants_part_of_a_run_is_always_the_same_run_and_no_other_tenants() -> None:
    run = "3f2a9c1b-0000-4000-8000-000000000001"
    assert event_run_id(run, "river") == event_run_id(run, "river") != event_run_id(run, "brook")
    assert an_event()["run"]["facets"]["parent"]["run"]["runId"] == run


def test_a_failure_says_why() -> None:
    made = an_event(state="FAIL", outputs=(), error="records: row 3 has no key")
    assert made["eventType"] == "FAIL"
    assert made["run"]["facets"]["errorMessage"]["message"] == "records: row 3 has no key"
