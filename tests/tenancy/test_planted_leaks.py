"""The matrix catches leaks: each one that is planted here is found by the code that finds none in the real database.

All are planted at once, on different relations, and the matrix runs once: a breach is told apart by its target.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .attacks import Report, attackers, run_matrix
from .seeding import Estate

APP, UNBOUND, ANALYST = "app of another tenant", "app without a tenant", "analyst of another tenant"


@dataclass(frozen=True)
class Leak:
    """`statements` plant it; `target` is where it must be found, at least by the attackers named in `by`."""

    name: str
    target: str
    statements: str
    by: tuple[str, ...]
    what: str = "rows of acme-tx"


LEAKS = (
    Leak(
        "a stray grant on a leaf",
        '"raw__leaf"."owner__{key}"',
        "grant usage on schema raw__leaf to reos_app; grant select on raw__leaf.owner__{key} to reos_app",
        (APP, UNBOUND),
    ),
    Leak(
        "a stray grant on a heap",
        '"enrichment__leaf"."{address_heap}"',
        """
        grant usage on schema enrichment__leaf to reos_analyst;
        grant select on enrichment__leaf."{address_heap}" to reos_analyst
        """,
        (ANALYST,),
    ),
    Leak(
        "a plain view over a mart",
        '"marts"."sales_of_all"',
        """
        create view marts.sales_of_all as select * from marts.fct_sales;
        grant select on marts.sales_of_all to reos_app, reos_analyst
        """,
        (APP, UNBOUND, ANALYST),
    ),
    Leak(
        "a materialized view over a mart",
        '"marts"."sales_kept"',
        """
        create materialized view marts.sales_kept as select * from marts.fct_sales;
        grant select on marts.sales_kept to reos_app
        """,
        (APP, UNBOUND),
    ),
    Leak(
        "row-level security switched off",
        '"enrichment"."location"',
        "alter table enrichment.location disable row level security",
        (APP, UNBOUND),
    ),
    Leak(
        "a policy that lets everything through",
        '"prov"."source_file"',
        "create policy generous on prov.source_file for select to reos_app using (true)",
        (APP, UNBOUND),
    ),
    Leak(
        "a policy that trusts the analyst's own setting",
        '"prov"."evidence"',
        """
        create policy trusting on prov.evidence for select to reos_analyst
        using (tenant_id = tenancy.current_tenant())
        """,
        ("analyst who sets app.tenant_id",),
    ),
    Leak(
        "a security definer function that returns rows",
        "marts.properties_of_all()",
        """
        create function marts.properties_of_all() returns setof marts.dim_properties
        language sql stable security definer as 'select * from marts.dim_properties';
        grant execute on function marts.properties_of_all() to reos_app
        """,
        (APP, UNBOUND),
        "rows of another tenant",
    ),
    Leak(
        "a builder's function that the app may execute",
        "tenancy.discard(text,text)",
        "grant execute on function tenancy.discard(text, text) to reos_app",
        (APP,),
        "was executed",
    ),
    Leak(
        "a foreign table whose server logs in as the owner",
        '"marts"."owners_elsewhere"',
        """
        create extension postgres_fdw;
        create server itself foreign data wrapper postgres_fdw
        options (host '{host}', port '{port}', dbname '{database}');
        create user mapping for public server itself options (user 'reos_owner', password '{password}');
        create foreign table marts.owners_elsewhere (tenant_id text, owner_name_raw text) server itself
        options (schema_name 'raw', table_name 'owner');
        grant select on marts.owners_elsewhere to reos_app
        """,
        (APP, UNBOUND),
    ),
    Leak(
        "a right to change rows",
        '"raw"."hazard_zone"',
        "grant update on raw.hazard_zone to reos_app",
        (APP,),
        "was done",
    ),
    Leak(
        "statistics that PostGIS shows to anybody",
        '"marts__leaf"."{properties_heap}"',
        "grant execute on function public._postgis_stats(regclass, text, text) to public",
        (APP, UNBOUND, ANALYST),
    ),
    Leak(
        "a sequence that tells how much others do",
        '"marts"."tickets"',
        "create sequence marts.tickets; grant usage on sequence marts.tickets to reos_analyst",
        (ANALYST,),
        "was done",
    ),
)


@pytest.fixture(scope="module")
def names(estate: Estate) -> dict[str, str]:
    """What stands in braces in the leaks: identifiers of the attacked tenant, and where the database is."""
    host, port = estate.settings.address("warehouse")
    with estate.as_superuser() as connection:
        key = connection.execute("select tenancy.leaf_key('acme-tx')").fetchall()[0][0]
        heaps = {
            name: connection.execute(
                "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
                " where i.inhparent = %s::regclass",
                (f"{leaf}__{key}",),
            ).fetchall()[0][0]
            for name, leaf in (
                ("address_heap", "enrichment__leaf.address"),
                ("properties_heap", "marts__leaf.dim_properties"),
            )
        }
    return {
        "key": key,
        "host": host,
        "port": str(port),
        "database": estate.settings.warehouse_database,
        "password": estate.settings.password("owner").get_secret_value(),
        **heaps,
    }


@pytest.fixture(scope="module")
def report(estate: Estate, names: dict[str, str]) -> Report:
    with estate.as_superuser() as connection:
        for leak in LEAKS:
            connection.execute(leak.statements.format(**names))
    tried = (APP, UNBOUND, ANALYST, "analyst who sets app.tenant_id")
    return run_matrix(estate, [one for one in attackers(estate) if one.name in tried])


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_planted_leak_is_found(leak: Leak, report: Report, names: dict[str, str]) -> None:
    target = leak.target.format(**names)
    found = [breach for breach in report.breaches if breach.target == target]
    for attacker in leak.by:
        assert any(one.attacker == attacker and leak.what in one.what for one in found), (attacker, found)


def test_nothing_else_is_reported(report: Report, names: dict[str, str]) -> None:
    """What is found is what was planted: a matrix that cries wolf would be read by nobody."""
    planted = {leak.target.format(**names) for leak in LEAKS}
    # One grant of PostGIS statistics opens every table with a geometry.
    statistics = {one.target for one in report.breaches if one.attempt == "read statistics"}
    assert report.targets() - planted - statistics == set()
