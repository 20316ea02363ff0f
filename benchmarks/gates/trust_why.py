"""Why: any cell of any mart answers where it came from and how far to trust it, and a foreign one answers nothing.

Belongs here: drawing cells at random, asking `prov.why` about them as the application, and what an answer must hold.
Does not belong here: whether its trust is right (`trust_calibration.py`), or the bytes (`trust_audit.py`).
"""

from __future__ import annotations

import itertools
import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.demo import TENANTS, Demo
from benchmarks.gates.line import Gate, gate

PREFIX = "trust.why"
CELLS, FOREIGN = 2000, 300
DISTINCT = at_least(20)  # a constant passed off as trust would be one
SEED = 20_140_101
KEYS = frozenset({
    "tenant_id", "mart", "key", "property_id", "field", "value", "null_reason", "as_of", "field_group", "trust",
    "trust_reason", "band", "prior_only", "model", "calibration", "factors", "evidence", "checks", "steps", "inputs",
    "rivals", "build",
})  # fmt: skip
_FIELDS = "select mart, array_agg(field order by field) from prov.field_map group by mart order by mart"
_ROWS = """
select key, row from (
  select (select jsonb_object_agg(name, to_jsonb(mart) -> name) from unnest(prov.mart_key(%(mart)s)) as name) as key,
    to_jsonb(mart) as row
  from marts.{mart} as mart where tenant_id = {tenant}
) as rows order by md5(key::text || %(seed)s) limit %(limit)s
"""
_WHY = "select prov.why(%(tenant)s, %(mart)s, %(key)s::jsonb, %(field)s)"
_ASK_FOR_PROPERTY = (
    "select prov.why(%(tenant)s, %(property)s::uuid, 'year_built'),"
    " prov.why(%(tenant)s, 'dim_properties', jsonb_build_object('property_id', %(property)s), 'year_built')"
)


@dataclass(frozen=True)
class Cell:
    """One cell: `row` is the whole row as the mart has it."""

    tenant_id: str
    mart: str
    key: Mapping[str, Any]
    field: str
    row: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.mart} {json.dumps(self.key)} {self.field}"


def lines(demo: Demo) -> Iterator[Gate]:
    """Every mart, then that trust is no constant, then foreign properties."""
    trusts: set[float] = set()
    for mart, fields in demo.ask(TENANTS[0], _FIELDS):
        cells = drawn(demo, mart, fields, CELLS)
        nulls, wrong = sum(cell.row[cell.field] is None for cell in cells), []
        for cell, answer in asked(demo, cells):
            fault = fault_of(cell, answer)
            if fault:
                wrong.append(f"{cell}: {fault}")
            elif answer and answer["trust"] is not None:
                trusts.add(answer["trust"])
        share = 1 - len(wrong) / len(cells) if cells else None
        note = "; ".join(wrong[:3]) or f"{len(cells):,} cells of {len(TENANTS)} tenants, {nulls:,} of them null"
        yield gate(f"{PREFIX}.{mart}.answered", share, exactly(1), note=note)
    yield gate(f"{PREFIX}.distinct_trust_values", len(trusts), DISTINCT)
    yield from _foreign(demo)


def drawn(demo: Demo, mart: str, fields: Sequence[str], count: int) -> list[Cell]:
    """Cells at random, the tenants in turn as long as they have any; all there are where there are fewer."""
    rng = random.Random(SEED)
    by_tenant: list[list[Cell]] = []
    for tenant_id in TENANTS:
        wanted = {"mart": mart, "seed": str(SEED), "limit": count}
        rows = demo.ask(tenant_id, _ROWS.replace("{mart}", mart), wanted)
        places = [(row_no, field) for row_no in range(len(rows)) for field in fields]
        chosen = rng.sample(places, min(count, len(places)))
        by_tenant.append([Cell(tenant_id, mart, rows[row_no][0], field, rows[row_no][1]) for row_no, field in chosen])
    return in_turn(by_tenant, count)


def in_turn(lists: Sequence[Sequence[Cell]], count: int) -> list[Cell]:
    """The first of each list, then the second of each, and so on, until there are `count` or no more."""
    mixed = (cell for layer in itertools.zip_longest(*lists) for cell in layer if cell is not None)
    return list(itertools.islice(mixed, count))


def asked(demo: Demo, cells: Sequence[Cell]) -> Iterator[tuple[Cell, dict[str, Any] | None]]:
    """Each cell with what `prov.why` answers to the application bound to its tenant."""
    for tenant_id in TENANTS:
        with demo.warehouse.as_app(tenant_id) as connection:
            for cell in (one for one in cells if one.tenant_id == tenant_id):
                values = {"tenant": tenant_id, "mart": cell.mart, "key": json.dumps(cell.key), "field": cell.field}
                yield cell, connection.execute(_WHY, values).fetchall()[0][0]


def fault_of(cell: Cell, answer: Mapping[str, Any] | None) -> str:
    """What an answer lacks, in words; empty where it says all that it must."""
    if answer is None:
        return "no answer"
    missing = KEYS - answer.keys()
    if missing:
        return f"the answer lacks {', '.join(sorted(missing))}"
    value = cell.row[cell.field]
    if (answer["tenant_id"], answer["mart"], answer["field"]) != (cell.tenant_id, cell.mart, cell.field):
        return "the answer is about another cell"
    if answer["value"] != value:
        return f"the answer says {answer['value']!r}, the mart {value!r}"
    if value is None:
        return "" if answer["null_reason"] and answer["trust"] is None else "a null without a reason, or with trust"
    if answer["trust"] is None:
        return "" if answer["trust_reason"] == "own_record" else f"no trust: {answer['trust_reason']}"
    if not 0 <= answer["trust"] <= 1 or not answer["band"] or not answer["factors"]:
        return f"trust {answer['trust']} without band or factors"
    return "" if answer["evidence"] or answer["inputs"] else "trust without evidence"


def _foreign(demo: Demo) -> Iterator[Gate]:
    """Properties of others, named by both tenants; one that nobody has answers the very same."""
    rng, answered, asked_for = random.Random(SEED), [], 0
    query = (
        "select array_agg(property_id::text order by property_id) from marts.dim_properties where tenant_id = {tenant}"
    )
    properties = {tenant_id: demo.number(tenant_id, query) for tenant_id in TENANTS}
    for tenant_id in TENANTS:
        own = set(properties[tenant_id])
        others = [
            (other, one) for other in TENANTS if other != tenant_id for one in properties[other] if one not in own
        ]
        chosen = rng.sample(others, min(FOREIGN, len(others)))
        chosen += [(tenant_id, str(uuid.UUID(int=rng.getrandbits(128)))) for _ in range(20)]
        with demo.warehouse.as_app(tenant_id) as connection:
            for other, property_id in chosen:
                for named in {tenant_id, other}:
                    values = {"tenant": named, "property": property_id}
                    (answers,) = connection.execute(_ASK_FOR_PROPERTY, values).fetchall()
                    asked_for += len(answers)
                    answered += [f"{tenant_id} about {property_id}" for answer in answers if answer is not None]
    yield gate(f"{PREFIX}.foreign_asked", asked_for, at_least(FOREIGN))
    yield gate(f"{PREFIX}.foreign_answered", len(answered), at_most(0), note="; ".join(answered[:3]))
