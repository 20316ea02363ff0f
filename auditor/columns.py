"""What a record says of a canonical field: the column map of docs/tenant_file.md, written a second time.

Belongs here: expressions (column, constant, sum, first), the order of cleaning steps, and why a cell is null. Does not
belong here: single types (`values`), the reader of the file, which record to ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from auditor import values
from auditor.fields import TYPE_OF
from auditor.values import Value

Entry = Mapping[str, Any]
Cells = Mapping[str, str | None]

BLANK, MARKER = "blank_in_source", "null_marker"
OUT_OF_BOUNDS, UNPARSEABLE, NOT_IN_SOURCE = "out_of_bounds", "unparseable", "not_in_source"
TERM = re.compile(r"([+-]?)(?:([0-9.]+)\*)?(`[^`]+`|[A-Za-z_][A-Za-z0-9_]*)(?:\*([0-9.]+))?|([+-]?[0-9.]+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a record says of a field: a value, or None and why."""

    value: Value | None
    reason: str | None = None


class ColumnMap:
    """The reviewed entry of a file: canonical field -> expression, with the file's own exceptions laid on top."""

    def __init__(self, source_entry: Entry) -> None:
        (file,) = source_entry["files"]
        self.columns: dict[str, Any] = {**source_entry.get("columns", {}), **file.get("columns", {})}
        self.columns = {name: entry for name, entry in self.columns.items() if entry is not None}
        self.markers = [str(m) for m in file.get("null_markers", source_entry.get("null_markers", []))]
        self.options = {**source_entry, **file}

    def states(self, field: str) -> bool:
        """Whether the file gives the field at all."""
        return field in self.columns

    def read(self, field: str, cells: Cells) -> Statement:
        """The field of one record. `cells`: the record's texts by column name."""
        if field not in self.columns:
            return Statement(None, NOT_IN_SOURCE)
        return self._evaluate(self.columns[field], TYPE_OF[field], cells)

    def _evaluate(self, entry: Any, kind: str, cells: Cells) -> Statement:
        if isinstance(entry, str):
            entry = {"column": entry}
        if "constant" in entry:
            return Statement(_cast(str(entry["constant"]), kind, []))
        if "first" in entry:
            return self._first(entry["first"], kind, cells)
        if "sum" in entry:
            return self._sum(entry, kind, cells)
        return self._column(entry, kind, cells)

    def _first(self, choices: list[Any], kind: str, cells: Cells) -> Statement:
        said = [self._evaluate(choice, kind, cells) for choice in choices]
        found = [statement for statement in said if statement.value is not None]
        return found[0] if found else said[0]

    def _column(self, entry: Entry, kind: str, cells: Cells) -> Statement:
        text = cells.get(entry["column"])
        if text is None or not text.strip():
            return Statement(None, BLANK)
        if self._is_null(text, entry, kind):
            return Statement(None, MARKER)
        if "regex" in entry:
            match = re.search(entry["regex"], text)
            text = match.group(1) if match else None
            if text is None or not text.strip():
                return Statement(None, BLANK)
        try:
            return self._cleaned(text, entry, kind)
        except ValueError:
            return Statement(None, UNPARSEABLE)

    def _cleaned(self, text: str, entry: Entry, kind: str) -> Statement:
        if "values" in entry:
            known = {str(word): meaning for word, meaning in entry["values"].items()}
            if text not in known and text.strip() not in known:
                return Statement(None, UNPARSEABLE)
            meaning = known.get(text, known.get(text.strip()))
            if meaning is None:
                return Statement(None, MARKER)
            text = str(meaning)
        if kind in ("text", "boolean", "date"):
            return _bounded(_cast(text, kind, _formats(entry)), entry)
        exact = _number(text, kind, entry)
        if "unit" not in entry:
            exact = Decimal(str(values.typed_number(exact, kind)))
        return _measured(exact, entry, kind)

    def _sum(self, entry: Entry, kind: str, cells: Cells) -> Statement:
        total = Decimal(0)
        for sign, weight, name in _terms(entry["sum"]):
            if name is None:
                total += sign * weight
                continue
            part = {"column": name, **{k: entry[k] for k in ("nulls", "thousands") if k in entry}}
            said = self._column(part, "double precision", cells)
            if said.value is None:
                return said
            total += sign * weight * Decimal(str(said.value))
        try:
            return _measured(total, entry, kind)
        except ValueError:
            return Statement(None, UNPARSEABLE)

    def _is_null(self, text: str, entry: Entry, kind: str) -> bool:
        stripped = text.strip()
        for marker in [*self.markers, *(str(null) for null in entry.get("nulls", []))]:
            if stripped == marker.strip():
                return True
            if kind in ("integer", "double precision", "numeric(14,2)") and _same_number(stripped, marker, entry):
                return True
            if kind == "date" and _same_day(stripped, marker, entry):
                return True
        return False


def _formats(entry: Entry) -> list[str]:
    given = entry.get("date", [])
    return [given] if isinstance(given, str) else list(given)


def _number(text: str, kind: str, entry: Entry) -> Decimal:
    plain = values.ungrouped(text.strip(), entry.get("thousands"))
    return values.whole(plain) if kind == "integer" and "unit" not in entry else values.number(plain)


def _cast(text: str, kind: str, formats: list[str]) -> Value:
    if kind == "text":
        return text
    if kind == "boolean":
        return values.flag(text)
    if kind == "date":
        return values.day(text, formats)
    return values.typed_number(values.whole(text) if kind == "integer" else values.number(text), kind)


def _measured(exact: Decimal, entry: Entry, kind: str) -> Statement:
    unit = entry.get("unit")
    if unit is not None and unit["from"] != unit["to"]:
        exact *= values.UNITS[unit["from"], unit["to"]]
    return _bounded(values.typed_number(exact, kind), entry)


def _bounded(value: Value, entry: Entry) -> Statement:
    for name, wrong_side in (("min", -1), ("max", 1)):
        if name in entry and _compare(value, str(entry[name])) == wrong_side:
            return Statement(None, OUT_OF_BOUNDS)
    return Statement(value)


def _compare(value: Value, bound: str) -> int:
    if isinstance(value, date):
        limit = values.day(bound, [])
        return (value > limit) - (value < limit)
    exact = Decimal(str(value))
    return (exact > Decimal(bound)) - (exact < Decimal(bound))


def _terms(formula: str) -> list[tuple[int, Decimal, str | None]]:
    """(sign, weight, column or None for a plain number) of a sum of columns with fixed weights."""
    text = re.sub(r"(`[^`]*`)|\s+", lambda m: m.group(1) or "", formula)
    terms: list[tuple[int, Decimal, str | None]] = []
    at = 0
    while at < len(text):
        match = TERM.match(text, at)
        if match is None:
            raise ValueError(f"{formula!r} is no sum of columns")
        if match[5] is not None:
            terms.append((1, Decimal(match[5]), None))
        else:
            weight = Decimal(match[2] or 1) * Decimal(match[4] or 1)
            terms.append((-1 if match[1] == "-" else 1, weight, match[3].strip("`")))
        at = match.end()
    return terms


def _same_number(text: str, marker: str, entry: Entry) -> bool:
    try:
        return values.number(values.ungrouped(text, entry.get("thousands"))) == values.number(marker)
    except ValueError:
        return False


def _same_day(text: str, marker: str, entry: Entry) -> bool:
    try:
        return values.day(text, _formats(entry)) == values.day(marker, _formats(entry))
    except ValueError:
        return False
