"""No login gets at another tenant's rows: every relation and function of the database, attacked in every way."""

from __future__ import annotations

import pytest

from .attacks import HOME, Report, attackers, run_matrix
from .seeding import TENANTS, Estate

AT_LEAST = 300


@pytest.fixture(scope="module")
def report(estate: Estate) -> Report:
    return run_matrix(estate, attackers(estate))


def test_no_attempt_gets_a_foreign_row_or_changes_one(report: Report, record_property: pytest.RecordProperty) -> None:
    record_property("attempts", report.total)
    assert report.breaches == []
    assert report.total >= AT_LEAST
    assert min(report.attempts.values()) >= AT_LEAST, "every kind of login makes its own attempts"


def test_every_table_of_tenants_held_rows_of_all_of_them(estate: Estate) -> None:
    """The matrix proves something only about tables in which there was something to take."""
    empty = []
    with estate.as_superuser() as connection:
        tables = connection.execute(
            "select c.oid::regclass::text from pg_class c"
            " join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
            " join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not like '%\\_\\_leaf'"
        ).fetchall()
        for (table,) in tables:
            held = {t for (t,) in connection.execute(f"select distinct tenant_id from {table}").fetchall()}
            if held != set(TENANTS):
                empty.append((table, held))
    assert len(tables) >= 15
    assert empty == []


def test_each_login_sees_its_own_rows(report: Report, estate: Estate) -> None:
    """The positive control: an attacker who sees nothing at all would pass the matrix for the wrong reason."""
    with estate.as_superuser() as connection:
        granted = connection.execute(
            'select g.grantee, format(\'"%s"."%s"\', g.table_schema, g.table_name)'
            " from information_schema.role_table_grants g"
            " join information_schema.columns c using (table_schema, table_name)"
            " where g.grantee in ('reos_app', 'reos_analyst', 'reos_auditor') and g.privilege_type = 'SELECT'"
            " and c.column_name = 'tenant_id'"
        ).fetchall()
    names = {
        "reos_app": "app of another tenant",
        "reos_analyst": "analyst of another tenant",
        "reos_auditor": "auditor of another tenant",
    }
    unseen = [(grantee, table) for grantee, table in granted if not report.own_rows[names[grantee], table]]
    assert len(granted) > 20
    assert unseen == []
    views = f'"an_{HOME}"."dim_properties"'
    assert (
        report.own_rows["analyst of another tenant", views]
        == report.own_rows["app of another tenant", '"marts"."dim_properties"']
    )
