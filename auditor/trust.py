"""Trust of cells, computed a second time from docs/trust.md, and the overall figures of a mart.

Belongs here: the product, the rule of the least input, means and shares. Does not belong here: the parameters
(`trust_parameters`), or what a run wrote down about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from auditor.ledger import KEYS, Ledger, Row
from auditor.rules.base import OWN_RECORD
from auditor.trust_parameters import ALL, NO_BAND, Parameters, band_of, segment_of

SEGMENTED = frozenset({"dim_properties", "fct_assessments"})
VALUES_OF_A_CHANGE = frozenset({"old_value", "new_value", "old_value_number", "new_value_number"})
COMPOSITE_OF = "hazard_score"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a cell rests on: its evidence (or a public file's sha256) and what else of its row bears on trust."""

    evidence: int | str | None
    segment: str
    mask: int | None
    band: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Trust of the cells of one field group that claim something."""

    field_group: str
    cells: int
    mean: float
    p10: float
    solid: int
    weak: int


class Trust:
    """The trust of one tenant's cells as of a moment."""

    def __init__(self, ledger: Ledger, as_of: datetime) -> None:
        self.parameters = Parameters(ledger, as_of)
        self.ledger = ledger
        self.fields: dict[str, dict[str, Row]] = defaultdict(dict)
        for row in ledger.rows("select * from prov.field_map"):
            self.fields[row["mart"]][row["field"]] = row
        self._known: dict[tuple[Any, ...], float] = {}

    def figures(self, mart: str) -> list[Figures]:
        """Figures by field group of a mart."""
        by_group: dict[str, list[float]] = defaultdict(list)
        for row in self._rows(mart):
            for field, trust in self.of_row(mart, row).items():
                by_group[self.fields[mart][field]["field_group"]].append(trust)
        return [self._figures(group, trusts) for group, trusts in sorted(by_group.items())]

    def _figures(self, group: str, trusts: list[float]) -> Figures:
        model = self.parameters.model
        solid = sum(trust >= model["solid_from"] for trust in trusts)
        weak = sum(trust < model["weak_below"] for trust in trusts)
        return Figures(group, len(trusts), sum(trusts) / len(trusts), _percentile(trusts, 0.1), solid, weak)

    def _rows(self, mart: str) -> Iterable[Row]:
        statement = sql.SQL("select * from marts.{} where tenant_id = %s").format(sql.Identifier(mart))
        rows = self.ledger.rows(statement, [self.ledger.tenant_id])
        if mart == "fct_property_hazards":
            perils: dict[Any, dict[str, Row]] = defaultdict(dict)
            for row in rows:
                perils[row["property_id"]][row["peril"]] = row
            for row in rows:
                if row["peril"] == "composite":
                    row["_of"] = [r for peril, r in perils[row["property_id"]].items() if peril != "composite"]
        return rows

    def of_row(self, mart: str, row: Row) -> dict[str, float]:
        """Trust of the row's cells that claim something: no null, none of the platform's own record."""
        return {
            field: self.of_cell(mart, row, field)
            for field, mapped in self.fields[mart].items()
            if mapped["field_group"] not in OWN_RECORD and row.get(field) is not None
        }

    def of_cell(self, mart: str, row: Row, field: str) -> float:
        """Trust of one cell."""
        mapped = self.fields[mart][field]
        method = mapped["method"]
        if row.get("_of") and field == COMPOSITE_OF:
            return self.parameters.method(method) * min(self.of_cell(mart, other, field) for other in row["_of"])
        inputs = [
            trust
            for name in mapped["derived_from"] or []
            if (trust := self._input(mart, row, mapped["field_group"], name)) is not None
        ]
        if inputs:
            return self.parameters.method(method) * min(inputs)
        name = row["field"] if mart == "fct_changes" and field in VALUES_OF_A_CHANGE else field
        grounds = self._grounds(mart, row, mapped["field_group"])
        return min(self._resting(name, method, mapped["ages"], ground) for ground in grounds)

    def _input(self, mart: str, row: Row, group: str, name: str) -> float | None:
        other, _, field = name.rpartition(".")
        if not other and name in self.fields[mart]:
            return None if row.get(name) is None else self.of_cell(mart, row, name)
        # A column of the same record that the mart does not show, or of the record behind another mart's row.
        shown = self.fields[other][field] if other else None
        where = shown["field_group"] if shown else group
        grounds = self._grounds(mart, row, where)
        ages = shown["ages"] if shown else self.fields[mart][next(iter(self.fields[mart]))]["ages"]
        method = shown["method"] if shown else "copy"
        return min((self._resting(field, method, ages, ground) for ground in grounds), default=None)

    def _grounds(self, mart: str, row: Row, group: str) -> list[Ground]:
        """Everything that a field group of a row rests on."""
        segment = segment_of(row.get("use_description"), row.get("use_code")) if mart in SEGMENTED else ALL
        mask = row.get(f"{group}_checks_failed")
        band = band_of(row["overlap_share"]) if "overlap_share" in row else None
        several = row.get(f"{group}_evidence_nos")
        if several:
            return [Ground(number, segment, mask, band) for number in several]
        number = row.get(f"{group}_evidence_no", row.get(f"{group}_public_sha256"))
        return [Ground(number, segment if group == "assessor" else ALL, mask, band)]

    def _resting(self, field: str, method: str, ages: bool, ground: Ground) -> float:
        """Trust of a cell that rests on a record itself."""
        name = (field, method, ages, ground)
        if name not in self._known:
            self._known[name] = self._product(field, method, ages, ground)
        return self._known[name]

    def _product(self, field: str, method: str, ages: bool, ground: Ground) -> float:
        known = self.parameters
        evidence = known.evidence.get(ground.evidence) if isinstance(ground.evidence, int) else None
        if isinstance(ground.evidence, int) and ground.evidence in known.recalled:
            return 0.0
        file = self._file(ground.evidence, evidence)
        kind = file["source_kind"] if file else None
        survived = 1.0
        if ages:
            age = known.age_years(file["vintage"] if file else None)
            survived = known.survival(kind, field, ground.segment) ** age
        passed, total = (evidence["checks_passed"], evidence["checks_total"]) if evidence else (0, 0)
        by = evidence["method"] if evidence else None
        return (
            known.reliability(kind, field, ground.segment)
            * survived
            * known.method(method)
            * (known.method(by) if by else 1.0)
            * known.confidence(by or "", ground.band if ground.band != NO_BAND else None)
            * (passed + 0.5)
            / (total + 1)
            * known.row_checks(kind, field, ground.mask)
        )

    def _file(self, ground: int | str | None, evidence: Row | None) -> Row | None:
        if evidence is None:
            return self.parameters.public.get(str(ground))
        return self.parameters.files.get(evidence["file_no"]) or self.parameters.public.get(evidence["public_sha256"])


def _percentile(values: list[float], share: float) -> float:
    """Interpolated between neighbours, as percentile_cont."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def figures_of(dsn: str, tenant_id: str, mart: str, as_of: datetime) -> list[Figures]:
    """Trust figures of one mart of a tenant as of a moment. Raises NoModelError where there was no model yet."""
    if mart not in KEYS:
        raise KeyError(mart)
    with psycopg.connect(dsn, autocommit=True, application_name="auditor") as connection:
        return Trust(Ledger(connection, tenant_id), as_of).figures(mart)
