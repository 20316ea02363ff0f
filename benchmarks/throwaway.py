"""A Postgres cluster of its own for one measurement: made, migrated, and gone at the end.

Belongs here: its life. Does not belong here: what is put into it. It is the product's own local cluster in throwaway
mode (no fsync), so that a benchmark measures work and not a disk, and touches no data of this clone.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from real_estate_assets.settings import Settings
from real_estate_assets.stores.local_cluster import LocalCluster


@contextmanager
def throwaway_cluster() -> Iterator[LocalCluster]:
    """A running cluster with a migrated warehouse. Its settings point the product at it."""
    with state_folder() as state:
        made = LocalCluster(Settings(environment="test", state_dir=state), throwaway=True)
        try:
            made.start()
            made.migrate()
            yield made
        finally:
            made.destroy()


@contextmanager
def state_folder() -> Iterator[Path]:
    """An empty state directory; a cluster that was made in it is destroyed with it."""
    state = Path(tempfile.mkdtemp(prefix="reos-bench-"))
    try:
        yield state
    finally:
        LocalCluster(Settings(environment="test", state_dir=state)).destroy()
        shutil.rmtree(state, ignore_errors=True)
