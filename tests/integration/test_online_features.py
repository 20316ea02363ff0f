"""Online features: one set of tests over both kinds of store, SQLite files and a real Redis server."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from feature_repo.fields import MARKET
from real_estate_assets.core.features.registry import features, stored
from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features import (
    OnlineFeatures,
    OnlineStoreUnreachableError,
    StaleOnlineStoreError,
    UnknownFeatureError,
    forget_tenant,
    online_store,
    open_online_features,
)
from real_estate_assets.stores.online_features.materializing import Materialized, materialize
from real_estate_assets.stores.warehouse import Warehouse
from tests.made_features import EVENTS, MARKETS, Row, market_rows, plant, property_id, property_rows, register

TENANT = "acme-tx"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
STORED = [one.name for one in stored("property")]


@dataclass(frozen=True)
class Served:
    """A tenant's rows in the warehouse and the store under test."""

    settings: Settings
    warehouse: Warehouse
    tenant: str

    def plant(self, properties: list[Row], markets: list[Row] | None = None) -> None:
        plant(self.warehouse, self.tenant, properties, market_rows("m") if markets is None else markets)

    def materialize(self, now: datetime = NOW) -> Materialized:
        return materialize(self.settings, self.warehouse, self.tenant, now=now)

    def reader(self) -> OnlineFeatures:
        return open_online_features(self.settings, self.tenant)


@pytest.fixture(scope="module")
def warehouse(module_warehouse_db: Any) -> Warehouse:
    made = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    register(made, TENANT, "a", "x-reos-a", "empty")
    return made


@pytest.fixture(params=["sqlite", "redis"])
def store_settings(request: pytest.FixtureRequest, module_warehouse_db: Any, tmp_path: Any) -> Iterator[Settings]:
    more: dict[str, Any] = {"state_dir": tmp_path, "online_store": request.param}
    of_cluster: Settings = module_warehouse_db.settings
    host, port = of_cluster.address("warehouse")
    more |= {"warehouse_host": host, "warehouse_port": port, "warehouse_app_password": of_cluster.password("app")}
    if request.param == "redis":
        more["redis_url"] = SecretStr(request.getfixturevalue("redis_url"))
    yield of_cluster.model_copy(update=more)
    if request.param == "redis":
        flush(more["redis_url"])


def flush(url: SecretStr) -> None:
    from redis import Redis

    Redis.from_url(url.get_secret_value()).flushall()


@pytest.fixture
def served(store_settings: Settings, warehouse: Warehouse) -> Served:
    return Served(store_settings, warehouse, TENANT)


def test_each_key_has_its_newest_row_with_a_reason_for_every_null(served: Served) -> None:
    rows = property_rows(20, "one")
    served.plant(rows)
    done = served.materialize()
    assert (done.rows, done.state.as_of) == ({"property": 20, "market": 3}, NOW)
    newest = {row["property_id"]: row for row in rows if row["event_at"] == EVENTS[-1]}
    found = served.reader().read([property_id(n) for n in range(20)], on=date(2026, 1, 1))
    of_registry = {one.name: one.null_reason for one in features()}
    for row in found:
        made = newest[row.key]
        assert {name: row.values[name] for name in STORED} == {name: made[name] for name in STORED}
        assert row.values["property_id"] == row.key
        assert row.values[MARKET] == made["market_id"]
        assert (row.event_at, row.as_of, list(row.run_ids)) == (EVENTS[-1], NOW, made["run_ids"])
        nulls = {name for name, value in row.values.items() if value is None} - {"property_age"}
        assert {n: row.null_reasons[n] for n in nulls} == {
            n: made["null_reasons"].obj[n] or of_registry[n] for n in nulls
        }
        assert all(type(row.values[one.name]) in (_TYPES[one.dtype], type(None)) for one in stored("property"))
    assert [row.key for row in found] == [property_id(n) for n in range(20)]


_TYPES = {"float": float, "int": int, "string": str, "bool": bool, "timestamp": datetime}


def test_property_age_is_computed_for_the_day_that_is_asked(served: Served) -> None:
    rows = property_rows(3, "age", events=EVENTS[-1:])[:3]
    for row, year in zip(rows, (1900, None, 2030), strict=True):
        row["year_built"] = year
        row["null_reasons"] = Jsonb({"year_built": "out_of_bounds"} if year is None else {})
    served.plant(rows)
    served.materialize()
    ids = [row["property_id"] for row in rows]
    found = served.reader().read(ids, ["property_age"], on=date(2026, 5, 1))
    assert [row.values["property_age"] for row in found] == [126, None, None]
    assert [row.null_reasons for row in found] == [
        {},
        {"property_age": "out_of_bounds"},
        {"property_age": "not_built_yet"},
    ]
    assert served.reader().read(ids, ["property_age"], on=date(2031, 1, 1))[2].values == {"property_age": 1}


def test_names_are_answered_in_the_order_asked_and_a_misspelt_one_is_refused(served: Served) -> None:
    served.plant(property_rows(2, "names"))
    served.materialize()
    reader = served.reader()
    (row,) = reader.read([property_id(0)], ["zoning", "property_id", "bedrooms"])
    assert list(row.values) == ["zoning", "property_id", "bedrooms"]
    with pytest.raises(
        UnknownFeatureError, match="no feature 'bedroms' of a property is served; did you mean bedrooms"
    ):
        reader.read([property_id(0)], ["bedroms"])
    with pytest.raises(UnknownFeatureError, match="of a market"):
        reader.read_market([MARKETS[0]], ["bedrooms"])
    assert reader.read([], ["bedrooms"]) == []


def test_a_property_and_its_market_come_together(served: Served) -> None:
    markets = market_rows("together", nulls=0)
    served.plant(property_rows(2, "together", nulls=0), markets)
    served.materialize()
    ((of_property, of_market),) = served.reader().read_with_market([(property_id(1), MARKETS[1])])
    assert (of_property.key, of_market.key) == (property_id(1), MARKETS[1])
    assert None not in of_property.values.values()
    assert None not in of_market.values.values()
    assert of_market == served.reader().read_market([MARKETS[1]])[0]
    made = next(row for row in markets if (row["market_id"], row["event_at"]) == (MARKETS[1], EVENTS[-1]))
    assert of_market.values == {"market_id": MARKETS[1], **{one.name: made[one.name] for one in stored("market")}}


def test_an_unknown_property_is_null_with_a_reason_and_an_unknown_tenant_an_error(served: Served) -> None:
    served.plant(property_rows(2, "known"))
    served.materialize()
    unknown, known = served.reader().read(
        ["00000000-0000-0000-0000-000000000000", property_id(0)], ["zoning", "bedrooms"]
    )
    assert (unknown.is_known, unknown.values) == (False, {"zoning": None, "bedrooms": None})
    assert unknown.null_reasons == {"zoning": "unknown_key", "bedrooms": "unknown_key"}
    assert known.is_known
    with pytest.raises(StaleOnlineStoreError, match="no online features of nobody: there is no such tenant, or"):
        open_online_features(served.settings, "nobody").read([property_id(0)])
    with pytest.raises(ValueError, match="a tenant's slug"):
        open_online_features(served.settings, "../birch")


def test_a_tenant_without_any_row_is_served_as_such(served: Served) -> None:
    empty = replace(served, tenant="empty")
    assert empty.materialize().rows == {"property": 0, "market": 0}
    assert not empty.reader().read([property_id(0)])[0].is_known


def test_all_nulls_are_a_row_and_not_an_unknown_key(served: Served) -> None:
    rows = property_rows(1, "nulls", nulls=1, events=EVENTS[-1:])[:1]
    served.plant(rows)
    served.materialize()
    (row,) = served.reader().read([property_id(0)])
    assert row.is_known
    assert {name for name, value in row.values.items() if value is not None} == {"property_id", MARKET}
    assert set(row.null_reasons) == {*STORED, "property_age"}
    assert row.null_reasons["latitude"] in ("source_has_none", "out_of_bounds"), "a property without a location says so"


def test_what_was_corrected_nulled_or_removed_is_served_so_although_its_event_is_the_same(served: Served) -> None:
    rows = property_rows(3, "before", nulls=0, events=EVENTS[-1:])[:3]
    served.plant(rows)
    served.materialize()
    reader = served.reader()
    assert reader.read([property_id(0)], ["bedrooms"])[0].values["bedrooms"] == rows[0]["bedrooms"]
    changed = {"bedrooms": 77, "zoning": None, "null_reasons": Jsonb({"zoning": "out_of_bounds"})}
    served.plant([{**rows[0], **changed}, rows[1]])
    assert served.materialize().seconds is not None
    first, second, gone = reader.read([property_id(n) for n in range(3)], ["bedrooms", "zoning"])
    assert (first.values, first.null_reasons) == ({"bedrooms": 77, "zoning": None}, {"zoning": "out_of_bounds"})
    assert second.values["zoning"] == rows[1]["zoning"]
    assert not gone.is_known


def test_unchanged_content_is_not_written_again_but_confirmed(served: Served) -> None:
    rows, later = property_rows(3, "same"), NOW + timedelta(days=1)
    served.plant(rows)
    first = served.materialize()
    served.plant([{**row, "created_at": later} for row in rows])  # computed anew, and found the same
    again = served.materialize(later)
    assert (again.seconds, again.rows, again.state.version) == (None, first.rows, first.state.version)
    assert served.reader().read([property_id(0)], not_older_than=later)[0].as_of == later


def test_a_feature_added_since_says_that_it_is_not_served_yet(served: Served) -> None:
    served.plant(property_rows(1, "added", nulls=1, events=EVENTS[-1:])[:1])
    store, state = online_store(served.settings, TENANT), served.materialize().state
    fewer = {**state.names, "property": tuple(name for name in state.names["property"] if name != "zoning")}
    store.confirm((store.state() or state).model_copy(update={"names": fewer}))
    (row,) = served.reader().read([property_id(0)], ["zoning", "bedrooms"])
    assert row.null_reasons["zoning"] == "not_served_yet"
    assert row.null_reasons["bedrooms"] in ("source_has_none", "out_of_bounds")


@pytest.mark.parametrize("store_settings", ["redis"], indirect=True)
def test_a_feature_taken_away_leaves_nothing_in_redis(served: Served) -> None:
    from redis import Redis

    from real_estate_assets.stores.online_features.wire import redis_field, redis_key

    served.plant(property_rows(2, "taken", nulls=0))
    store, state = online_store(served.settings, TENANT), served.materialize().state
    assert served.settings.redis_url is not None
    redis = Redis.from_url(served.settings.redis_url.get_secret_value())
    key, field = redis_key(TENANT, "property", property_id(1)), redis_field("property", "of_old")
    redis.hset(key, field, b"\x20\x01")
    more = {**state.names, "property": (*state.names["property"], "of_old")}
    store.confirm(state.model_copy(update={"names": more, "version": "of old"}))
    assert served.materialize().seconds is not None
    assert not redis.hexists(key, field)
    assert redis.hlen(key) == len(state.names["property"]) + 1  # and the event time


def test_what_failed_its_checks_is_not_served(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from real_estate_assets.defs.features import online

    monkeypatch.setattr(online, "get_settings", lambda: served.settings)
    rows = property_rows(2, "checked", nulls=0, events=EVENTS[-1:])[:2]
    served.plant(rows[:1])
    first = online.serve_online(served.warehouse, TENANT, [])
    assert (first.row_count, first.metadata["rows_written"], first.metadata["properties"]) == (4, 4, 1)
    served.plant(rows)
    kept = online.serve_online(served.warehouse, TENANT, ["explained"])
    assert (kept.row_count, kept.data_version) == (4, first.data_version)
    assert kept.metadata == {"kept_because_these_checks_failed": "explained", "rows_written": 0}
    assert not served.reader().read([rows[1]["property_id"]])[0].is_known
    assert online.serve_online(served.warehouse, TENANT, []).data_version != first.data_version
    assert served.reader().read([rows[1]["property_id"]])[0].is_known
    forget_tenant(served.settings, TENANT)
    assert online.serve_online(served.warehouse, TENANT, ["explained"]).row_count == 0


def test_a_stale_store_is_told_or_refused(served: Served) -> None:
    served.plant(property_rows(1, "stale"))
    served.materialize()
    assert served.reader().state().as_of == NOW
    with pytest.raises(StaleOnlineStoreError, match=r"as of 2026-11-24 12:00:00 UTC, older than 2026-11-24 12:00:01"):
        served.reader().read([property_id(0)], not_older_than=NOW + timedelta(seconds=1))


def test_a_row_of_a_day_to_come_is_served_from_that_day(served: Served) -> None:
    rows = property_rows(1, "to come", nulls=0)
    rows[-1] |= {"bedrooms": 4711, "event_at": NOW + timedelta(days=30)}
    served.plant(rows)
    served.materialize()
    assert served.reader().read([property_id(0)], ["bedrooms"])[0].values["bedrooms"] != 4711
    assert served.materialize(NOW + timedelta(days=31)).seconds is not None
    assert served.reader().read([property_id(0)], ["bedrooms"])[0].values["bedrooms"] == 4711


def test_what_a_materialization_left_when_it_was_cut_short_is_done_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = property_rows(3, "before cut"), property_rows(4, "after cut")
    served.plant(before)
    first = served.materialize()
    served.plant(after)
    kind = type(online_store(served.settings, TENANT))
    with monkeypatch.context() as patched:
        patched.setattr(kind, "finish", _cut)
        with pytest.raises(InterruptedError):
            served.materialize()
    assert served.reader().state().version == first.state.version
    assert served.reader().read([property_id(0)])[0].is_known
    assert served.materialize().seconds is not None
    assert served.reader().read([property_id(3)])[0].is_known
    served.plant(before)  # and back to what was served before the cut
    served.materialize()
    assert not served.reader().read([property_id(3)])[0].is_known


def _cut(*_: Any) -> None:
    raise InterruptedError


def test_removing_one_tenant_leaves_another_whose_project_ends_alike(served: Served) -> None:
    short, long = replace(served, tenant="a"), replace(served, tenant="x-reos-a")
    for one in (short, long):
        one.plant(property_rows(3, one.tenant, nulls=0))
        one.materialize()
    kept = long.reader().read([property_id(n) for n in range(3)])
    assert forget_tenant(served.settings, "a")
    assert not forget_tenant(served.settings, "a")
    with pytest.raises(StaleOnlineStoreError):
        short.reader().read([property_id(0)])
    assert long.reader().read([property_id(n) for n in range(3)]) == kept
    assert forget_tenant(served.settings, "x-reos-a")
    assert _left(served.settings) == []


def _left(settings: Settings) -> list[Any]:
    """Whatever stores still hold."""
    files = list(settings.online_dir.rglob("*"))
    if settings.redis_url is None:
        return files
    from redis import Redis

    return [*files, *Redis.from_url(settings.redis_url.get_secret_value()).keys()]


def test_a_store_that_lost_its_rows_says_so_and_is_filled_again(served: Served) -> None:
    served.plant(property_rows(2, "lost"))
    served.materialize()
    if served.settings.redis_url is not None:
        flush(served.settings.redis_url)
    else:
        (served.settings.online_dir / TENANT / "state.json").unlink()
    with pytest.raises(StaleOnlineStoreError, match="never materialized here"):
        served.reader().read([property_id(0)])
    assert served.materialize().seconds is not None
    assert served.reader().read([property_id(0)])[0].is_known


@pytest.mark.parametrize("store_settings", ["redis"], indirect=True)
def test_rows_that_redis_dropped_are_noticed_by_the_next_materialization(served: Served) -> None:
    from redis import Redis

    from real_estate_assets.stores.online_features.wire import redis_key

    served.plant(property_rows(5, "dropped"))
    served.materialize()
    assert served.settings.redis_url is not None
    Redis.from_url(served.settings.redis_url.get_secret_value()).delete(redis_key(TENANT, "property", property_id(2)))
    assert served.materialize().seconds is not None
    assert served.reader().read([property_id(2)])[0].is_known


@pytest.mark.parametrize("store_settings", ["sqlite"], indirect=True)
def test_a_damaged_file_is_an_error_that_says_what_to_do(served: Served) -> None:
    served.plant(property_rows(2, "damaged"))
    served.materialize()
    folder = served.settings.online_dir / TENANT
    file = folder / json.loads((folder / "state.json").read_text())["file"]
    file.write_bytes(b"no database")
    with pytest.raises(
        OnlineStoreUnreachableError, match="reos materialize --tenant acme-tx --select features --force"
    ):
        served.reader().read([property_id(0)])
    assert served.materialize().seconds is not None, "a file that cannot be read is no reason to do nothing"
    assert served.reader().read([property_id(0)])[0].is_known


@pytest.mark.parametrize("text", ["{", '{"of another": "version"}'])
def test_a_state_that_cannot_be_understood_is_none_and_is_written_anew(served: Served, text: str) -> None:
    served.plant(property_rows(2, "state"))
    served.materialize()
    if served.settings.redis_url is not None:
        from redis import Redis

        Redis.from_url(served.settings.redis_url.get_secret_value()).set(f"reos:online:{TENANT}:state", text)
    else:
        (served.settings.online_dir / TENANT / "state.json").write_text(text)
    with pytest.raises(StaleOnlineStoreError):
        served.reader().read([property_id(0)])
    assert served.materialize().seconds is not None
    assert served.reader().read([property_id(0)])[0].is_known


def _unreachable(redis_url: str, port: int) -> dict[str, str]:
    return {
        "nobody listens": f"redis://127.0.0.1:{port}/0",
        "wrong password": redis_url.replace("redis://:p", "redis://:q"),
        "no password": f"redis://{redis_url.partition('@')[2]}",
    }


@pytest.mark.parametrize("why", ["nobody listens", "wrong password", "no password"])
def test_redis_that_is_down_or_refuses_is_an_error_at_once(redis_url: str, free_port: int, why: str) -> None:
    settings = Settings(
        environment="test", online_store="redis", redis_url=SecretStr(_unreachable(redis_url, free_port)[why])
    )
    _fails_in_time(lambda: open_online_features(settings, TENANT).read([property_id(0)]))


def test_redis_that_accepts_and_never_answers_is_waited_for_no_longer_than_set(free_port: int) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", free_port))
        silent.listen()
        settings = Settings(
            environment="test", online_store="redis", online_timeout_seconds=0.2,
            redis_url=SecretStr(f"redis://127.0.0.1:{free_port}/0"),
        )  # fmt: skip
        _fails_in_time(lambda: open_online_features(settings, TENANT).read([property_id(0)]))
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # it was tried once: a second try would double the wait
            silent.accept()


def _fails_in_time(read: Callable[[], Any]) -> None:
    started = time.monotonic()
    with pytest.raises(OnlineStoreUnreachableError, match="Nothing is served in its place"):
        read()
    assert time.monotonic() - started < 6, "the time allowed is one second at most; the rest is for a busy machine"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
