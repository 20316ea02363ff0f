"""Feast's configuration of one tenant, made in code from the settings: there is no feature_store.yaml to go stale.

Belongs here: how Feast reaches Postgres as one tenant, the registry's file, names. Does not belong here: doing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from real_estate_assets.core.tenants.wording import check_slug
from real_estate_assets.settings import ROLE_NAMES, Settings
from real_estate_assets.stores.online_features.wire import project

if TYPE_CHECKING:
    from feast import RepoConfig

REGISTRY_SECONDS = 600  # how long Feast believes its copy of the registry; a process that applies sees its own at once
WRITE_BATCH = 5_000  # rows that Feast holds as protobuf at a time


def repo_config(settings: Settings, tenant_id: str, online_store: dict[str, Any]) -> RepoConfig:
    """The configuration of a tenant's Feast project. online_store: Feast's own words for it.

    Raises SettingsError where there is no Postgres, ValueError where `tenant_id` cannot name a tenant.
    """
    from feast import RepoConfig

    folder = settings.online_dir / check_slug(tenant_id)
    folder.mkdir(parents=True, exist_ok=True)
    return RepoConfig(
        project=project(tenant_id),
        provider="local",
        registry={
            "registry_type": "file",
            "path": str(folder / "registry.db"),
            "cache_ttl_seconds": REGISTRY_SECONDS,
            "cache_mode": "thread",
        },
        online_store=online_store,
        offline_store=offline_store(settings, tenant_id),
        # Newest rows only, found by Postgres. In batches: else Feast writes only the first chunk of a chunked table.
        materialization={"pull_latest_features": True, "online_write_batch_size": WRITE_BATCH},
        entity_key_serialization_version=3,
    )


def offline_store(settings: Settings, tenant_id: str) -> dict[str, Any]:
    """Postgres as the application's role that sees this tenant alone.

    Feast has no setting for a session's parameters. But what it is told as schema goes, as it is, into libpq's
    `options` (`-c search_path=<schema>,public`), and those may be several: so every connection that Feast opens has
    `app.tenant_id` from its first moment, and row-level security shows it no other tenant whatever it asks for.
    """
    host, port = settings.address("warehouse")
    session = {
        "app.tenant_id": check_slug(tenant_id),
        "plan_cache_mode": "force_custom_plan",
        "timezone": "UTC",
        "search_path": "features",
    }
    return {
        "type": "postgres",
        "host": host,
        "port": port,
        "database": settings.warehouse_database,
        "user": ROLE_NAMES["app"],
        "password": settings.password("app").get_secret_value(),
        "sslmode": settings.warehouse_sslmode,
        "db_schema": "features " + " ".join(f"-c {name}={value}" for name, value in session.items()),
        # The other way makes a table for the rows that are asked about, which the application's role may not.
        "entity_select_mode": "embed_query",
    }
