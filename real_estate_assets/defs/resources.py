"""Resources: how a stage reaches the warehouse and the object store. Opened when used, never at import.

Belongs here: turning settings into store clients. Does not belong here: what the clients do (`stores/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from real_estate_assets.settings import get_settings

if TYPE_CHECKING:
    from real_estate_assets.stores.object_store import ObjectStore
    from real_estate_assets.stores.warehouse import Warehouse


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The warehouse named by the settings; `get()` gives a client that opens a connection per call."""

    def get(self) -> Warehouse:
        """A client as reos_owner and reos_app; connects to nothing yet."""
        from real_estate_assets.stores.warehouse import Warehouse

        settings = get_settings()
        return Warehouse(settings.dsn("owner"), settings.dsn("app"))


class ObjectStoreResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The object store named by the settings, always opened for one tenant or for public files."""

    def for_tenant(self, tenant_id: str) -> ObjectStore:
        """The tenant's own part of the store: every key starts with its name."""
        from real_estate_assets.stores.object_store import open_store

        return open_store(get_settings(), tenant_id)

    def public(self) -> ObjectStore:
        """The part for files that belong to no tenant."""
        from real_estate_assets.stores.object_store import PUBLIC, open_store

        return open_store(get_settings(), PUBLIC)
