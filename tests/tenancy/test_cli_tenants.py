"""`reos tenant` as a person runs it: a tenant is checked, added, listed, and removed from every store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from real_estate_assets.settings import Settings, process_environment
from real_estate_assets.stores.local_cluster import LocalCluster
from real_estate_assets.stores.object_store import open_store
from real_estate_assets.stores.online_features import StaleOnlineStoreError, open_online_features
from real_estate_assets.stores.online_features.materializing import materialize
from real_estate_assets.stores.vectors import open_vectors
from real_estate_assets.stores.warehouse import Warehouse
from tests.made_manifest import bring_manifest
from tests.made_vectors import made_points

Reos = Callable[..., subprocess.CompletedProcess[str]]

DESCRIPTION = """\
tenant: test-town
name: Test Town
county_fips: ["25017"]
sources:
  - name: roll
    kind: assessor_roll
    record_type: property
    format: csv
    licence: PDDL-1.0
    origin: made for this test
    columns:
      parcel_number: parcel
      year_built: {column: built, min: 1630, max: 2024}
    files:
      - {uri: roll.csv, vintage: 2014-01-01}
      - {uri: next.csv, vintage: 2015-01-01, awaited: true}
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("reos") / "state"
    cluster = LocalCluster(Settings(environment="test", state_dir=folder), throwaway=True)
    cluster.start()
    bring_manifest(folder)
    yield folder
    cluster.destroy()


@pytest.fixture(scope="module")
def reos(state: Path) -> Reos:
    def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("reos"), *arguments],
            env=process_environment({"REOS_STATE_DIR": str(state), "COLUMNS": "160"}),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    return run


@pytest.fixture
def description(tmp_path: Path) -> Path:
    (tmp_path / "roll.csv").write_text("parcel,built\nA-1,1900\nA-2,16\n")
    path = tmp_path / "test-town.yaml"
    path.write_text(DESCRIPTION)
    return path


def test_check_needs_no_postgres_and_shows_the_first_rows_mapped(description: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("reos"), "tenant", "check", str(description)],
        env=process_environment({"REOS_STATE_DIR": str(tmp_path / "nothing here"), "COLUMNS": "160"}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "2 records, 0 of them refused" in done.stdout
    assert "1 cells of year_built made null as out_of_bounds, e.g. record 1: '16'" in done.stdout
    assert "next.csv  property  is not there yet, and is awaited" in done.stdout
    cells = [line.split() for line in done.stdout.splitlines()]
    assert ["parcel_number", "parcel", "A-1", "A-2"] in cells
    assert ["year_built", "built", "1900", "null"] in cells


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("    columns:\n", "    colums:\n"), "11: sources[0].colums: 'colums' is not a word"),
        (("tenant: test-town", "tenant: test'town"), ":1: tenant: "),
        (("parcel_number: parcel", "parcel_number: parzel"), "parzel"),
        (("roll.csv", "../roll.csv"), "../roll.csv"),
        (("vintage: 2015-01-01, awaited: true", "vintage: 2015-01-01"), "next.csv"),
    ],
)
def test_check_says_what_is_wrong_and_fails(change: tuple[str, str], says: str, description: Path, reos: Reos) -> None:
    description.write_text(DESCRIPTION.replace(*change))
    done = reos("tenant", "check", str(description))
    assert done.returncode == 1
    assert says in done.stdout
    assert "Traceback" not in done.stderr


def test_a_tenant_comes_changes_and_goes(description: Path, state: Path, reos: Reos) -> None:
    assert reos("up").returncode == 0
    settings = Settings(environment="test", state_dir=state)
    assert "No tenant yet" in reos("tenant", "list").stdout
    added = reos("tenant", "add", str(description))
    assert added.returncode == 0, added.stderr
    assert "test-town is registered" in added.stdout
    assert "reos materialize --tenant test-town" in added.stdout
    assert "Nothing changed" in reos("tenant", "add", str(description)).stdout
    description.write_text(DESCRIPTION.replace("Test Town", "Testville"))
    assert "brought up to date" in reos("tenant", "add", str(description)).stdout
    assert "Testville" in reos("tenant", "list").stdout
    login = dict(line.split() for line in reos("tenant", "analyst", "test-town").stdout.splitlines()[:3])
    with psycopg.connect(settings.dsn("owner"), user=login["login"], password=login["password"]) as connection:
        assert connection.execute("select tenant_name from tenancy.tenant").fetchall() == [("Testville",)]
    stored = open_store(settings, "test-town").put_file(description.parent / "roll.csv", "roll")
    assert stored.created
    open_vectors(settings).publish("test-town", "v1", made_points(3))
    materialize(settings, Warehouse(settings.dsn("owner"), settings.dsn("app")), "test-town")
    assert open_online_features(settings, "test-town").state().rows == {"property": 0, "market": 0}

    refused = reos("tenant", "remove", "test-town", typed="test-twon\n")
    assert (refused.returncode, "nothing of test-town was removed" in refused.stderr) == (1, True)
    removed = reos("tenant", "remove", "test-town", typed="test-town\n")
    assert removed.returncode == 0, removed.stderr
    assert "object store: 1 files" in removed.stdout
    assert "vectors: all of its points" in removed.stdout
    assert "online features: its rows" in removed.stdout
    with pytest.raises(StaleOnlineStoreError):
        open_online_features(settings, "test-town").state()
    assert open_vectors(settings).kept("test-town") == []
    assert list(open_store(settings, "test-town").list()) == []
    again = reos("tenant", "remove", "test-town", "--yes")
    assert (again.returncode, "there is no tenant 'test-town'" in again.stderr) == (1, True)
    odd = reos("tenant", "remove", "x'; drop schema marts; --", "--yes")
    assert (odd.returncode, "is no tenant" in odd.stderr) == (1, True)
    with psycopg.connect(settings.dsn("superuser")) as connection:
        assert connection.execute("select count(*) from tenancy.tenant").fetchall() == [(0,)]
        assert connection.execute("select count(*) from pg_roles where rolname ~ '^reos_an_'").fetchall() == [(0,)]
