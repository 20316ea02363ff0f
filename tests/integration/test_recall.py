"""A file is taken back: at once, through all stages, and back again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from real_estate_assets.cli import app
from real_estate_assets.stores.warehouse import recall
from tests.made_platform import (
    ROWS,
    Platform,
    csv_bytes,
    parcel_layer,
    parcel_source,
    platform,
    roll_rows,
    roll_source,
)

RIVER, STEADY = "river", "steady"
FY14 = {"uri": "fy14.csv", "vintage": "2013-01-01", "columns": {"fiscal_year": {"constant": 2014}}}
ROLL, LAYER = "fy14.csv", "flood"


def reos(*arguments: str, code: int = 0) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def reos_json(*arguments: str) -> Any:
    return json.loads(reos(*arguments, "--json"))


@dataclass
class Story:
    """A tenant's roll and a public layer, recalled, rebuilt without, restored, rebuilt with; what stood after each."""

    platform: Platform
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def look(self, step: str) -> None:
        self.seen[step] = {
            "stale": self.stale(),
            "at": self.platform.one("select clock_timestamp()"),
            "recalled_cells": sum(one.cells for name in (ROLL, LAYER) for one in self.impact(name)),
            **{tenant: self._of(tenant) for tenant in (RIVER, STEADY)},
        }

    def stale(self) -> dict[str, list[str]]:
        """Stage -> the tenants that it is out of date for."""
        from real_estate_assets.defs.stages import PLAN, stale_tenants

        one = self.platform
        return {p.name: stale_tenants(one.instance, one.warehouse, p, [RIVER, STEADY]) for p in PLAN}

    def stale_layers(self) -> list[str]:
        from real_estate_assets.defs.stages import stale_references

        return [key.path[-1] for key in stale_references(self.platform.instance)]

    def impact(self, name: str) -> list[recall.Impact]:
        warehouse = self.platform.warehouse
        return recall.impact(warehouse, recall.find_file(warehouse, name, RIVER if name == ROLL else None))

    def _of(self, tenant: str) -> dict[str, Any]:
        query = self.platform.query
        return {
            "years": query(
                "select fiscal_year, assessor_vintage::text, count(*) from marts.dim_properties where tenant_id = %s"
                " group by 1, 2", tenant),
            "flood": query(
                "select resolution, count(*) from marts.fct_property_hazards where tenant_id = %s and peril = 'flood'"
                " group by 1 order by 1", tenant),
            "files": query("select file_no from marts.dim_source_files where tenant_id = %s order by 1", tenant),
            "trust_zero": query("select n from prov.recalled_evidence(%s, clock_timestamp()) r (n)", tenant),
            "events": self.platform.history(tenant),
        }  # fmt: skip


@pytest.fixture(scope="module")
def story(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder: Path = tmp_path_factory.mktemp("recall") / "platform"
    with platform(module_warehouse_db.settings, folder) as made:
        files = {"fy13.csv": csv_bytes(roll_rows()), "parcels.geojson": parcel_layer()}
        newer = files | {ROLL: csv_bytes(roll_rows(raise_by=9_000))}
        made.add(RIVER, [roll_source("fy13.csv", FY14), parcel_source("parcels.geojson")], newer)
        made.add(STEADY, [roll_source("fy13.csv"), parcel_source("parcels.geojson")], files)
        told = Story(made)
        told.errors += [error for run in made.run() for error in run.failed.values()]
        assert told.errors == []
        told.look("built")
        told.told["roll"] = reos_json("recall", ROLL, "--tenant", RIVER, "--reason", "wrong year delivered", "--yes")
        told.look("recalled")
        told.told["layer"] = reos_json("recall", LAYER, "--reason", "withdrawn by its publisher", "--yes")
        told.told["stale layers"] = told.stale_layers()
        told.told["status"] = reos("status")
        told.errors += [error for run in made.run() for error in run.failed.values()]
        told.look("rebuilt")
        told.told["nothing left to do"] = made.run()
        reos("recall", ROLL, "--tenant", RIVER, "--restore")
        reos("recall", LAYER, "--restore")
        told.look("restored")
        told.told["restored layers"] = told.stale_layers()
        told.errors += [error for run in made.run() for error in run.failed.values()]
        told.look("built again")
        told.told["list"] = reos_json("recall", "--list")
        yield told


def test_every_run_of_the_story_succeeded(story: Story) -> None:
    assert story.errors == []


def test_one_row_marks_it_and_trust_reads_0_at_once(story: Story) -> None:
    assert story.seen["built"][RIVER]["trust_zero"] == []
    marked = {n for (n,) in story.seen["recalled"][RIVER]["trust_zero"]}
    of_the_roll = story.platform.query(
        "select e.evidence_no from prov.evidence e join prov.source_file f using (tenant_id, file_no)"
        " where tenant_id = %s and uri = %s", RIVER, ROLL)  # fmt: skip
    assert {n for (n,) in of_the_roll} <= marked
    assert story.seen["recalled"][STEADY]["trust_zero"] == [], "the other tenant's file is another file"
    assert story.seen["recalled"][RIVER]["years"] == story.seen["built"][RIVER]["years"], "nothing was rewritten"


def test_the_impact_is_told_at_once_by_mart_group_and_way(story: Story) -> None:
    impact = story.told["roll"]["impact"]
    assert {one["tenant_id"] for one in impact} == {RIVER}
    ways = {(one["mart"], one["field_group"], one["way"]): one["cells"] for one in impact}
    direct = ways["dim_properties", "assessor", "direct"]
    columns = story.platform.query(
        "select field from prov.field_map where mart = 'dim_properties' and field_group = 'assessor'"
    )
    known = " + ".join(f"count({name})" for (name,) in columns)
    assert direct == story.platform.one(
        f"select {known} from history.dim_properties h where tenant_id = 'river' and history_build_no = 1"
    ), "every known cell of the group, and no null"
    assert ("fct_assessments", "assessor", "direct") in ways
    assert ways["agg_market_sales", "aggregate", "derived"] > 0, "medians of sales that rest on the file"
    assert {one["tenant_id"] for one in story.told["layer"]["impact"]} == {RIVER, STEADY}, "a public file: all tenants"


def test_only_what_rests_on_it_is_stale(story: Story) -> None:
    assert not any(story.seen["built"]["stale"].values())
    assert story.seen["recalled"]["stale"]["landing"] == [RIVER]
    assert story.told["stale layers"] == ["flood_zones"]
    assert story.told["restored layers"] == ["flood_zones"]
    assert story.told["nothing left to do"] == []
    assert "roll file 2 recalled" in story.told["status"]
    assert "flood recalled" in story.told["status"]


def test_the_rebuild_takes_the_next_best_source(story: Story) -> None:
    built, rebuilt = story.seen["built"], story.seen["rebuilt"]
    assert built[RIVER]["years"] == [(2014, "2013-01-01", ROWS)]
    assert rebuilt[RIVER]["years"] == [(2013, "2012-01-01", ROWS)], "the older vintage of the roll"
    assert set(built[RIVER]["files"]) - set(rebuilt[RIVER]["files"]) == {(2,)}
    assert dict(built[RIVER]["flood"])["parcel"] == ROWS
    assert rebuilt[RIVER]["flood"] == rebuilt[STEADY]["flood"] == [("county", ROWS)], "the county's rank is left"
    assert rebuilt["recalled_cells"] == 0


def test_restoring_brings_it_all_back(story: Story) -> None:
    built, again = story.seen["built"], story.seen["built again"]
    for tenant in (RIVER, STEADY):
        assert {name: again[tenant][name] for name in ("years", "flood", "files")} == {
            name: built[tenant][name] for name in ("years", "flood", "files")
        }
        assert again[tenant]["trust_zero"] == []
    assert story.seen["restored"]["stale"]["landing"] == [RIVER]
    assert [(one["name"], one["restored_at"] is not None) for one in story.told["list"]] == [
        ("flood", True),
        ("roll", True),
    ]


def test_history_says_what_was_served_on_each_day(story: Story) -> None:
    key = story.platform.query(
        "select property_id::text from marts.dim_properties where tenant_id = %s limit 1", RIVER
    )[0][0]
    years = [
        story.platform.one(
            "select history.row_at(%s, 'dim_properties', %s, %s) ->> 'fiscal_year'",
            RIVER, Jsonb({"property_id": key}), story.seen[step]["at"])
        for step in ("built", "recalled", "rebuilt", "restored", "built again")
    ]  # fmt: skip
    assert years == ["2014", "2014", "2013", "2013", "2014"]
    runs = story.platform.query("select run_id from history.build where tenant_id = %s order by build_no", RIVER)
    assert len(runs) == 3
    known = {record.dagster_run.run_id for record in story.platform.instance.get_run_records()}
    assert {run_id for (run_id,) in runs} <= known, "each build names the run that made it"
