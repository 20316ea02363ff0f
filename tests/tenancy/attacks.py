"""The isolation matrix: every relation and function of the database, tried by every kind of login in every way.

Belongs here: finding what there is to attack from the catalog, the attempts, and what counts as a breach. An attempt
may end in rows of the login's own tenant, in no rows, or in "permission denied"; everything else is a breach, other
errors included: they would mean that the attempt did not try what it says. Never tried as a superuser.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import errors
from pydantic import SecretStr

from .seeding import TENANTS, Connection, Estate, mark

HOME = "birch"  # the tenant whose logins attack
OTHER = "acme-tx"  # whom they ask for by name
VERDICTS = frozenset({f'"prov"."audit_{kind}"' for kind in ("run", "cell", "method")})  # what the auditor writes
STRANGER = "reos_test_stranger"  # a login that belongs to no role; its password is its name


@dataclass(frozen=True)
class Attacker:
    """A login with what it sets in its session. `may_see`: the tenants whose rows it is entitled to; `may_add`: tables
    that it may add rows of these tenants to, and of no other."""

    name: str
    dsn: str
    session: tuple[tuple[str, str], ...] = ()
    may_see: frozenset[str] = frozenset()
    may_add: frozenset[str] = frozenset()

    @property
    def foreign(self) -> tuple[str, ...]:
        return tuple(tenant for tenant in TENANTS if tenant not in self.may_see)


@dataclass(frozen=True)
class Relation:
    schema: str
    name: str
    kind: str  # as pg_class.relkind
    oid: int
    has_tenant: bool
    first_column: str
    geometry_columns: tuple[str, ...]
    is_inert: bool  # a rule turns every change into nothing, before any privilege is asked for

    @property
    def sql(self) -> str:
        return f'"{self.schema}"."{self.name}"'


@dataclass(frozen=True)
class Breach:
    attacker: str
    target: str
    attempt: str
    what: str


@dataclass
class Report:
    """What came of a matrix. `own_rows`: (attacker, relation) -> own rows read, the positive control."""

    attempts: Counter[str] = field(default_factory=Counter)
    breaches: list[Breach] = field(default_factory=list)
    own_rows: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.attempts.total()

    def targets(self) -> set[str]:
        """Relations and functions through which something got out or in."""
        return {breach.target for breach in self.breaches}


def stranger_dsn(estate: Estate) -> str:
    """The stranger's way into the database, which is opened to it by hand: by itself it may not even connect."""
    with estate.as_superuser() as connection:
        connection.execute(f"grant connect on database {estate.settings.warehouse_database} to {STRANGER}")
    return estate.settings.login_dsn(STRANGER, SecretStr(STRANGER))


def attackers(estate: Estate) -> list[Attacker]:
    """Every kind of login that exists, and one that belongs to nobody."""
    app, analyst = estate.settings.dsn("app"), estate.analyst_dsn(HOME)
    auditor = estate.settings.dsn("auditor")
    home = frozenset({HOME})
    # An analyst's session is read-only until its user says otherwise: refusals must come from privileges.
    writes = ("default_transaction_read_only", "off")
    return [
        Attacker("app of another tenant", app, (("app.tenant_id", HOME),), home),
        Attacker("app without a tenant", app),
        Attacker("app with an empty tenant", app, (("app.tenant_id", ""),)),
        Attacker("app with SQL for a tenant", app, (("app.tenant_id", f"x' or tenant_id = '{OTHER}"),)),
        Attacker("analyst of another tenant", analyst, (writes,), home),
        Attacker("analyst who sets app.tenant_id", analyst, (writes, ("app.tenant_id", OTHER)), home),
        Attacker("analyst who sets app.build_tenant", analyst, (writes, ("app.build_tenant", OTHER)), home),
        Attacker("auditor of another tenant", auditor, (("app.tenant_id", HOME),), home, VERDICTS),
        Attacker("auditor without a tenant", auditor, may_add=VERDICTS),
        Attacker("login without any grant", stranger_dsn(estate)),
    ]


def run_matrix(estate: Estate, who: Iterable[Attacker]) -> Report:
    """Every attacker on every relation and function."""
    report = Report()
    with estate.as_superuser() as catalog:
        relations, functions, system = _relations(catalog), _functions(catalog), _system_relations(catalog)
    for attacker in who:
        with psycopg.connect(attacker.dsn, autocommit=True) as connection:
            for name, value in attacker.session:
                connection.execute("select set_config(%s, %s, false)", (name, value))
            for relation in relations:
                _attack_relation(connection, attacker, relation, report)
            for name, call, is_volatile in functions:
                _attack_function(connection, attacker, name, call, is_volatile, report)
            for name in system:
                _read_catalog(connection, attacker, name, report)
    return report


def _relations(catalog: Connection) -> list[Relation]:
    rows = catalog.execute(
        "select n.nspname, c.relname, c.relkind::text, c.oid,"
        " exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'),"
        " (select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        "  order by a.attnum limit 1),"
        " array(select a.attname::text from pg_attribute a join pg_type t on t.oid = a.atttypid"
        "       where a.attrelid = c.oid and t.typname = 'geometry'),"
        " exists (select from pg_rewrite r where r.ev_class = c.oid"
        "         and pg_get_ruledef(r.oid) like '%DO INSTEAD NOTHING;')"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^(pg_|information_schema$)' order by 1, 2"
    ).fetchall()
    return [Relation(*row[:6], tuple(row[6]), row[7]) for row in rows]


def _functions(catalog: Connection) -> list[tuple[str, str, bool]]:
    """(signature, statement that calls it, whether it may write) of every function that no extension brought."""
    rows = catalog.execute(
        "select p.oid::regprocedure::text, format('%I.%I', n.nspname, p.proname), p.prokind::text, p.provolatile = 'v',"
        " array(select format_type(t, null) from unnest(p.proargtypes) with ordinality a (t, i) order by i)"
        " from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname !~ '^(pg_|information_schema$)' and p.prokind in ('f', 'p')"
        " and p.prorettype <> 'trigger'::regtype and not exists (select from pg_depend d"
        "     where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')"
        " order by 1"
    ).fetchall()
    found = []
    for signature, name, kind, is_volatile, types in rows:
        arguments = ", ".join(_ARGUMENTS.get(t, f"null::{t}") for t in types)
        call = f"call {name}({arguments})" if kind == "p" else f"select f::text from {name}({arguments}) f"
        found.append((signature, call, is_volatile or kind == "p"))
    return found


_ARGUMENTS = {"text": f"'{OTHER}'", "text[]": f"array['{OTHER}']", "integer": "1", "regclass": "'pg_class'::regclass"}


def _system_relations(catalog: Connection) -> list[str]:
    rows = catalog.execute(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') order by 1"
    ).fetchall()
    return [
        f"information_schema.{name}" if "." not in name and not name.startswith("pg_") else name for (name,) in rows
    ]


def _attack_relation(connection: Connection, attacker: Attacker, relation: Relation, report: Report) -> None:
    for attempt, statement in _reads(relation, attacker):
        report.attempts[attacker.name] += 1
        try:
            rows = _read(connection, statement)
        except errors.InsufficientPrivilege:
            continue
        except errors.DivisionByZero:
            _breach(report, attacker, relation.sql, attempt, "an error told that a foreign row exists")
            continue
        except psycopg.Error as error:
            _breach(report, attacker, relation.sql, attempt, f"neither rows nor a refusal: {error}")
            continue
        seen = [tenant for tenant in attacker.foreign if any(tenant in row for row in rows)]
        if seen:
            _breach(report, attacker, relation.sql, attempt, f"rows of {', '.join(seen)}")
        if attempt == "select":
            report.own_rows[attacker.name, relation.sql] = sum(any(t in row for t in attacker.may_see) for row in rows)
    for attempt, statement in _writes(relation, attacker):
        report.attempts[attacker.name] += 1
        _must_be_refused(connection, attacker, relation, attempt, statement, report)


def _reads(relation: Relation, attacker: Attacker) -> Iterator[tuple[str, str]]:
    yield "select", f"select t::text from {relation.sql} t"
    yield "copy out", f"copy (select * from {relation.sql}) to stdout"
    if relation.kind == "S":
        return
    if relation.kind != "v":
        yield "copy table out", f"copy {relation.sql} to stdout"
    yield "select distinct", f"select distinct t::text from only {relation.sql} t"
    if relation.has_tenant:
        for tenant in attacker.foreign:
            yield f"ask for {tenant}", f"select t::text from {relation.sql} t where tenant_id = '{tenant}'"
            guess = f"1 / (case when tenant_id = '{tenant}' then 0 else 1 end) = 1"
            yield f"guess {tenant} by an error", f"select 'none' from {relation.sql} where {guess}"
    for column in relation.geometry_columns if relation.kind in "rp" else ():
        yield "read extent", _told(relation, f"st_estimatedextent('{relation.schema}', '{relation.name}', '{column}')")
        yield "read statistics", _told(relation, f"_postgis_stats({relation.oid}::regclass, '{column}')")
        box = "st_makeenvelope(-180, -90, 180, 90, 4326)"
        yield "count by box", _told(relation, f"_postgis_selectivity({relation.oid}::regclass, '{column}', {box})")
        yield "read index extent", _told(relation, f"_postgis_index_extent({relation.oid}::regclass, '{column}')")


def _told(relation: Relation, call: str) -> str:
    """A statement that names every tenant when the call answers: statistics of a table tell of all its rows."""
    return f"select '{' '.join(TENANTS)}' where {call} is not null"


def _read(connection: Connection, statement: str) -> list[str]:
    if statement.startswith("copy"):
        with connection.cursor().copy(statement) as copy:
            return [bytes(block).decode() for block in copy]
    return [str(row[0]) for row in connection.execute(statement).fetchall()]


def _writes(relation: Relation, attacker: Attacker) -> Iterator[tuple[str, str]]:
    if relation.kind == "S":
        yield "advance", f"select nextval('{relation.sql}')"
        yield "set", f"select setval('{relation.sql}', 1)"
        return
    column = f'"{relation.first_column}"'
    if relation.sql in attacker.may_add:
        for tenant in attacker.foreign:
            made = f'(jsonb_populate_record(null::{relation.sql}, \'{{"tenant_id": "{tenant}"}}\')).*'
            yield f"insert for {tenant}", f"insert into {relation.sql} select {made}"
    else:
        yield "insert", f"insert into {relation.sql} select * from {relation.sql} where false"
        yield "insert blindly", f"insert into {relation.sql} default values"
    yield "update", f"update {relation.sql} set {column} = {column}"
    yield "delete", f"delete from {relation.sql}"
    yield "lock rows", f"select 1 from {relation.sql} for update"
    yield "lock", f"lock table {relation.sql} in access exclusive mode"
    yield "truncate", f"truncate {relation.sql}"
    yield "drop", f"drop {'view' if relation.kind == 'v' else 'table'} {relation.sql}"
    yield "open to all", f"grant select on {relation.sql} to public with grant option"


def _must_be_refused(
    connection: Connection, attacker: Attacker, relation: Relation, attempt: str, statement: str, report: Report
) -> None:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except errors.InsufficientPrivilege:
        return
    except (errors.WrongObjectType, errors.ObjectNotInPrerequisiteState, errors.InvalidGrantOperation) as error:
        if relation.kind in "vm" or attempt == "open to all":
            return  # a view that cannot be written, a grant option that PUBLIC cannot have
        _breach(report, attacker, relation.sql, attempt, f"not tried: {error}")
    except psycopg.Error as error:
        _breach(report, attacker, relation.sql, attempt, f"not tried: {error}")
    else:
        if not relation.is_inert:
            _breach(report, attacker, relation.sql, attempt, "was done")


def _attack_function(
    connection: Connection, attacker: Attacker, name: str, call: str, is_volatile: bool, report: Report
) -> None:
    report.attempts[attacker.name] += 1
    rows: list[str] = []
    try:
        with connection.transaction(force_rollback=True):
            rows = [str(row[0]) for row in connection.execute(call).fetchall()]
    except psycopg.Error as error:
        if _was_not_entered(error, name):
            return
        _breach(report, attacker, name, "call", f"was executed: {error}")
        return
    if any(mark(tenant) in row for tenant in attacker.foreign for row in rows):
        _breach(report, attacker, name, "call", "rows of another tenant")
    elif is_volatile:
        _breach(report, attacker, name, "call", "a function that may write was executed")


def _was_not_entered(error: psycopg.Error, signature: str) -> bool:
    """Whether the call was refused at the function's or its schema's door, not by something inside."""
    schema, name = signature.split("(")[0].split(".") if "." in signature.split("(")[0] else ("public", signature)
    doors = {f"permission denied for {kind} {name}" for kind in ("function", "procedure")}
    return error.diag.message_primary in {*doors, f"permission denied for schema {schema}"}


def _read_catalog(connection: Connection, attacker: Attacker, name: str, report: Report) -> None:
    report.attempts[attacker.name] += 1
    try:
        rows = [str(row[0]) for row in connection.execute(f"select t::text from {name} t").fetchall()]
    except errors.InsufficientPrivilege:
        return
    if any(mark(tenant) in row for tenant in attacker.foreign for row in rows):
        _breach(report, attacker, name, "read the catalog", "words from a row of another tenant")


def _breach(report: Report, attacker: Attacker, target: str, attempt: str, what: str) -> None:
    report.breaches.append(Breach(attacker.name, target, attempt, " ".join(what.split())))
