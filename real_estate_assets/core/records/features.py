"""A GeoJSON file as its features, one text each, from a stream: only one feature has to fit in memory.

Belongs here: where a feature begins and ends, and what the file says around its features. Does not belong here: shapes
(`geometry.py`) and properties' meaning (`mapping.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from real_estate_assets.core.records.batch import UnreadableFile

MAX_FEATURE_BYTES = 64 << 20
MAX_HEAD_BYTES = 1 << 20
_KEPT_BYTES = 1 << 20  # bytes already given are dropped in such portions: dropping them one by one copies the rest
# Strings whole, so that no brace inside one counts; a lone quote is a string whose end is still to come.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}]|"', re.DOTALL)
_ITEM_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\]]|"', re.DOTALL)
_LIST_OPENS = re.compile(rb"\s*+:\s*+\[")


class FeatureStream:
    """The features of a FeatureCollection in order; afterwards `members` holds the rest of the collection."""

    def __init__(self, chunks: Iterable[bytes], name: str) -> None:
        self._chunks = iter(chunks)
        self._name = name
        self._data = b""
        self._head = b""
        self.members: dict[str, Any] = {}

    def __iter__(self) -> Iterator[bytes]:
        """Texts of the items of `features`, also of those that are no objects.

        Raises UnreadableFile where the file is no FeatureCollection or ends before its list does.
        """
        self._find_list()
        position = 0
        while True:
            start = self._skip_separators(position)
            if self._data[start : start + 1] == b"]":
                break
            end = self._item_end(start)
            yield self._data[start:end]
            position = end
            if position > _KEPT_BYTES:
                self._data, position = self._data[position:], 0
        self._read_tail(start)

    def head_members(self) -> dict[str, Any]:
        """What stands before the features, such as `crs`, once the first feature was asked for."""
        return _members(self._head.rstrip().rstrip(b",") + b"}")

    def _more(self, limit: int) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise UnreadableFile(
                "wrong_format",
                f"{self._name}: ends before its list of features does, so features are lost. Fetch the file again."
                if self._head
                else f"{self._name}: is no GeoJSON FeatureCollection. Check the file and the declared format.",
            )
        self._data += chunk
        if len(self._data) > limit:
            raise UnreadableFile(
                "too_large", f"{self._name}: one part of the file is larger than {limit >> 20} MB. Check the file."
            )

    def _find_list(self) -> None:
        """Moves behind the `[` of the member `features` of the outermost object."""
        if not self._data:
            self._more(MAX_HEAD_BYTES * 2)
        while True:
            depth = 0
            for token in _TOKEN.finditer(self._data):
                text = token.group()
                depth += (text == b"{") - (text == b"}")
                opens = _LIST_OPENS.match(self._data, token.end()) if text == b'"features"' and depth == 1 else None
                if opens:
                    self._head = self._data[: token.start()].lstrip(b"\xef\xbb\xbf")
                    self._data = self._data[opens.end() :]
                    return
            self._more(MAX_HEAD_BYTES * 2)

    def _skip_separators(self, position: int) -> int:
        while True:
            while position < len(self._data) and self._data[position] in b" \t\r\n,":
                position += 1
            if position < len(self._data):
                return position
            self._more(MAX_FEATURE_BYTES)

    def _item_end(self, start: int) -> int:
        """Where the item at `start` ends: behind its closing brace, or before the next comma where it is no object."""
        if self._data[start : start + 1] != b"{":
            return self._plain_item_end(start)
        depth, position = 0, start
        while True:
            for token in _ITEM_TOKEN.finditer(self._data, position):
                text = token.group()
                if text == b'"':
                    break
                position = token.end()
                depth += (text == b"{") - (text == b"}")
                if depth == 0 and text == b"}":
                    return position
            self._more(MAX_FEATURE_BYTES)

    def _plain_item_end(self, start: int) -> int:
        while True:
            match = re.compile(rb"[,\]]").search(self._data, start)
            if match:
                return match.start()
            self._more(MAX_FEATURE_BYTES)

    def _read_tail(self, position: int) -> None:
        tail = self._data[position + 1 :]
        for chunk in self._chunks:
            tail += chunk
            if len(tail) > MAX_HEAD_BYTES:
                return  # whatever follows is no part of the collection's own description
        self.members = _members(self._head + b'"features":[]' + tail)


def _members(text: bytes) -> dict[str, Any]:
    try:
        members = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return members if isinstance(members, dict) else {}


def property_text(value: Any) -> str | None:
    """A JSON value as the text a cell would hold; nested values as JSON, null as None.

    A float is written in the shortest form that means it, which keeps every decimal of up to 15 digits.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return orjson.dumps(value).decode()
