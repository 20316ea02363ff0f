"""What must be in order before any command can work: Postgres, its schema, Dagster's tables, the parsed models.

Belongs here: the order of these steps. Does not belong here: any command.
"""

from __future__ import annotations

from collections.abc import Callable

from real_estate_assets.settings import Settings


def bring_up(settings: Settings, *, new_port: bool = False, tell: Callable[[str], None] = lambda _: None) -> list[str]:
    """Start, migrate, prepare what the code location reads; a line per step. What is in order stays as it is."""
    from real_estate_assets.stores.dagster_home import ensure_storage
    from real_estate_assets.stores.dbt_process import ensure_manifest
    from real_estate_assets.stores.local_cluster import LocalCluster
    from real_estate_assets.stores.migrations import migrate

    lines = []
    if settings.warehouse_host is None:
        cluster = LocalCluster(settings, tell=tell)
        was_running = cluster.status().state == "running"
        pointer = cluster.start(new_port=new_port)
        verb = "was running" if was_running else "started"
        lines.append(f"Postgres {verb} on {pointer.host}:{pointer.port}, data in {pointer.home}")
    else:
        lines.append(f"Postgres is at {settings.warehouse_host}:{settings.warehouse_port}, not ours to start")
    tell("Bringing the schema up to date")
    applied = migrate(settings.dsn("superuser"), settings.dsn("owner"))
    lines.append(f"Schema: {len(applied)} migrations applied" if applied else "Schema: up to date")
    tell("Preparing Dagster's storage")
    lines.append("Dagster's storage: " + ("made" if ensure_storage(settings) else "up to date"))
    tell("Parsing the warehouse's models")
    lines.append("Models: " + ("parsed" if ensure_manifest(settings) else "up to date"))
    return lines
