"""Write, audit, publish: what a build stages is served whole or not at all, tenant by tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import errors

from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import (
    UnknownTenantError,
    add_tenant,
    create_analyst,
    get_tenant,
    list_tenants,
    set_active,
    update_tenant,
)

Connection = psycopg.Connection[tuple[Any, ...]]
ALPHA, BETA = "alpha", "beta-1"

BASE = "select '__TENANT__'::text as tenant_id, n as parcel_no, '{tag}'::text as tag from generate_series(1, 3) as n"
DEPENDENT = 'select tenant_id, tag, count(*) as parcels from "marts__leaf"."dim_parcels____TENANTKEY__" group by 1, 2'


@pytest.fixture
def warehouse(warehouse_db: Any) -> Warehouse:
    made = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    for tenant in (ALPHA, BETA):
        add_tenant(made, tenant, tenant_name=tenant.title(), description="tenant: x", base_uri="file:///srv/")
    return made


@pytest.fixture
def owner(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.as_owner() as connection:
        yield connection


def value(connection: Connection, statement: str, parameters: tuple[Any, ...] = ()) -> Any:
    return connection.execute(statement, parameters).fetchall()[0][0]


def stage(
    owner: Connection, model: str, query: str, invocation: str, tenant: str = ALPHA, **more: Any
) -> dict[str, Any]:
    answer: dict[str, Any] = value(
        owner,
        "select tenancy.stage('marts', %s, %s, %s, %s, %s, %s)",
        (model, tenant, invocation, query, more.get("finish"), more.get("contract")),
    )
    return answer


def publish(owner: Connection, invocation: str, tenant: str = ALPHA) -> int:
    count: int = value(owner, "select tenancy.publish(%s, %s)", (tenant, invocation))
    return count


def build(owner: Connection, tag: str, tenant: str = ALPHA) -> int:
    """Both models, staged and published as invocation `tag`."""
    assert stage(owner, "dim_parcels", BASE.format(tag=tag), tag, tenant)["ok"]
    assert stage(owner, "fct_counts", DEPENDENT, tag, tenant)["ok"]
    return publish(owner, tag, tenant)


def served(owner: Connection, tenant: str = ALPHA) -> set[str]:
    """The tags of the builds that the tenant's two models are served from."""
    query = (
        "select tag from marts.dim_parcels where tenant_id = %s"
        " union all select tag from marts.fct_counts where tenant_id = %s"
    )
    return {tag for (tag,) in owner.execute(query, (tenant, tenant)).fetchall()}


def heaps(owner: Connection) -> set[str]:
    rows = owner.execute(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname like '%\\_\\_leaf' and c.relkind = 'r'"
    ).fetchall()
    return {name for (name,) in rows}


def test_staged_tables_are_read_by_their_invocation_and_served_by_publishing(owner: Connection) -> None:
    build(owner, "old")
    assert stage(owner, "dim_parcels", BASE.format(tag="new"), "new")["ok"]
    assert stage(owner, "fct_counts", DEPENDENT, "new")["rows"] == 1
    assert served(owner) == {"old"}
    assert publish(owner, "new") == 2
    assert served(owner) == {"new"}
    assert value(owner, "select count(*) from tenancy.staged") == 0
    assert len(heaps(owner)) == 2, "the old heaps are gone"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("select 'beta-1'::text as tenant_id, 1 as parcel_no, 'bad'::text as tag", "tenant_only"),
        ("select null::text as tenant_id, 1 as parcel_no, 'bad'::text as tag", "null values"),
        ("select '__TENANT__'::text as tenant_id, 1 / 0 as parcel_no, 'bad'::text as tag", "division by zero"),
        ("select 1 as parcel_no", "tenant_id"),
        ("selekt", "syntax error"),
    ],
)
def test_a_bad_build_is_that_tenants_result_and_leaves_nothing(owner: Connection, query: str, says: str) -> None:
    build(owner, "old")
    before = heaps(owner)
    answer = stage(owner, "dim_parcels", query, "bad")
    assert not answer["ok"]
    assert says in answer["error"]
    assert heaps(owner) == before
    assert publish(owner, "bad") == 0
    assert served(owner) == {"old"}


def test_a_contract_names_every_column_that_differs(owner: Connection) -> None:
    agreed = {"tenant_id": "text", "parcel_no": "bigint", "zip": "text"}
    contract = json.dumps([{"name": name, "data_type": kind} for name, kind in agreed.items()])
    answer = stage(owner, "dim_parcels", BASE.format(tag="x"), "x", contract=contract)
    assert answer["error"] == (
        "contract: column parcel_no is integer, the contract says bigint; column tag is not in the contract;"
        " column zip of the contract is not built"
    )


def test_a_retry_of_a_published_invocation_does_not_empty_the_tenant(owner: Connection) -> None:
    """The heap's name follows from the invocation: staging it again must not drop the heap that is served."""
    build(owner, "same")
    assert stage(owner, "dim_parcels", BASE.format(tag="again"), "same")["ok"]
    assert served(owner) == {"same"}
    assert publish(owner, "same") == 1
    assert value(owner, "select min(tag) from marts.dim_parcels where tenant_id = 'alpha'") == "again"


def test_staging_twice_keeps_the_second_and_one_heap(owner: Connection) -> None:
    build(owner, "old")
    for tag in ("first", "second"):
        assert stage(owner, "dim_parcels", BASE.format(tag=tag), "twice")["ok"]
    assert len(heaps(owner)) == 3
    publish(owner, "twice")
    assert value(owner, "select min(tag) from marts.dim_parcels") == "second"


def test_a_failed_second_staging_keeps_the_invocation_from_being_published(owner: Connection) -> None:
    build(owner, "old")
    tenants = [ALPHA]
    for query in (BASE.format(tag="first"), "select 1 / 0 as tenant_id"):
        owner.execute(
            "call tenancy.stage_all('i', 'dim', '{}', 'marts', 'dim_parcels', %s, %s, '{}', null)", (tenants, query)
        )
    owner.execute("call tenancy.publish_all('i', %s)", (tenants,))
    assert served(owner) == {"old"}


def test_changed_columns_are_refused_until_a_migration_alters_the_parent(
    owner: Connection, warehouse: Warehouse
) -> None:
    build(owner, "old")
    build(owner, "old", BETA)
    create_analyst(warehouse, ALPHA)
    wider = BASE.format(tag="wide").replace("n as parcel_no", "n as parcel_no, 'MA'::text as state")
    assert stage(owner, "dim_parcels", wider, "wide")["ok"]
    assert stage(owner, "fct_counts", DEPENDENT, "wide")["ok"]
    with pytest.raises(
        errors.DatatypeMismatch, match=r"marts\.dim_parcels changed \(new column state text\): a migration must"
    ):
        publish(owner, "wide")
    assert served(owner) == {"old"}
    owner.execute("alter table marts.dim_parcels add column state text")
    assert publish(owner, "wide") == 2
    assert served(owner) == {"wide"}
    assert owner.execute("select distinct state from marts.dim_parcels where tenant_id = 'beta-1'").fetchall() == [
        (None,)
    ]
    # The analyst's view was made again with the new column.
    assert owner.execute("select distinct state from an_alpha.dim_parcels").fetchall() == [("MA",)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("n::bigint as parcel_no", "column parcel_no is bigint and was integer"),
        ("n as plot_no", "new column plot_no integer"),
    ],
)
def test_a_changed_or_lost_column_is_named(owner: Connection, change: str, says: str) -> None:
    build(owner, "old")
    assert stage(owner, "dim_parcels", BASE.format(tag="x").replace("n as parcel_no", change), "x")["ok"]
    with pytest.raises(errors.DatatypeMismatch, match=says):
        publish(owner, "x")


def test_a_publication_built_from_what_was_replaced_meanwhile_is_refused(owner: Connection) -> None:
    build(owner, "old")
    assert stage(owner, "fct_counts", DEPENDENT, "late")["ok"]  # reads the served dim_parcels
    build(owner, "new")
    with pytest.raises(
        errors.SerializationFailure, match=r'fct_counts was built from "marts__leaf"\."dim_parcels__.*build again'
    ):
        publish(owner, "late")
    assert served(owner) == {"new"}
    assert stage(owner, "fct_counts", DEPENDENT, "later")["ok"]
    assert publish(owner, "later") == 1


def test_nodes_that_failed_or_were_blocked_keep_the_tenant_as_it_was(owner: Connection) -> None:
    tenants = [ALPHA, BETA]
    for tenant in tenants:
        build(owner, "old", tenant)

    def run(invocation: str, base: str, test: str) -> dict[str, tuple[bool, str | None]]:
        owner.execute(
            "call tenancy.stage_all(%s, 'dim', '{}', 'marts', 'dim_parcels', %s, %s, null, null)",
            (invocation, tenants, base),
        )
        owner.execute("call tenancy.test_all(%s, 'dim_test', '{dim}', %s, %s, 'error')", (invocation, tenants, test))
        owner.execute(
            "call tenancy.stage_all(%s, 'fct', '{dim,dim_test}', 'marts', 'fct_counts', %s, %s, null, null)",
            (invocation, tenants, DEPENDENT),
        )
        owner.execute("call tenancy.publish_all(%s, %s)", (invocation, tenants))
        rows = owner.execute(
            "select tenant_id, is_ok, error from tenancy.outcome where invocation_id = %s and node_id = 'publish'",
            (invocation,),
        ).fetchall()
        return {tenant: (is_ok, error) for tenant, is_ok, error in rows}

    failing = "select count(*) from \"marts__leaf\".\"dim_parcels____TENANTKEY__\" where '__TENANT__' = 'alpha'"
    answer = run("one", BASE.format(tag="one"), failing)
    assert answer[ALPHA] == (False, "dim_test")
    assert answer[BETA] == (True, None)
    assert (served(owner, ALPHA), served(owner, BETA)) == ({"old"}, {"one"})
    # A later run of the dependent alone stays blocked, and a blocked run does not count as published.
    owner.execute(
        "call tenancy.stage_all('two', 'fct', '{dim,dim_test}', 'marts', 'fct_counts', %s, %s, null, null)",
        (tenants, DEPENDENT),
    )
    owner.execute("call tenancy.publish_all('two', %s)", (tenants,))
    two = owner.execute(
        "select tenant_id, is_ok, error from tenancy.outcome"
        " where invocation_id = 'two' and node_id = 'publish' order by 1"
    ).fetchall()
    assert two == [(ALPHA, False, "fct: dim_test"), (BETA, True, None)]
    assert run("three", BASE.format(tag="three"), "select 0") == {ALPHA: (True, None), BETA: (True, None)}
    assert served(owner, ALPHA) == {"three"}


def test_a_warning_does_not_hold_a_tenant_back(owner: Connection) -> None:
    owner.execute(
        "call tenancy.stage_all('i', 'dim', '{}', 'marts', 'dim_parcels', %s, %s, null, null)",
        ([ALPHA], BASE.format(tag="i")),
    )
    owner.execute("call tenancy.test_all('i', 't', '{dim}', %s, 'select 7', 'warn')", ([ALPHA],))
    owner.execute("call tenancy.publish_all('i', %s)", ([ALPHA],))
    outcomes = owner.execute("select node_id, is_ok, failed_rows from tenancy.outcome order by at").fetchall()
    assert outcomes == [("dim", True, None), ("t", False, 7), ("publish", True, None)]


def test_refused_builds_are_kept_for_a_look_only_until_the_next(owner: Connection) -> None:
    build(owner, "old")
    for invocation in ("bad 1", "bad 2", "bad 3"):
        assert stage(owner, "dim_parcels", BASE.format(tag="x"), invocation)["ok"]
        owner.execute("call tenancy.test_all(%s, 't', '{}', %s, 'select 1', 'error')", (invocation, [ALPHA]))
        owner.execute("call tenancy.publish_all(%s, %s)", (invocation, [ALPHA]))
    assert owner.execute("select invocation_id from tenancy.staged").fetchall() == [("bad 3",)]
    assert len(heaps(owner)) == 3


def test_what_a_dead_build_staged_is_swept(owner: Connection) -> None:
    build(owner, "old")
    assert stage(owner, "dim_parcels", BASE.format(tag="x"), "dead")["ok"]
    assert value(owner, "select tenancy.sweep()") == 0
    owner.execute("update tenancy.staged set at = at - interval '2 days'")
    assert value(owner, "select tenancy.sweep()") == 1
    assert len(heaps(owner)) == 2
    assert served(owner) == {"old"}


def test_a_file_of_records_replaces_its_own_heap_only(owner: Connection) -> None:
    def load(file_no: int, name: str, invocation: str) -> None:
        heap = value(owner, "select tenancy.stage_empty('raw', 'owner', 'alpha', %s)", (invocation,))
        with owner.cursor().copy(
            f'copy raw__leaf."{heap}" (tenant_id, file_no, record_no, evidence_no, owner_name_raw) from stdin'
        ) as copy:
            copy.write_row(("alpha", file_no, 0, 1, name))
        owner.execute("select tenancy.attach_file('raw', 'owner', 'alpha', %s, %s)", (file_no, invocation))

    def oids() -> dict[int, int]:
        return dict(
            owner.execute("select distinct file_no, tableoid from raw.owner where tenant_id = 'alpha'").fetchall()
        )

    load(1, "First LLC", "a")
    load(2, "Second LLC", "b")
    before = oids()
    load(1, "First Corp", "c")
    rows = owner.execute(
        "select file_no, owner_name_raw from raw.owner where tenant_id = 'alpha' order by 1"
    ).fetchall()
    assert rows == [(1, "First Corp"), (2, "Second LLC")]
    assert oids()[2] == before[2]
    with pytest.raises(errors.RaiseException, match="nothing is staged"):
        owner.execute("select tenancy.attach_file('raw', 'owner', 'alpha', 1, 'c')")


def test_a_tables_checks_hold_on_what_a_stage_copies_in(owner: Connection) -> None:
    heap = value(owner, "select tenancy.stage_empty('enrichment', 'address', 'alpha', 'i')")
    columns = "(tenant_id, address_raw, status, parser, parser_version)"
    with pytest.raises(errors.CheckViolation, match="status"):
        owner.execute(
            f"insert into enrichment__leaf.\"{heap}\" {columns} values ('alpha', '1 A St', 'guessed', 'p', '1')"
        )
    with pytest.raises(errors.CheckViolation, match="tenant_only"):
        owner.execute(
            f"insert into enrichment__leaf.\"{heap}\" {columns} values ('beta-1', '1 A St', 'partial', 'p', '1')"
        )
    owner.execute(f"insert into enrichment__leaf.\"{heap}\" {columns} values ('alpha', '1 A St', 'partial', 'p', '1')")
    assert publish(owner, "i") == 1
    assert value(owner, "select count(*) from enrichment.address where tenant_id = 'alpha'") == 1


@pytest.mark.parametrize(("model", "says"), [("m" * 40, "at most 39 characters"), ("Dim; drop", "may hold a-z")])
def test_a_name_that_would_be_cut_or_quoted_is_refused(owner: Connection, model: str, says: str) -> None:
    assert says in stage(owner, model, BASE.format(tag="x"), "x")["error"]


def test_the_longest_allowed_model_name_is_published(owner: Connection) -> None:
    assert stage(owner, "m" * 39, BASE.format(tag="x"), "x")["ok"]
    assert publish(owner, "x") == 1


def test_an_inactive_tenant_is_served_and_not_built(owner: Connection, warehouse: Warehouse) -> None:
    build(owner, "old")
    assert stage(owner, "dim_parcels", BASE.format(tag="x"), "x")["ok"]
    assert not set_active(warehouse, ALPHA, is_active=False).is_active
    with pytest.raises(errors.RaiseException, match="no active tenant 'alpha'"):
        publish(owner, "x")
    assert "no active tenant" in stage(owner, "dim_parcels", BASE.format(tag="y"), "y")["error"]
    assert served(owner) == {"old"}
    assert [tenant.tenant_id for tenant in list_tenants(warehouse)] == [BETA]
    assert [tenant.tenant_id for tenant in list_tenants(warehouse, include_inactive=True)] == [ALPHA, BETA]
    set_active(warehouse, ALPHA, is_active=True)
    assert publish(owner, "x") == 1


def test_a_changed_description_has_another_fingerprint(warehouse: Warehouse) -> None:
    before = get_tenant(warehouse, ALPHA)
    after = update_tenant(warehouse, ALPHA, tenant_name="A", description="tenant: y", base_uri=before.base_uri)
    assert (after.tenant_name, after.description) == ("A", "tenant: y")
    assert after.description_sha256 != before.description_sha256
    assert after.added_at == before.added_at
    with pytest.raises(UnknownTenantError, match="reos tenant list"):
        update_tenant(warehouse, "gamma", tenant_name="x", description="x", base_uri="x")


SLUGS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)


@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(st.tuples(SLUGS, SLUGS), min_size=20, max_size=20))
def test_tenants_never_share_an_identifier(module_warehouse_db: Any, pairs: list[tuple[str, str]]) -> None:
    with psycopg.connect(module_warehouse_db.dsn("owner")) as connection:
        found = connection.execute(
            "select tenancy.analyst_schema(a), tenancy.analyst_role(a), tenancy.leaf_key(a),"
            " tenancy.analyst_schema(b), tenancy.analyst_role(b), tenancy.leaf_key(b)"
            " from unnest(%s::text[], %s::text[]) with ordinality as pair (a, b, n) order by n",
            [list(side) for side in zip(*pairs, strict=True)],
        ).fetchall()
    for (one, other), names in zip(pairs, found, strict=True):
        assert all(len(name) <= 63 for name in names)
        assert all((names[i] == names[i + 3]) == (one == other) for i in range(3))
