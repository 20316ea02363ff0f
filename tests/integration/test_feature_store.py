"""Feast beside what we write and read in its format: the same bytes, the same values, one tenant.

The one module that imports Feast (seconds): everything that is held against it stands here.
"""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from feature_repo.fields import fields
from feature_repo.queries import source_query
from real_estate_assets.core.features.registry import Entity, stored
from real_estate_assets.settings import Settings
from real_estate_assets.stores.feature_store import TenantFeatureStore
from real_estate_assets.stores.feature_store_config import offline_store
from real_estate_assets.stores.online_features import open_online_features
from real_estate_assets.stores.online_features.materializing import materialize
from real_estate_assets.stores.warehouse import Warehouse
from tests.made_features import EVENTS, MARKETS, market_rows, plant, property_id, property_rows, register

TENANT, OTHER = "acme-tx", "birch"
COUNT = 30
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = datetime(1800, 1, 1, tzinfo=UTC)
NAMES: dict[Entity, list[str]] = {
    "property": [one.name for one in fields("property")],
    "market": [one.name for one in fields("market")],
}
KEYS: dict[Entity, list[str]] = {"property": [property_id(n) for n in range(COUNT)], "market": list(MARKETS)}


@dataclass(frozen=True)
class Planted:
    """One tenant's features in the warehouse and in both online stores; and another tenant's, of equal keys."""

    warehouse: Warehouse
    by_kind: dict[str, Settings]

    def feast(self, kind: str) -> TenantFeatureStore:
        return TenantFeatureStore(self.by_kind[kind], TENANT)


@pytest.fixture(scope="module")
def planted(module_warehouse_db: Any, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    warehouse = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    register(warehouse, TENANT, OTHER)
    for tenant in (TENANT, OTHER):
        plant(warehouse, tenant, property_rows(COUNT, tenant), market_rows(tenant))
    of_cluster: Settings = module_warehouse_db.settings
    host, port = of_cluster.address("warehouse")
    reach = {"warehouse_host": host, "warehouse_port": port, "warehouse_app_password": of_cluster.password("app")}
    by_kind = {}
    for kind in ("sqlite", "redis"):
        more = {
            **reach,
            "state_dir": tmp_path_factory.mktemp(kind),
            "online_store": kind,
            "redis_url": SecretStr(redis_url),
        }
        by_kind[kind] = of_cluster.model_copy(update=more)
        for tenant in (TENANT, OTHER):
            materialize(by_kind[kind], warehouse, tenant, now=NOW)
    yield Planted(warehouse, by_kind)
    from redis import Redis

    Redis.from_url(redis_url).flushall()


KINDS = pytest.mark.parametrize("kind", ["sqlite", "redis"])
ENTITIES = pytest.mark.parametrize("entity", ["property", "market"])


@KINDS
@ENTITIES
def test_the_thin_reader_gives_what_feast_gives(planted: Planted, kind: str, entity: Entity) -> None:
    reader, names = open_online_features(planted.by_kind[kind], TENANT), NAMES[entity][:-1]
    keys = [*KEYS[entity], "nobody knows it"]
    thin = (reader.read if entity == "property" else reader.read_market)(keys, names)
    of_feast = planted.feast(kind).online(entity, keys, names)
    compared = [(row.values[name], found[name]) for row, found in zip(thin, of_feast, strict=True) for name in names]
    assert [(a, type(a)) for a, _ in compared] == [(b, type(b)) for _, b in compared]
    assert sum(a is not None for a, _ in compared) > 0.5 * len(KEYS[entity]) * len(names), "nothing equals nothing"


@KINDS
def test_a_feature_service_answers_through_feast(planted: Planted, kind: str) -> None:
    store = planted.feast(kind).feast
    asked = {"tenant_id": TENANT, "property_id": property_id(1), "market_id": MARKETS[1]}
    found = store.get_online_features(store.get_feature_service("listed_54"), [asked]).to_dict()
    assert len(found) == 54 - 1 + 1  # property_age is computed by the thin reader alone; tenant_id is a key more
    ((of_property, of_market),) = open_online_features(planted.by_kind[kind], TENANT).read_with_market(
        [(property_id(1), MARKETS[1])]
    )
    expected = {**of_property.values, **of_market.values}
    assert {name: value for name, (value,) in found.items() if name != "tenant_id"} == {
        name: expected[name] for name in found if name != "tenant_id"
    }


def test_sqlite_holds_the_bytes_that_feast_writes(planted: Planted, tmp_path: Path) -> None:
    settings = planted.by_kind["sqlite"]
    written = tmp_path / "by_feast.db"
    _feast_materializes(settings, {"type": "sqlite", "path": str(written)})
    ours = settings.online_dir / TENANT / json.loads((settings.online_dir / TENANT / "state.json").read_text())["file"]
    for view in ("property_features", "market_features"):
        query = (
            f"select entity_key, feature_name, value, event_ts, created_ts from reos_acme_tx_{view}"
            " where length(value) > 0 order by 1, 2"
        )
        of_feast, of_us = (sqlite3.connect(file).execute(query).fetchall() for file in (written, ours))
        assert of_us == of_feast
        assert len(of_us) > 20


def test_redis_holds_the_bytes_that_feast_writes(planted: Planted, redis_url: str) -> None:
    from redis import Redis

    elsewhere = redis_url.rpartition("/")[0] + "/1"
    settings = planted.by_kind["redis"].model_copy(update={"redis_url": SecretStr(elsewhere)})
    from real_estate_assets.stores.online_features import online_store

    _feast_materializes(settings, online_store(settings, TENANT).feast_config())
    of_feast, of_us = (_hashes(Redis.from_url(url)) for url in (elsewhere, redis_url))
    assert of_us == of_feast
    assert len(of_us) == COUNT + len(MARKETS)


def _hashes(redis: Any) -> dict[bytes, dict[bytes, bytes]]:
    """Every row of the tenant without its nulls, which Feast writes as empty values."""
    rows = {key: redis.hgetall(key) for key in redis.scan_iter() if key.endswith(b"reos_acme_tx")}
    return {key: {field: value for field, value in row.items() if value} for key, row in rows.items()}


def _feast_materializes(settings: Settings, online: dict[str, Any]) -> None:
    store = TenantFeatureStore(settings, TENANT, online=online)
    store._open(online).apply(_definitions())
    store.feast.materialize(LONG_AGO, NOW, feature_views=["property_features", "market_features"])


def _definitions() -> list[Any]:
    from feature_repo.definitions import definitions

    return definitions(TENANT)


@ENTITIES
def test_offline_and_online_agree_read_by_nobody_of_ours(planted: Planted, redis_url: str, entity: Entity) -> None:
    """A sample by SQL of its own, as the application; keys, hashes and values of Redis by its wire protocol alone."""
    from tests.independent_online import check_sample

    with planted.warehouse.as_app(TENANT) as connection:
        checked = check_sample(connection, redis_url, TENANT, entity, NOW, count=20)
    assert checked.differing == []
    assert checked.cells >= 3 * len(stored(entity))
    assert checked.non_null > checked.cells / 2


def test_history_is_what_was_known_then_and_never_what_came_later(planted: Planted) -> None:
    made = {(row["property_id"], row["event_at"]): row for row in property_rows(COUNT, TENANT)}
    moments = [
        EVENTS[0] - timedelta(seconds=1), EVENTS[0], EVENTS[1] - timedelta(microseconds=1), EVENTS[1], NOW,
    ]  # fmt: skip
    known = [None, EVENTS[0], EVENTS[0], EVENTS[1], EVENTS[1]]
    asked = [(key, moment) for key in KEYS["property"] for moment in moments]
    names = [one.name for one in stored("property")]
    found = planted.feast("sqlite").historical("property", asked, names)
    assert found.height == len(asked)
    answers = {(row["property_id"], row["event_timestamp"]): row for row in found.to_dicts()}
    for key in KEYS["property"]:
        for moment, event in zip(moments, known, strict=True):
            row = answers[key, moment]
            expected = dict.fromkeys(names) if event is None else {name: made[key, event][name] for name in names}
            assert {name: row[name] for name in names} == expected, (key, moment)


def test_apply_does_nothing_where_nothing_changed(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    store = planted.feast("sqlite")
    store.apply()
    registry = planted.by_kind["sqlite"].online_dir / TENANT / "registry.db"
    before = registry.stat().st_mtime_ns
    assert not planted.feast("sqlite").apply()
    assert registry.stat().st_mtime_ns == before
    monkeypatch.setattr("feature_repo.queries.FORMAT", 99)
    assert planted.feast("sqlite").apply()


def test_feast_connects_as_the_application_bound_to_one_tenant(planted: Planted) -> None:
    """Whatever Feast is told to ask: row-level security knows its tenant from the connection's first moment."""
    from feast.infra.utils.postgres.connection_utils import _get_conn

    config = planted.feast("sqlite").feast.config.offline_store
    with _get_conn(config) as connection:
        ((role, tenant, path, plans),) = connection.execute(
            "select current_user, current_setting('app.tenant_id'), current_setting('search_path'),"
            " current_setting('plan_cache_mode')"
        ).fetchall()
        assert (role, tenant, plans) == ("reos_app", TENANT, "force_custom_plan")
        assert path.replace(" ", "") == "features,public"
        for entity in ("property", "market"):
            query = source_query(OTHER, entity)  # another tenant's very query
            assert connection.execute(query).fetchall() == []
            assert connection.execute(source_query(TENANT, entity)).fetchall()
        assert connection.execute("select distinct tenant_id from property_features").fetchall() == [(TENANT,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from features.property_features")


def test_the_settings_sslmode_reaches_feast(planted: Planted) -> None:
    strict = planted.by_kind["sqlite"].model_copy(update={"warehouse_sslmode": "verify-full"})
    assert offline_store(strict, TENANT)["sslmode"] == "verify-full"


@given(password=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20))
def test_any_password_of_redis_reaches_feast_as_it_is(password: str) -> None:
    from feast.infra.online_stores.redis import RedisOnlineStore

    from real_estate_assets.stores.online_features.redis_address import connection_string

    url = f"rediss://{quote('me', safe='')}:{quote(password, safe='')}@redis.example:6380/2"
    settings = Settings(environment="test", redis_url=SecretStr(url))
    nodes, told = RedisOnlineStore._parse_connection_string(connection_string(settings))
    assert nodes == [{"host": "redis.example", "port": "6380"}]
    assert {name: told[name] for name in ("username", "password", "db", "ssl")} == {
        "username": "me", "password": password, "db": 2, "ssl": True,
    }  # fmt: skip


WORDS = st.text(st.characters(codec="utf-8"), max_size=300)
CENTURIES = datetime(1900, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
DAYS = st.datetimes(*CENTURIES, timezones=st.just(UTC))


@given(tenant=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True), key=WORDS)
def test_keys_are_feasts(tenant: str, key: str) -> None:
    from feast.infra.online_stores.helpers import _mmh3, _redis_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    from real_estate_assets.stores.online_features import wire

    asked = EntityKey(
        join_keys=["tenant_id", "property_id"], entity_values=[Value(string_val=tenant), Value(string_val=key)]
    )
    assert wire.redis_key(tenant, "property", key) == _redis_key(wire.project(tenant), asked)
    assert wire.redis_field("market", "median_price") == _mmh3("market_features:median_price")


OF_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "float": st.floats(),
    "int": st.integers(-(2**63) + 1, 2**63 - 1),
    "string": WORDS,
    "bool": st.booleans(),
    "timestamp": DAYS,
}


@given(value=st.one_of([st.tuples(st.just(dtype), values) for dtype, values in OF_TYPE.items()]))
def test_values_are_feasts(value: tuple[Any, Any]) -> None:
    from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values

    from feature_repo.views import FEAST_TYPES
    from real_estate_assets.stores.online_features import wire

    dtype, told = value
    (proto,) = python_values_to_proto_values([told], FEAST_TYPES[dtype].to_value_type())
    (encode,) = wire.encoders([dtype])
    assert (encode(told) or b"") == proto.SerializeToString()
    assert wire.decode(encode(told)) == feast_value_type_to_python_type(proto)


@given(at=DAYS)
def test_event_times_are_feasts(at: datetime) -> None:
    from google.protobuf.timestamp_pb2 import Timestamp

    from real_estate_assets.stores.online_features import wire

    proto = Timestamp()
    proto.FromDatetime(at)
    assert wire.encode_time(at) == proto.SerializeToString()
    assert wire.redis_time(wire.encode_time(at)) == at
    whole = at.replace(microsecond=0)  # SQLite keeps no part of a second
    assert wire.sqlite_time(wire.encode_sqlite_time(whole)) == whole


def test_the_port_of_the_server_is_on_loopback_only(redis_url: str) -> None:
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    reachable = [address for address in others if not address.startswith("127.") and _answers(str(address), port)]
    assert reachable == []


def _answers(address: str, port: int) -> bool:
    with socket.socket() as knock:
        knock.settimeout(1)
        return knock.connect_ex((address, port)) == 0
