"""Online features: one tenant never reads, hides, overwrites or outlives another's, on equal keys, in either store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from feature_repo.queries import content_query, newest_query, notes_query
from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features import StaleOnlineStoreError, forget_tenant, open_online_features, wire
from real_estate_assets.stores.online_features.materializing import materialize
from real_estate_assets.stores.warehouse import Warehouse
from tests.made_features import MARKETS, TO_COME, market_rows, plant, property_id, property_rows, register

TENANTS = ("acme-tx", "acme", "x-reos-acme")  # one's name stands in the others', and ends the last one's project
IDS = [property_id(n) for n in range(4)]


@pytest.fixture(scope="module")
def warehouse(module_warehouse_db: Any) -> Warehouse:
    made = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    register(made, *TENANTS)
    for tenant in TENANTS:
        plant(made, tenant, _properties(tenant), market_rows(tenant, nulls=0))
    return made


def _properties(tenant: str) -> list[Any]:
    return [{**row, "zoning": f"zone of {tenant}"} for row in property_rows(len(IDS), tenant, nulls=0)]


@pytest.fixture(params=["sqlite", "redis"])
def settings(
    request: pytest.FixtureRequest, module_warehouse_db: Any, warehouse: Warehouse, redis_url: str, tmp_path: Any
) -> Iterator[Settings]:
    """All tenants in one store: one Redis database, one state directory."""
    more = {"state_dir": tmp_path, "online_store": request.param, "redis_url": SecretStr(redis_url)}
    chosen: Settings = module_warehouse_db.settings.model_copy(update=more)
    for tenant in TENANTS:
        materialize(chosen, warehouse, tenant)
    yield chosen
    from redis import Redis

    Redis.from_url(redis_url).flushall()


def _zones(settings: Settings, tenant: str) -> list[Any]:
    return [row.values["zoning"] for row in open_online_features(settings, tenant).read(IDS, ["zoning"])]


def test_each_tenant_reads_its_own_values_of_the_same_property(settings: Settings) -> None:
    for tenant in TENANTS:
        assert _zones(settings, tenant) == [f"zone of {tenant}"] * len(IDS)
    prices = {
        tenant: open_online_features(settings, tenant).read_market(list(MARKETS), ["median_price"])
        for tenant in TENANTS
    }
    assert len({tuple(row.values["median_price"] for row in rows) for rows in prices.values()}) == len(TENANTS)


def test_what_one_tenant_changes_or_loses_is_seen_by_nobody_else(settings: Settings, warehouse: Warehouse) -> None:
    others = [tenant for tenant in TENANTS if tenant != "acme"]
    plant(warehouse, "acme", _properties("acme")[:1], [])
    try:
        materialize(settings, warehouse, "acme")
        assert _zones(settings, "acme") == ["zone of acme", None, None, None]
        assert [_zones(settings, tenant) for tenant in others] == [[f"zone of {t}"] * len(IDS) for t in others]
        assert forget_tenant(settings, "acme")
        with pytest.raises(StaleOnlineStoreError):
            _zones(settings, "acme")
        assert [_zones(settings, tenant) for tenant in others] == [[f"zone of {t}"] * len(IDS) for t in others]
    finally:
        plant(warehouse, "acme", _properties("acme"), market_rows("acme", nulls=0))


def test_the_queries_of_one_tenant_give_nothing_to_a_connection_of_another(warehouse: Warehouse) -> None:
    """The literal names the tenant; row-level security decides. Asked as acme for acme-tx's rows: none."""
    for query in (newest_query, notes_query, content_query):
        for entity in ("property", "market"):
            with warehouse.as_app("acme") as connection:
                foreign = connection.execute(query("acme-tx", entity), {"now": TO_COME}).fetchall()
                own = connection.execute(query("acme", entity), {"now": TO_COME}).fetchall()
            assert foreign in ([], [([], "0")])
            assert own not in ([], [([], "0")])
    with pytest.raises(ValueError, match="a tenant's slug"):
        newest_query("acme' or 'a' = 'a", "property")


SLUGS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
KEYS = st.text(st.characters(codec="utf-8"), max_size=60)


@given(one=st.tuples(SLUGS, KEYS), other=st.tuples(SLUGS, KEYS))
def test_no_key_can_be_written_so_that_it_is_another_tenants(one: tuple[str, str], other: tuple[str, str]) -> None:
    assume(one != other)
    (tenant, key), (other_tenant, other_key) = one, other
    assert wire.redis_key(tenant, "property", key) != wire.redis_key(other_tenant, "property", other_key)
    assert wire.entity_key(tenant, "property", key) != wire.entity_key(other_tenant, "property", other_key)
    if tenant != other_tenant:
        assert wire.project(tenant) != wire.project(other_tenant)
    # And none that carries another's whole ending within the key that a caller chooses.
    forged = wire.redis_key(
        tenant, "property", key + wire.redis_key(other_tenant, "property", other_key).decode("latin-1")
    )
    assert forged != wire.redis_key(other_tenant, "property", other_key)
