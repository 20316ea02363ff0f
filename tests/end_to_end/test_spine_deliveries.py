"""A tenant's year: a first roll, a second one, a broken one, a repaired one, one taken back, and its removal.

Beside it stands a tenant to whom nothing happens: every step is also a claim that nothing of it was touched. The steps
are run once, in their order, and what stood after each is kept; the tests read that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from real_estate_assets.stores.object_store import open_store
from real_estate_assets.stores.warehouse import evidence, tenants
from tests.made_platform import (
    HEADER,
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
EVERY_STAGE = ("landing", "records", "enrichment", "calibration", "warehouse", "features", "valuation")
FY13 = {"uri": "fy13.csv", "vintage": "2012-01-01"}
FY14 = {"uri": "fy14.csv", "vintage": "2013-01-01", "awaited": True, "columns": {"fiscal_year": {"constant": 2014}}}
MARTS = ("dim_properties", "fct_assessments", "fct_sales", "fct_changes", "fct_property_hazards", "dim_source_files")


@dataclass
class Snapshot:
    """What stood after one step. runs: (stage, tenants) of the step; events: asset -> (count, data version)."""

    runs: list[tuple[str, tuple[str, ...]]]
    failed: dict[str, str]
    events: dict[str, dict[str, tuple[int, str | None]]]
    rows: dict[str, dict[str, int]]
    files: dict[str, list[tuple[int, str, str]]]  # of the files that count: number, uri, status
    changed: list[tuple[str | None, int]]
    fiscal_years: list[int]


@dataclass
class Story:
    """All steps by name."""

    platform: Platform
    steps: dict[str, Snapshot] = field(default_factory=dict)

    def step(self, name: str) -> None:
        """Run what is out of date and keep what stands then."""
        runs = self.platform.run()
        present = [t.tenant_id for t in tenants.list_tenants(self.platform.warehouse)]
        self.steps[name] = Snapshot(
            runs=[(run.stage, run.tenant_ids) for run in runs],
            failed={tenant: error for run in runs for tenant, error in run.failed.items()},
            events={tenant: self.platform.history(tenant) for tenant in (RIVER, STEADY)},
            rows={tenant: self._rows(tenant) for tenant in (RIVER, STEADY)},
            files={
                t: [(f.file_no, f.uri, f.read_status) for f in evidence.files(self.platform.warehouse, t)]
                for t in present
            },
            changed=self.platform.query(
                "select field, count(*) from marts.fct_changes where tenant_id = %s group by 1 order by 1", RIVER
            ),
            fiscal_years=[
                row[0]
                for row in self.platform.query(
                    "select distinct fiscal_year from marts.fct_assessments where tenant_id = %s order by 1", RIVER
                )
            ],
        )

    def _rows(self, tenant: str) -> dict[str, int]:
        return {m: self.platform.one(f"select count(*) from marts.{m} where tenant_id = %s", tenant) for m in MARTS}


def _fy14(raise_by: int = 20_000) -> bytes:
    """The next year's roll: buildings are worth a tenth more, one parcel is gone and one is new."""
    rows = roll_rows(ROWS + 1, raise_by)
    del rows[4]
    return csv_bytes(rows)


def _describe(made: Platform, **more: Any) -> None:
    made.add(RIVER, [roll_source(FY13, FY14, **more), parcel_source("parcels.geojson")], {})


@pytest.fixture(scope="module")
def story(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The year, step by step."""
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("spine") / "platform") as made:
        told = Story(made)
        made.put(RIVER, {"fy13.csv": csv_bytes(roll_rows()), "parcels.geojson": parcel_layer()})
        _describe(made)
        made.add(STEADY, [roll_source("roll.csv")], {"roll.csv": csv_bytes(roll_rows())})
        told.step("first roll")
        told.step("nothing new")
        made.put(RIVER, {"fy14.csv": _fy14()})
        told.step("second roll")
        os.utime(made.inbox / RIVER / "fy14.csv", (1, 1))
        told.step("only touched")
        made.put(RIVER, {"fy14.csv": csv_bytes([r[:-1] for r in roll_rows()], HEADER[:-1])})
        told.step("broken roll")
        made.put(RIVER, {"fy14.csv": _fy14(40_000)})
        told.step("repaired roll")
        made.put(RIVER, {"fy14.csv": _fy14()})
        told.step("taken back")
        _remove(made, RIVER)
        told.step("removed")
        _describe(made)
        told.step("registered again")
        yield told


def _remove(made: Platform, tenant: str) -> None:
    tenants.remove_tenant(made.warehouse, tenant)
    open_store(made.settings, tenant).delete_all()


def _stages(snapshot: Snapshot) -> list[str]:
    return [stage for stage, _ in snapshot.runs]


def test_the_first_roll_is_published_before_the_second_is_there(story: Story) -> None:
    first = story.steps["first roll"]
    assert first.failed == {}
    assert _stages(first) == ["reference", *EVERY_STAGE]
    assert first.fiscal_years == [2013]
    assert first.rows[RIVER]["dim_properties"] == ROWS
    assert first.rows[RIVER]["fct_changes"] == 0
    assert first.rows[RIVER]["fct_property_hazards"] == 4 * ROWS
    assert {count for count, _ in first.events[RIVER].values()} == {1}


def test_a_second_run_lands_nothing_and_builds_nothing(story: Story) -> None:
    assert story.steps["nothing new"].runs == []
    assert story.steps["nothing new"].events == story.steps["first roll"].events


def test_a_new_roll_rebuilds_its_tenant_and_shows_the_difference(story: Story) -> None:
    before, after = story.steps["nothing new"], story.steps["second roll"]
    assert after.runs == [(stage, (RIVER,)) for stage in EVERY_STAGE]
    assert after.fiscal_years == [2013, 2014]
    assert dict(after.changed) == {
        "property": 2,  # one appeared, one is gone
        "assessed_improvement_value_usd": ROWS - 1,
        "assessed_total_value_usd": ROWS - 1,
    }
    assert after.rows[RIVER]["dim_properties"] == ROWS + 1
    for asset in ("landing/source_files", "records/properties", "enrichment/identities", "marts/fct_assessments"):
        assert after.events[RIVER][asset][0] == 2
        assert after.events[RIVER][asset][1] != before.events[RIVER][asset][1]
    for asset in ("records/owners", "records/hazard_zones", "records/parcels"):
        assert after.events[RIVER][asset][1] == before.events[RIVER][asset][1], "its content did not change"


def test_a_file_that_was_only_touched_is_looked_at_and_not_built_again(story: Story) -> None:
    touched = story.steps["only touched"]
    assert touched.runs == [("landing", (RIVER,))]
    assert (
        touched.events[RIVER]["landing/source_files"][1]
        == story.steps["second roll"].events[RIVER]["landing/source_files"][1]
    )
    assert touched.files == story.steps["second roll"].files


def test_a_broken_file_keeps_yesterdays_marts(story: Story) -> None:
    before, broken = story.steps["only touched"], story.steps["broken roll"]
    assert set(broken.failed) == {RIVER}
    assert "fy14.csv" in broken.failed[RIVER]
    assert "'SalePrice'" in broken.failed[RIVER]
    assert broken.rows == before.rows
    assert broken.changed == before.changed
    assert broken.events[RIVER]["marts/dim_properties"] == before.events[RIVER]["marts/dim_properties"]


def test_its_replacement_heals_the_tenant(story: Story) -> None:
    healed = story.steps["repaired roll"]
    assert healed.failed == {}
    statuses = {(uri, status) for _, uri, status in healed.files[RIVER]}
    assert statuses == {("fy13.csv", "read"), ("fy14.csv", "read"), ("parcels.geojson", "read")}
    assert len([uri for _, uri, _ in healed.files[RIVER] if uri == "fy14.csv"]) == 2, "the earlier vintage stays"


def test_what_is_taken_back_is_not_served_any_more(story: Story) -> None:
    second, back = story.steps["second roll"], story.steps["taken back"]
    assert back.failed == {}
    assert back.rows == second.rows
    assert back.changed == second.changed
    assert [uri for _, uri, _ in back.files[RIVER]] == ["fy13.csv", "parcels.geojson", "fy14.csv"]


def test_removing_a_tenant_leaves_nothing_of_it(story: Story) -> None:
    removed = story.steps["removed"]
    assert removed.runs == []
    assert set(removed.rows[RIVER].values()) == {0}
    assert RIVER not in removed.files


def test_a_tenant_registered_again_is_built_from_the_start(story: Story) -> None:
    """Its old events are still in the log: they must not pass for what the warehouse holds."""
    again = story.steps["registered again"]
    assert again.runs == [(stage, (RIVER,)) for stage in EVERY_STAGE]
    assert again.rows[RIVER] == story.steps["taken back"].rows[RIVER]
    assert [number for number, _, _ in again.files[RIVER]] == [1, 2, 3]


def test_the_other_tenant_was_never_touched(story: Story) -> None:
    first = story.steps["first roll"]
    for name, snapshot in story.steps.items():
        assert snapshot.events[STEADY] == first.events[STEADY], name
        assert snapshot.rows[STEADY] == first.rows[STEADY], name
        assert snapshot.files[STEADY] == first.files[STEADY], name


def test_every_mart_row_points_at_a_record_of_a_file_that_counts(story: Story) -> None:
    lost = story.platform.query(
        "select p.property_id from marts.dim_properties p left join prov.evidence e"
        " on e.tenant_id = p.tenant_id and e.evidence_no = p.assessor_evidence_no"
        " left join raw.property r on r.tenant_id = p.tenant_id and r.file_no = e.file_no"
        " and r.record_no = p.assessor_record_no"
        " where p.tenant_id = %s and r.record_no is null",
        RIVER,
    )
    assert lost == []
