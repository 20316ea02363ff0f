"""Online features of one tenant in Redis: rows in the form that Feast reads, and state, notes and list of keys beside.

Belongs here: names of keys, commands, bounded waiting. Does not belong here: Feast, and what rows mean.

Nothing here looks through the whole server: a scan would cost each tenant the rows of all others, and Feast's own
deletes match a tenant's keys by the end of the project's name, which another tenant's may share (`a` and `x-reos-a`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from real_estate_assets.core.features.registry import Entity
from real_estate_assets.core.tenants.wording import check_slug
from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features.backend import Keys, NewRow, StoredRow, Wanted
from real_estate_assets.stores.online_features.redis_address import connection_string, open_redis
from real_estate_assets.stores.online_features.rows import Note, OnlineStoreUnreachableError
from real_estate_assets.stores.online_features.state import OnlineState, note_json, read_note, read_state
from real_estate_assets.stores.online_features.wire import (
    encode_time,
    redis_field,
    redis_key,
    redis_time,
    redis_time_field,
)

if TYPE_CHECKING:
    from redis import Redis

Item = TypeVar("Item")
SAMPLE = 100
BATCH = 1000  # keys of one pipeline: a long one would hold the server up for others


class RedisOnline:
    """See backend.Publishing. Holds one connection pool; fit for several threads."""

    def __init__(self, settings: Settings, tenant_id: str) -> None:
        self._settings = settings
        self._tenant_id = check_slug(tenant_id)
        self._redis: Redis = open_redis(settings)
        own = f"reos:online:{tenant_id}"  # a slug has no ':'
        self._state_key, self._notes_key, self._keys_key = f"{own}:state", f"{own}:notes", f"{own}:keys"
        self._state_text: bytes | None = None
        self._state: OnlineState | None = None
        self._overwritten: frozenset[tuple[Entity, str]] = frozenset()  # rows there before this materialization

    def state(self) -> OnlineState | None:
        """See backend.Reading."""
        return self._read_state(self._bounded(lambda: self._redis.get(self._state_key)))

    def fetch(self, asked: Sequence[tuple[Wanted, str]]) -> tuple[list[StoredRow], OnlineState | None]:
        """See backend.Reading."""
        pipe: Any = self._redis.pipeline(transaction=False)  # its commands have no types
        for wanted, key in asked:
            pipe.execute_command("HMGET", redis_key(self._tenant_id, wanted.entity, key), *wanted.redis_fields)
        pipe.execute_command("GET", self._state_key)
        *rows, state = self._bounded(pipe.execute)
        return [StoredRow(redis_time(at) if at else None, values) for *values, at in rows], self._read_state(state)

    def notes(self, names: Sequence[str]) -> dict[str, Note]:
        """See backend.Reading."""
        if not names:
            return {}
        found = self._bounded(lambda: self._redis.hmget(self._notes_key, list(names)))
        return {name: read_note(text) for name, text in zip(names, found, strict=True) if text is not None}

    def feast_config(self) -> dict[str, Any]:
        """See backend.Publishing."""
        return {
            "type": "redis",
            "connection_string": connection_string(self._settings),
            "full_scan_for_deletion": False,
        }

    def begin(self, version: str, keys: Keys) -> None:
        """See backend.Publishing. All keys that may soon be there are listed before the first of them is written."""
        before = self._listed()
        self._overwritten = frozenset((entity, key) for entity, found in before.items() for key in found)
        listed = {entity: sorted({*before.get(entity, ()), *found}) for entity, found in keys.items()}
        self._bounded(lambda: self._redis.set(self._keys_key, _pack(listed)))
        if (state := self.state()) is not None:
            self._put_state(state.model_copy(update={"being_replaced_by": version}))

    def write(self, entity: Entity, names: Sequence[str], rows: Iterable[NewRow]) -> None:
        """See backend.Publishing. A null is a field that is not there: a short hash is a quickly read one."""
        fields, time_field = [redis_field(entity, name) for name in names], redis_time_field(entity)
        for batch in _batches(rows):
            pipe: Any = self._redis.pipeline(transaction=False)
            for row in batch:
                key = redis_key(self._tenant_id, entity, row.key)
                pairs = [part for pair in zip(fields, row.values, strict=True) if pair[1] is not None for part in pair]
                pipe.execute_command("HSET", key, time_field, encode_time(row.event_at), *pairs)
                nulls = [field for field, value in zip(fields, row.values, strict=True) if value is None]
                if nulls and (entity, row.key) in self._overwritten:
                    pipe.execute_command("HDEL", key, *nulls)
            self._bounded(pipe.execute)

    def finish(self, state: OnlineState, notes: Mapping[str, Note], keys: Keys) -> None:
        """See backend.Publishing. What is gone goes after the new state is there, which no longer speaks of it."""
        before = self.state()
        if notes:
            texts: dict[Any, Any] = {name: note_json(note) for name, note in notes.items()}
            self._bounded(lambda: self._redis.hset(self._notes_key, mapping=texts))
        self._put_state(state)
        gone = {entity: sorted({*found} - {*keys.get(entity, ())}) for entity, found in self._listed().items()}
        self._delete_rows(gone)
        self._delete_fields(before, state, keys)
        there: list[bytes] = self._bounded(lambda: self._redis.hkeys(self._notes_key))
        if old_notes := [name for name in there if name.decode() not in notes]:
            self._bounded(lambda: self._redis.hdel(self._notes_key, *old_notes))
        self._bounded(lambda: self._redis.set(self._keys_key, _pack(keys)))
        self._overwritten = frozenset()

    def confirm(self, state: OnlineState) -> None:
        """See backend.Publishing."""
        self._put_state(state)

    def is_whole(self) -> bool:
        """See backend.Publishing. Looks for a hundred of the rows: a server short of memory may have dropped some."""
        listed = [(entity, key) for entity, found in self._listed().items() for key in found]
        looked_for = listed[:: max(1, len(listed) // SAMPLE)]
        names = [redis_key(self._tenant_id, entity, key) for entity, key in looked_for]
        return not names or self._bounded(lambda: self._redis.exists(*names)) == len(names)

    def forget(self) -> bool:
        """See backend.Publishing."""
        self._delete_rows(self._listed())
        own = (self._state_key, self._notes_key, self._keys_key)
        return bool(self._bounded(lambda: self._redis.delete(*own)))

    def _put_state(self, state: OnlineState) -> None:
        self._bounded(lambda: self._redis.set(self._state_key, state.model_dump_json()))

    def _read_state(self, text: Any) -> OnlineState | None:
        if text != self._state_text:
            self._state = None if text is None else read_state(text)
            self._state_text = text
        return self._state

    def _listed(self) -> dict[Entity, list[str]]:
        packed: Any = self._bounded(lambda: self._redis.get(self._keys_key))
        return {} if packed is None else dict(_unpack(packed))

    def _delete_rows(self, keys: Keys) -> None:
        names = (redis_key(self._tenant_id, entity, key) for entity, found in keys.items() for key in found)
        for batch in _batches(names):
            self._bounded(partial(self._redis.unlink, *batch))

    def _delete_fields(self, before: OnlineState | None, state: OnlineState, keys: Keys) -> None:
        """Take away fields that are served no more: a row is overwritten field by field."""
        for entity, found in keys.items():
            gone = {*(before.names.get(entity, ()) if before else ())} - {*state.names.get(entity, ())}
            fields = [redis_field(entity, name) for name in sorted(gone)]
            for batch in _batches(found) if fields else ():
                pipe = self._redis.pipeline(transaction=False)
                for key in batch:
                    pipe.hdel(redis_key(self._tenant_id, entity, key), *fields)
                self._bounded(pipe.execute)

    def _bounded(self, command: Callable[[], Any]) -> Any:
        """The command's answer, or OnlineStoreUnreachableError within the time that the settings allow."""
        from redis.exceptions import RedisError

        try:
            return command()
        except RedisError as error:
            raise OnlineStoreUnreachableError(
                f"the online store does not answer ({type(error).__name__}: {error}). Is Redis running where"
                " REOS_REDIS_URL says, and does it accept that password? Nothing is served in its place."
            ) from error


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    items = iter(items)
    while batch := list(islice(items, BATCH)):
        yield batch


def _pack(keys: Mapping[Entity, Sequence[str]]) -> bytes:
    """Keys as one small value: 25,000 ids are about half a megabyte, where their rows are over twenty."""
    lines = (f"{entity} {key}" for entity, found in keys.items() for key in found)
    return zlib.compress("\n".join(lines).encode(), 3)


def _unpack(packed: bytes) -> Iterator[tuple[Entity, list[str]]]:
    found: dict[str, list[str]] = {}
    for line in zlib.decompress(packed).decode().splitlines():
        entity, _, key = line.partition(" ")
        found.setdefault(entity, []).append(key)
    yield from found.items()  # type: ignore[misc]
