"""What a kind of online store must be able to do; `on_redis.py` and `on_sqlite.py` do it.

Belongs here: the interface, and what is asked of it. Does not belong here: anything about one kind, and what rows mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from real_estate_assets.core.features.registry import Entity
from real_estate_assets.stores.online_features.rows import Note
from real_estate_assets.stores.online_features.state import OnlineState
from real_estate_assets.stores.online_features.wire import redis_field, redis_time_field

Keys = Mapping[Entity, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Fields of an entity's rows, as a reader asks for them again and again; the Redis fields are worked out once."""

    entity: Entity
    names: tuple[str, ...]
    redis_fields: tuple[bytes, ...]

    @classmethod
    def of(cls, entity: Entity, names: Sequence[str]) -> Wanted:
        """redis_fields: one a name, then the row's event time."""
        fields = (*(redis_field(entity, name) for name in names), redis_time_field(entity))
        return cls(entity, tuple(names), fields)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as stored: a value in Feast's bytes for each name wanted; event_at None where there is no row."""

    event_at: datetime | None
    values: Sequence[bytes | None]


class Reading(Protocol):
    """One tenant's store, as readers use it. Every method raises OnlineStoreUnreachableError in bounded time."""

    def state(self) -> OnlineState | None:
        """What the store says of itself; None where nothing was ever materialized."""

    def fetch(self, asked: Sequence[tuple[Wanted, str]]) -> tuple[list[StoredRow], OnlineState | None]:
        """The rows of the given keys in that order, in one round trip, with the state as of that moment."""

    def notes(self, names: Sequence[str]) -> dict[str, Note]:
        """The notes of these names, as far as they are there."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """One row to write: values in Feast's bytes, of the fields of its entity in their order; None is null."""

    key: str
    event_at: datetime
    created_at: datetime
    values: Sequence[bytes | None]


class Publishing(Reading, Protocol):
    """One tenant's store, as a materialization uses it; one at a time for a tenant."""

    def feast_config(self) -> dict[str, Any]:
        """Feast's `online_store` for reading what is served."""

    def begin(self, version: str, keys: Keys) -> None:
        """Before rows of `keys`, all that there will be, are written."""

    def write(self, entity: Entity, names: Sequence[str], rows: Iterable[NewRow]) -> None:
        """Write rows of an entity, in the order of their keys. names: of its fields."""

    def finish(self, state: OnlineState, notes: Mapping[str, Note], keys: Keys) -> None:
        """All rows of `keys` are written: serve them, and take away whatever else there is."""

    def confirm(self, state: OnlineState) -> None:
        """The same rows are as new as `state` says now."""

    def is_whole(self) -> bool:
        """Whether the rows that were materialized seem to be there still."""

    def forget(self) -> bool:
        """Take away everything of the tenant. Returns whether there was anything."""
