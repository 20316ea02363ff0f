"""A tenant beside the demo's, valued in a state directory that is gone afterwards.

Belongs here: building one from a description and files, by the product's own commands. Does not belong here: a promise.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.gates.demo import Demo
from benchmarks.gates.elsewhere import reos
from benchmarks.throwaway import state_folder
from real_estate_assets.settings import Settings


@contextmanager
def valued_elsewhere(tenant_id: str, description: str, files: Mapping[str, Path]) -> Iterator[Demo]:
    """A platform with this one tenant, from its files to its estimates. Nothing of its event log can be asked for.

    files: name in the inbox -> where it is. Raises RuntimeError with the command's last lines where it cannot be built.
    """
    import dagster as dg

    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.tenants import add_tenant

    with state_folder() as state:
        reos(state, "up")
        settings = Settings(environment="test", state_dir=state)
        warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
        inbox = state / "inbox"
        inbox.mkdir()
        for name, path in files.items():
            shutil.copyfile(path, inbox / name)
        add_tenant(warehouse, tenant_id, tenant_name=tenant_id, description=description, base_uri=inbox.as_uri())
        reos(state, "materialize")
        with dg.DagsterInstance.ephemeral() as instance:
            yield Demo(settings, warehouse, instance, [])
