"""Audit: the independent auditor finds every cell right, and every fault that is planted.

Belongs here: one audit of all demo tenants, and faults of five kinds, planted one kind at a time in a transaction that
is taken back. Does not belong here: the auditor's rules (`auditor/`), nor what its login may not do (its tests).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import TENANTS, Demo
from benchmarks.gates.line import Gate, gate

if TYPE_CHECKING:
    from psycopg import Connection

    from auditor.desk import Desk
    from auditor.examining import Cell, Verdict

PREFIX = "trust.audit"
CELLS, FAULTS = 3000, 30
TENANT = "charles-river"
EACH = 8  # faults of a kind that is planted in rows
SEED = "a public seed"
# Field by which each row is judged: not the planted column itself where that is a locator, but what it locates.
LOCATORS = (
    ("dim_properties", "assessor_record_no", "use_code"),
    ("dim_parcels", "parcel_geometry_record_no", "parcel_area_m2"),
)
VALUES = (
    ("dim_properties", "year_built", "year_built = year_built + 1"),
    ("fct_assessments", "assessed_total_value_usd", "assessed_total_value_usd = assessed_total_value_usd * 1.01"),
)
METHODS = (
    ("dim_properties", "year_built"), ("dim_properties", "address_usps"), ("dim_properties", "property_id"),
    ("dim_parcels", "parcel_area_m2"), ("fct_property_hazards", "category"), ("fct_property_hazards", "hazard_score"),
    ("fct_sales", "is_arms_length"), ("fct_assessments", "use_code"),
)  # fmt: skip
FILES = ("tax_fy13.csv.gz", "tax_fy14.csv.gz", "parcels_fy2014.topojson.gz", "company_owners_fy2025.csv.gz")


def lines(demo: Demo) -> Iterator[Gate]:
    """What an audit of the demo says, then what it says once faults are planted."""
    yield from _as_it_stands(demo)
    yield from _planted(demo)


def _as_it_stands(demo: Demo) -> Iterator[Gate]:
    from auditor import MATCH, MISMATCH, NOT_AUDITED
    from real_estate_assets.defs.trust.auditing import run_audit

    # Nothing is written down: a gate that counted as an audit would move the trust that the next gate looks at.
    found = run_audit(demo.settings, TENANTS, seed=SEED, cells=CELLS, warehouse=demo.warehouse, record=False)
    told = [f"{one.tenant_id} {_told(verdict)}" for one in found.tenants for verdict in one.findings]
    methods = {tally.method for one in found.tenants for tally in one.tallies if tally.matched}
    asked = {method for (method,) in demo.ask(TENANT, "select distinct method from prov.field_map")}
    yield gate(f"{PREFIX}.cells", found.cells, at_least(CELLS), note=f"{found.count(MATCH):,} match; {found.bound}")
    yield gate(f"{PREFIX}.mismatches", found.count(MISMATCH), at_most(0), note="; ".join(told[:3]))
    yield gate(f"{PREFIX}.not_audited", found.count(NOT_AUDITED), at_most(0))
    unaudited = sorted(asked - methods)
    yield gate(
        f"{PREFIX}.methods_not_audited", len(unaudited), at_most(0), note=", ".join(unaudited) or f"of {len(asked)}"
    )


def _planted(demo: Demo) -> Iterator[Gate]:
    """Each kind in a transaction of its own; the same cells are asked before, so that no fault is found by accident."""
    from auditor import MATCH, MISMATCH

    found: dict[str, list[Verdict]] = {}
    clean: list[Verdict] = []
    with demo.warehouse.as_owner() as connection:
        site = _Site(demo, connection)
        for kind in (site.locators, site.values, site.stale, site.methods, site.bytes_flipped):
            with connection.transaction(force_rollback=True):
                before, after = kind()
                clean += before
                found[kind.__name__] = after
    planted = sum(map(len, found.values()))
    missed = [f"{kind}: {_told(one)}" for kind, some in found.items() for one in some if one.verdict != MISMATCH]
    counts = ", ".join(f"{kind} {len(some)}" for kind, some in found.items())
    yield gate(f"{PREFIX}.faults_planted", planted, at_least(FAULTS), note=counts)
    yield gate(f"{PREFIX}.kinds_planted", sum(bool(some) for some in found.values()), at_least(5))
    yield gate(f"{PREFIX}.faults_missed", len(missed), at_most(0), note="; ".join(missed[:3]))
    alarms = [_told(one) for one in clean if one.verdict != MATCH]
    yield gate(
        f"{PREFIX}.false_alarms", len(alarms), at_most(0),
        note="; ".join(alarms[:3]) or f"of {len(clean)} cells before anything was planted in them",
    )  # fmt: skip


class _Site:
    """Where faults are planted. Every method returns the verdicts on the cells before and after."""

    def __init__(self, demo: Demo, connection: Connection[Any]) -> None:
        from auditor.ledger import Ledger
        from real_estate_assets.defs.trust.auditing import references_of, stored_objects

        self.connection = connection
        self.ledger = Ledger(connection, TENANT)
        self.open_object = stored_objects(demo.settings)
        self.references = references_of(demo.settings)
        self.desk = self._desk(self.open_object)

    def _desk(self, open_object: Callable[[str | None, str], Any]) -> Desk:
        from auditor.book import Book
        from auditor.desk import Desk

        return Desk(Book(self.ledger, open_object, self.references))

    def locators(self) -> tuple[list[Verdict], list[Verdict]]:
        """A locator off by one."""
        found = [self._in_rows(mart, judged, f"{column} = {column} + 1") for mart, column, judged in LOCATORS]
        return _joined(found)

    def values(self) -> tuple[list[Verdict], list[Verdict]]:
        """A value changed."""
        return _joined([self._in_rows(mart, field, change) for mart, field, change in VALUES])

    def stale(self) -> tuple[list[Verdict], list[Verdict]]:
        """Evidence of a file that a newer one has replaced."""
        older = self.ledger.rows(
            "select evidence_no from prov.source_file where tenant_id = %s and uri like %s", [TENANT, f"%{FILES[0]}"]
        )[0]["evidence_no"]
        change = f"assessor_evidence_no = {older}"
        return self._in_rows("dim_properties", "use_code", change, f"assessor_evidence_no <> {older}")

    def methods(self) -> tuple[list[Verdict], list[Verdict]]:
        """Another method on record than the one the value comes by."""
        marts = {mart: self.ledger.mart(mart) for mart, _ in METHODS}
        rows = {mart: self.ledger.sample_rows(found, SEED, 1)[0] for mart, found in marts.items() if found}
        before = [self._examined(self._cell(mart, rows[mart], field)) for mart, field in METHODS]
        for mart, field in METHODS:
            self.connection.execute(
                "update prov.field_map set method = case method when 'copy' then 'derived' else 'copy' end"
                " where mart = %s and field = %s",
                (mart, field),
            )
        return before, [self._examined(self._cell(mart, rows[mart], field)) for mart, field in METHODS]

    def bytes_flipped(self) -> tuple[list[Verdict], list[Verdict]]:
        """One byte of a stored file."""
        before, after = [], []
        for name in FILES:
            file = self.ledger.rows(
                "select object_key, file_no, evidence_no from prov.source_file where tenant_id = %s and uri like %s",
                [TENANT, f"%{name}"],
            )[0]
            cell = self._cell_of_file(file["file_no"])
            before.append(self._examined(cell))
            after.append(self._examined(cell, self._desk(_flipping(self.open_object, file["object_key"]))))
        return before, after

    def _cell_of_file(self, file_no: int) -> Cell:
        """The count of a file's records, which its own row of dim_source_files states."""
        mart = self.ledger.mart("dim_source_files")
        assert mart is not None
        row = self.ledger.row_by_key(mart, {"file_no": file_no})
        assert row is not None
        return self._cell("dim_source_files", row, "record_count")

    def _in_rows(
        self, mart: str, judged: str, change: str, condition: str = "true"
    ) -> tuple[list[Verdict], list[Verdict]]:
        """Change EACH rows in which the judged field claims something."""
        described = self.ledger.mart(mart)
        assert described is not None
        rows = [row for row in self.ledger.sample_rows(described, SEED, 40 * EACH) if row[judged] is not None]
        chosen = [row for row in rows if self._meets(mart, row, condition)][:EACH]
        before = [self._examined(self._cell(mart, row, judged)) for row in chosen]
        after = []
        for row in chosen:
            key = {name: str(row[name]) for name in described.key}
            where = " and ".join(f"{name}::text = %s" for name in key)
            self.connection.execute(
                f"update marts.{mart} set {change} where tenant_id = %s and {where}", (TENANT, *key.values())
            )
            changed = self.ledger.row_by_key(described, key)
            assert changed is not None
            after.append(self._examined(self._cell(mart, changed, judged)))
        return before, after

    def _meets(self, mart: str, row: dict[str, Any], condition: str) -> bool:
        described = self.ledger.mart(mart)
        assert described is not None
        where = " and ".join(f"{name}::text = %s" for name in described.key)
        found = self.connection.execute(
            f"select 1 from marts.{mart} where tenant_id = %s and {where} and {condition}",
            (TENANT, *(str(row[name]) for name in described.key)),
        ).fetchall()
        return bool(found)

    def _cell(self, mart: str, row: dict[str, Any], field: str) -> Cell:
        from auditor.examining import Cell

        described = self.ledger.mart(mart)
        assert described is not None
        mapped = next(one for one in self.ledger.field_map() if (one.mart, one.field) == (mart, field))
        return Cell(described, row, field, mapped.field_group, mapped.method)

    def _examined(self, cell: Cell, desk: Desk | None = None) -> Verdict:
        from auditor.examining import Examiner

        return Examiner(desk or self.desk).examine(cell)


def _flipping(open_object: Callable[[str | None, str], Any], object_key: str) -> Callable[[str | None, str], Any]:
    """The store in which one byte in the middle of one object is another."""

    def opened(owner: str | None, key: str) -> Any:
        stream = open_object(owner, key)
        if key != object_key:
            return stream
        content = bytearray(b"".join(iter(lambda: bytes(stream.read(1 << 20)), b"")))
        content[len(content) // 2] ^= 1
        return io.BytesIO(bytes(content))

    return opened


def _joined(parts: Sequence[tuple[list[Verdict], list[Verdict]]]) -> tuple[list[Verdict], list[Verdict]]:
    return [one for before, _ in parts for one in before], [one for _, after in parts for one in after]


def _told(verdict: Verdict) -> str:
    return f"{verdict.mart}.{verdict.field} {verdict.row_key}: {verdict.what or verdict.verdict}"
