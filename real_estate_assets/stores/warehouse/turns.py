"""One run at a time for a tenant: who works on a tenant's stages holds its turn, and others wait.

Belongs here: taking turns between whole runs. Does not belong here: the short locks of a publication (`migrations`).
A row lock on a table that only the owner may touch, not an advisory lock, which any login may take. It is held by a
connection of its own and ends with it, so a killed worker's turn is free at once. Postgres finds it, not a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from real_estate_assets.stores.warehouse.connection import Warehouse


@contextmanager
def turn(warehouse: Warehouse, tenant_ids: Sequence[str]) -> Iterator[None]:
    """Wait until nobody else works on any of the tenants, then keep it so. A tenant that does not exist has no turn."""
    with warehouse.as_owner() as connection:
        connection.execute("set idle_in_transaction_session_timeout = 0")
        connection.execute(
            "insert into tenancy.turn (tenant_id) select tenant_id from tenancy.tenant where tenant_id = any (%s)"
            " on conflict do nothing",
            (list(tenant_ids),),
        )
        with connection.transaction():
            # In one order, so that two runs of several tenants cannot wait for each other.
            connection.execute(
                "select from tenancy.turn where tenant_id = any (%s) order by tenant_id for update", (list(tenant_ids),)
            )
            yield
