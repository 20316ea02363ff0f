"""The trust of a whole mart in a few figures, counted from how often each field has which trust.

Belongs here: means, percentiles, bands, tenths and the weakest fields, over counts. Does not belong here: trust itself,
which one SQL function computes, and how the figures are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TENTHS = 10


class TrustCount(NamedTuple):
    """Cells of one field with one trust; None: null, or the platform's own record."""

    field_group: str
    field: str
    trust: float | None
    cells: int


@dataclass(frozen=True, slots=True)
class TrustFigures:
    """Figures of some cells that claim something.

    p10: the trust that a tenth of the cells do not exceed; solid, mixed, weak: cells by band; histogram: by tenths of
    trust; unclaimed: cells that have no trust, which are in no other figure.
    """

    cells: int
    mean: float
    p10: float
    solid: int
    mixed: int
    weak: int
    histogram: Sequence[int]
    unclaimed: int


@dataclass(frozen=True, slots=True)
class MartTrust:
    """Of the whole mart; of each field group; weak cells by field, most first."""

    whole: TrustFigures
    groups: Mapping[str, TrustFigures]
    weak_fields: Sequence[tuple[str, int]]


def mart_trust(counts: Iterable[TrustCount], *, solid_from: float, weak_below: float) -> MartTrust | None:
    """The figures of a mart; None where none of its cells claims anything. Groups that claim nothing are left out."""
    rows = list(counts)
    whole = _figures(rows, solid_from, weak_below)
    if whole is None:
        return None
    by_group = {
        group: _figures([row for row in rows if row.field_group == group], solid_from, weak_below)
        for group in sorted({row.field_group for row in rows})
    }
    weak: Counter[str] = Counter()
    for row in rows:
        if row.trust is not None and row.trust < weak_below:
            weak[row.field] += row.cells
    ordered = sorted(weak.items(), key=lambda one: (-one[1], one[0]))
    return MartTrust(whole, {name: found for name, found in by_group.items() if found}, ordered)


def _figures(rows: Sequence[TrustCount], solid_from: float, weak_below: float) -> TrustFigures | None:
    known = sorted((row.trust, row.cells) for row in rows if row.trust is not None)
    total = sum(cells for _, cells in known)
    if not total:
        return None
    solid = sum(cells for trust, cells in known if trust >= solid_from)
    weak = sum(cells for trust, cells in known if trust < weak_below)
    histogram = [0] * TENTHS
    for trust, cells in known:
        histogram[min(int(trust * TENTHS), TENTHS - 1)] += cells
    return TrustFigures(
        cells=total,
        mean=sum(trust * cells for trust, cells in known) / total,
        p10=_percentile(known, total / TENTHS),
        solid=solid,
        mixed=total - solid - weak,
        weak=weak,
        histogram=histogram,
        unclaimed=sum(row.cells for row in rows if row.trust is None),
    )


def _percentile(known: Sequence[tuple[float, int]], rank: float) -> float:
    """The least trust up to which at least `rank` cells lie; `known` is in rising order."""
    up_to = 0
    for trust, cells in known:
        up_to += cells
        if up_to >= rank:
            return trust
    raise ValueError("no cell has a trust")
