"""The private Postgres of this clone: made on first use, started, stopped, destroyed; no system service is touched.

Belongs here: the life of a cluster from nothing to migrated databases, in the order that survives being killed
anywhere. Does not belong here: paths and files (cluster_files), Postgres' programs (cluster_server), its numbers
(cluster_tuning), roles (cluster_roles), schema (migrations).

What a crash leaves, and what the next `up` does with it:
  passwords without a data directory   used for the new one
  a half-made data directory           it is called data.part; removed
  a lost pointer                       a new one to the same data, with the passwords that are known
  a data directory, nothing else       an earlier clone at this path: stopped, set aside as <home>.previous
  a stale pid file                     removed once no process uses its shared memory
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg

from real_estate_assets.settings import (
    ROLE_NAMES,
    ClusterPointer,
    Settings,
    pointer_file,
    read_pointer,
    read_secrets,
    secrets_file,
)
from real_estate_assets.stores import cluster_files as files
from real_estate_assets.stores import cluster_roles as roles
from real_estate_assets.stores.cluster_files import ClusterError
from real_estate_assets.stores.cluster_server import Server
from real_estate_assets.stores.cluster_tuning import machine_memory, postgresql_conf

__all__ = ["ClusterError", "ClusterStatus", "LocalCluster"]

Tell = Callable[[str], None]


@dataclass(frozen=True)
class ClusterStatus:
    """What is known of the cluster without changing anything."""

    state: Literal["absent", "stopped", "running"]
    pointer: ClusterPointer | None = None
    pid: int | None = None


def _silent(_: str) -> None:
    return


class LocalCluster:
    """The cluster that belongs to one state directory. ``throwaway``: no fsync, for tests."""

    def __init__(self, settings: Settings, *, throwaway: bool = False, tell: Tell = _silent) -> None:
        if settings.warehouse_host is not None:
            raise ClusterError(
                f"REOS_WAREHOUSE_HOST is set ({settings.warehouse_host}): that server is not ours to start or stop."
            )
        self.settings = settings
        self.state_dir = settings.state_dir
        self.throwaway = throwaway
        self.tell = tell

    def status(self) -> ClusterStatus:
        """Whether the cluster exists and runs. Changes nothing. Raises ClusterError when it is somebody else's."""
        pointer = read_pointer(self.state_dir)
        if pointer is not None:
            self._check_ours(pointer)
        if pointer is None or not pointer.data_dir.exists():
            return ClusterStatus("absent", pointer)
        pid = self._server(pointer).pid()
        return ClusterStatus("stopped" if pid is None else "running", pointer, pid)

    def start(self, *, new_port: bool = False) -> ClusterPointer:
        """Make the cluster if there is none, start it if it is down, and put its roles and databases right.

        ``new_port``: forget the remembered port and choose a free one. Raises ClusterError; calling it again after
        any failure or kill goes on where it stopped.
        """
        with files.only_one(self.state_dir):
            pointer = read_pointer(self.state_dir) or self._new_pointer()
            self._check_ours(pointer)
            server = self._server(pointer)
            passwords = self._passwords(pointer)
            self._make(server, passwords)
            running = server.pid() is not None
            port = server.running_port() if running else files.free_port() if new_port else pointer.port
            pointer = pointer.model_copy(update={"port": port})
            server = self._server(pointer)
            files.write_pointer(self.state_dir, pointer)
            if not running:
                self.tell(f"Starting Postgres on 127.0.0.1:{pointer.port}")
                server.start(self._conf(pointer))
            self._ensure_databases(pointer, passwords)
            return pointer

    def migrate(self) -> list[str]:
        """Bring the warehouse's schema up to date; returns the names of the migrations applied now."""
        from real_estate_assets.stores.migrations import migrate

        return migrate(self.settings.dsn("superuser"), self.settings.dsn("owner"))

    def stop(self) -> bool:
        """Stop this cluster's server and no other; False when it was not running."""
        with files.only_one(self.state_dir):
            status = self.status()
            return status.pointer is not None and status.state == "running" and self._server(status.pointer).stop()

    def destroy(self) -> None:
        """Stop the server and delete the cluster's files, pointer and passwords. The data are gone."""
        with files.only_one(self.state_dir):
            pointer = read_pointer(self.state_dir)
            if pointer is None:
                return
            self._check_ours(pointer)
            self._server(pointer).stop()
            files.remove_tree(pointer.home)
            files.remove_tree(pointer.socket_dir)
            pointer_file(self.state_dir).unlink(missing_ok=True)
            secrets_file(self.state_dir).unlink(missing_ok=True)

    @contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A superuser's connection in autocommit, for what no other role may do."""
        with psycopg.connect(self.settings.dsn("superuser", database), autocommit=True) as connection:
            yield connection

    def _server(self, pointer: ClusterPointer) -> Server:
        return Server(pointer, files.run_as())

    def _new_pointer(self) -> ClusterPointer:
        home = files.choose_home(self.state_dir)
        if ROLE_NAMES["superuser"] not in read_secrets(self.state_dir):
            self._set_aside(home)
        return ClusterPointer(
            host="127.0.0.1",
            port=files.free_port(),
            home=home,
            socket_dir=files.choose_socket_dir(home),
            os_user=files.run_as().pw_name,
            throwaway=self.throwaway,
        )

    def _conf(self, pointer: ClusterPointer) -> str:
        memory = machine_memory()
        return postgresql_conf(
            port=pointer.port, socket_dir=pointer.socket_dir, memory=memory, throwaway=pointer.throwaway
        )

    def _check_ours(self, pointer: ClusterPointer) -> None:
        """Refuse a cluster of another user, or one that a copied pointer shares with another clone."""
        me = files.run_as().pw_name
        if pointer.os_user != me:
            raise ClusterError(
                f"the cluster of {self.state_dir} runs as the user {pointer.os_user}; as {me} it cannot be "
                "managed. Use the user who made it, or set REOS_STATE_DIR to a folder of your own."
            )
        marker = pointer.home / "state_dir"
        if not marker.exists():
            return
        other = Path(marker.read_text().strip())
        if other != self.state_dir and pointer_file(other).exists():  # if it is gone, the clone was moved
            raise ClusterError(
                f"{pointer_file(self.state_dir)} is a copy: its cluster belongs to {other}. Delete {self.state_dir} "
                "and run `reos up` to give this clone a cluster of its own."
            )

    def _set_aside(self, home: Path) -> None:
        """Stop and rename the cluster of an earlier clone at the same path, of which only the home was left.

        Its passwords went with its state directory and its landed files too, so it cannot be used; one such home is
        kept, in case the state directory was deleted by mistake.
        """
        if not (home / "data").exists():
            return
        previous = home.with_name(home.name + ".previous")
        self.tell(f"An earlier cluster stands at {home} without its state directory: set aside as {previous}")
        orphan = ClusterPointer(host="", port=0, home=home, socket_dir=home, os_user="")
        self._server(orphan).stop()
        files.remove_tree(previous)
        home.rename(previous)

    def _passwords(self, pointer: ClusterPointer) -> dict[str, str]:
        known = read_secrets(self.state_dir)
        if pointer.data_dir.exists() and ROLE_NAMES["superuser"] not in known:
            raise ClusterError(
                f"the passwords of the cluster in {pointer.home} are gone: {secrets_file(self.state_dir)} is "
                "missing. Restore that file, or start afresh with `make clean`."
            )
        return files.ensure_secrets(self.state_dir)

    def _make(self, server: Server, passwords: dict[str, str]) -> None:
        pointer = server.pointer
        files.make_home(pointer.home, server.user)
        files.make_private_dir(pointer.socket_dir, server.user)
        files.write_private(pointer.home / "state_dir", f"{self.state_dir}\n")
        if not server.data.exists():
            self.tell(f"Making a private Postgres cluster in {pointer.home}")
            server.initialise(passwords[ROLE_NAMES["superuser"]])
        elif not (server.data / "PG_VERSION").exists():
            raise ClusterError(f"{server.data} is not a Postgres data directory. Move it away and run `reos up`.")

    def _ensure_databases(self, pointer: ClusterPointer, passwords: dict[str, str]) -> None:
        try:
            with self.superuser() as connection:
                roles.ensure_roles(connection, passwords)
                roles.ensure_warehouse(connection, self.settings.warehouse_database)
                roles.ensure_dagster(connection, self.settings.dagster_pg_database)
                connection.execute("revoke connect on database postgres, template1 from public")
        except psycopg.OperationalError as error:
            raise ClusterError(
                f"the Postgres of this clone runs on port {pointer.port} but refuses its superuser: {error}"
            ) from error
