"""Connections to the warehouse, by role.

Belongs here: opening a connection as the role that production uses, with that role's settings. Does not belong here:
any statement about a particular table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

APPLICATION_NAME = "real_estate_assets"


class WarehouseUnreachableError(RuntimeError):
    """No connection could be opened; the message says why not and what to do."""


class Warehouse:
    """Opens connections; holds none. Opened per call: a backend grows to 238 MB after touching 500 tenants' tables."""

    def __init__(self, owner_dsn: str, app_dsn: str | None = None) -> None:
        self.owner_dsn = owner_dsn
        self.app_dsn = app_dsn

    @contextmanager
    def as_owner(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """An autocommit connection as reos_owner: builds and stages. Row-level security lets it see every tenant.

        Raises WarehouseUnreachableError.
        """
        with _connect(self.owner_dsn) as connection:
            yield connection

    @contextmanager
    def as_app(self, tenant_id: str) -> Iterator[Connection[tuple[Any, ...]]]:
        """An autocommit connection as reos_app that sees one tenant.

        Statements must still say ``tenant_id = <value>``: row-level security is the safety net, not the pruning (a join
        that relied on it over 1,003 tenants took 4 minutes). Custom plans keep a literal's pruning for parameters too.

        Raises WarehouseUnreachableError, and ValueError where this client was not given the app role's address.
        """
        if self.app_dsn is None:
            raise ValueError("this warehouse was opened without the app role's connection string")
        with _connect(self.app_dsn) as connection:
            connection.execute("select set_config('app.tenant_id', %s, false)", (tenant_id,))
            connection.execute("set plan_cache_mode = force_custom_plan")
            yield connection


def _connect(dsn: str) -> Connection[tuple[Any, ...]]:
    import psycopg

    try:
        return psycopg.connect(dsn, autocommit=True, application_name=APPLICATION_NAME)
    except psycopg.OperationalError as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise WarehouseUnreachableError(f"the warehouse does not answer ({why}): run `reos up`") from error
