"""Recall: a file taken back reads 0 at once, restoring brings everything back, and yesterday's answer stays the same.

Belongs here: recalling a tenant's roll and a public layer, and new versions of what people reviewed, in one transaction
that is taken back, so that the demo stays as it is. Does not belong here: the command that recalls (its own tests).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import TENANTS, Demo
from benchmarks.gates.line import Gate, gate

if TYPE_CHECKING:
    from psycopg import Connection

PREFIX = "trust.recall"
TENANT, ROLL = "charles-river", "tax_fy14.csv.gz"
CELLS = 60
NOW = "select clock_timestamp()"
_ROLL_NO = "select file_no from prov.source_file where tenant_id = %s and uri like %s"
_LAYER = (
    "select public_sha256 from prov.evidence where public_sha256 is not null and method like 'hazard%%'"
    " group by 1 order by count(distinct tenant_id) desc, count(*) desc, 1 limit 1"
)
_RECALL = "insert into prov.recall (tenant_id, file_no, reason, recalled_by) values (%s, %s, 'asked by a gate', 'gate')"
_RESTORE = "update prov.recall set restored_at = clock_timestamp(), restored_by = 'gate' where restored_at is null"
_RECALL_PUBLIC = "insert into prov.public_recall (sha256, reason, recalled_by) values (%s, 'asked by a gate', 'gate')"
_OTHER_VERSIONS = """
insert into prov.source_registry
  (source_kind, version, reliability, reason, licence, cadence, reviewed_by, reviewed_on)
select distinct on (source_kind)
  source_kind, version + 1, reliability / 7, reason, licence, cadence, reviewed_by, reviewed_on
from prov.source_registry order by source_kind, version desc;
insert into prov.method_prior (method, version, factor, reason, reviewed_by, reviewed_on)
select distinct on (method) method, version + 1, factor / 2, reason, reviewed_by, reviewed_on
from prov.method_prior order by method, version desc;
insert into prov.calibration (tenant_id, version, run_id, code_version, inputs)
select tenant_id, coalesce(max(version), 0) + 1, 'gate', 'gate', '{}'
from tenancy.tenant left join prov.calibration using (tenant_id) group by tenant_id
"""


@dataclass(frozen=True)
class Asked:
    """A cell to ask for. rests: whether it rests on the file that is recalled."""

    tenant_id: str
    mart: str
    key: str
    field: str
    rests: bool


# tenant, mart, columns of the key, field, how to find rows that rest on the roll (or not)
_OF_THE_ROLL = """
select jsonb_build_object('property_id', property_id)::text from marts.dim_properties
join prov.evidence on evidence.tenant_id = dim_properties.tenant_id and evidence_no = assessor_evidence_no
where dim_properties.tenant_id = {tenant} and (file_no = %(file)s) = %(rests)s and {field} is not null
order by md5(property_id::text) limit %(limit)s
"""
_OF_THE_LAYER = """
select jsonb_build_object('property_id', property_id, 'peril', peril)::text from marts.fct_property_hazards
join prov.evidence on evidence.tenant_id = fct_property_hazards.tenant_id and evidence_no = hazard_evidence_no
where fct_property_hazards.tenant_id = {tenant} and (public_sha256 = %(file)s) = %(rests)s and {field} is not null
order by md5(property_id::text || peril) limit %(limit)s
"""


def lines(demo: Demo) -> Iterator[Gate]:
    """The tenant's roll, the public layer that most tenants rest on, then what people decided since."""
    with demo.warehouse.as_owner() as connection, connection.transaction(force_rollback=True):
        roll = connection.execute(_ROLL_NO, (TENANT, f"%{ROLL}")).fetchall()[0][0]
        cells = [one for field in ("year_built", "use_code", "stories") for one in _of_roll(demo, roll, field)]
        yield from _taken_back_and_restored(connection, "tenant_file", cells, (_RECALL, (TENANT, roll)), _RESTORE)
        layer = connection.execute(_LAYER).fetchall()[0][0]
        cells = [one for tenant_id in TENANTS for one in _of_layer(demo, tenant_id, layer)]
        restore = _RESTORE.replace("prov.recall", "prov.public_recall")
        yield from _taken_back_and_restored(connection, "public_file", cells, (_RECALL_PUBLIC, (layer,)), restore)
        yield from _decided_since(connection, cells)


def _of_roll(demo: Demo, roll: int, field: str) -> Iterator[Asked]:
    for rests in (True, False):
        values = {"file": roll, "rests": rests, "limit": CELLS // 6}
        for (key,) in demo.ask(TENANT, _OF_THE_ROLL.replace("{field}", field), values):
            yield Asked(TENANT, "dim_properties", key, field, rests)


def _of_layer(demo: Demo, tenant_id: str, layer: str) -> Iterator[Asked]:
    for rests in (True, False):
        values = {"file": layer, "rests": rests, "limit": CELLS // 6}
        for (key,) in demo.ask(tenant_id, _OF_THE_LAYER.replace("{field}", "category"), values):
            yield Asked(tenant_id, "fct_property_hazards", key, "category", rests)


def _taken_back_and_restored(
    connection: Connection[Any], what: str, cells: Sequence[Asked], recall: tuple[str, tuple[Any, ...]], restore: str
) -> Iterator[Gate]:
    before_at = _now(connection)
    before = answers(connection, cells, before_at)
    connection.execute(*recall)
    recalled = answers(connection, cells, _now(connection))
    touched = [number for number, cell in enumerate(cells) if cell.rests]
    not_zero = [str(cells[n]) for n in touched if json.loads(recalled[n])["trust"] != 0]
    yield gate(
        f"{PREFIX}.{what}.cells_asked", len(touched), at_least(20), note=f"and {len(cells) - len(touched)} beside"
    )
    yield gate(f"{PREFIX}.{what}.not_zero_at_once", len(not_zero), at_most(0), note="; ".join(not_zero[:3]))
    beside = [n for n, cell in enumerate(cells) if not cell.rests and not same(before[n], recalled[n])]
    yield gate(
        f"{PREFIX}.{what}.others_changed", len(beside), at_most(0), note="; ".join(str(cells[n]) for n in beside[:3])
    )
    told = sum(one != two for one, two in zip(before, answers(connection, cells, before_at), strict=True))
    yield gate(
        f"{PREFIX}.{what}.earlier_answers_changed", told, at_most(0), note="byte by byte, as of before the recall"
    )
    connection.execute(restore)
    restored = answers(connection, cells, _now(connection))
    lost = [n for n in range(len(cells)) if not same(before[n], restored[n])]
    yield gate(f"{PREFIX}.{what}.not_restored", len(lost), at_most(0), note="; ".join(str(cells[n]) for n in lost[:3]))


def _decided_since(connection: Connection[Any], cells: Sequence[Asked]) -> Iterator[Gate]:
    """New versions of what people reviewed, and a new measurement: they speak of today, not of yesterday."""
    before_at = _now(connection)
    before = answers(connection, cells, before_at)
    connection.execute(_OTHER_VERSIONS)
    today = answers(connection, cells, _now(connection))
    moved = sum(json.loads(one)["trust"] != json.loads(two)["trust"] for one, two in zip(before, today, strict=True))
    yield gate(f"{PREFIX}.new_versions.answers_of_today_changed", moved, at_least(1), note=f"of {len(cells)}")
    again = answers(connection, cells, before_at)
    told = sum(one != two for one, two in zip(before, again, strict=True))
    yield gate(
        f"{PREFIX}.new_versions.earlier_answers_changed", told, at_most(0), note=f"of {len(cells)}, byte by byte"
    )


def answers(connection: Connection[Any], cells: Sequence[Asked], as_of: Any) -> list[str]:
    """What why says of each as of a time, as the text that Postgres sends. Raises ValueError where it says nothing."""
    found = []
    for cell in cells:
        statement = "select prov.why(%s, %s, %s::jsonb, %s, %s)::text"
        values = (cell.tenant_id, cell.mart, cell.key, cell.field, as_of)
        answer = connection.execute(statement, values).fetchall()[0][0]
        if answer is None:
            raise ValueError(f"why says nothing of {cell}")
        found.append(answer)
    return found


def same(one: str, two: str) -> bool:
    """Whether two answers differ in nothing but the time they were asked for."""
    return _timeless(json.loads(one)) == _timeless(json.loads(two))


def _timeless(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "as_of"}


def _now(connection: Connection[Any]) -> Any:
    return connection.execute(NOW).fetchall()[0][0]
