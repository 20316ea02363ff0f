"""The private cluster's roles and databases: made once, put right at each `reos up`.

Belongs here: login roles with their passwords, the two databases, who may connect. Does not belong here: schemas,
tables, grants inside a database (migrations). In production an administrator makes the same roles once.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from real_estate_assets.settings import ROLE_NAMES

ANALYST_GROUP = "reos_analyst"  # the login role of each analyst is a member of it
# No role of the platform may pass row-level security by its nature, nor make roles or databases.
PLAIN = sql.SQL("nosuperuser nobypassrls nocreaterole nocreatedb noreplication")


def ensure_roles(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    """Make the platform's roles and set their passwords. ``connection``: superuser, autocommit."""
    for name in (ROLE_NAMES["owner"], ROLE_NAMES["app"], ROLE_NAMES["auditor"], ROLE_NAMES["dagster"]):
        set_login(connection, name, passwords[name])
    _ensure_role(connection, ANALYST_GROUP)
    connection.execute(sql.SQL("alter role {} nologin {}").format(sql.Identifier(ANALYST_GROUP), PLAIN))


def set_login(connection: psycopg.Connection, name: str, password: str) -> None:
    """Make a login role with this password, or give it this password. The server and its log see a verifier only."""
    _ensure_role(connection, name)
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("alter role {} login {} password {}")
    connection.execute(statement.format(sql.Identifier(name), PLAIN, sql.Literal(verifier)))


def _ensure_role(connection: psycopg.Connection, name: str) -> None:
    if connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone() is None:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))


def ensure_warehouse(connection: psycopg.Connection, database: str, template: str | None = None) -> None:
    """Make a warehouse database of reos_owner that only the platform's roles may enter. Superuser, autocommit."""
    _ensure_database(connection, database, ROLE_NAMES["owner"], template)
    grant = sql.SQL("grant connect on database {} to {}, {}, {}")
    roles = (sql.Identifier(name) for name in (ROLE_NAMES["app"], ROLE_NAMES["auditor"], ANALYST_GROUP))
    connection.execute(grant.format(sql.Identifier(database), *roles))


def ensure_dagster(connection: psycopg.Connection, database: str) -> None:
    """Make Dagster's own database, closed to the warehouse's roles. Superuser, autocommit."""
    _ensure_database(connection, database, ROLE_NAMES["dagster"], None)


def _ensure_database(connection: psycopg.Connection, name: str, owner: str, template: str | None) -> None:
    if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
        create = sql.SQL("create database {} owner {} template {}")
        chosen = sql.Identifier(template or "template1")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(owner), chosen))
    connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))


def drop_database(connection: psycopg.Connection, name: str) -> None:
    """Drop a database, cutting off whoever is in it; one that is not there is fine. Superuser, autocommit."""
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
