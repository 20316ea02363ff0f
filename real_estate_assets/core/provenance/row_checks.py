"""Checks of single records and the fields whose trust they touch.

Belongs here: the typed reading of `row_checks.yaml`, and a mask taken apart. Does not belong here: the predicates,
which stand in SQL (`prov.failed_row_checks`), what a failure does (`calibration.py`), and the gate's rules
(`gate_checks.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pydantic import Field

from real_estate_assets.core.provenance.reviewed import Reviewed, read_register


class RowCheck(Reviewed):
    """A row of prov.row_check: the check's place in a record's mask, and the fields it touches."""

    check_name: str = Field(pattern="^[a-z0-9_]+$")
    bit: int = Field(ge=0, le=30)
    description: str = Field(min_length=12)
    fields: tuple[str, ...] = Field(min_length=1)


@cache
def row_checks() -> tuple[RowCheck, ...]:
    """All checks, in file order. Raises ValueError for a name or a bit that is given twice."""
    checks = read_register("row_checks", RowCheck, lambda one: one.check_name)
    if len({check.bit for check in checks}) != len(checks):
        raise ValueError("row_checks.yaml gives a bit to two checks")
    return checks


def touching(checks: Sequence[RowCheck], field: str) -> dict[int, str]:
    """Bit -> name of the checks in a record's mask that touch a field, lowest bit first."""
    found = {check.bit: check.check_name for check in checks if field in check.fields}
    return dict(sorted(found.items()))


def failed(mask: int, touched: dict[int, str]) -> list[str]:
    """Names of the checks among `touched` whose bit is set in a record's mask."""
    return [name for bit, name in touched.items() if mask >> bit & 1]
