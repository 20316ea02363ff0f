"""What a reader asks for, worked out once: which fields to fetch, and how a row is made of them.

Belongs here: names of features, the feature computed on demand, the reason of each null. Does not belong here: stores.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from feature_repo.fields import KEYS, MARKET, NOTE, fields
from real_estate_assets.core.features.registry import Entity, features
from real_estate_assets.stores.online_features.backend import StoredRow, Wanted
from real_estate_assets.stores.online_features.rows import (
    NOT_RECORDED,
    NOT_SERVED_YET,
    UNKNOWN_KEY,
    FeatureRow,
    Note,
    UnknownFeatureError,
)
from real_estate_assets.stores.online_features.wire import Value, decode

AGE, YEAR = "property_age", "year_built"  # the one feature computed on demand, and what it is computed from
NOT_BUILT_YET = "not_built_yet"
NO_NOTE = Note()


@dataclass(frozen=True, slots=True)
class Plan:
    """A list of features of one entity. names: as asked for; wanted: the stored fields among them, then what the
    others are made of; null_reasons: of features that are null for every tenant."""

    names: tuple[str, ...]
    wanted: Wanted
    stored: int  # so many of `wanted` were asked for, in the order of `names`
    is_plain: bool  # nothing but stored fields was asked for
    null_reasons: Mapping[str, str]

    def values(self, key: str, row: StoredRow, at: date) -> tuple[dict[str, Value], str | None]:
        """(the values by name, the name of the row's note). `at`: the day for which an age is computed."""
        decoded = list(map(decode, row.values))
        by_name = dict(zip(self.wanted.names, decoded, strict=True))
        note = by_name.get(NOTE)
        if self.is_plain:
            found = dict(zip(self.names, decoded, strict=False))
        else:
            by_name[KEYS[self.wanted.entity]] = key
            by_name[AGE] = _age(by_name.get(YEAR), at)
            found = {name: by_name[name] for name in self.names}
        return found, note if isinstance(note, str) else None

    def row(
        self, tenant_id: str, key: str, stored: StoredRow, values: Mapping[str, Value], note: Note, as_of: datetime,
        served: frozenset[str],
    ) -> FeatureRow:  # fmt: skip
        """The row, with a reason for each null."""
        reasons = {
            name: UNKNOWN_KEY if stored.event_at is None else self._reason(name, note, served, stored)
            for name, value in values.items()
            if value is None
        }
        return FeatureRow(tenant_id, key, values, reasons, stored.event_at, as_of, note.run_ids)

    def _reason(self, name: str, note: Note, served: frozenset[str], stored: StoredRow) -> str:
        if name == AGE:
            if stored.values[self.wanted.names.index(YEAR)]:
                return NOT_BUILT_YET
            name = YEAR
        if name not in served:
            return NOT_SERVED_YET
        return note.null_reasons.get(name) or self.null_reasons.get(name) or NOT_RECORDED


def make_plan(entity: Entity, names: Sequence[str] | None) -> Plan:
    """names: None for all features of the entity. Raises UnknownFeatureError."""
    own = {one.name: one for one in features() if one.entity == entity}
    stored = {one.name for one in fields(entity)} - {NOTE}
    known = [*own, *([MARKET] if MARKET in stored else [])]
    asked = tuple(dict.fromkeys(known if names is None else names))
    for name in asked:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UnknownFeatureError(f"no feature {name!r} of a {entity} is served{hint}")
    of_row = [name for name in asked if name in stored]
    more = [YEAR] if AGE in asked and YEAR not in asked else []
    return Plan(
        asked,
        Wanted.of(entity, [*of_row, *more, NOTE]),
        len(of_row),
        len(of_row) == len(asked),
        {name: one.null_reason for name, one in own.items() if one.null_reason},
    )


def _age(year: Value, at: date) -> int | None:
    """Whole years since construction on a day; None where unknown, or where the day is before it."""
    return at.year - year if isinstance(year, int) and at.year >= year else None
