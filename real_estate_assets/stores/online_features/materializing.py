"""Bringing a tenant's online features up to date with the warehouse, or seeing that they are.

Belongs here: the order of a materialization, and when there is nothing to do. Does not belong here: kinds of stores,
statements (`feature_repo/queries.py`). Feast's own materialization would do, and tests hold this one against it: the
same bytes. It takes three times as long and more (`make bench ONLY=valuation.online`), and seconds to import.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from feature_repo.fields import VIEWS, fields
from feature_repo.queries import content_query, definitions_version, newest_query, notes_query
from real_estate_assets.core.features.registry import Entity
from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features import online_store
from real_estate_assets.stores.online_features.backend import NewRow
from real_estate_assets.stores.online_features.rows import Note
from real_estate_assets.stores.online_features.state import OnlineState
from real_estate_assets.stores.online_features.wire import encoders
from real_estate_assets.stores.warehouse import Warehouse

PORTION = 2_000  # rows that come from Postgres at a time
ENTITIES: tuple[Entity, ...] = ("property", "market")


@dataclass(frozen=True, slots=True)
class Materialized:
    """What a materialization did. state: of the store now; seconds: of writing it; None: there was nothing to do."""

    state: OnlineState
    seconds: float | None

    @property
    def rows(self) -> Mapping[str, int]:
        """Rows that are served now, by entity."""
        return self.state.rows

    @property
    def rows_per_second(self) -> float | None:
        """Rows written a second; None where nothing was written."""
        return sum(self.rows.values()) / self.seconds if self.seconds else None


def materialize(
    settings: Settings, warehouse: Warehouse, tenant_id: str, *, now: datetime | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Materialized:  # fmt: skip
    """Serve the newest row of each key of a tenant, of events up to `now`; nothing of a key that has none any more.

    Where definitions and content are those that are served already, only their date is renewed. One at a time for a
    tenant. Raises WarehouseUnreachableError, OnlineStoreUnreachableError and psycopg.Error: then the store serves what
    it did, in Redis perhaps with some rows renewed already, and `as_of` is the old one.
    """
    now = now or datetime.now(UTC)
    store = online_store(settings, tenant_id)
    with warehouse.as_app(tenant_id) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")  # one state of the warehouse
        keys, state = _keys_and_state(connection, tenant_id, now)
        served = store.state()
        if served is not None and served.version == state.version and not served.being_replaced_by and store.is_whole():
            tell(f"online features of {tenant_id}: nothing changed since {served.as_of:%Y-%m-%d %H:%M:%S} UTC")
            state = served.model_copy(update={"as_of": now})
            store.confirm(state)
            return Materialized(state, None)
        started = time.monotonic()
        store.begin(state.version, keys)
        notes = _notes(connection, tenant_id, now)
        for entity in ENTITIES:
            tell(f"online features of {tenant_id}: writing {state.rows[entity]:,} rows of {VIEWS[entity]}")
            store.write(entity, state.names[entity], _rows(connection, tenant_id, entity, now))
    store.finish(state, notes, keys)
    done = Materialized(state, time.monotonic() - started)
    tell(f"online features of {tenant_id}: {sum(done.rows.values()):,} rows, {done.rows_per_second:,.0f} a second")
    return done


def _keys_and_state(connection: Any, tenant_id: str, now: datetime) -> tuple[dict[Entity, list[str]], OnlineState]:
    """What there is to serve of a tenant, and the state of a store that serves it."""
    keys: dict[Entity, list[str]] = {}
    told = [definitions_version(tenant_id)]
    for entity in ENTITIES:
        ((keys[entity], content),) = connection.execute(content_query(tenant_id, entity), {"now": now}).fetchall()
        told.append(f"{entity} {len(keys[entity])} {content}")
    state = OnlineState(
        version=hashlib.sha256("\n".join(told).encode()).hexdigest(),
        as_of=now,
        rows={entity: len(found) for entity, found in keys.items()},
        names={entity: tuple(one.name for one in fields(entity)) for entity in ENTITIES},
    )
    return keys, state


def _notes(connection: Any, tenant_id: str, now: datetime) -> dict[str, Note]:
    notes: dict[str, Note] = {}
    for entity in ENTITIES:
        rows = connection.execute(notes_query(tenant_id, entity), {"now": now}).fetchall()
        notes |= {name: Note(reasons, tuple(run_ids)) for name, reasons, run_ids in rows}
    return notes


def _rows(connection: Any, tenant_id: str, entity: Entity, now: datetime) -> Iterator[NewRow]:
    """The newest row of each key, in the order of keys, in bytes as they are served."""
    encode = encoders(one.dtype for one in fields(entity))
    with connection.cursor(f"newest_{entity}") as cursor:  # named: rows come in portions, not all at once
        cursor.itersize = PORTION
        cursor.execute(newest_query(tenant_id, entity), {"now": now})
        for key, event_at, created_at, *values in cursor:
            yield NewRow(key, event_at, created_at, [of(value) for of, value in zip(encode, values, strict=True)])
