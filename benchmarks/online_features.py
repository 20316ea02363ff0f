"""Online features: 54 features of one property and its market, read from Redis; and writing them.

Belongs here: what is timed and what each is set beside. Does not belong here: whether the values are right (tests hold
them against Feast and an independent reader); every answer here is looked at only for having no null.

A read is set beside a bare one: the same two HMGETs in one round trip, keys and fields made beforehand, values decoded
with protobuf. All take turns call by call, on one connection each, against a server of our own on loopback.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks.bounds import at_most
from benchmarks.measure import Result, result
from benchmarks.throwaway import throwaway_cluster
from benchmarks.trust_reading import p95
from real_estate_assets.core.features.registry import numbered
from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features import open_online_features, wire
from real_estate_assets.stores.online_features.materializing import materialize
from real_estate_assets.stores.warehouse import Warehouse

PREFIX = "valuation.online"
MUST, GOAL = at_most(3), at_most(2)
ROWS, FEAST_ROWS = 25_000, 4_000
CALLS, WARM_UP = 2_000, 200
SEED = 20_261_124
TENANT, SMALL = "acme-tx", "birch"
LONG_AGO = datetime(1800, 1, 1, tzinfo=UTC)
Read = Callable[[str, str], Sequence[Any]]


@dataclass(frozen=True)
class Estate:
    """Features of a large and a small tenant in the warehouse, none of them null, and an empty Redis."""

    redis: Settings
    sqlite: Settings
    warehouse: Warehouse
    properties: list[str]
    markets: list[str]


def run() -> list[Result]:
    """Write, then read what was written."""
    with ExitStack() as stack:
        estate = _estate(stack)
        return [*_writing(estate), *_reading(estate)]


def _estate(stack: ExitStack) -> Estate:
    from tests.made_features import EVENTS, MARKETS, market_rows, plant, property_rows, register
    from tests.made_redis import redis_server

    settings = stack.enter_context(throwaway_cluster()).settings
    url = stack.enter_context(redis_server())
    warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
    register(warehouse, TENANT, SMALL)
    markets, last = market_rows("bench", nulls=0), EVENTS[-1:]
    for tenant, count in ((TENANT, ROWS), (SMALL, FEAST_ROWS)):
        rows = property_rows(count, tenant, nulls=0, events=last)
        for row in rows:  # of usual length; the made ones are to try a reader, not to measure it
            row |= {
                name: value[:20] or "none"
                for name, value in row.items()
                if name != "property_id" and type(value) is str
            }
            row["market_id"] = MARKETS[0]
        plant(warehouse, tenant, rows, markets)
        if tenant == TENANT:
            properties = [row["property_id"] for row in rows]
    redis = settings.model_copy(update={"online_store": "redis", "redis_url": SecretStr(url)})
    return Estate(redis, settings, warehouse, properties, list(MARKETS))


def _writing(estate: Estate) -> Iterator[Result]:
    """Rows a second of both stores, each beside Feast's own materialization of fewer rows; memory; seeing no change."""
    before = _memory(estate.redis)
    done = materialize(estate.redis, estate.warehouse, TENANT)
    megabytes = (_memory(estate.redis) - before) / 1e6
    for kind, settings in (("redis", estate.redis), ("sqlite", estate.sqlite)):
        ours = done if kind == "redis" else materialize(settings, estate.warehouse, TENANT)
        feast = _feast_rows_per_second(settings)
        rate = ours.rows_per_second or 0.0
        yield result(
            f"{PREFIX}.materialize_{kind}", rate, "rows/s", f"Feast's own {feast:,.0f} rows/s", rate / feast,
            note=f"{ROWS:,} rows of {len(done.state.names['property'])} fields; Feast's of {FEAST_ROWS:,}",
        )  # fmt: skip
    yield result(f"{PREFIX}.memory", megabytes, "MB", note=f"of Redis for {ROWS:,} rows without a null")
    started = time.perf_counter()
    again = materialize(estate.redis, estate.warehouse, TENANT)
    assert again.seconds is None, "something was written again"
    yield result(f"{PREFIX}.nothing_changed", time.perf_counter() - started, "s", note=f"seeing that of {ROWS:,} rows")


def _memory(settings: Settings) -> int:
    used: int = _client(settings).info("memory")["used_memory"]
    return used


def _client(settings: Settings) -> Any:
    from redis import Redis

    assert settings.redis_url is not None
    return Redis.from_url(settings.redis_url.get_secret_value())


def _feast_rows_per_second(settings: Settings) -> float:
    """Feast's own materialization of the small tenant, somewhere of its own; importing and applying not counted."""
    from real_estate_assets.stores.feature_store import TenantFeatureStore
    from real_estate_assets.stores.feature_store_config import repo_config
    from real_estate_assets.stores.online_features import online_store

    with tempfile.TemporaryDirectory() as folder:
        online = online_store(settings, SMALL).feast_config()
        if online["type"] == "sqlite":
            online["path"] = str(Path(folder) / "by_feast.db")
        else:
            online["skip_dedup"] = True  # its quicker way
        store = TenantFeatureStore(settings, SMALL, online=online)
        (settings.online_dir / SMALL / "applied").unlink(missing_ok=True)
        assert repo_config(settings, SMALL, online).online_store.type == online["type"]
        feast = store.feast
        started = time.perf_counter()
        feast.materialize(LONG_AGO, datetime.now(UTC), feature_views=["property_features"])
        return FEAST_ROWS / (time.perf_counter() - started)


def _reading(estate: Estate) -> Iterator[Result]:
    """One property and its market, 54 features, call by call in turn."""
    readers = {"thin": _thin(estate), "bare": _bare(estate), "feast": _feast(estate)}
    chosen = random.Random(SEED)
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    cpu: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(CALLS + WARM_UP):
        key, market = chosen.choice(estate.properties), chosen.choice(estate.markets)
        for name in chosen.sample(list(readers), len(readers)):
            started, used = time.perf_counter(), time.thread_time()
            values = readers[name](key, market)
            elapsed, used = time.perf_counter() - started, time.thread_time() - used
            if len(values) < len(_fields()) or None in values:
                raise RuntimeError(f"{name} read {values} of {key}")  # nothing is quickly read
            if number >= WARM_UP:
                seconds[name].append(elapsed)
                cpu[name].append(used)
    note = f"{CALLS:,} calls in turn, one row of 54 features, loopback"
    for name, times, of, must, goal in (
        ("p95", seconds, p95, MUST, GOAL),
        ("median", seconds, statistics.median, None, None),
        ("cpu", cpu, statistics.median, None, None),  # on a busy machine waiting makes all of them alike
    ):
        bare = of(times["bare"])
        for reader in ("thin", "feast"):
            bounds = (must, goal) if reader == "thin" else (None, None)
            took = of(times[reader])
            yield result(
                f"{PREFIX}.{reader}_{name}", took * 1000, "ms", f"a bare HMGET and decoding {bare * 1000:.3f} ms",
                took / bare, *bounds, note,
            )  # fmt: skip


def _fields() -> list[tuple[str, str]]:
    """(entity, feature) of the stored ones of the 54; keys and the age are not stored."""
    return [(one.entity, one.name) for entity in ("property", "market") for one in numbered(entity) if one.is_stored]


def _thin(estate: Estate) -> Read:
    reader = open_online_features(estate.redis, TENANT)
    names = [[one.name for one in numbered(entity)] for entity in ("property", "market")]
    assert sum(map(len, names)) == 54

    def read(key: str, market: str) -> Sequence[Any]:
        ((of_property, of_market),) = reader.read_with_market([(key, market)], *names)
        return [*of_property.values.values(), *of_market.values.values()]

    return read


def _bare(estate: Estate) -> Read:
    from feast.protos.feast.types.Value_pb2 import Value

    redis = _client(estate.redis)
    fields = {
        entity: [wire.redis_field(entity, name) for of, name in _fields() if of == entity]
        for entity in ("property", "market")
    }
    keys = {key: wire.redis_key(TENANT, "property", key) for key in estate.properties}
    keys |= {key: wire.redis_key(TENANT, "market", key) for key in estate.markets}

    def read(key: str, market: str) -> Sequence[Any]:
        pipe = redis.pipeline(transaction=False)
        pipe.hmget(keys[key], fields["property"])
        pipe.hmget(keys[market], fields["market"])
        values = []
        for row in pipe.execute():
            for data in row:
                value = Value.FromString(data)
                values.append(getattr(value, value.WhichOneof("val")))
        return values

    return read


def _feast(estate: Estate) -> Read:
    from feature_repo.services import LISTED
    from real_estate_assets.stores.feature_store import TenantFeatureStore

    store = TenantFeatureStore(estate.redis, TENANT).feast
    service = store.get_feature_service(LISTED)

    def read(key: str, market: str) -> Sequence[Any]:
        asked = [{"tenant_id": TENANT, "property_id": key, "market_id": market}]
        found = store.get_online_features(service, asked).to_dict()
        return [value for (value,) in found.values()]

    return read
