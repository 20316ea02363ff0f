"""The trust of a whole mart, asked of the database's functions: sums by field group, and its weakest fields.

Belongs here: calls of `prov.trust_summary` and `prov.low_trust`. Does not belong here: how trust is computed (SQL,
once), the answer about one cell (`why.py`), and how it is shown (`defs`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse


@dataclass(frozen=True, slots=True)
class GroupTrust:
    """One field group of one mart for one tenant.

    trust_mean, trust_p10: of the cells that claim something, None where none does; solid, mixed, weak: how many of
    them; histogram: the same cells by tenths of trust.
    """

    field_group: str
    cells: int
    null_cells: int
    trust_mean: float | None
    trust_p10: float | None
    solid: int
    mixed: int
    weak: int
    histogram: Sequence[int]

    @property
    def trusted(self) -> int:
        """Cells that have a trust."""
        return self.solid + self.mixed + self.weak


@dataclass(frozen=True, slots=True)
class WeakField:
    """A field with weak cells: how many, and the key of the least trusted row among theirs."""

    field: str
    cells: int
    row_key: Mapping[str, Any]


def now(warehouse: Warehouse) -> dt.datetime:
    """The database's own time: what was written until then is what an answer as of then rests on."""
    with warehouse.as_owner() as connection:
        found: dt.datetime = connection.execute("select clock_timestamp()").fetchall()[0][0]
    return found


def trust_summary(warehouse: Warehouse, tenant_id: str, mart: str, as_of: dt.datetime) -> list[GroupTrust]:
    """Trust by field group, in order; empty for a mart that has no row of the tenant."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select field_group, cells, null_cells, trust_mean, trust_p10, solid, mixed, weak, histogram"
            " from prov.trust_summary(%s, %s, %s) order by field_group",
            (tenant_id, mart, as_of),
        ).fetchall()
    return [GroupTrust(*row) for row in rows]


def weak_fields(
    warehouse: Warehouse, tenant_id: str, mart: str, as_of: dt.datetime, *, limit: int = 8
) -> list[WeakField]:  # fmt: skip
    """The fields with the most weak cells (trust below the model's `weak_below`), most first."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select w.field, count(*), (array_agg(l.row_key order by l.trust_min, l.row_key))[1]"
            " from prov.low_trust(%s, %s, null, %s, 2147483647) l cross join unnest(l.fields) as w (field)"
            " group by w.field order by 2 desc, 1 limit %s",
            (tenant_id, mart, as_of, limit),
        ).fetchall()
    return [WeakField(*row) for row in rows]
