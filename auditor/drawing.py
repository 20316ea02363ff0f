"""Which cells are looked at: drawn by a public seed, so that anybody can draw the same and nobody can choose.

Belongs here: strata and their sizes, the order of rows and fields. Does not belong here: examining. Strata are tenant
x mart x field group x method. A third of the cells is spread evenly over the strata, so that rare methods are seen
often; the rest follows the number of columns. Nulls are drawn like values.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.examining import Cell
from auditor.ledger import Ledger, MappedField, Mart

Stratum = tuple[str, str, str]  # mart, field group, method
EVEN_SHARE = 1 / 3
LOW_TRUST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class LowTrust:
    """A cell that the platform itself trusts little."""

    mart: str
    row_key: dict[str, str]
    field: str


def weight(seed: str, *parts: str) -> str:
    """Where something stands in the order that the seed decides."""
    return hashlib.sha256("|".join((seed, *parts)).encode()).hexdigest()


def strata(fields: Iterable[MappedField]) -> dict[Stratum, list[MappedField]]:
    """Columns by mart, field group and method."""
    found: dict[Stratum, list[MappedField]] = defaultdict(list)
    for field in fields:
        found[field.mart, field.field_group, field.method].append(field)
    return dict(found)


def sizes(columns: dict[Stratum, int], room: dict[Stratum, int], cells: int) -> dict[Stratum, int]:
    """How many cells each stratum gets, none more than it has; what small ones cannot give, the large ones do."""
    total = sum(columns.values())
    given = {
        name: min(room[name], max(1, math.ceil(cells * (EVEN_SHARE / len(columns) + (1 - EVEN_SHARE) * count / total))))
        for name, count in columns.items()
    }
    while (missing := cells - sum(given.values())) > 0:
        open_strata = [name for name in given if given[name] < room[name]]
        if not open_strata:
            break
        share = math.ceil(missing / len(open_strata))
        for name in open_strata:
            given[name] = min(room[name], given[name] + share)
    return given


def draw(ledger: Ledger, seed: str, cells: int, low_trust: Sequence[LowTrust] = ()) -> list[Cell]:
    """Cells of one tenant, in the order drawn."""
    mapped = ledger.field_map()
    marts = {name: mart for name in sorted({f.mart for f in mapped}) if (mart := ledger.mart(name)) is not None}
    groups = strata(field for field in mapped if field.mart in marts and field.field in marts[field.mart].types)
    rows = {name: ledger.count(mart) for name, mart in marts.items()}
    columns = {name: len(fields) for name, fields in groups.items()}
    drawn: list[Cell] = []
    for name, size in sizes(columns, {name: rows[name[0]] * columns[name] for name in columns}, cells).items():
        drawn.extend(_from_stratum(ledger, marts[name[0]], groups[name], f"{seed}|{'|'.join(name)}", size))
    by_name = {(field.mart, field.field): field for field in mapped}
    chosen = sorted(low_trust, key=lambda c: weight(seed, c.mart, *map(str, c.row_key.values()), c.field))
    for low in chosen[: int(cells * LOW_TRUST_SHARE)]:
        row = ledger.row_by_key(marts[low.mart], low.row_key)
        if row is not None:
            field = by_name[low.mart, low.field]
            drawn.append(Cell(marts[low.mart], row, field.field, field.field_group, field.method))
    return drawn


def _from_stratum(ledger: Ledger, mart: Mart, fields: list[MappedField], seed: str, size: int) -> list[Cell]:
    """Rows in the seed's order; of each row one column at a time, all of them before a stratum is called exhausted."""
    rows = ledger.sample_rows(mart, seed, size)
    drawn: list[Cell] = []
    for turn in range(len(fields)):
        for row in rows:
            if len(drawn) == size:
                return drawn
            key = [str(row[name]) for name in mart.key]
            order = sorted(fields, key=lambda f: weight(seed, *key, f.field))
            field = order[turn]
            drawn.append(Cell(mart, row, field.field, field.field_group, field.method))
    return drawn
