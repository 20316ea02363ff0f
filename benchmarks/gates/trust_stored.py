"""Trust is computed when it is read: no column of any row of a tenant holds it.

Belongs here: asking the catalog. Does not belong here: that the computed one follows a recall (`trust_recall.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import TENANTS, Demo
from benchmarks.gates.line import Gate, gate

PREFIX = "trust.stored"
# The words by which such a column was and would be called. hazard_score is a field of its own, of the source's making.
_COLUMNS = """
select n.nspname || '.' || c.relname || '.' || a.attname,
  a.attname ~ '(trust|freshness|certainty|reliability_score|quality_score)'
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p', 'm', 'v') and n.nspname in ('raw', 'enrichment', 'intermediate', 'marts', 'history')
order by 1
"""


def lines(demo: Demo) -> Iterator[Gate]:
    """Columns that would hold a trust, of how many."""
    columns = demo.ask(TENANTS[0], _COLUMNS)
    named = [column for column, is_trust in columns if is_trust]
    yield gate(f"{PREFIX}.columns_looked_at", len(columns), at_least(100))
    yield gate(f"{PREFIX}.trust_columns", len(named), at_most(0), note=", ".join(named[:8]))
