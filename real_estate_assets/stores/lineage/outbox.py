"""Events of lineage on disk, a file a tenant: kept for whoever reads files, and sent from there to a collector.

Belongs here: the files, how far each of them was sent, how far the runs were told. Does not belong here: what an
event says (`core/lineage`), one request to the collector (`collector.py`), when (`defs/lineage`).

A collector that does not answer loses nothing: what was not sent stands in the file and is sent the next time. An
event may be written or sent twice after a crash; its id is the same, so nobody counts it twice.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from real_estate_assets.stores.object_keys import owner_prefix

PUBLIC_FILE = "public.ndjson"


class OutboxBusyError(RuntimeError):
    """Another process is writing lineage just now; the message says that nothing is to be done."""


class Answer(Enum):
    """What became of an event that was sent."""

    TAKEN = "taken"
    REFUSED = "refused"  # the collector will never take it: sending it again would hold up all others
    UNREACHED = "unreached"  # later


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery did. waiting: bytes that are still to be sent."""

    sent: int
    refused: int
    waiting: int


class Outbox:
    """The lineage files below one folder: `public.ndjson` and `tenants/<tenant>.ndjson`, an event a line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the outbox alone. Raises OutboxBusyError where another process does."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutboxBusyError("lineage is being written just now by another process; try again later") from None
            yield

    def file(self, tenant_id: str | None) -> Path:
        """Where the events of a tenant stand; those about public layers for None. Raises ObjectKeyError for no slug."""
        return self._folder / (PUBLIC_FILE if tenant_id is None else f"{owner_prefix(tenant_id)}.ndjson")

    def append(self, tenant_id: str | None, events: Iterable[Mapping[str, Any]]) -> int:
        """Write events behind those that are there; returns how many."""
        lines = [json.dumps(event, sort_keys=True, separators=(",", ":")) + "\n" for event in events]
        path = self.file(tenant_id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
        return len(lines)

    def told_until(self) -> int:
        """Dagster's number of the last event of a run that was told; 0 where none was."""
        try:
            return int((self._folder / "cursor").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def tell_until(self, storage_id: int) -> None:
        """Remember how far the runs were told."""
        _write(self._folder / "cursor", str(storage_id))

    def deliver(self, send: Callable[[bytes], Answer], *, seconds: float) -> Delivery:
        """Send what was not sent yet, oldest first, until the time is over or the collector does not answer."""
        deadline = time.monotonic() + seconds
        sent = refused = waiting = 0
        is_reached = True
        for path in self._files():
            for answer in self._deliver_file(path, send, deadline) if is_reached else ():
                sent += answer is Answer.TAKEN
                refused += answer is Answer.REFUSED
                is_reached = answer is not Answer.UNREACHED
            waiting += path.stat().st_size - _sent_bytes(path)
        return Delivery(sent, refused, waiting)

    def _deliver_file(self, path: Path, send: Callable[[bytes], Answer], deadline: float) -> Iterator[Answer]:
        with path.open("rb") as file:
            file.seek(_sent_bytes(path))
            while (line := file.readline()).endswith(b"\n") and time.monotonic() < deadline:
                answer = send(line.rstrip())
                if answer is not Answer.UNREACHED:
                    _write(_mark(path), str(file.tell()))
                yield answer
                if answer is Answer.UNREACHED:
                    return

    def forget(self, tenant_id: str) -> bool:
        """Delete a tenant's events; False where there are none."""
        path = self.file(tenant_id)
        was_there = path.exists()
        for one in (path, _mark(path)):
            one.unlink(missing_ok=True)
        return was_there

    def _files(self) -> list[Path]:
        return sorted(self._folder.rglob("*.ndjson"))


def _mark(path: Path) -> Path:
    return path.with_suffix(".sent")


def _sent_bytes(path: Path) -> int:
    try:
        return int(_mark(path).read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _write(path: Path, text: str) -> None:
    """Replace a small file whole: a reader, or a crash, meets the old or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)
