"""The register of tenants in the warehouse: adding, reading, changing and removing one; its analysts' login.

Belongs here: rows of `tenancy.tenant` and everything that hangs on a tenant's being there. Does not belong here: what a
description means (`core/tenants`), a tenant's objects (`stores/object_store`), its Dagster partition (`cli/tenants`).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse

BUILD_PATIENCE_S = 120.0  # how long removing waits for a running build and for readers


class TenantError(RuntimeError):
    """Something about a tenant's registration; the message says what to do."""


class UnknownTenantError(TenantError):
    """There is no tenant of that name."""


class TenantExistsError(TenantError):
    """There is a tenant of that name already."""


class TenantBusyError(TenantError):
    """The tenant is built or read just now. Nothing is half done: the same call goes on where it stopped."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One registered tenant. `description` is its YAML as given; relative uris in it start at `base_uri`."""

    tenant_id: str
    tenant_name: str
    description: str
    description_sha256: str
    base_uri: str
    is_active: bool
    added_at: datetime


@dataclass(frozen=True, slots=True)
class AnalystLogin:
    """A login of the tenant's analysts. Only this value holds the password: the server has a verifier of it."""

    role: str
    schema: str  # its views, one a mart, are first on the login's search path
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing a tenant took away from the warehouse."""

    tenant_id: str
    relations: int  # partitions and staged heaps
    rows: int  # rows of the tables that all tenants share, the registration's own included


def add_tenant(warehouse: Warehouse, tenant_id: str, *, tenant_name: str, description: str, base_uri: str) -> Tenant:
    """Register a tenant, active. `tenant_id` and `tenant_name` as the description says.

    Raises TenantExistsError; TenantError where the name cannot be one or would share an identifier with another's.
    """
    from psycopg import errors

    with warehouse.as_owner() as connection:
        try:
            connection.execute(
                "insert into tenancy.tenant (tenant_id, tenant_name, description, description_sha256, base_uri)"
                " values (%s, %s, %s, %s, %s)",
                (tenant_id, tenant_name, description, _sha256(description), base_uri),
            )
        except errors.CheckViolation:
            raise TenantError(
                f"{tenant_id!r} cannot name a tenant: a-z, 0-9 and '-', at most 63, starting with a letter or a digit"
            ) from None
        except errors.UniqueViolation as error:
            if error.diag.constraint_name == "tenant_pkey":
                raise TenantExistsError(
                    f"tenant {tenant_id} is registered already; `reos tenant list` shows it"
                ) from None
            raise TenantError(
                f"{tenant_id!r} would share an identifier with another tenant: choose another name"
            ) from None
    return get_tenant(warehouse, tenant_id)


def update_tenant(warehouse: Warehouse, tenant_id: str, *, tenant_name: str, description: str, base_uri: str) -> Tenant:
    """Replace a tenant's description. What depends on it is rebuilt when the automation sees the new fingerprint.

    Raises UnknownTenantError.
    """
    with warehouse.as_owner() as connection:
        connection.execute(
            "update tenancy.tenant set tenant_name = %s, description = %s, description_sha256 = %s, base_uri = %s"
            " where tenant_id = %s",
            (tenant_name, description, _sha256(description), base_uri, tenant_id),
        )
    return get_tenant(warehouse, tenant_id)


def get_tenant(warehouse: Warehouse, tenant_id: str) -> Tenant:
    """The registered tenant. Raises UnknownTenantError."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select tenant_id, tenant_name, description, description_sha256, base_uri, is_active, added_at"
            " from tenancy.tenant where tenant_id = %s",
            (tenant_id,),
        ).fetchall()
    if not rows:
        raise UnknownTenantError(f"there is no tenant {tenant_id!r}; `reos tenant list` shows those there are")
    return Tenant(*rows[0])


def list_tenants(warehouse: Warehouse, *, include_inactive: bool = False) -> list[Tenant]:
    """Registered tenants by name; those that are not built any more only when asked for."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select tenant_id, tenant_name, description, description_sha256, base_uri, is_active, added_at"
            " from tenancy.tenant where is_active or %s order by tenant_id",
            (include_inactive,),
        ).fetchall()
    return [Tenant(*row) for row in rows]


def set_active(warehouse: Warehouse, tenant_id: str, *, is_active: bool) -> Tenant:
    """Stop building a tenant, or build it again. What is published stays served either way.

    Waits for a publication of this tenant that is under way; every later one is refused. Raises UnknownTenantError.
    """
    with warehouse.as_owner() as connection:
        connection.execute("update tenancy.tenant set is_active = %s where tenant_id = %s", (is_active, tenant_id))
    return get_tenant(warehouse, tenant_id)


def create_analyst(warehouse: Warehouse, tenant_id: str) -> AnalystLogin:
    """Make the login of the tenant's analysts with a new password, or give an existing one a new password.

    Raises UnknownTenantError.
    """
    get_tenant(warehouse, tenant_id)
    password = secrets.token_urlsafe(24)
    with warehouse.as_owner() as connection:
        role, schema = connection.execute(
            "select tenancy.analyst_role(%s), tenancy.analyst_schema(%s)", (tenant_id, tenant_id)
        ).fetchall()[0]
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        connection.execute("select tenancy.create_analyst(%s, %s)", (tenant_id, verifier))
    return AnalystLogin(role=role, schema=schema, password=password)


def drop_analyst(warehouse: Warehouse, tenant_id: str) -> None:
    """Take the analysts' login and views away and end their sessions; fine where there is none."""
    with warehouse.as_owner() as connection:
        connection.execute("select tenancy.drop_analyst(%s)", (tenant_id,))


def remove_tenant(warehouse: Warehouse, tenant_id: str, *, patience_s: float = BUILD_PATIENCE_S) -> Removal:
    """Remove everything the tenant has in this warehouse: tables, rows, its analysts' login and views.

    First it is deactivated and running builds are waited for, so that nothing of it can appear behind the removal. Its
    registration goes last: a removal that was cut short is finished by calling again. No other tenant's reader waits.

    Raises UnknownTenantError; TenantBusyError after `patience_s` seconds of waiting for a build or a reader.
    """
    from psycopg import errors

    set_active(warehouse, tenant_id, is_active=False)
    with warehouse.as_owner() as connection:
        connection.execute("select set_config('lock_timeout', %s, false)", (f"{int(patience_s * 1000)}ms",))
        try:
            # Every build holds a key-share lock on the registration until its transaction ends, and no new one starts.
            connection.execute("select from tenancy.tenant where tenant_id = %s for update", (tenant_id,))
            relations = _drop_leaves(connection, tenant_id, patience_s)
            connection.execute("select tenancy.drop_analyst(%s)", (tenant_id,))
            rows: int = connection.execute("select tenancy.forget_rows(%s)", (tenant_id,)).fetchall()[0][0]
        except errors.LockNotAvailable:
            raise TenantBusyError(
                f"tenant {tenant_id} is built or read by a long transaction. It is deactivated and partly removed;"
                f" wait for that transaction or end it, then remove {tenant_id} again."
            ) from None
    return Removal(tenant_id, relations, rows)


def _drop_leaves(connection: Any, tenant_id: str, patience_s: float) -> int:
    """Drop the tenant's partitions and staged heaps. Returns how many."""
    leaves = connection.execute("select leaf, parent, is_pending from tenancy.leaves_of(%s)", (tenant_id,)).fetchall()
    for leaf, parent, is_pending in leaves:
        if parent is not None:
            _detach(connection, leaf, parent, is_pending, patience_s)
        connection.execute(f"drop table {leaf}")
    return len(leaves)


def _detach(connection: Any, leaf: str, parent: str, is_pending: bool, patience_s: float) -> None:
    """Take a partition off its parent without a lock that any reader would notice.

    CONCURRENTLY waits for the readers of the parent instead of stopping them. A detach that was cut short is finished;
    while another tenant's is under way Postgres refuses a second one on the same parent, so we try again.
    """
    from psycopg import errors

    deadline = time.monotonic() + patience_s
    how = "finalize" if is_pending else "concurrently"
    while True:
        try:
            connection.execute(f"alter table {parent} detach partition {leaf} {how}")
            return
        except errors.ObjectNotInPrerequisiteState:
            if time.monotonic() > deadline:
                raise TenantBusyError(
                    f"another tenant is being removed from {parent}; try again when it is done"
                ) from None
            time.sleep(0.2)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
