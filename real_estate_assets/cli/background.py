"""Programs that go on after `reos` has ended: started, found again and stopped by exact identity.

Belongs here: pid files, signals. Does not belong here: which programs (cli/ui).

A pid alone is no identity, since numbers are reused: the file also keeps when the process started, and a process
that differs is never signalled. Each program leads a process group of its own, so that its children go with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

LOG_BYTES = 10_000_000  # beyond it a log is set aside at the next start; one older one is kept


@dataclass(frozen=True)
class Process:
    """A started program: its pid (also its group's id) and when it started, as the system tells it."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.started != "" and _start_time(self.pid) == self.started


def _start_time(pid: int) -> str:
    """When a process started; empty when there is none, or only its remains (a zombie)."""
    try:
        # What follows the name in brackets: state, ..., and as the 20th the start in clock ticks since boot.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _start_time_by_ps(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _start_time_by_ps(pid: int) -> str:
    """The same where there is no /proc (macOS). On Linux `ps` derives it from the clock and may differ by a second."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={"LC_ALL": "C", "PATH": os.defpath})
    state, _, started = told.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def start(command: Sequence[str], pid_file: Path, log: Path, environment: Mapping[str, str]) -> Process:
    """Start a program in the background, its output into ``log``, and remember it in ``pid_file``."""
    # Dagster hands SIGTERM to its SIGINT handler. A shell without job control starts what stands before `&` with
    # SIGINT ignored, children inherit that, and then SIGTERM does nothing: so SIGINT must not be ignored here.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
    process = Process(child.pid, _start_time(child.pid))
    pid_file.write_text(json.dumps(asdict(process)))
    return process


def remembered(pid_file: Path) -> Process | None:
    """The program of a pid file if it still runs; else None."""
    try:
        process = Process(**json.loads(pid_file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return process if process.alive() else None


def stop(pid_file: Path, *, seconds: float = 30) -> bool:
    """End a remembered program and its children, first by asking; False when it was not running."""
    process = remembered(pid_file)
    if process is not None:
        os.kill(process.pid, signal.SIGTERM)
        if not _ended(process, seconds):
            os.kill(process.pid, signal.SIGKILL)
        _end_group(process.pid)
    pid_file.unlink(missing_ok=True)
    return process is not None


def _ended(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _end_group(group: int, *, seconds: float = 15) -> None:
    """End what is left of a process group: code servers and run workers whose parent is gone."""
    deadline = time.monotonic() + seconds
    while _has_members(group):
        overdue = time.monotonic() > deadline
        with suppress(ProcessLookupError, PermissionError):  # gone meanwhile (macOS says it is not permitted)
            os.killpg(group, signal.SIGKILL if overdue else signal.SIGTERM)
        if overdue:
            return
        time.sleep(0.2)


def _has_members(group: int) -> bool:
    """Whether a live process is in the group. Remains that nobody has collected (zombies) do not count."""
    command = ["ps", "-A", "-o", "pgid=,stat="]
    rows = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return any(row.split()[0] == str(group) and not row.split()[1].startswith("Z") for row in rows)
