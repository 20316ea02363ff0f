"""What the roles are, may become, may call, and how their queries are planned."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from real_estate_assets.stores.cluster_server import installed_programs
from real_estate_assets.stores.warehouse.tenants import TenantError, TenantExistsError, add_tenant, create_analyst

from .attacks import HOME, OTHER
from .seeding import TENANTS, Connection, Estate, mark

BOX = "st_makeenvelope(-71.1, 42.36, -71.095, 42.38, 4326)"


@pytest.fixture
def app(estate: Estate) -> Iterator[Connection]:
    with estate.warehouse.as_app(HOME) as connection:
        yield connection


@pytest.fixture
def analyst(estate: Estate) -> Iterator[Connection]:
    with psycopg.connect(estate.analyst_dsn(HOME), autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")
        yield connection


def _plan(connection: Connection, query: str, parameters: tuple[Any, ...] = ()) -> str:
    return "\n".join(str(row[0]) for row in connection.execute(f"explain (costs off) {query}", parameters).fetchall())


def test_leaf_schemas_are_closed_to_all_but_the_owner(estate: Estate) -> None:
    """The wall: parents' row-level security does not exist on leaves. Schemas and what is in them are asked."""
    with estate.as_superuser() as connection:
        open_schemas = connection.execute(
            "select n.nspname, a.grantee::regrole::text, a.privilege_type from pg_namespace n, aclexplode(n.nspacl) a"
            " where n.nspname like '%\\_\\_leaf' and a.grantee <> 'reos_owner'::regrole"
        ).fetchall()
        open_relations = connection.execute(
            "select c.oid::regclass::text, a.grantee::regrole::text, a.privilege_type"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a"
            " where n.nspname like '%\\_\\_leaf' and a.grantee <> 'reos_owner'::regrole"
        ).fetchall()
        defaults = connection.execute(
            "select defaclobjtype, defaclacl from pg_default_acl where defaclacl::text !~ '^{reos_owner='"
        ).fetchall()
        leaves = connection.execute("select count(*) from pg_namespace where nspname like '%\\_\\_leaf'").fetchall()
    assert leaves[0][0] >= 4
    assert (open_schemas, open_relations, defaults) == ([], [], [])


def test_every_table_of_tenants_has_forced_row_level_security(estate: Estate) -> None:
    with estate.as_superuser() as connection:
        unguarded = connection.execute(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
            " where c.relkind in ('r', 'p') and n.nspname not like '%\\_\\_leaf' and n.nspname !~ '^pg_'"
            " and not (c.relrowsecurity and c.relforcerowsecurity)"
        ).fetchall()
        bare_views = connection.execute(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind = 'v' and pg_get_userbyid(c.relowner) = 'reos_owner'"
            " and not coalesce('security_invoker=true' = any (c.reloptions), false)"
        ).fetchall()
    assert (unguarded, bare_views) == ([], [])


def test_no_role_of_the_platform_passes_row_level_security_by_its_nature(estate: Estate) -> None:
    with estate.as_superuser() as connection:
        mighty = connection.execute(
            "select rolname from pg_roles where rolname ~ '^reos_' and"
            " (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)"
        ).fetchall()
        members = connection.execute(
            "select roleid::regrole::text, member::regrole::text from pg_auth_members"
            " where member::regrole::text ~ '^reos_' and roleid::regrole::text <> 'reos_analyst'"
        ).fetchall()
    assert (mighty, members) == ([], [])


@pytest.mark.parametrize("role", ["reos_owner", "reos_app", "reos_analyst", "postgres", "pg_read_all_data"])
@pytest.mark.parametrize("how", ["set role {}", "set session authorization {}", "grant {} to current_user"])
def test_app_and_analyst_cannot_become_another_role(
    role: str, how: str, app: Connection, analyst: Connection, estate: Estate
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute(how.format("postgres" if role == "reos_app" else role))
    if (role, how) == ("reos_analyst", "set role {}"):
        # An analyst is a member of it. Whose tenant he is hangs on session_user, which SET ROLE leaves as it is.
        analyst.execute("set role reos_analyst")
        assert analyst.execute("select distinct tenant_id from marts.fct_sales").fetchall() == [(HOME,)]
    else:
        with pytest.raises(errors.InsufficientPrivilege):
            analyst.execute(how.format(role))


def test_an_analyst_can_not_bind_himself_to_another_tenant(analyst: Connection) -> None:
    role = analyst.execute("select session_user").fetchall()[0][0]
    for statement in (
        f"insert into tenancy.role_tenant values ('{role}', '{OTHER}')",
        f"update tenancy.role_tenant set tenant_id = '{OTHER}'",
        f"select tenancy.create_analyst('{OTHER}', 'x')",
        f"select tenancy.make_analyst_role('{role}', 'x', 'an_x')",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            analyst.execute(statement)


def test_functions_that_run_as_the_superuser_touch_nothing_of_the_owner(estate: Estate) -> None:
    """Else the owner could put a trigger on a table, or change a function, and have it run as the superuser."""
    with estate.as_superuser() as connection:
        definers = connection.execute(
            "select p.proname, p.prosrc, p.proconfig from pg_proc p join pg_roles r on r.oid = p.proowner"
            " where p.prosecdef and r.rolsuper and p.pronamespace::regnamespace::text !~ '^(pg_|public$)'"
        ).fetchall()
    assert {name for name, _, _ in definers} == {"make_analyst_role", "drop_analyst_role"}
    for name, source, settings in definers:
        assert "tenancy." not in source, name
        assert settings == ["search_path=pg_catalog, pg_temp"], name


def test_the_owner_makes_roles_of_one_shape_only(estate: Estate) -> None:
    with estate.warehouse.as_owner() as owner:
        for role in ("reos_owner", "postgres", "reos_an_x", "reos_an_0123456789ab; alter role reos_owner superuser"):
            with pytest.raises(errors.RaiseException, match="not the name of an analyst role"):
                owner.execute("select tenancy.make_analyst_role(%s, 'x', 'an_x')", (role,))
            with pytest.raises(errors.RaiseException, match="not the name of an analyst role"):
                owner.execute("select tenancy.drop_analyst_role(%s)", (role,))
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute("create role reos_an_0123456789ab login")


def test_a_new_password_ends_the_old_one(estate: Estate) -> None:
    before = estate.analyst_dsn("cedar-9")
    estate.analysts["cedar-9"] = create_analyst(estate.warehouse, "cedar-9")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(before)
    with psycopg.connect(estate.analyst_dsn("cedar-9"), autocommit=True) as connection:
        # The tenant's own views are first on the path: no schema to type, and the tenant's literal inside prunes.
        assert connection.execute("select count(*) from dim_properties").fetchall() == [(201,)]
        assert f"dim_properties__{_key(estate, OTHER)}" not in _plan(connection, "select * from dim_properties")
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("create table t (i int)")


@pytest.mark.parametrize(
    "slug",
    ["x' or '1'='1", 'a"; drop schema marts cascade; --', "Acme", "acme_tx", "-acme", "", "a" * 64, "a b", "ä", "a\n"],
)
def test_a_slug_that_could_be_sql_or_another_identifier_is_refused(slug: str, estate: Estate) -> None:
    with pytest.raises(TenantError, match="cannot name a tenant"):
        add_tenant(estate.warehouse, slug, tenant_name="x", description="x", base_uri="file:///")
    with estate.warehouse.as_owner() as owner:
        answer = owner.execute(
            "select tenancy.stage('marts', 'fct_sales', %s, 'i', 'select ''__TENANT__'' as tenant_id', '{}')", (slug,)
        ).fetchall()[0][0]
        assert not answer["ok"]
        assert "no active tenant" in answer["error"]


def test_a_tenant_is_registered_once(estate: Estate) -> None:
    with pytest.raises(TenantExistsError, match="registered already"):
        add_tenant(estate.warehouse, HOME, tenant_name="x", description="x", base_uri="file:///")


def _key(estate: Estate, tenant: str) -> str:
    with estate.as_superuser() as connection:
        return str(connection.execute("select tenancy.leaf_key(%s)", (tenant,)).fetchall()[0][0])


@pytest.mark.parametrize("as_parameter", [False, True])
def test_the_app_reads_one_tenants_partition_only(app: Connection, estate: Estate, as_parameter: bool) -> None:
    query = "select * from marts.dim_properties where tenant_id = "
    for _ in range(8):  # from the sixth execution on a generic plan would be tried
        plan = _plan(app, query + "%s", (HOME,)) if as_parameter else _plan(app, query + f"'{HOME}'")
        assert f"dim_properties__{_key(estate, HOME)}" in plan
        assert all(_key(estate, other) not in plan for other in TENANTS if other != HOME)


def test_the_app_role_plans_for_its_parameters_by_itself(estate: Estate) -> None:
    with psycopg.connect(estate.settings.dsn("app")) as connection:
        assert connection.execute("show plan_cache_mode").fetchall() == [("force_custom_plan",)]


def test_a_bounding_box_search_uses_its_index_under_row_level_security(app: Connection) -> None:
    """&& is marked leakproof by a reviewed migration; without it the policy is checked first, on the whole tenant."""
    app.execute("set enable_seqscan = off")
    query = f"select * from marts.dim_properties where tenant_id = '{HOME}' and geom_4326 && {BOX}"
    assert "geom_4326 &&" in _plan(app, query).split("Index Cond:")[1]


def test_a_pooled_connection_sees_the_tenant_it_is_set_to_now(app: Connection) -> None:
    """A statement that was prepared for one tenant must not show that tenant's rows to the next."""
    query = "select distinct note from marts.fct_sales"
    for tenant in (*TENANTS, *TENANTS):
        app.execute("select set_config('app.tenant_id', %s, false)", (tenant,))
        assert app.execute(query, prepare=True).fetchall() == [(mark(tenant),)]
    app.execute("reset app.tenant_id")
    assert app.execute(query, prepare=True).fetchall() == []


def test_an_owner_who_builds_meets_one_tenants_rows(estate: Estate) -> None:
    """A model or test that names a parent, as dbt's own `relationships` does, reads its own tenant's rows."""
    leaky = "select '__TENANT__'::text as tenant_id, count(*) as n, min(note) as note from marts.fct_sales"
    with estate.warehouse.as_owner() as owner:
        owner.execute("select tenancy.stage('marts', 'counts', %s, 'leaky', %s, '{}')", (HOME, leaky))
        heap = owner.execute("select heap_name from tenancy.staged where invocation_id = 'leaky'").fetchall()[0][0]
        assert owner.execute(f'select n, note from marts__leaf."{heap}"').fetchall() == [(201, mark(HOME))]
        owner.execute(
            "call tenancy.test_all('leaky', 'test', '{}', %s, 'select count(*) from marts.fct_sales', 'warn')",
            ([HOME],),
        )
        failed = owner.execute("select failed_rows from tenancy.outcome where invocation_id = 'leaky'").fetchall()
        assert failed == [(201,)]
        # The setting ends with the transaction: the owner at large sees all.
        assert owner.execute("select count(distinct tenant_id) from marts.fct_sales").fetchall() == [(len(TENANTS),)]
        owner.execute("select tenancy.discard(%s, 'leaky')", (HOME,))


@pytest.mark.parametrize("login", ["app", "analyst"])
def test_a_dump_by_another_tenants_login_holds_nothing_of_others(login: str, estate: Estate) -> None:
    dsn = estate.settings.dsn("app") if login == "app" else estate.analyst_dsn(HOME)
    program = max(installed_programs().items())[1] / "pg_dump"
    environment = os.environ | {"PGOPTIONS": f"-c app.tenant_id={HOME}"}
    for options in ([], ["--enable-row-security"], ["--enable-row-security", "--schema=marts", "--inserts"]):
        done = subprocess.run([program, *options, dsn], env=environment, capture_output=True, text=True, timeout=60)
        assert all(mark(tenant) not in done.stdout for tenant in TENANTS if tenant != HOME)
        if "--schema=marts" not in options:  # a dump of everything must lock the leaves, which are closed
            assert done.returncode != 0
            assert "permission denied" in done.stderr
