"""A state directory, and a Postgres cluster, of its own for one measurement: made, and gone at the end.

Belongs here: their life, and the environment of a command that works in one. Does not belong here: what is put into
them. A cluster is the product's own in throwaway mode (no fsync), so that a benchmark measures work and not a disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from real_estate_assets.settings import Settings, process_environment
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


def environment_of(state_dir: Path) -> dict[str, str]:
    """The environment for a command in another state directory: none of this one's settings may lead it back here."""
    inherited = {
        name: value
        for name, value in process_environment({}).items()
        if not name.startswith(("REOS_", "DAGSTER_")) or name == "REOS_TEST_DATA"
    }
    return {**inherited, "REOS_STATE_DIR": str(state_dir), "COLUMNS": "200"}


@contextmanager
def state_folder() -> Iterator[Path]:
    """An empty state directory; a cluster that was made in it is destroyed with it."""
    state = Path(tempfile.mkdtemp(prefix="reos-bench-"))
    try:
        yield state
    finally:
        LocalCluster(Settings(environment="test", state_dir=state)).destroy()
        shutil.rmtree(state, ignore_errors=True)
