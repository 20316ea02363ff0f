"""Online features of the demo: what is served is what the warehouse has, in SQLite and over the wire of a real Redis.

Belongs here: the samples, and counting what differs. Does not belong here: the independent reader (`tests/`), which
uses nothing of the platform but the list of features; how fast anything is (`benchmarks/online_features.py`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.demo import TENANTS, Demo
from benchmarks.gates.line import Gate, gate
from real_estate_assets.core.features.registry import Entity, stored
from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features import OnlineStoreError, online_store, open_online_features
from real_estate_assets.stores.online_features.materializing import materialize

PREFIX = "valuation.online"
SAMPLE = 300  # properties of each tenant
ENTITIES: tuple[Entity, ...] = ("property", "market")


def lines(demo: Demo) -> Iterator[Gate]:
    """As the demo serves them; then the same in a Redis of our own, and Feast's own reading of that."""
    from tests.made_redis import redis_server

    for tenant in TENANTS:
        yield _served(demo, tenant)
    with redis_server() as url, tempfile.TemporaryDirectory() as folder:
        settings = demo.settings.model_copy(
            update={
                **_reach(demo.settings),
                "state_dir": Path(folder),
                "online_store": "redis",
                "redis_url": SecretStr(url),
            }
        )
        for tenant in TENANTS:
            materialize(settings, demo.warehouse, tenant)
            yield from _agreement(demo, f"{PREFIX}.over_the_wire.{tenant}", url, tenant, settings)
            yield _like_feast(demo, settings, tenant)
            yield _explained(demo, settings, tenant)


def _reach(settings: Settings) -> dict[str, object]:
    """How to reach the demo's warehouse from another state directory."""
    host, port = settings.address("warehouse")
    return {"warehouse_host": host, "warehouse_port": port, "warehouse_app_password": settings.password("app")}


def _served(demo: Demo, tenant: str) -> Gate:
    """Whether the demo's own store serves what the warehouse has now."""
    name = f"{PREFIX}.served.{tenant}"
    state = online_store(demo.settings, tenant).state()
    if state is None:
        return gate(name, None, at_least(1))
    where: str | Path = demo.settings.online_dir / tenant / (state.file or "")
    if demo.settings.online_store == "redis" and demo.settings.redis_url is not None:
        where = demo.settings.redis_url.get_secret_value()
    agreed, note = _agreed(demo, where, tenant, state.as_of)
    return gate(name, agreed, exactly(1), note=note)


def _agreement(demo: Demo, name: str, where: str, tenant: str, settings: Settings) -> Iterator[Gate]:
    state = open_online_features(settings, tenant).state()
    agreed, note = _agreed(demo, where, tenant, state.as_of)
    yield gate(name, agreed, exactly(1), note=note)


def _agreed(demo: Demo, where: str | Path, tenant: str, as_of: datetime) -> tuple[float | None, str]:
    """(share of the sample's cells that are the same offline and online, words)."""
    from tests.independent_online import check_sample

    cells = non_null = 0
    differing = []
    with demo.warehouse.as_app(tenant) as connection:
        for entity in ENTITIES:
            found = check_sample(connection, where, tenant, entity, as_of, count=SAMPLE)
            cells, non_null = cells + found.cells, non_null + found.non_null
            differing += found.differing
    if not non_null:
        return None, "no value in the sample"
    first = f"; first of them {differing[0]}" if differing else ""
    return 1 - len(differing) / cells, f"{cells:,} cells, {non_null:,} not null, {len(differing)} differ{first}"


def _sample(demo: Demo, tenant: str) -> list[str]:
    """Keys of properties, drawn by their hash."""
    query = (
        "select distinct property_id::text, md5(property_id::text || 'reader') from features.property_features"
        " where tenant_id = {tenant} and event_at <= %(now)s order by 2 limit %(count)s"
    )
    return [key for key, _ in demo.ask(tenant, query, {"now": datetime.now(UTC), "count": SAMPLE})]


def _like_feast(demo: Demo, settings: Settings, tenant: str) -> Gate:
    """Values that the thin reader gives otherwise than Feast's own reading of the same rows."""
    from real_estate_assets.stores.feature_store import TenantFeatureStore

    keys, names = _sample(demo, tenant), [one.name for one in stored("property")]
    thin = open_online_features(settings, tenant).read(keys, names)
    feast = TenantFeatureStore(settings, tenant).online("property", keys, names)
    cells = [(row.values[name], found[name]) for row, found in zip(thin, feast, strict=True) for name in names]
    known = sum(a is not None for a, _ in cells)
    other = sum(a != b or type(a) is not type(b) for a, b in cells)
    note = f"{len(cells):,} cells, {known:,} not null"
    return gate(f"{PREFIX}.unlike_feast.{tenant}", other if known else None, at_most(0), note=note)


def _explained(demo: Demo, settings: Settings, tenant: str) -> Gate:
    """Nulls that the reader gives without a reason of the row's or the registry's own."""
    try:
        rows = open_online_features(settings, tenant).read(_sample(demo, tenant))
    except OnlineStoreError as error:
        return gate(f"{PREFIX}.nulls_without_reason.{tenant}", None, at_most(0), note=str(error))
    nulls = [(row, name) for row in rows for name, value in row.values.items() if value is None]
    bare = sorted({name for row, name in nulls if row.null_reasons.get(name) in (None, "not_recorded")})
    note = f"{len(nulls):,} nulls of {len(rows)} properties" + (f"; {', '.join(bare)}" if bare else "")
    return gate(f"{PREFIX}.nulls_without_reason.{tenant}", len(bare) if rows else None, at_most(0), note=note)
