"""`reos up`, `psql` and `down` as a person runs them: separate processes, real Postgres, real roles."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from real_estate_assets.settings import Settings, process_environment
from real_estate_assets.stores.local_cluster import LocalCluster

Reos = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state directory of a throwaway cluster; `reos up` finds it and brings it up to date."""
    folder = tmp_path_factory.mktemp("reos") / "state"
    cluster = LocalCluster(Settings(environment="test", state_dir=folder), throwaway=True)
    cluster.start()
    yield folder
    cluster.destroy()


@pytest.fixture(scope="module")
def reos(state: Path) -> Reos:
    """Run `reos` with arguments against that state directory."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("reos"), *arguments],
            env=process_environment({"REOS_STATE_DIR": str(state), **variables}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture(scope="module")
def up(reos: Reos, state: Path) -> None:
    """The cluster migrated, with two tenants."""
    done = reos("up")
    assert done.returncode == 0, done.stderr
    assert "migrations applied" in done.stdout
    with psycopg.connect(Settings(environment="test", state_dir=state).dsn("owner")) as connection:
        for tenant in ("acme-one", "birch"):
            connection.execute(
                "insert into tenancy.tenant (tenant_id, tenant_name, description, description_sha256, base_uri) "
                "values (%s, %s, 'd', 's', 'file:///d')",
                [tenant, tenant],
            )


@pytest.mark.usefixtures("up")
def test_up_again_changes_nothing(reos: Reos) -> None:
    done = reos("up")
    assert (done.returncode, done.stdout.count("up to date"), done.stdout.count("was running")) == (0, 3, 1)


@pytest.mark.usefixtures("up")
@pytest.mark.parametrize(
    ("options", "user", "tenants"),
    [
        ([], "reos_app", ""),
        (["--tenant", "acme-one"], "reos_app", "acme-one"),
        (["--analyst", "birch"], "reos_an_", "birch"),
        (["--owner"], "reos_owner", "acme-one,birch"),
    ],
)
def test_psql_is_the_role_it_says(reos: Reos, options: list[str], user: str, tenants: str) -> None:
    query = "select session_user, string_agg(tenant_id, ',' order by tenant_id) from tenancy.tenant"
    for _ in range(2):  # the analyst's login is made by the first call and remembered for the second
        done = reos("psql", *options, "-Atc", query)
        assert done.returncode == 0, done.stderr
        who, _, seen = done.stdout.strip().partition("|")
        assert who.startswith(user)
        assert seen == tenants


@pytest.mark.usefixtures("up")
def test_psql_as_analyst_survives_a_password_that_was_changed_elsewhere(reos: Reos, state: Path) -> None:
    assert reos("psql", "--analyst", "birch", "-c", "select 1").returncode == 0
    with psycopg.connect(Settings(environment="test", state_dir=state).dsn("owner")) as connection:
        connection.execute("select tenancy.create_analyst('birch', 'somebody else chose this')")
    again = reos("psql", "--analyst", "birch", "-Atc", "select 1")
    assert (again.returncode, again.stdout) == (0, "1\n")
    assert "has a new password" in again.stderr


@pytest.mark.usefixtures("up")
def test_psql_says_when_no_tenant_is_set(reos: Reos) -> None:
    done = reos("psql", "-Atc", "select 1")
    assert done.stdout == "1\n", "the note is not in what a script reads"
    assert "reos psql --tenant" in done.stderr


@pytest.mark.usefixtures("up")
def test_exit_code_of_psql_is_passed_on(reos: Reos) -> None:
    assert reos("psql", "--owner", "-v", "ON_ERROR_STOP=1", "-c", "select nonsense").returncode == 1


@pytest.mark.usefixtures("up")
@pytest.mark.parametrize("tenant", ["nobody", "x'; drop role reos_app; --", "acme-one -c app.tenant_id=birch", ""])
@pytest.mark.parametrize("option", ["--tenant", "--analyst"])
def test_unknown_or_malicious_tenant_is_refused(reos: Reos, option: str, tenant: str) -> None:
    done = reos("psql", option, tenant, "-Atc", "select 1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no tenant" in done.stderr
    assert "Traceback" not in done.stderr


def test_contradictory_roles_are_a_usage_error(reos: Reos) -> None:
    assert reos("psql", "--owner", "--tenant", "birch").returncode == 2


def test_error_is_a_line_and_debug_shows_where(reos: Reos) -> None:
    quiet = reos("up", REOS_ENVIRONMENT="prod")
    assert quiet.returncode == 1
    assert "local, test, production" in quiet.stderr
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in reos("--debug", "up", REOS_ENVIRONMENT="prod").stderr


def test_help_lists_commands_without_heavy_imports() -> None:
    program = (
        "import sys; sys.argv = ['reos', '--help']\n"
        "from real_estate_assets.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'dagster', 'pandas', 'psycopg', 'geopandas', 'great_expectations'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
    for command in ("up", "down", "psql", "ui"):
        assert f" {command} " in done.stdout


@pytest.mark.usefixtures("up")
def test_down_stops_and_can_delete(reos: Reos, state: Path) -> None:
    assert "Postgres" in reos("down").stdout
    assert "Nothing of this clone was running" in reos("down").stdout
    assert reos("down", "--destroy").returncode == 1, "nobody answered the question"
    (state / "notes.txt").write_text("not ours")
    assert reos("down", "--destroy", "--yes").returncode == 0
    assert [path.name for path in state.iterdir()] == ["notes.txt"]
