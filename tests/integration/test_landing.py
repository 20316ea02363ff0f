"""Landing one tenant's files without Dagster: bytes kept once, slips named, signatures that tell of a change.

The stage as a whole is tried in `test_stage_landing.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from real_estate_assets.core.tenants import parse_tenant_file
from real_estate_assets.defs.landing.landing import Landing, land
from real_estate_assets.defs.landing.signatures import source_signatures
from real_estate_assets.settings import Settings
from real_estate_assets.stores.object_store import open_store
from real_estate_assets.stores.warehouse import Warehouse, evidence
from real_estate_assets.stores.warehouse.tenants import add_tenant, update_tenant

DESCRIPTION = """\
tenant: acme
name: Acme
county_fips: ["25017"]
sources:
  - name: roll
    kind: assessor_roll
    record_type: property
    format: csv
    licence: PDDL-1.0
    origin: made for this test
    columns: {parcel_number: parcel}
    files:
      - {uri: 2013.csv, vintage: 2013-01-01}
      - {uri: 2014.csv, vintage: 2014-01-01, awaited: true}
"""


@pytest.fixture
def warehouse(warehouse_db: Any, tmp_path: Path) -> Warehouse:
    opened = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    add_tenant(opened, "acme", tenant_name="Acme", description=DESCRIPTION, base_uri=tmp_path.as_uri())
    return opened


@pytest.fixture
def landing(warehouse: Warehouse, tmp_path: Path) -> Callable[..., Landing]:
    """Lands what a description says; files stand in tmp_path, objects in a folder beside."""
    store = open_store(Settings(environment="test", state_dir=tmp_path / "state"), "acme")

    def run(description: str = DESCRIPTION) -> Landing:
        return land(warehouse, store, parse_tenant_file(description, name="acme.yaml"), tmp_path.as_uri())

    return run


def test_a_file_lands_once_and_a_second_landing_is_no_news(
    landing: Callable[..., Landing], warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "2013.csv").write_text("parcel\n1-1\n")
    first, second = landing(), landing()
    assert ([f.uri for f in first.landed], first.awaited, first.problems) == (["2013.csv"], ["2014.csv"], [])
    assert ([f.is_new for f in first.landed], [f.is_new for f in second.landed]) == ([True], [False])
    assert first.data_version == second.data_version
    (file,) = evidence.files(warehouse, "acme")
    store = open_store(Settings(environment="test", state_dir=tmp_path / "state"), "acme")
    store.fetch_to(file.object_key, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_text() == "parcel\n1-1\n"
    assert (file.sha256, file.byte_count) == (first.landed[0].sha256, 11)


def test_the_same_bytes_under_two_names_are_a_slip_and_not_two_vintages(
    landing: Callable[..., Landing], tmp_path: Path
) -> None:
    for name in ("2013.csv", "2014.csv"):
        (tmp_path / name).write_text("parcel\n1-1\n")
    (problem,) = landing().problems
    assert "2014.csv holds exactly the bytes of 2013.csv" in problem


def test_what_is_described_no_more_counts_no_more_and_a_landing_with_a_problem_decides_nothing(
    landing: Callable[..., Landing], warehouse: Warehouse, tmp_path: Path
) -> None:
    def counting() -> list[str]:
        return [file.uri for file in evidence.files(warehouse, "acme")]

    for year in ("2013", "2014"):
        (tmp_path / f"{year}.csv").write_text(f"parcel\n{year}\n")
    landing()
    assert counting() == ["2013.csv", "2014.csv"]
    only_2014 = DESCRIPTION.replace("      - {uri: 2013.csv, vintage: 2013-01-01}\n", "")
    problematic = (
        only_2014.replace("vintage: 2014-01-01, awaited: true", "vintage: 2014-01-01") + "      - {uri: x.csv}\n"
    )
    assert len(landing(problematic).problems) == 1
    assert counting() == ["2013.csv", "2014.csv"]
    assert landing(only_2014).problems == []
    assert counting() == ["2014.csv"]
    (tmp_path / "2014.csv").unlink()
    assert landing(only_2014).awaited == ["2014.csv"]
    assert counting() == ["2014.csv"], "landed bytes stay when the file is gone"


def test_signatures_tell_from_outside_that_a_file_or_the_description_changed(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    from real_estate_assets.stores.warehouse.tenants import get_tenant

    (tmp_path / "2013.csv").write_text("parcel\n1-1\n")
    before = source_signatures(get_tenant(warehouse, "acme"))
    assert before["roll/2014.csv"] == "missing"
    assert source_signatures(get_tenant(warehouse, "acme")) == before
    (tmp_path / "2013.csv").write_text("parcel\n1-1\n1-2\n")
    (tmp_path / "2014.csv").write_text("parcel\n")
    after = source_signatures(get_tenant(warehouse, "acme"))
    assert {name for name in before if before[name] != after[name]} == {"roll/2013.csv", "roll/2014.csv"}
    update_tenant(
        warehouse,
        "acme",
        tenant_name="Acme",
        description=DESCRIPTION.replace("name: Acme", "name: Acme & Co"),
        base_uri=tmp_path.as_uri(),
    )
    changed = source_signatures(get_tenant(warehouse, "acme"))
    assert {name for name in after if after[name] != changed[name]} == {"description"}
