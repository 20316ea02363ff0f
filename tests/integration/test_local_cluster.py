"""The private cluster's life on a real Postgres: made, restarted, crashed, refused, destroyed."""

from __future__ import annotations

import psycopg
import pytest


def test_roles_are_plain_and_databases_apart(cluster) -> None:
    with cluster.superuser() as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication "
            "from pg_roles where rolname like 'reos%' order by 1"
        ).fetchall()
    assert rows == [
        ("reos_analyst", False, False),
        ("reos_app", True, False),
        ("reos_dagster", True, False),
        ("reos_owner", True, False),
    ]
    settings = cluster.settings
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(settings.login_dsn("reos_app", settings.password("app"), "dagster"))
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(settings.login_dsn("reos_dagster", settings.password("dagster"), "reos"))


def test_fresh_database_from_template(warehouse_db) -> None:
    with psycopg.connect(warehouse_db.dsn("owner")) as connection:
        assert connection.execute("select current_user, current_database()").fetchone() == (
            "reos_owner",
            warehouse_db.name,
        )
