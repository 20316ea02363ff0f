"""Fixtures that every test may use: a real Postgres of our own, a migrated database, the shared test data.

Each pytest process (each xdist worker too) has a cluster of its own, made when first asked for, in about a second:
roles belong to a cluster, so workers that shared one would meet each other's tenants and analysts. It is the product's
own stores/local_cluster in throwaway mode (no fsync), as root run by an unprivileged user, and gone at the end.

Not here: fixtures of one area; they stand in the conftest.py of their folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from pydantic import SecretStr

from real_estate_assets.settings import Role, Settings
from real_estate_assets.stores import cluster_roles
from real_estate_assets.stores.local_cluster import LocalCluster

STATE_PREFIX = "reos-test-"
TEMPLATE = "reos_template"
MODULE_DATABASE = "reos_module"
# Folders by how long their modules take, longest first; what is in no list comes last. Within a folder: `slow` ones.
LONGEST_FIRST = ("end_to_end", "integration", "tenancy", "definitions")


def pytest_configure() -> None:
    """Tests are the same on every machine: no setting of the caller's reaches them, but where the shared data are."""
    for name in [name for name in os.environ if name.startswith("REOS_") and name != "REOS_TEST_DATA"]:
        del os.environ[name]
    # No deadline for one example: on a busy machine it would measure the machine.
    hypothesis.settings.register_profile("project", deadline=None, print_blob=True)
    hypothesis.settings.load_profile("project")
    # A shell without job control starts what stands before `&` with SIGINT ignored. Dagster hands SIGTERM to whatever
    # handles SIGINT, children inherit that, and each stop of a program would then wait for its time limit.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _leave_dbt_unmeasured()


def _leave_dbt_unmeasured() -> None:
    """Start dbt without coverage: no line of ours runs in it, and being measured takes it two thirds more CPU time."""
    from real_estate_assets.stores import dbt_process

    whole = dbt_process.process_environment

    def unmeasured(more: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in whole(more).items() if not name.startswith("COVERAGE_")}

    dbt_process.process_environment = unmeasured


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first: workers take whole modules, in this order, and one taken late would be waited for."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> tuple[int, bool]:
        folder = item.path.parent.name
        place = LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
        return place, item.path not in slow

    items.sort(key=rank)  # stable: within a module nothing moves


def pytest_sessionstart(session: pytest.Session) -> None:
    """Parse the dbt project if that is due: the code location reads the manifest. No database is asked for that."""
    from real_estate_assets.stores.dbt_process import DbtError, ensure_manifest

    if hasattr(session.config, "workerinput"):
        return  # the process that started the workers has done it
    nowhere = Settings(environment="test", warehouse_host="nowhere.invalid", warehouse_owner_password=SecretStr("none"))
    try:
        ensure_manifest(nowhere)
    except DbtError as error:  # what needs the manifest fails by itself; the rest can be tested all the same
        warnings.warn(str(error), stacklevel=1)


@dataclass(frozen=True)
class WarehouseDb:
    """One database of the throwaway cluster. ``settings`` points the product at it."""

    name: str
    settings: Settings

    def dsn(self, role: Role = "owner") -> str:
        """A libpq URL for a role: owner, app or superuser (dagster: Dagster's database of the same cluster)."""
        return self.settings.dsn(role)


def _sweep_abandoned() -> None:
    """Destroy clusters of test processes that were killed before their end (their folder names the process)."""
    for state in Path(tempfile.gettempdir()).glob(f"{STATE_PREFIX}*"):
        pid = state.name.removeprefix(STATE_PREFIX).split("-")[0]
        try:
            is_ours = state.stat().st_uid == os.geteuid()
        except FileNotFoundError:  # another worker was quicker
            continue
        if is_ours and pid.isdigit() and not _alive(int(pid)):
            LocalCluster(Settings(environment="test", state_dir=state)).destroy()
            shutil.rmtree(state, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """A running throwaway cluster with the platform's roles and two databases, not migrated."""
    _sweep_abandoned()
    state = Path(tempfile.mkdtemp(prefix=f"{STATE_PREFIX}{os.getpid()}-"))
    made = LocalCluster(Settings(environment="test", state_dir=state), throwaway=True)
    try:
        made.start()
        yield made
    finally:
        made.destroy()
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def template_db(cluster: LocalCluster) -> WarehouseDb:
    """A migrated database that others are copied from; nobody may connect to it."""
    from real_estate_assets.stores.migrations import migrate

    template = _database(cluster, TEMPLATE)
    with cluster.superuser() as connection:
        cluster_roles.ensure_warehouse(connection, TEMPLATE)
        migrate(template.dsn("superuser"), template.dsn("owner"))
        # A template must have no connection while it is copied.
        connection.execute(f"alter database {TEMPLATE} allow_connections false")
    return template


def _database(cluster: LocalCluster, name: str) -> WarehouseDb:
    return WarehouseDb(name, cluster.settings.model_copy(update={"warehouse_database": name}))


_numbers = count(1)


def _copies(cluster: LocalCluster) -> Iterator[Callable[..., WarehouseDb]]:
    made: list[str] = []

    def copy(name: str = "") -> WarehouseDb:
        name = name or f"reos_{next(_numbers)}_{time.time_ns() % 10**6}"
        with cluster.superuser() as connection:
            cluster_roles.drop_database(connection, name)  # fresh, whatever became of the one before it
            cluster_roles.ensure_warehouse(connection, name, template=TEMPLATE)
        made.append(name)
        return _database(cluster, name)

    yield copy
    with cluster.superuser() as connection:
        for name in made:
            cluster_roles.drop_database(connection, name)


@pytest.fixture
def new_warehouse_db(cluster: LocalCluster, template_db: WarehouseDb) -> Iterator[Callable[[], WarehouseDb]]:
    """Call it for a fresh migrated database (0.1 s each); all are dropped after the test."""
    yield from _copies(cluster)


@pytest.fixture
def warehouse_db(new_warehouse_db: Callable[[], WarehouseDb]) -> WarehouseDb:
    """A fresh migrated database of this test alone."""
    return new_warehouse_db()


@pytest.fixture(scope="module")
def module_warehouse_db(cluster: LocalCluster, template_db: WarehouseDb) -> Iterator[WarehouseDb]:
    """A fresh migrated database that the tests of one module share, for costly preparations.

    Its name is the same for every module: it is part of dbt's saved parse, which so serves all modules of a process.
    """
    copies = _copies(cluster)
    yield next(copies)(MODULE_DATABASE)
    next(copies, None)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of shared real test data; the test is skipped where it is absent (`.ci/run` refuses that)."""
    folder = Settings(environment="test").test_data_dir
    if not (folder / "README.md").exists():
        pytest.skip(f"shared test data not found at {folder}; set REOS_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a real Redis server of this process, with its password; see made_redis.py."""
    from tests.made_redis import NoRedisError, redis_server

    with ExitStack() as stack:
        try:
            url = stack.enter_context(redis_server())
        except NoRedisError as error:
            pytest.skip(str(error))  # not under `.ci/run`: bootstrap installs one there, or fails
        yield url
