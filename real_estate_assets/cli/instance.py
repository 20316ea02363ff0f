"""What a command needs to work on the platform: the Dagster instance and the warehouse of the settings.

Belongs here: opening both, quietly. Does not belong here: any command.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from real_estate_assets.settings import export, get_settings

if TYPE_CHECKING:
    import dagster as dg

    from real_estate_assets.stores.warehouse import Warehouse


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The instance of this clone, with Dagster's log kept out of the terminal: it stands in the UI, run by run."""
    import warnings

    from real_estate_assets.stores.dagster_home import dagster_environment, ensure_storage
    from real_estate_assets.stores.dbt_process import ensure_manifest

    settings = get_settings()
    export(dagster_environment(settings))
    ensure_storage(settings)
    ensure_manifest(settings)
    import dagster as dg

    warnings.simplefilter("ignore", dg.BetaWarning)
    warnings.simplefilter("ignore", dg.PreviewWarning)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with dg.DagsterInstance.get() as instance:
        yield instance


def open_warehouse() -> Warehouse:
    """The warehouse of the settings."""
    from real_estate_assets.stores.warehouse import Warehouse

    settings = get_settings()
    return Warehouse(settings.dsn("owner"), settings.dsn("app"))
