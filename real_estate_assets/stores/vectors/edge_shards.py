"""Folders of the embedded engine that stay open: the most recently used ones, a bounded number.

Belongs here: opening, keeping and letting go. Does not belong here: what is asked of a folder (`edge.py`). An open
folder takes some 40 MB whatever its size (measured), so a process must not hold one for every tenant it ever served.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard


class OpenShards:
    """At most `limit` open folders. Threads may share it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[str, Path], EdgeShard] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def get(self, tenant_id: str, folder: Path) -> EdgeShard:
        """The open folder; opened where it is not, in the place of the one unused longest. Raises what the engine does.

        One that is let go is not closed by hand: another thread may be searching in it. It closes with its last user.
        """
        from qdrant_edge import EdgeShard

        key = (tenant_id, folder)
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        # Opened without the lock: nobody waits for another tenant's folder. Two threads may open one; the first stays.
        opened = EdgeShard.load(str(folder))
        with self._lock:
            kept = self._open.setdefault(key, opened)
            self._open.move_to_end(key)
            for gone in [one for one in self._open if one != key and not one[1].exists()]:
                del self._open[gone]
            while len(self._open) > self._limit:
                self._open.popitem(last=False)
        return kept

    def forget(self, tenant_id: str) -> None:
        """Let go of all folders of a tenant."""
        with self._lock:
            for gone in [one for one in self._open if one[0] == tenant_id]:
                del self._open[gone]
