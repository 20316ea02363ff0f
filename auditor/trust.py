"""Trust of cells, computed a second time from docs/trust.md, and the overall figures of a mart.

Belongs here: the product, the rule of the least input, means and shares. Does not belong here: the parameters
(`trust_parameters`), or what a run wrote down about them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from auditor.ledger import KEYS, Ledger, Row
from auditor.rules.base import OWN_RECORD
from auditor.trust_parameters import ALL, Parameters, band_of, segment_of

SEGMENTED = frozenset({"dim_properties", "fct_assessments"})
VALUES_OF_A_CHANGE = frozenset({"old_value", "new_value", "old_value_number", "new_value_number"})
WEIGHED = "hazard_score"  # what a composite is computed from
NO_RECORD = 0  # each tenant's explicit evidence of no record


@dataclass(frozen=True, slots=True)
class Ground:
    """What a cell rests on: its evidence (or a public file's sha256) and what else of its row bears on trust."""

    evidence: int | str | None
    segment: str
    mask: int | None  # of failed checks; None: rows of this mart are not checked one by one
    band: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Trust of the cells of one field group that claim something; of the whole mart where the group is None."""

    field_group: str | None
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
        """Figures of a mart, first of the whole, then by field group; none where no cell claims anything."""
        by_group: dict[str, list[float]] = defaultdict(list)
        for row in self.rows(mart):
            for field, trust in self.of_row(mart, row).items():
                by_group[self.fields[mart][field]["field_group"]].append(trust)
        if not by_group:
            return []
        whole = [trust for trusts in by_group.values() for trust in trusts]
        return [self._figures(None, whole), *(self._figures(group, by_group[group]) for group in sorted(by_group))]

    def _figures(self, group: str | None, trusts: list[float]) -> Figures:
        model = self.parameters.model
        solid = sum(trust >= model["solid_from"] for trust in trusts)
        weak = sum(trust < model["weak_below"] for trust in trusts)
        return Figures(group, len(trusts), sum(trusts) / len(trusts), _percentile(trusts, 0.1), solid, weak)

    def rows(self, mart: str) -> Iterable[Row]:
        """The tenant's rows of a mart; a composite hazard with the rows it was weighed from."""
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
        weighed = [self.of_cell(mart, other, WEIGHED) for other in row.get("_of", ()) if other[WEIGHED] is not None]
        if weighed:  # a row that was computed from others of its mart rests on them, whichever cell is asked for
            return self.parameters.method(method) * min(weighed)
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
        if other:
            grounds = self._grounds(mart, row, self.fields[other][field]["field_group"])
            return min((self._elsewhere(other, field, ground) for ground in grounds), default=None)
        if name in self.fields[mart]:
            return None if row.get(name) is None else self.of_cell(mart, row, name)
        return min(self._hidden(mart, name, ground) for ground in self._grounds(mart, row, group))

    def _elsewhere(self, mart: str, field: str, ground: Ground) -> float:
        """Trust of a cell of another mart's row of which only the evidence is known: no input counts as null."""
        mapped = self.fields[mart].get(field)
        if mapped is None:
            return self._hidden(mart, field, ground)
        inputs = [self._elsewhere(mart, name, ground) for name in mapped["derived_from"] or []]
        if inputs:
            return self.parameters.method(mapped["method"]) * min(inputs)
        return self._resting(field, mapped["method"], mapped["ages"], ground)

    def _hidden(self, mart: str, field: str, ground: Ground) -> float:
        """Trust of a column of the record that the mart does not show: copied, and ageing as the mart's columns do."""
        ages = any(mapped["ages"] for mapped in self.fields[mart].values())
        return self._resting(field, "copy", ages, ground)

    def _grounds(self, mart: str, row: Row, group: str) -> list[Ground]:
        """Everything that a field group of a row rests on."""
        segment = segment_of(row.get("use_description"), row.get("use_code")) if mart in SEGMENTED else ALL
        failed = f"{group}_checks_failed"
        mask = (row[failed] or 0) if failed in row else None
        band = band_of(row["overlap_share"]) if "overlap_share" in row else None
        several = row.get(f"{group}_evidence_nos")
        if several:
            return [Ground(number, segment, mask, band) for number in several]
        number = row.get(f"{group}_evidence_no", row.get(f"{group}_public_sha256", NO_RECORD))
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
            * known.confidence(by, ground.band)
            * (passed + 0.5)
            / (total + 1)
            * known.row_checks(kind, field, ground.mask)
        )

    def _file(self, ground: int | str | None, evidence: Row | None) -> Row | None:
        if evidence is None:
            return self.parameters.public.get(str(ground))
        return self.parameters.files.get(evidence["file_no"]) or self.parameters.public.get(evidence["public_sha256"])


def _percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def figures_of(dsn: str, tenant_id: str, mart: str, as_of: datetime) -> list[Figures]:
    """Trust figures of one mart of a tenant as of a moment. Raises NoModelError where there was no model yet."""
    if mart not in KEYS:
        raise KeyError(mart)
    with psycopg.connect(dsn, autocommit=True, application_name="auditor") as connection:
        return Trust(Ledger(connection, tenant_id), as_of).figures(mart)
