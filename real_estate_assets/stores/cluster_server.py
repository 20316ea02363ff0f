"""The Postgres server's programs: find them, make a data directory, start it, stop it, see whether it runs.

Belongs here: initdb, pg_ctl and the pid file. Does not belong here: where files stand (cluster_files), what the
server is told (cluster_tuning), roles and databases (cluster_roles).
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from real_estate_assets.settings import ROLE_NAMES, ClusterPointer
from real_estate_assets.stores.cluster_files import ClusterError, port_in_use, remove_tree, write_private

START_SECONDS = 120  # crash recovery of a demo's WAL took 0.3 s; a machine under load may need far longer
STOP_SECONDS = 60
OLDEST_MAJOR = 15  # security_invoker views came with 15
# Where distributions and Homebrew put the server's programs; pg_ctl is seldom in PATH.
PROGRAM_DIRS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)


def installed_programs() -> dict[int, Path]:
    """Folders with initdb and pg_ctl by major version, 15 and newer only."""
    folders = [folder for pattern in PROGRAM_DIRS for folder in Path("/").glob(pattern)]
    in_path = shutil.which("pg_ctl")
    if in_path:
        folders.append(Path(in_path).resolve().parent)
    complete = [folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()]
    by_major = {_major(folder): folder for folder in complete}
    return {major: folder for major, folder in by_major.items() if major >= OLDEST_MAJOR}


def _major(folder: Path) -> int:
    told = subprocess.run([folder / "pg_ctl", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)", told)
    return int(found.group(1)) if found else 0


class Server:
    """The server of one home, run as ``user``. It never touches a file outside that home and its socket folder."""

    def __init__(self, pointer: ClusterPointer, user: pwd.struct_passwd) -> None:
        self.pointer = pointer
        self.user = user
        self.data = pointer.data_dir
        self.log = pointer.home / "postgres.log"

    def programs(self) -> Path:
        """Programs of the version that made the data directory; of the newest before it is made.

        Raises ClusterError when no usable version, or not that one, is installed.
        """
        installed = installed_programs()
        if not installed:
            raise ClusterError(
                f"no PostgreSQL server of version {OLDEST_MAJOR} or newer found. On Debian or Ubuntu run "
                "`scripts/bootstrap.sh`; on macOS `brew install postgresql@17 postgis`."
            )
        version = self.data / "PG_VERSION"
        wanted = int(version.read_text()) if version.exists() else max(installed)
        if wanted not in installed:
            raise ClusterError(
                f"{self.data} was made by PostgreSQL {wanted}, which is not installed here any more. "
                f"Install postgresql-{wanted} with its PostGIS, or start afresh with `make clean`."
            )
        return installed[wanted]

    def _run(self, program: str, *arguments: str | Path, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as its user, with a small environment of our own."""
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:  # only root may become somebody else, and Postgres refuses to be root
            identity = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        command: Sequence[str | Path] = [self.programs() / program, *arguments]
        try:
            return subprocess.run(
                command,
                cwd=self.pointer.home,  # the caller's folder may be closed to that user
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.pointer.home)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                **identity,
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{program} did not end within {seconds:.0f} s; see {self.log}.") from error

    def initialise(self, superuser_password: str) -> None:
        """Make the data directory. It appears under its name only when complete, so a killed try leaves nothing.

        Raises ClusterError with initdb's own words.
        """
        part = self.data.with_name("data.part")  # what an earlier try left, if it was killed
        remove_tree(part)
        password_file = self.pointer.home / "superuser.pw"
        write_private(password_file, superuser_password, self.user)
        try:
            made = self._run(
                "initdb",
                *("--pgdata", part, "--username", ROLE_NAMES["superuser"], "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions"),
                *(("--no-sync",) if self.pointer.throwaway else ()),
                seconds=START_SECONDS,
            )
        finally:
            password_file.unlink()
        if made.returncode != 0:
            remove_tree(part)
            raise ClusterError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        part.rename(self.data)

    def pid(self) -> int | None:
        """The live postmaster's process id; None when the server is down, also when a stale pid file says otherwise."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if "postgres -D" in _command(pid) else None

    def running_port(self) -> int:
        """The port of the running server, which may have been started before the pointer was lost."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[3])

    def start(self, conf: str) -> None:
        """Write the configuration, start the server and wait until it accepts connections.

        Raises ClusterError when the port is taken, an old server still winds down, or Postgres refuses; the message
        then ends with the last lines of its log.
        """
        if port_in_use(self.pointer.port):
            raise ClusterError(
                f"port {self.pointer.port} of 127.0.0.1, which this clone's cluster remembers, is held by another "
                "program. Stop that program, or take another port with `reos up --new-port`."
            )
        self._clear_stale_locks()
        write_private(self.data / "postgresql.conf", conf, self.user)
        started = self._run(
            "pg_ctl",
            *("start", "--pgdata", self.data, "--wait", "--timeout", str(START_SECONDS), "--log", self.log),
            seconds=START_SECONDS + 10,
        )
        if started.returncode != 0:
            raise ClusterError(f"Postgres did not start. The end of {self.log}:\n{self.log_tail()}")

    def _clear_stale_locks(self) -> None:
        """Remove lock files whose process is gone or is not Postgres: after a reboot its number may be anybody's.

        Postgres removes most stale files itself, but not where the number now belongs to a program of the same user,
        nor where the dead process was never reaped (a container without an init). The shared memory segment named
        in the file shows whether a child of the dead postmaster still lives.
        """
        file = self.data / "postmaster.pid"
        if self.pid() is not None:
            return
        lines = file.read_text().splitlines() if file.exists() else []
        segment = lines[6].split()[1] if len(lines) > 6 and len(lines[6].split()) == 2 else None
        if segment is not None and segment in _attached_segments():
            raise ClusterError("the last Postgres of this clone crashed and its children still end; try again soon.")
        file.unlink(missing_ok=True)
        for lock in self.pointer.socket_dir.glob(".s.PGSQL.*"):  # the folder is this server's alone
            lock.unlink(missing_ok=True)

    def stop(self) -> bool:
        """Stop the server, cutting off its clients; False when it was not running. Raises ClusterError if it stays."""
        if self.pid() is None:
            return False
        stopped = self._run(
            "pg_ctl",
            *("stop", "--pgdata", self.data, "--wait", "--timeout", str(STOP_SECONDS), "--mode"),
            "immediate" if self.pointer.throwaway else "fast",
            seconds=STOP_SECONDS + 10,
        )
        if stopped.returncode != 0 and self.pid() is not None:
            raise ClusterError(
                f"Postgres did not stop: {stopped.stderr.strip()} The end of its log:\n{self.log_tail()}"
            )
        return True

    def log_tail(self, lines: int = 8) -> str:
        """The last lines of the server's log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError as error:
            return f"(no log: {error.strerror})"


def _command(pid: int) -> str:
    """The command line of a process; empty when there is no such process."""
    told = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _attached_segments() -> set[str]:
    """Ids of the System V shared memory segments that some process still uses (Linux; elsewhere none is known)."""
    try:
        rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    except OSError:
        return set()
    return {row.split()[1] for row in rows if int(row.split()[6]) > 0}
