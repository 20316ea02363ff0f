"""An independent look at online features: rows by SQL of its own, Redis by its wire protocol, Feast's format anew.

Belongs here: reading, with nothing of the platform's: neither its queries nor its client, keys, or decoding. Only the
list of features is the registry's. Does not belong here: any assertion.
"""

from __future__ import annotations

import socket
import sqlite3
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from real_estate_assets.core.features.registry import Entity, stored

Look = Callable[[str, str], "bytes | None"]  # (key of the row, feature) -> what is stored


@dataclass
class Checked:
    """What was compared. differing: (key, feature, offline, online) of each cell that is not the same."""

    cells: int = 0
    non_null: int = 0
    differing: list[tuple[str, str, Any, Any]] = field(default_factory=list)


def check_sample(
    connection: Any, where: str | Path, tenant: str, entity: Entity, now: datetime, *, count: int
) -> Checked:
    """Compare the newest rows of `count` keys with what a store holds: `where` is a Redis address or a SQLite file."""
    names, checked = [one.name for one in stored(entity)], Checked()
    key_name = f"{entity}_id"
    rows = connection.execute(
        f"with chosen as (select distinct {key_name} as id from features.{entity}_features"
        f" where tenant_id = '{tenant}' and event_at <= %(now)s order by 1),"
        f" sample as (select id from chosen order by md5(id::text || 'sample') limit %(count)s)"
        f" select s.id::text, {', '.join(names)} from sample s cross join lateral (select * from"
        f" features.{entity}_features f where f.tenant_id = '{tenant}' and f.{key_name} = s.id"
        f" and f.event_at <= %(now)s"
        f" order by f.event_at desc, f.created_at desc limit 1) newest",
        {"now": now, "count": count},
    ).fetchall()
    look = _redis_look(where, tenant, entity) if isinstance(where, str) else _sqlite_look(where, tenant, entity)
    for key, *values in rows:
        for name, offline in zip(names, values, strict=True):
            online = _value(look(key, name))
            checked.cells += 1
            checked.non_null += offline is not None
            if online != offline or isinstance(online, bool) != isinstance(offline, bool):
                checked.differing.append((key, name, offline, online))
    return checked


def _redis_look(url: str, tenant: str, entity: Entity) -> Look:
    parts = urlsplit(url)
    wire = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10).makefile("rwb")
    _command(wire, b"AUTH", (parts.password or "").encode())
    project = f"reos_{tenant.replace('-', '_')}".encode()

    def look(key: str, name: str) -> bytes | None:
        hashed = _murmur3(f"{entity}_features:{name}".encode())
        return _command(wire, b"HGET", _key(entity, key, tenant) + project, hashed)

    return look


def _sqlite_look(file: Path, tenant: str, entity: Entity) -> Look:
    opened = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    table = f"reos_{tenant.replace('-', '_')}_{entity}_features"

    def look(key: str, name: str) -> bytes | None:
        query = f'select value from "{table}" where entity_key = ? and feature_name = ?'
        found = opened.execute(query, (_key(entity, key, tenant), name)).fetchone()
        return None if found is None else found[0]

    return look


def _key(entity: Entity, key: str, tenant: str) -> bytes:
    """Feast's entity key, version 3: the number of keys, their names, their values, each with type and length."""
    told = struct.pack("<I", 2)
    for text in (f"{entity}_id", "tenant_id", key, tenant):
        told += struct.pack("<II", 2, len(text.encode())) + text.encode()
    return told


def _command(wire: Any, *words: bytes) -> bytes | None:
    """One command and its answer in Redis' protocol: a status, or bytes, or nothing."""
    wire.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    wire.flush()
    head = wire.readline().rstrip(b"\r\n")
    if head[:1] == b"$":
        length = int(head[1:])
        return None if length < 0 else wire.read(length + 2)[:-2]
    if head[:1] != b"+":
        raise RuntimeError(f"Redis said {head!r}")
    return head[1:]


def _value(stored_bytes: bytes | None) -> Any:
    """A protobuf message with one field: its number tells the type."""
    if not stored_bytes:
        return None
    number, rest = stored_bytes[0] >> 3, stored_bytes[1:]
    if number == 5:
        return struct.unpack("<d", rest)[0]
    whole = length = 0
    for length, byte in enumerate(rest, 1):
        whole |= (byte & 127) << 7 * (length - 1)
        if byte < 128:
            break
    if number == 2:
        return rest[length:].decode()
    if number == 7:
        return whole == 1
    if number == 4:
        return whole - 2**64 if whole >= 2**63 else whole
    raise RuntimeError(f"field {number} of a value")


def _murmur3(data: bytes) -> bytes:
    """MurmurHash3, 32 bits, seed 0, least byte first (Appleby's public domain algorithm)."""
    mask, hashed = 0xFFFFFFFF, 0
    padded = data + b"\0" * (-len(data) % 4)
    for start in range(0, len(padded), 4):
        block = int.from_bytes(padded[start : start + 4], "little") * 0xCC9E2D51 & mask
        block = ((block << 15 | block >> 17) & mask) * 0x1B873593 & mask
        hashed ^= block
        if start + 4 <= len(data):
            hashed = ((hashed << 13 | hashed >> 19) * 5 + 0xE6546B64) & mask
    hashed ^= len(data)
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & mask
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & mask
    return (hashed ^ hashed >> 16).to_bytes(4, "little")
