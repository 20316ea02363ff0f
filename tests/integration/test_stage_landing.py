"""Landing on a real database and object store: what is a new file, what is not, and whose failure it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from real_estate_assets.stores.object_store import open_store
from real_estate_assets.stores.warehouse import evidence, tenants
from tests.made_platform import (
    ROLL_COLUMNS,
    Platform,
    csv_bytes,
    parcel_layer,
    parcel_source,
    platform,
    roll_rows,
    roll_source,
)

GOOD, OTHER = csv_bytes(roll_rows()), csv_bytes(roll_rows(raise_by=5))
NODE = "landing/source_files"


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for the module; each test has tenants of its own."""
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("landing") / "platform") as opened:
        yield opened


def _files(made: Platform, tenant: str) -> list[tuple[int, str]]:
    return [(f.file_no, f.uri) for f in evidence.files(made.warehouse, tenant)]


def _version(made: Platform, tenant: str) -> str:
    return made.materializations(NODE, tenant)[0]["dagster/data_version"]


def test_the_same_bytes_are_one_file_for_ever(made: Platform) -> None:
    made.add("same", [roll_source("roll.csv")], {"roll.csv": GOOD})
    assert made.run_only("landing", "same") == {}
    first = _version(made, "same")
    os.utime(made.inbox / "same" / "roll.csv", (1, 1))
    assert made.run_only("landing", "same") == {}
    assert _files(made, "same") == [(1, "roll.csv")]
    assert _version(made, "same") == first
    assert len(list(open_store(made.settings, "same").list())) == 1
    assert made.latest(NODE, "same")["files_new"] == 0


def test_changed_bytes_are_a_new_file_and_the_old_ones_stay(made: Platform) -> None:
    made.add("changed", [roll_source("roll.csv")], {"roll.csv": GOOD})
    made.run_only("landing", "changed")
    first = evidence.files(made.warehouse, "changed")[0]
    made.put("changed", {"roll.csv": OTHER})
    assert made.run_only("landing", "changed") == {}
    store = open_store(made.settings, "changed")
    assert len(list(store.list())) == 2
    assert made.one("select sha256 from prov.source_file where tenant_id = 'changed' and file_no = 1") == first.sha256


def test_what_is_awaited_may_be_missing_and_counts_once_it_is_there(made: Platform) -> None:
    later = {"uri": "later.csv", "vintage": "2013-01-01", "awaited": True}
    made.add("awaiting", [roll_source("roll.csv", later)], {"roll.csv": GOOD})
    assert made.run_only("landing", "awaiting") == {}
    assert made.latest(NODE, "awaiting")["files_awaited"] == "later.csv"
    made.put("awaiting", {"later.csv": OTHER})
    made.run_only("landing", "awaiting")
    assert _files(made, "awaiting") == [(1, "roll.csv"), (2, "later.csv")]


def test_a_file_that_was_taken_from_its_place_after_it_landed_still_counts(made: Platform) -> None:
    later = {"uri": "later.csv", "vintage": "2013-01-01", "awaited": True}
    made.add("archived", [roll_source("roll.csv", later)], {"roll.csv": GOOD, "later.csv": OTHER})
    made.run_only("landing", "archived")
    version = _version(made, "archived")
    (made.inbox / "archived" / "later.csv").unlink()
    assert made.run_only("landing", "archived") == {}
    assert _files(made, "archived") == [(1, "roll.csv"), (2, "later.csv")]
    assert _version(made, "archived") == version, "nothing changed for whoever reads it"


def test_a_missing_file_is_its_tenants_failure_alone(made: Platform) -> None:
    made.add(
        "without", [roll_source("roll.csv"), parcel_source("parcels.geojson")], {"parcels.geojson": parcel_layer()}
    )
    made.add("beside", [roll_source("roll.csv")], {"roll.csv": GOOD})
    failed = made.run_only("landing", "without", "beside")
    assert set(failed) == {"without"}
    assert "roll.csv" in failed["without"]
    assert "Deliver it" in failed["without"]
    assert made.materializations(NODE, "without") == []
    assert len(made.materializations(NODE, "beside")) == 1
    assert made.one("select count(*) from prov.source_file where tenant_id = 'without'") == 1, (
        "the other file has landed"
    )


def test_another_column_map_reads_the_file_again_and_another_licence_does_not(made: Platform) -> None:
    made.add("described", [roll_source("roll.csv")], {"roll.csv": GOOD})
    made.run_only("landing", "described")
    version = _version(made, "described")
    made.add("described", [roll_source("roll.csv", licence="CC-BY-4.0")], {})
    made.run_only("landing", "described")
    assert _version(made, "described") == version
    assert made.one("select licence from prov.source_file where tenant_id = 'described'") == "CC-BY-4.0"
    fewer = {name: how for name, how in ROLL_COLUMNS.items() if name != "sale_price_usd"}
    made.add("described", [roll_source("roll.csv", columns=fewer)], {})
    made.run_only("landing", "described")
    assert _version(made, "described") != version
    assert _files(made, "described") == [(1, "roll.csv")]


def test_what_is_described_no_more_does_not_count(made: Platform) -> None:
    made.add(
        "fewer", [roll_source("roll.csv"), parcel_source("p.geojson")], {"roll.csv": GOOD, "p.geojson": parcel_layer()}
    )
    made.run_only("landing", "fewer")
    made.add("fewer", [roll_source("roll.csv")], {})
    made.run_only("landing", "fewer")
    assert _files(made, "fewer") == [(1, "roll.csv")]
    assert made.one("select count(*) from prov.source_file where tenant_id = 'fewer'") == 2, "kept all the same"


def test_bytes_cannot_become_another_type_of_record(made: Platform) -> None:
    made.add("turned", [roll_source("roll.csv")], {"roll.csv": GOOD})
    made.run_only("landing", "turned")
    owners = {"account_number": "PID", "owner_name_raw": "Address"}
    made.add("turned", [roll_source("roll.csv", kind="company_owners", record_type="owner", columns=owners)], {})
    failed = made.run_only("landing", "turned")
    assert "as property records" in failed["turned"]
    assert "Give the source another name" in failed["turned"]


def test_a_tenant_removed_while_its_partition_is_still_there_stops_nobody(made: Platform) -> None:
    from real_estate_assets.cli.running import RANGE_END, RANGE_START
    from real_estate_assets.definitions import defs
    from real_estate_assets.defs.tenants.registry import mirror

    made.add("gone", [roll_source("roll.csv")], {"roll.csv": GOOD})
    made.add("stays", [roll_source("roll.csv")], {"roll.csv": GOOD})
    mirror(made.instance, {t.tenant_id for t in tenants.list_tenants(made.warehouse)})
    tenants.remove_tenant(made.warehouse, "gone")
    job = defs.resolve_job_def("landing_job")
    tags = {RANGE_START: "gone", RANGE_END: "stays"}
    job.execute_in_process(instance=made.instance, tags=tags, raise_on_error=False)
    assert len(made.materializations(NODE, "stays")) == 1
    assert made.materializations(NODE, "gone") == []


def test_a_tenant_registered_again_is_out_of_date(made: Platform) -> None:
    from real_estate_assets.defs.stages import PLAN, stale_tenants

    for _ in range(2):
        made.add("again", [roll_source("roll.csv")], {"roll.csv": GOOD})
        assert stale_tenants(made.instance, made.warehouse, PLAN[0], ["again"]) == ["again"]
        made.run_only("landing", "again")
        assert stale_tenants(made.instance, made.warehouse, PLAN[0], ["again"]) == []
        tenants.remove_tenant(made.warehouse, "again")
    versions = {tags["dagster/data_version"] for tags in made.materializations(NODE, "again")}
    assert len(versions) == 2, "the same bytes, and another registration: whoever reads it must read it anew"
