"""The private cluster's life on a real Postgres: made, restarted, crashed, refused, moved, destroyed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from real_estate_assets.settings import Settings, pointer_file, read_pointer, secrets_file
from real_estate_assets.stores import cluster_files
from real_estate_assets.stores.local_cluster import ClusterError, LocalCluster


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[LocalCluster]:
    """A cluster of this test alone, not yet started; destroyed at the end."""
    yield from _alone(tmp_path, throwaway=True)


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[LocalCluster]:
    """The same, as people have it: what is committed survives."""
    yield from _alone(tmp_path, throwaway=False)


def _alone(tmp_path: Path, *, throwaway: bool) -> Iterator[LocalCluster]:
    made = LocalCluster(Settings(environment="test", state_dir=tmp_path / "state"), throwaway=throwaway)
    home = cluster_files.choose_home(made.state_dir)
    yield made
    made.destroy()
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(home.with_name(home.name + ".previous"), ignore_errors=True)


def _write(cluster: LocalCluster, number: int) -> None:
    with cluster.superuser("reos") as connection:
        connection.execute("create table if not exists public.kept (n integer)")
        connection.execute("insert into public.kept values (%s)", [number])


def _read(cluster: LocalCluster) -> list[int]:
    with cluster.superuser("reos") as connection:
        return [row[0] for row in connection.execute("select n from public.kept order by n").fetchall()]


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.startswith("Z"):
            return
        time.sleep(0.05)
    raise AssertionError(f"{pid} still runs")


def test_roles_are_plain_and_databases_apart(cluster: LocalCluster) -> None:
    with cluster.superuser() as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication "
            "from pg_roles where rolname = any(%s) order by 1",
            [["reos_analyst", "reos_app", "reos_auditor", "reos_dagster", "reos_owner"]],
        ).fetchall()
    assert rows == [
        ("reos_analyst", False, False),
        ("reos_app", True, False),
        ("reos_auditor", True, False),
        ("reos_dagster", True, False),
        ("reos_owner", True, False),
    ]
    settings = cluster.settings
    for user, role, foreign in (("reos_app", "app", "dagster"), ("reos_dagster", "dagster", "reos")):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(settings.login_dsn(user, settings.password(role), foreign))


def test_nobody_enters_without_the_password(cluster: LocalCluster) -> None:
    host, port = cluster.settings.address("warehouse")
    door = {"host": host, "port": port, "dbname": "postgres", "password": "wrong"}  # pragma: allowlist secret
    for user in ("postgres", "reos_owner", "reos_app", "reos_auditor"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(user=user, **door)
    assert secrets_file(cluster.state_dir).stat().st_mode & 0o777 == 0o600


def test_server_does_not_run_as_root_and_listens_on_loopback_only(cluster: LocalCluster) -> None:
    status = cluster.status()
    told = subprocess.run(["ps", "-o", "uid=", "-p", str(status.pid)], capture_output=True, text=True, check=True)
    assert int(told.stdout) == cluster_files.run_as().pw_uid != 0
    with cluster.superuser() as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)


def test_fresh_database_from_template(warehouse_db) -> None:
    with psycopg.connect(warehouse_db.dsn("owner")) as connection:
        found = connection.execute("select current_user, current_database()").fetchone()
    assert found == ("reos_owner", warehouse_db.name)


def test_life_from_nothing_to_nothing(durable: LocalCluster) -> None:
    assert durable.status().state == "absent"
    assert durable.stop() is False
    first = durable.start()
    assert durable.status().state == "running"
    _write(durable, 1)
    assert durable.start() == first, "a second start changes nothing"
    assert durable.stop() is True
    assert durable.stop() is False
    assert durable.status().state == "stopped"
    assert durable.start().port == first.port, "the port is remembered"
    assert _read(durable) == [1]
    durable.destroy()
    assert durable.status().state == "absent"
    assert not first.home.exists()


def test_crash_keeps_what_was_committed(durable: LocalCluster) -> None:
    durable.start()
    _write(durable, 7)
    pid = durable.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _wait_gone(pid)
    assert durable.status().state == "stopped"
    # The dead server's children leave within a moment; until then the start refuses and names them or their port.
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and durable.status().state != "running":
        with suppress(ClusterError):
            durable.start()
        time.sleep(0.2)
    assert _read(durable) == [7]


def test_stale_pid_file_whose_number_another_program_has_is_no_obstacle(lone: LocalCluster) -> None:
    pointer = lone.start()
    file = pointer.data_dir / "postmaster.pid"
    lines = file.read_text().splitlines()
    lone.stop()
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        file.write_text("\n".join([str(sleeper.pid), *lines[1:]]))
        assert lone.status().state == "stopped"
        assert lone.stop() is False
        lone.start()
        assert lone.status().pid != sleeper.pid
        assert sleeper.poll() is None, "a process that is not ours was left alone"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_taken_port_is_named_and_another_can_be_had(lone: LocalCluster) -> None:
    pointer = lone.start()
    lone.stop()
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", pointer.port))
        other.listen()
        with pytest.raises(ClusterError, match=rf"port {pointer.port} .* held by another program.*--new-port"):
            lone.start()
        assert lone.start(new_port=True).port != pointer.port
    assert lone.status().state == "running"


def test_half_made_data_directory_is_made_again(lone: LocalCluster) -> None:
    home = cluster_files.choose_home(lone.state_dir)
    (home / "data.part" / "base").mkdir(parents=True)
    lone.start()
    assert lone.status().state == "running"
    assert not (home / "data.part").exists()


def test_folder_that_is_no_data_directory_is_refused_untouched(lone: LocalCluster) -> None:
    pointer = lone.start()
    lone.stop()
    stray = pointer.data_dir / "PG_VERSION"
    kept = stray.read_text()
    stray.unlink()
    with pytest.raises(ClusterError, match="is not a Postgres data directory"):
        lone.start()
    stray.write_text(kept)
    lone.start()


def test_data_of_a_version_that_is_gone_are_refused(lone: LocalCluster) -> None:
    pointer = lone.start()
    lone.stop()
    (pointer.data_dir / "PG_VERSION").write_text("9\n")
    with pytest.raises(ClusterError, match="made by PostgreSQL 9, which is not installed"):
        lone.start()


def test_refusal_of_postgres_shows_its_log(lone: LocalCluster) -> None:
    pointer = lone.start()
    lone.stop()
    shutil.rmtree(pointer.data_dir / "global")
    with pytest.raises(ClusterError, match=r"did not start(.|\n)*global/pg_control"):
        lone.start()


def test_lost_pointer_is_written_again(durable: LocalCluster) -> None:
    pointer = durable.start()
    _write(durable, 3)
    pointer_file(durable.state_dir).unlink()
    assert durable.start().port == pointer.port, "found while running"
    durable.stop()
    pointer_file(durable.state_dir).unlink()
    durable.start()
    assert _read(durable) == [3]


def test_lost_passwords_are_named(lone: LocalCluster) -> None:
    lone.start()
    secrets_file(lone.state_dir).unlink()
    with pytest.raises(ClusterError, match=r"secrets\.json is missing\. Restore"):
        lone.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root does the home stand outside the state directory")
def test_deleted_state_directory_starts_afresh_and_keeps_the_old_data_aside(durable: LocalCluster) -> None:
    pointer = durable.start()
    _write(durable, 3)
    old = durable.status().pid
    assert old is not None
    shutil.rmtree(durable.state_dir)
    durable.start()
    _wait_gone(old)
    with durable.superuser("reos") as connection:
        assert connection.execute("select to_regclass('public.kept')").fetchone() == (None,)
    assert (pointer.home.with_name(pointer.home.name + ".previous") / "data" / "PG_VERSION").exists()


def test_copied_clone_neither_uses_nor_stops_the_original(lone: LocalCluster, tmp_path: Path) -> None:
    lone.start()
    shutil.copytree(lone.state_dir, tmp_path / "copy", ignore=shutil.ignore_patterns(".s.PGSQL*"))
    copy = LocalCluster(Settings(environment="test", state_dir=tmp_path / "copy"))
    for attempt in (copy.start, copy.stop, copy.destroy):
        with pytest.raises(ClusterError, match="is a copy: its cluster belongs to"):
            attempt()
    assert lone.status().state == "running"


def test_moved_clone_keeps_its_data(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    before = LocalCluster(Settings(environment="test", state_dir=old))
    before.start()
    _write(before, 5)
    before.stop()
    old.rename(new)
    after = LocalCluster(Settings(environment="test", state_dir=new))
    try:
        after.start()
        assert _read(after) == [5]
    finally:
        after.destroy()


def test_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    state = tmp_path / ("x" * 60) / ("ü " * 30) / "state"
    state.mkdir(parents=True)
    deep = LocalCluster(Settings(environment="test", state_dir=state), throwaway=True)
    try:
        pointer = deep.start()
        assert len(os.fsencode(pointer.socket_dir)) <= cluster_files.LONGEST_SOCKET_DIR
        assert pointer.socket_dir.stat().st_mode & 0o777 == 0o700
    finally:
        deep.destroy()
    assert read_pointer(state) is None
    assert not pointer.socket_dir.exists()


def test_two_starts_at_once_make_one_cluster(lone: LocalCluster) -> None:
    program = (
        "import sys; from pathlib import Path; from real_estate_assets.settings import Settings;"
        "from real_estate_assets.stores.local_cluster import LocalCluster;"
        "print(LocalCluster(Settings(environment='test', state_dir=Path(sys.argv[1]))).start().port)"
    )
    command = [sys.executable, "-c", program, str(lone.state_dir)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ports = {process.communicate(timeout=60)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert ports == {str(lone.start().port)}


def test_foreign_server_is_not_ours_to_start() -> None:
    with pytest.raises(ClusterError, match="not ours to start or stop"):
        LocalCluster(Settings(environment="test", warehouse_host="db.example"))
