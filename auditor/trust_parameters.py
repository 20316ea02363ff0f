"""What trust is computed from, read as it was known at one moment: docs/trust.md and docs/calibration.md.

Belongs here: reviewed constants, measured agreement, audits, recalls, and the look-ups among them. Does not belong
here: the product and the cells (`trust`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from functools import cached_property
from typing import Any

from auditor.ledger import Ledger, Row

DAYS = 365.25  # of a year
ALL = "all"
BANDS = ((0.001, "0-0.001"), (0.01, "0.001-0.01"), (0.1, "0.01-0.1"), (0.5, "0.1-0.5"))
# A zone stands behind such a value and says more of a lot the more it covers; of a point that share is unknown.
JOINS = frozenset({"hazard_polygon_overlap", "hazard_point_in_zone"})
WIDEST_BAND, NO_BAND = "0.5-1", "no overlap measured"


class NoModelError(LookupError):
    """No trust model was valid at that moment, so no cell had a trust."""


class Parameters:
    """Everything that bears on trust, as of a moment. Raises NoModelError before the first model."""

    def __init__(self, ledger: Ledger, as_of: datetime) -> None:
        self.ledger = ledger
        self.as_of = as_of
        models = self._known("select * from prov.trust_model", "recorded_at")
        if not models:
            raise NoModelError("no trust model was recorded by then")
        self.model = max(models, key=lambda m: m["version"])
        self.kinds = _newest(self._known("select * from prov.source_registry", "recorded_at"), "source_kind")
        self.survivals = _newest(self._known("select * from prov.survival_prior", "recorded_at"), "field")
        self.methods = _newest(self._known("select * from prov.method_prior", "recorded_at"), "method")
        self.evidence = ledger.evidence()
        self.files = {r["file_no"]: r for r in self._own("select * from prov.source_file where tenant_id = %s")}
        self.public = {r["sha256"]: r for r in ledger.rows("select * from prov.public_file")}

    def _own(self, statement: str) -> list[Row]:
        return self.ledger.rows(statement, [self.ledger.tenant_id])

    def _known(self, statement: str, moment: str) -> list[Row]:
        return [row for row in self.ledger.rows(statement) if row[moment] <= self.as_of]

    @cached_property
    def agreement(self) -> dict[tuple[str, str, str, str], float]:
        """(kind, kind of source, field, segment) -> estimate, of the tenant's newest measurement by then."""
        versions = [
            row["version"]
            for row in self._own("select version, measured_at from prov.calibration where tenant_id = %s")
            if row["measured_at"] <= self.as_of
        ]
        rows = self._own("select * from prov.agreement where tenant_id = %s")
        return {
            (row["kind"], row["source_kind"], row["field"], row["segment"]): row["estimate"]
            for row in rows
            if versions and row["version"] == max(versions)
        }

    @cached_property
    def audited(self) -> dict[str, tuple[int, int]]:
        """Method -> (cells, matched) of the tenant's audits by then."""
        found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for row in self._own("select * from prov.audit_method where tenant_id = %s"):
            if row["at"] <= self.as_of:
                cells, matched = found[row["method"]]
                found[row["method"]] = (cells + row["cells"], matched + row["matched"])
        return found

    @cached_property
    def recalled(self) -> set[int]:
        """Evidence that rests on a file that was recalled at the moment, directly or through what was made of it."""
        tenant = self._own("select * from prov.recall where tenant_id = %s")
        files: set[Any] = {row["file_no"] for row in tenant if self._open(row)}
        files |= {row["sha256"] for row in self.ledger.rows("select * from prov.public_recall") if self._open(row)}
        found = {n for n, e in self.evidence.items() if (e["file_no"] or e["public_sha256"]) in files}
        links = self._own("select * from prov.evidence_input where tenant_id = %s")
        while more := {k["evidence_no"] for k in links if k["input_evidence_no"] in found} - found:
            found |= more
        return found

    def _open(self, recall: Row) -> bool:
        restored = recall["restored_at"]
        return recall["recalled_at"] <= self.as_of and (restored is None or restored > self.as_of)

    @cached_property
    def checks(self) -> list[Row]:
        """Checks of single records."""
        return self.ledger.rows("select * from prov.row_check")

    def reliability(self, kind: str | None, field: str, segment: str) -> float:
        """How often a statement of this kind of source is right."""
        measured = self._measured("independent", kind, field, segment)
        if measured is not None:
            return measured
        known = self.kinds.get(kind or "")
        return float(known["reliability"] if known else self.model["unknown_reliability"])

    def survival(self, kind: str | None, field: str, segment: str) -> float:
        """How likely a value is still right a year later."""
        measured = self._measured("stability", kind, field, segment)
        if measured is not None:
            return measured
        known = self.survivals.get(field)
        if known:
            return float(known["survival_per_year"])
        return float(0.5 ** (DAYS / self.model["unknown_half_life_days"]))

    def age_years(self, vintage: date | None) -> float:
        """Years from the file's own date to the moment; never below 0."""
        if vintage is None:
            return float(self.model["unknown_age_days"]) / DAYS
        return max(0, (self.as_of.date() - vintage).days) / DAYS

    def method(self, method: str) -> float:
        """What a method does to the chance of being right."""
        measured = self._any_source("method", method, ALL)
        if measured is not None:
            return measured
        prior = self.methods.get(method)
        if prior is None or prior["factor"] is None:
            return float(self.model["unknown_method"])
        weight = float(self.model["prior_weight"])
        cells, matched = self.audited.get(method, (0, 0))
        return float((prior["factor"] * weight + matched) / (weight + cells))

    def confidence(self, method: str | None, band: str | None) -> float:
        """What the covered share of a lot says of a join with zones; 1 for values that come without a confidence."""
        if method not in JOINS or band is None:
            return 1.0
        measured = self._any_source("confidence", None, band)
        return float(self.model["unknown_confidence"]) if measured is None else measured

    def row_checks(self, kind: str | None, field: str, mask: int | None) -> float:
        """The effect of failed checks that touch the field; without a mask only the gate's checks were made."""
        made = [check for check in self.checks if check["bit"] is None or mask is not None]
        touching = [check for check in made if field in check["fields"]]
        if not touching:
            return float(self.model["no_check_factor"])
        factor = 1.0
        for check in touching:
            if check["bit"] is not None and (mask or 0) >> check["bit"] & 1:
                measured = self.agreement.get(("row_check", kind or "", field, check["check_name"]))
                factor *= self.model["failed_check_factor"] if measured is None else measured
        return factor

    def _measured(self, what: str, kind: str | None, field: str, segment: str) -> float | None:
        for part in _widening(segment):
            found = self.agreement.get((what, kind or "", field, part))
            if found is not None:
                return found
        return None

    def _any_source(self, what: str, field: str | None, segment: str) -> float | None:
        for (kind, _, name, part), estimate in self.agreement.items():
            if kind == what and part == segment and field in (None, name):
                return estimate
        return None


def band_of(share: float | None) -> str:
    """How much of a lot a zone covers, in the bands that answers were counted by."""
    if share is None:
        return NO_BAND
    return next((name for bound, name in BANDS if share < bound), WIDEST_BAND)


def segment_of(use: str | None, code: str | None) -> str:
    """The part of the properties that a record belongs to: its use in the source's own words."""
    words = " ".join(((use or "").strip() or code or "").replace("|", "/").upper().split())
    return words or "no use"


def _newest(rows: list[Row], name: str) -> dict[str, Row]:
    return {row[name]: row for row in sorted(rows, key=lambda r: r["version"])}


def _widening(segment: str) -> Iterator[str]:
    parts = segment.split("|")
    for length in range(len(parts), 0, -1):
        yield "|".join(parts[:length])
    if segment != ALL:
        yield ALL
