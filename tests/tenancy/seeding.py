"""Three tenants with a row in every table of the database that carries tenant_id, whatever the table is.

Belongs here: making rows from the catalog alone, so that a table added by a later migration is seeded, and attacked,
without anybody remembering it. A table whose checks the generator cannot meet fails the test that asks for the estate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from real_estate_assets.settings import Settings
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import AnalystLogin, add_tenant, create_analyst

Connection = psycopg.Connection[tuple[Any, ...]]

TENANTS = ("acme-tx", "birch", "cedar-9")
# The same real property for every tenant: isolation must hold on equal keys.
SHARED_PROPERTY_ID = "8a6e0804-2bd0-5672-b79d-d97027f9071a"
# Models as dbt would send them; each reads what the one before staged.
LOCATED = f"""
select '__TENANT__'::text as tenant_id, md5(n::text)::uuid as property_id, n as parcel_no,
       'mark of __TENANT__'::text as note, st_setsrid(st_point(-71.1 + n * 0.001, 42.37), 4326) as geom_4326,
       1 as assessor_evidence_no, n as assessor_record_no
from generate_series(1, 200) as n
union all
select '__TENANT__', '{SHARED_PROPERTY_ID}'::uuid, 0, 'mark of __TENANT__', st_setsrid(st_point(-71.1, 42.37), 4326),
       1, 0
"""
PROPERTIES = 'select * from "intermediate__leaf"."int_properties__located____TENANTKEY__"'
SALES = """
select tenant_id, property_id, 1000 + parcel_no as price_usd, note from "marts__leaf"."dim_properties____TENANTKEY__"
"""
MODELS: tuple[tuple[str, str, str], ...] = (
    ("intermediate", "int_properties__located", LOCATED),
    ("marts", "dim_properties", PROPERTIES),
    ("marts", "fct_sales", SALES),
)
# A unique index is what gives a mart a history.
FINISH = {
    "dim_properties": ["create unique index on %s (property_id)", "create index on %s using gist (geom_4326)"],
}


def mark(tenant: str) -> str:
    """The words that stand in every text of a tenant's rows, and nowhere else."""
    return f"mark of {tenant}"


@dataclass(frozen=True)
class Estate:
    """A seeded database and the logins that are tried on it."""

    settings: Settings
    warehouse: Warehouse
    analysts: dict[str, AnalystLogin]

    def analyst_dsn(self, tenant: str) -> str:
        login = self.analysts[tenant]
        return self.settings.login_dsn(login.role, SecretStr(login.password))

    @contextmanager
    def as_superuser(self) -> Iterator[Connection]:
        with psycopg.connect(self.settings.dsn("superuser"), autocommit=True) as connection:
            yield connection


def plant_estate(settings: Settings, tenants: tuple[str, ...] = TENANTS) -> Estate:
    """Register the tenants and their analysts, and give every tenant a row in every table that carries tenant_id."""
    warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
    for tenant in tenants:
        add_tenant(warehouse, tenant, tenant_name=mark(tenant), description=f"# {mark(tenant)}", base_uri="file:///")
    analysts = {tenant: create_analyst(warehouse, tenant) for tenant in tenants}
    with warehouse.as_owner() as connection:
        for tenant in tenants:
            build(connection, tenant, "seed")
            _fill_partitioned(connection, tenant)
            stage_models(connection, tenant, "left staged")
        for relation, has_tenant in _plain_tables(connection):
            for tenant in tenants if has_tenant else (None,):
                _insert_row(connection, relation, tenant)
    return Estate(settings, warehouse, analysts)


def stage_models(connection: Connection, tenant: str, invocation: str) -> None:
    """Stage every model of the tenant; raises AssertionError with the database's words when one fails."""
    for schema, model, query in MODELS:
        result = connection.execute(
            "select tenancy.stage(%s, %s, %s, %s, %s, %s)",
            (schema, model, tenant, invocation, query, FINISH.get(model, [])),
        ).fetchall()[0][0]
        assert result["ok"], f"{model} of {tenant}: {result}"


def build(connection: Connection, tenant: str, invocation: str) -> int:
    """Stage and publish every model of the tenant. Returns how many were published."""
    stage_models(connection, tenant, invocation)
    published: int = connection.execute("select tenancy.publish(%s, %s)", (tenant, invocation)).fetchall()[0][0]
    return published


def _fill_partitioned(connection: Connection, tenant: str) -> None:
    """One row in every partitioned parent that a migration made (raw, enrichment, ...)."""
    parents = connection.execute(
        "select n.nspname, c.relname, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'p' and not c.relispartition"
        " and not exists (select from tenancy.model m where m.schema_name = n.nspname and m.model_name = c.relname)"
        " order by 1, 2"
    ).fetchall()
    for schema, name, oid in parents:
        invocation = f"seed {schema}.{name}"
        heap = connection.execute(
            "select tenancy.stage_empty(%s, %s, %s, %s)", (schema, name, tenant, invocation)
        ).fetchall()[0][0]
        _insert_row(connection, oid, tenant, target=sql.Identifier(f"{schema}__leaf", heap))
        if schema == "raw":
            connection.execute("select tenancy.attach_file(%s, %s, %s, 1, %s)", (schema, name, tenant, invocation))
        else:
            connection.execute("select tenancy.publish(%s, %s)", (tenant, invocation))


def _plain_tables(connection: Connection) -> list[tuple[int, bool]]:
    """(oid, carries tenant_id) of the owner's plain tables outside the leaves, referenced ones before referencing ones.

    Left out are those that registering and building have filled already.
    """
    rows = connection.execute(
        "select c.oid, exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'),"
        " array(select confrelid::bigint from pg_constraint f where f.conrelid = c.oid and f.contype = 'f')"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and not c.relispartition and n.nspname not like '%\\_\\_leaf'"
        " and pg_get_userbyid(c.relowner) = 'reos_owner' and c.oid not in ('tenancy.tenant'::regclass,"
        " 'tenancy.role_tenant'::regclass, 'tenancy.staged'::regclass, 'tenancy.model'::regclass,"
        " 'history.build'::regclass, 'history.shape'::regclass, 'history.support'::regclass) order by c.oid"
    ).fetchall()
    pending = {oid: (has_tenant, set(references) - {oid}) for oid, has_tenant, references in rows}
    ordered: list[tuple[int, bool]] = []
    while pending:
        ready = [oid for oid, (_, references) in pending.items() if not references & pending.keys()]
        assert ready, "tables that reference each other in a circle cannot be seeded by this generator"
        ordered += [(oid, pending.pop(oid)[0]) for oid in ready]
    return ordered


def _insert_row(connection: Connection, oid: int, tenant: str | None, target: sql.Identifier | None = None) -> None:
    """Insert one row that meets the table's checks and foreign keys; text holds the tenant's mark."""
    schema, name = connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = %s",
        (oid,),
    ).fetchall()[0]
    values = _values(connection, oid, tenant)
    while True:
        statement = sql.SQL("insert into {} ({}) values ({})").format(
            target or sql.Identifier(schema, name),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        )
        try:
            connection.execute(statement, list(values.values()))
            return
        except errors.CheckViolation as error:
            # A check over several columns: give up one that may be null, the last first.
            dropped = _nullable_of_check(connection, oid, error.diag.constraint_name or "", set(values))
            if dropped is None:
                raise AssertionError(f"cannot seed {schema}.{name}: {error}") from error
            del values[dropped]


def _nullable_of_check(connection: Connection, oid: int, constraint: str, used: set[str]) -> str | None:
    rows = connection.execute(
        "select a.attname from pg_constraint c"
        " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)"
        " where c.conrelid = %s and c.conname = %s and not a.attnotnull order by a.attnum desc",
        (oid, constraint),
    ).fetchall()
    return next((name for (name,) in rows if name in used), None)


def _values(connection: Connection, oid: int, tenant: str | None) -> dict[str, Any]:
    words = mark(tenant) if tenant else "public"
    checks = connection.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s and contype = 'c'", (oid,)
    ).fetchall()
    columns = connection.execute(
        "select attname, format_type(atttypid, null) from pg_attribute"
        " where attrelid = %s and attnum > 0 and not attisdropped and attgenerated = '' order by attnum",
        (oid,),
    ).fetchall()
    values = {name: _value(name, kind, words, [check for (check,) in checks]) for name, kind in columns}
    if tenant:
        values["tenant_id"] = tenant
    values.update(_foreign_keys(connection, oid, tenant))
    return values


def _value(name: str, kind: str, words: str, checks: list[str]) -> Any:
    about = [check for check in checks if re.search(rf"\b{name}\b", check)]
    for check in about:
        allowed = re.search(r"ANY \(+(?:ARRAY\[)'([^']*)'", check)
        if allowed and kind == "text":
            return allowed.group(1)
        if re.search(rf"\({name} = \(+\w+ \+", check):  # a sum of columns, each of which is given 1
            return check.count("+") + 1
        if "[0-9a-f]{64}" in check:
            return hashlib.sha256(words.encode()).hexdigest()
    return _BY_TYPE[kind](words)


_BY_TYPE: dict[str, Callable[[str], Any]] = {
    "text": lambda words: words,
    "character varying": lambda words: words,
    "name": lambda words: words,
    "integer": lambda words: 1,
    "smallint": lambda words: 1,
    "bigint": lambda words: 1,
    "numeric": lambda words: 1,
    "real": lambda words: 0.5,
    "double precision": lambda words: 0.5,
    "boolean": lambda words: True,
    "date": lambda words: "2014-01-01",
    "timestamp with time zone": lambda words: "2014-01-01T00:00:00Z",
    "uuid": lambda words: SHARED_PROPERTY_ID,
    "jsonb": lambda words: Jsonb({"words": words}),
    "text[]": lambda words: [words],
    "bigint[]": lambda words: [1],
    "integer[]": lambda words: [1],
    "geometry": lambda words: "SRID=4326;POINT(-71.1 42.37)",
}


def _foreign_keys(connection: Connection, oid: int, tenant: str | None) -> dict[str, Any]:
    """Values of the columns that reference other tables: those of a row there, of the same tenant where it has one."""
    found: dict[str, Any] = {}
    keys = connection.execute(
        "select f.confrelid::regclass::text,"
        " array(select attname::text from unnest(f.conkey) with ordinality k (n, i)"
        "       join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.n order by i),"
        " array(select attname::text from unnest(f.confkey) with ordinality k (n, i)"
        "       join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.n order by i)"
        " from pg_constraint f where f.conrelid = %s and f.contype = 'f'",
        (oid,),
    ).fetchall()
    for referenced, here, there in keys:
        where = "where tenant_id = %(tenant)s" if "tenant_id" in there else ""
        rows = connection.execute(
            f"select {', '.join(there)} from {referenced} {where} limit 1", {"tenant": tenant}
        ).fetchall()
        assert rows, f"{referenced} holds no row to reference"
        found.update(zip(here, rows[0], strict=True))
    return found
