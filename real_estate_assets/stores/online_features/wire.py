"""Feast's own format of online features: names, keys and values as bytes, without importing Feast.

Belongs here: what `feast==0.67` writes (docs/specs/online_store_format.md of that project, entity keys of version 3),
read and written by hand: importing Feast takes seconds, its response objects cost more than the network, and what it
does for each cell makes writing three times as slow. Tests hold every function, and whole stores, against Feast itself,
so that another version of it cannot come in unnoticed. Does not belong here: stores.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from feature_repo.fields import KEYS, TENANT_KEY, VIEWS
from real_estate_assets.core.features.registry import Dtype, Entity
from real_estate_assets.core.tenants.wording import check_slug

Value = bool | int | float | str | datetime | None
_STRING: Final = 2  # feast.types.ValueType.STRING
_NO_TIME: Final = -(1 << 63)  # how Feast writes a time that is null
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_U32, _DOUBLE, _FLOAT = struct.Struct("<I"), struct.Struct("<d"), struct.Struct("<f")


def project(tenant_id: str) -> str:
    """The Feast project of a tenant. Two slugs never share one: a slug has no '_'.

    Raises ValueError where it is no slug. The prefix keeps clear of names SQLite reserves (`sqlite_`).
    """
    return "reos_" + check_slug(tenant_id).replace("-", "_")


def entity_key(tenant_id: str, entity: Entity, key: str) -> bytes:
    """The key of one row: the SQLite store's as it is, the Redis store's with the project behind it."""
    names = sorted((KEYS[entity], TENANT_KEY))
    values = {KEYS[entity]: key, TENANT_KEY: tenant_id}
    parts = (_U32.pack(len(names)), *map(_text, names), *(_text(values[name]) for name in names))
    return b"".join(parts)


def redis_key(tenant_id: str, entity: Entity, key: str) -> bytes:
    """The name of the hash that holds one row."""
    return entity_key(tenant_id, entity, key) + project(tenant_id).encode()


def redis_field(entity: Entity, feature: str) -> bytes:
    """The field of the hash that holds one feature: four bytes of murmur3 of view and feature."""
    import mmh3

    return _U32.pack(mmh3.hash(f"{VIEWS[entity]}:{feature}", signed=False))


def redis_time_field(entity: Entity) -> bytes:
    """The field of the hash that holds the row's event time."""
    return f"_ts:{VIEWS[entity]}".encode()


def sqlite_table(tenant_id: str, entity: Entity) -> str:
    """The table of one view."""
    return f"{project(tenant_id)}_{VIEWS[entity]}"


def sqlite_time(stored: int) -> datetime:
    """The event time of a row. Feast stores a naive UTC time as if it were local, and reads it back the same way."""
    return datetime.fromtimestamp(stored).replace(tzinfo=UTC)  # noqa: DTZ006


def redis_time(data: bytes) -> datetime:
    """The event time of a row: a protobuf Timestamp, seconds and nanoseconds; nothing means 1970."""
    found = _varints(data)
    seconds = found.get(1, 0)
    return _EPOCH + timedelta(seconds=_signed(seconds), microseconds=found.get(2, 0) // 1000)


def decode(data: bytes | None) -> Value:
    """One feature's value; None where there is none. Times come as aware datetimes.

    Raises ValueError for a type that no feature of the registry has.
    """
    if not data:
        return None
    tag = data[0]
    if tag == 0x29:  # 5 double_val
        return float(_DOUBLE.unpack_from(data, 1)[0])
    if tag == 0x12:  # 2 string_val
        return _string(data)
    if tag in (0x18, 0x20):  # 3 int32_val, 4 int64_val
        return _signed(_varint(data, 1)[0])
    if tag == 0x38:  # 7 bool_val
        return data[1] != 0
    if tag == 0x35:  # 6 float_val
        return float(_FLOAT.unpack_from(data, 1)[0])
    if tag == 0x40:  # 8 unix_timestamp_val
        seconds = _signed(_varint(data, 1)[0])
        return None if seconds == _NO_TIME else _EPOCH + timedelta(seconds=seconds)
    raise ValueError(f"the online store holds a value of a kind that no feature has (tag {tag})")


def encoders(dtypes: Iterable[Dtype]) -> list[Callable[[Any], bytes | None]]:
    """For each type, what makes a value's bytes of what Postgres gives; None of what is null (NaN is, to Feast)."""
    return [_ENCODERS[dtype] for dtype in dtypes]


def encode_time(at: datetime) -> bytes:
    """A row's event time for Redis."""
    after = at - _EPOCH
    seconds = after.days * 86_400 + after.seconds
    nanos = after.microseconds * 1000
    return (b"\x08" + _pack_varint(seconds) if seconds else b"") + (b"\x10" + _pack_varint(nanos) if nanos else b"")


def encode_sqlite_time(at: datetime) -> int:
    """A row's event time for SQLite; see sqlite_time."""
    return int(at.astimezone(UTC).replace(tzinfo=None).timestamp())


def _float(value: float | None) -> bytes | None:
    return None if value is None or value != value else b"\x29" + _DOUBLE.pack(value)


def _int(value: int | None) -> bytes | None:
    return None if value is None else b"\x20" + _pack_varint(value)


def _str(value: str | None) -> bytes | None:
    if value is None:
        return None
    encoded = value.encode()
    return b"\x12" + _pack_varint(len(encoded)) + encoded


def _bool(value: bool | None) -> bytes | None:
    return None if value is None else b"\x38\x01" if value else b"\x38\x00"


def _moment(value: datetime | None) -> bytes | None:
    return None if value is None else b"\x40" + _pack_varint(int((value - _EPOCH) / timedelta(seconds=1)))


_ENCODERS: Final[Mapping[Dtype, Callable[[Any], bytes | None]]] = {
    "float": _float, "int": _int, "string": _str, "bool": _bool, "timestamp": _moment,
}  # fmt: skip


def _pack_varint(value: int) -> bytes:
    """A varint; a negative number as protobuf's int64 has it, in ten bytes."""
    if 0 <= value < 0x80:
        return _SMALL[value]
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_SMALL: Final = [bytes([value]) for value in range(0x80)]


def _string(data: bytes) -> str:
    length = data[1]
    if length < 0x80:
        return data[2:].decode()
    _, start = _varint(data, 1)
    return data[start:].decode()


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _U32.pack(_STRING) + _U32.pack(len(encoded)) + encoded


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """(value, position behind it) of an unsigned varint."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _varints(data: bytes) -> dict[int, int]:
    """Field number -> value of a message that holds varints only."""
    found, position = {}, 0
    while position < len(data):
        tag, position = _varint(data, position)
        found[tag >> 3], position = _varint(data, position)
    return found
