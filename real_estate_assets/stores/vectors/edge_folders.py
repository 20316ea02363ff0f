"""Where the embedded engine's files stand: an immutable folder a publication, and a pointer to the newest.

Belongs here: names, the pointer, the publisher's lock, sweeping, removal. Does not belong here: what stands in a folder
(`edge.py`).

    <root>/<tenant>/<kind>/v<build>/     complete, never changed again; any copy of it is a consistent backup
    <root>/<tenant>/<kind>/CURRENT       which of them are published, newest first; replaced in one step
    <root>/<tenant>/<kind>/.building-*   not finished; swept by the next publisher, who holds the lock
"""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from real_estate_assets.stores.object_streams import appearing_when_complete, make_durable
from real_estate_assets.stores.vectors.points import Publication, VectorStoreBusyError, VectorStoreError

KEPT = 2  # publications: the newest, and the one before it for readers who are still on it
_POINTER, _LOCK, _BUILDING, _REMOVED = "CURRENT", "LOCK", ".building-", ".removed-"
_PATIENCE_S, _PAUSE_S = 60.0, 0.05


class PublishedFolders:
    """The folders of one tenant and kind. tenant_id and kind are valid names already."""

    def __init__(self, root: Path, tenant_id: str, kind: str) -> None:
        self._home = root / tenant_id / kind
        self._what = f"{kind} of {tenant_id}"

    def folder_of(self, publication: Publication) -> Path:
        """Where a publication stands."""
        return self._home / f"v{publication.build}"

    def kept(self) -> list[Publication]:
        """What the pointer names, newest first; empty where there is no pointer. One small read.

        Raises VectorStoreError for a pointer that cannot be read or understood.
        """
        pointer = self._home / _POINTER
        try:
            return [Publication.from_json(one) for one in json.loads(pointer.read_text())["publications"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VectorStoreError(f"cannot read {pointer}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise VectorStoreError(
                f"{pointer} is damaged ({error}). Delete it and publish the {self._what} again."
            ) from error

    @contextmanager
    def publishing(self, patience_s: float = _PATIENCE_S) -> Iterator[None]:
        """Hold the tenant's kind alone, with what dead publishers left swept away.

        Raises VectorStoreBusyError when another publisher holds it for longer than patience_s.
        """
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._home / _LOCK).open("w") as lock:
            until = time.monotonic() + patience_s
            while not _taken(lock.fileno()):
                if time.monotonic() > until:
                    raise VectorStoreBusyError(f"{self._what} are being published by another process; try again later.")
                time.sleep(_PAUSE_S)
            self._sweep()
            yield

    def next_build(self) -> int:
        """A number above all that were published. Call it only while holding the lock."""
        newest = max((one.build for one in self.kept()), default=0)
        return max(time.time_ns() // 1_000_000, newest + 1)

    def building_folder(self) -> Path:
        """An empty folder to build in; it is swept unless `show` takes it. Call it only while holding the lock."""
        return Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self._home))

    def show(self, built: Path, publication: Publication) -> None:
        """Let readers see a finished folder as the newest; afterwards only the newest ones stay on the disk."""
        kept = [publication, *self.kept()][:KEPT]
        target = self.folder_of(publication)
        built.rename(target)  # its files are on the disk: the engine's flush promises that
        listed = json.dumps({"publications": [one.as_json() for one in kept]}, indent=1)
        with appearing_when_complete(self._home / _POINTER) as pointer:
            pointer.write(listed.encode())
        make_durable(self._home / _POINTER)
        self._sweep()

    def _sweep(self) -> None:
        """Remove whatever the pointer does not name. Only a publisher who holds the lock builds, so nothing is alive.

        Files that a reader has open stay readable to it; one that comes too late reads the pointer again.
        """
        named = {self.folder_of(one).name for one in self.kept()} | {_POINTER, _LOCK}
        for path in self._home.iterdir():
            if path.is_dir() and path.name not in named:
                shutil.rmtree(path, ignore_errors=True)


def remove_tenant_folders(root: Path, tenant_id: str) -> bool:
    """Remove everything of a tenant, of all kinds, first out of every reader's sight, in one step; whether there was
    anything. What an earlier removal left when it was cut short goes too."""
    home, left = root / tenant_id, list(root.glob(f"{_REMOVED}{tenant_id}.*"))
    if home.exists():
        aside = Path(tempfile.mkdtemp(prefix=f"{_REMOVED}{tenant_id}.", dir=root))
        home.rename(aside / tenant_id)
        left.append(aside)
    for folder in left:
        shutil.rmtree(folder)
    return bool(left)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
