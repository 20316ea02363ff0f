"""Features as a stage: what was known when, where each value came from, and that a neighbour changes nothing.

Three tenants in one county. `full` has two vintages of a roll; `early` has only the first, and no more; `seller` has a
file of sales with their own coordinates.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
import pytest

from real_estate_assets.core.features.registry import features, stored
from real_estate_assets.stores.warehouse import features as store
from real_estate_assets.stores.warehouse import features_looks as looks
from tests.made_platform import (
    COUNTY,
    SOUTH,
    STEP,
    WEST,
    Platform,
    csv_bytes,
    parcel_layer,
    parcel_source,
    platform,
    roll_rows,
    roll_source,
)

FULL, EARLY, SELLER = "full", "early", "seller"
ROWS, SALES = 12, 40
RAISED = 50_000
FIRST, LAYER, SECOND = (dt.datetime(*day, tzinfo=dt.UTC) for day in ((2012, 1, 1), (2012, 6, 1), (2013, 1, 1)))
SALES_HEADER = ["ML", "Zip", "Living", "Built", "Cond", "Date", "Price", "Lat", "Long"]
SALES_FILE_DATE = "2014-12-31"
STAGES = ("landing", "records", "enrichment", "calibration", "warehouse", "features")


def sales_rows() -> list[list[Any]]:
    """A sale every nine days of 2014, of houses S0 .. S39; S0 again in November, repaired.

    At the end two that are wrong: for a dollar and without a place, and dated after the file.
    """
    start = dt.date(2014, 1, 1)
    days = [start + dt.timedelta(days=9 * i) for i in range(SALES)]
    rows = [
        [f"S{i}", "02139", 1_000 + 10 * i, 1950, 1 + i % 5, day, 400_000 + 1_000 * i, SOUTH + STEP * i, WEST]
        for i, day in enumerate(days)
    ]
    again = ["S0", "02139", 1_000, 1950, 5, dt.date(2014, 11, 20), 600_000, SOUTH, WEST]
    dollar = ["S97", "02139", "", "", "", dt.date(2014, 11, 20), 1, "", ""]
    ahead = ["S98", "02139", 1_000, 1950, 3, dt.date(2015, 6, 1), 500_000, SOUTH, WEST]
    return [*rows, again, dollar, ahead]


SALES_SOURCE = {
    "name": "sales",
    "kind": "sales_file",
    "record_type": "property",
    "format": "csv",
    "crs": "EPSG:4326",
    "licence": "CC0-1.0",
    "origin": "made for a test",
    "columns": {
        "parcel_number": "ML",
        "postal_code": "Zip",
        "living_area_sqft": "Living",
        "year_built": "Built",
        "condition_score": "Cond",
        "sale_date": {"column": "Date", "date": "%Y-%m-%d"},
        "sale_price_usd": "Price",
        "latitude": "Lat",
        "longitude": "Long",
    },
    "files": [{"uri": "sales.csv", "vintage": SALES_FILE_DATE}],
}
FIRST_ROLL = {"uri": "a.csv", "vintage": FIRST.date().isoformat()}
SECOND_ROLL = {"uri": "b.csv", "vintage": SECOND.date().isoformat()}
PARCELS = parcel_source({"uri": "parcels.geojson", "vintage": LAYER.date().isoformat()})
FILES = {"a.csv": csv_bytes(roll_rows(ROWS)), "parcels.geojson": parcel_layer(ROWS)}


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("features")) as made:
        later = {**FILES, "b.csv": csv_bytes(roll_rows(ROWS, RAISED))}
        made.add(FULL, [roll_source(FIRST_ROLL, SECOND_ROLL), PARCELS], later)
        made.add(EARLY, [roll_source(FIRST_ROLL), PARCELS], FILES)
        made.add(SELLER, [SALES_SOURCE], {"sales.csv": csv_bytes(sales_rows(), SALES_HEADER)})
        failed = [run for run in made.run(stages=STAGES) if run.failed]
        assert not failed, failed
        yield made


def rows(made: Platform, tenant_id: str) -> pl.DataFrame:
    return store.property_rows(made.warehouse, tenant_id)


def of_parcel(made: Platform, tenant_id: str, parcel: str) -> pl.DataFrame:
    return rows(made, tenant_id).filter(pl.col("parcel_id") == parcel)


def test_what_came_later_changes_no_earlier_row(made: Platform) -> None:
    """The same rows up to a day, whether the tenant got another file after it or not. Trust was measured with it."""
    said = [f.name for f in stored("property") if f.group != "trust"]
    full, early = (
        rows(made, t).filter(pl.col("event_at") < SECOND).select("property_id", "event_at", *said, "null_reasons")
        for t in (FULL, EARLY)
    )
    assert early["event_at"].unique().sort().to_list() == [FIRST, LAYER]
    assert full.equals(early)


def test_a_value_appears_on_the_day_it_became_known(made: Platform) -> None:
    found = of_parcel(made, FULL, "P3").filter(pl.col("event_at") <= SECOND)
    assert found["event_at"].to_list() == [FIRST, LAYER, SECOND]
    assert found["assessment_value"].to_list() == [300_003, 300_003, 300_003 + RAISED]
    assert found["latitude"].is_null().to_list() == [True, False, False]
    assert json.loads(found["null_reasons"][0])["latitude"] == "known_later"


def test_a_layer_without_a_date_is_known_since_it_was_received(made: Platform) -> None:
    newest = of_parcel(made, FULL, "P3").tail(1)
    received = made.one("select max(received_at)::date from prov.public_file where layer = 'scores'")
    assert newest["event_at"][0].date() == received
    assert newest["heat_hazard_score"].is_not_null().all()
    assert newest["flood_hazard_score"].is_not_null().all()
    before = of_parcel(made, FULL, "P3").filter(pl.col("event_at") <= SECOND)
    assert before["heat_hazard_score"].is_null().all()
    # the flood map is older than everything, but which zone a parcel lies in was not known without its polygon
    assert before["flood_hazard_score"].is_null().to_list() == [True, False, False]


def test_a_house_sold_twice_is_described_by_each_sale(made: Platform) -> None:
    found = of_parcel(made, SELLER, "S0").filter(pl.col("event_at") < dt.datetime(2015, 1, 1, tzinfo=dt.UTC))
    assert found["condition_score"].to_list() == [2.0, 10.0]
    assert found["market_id"].to_list() == [f"{COUNTY}|02139"] * 2


def test_a_sale_dated_after_its_file_is_known_at_the_files_date(made: Platform) -> None:
    first = of_parcel(made, SELLER, "S98").head(1)
    assert first["event_at"][0].date().isoformat() == SALES_FILE_DATE


def test_a_property_without_a_place_or_a_building_has_a_row_of_reasons(made: Platform) -> None:
    row = of_parcel(made, SELLER, "S97").row(0, named=True)
    reasons = json.loads(row["null_reasons"])
    asked = ("latitude", "building_sqft", "year_built", "condition_score", "flood_hazard_score", "trust_living_area")
    assert [row[name] for name in asked] == [None] * len(asked)
    assert [reasons[name] for name in asked] == [
        "no_record", "blank_in_source", "blank_in_source", "blank_in_source", "no_location", "value_unknown",
    ]  # fmt: skip


@pytest.mark.parametrize("tenant_id", [FULL, EARLY, SELLER])
def test_every_null_has_a_reason(made: Platform, tenant_id: str) -> None:
    found = rows(made, tenant_id)
    assert found.height
    by_registry = {f.name for f in features() if f.null_reason is not None}
    for row in found.iter_rows(named=True):
        reasons = json.loads(row["null_reasons"])
        nulls = {f.name for f in stored("property") if row[f.name] is None}
        assert nulls - by_registry == set(reasons)
        assert all(reasons.values())
    assert looks.unexplained(made.warehouse, tenant_id, "property") == {}
    assert looks.unexplained(made.warehouse, tenant_id, "market") == {}


@pytest.mark.parametrize("tenant_id", [FULL, EARLY, SELLER])
def test_the_newest_row_says_what_the_mart_says(made: Platform, tenant_id: str) -> None:
    found = looks.against_mart(made.warehouse, tenant_id)
    assert (found.missing, found.unlike) == (0, {})
    assert found.other_record == (1 if tenant_id == SELLER else 0)
    mart = made.query(
        "select property_id::text, lot_size_sqft, year_built, assessed_total_value_usd::float8, latitude, zoning"
        " from marts.dim_properties where tenant_id = %s order by 1",
        tenant_id,
    )
    newest = store.latest_rows(made.warehouse, tenant_id)
    named = newest.select("property_id", "lot_size_sqft", "year_built", "assessment_value", "latitude", "zoning")
    assert named.rows() == mart


def test_the_checks_can_fail(made: Platform) -> None:
    """Each look, over rows that were spoiled in a transaction of the owner, finds what was spoiled."""
    spoil = "update features.property_features set {} where tenant_id = 'early' and event_at = %s and parcel_id = 'P1'"
    undo = {"zoning": "null", "assessment_value": "300001", "event_at": "%s"}
    with made.warehouse.as_owner() as owner:
        owner.execute(spoil.format("zoning = 'R1', walk_score = 3"), (FIRST,))
        assert looks.unexplained(made.warehouse, EARLY, "property") == {"zoning": 1, "walk_score": 1}
        owner.execute(spoil.format(f"zoning = {undo['zoning']}, walk_score = null"), (FIRST,))
        owner.execute(spoil.format("event_at = '2011-01-01Z', flood_hazard_score = 0.5"), (FIRST,))
        assert looks.known_later(made.warehouse, EARLY) == {"record": 1}
        owner.execute(
            "update features.property_features set event_at = %s, flood_hazard_score = null"
            " where tenant_id = 'early' and event_at = '2011-01-01Z'",
            (FIRST,),
        )
        newest = made.one("select max(event_at) from features.property_features where tenant_id = 'early'")
        owner.execute(spoil.format("assessment_value = 1"), (newest,))
        assert looks.against_mart(made.warehouse, EARLY).unlike == {"assessment_value": 1}
        owner.execute(spoil.format(f"assessment_value = {undo['assessment_value']}"), (newest,))
    assert looks.against_mart(made.warehouse, EARLY).unlike == {}


def test_market_values_are_of_earlier_sales_only(made: Platform) -> None:
    found = store.market_rows(made.warehouse, SELLER)
    days = [(row[5], row[6]) for row in sales_rows()[:-2]]
    for row in found.filter(pl.col("median_price").is_not_null()).iter_rows(named=True):
        day = row["event_at"].date()
        window = sorted(price for on, price in days if day - dt.timedelta(days=90) <= on < day)
        middle = (window[(len(window) - 1) // 2] + window[len(window) // 2]) / 2
        assert row["median_price"] == middle
        assert row["sales_volume_30d"] == sum(day - dt.timedelta(days=30) <= on < day for on, _ in days)
    assert found["median_price"].is_not_null().sum() > SALES / 2


def test_a_roll_counts_no_volume_and_the_index_gives_the_year(made: Platform) -> None:
    found = store.market_rows(made.warehouse, FULL)
    assert found["sales_volume_30d"].is_null().all()
    assert {json.loads(reasons)["sales_volume_30d"] for reasons in found["null_reasons"]} == {"last_sale_only"}
    first = found.filter(pl.col("event_at") == FIRST)
    assert first["price_trend_365d"].to_list() == [0.01]


def test_trust_is_that_of_the_cell_and_of_the_asset_partition(made: Platform) -> None:
    """Of today's rows, the trust that prov gives; of a row of its own date, a record that has not aged."""
    today = made.one("select (now() at time zone 'UTC')::date")
    newest = store.latest_rows(made.warehouse, FULL)
    assert newest["event_at"].dt.date().unique().to_list() == [today]
    cells = {
        (row_key["property_id"], field): trust
        for row_key, field, trust in made.query("select * from prov.trust_cells(%s, 'dim_properties', now())", FULL)
    }
    for row in newest.iter_rows(named=True):
        for feature, field in (("trust_year_built", "year_built"), ("trust_location", "latitude")):
            assert row[feature] == pytest.approx(cells[row["property_id"], field])
    recorded = made.latest("marts/dim_properties", FULL)
    assert newest["trust_asset_mean"].unique().to_list() == [recorded["trust_mean"]]
    assert newest["trust_asset_p10"].unique().to_list() == [recorded["trust_p10"]]
    fresh = rows(made, FULL).filter(pl.col("event_at") == SECOND)
    assert (fresh["trust_year_built"] > newest["trust_year_built"]).all()


def test_each_row_names_the_runs_it_came_from(made: Platform) -> None:
    known = {run.run_id for run in made.instance.get_runs()}
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(["marts", "dim_properties"]), asset_partitions=[FULL])
    mart_run = made.instance.fetch_materializations(wanted, limit=1).records[0].run_id
    read_by = dict(made.query("select evidence_no, run_id from prov.evidence where tenant_id = %s", FULL))
    for row in rows(made, FULL).iter_rows(named=True):
        assert {mart_run, read_by[row["evidence_no"]]} <= set(row["run_ids"]) <= known


def test_nothing_is_computed_twice_and_a_forced_run_says_the_same(made: Platform) -> None:
    before = made.materializations("features/property", SELLER)
    assert not made.run(stages=["features"])
    made.run(SELLER, stages=["features"], force=True)
    after = made.materializations("features/property", SELLER)
    assert len(after) == len(before) + 1
    assert {tags["dagster/data_version"] for tags in after} == {before[0]["dagster/data_version"]}


def test_an_asset_shows_what_is_filled(made: Platform) -> None:
    shown = made.latest("features/property", SELLER)
    assert shown["features_with_a_value"] == "9 of the 41 of the list"
    assert "heat_hazard_score" in shown["single_valued"]
    assert "no source of listings" in shown["no_source"]
    assert made.latest("features/market", SELLER)["features_with_a_value"] == "5 of the 13 of the list"


def test_a_tenant_reads_its_own_rows_only(made: Platform) -> None:
    """The application bound to one tenant, asked for another's, gets nothing, though both know the same properties."""
    ids = {t: set(rows(made, t)["property_id"]) for t in (FULL, EARLY)}
    assert ids[FULL] == ids[EARLY]
    with made.warehouse.as_app(EARLY) as app:
        for table in ("property_features", "market_features"):
            counted = app.execute(f"select distinct tenant_id from features.{table}").fetchall()
            assert counted == [(EARLY,)]
            foreign = app.execute(f"select count(*) from features.{table} where tenant_id = %s", (FULL,)).fetchall()
            assert foreign == [(0,)]
