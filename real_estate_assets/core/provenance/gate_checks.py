"""The gate's rules about single records, as checks that a cell has passed because its record reached a mart.

Belongs here: which fields of the marts a rule of `expectations/` touches. Does not belong here: running a rule
(`stores/gates.py`), and the checks that are recomputed for a mart's own rows (`row_checks.yaml`).

Only rules of severity `error` count: a record that fails one is quarantined, so a cell that is seen has passed it. A
warning's failing rows stay, and nothing at a mart's row says which they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from real_estate_assets.core.gates import Rule, Suite
from real_estate_assets.core.gates.suites import QUERY_TYPE
from real_estate_assets.core.records.fields import field_names

# What the marts compute from a gated column and show under another name.
SHOWN_AS: Mapping[str, tuple[str, ...]] = {
    "geom_4326": ("geom_4326", "point_4326", "latitude", "longitude", "parcel_area_m2"),
    "owner_name_raw": ("owner_name_raw", "owner_name"),
}
# Not hazard_zone: its suite judges layers that tenants bring, and most hazards come from public ones, which it never
# saw.
RECORD_TYPES = ("property", "parcel", "owner")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


class GateCheck(NamedTuple):
    """One row of `prov.row_check` without a bit: nobody needs one for a check whose failing rows are not there."""

    check_name: str
    description: str
    fields: tuple[str, ...]


def gate_checks(suites: Iterable[Suite]) -> Iterator[GateCheck]:
    """The row rules of severity error, by suite and in its order; a rule is named <record type>.<rule>."""
    for suite in suites:
        for rule in suite.of_level("row"):
            if rule.severity == "error":
                yield GateCheck(f"{suite.record_type}.{rule.name}", rule.explain, _touched(suite, rule))


def _touched(suite: Suite, rule: Rule) -> tuple[str, ...]:
    """The columns that the rule reads, in the order of the record, as the marts name them."""
    text = " ".join(str(rule.kwargs[name]) for name in ("column", "column_A", "column_B") if name in rule.kwargs)
    if rule.type == QUERY_TYPE:
        text = rule.kwargs["unexpected_rows_query"]
    read = {rule.column, *_WORD.findall(text)}
    columns = [name for name in field_names(suite.record_type) if name in read]
    return tuple(dict.fromkeys(shown for name in columns for shown in SHOWN_AS.get(name, (name,))))
