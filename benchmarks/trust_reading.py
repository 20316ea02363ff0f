"""How fast trust is read: why of one cell, the mark of a recall, a tenant's weak cells.

Belongs here: the calls that are timed and what each is set beside. Does not belong here: the estate they run on, and
what the answers must say (the gates and tests ask that).
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.bounds import at_most
from benchmarks.measure import Contender, Result, median_seconds, result
from benchmarks.trust_estate import Estate

if TYPE_CHECKING:
    from psycopg import Connection

MART = "dim_properties"
WHY = (at_most(6), at_most(4))
RECALL = at_most(3)
CALLS, WARM_UP = 1500, 100
ROUNDS = 3
SEED = 20_250_708
_WHY = "select prov.why(%(tenant)s, %(mart)s, jsonb_build_object('property_id', %(property)s::uuid), %(field)s)"
_LOOK_UP = f"select * from marts.{MART} where tenant_id = %(tenant)s and property_id = %(property)s"
_FIELDS = "select field from prov.field_map where mart = %s order by field"
_SAMPLE = f"select property_id from marts.{MART} where tenant_id = %s order by md5(property_id::text || %s) limit %s"
_MARK = "insert into prov.recall (tenant_id, file_no, reason, recalled_by) values (%s, %s, 'measured', 'benchmark')"
_UNMARK = "delete from prov.recall where tenant_id = %s and file_no = %s"
_UPDATE = "update prov.source_file set read_by = 'benchmark' where tenant_id = %s and file_no = %s"


def measured(prefix: str, estate: Estate) -> Iterator[Result]:
    """Why, recall, then what is read of a whole tenant."""
    yield from _why(prefix, estate)
    yield _recall(f"{prefix}.recall_mark", estate)
    yield from _whole_tenant(prefix, estate)


def _why(prefix: str, estate: Estate) -> Iterator[Result]:
    """Both over the same rows, as the application, in turn on one connection under row-level security.

    p95 is what was promised; on a busy machine waiting makes both of them long and so alike, and the median says more.
    """
    rng = random.Random(SEED)
    seconds: dict[str, list[float]] = {_WHY: [], _LOOK_UP: []}
    with estate.warehouse.as_app(estate.tenants[0]) as connection:
        cells = list(_cells(connection, estate, rng))
        for number, cell in enumerate(cells):
            connection.execute("select set_config('app.tenant_id', %s, false)", (cell["tenant"],))
            for statement in sorted(seconds, reverse=bool(number % 2)):
                elapsed, answer = _timed(connection, statement, cell)
                if answer is None:
                    raise RuntimeError(f"no answer for {cell}")  # nothing is quickly said
                if number >= WARM_UP:
                    seconds[statement].append(elapsed)
    note = f"{CALLS:,} cells of {len(estate.tenants)} tenants"
    for name, of, must in (("why_p95", p95, WHY[0]), ("why_median", statistics.median, None)):
        ours, floor = (of(seconds[one]) for one in (_WHY, _LOOK_UP))
        yield result(
            f"{prefix}.{name}", ours * 1000, "ms", f"the row by its primary key {floor * 1000:.2f} ms", ours / floor,
            must, WHY[1], note,
        )  # fmt: skip


def _cells(connection: Connection[Any], estate: Estate, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Cells to ask for, tenant by tenant in turn: any field of any property."""
    fields = [field for (field,) in connection.execute(_FIELDS, (MART,)).fetchall()]
    wanted = (CALLS + WARM_UP) // len(estate.tenants) + 1
    properties = {}
    for tenant_id in estate.tenants:
        connection.execute("select set_config('app.tenant_id', %s, false)", (tenant_id,))
        properties[tenant_id] = [one for (one,) in connection.execute(_SAMPLE, (tenant_id, str(SEED), wanted))]
    for number in range(CALLS + WARM_UP):
        tenant_id = estate.tenants[number % len(estate.tenants)]
        chosen = properties[tenant_id][number // len(estate.tenants)]
        yield {"tenant": tenant_id, "mart": MART, "property": chosen, "field": rng.choice(fields)}


def _recall(name: str, estate: Estate) -> Result:
    """Marking a file as taken back, beside an update of one row of the same owner, each committed."""
    with estate.warehouse.as_owner() as connection:
        of_file = (estate.tenants[0], connection.execute("select min(file_no) from prov.source_file").fetchall()[0][0])
        seconds: dict[str, list[float]] = {_MARK: [], _UPDATE: []}
        for number in range(220):
            for statement in sorted(seconds, reverse=bool(number % 2)):
                elapsed, _ = _timed(connection, statement, of_file)
                if number >= 20:
                    seconds[statement].append(elapsed)
            connection.execute(_UNMARK, of_file)
    ours, floor = (statistics.median(seconds[one]) for one in (_MARK, _UPDATE))
    return result(
        name, ours * 1000, "ms", f"one updated row {floor * 1000:.2f} ms", ours / floor, RECALL,
        note="median of 200 in turn; every cell of the file then reads 0",
    )  # fmt: skip


def _whole_tenant(prefix: str, estate: Estate) -> Iterator[Result]:
    """All weak cells of a tenant's properties, and the summary of all its cells, beside counting the rows."""
    tenant_id = estate.tenants[-1]
    with estate.warehouse.as_app(tenant_id) as connection:
        fields = len(connection.execute(_FIELDS, (MART,)).fetchall())
        rows = connection.execute(f"select count(*) from marts.{MART} where tenant_id = %s", (tenant_id,)).fetchall()
        statements = {
            "low_trust_list": "select count(*) from prov.low_trust(%s, 'dim_properties', 0.5, null, null)",
            "trust_summary": "select count(*) from prov.trust_summary(%s, 'dim_properties', null)",
            "count": f"select count(*) from marts.{MART} where tenant_id = %s",
        }
        found: dict[str, int] = {}

        def asking(statement: str) -> Callable[[Any], Any]:
            return lambda _: connection.execute(statement, (tenant_id,)).fetchall()[0][0]

        contenders = [Contender(name, lambda: None, asking(statement)) for name, statement in statements.items()]
        seconds = median_seconds(contenders, ROUNDS, found.__setitem__)
    cells = rows[0][0] * fields
    for name in ("low_trust_list", "trust_summary"):
        yield result(
            f"{prefix}.{name}", seconds[name], "s", f"counting the rows of the heap {seconds['count']:.3f} s",
            seconds[name] / seconds["count"], note=f"{cells:,} cells; {found[name]:,} lines of answer",
        )  # fmt: skip


def p95(times: Sequence[float]) -> float:
    """The 95th of a hundred."""
    return statistics.quantiles(times, n=100)[94]


def _timed(connection: Connection[Any], statement: str, values: Any) -> tuple[float, Any]:
    """Seconds until all of the answer is here, and its first value; None where there is no row."""
    started = time.perf_counter()
    cursor = connection.execute(statement, values)
    rows = cursor.fetchall() if cursor.description else []
    return time.perf_counter() - started, rows[0][0] if rows else None
