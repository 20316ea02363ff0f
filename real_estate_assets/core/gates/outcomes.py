"""The verdict of a gate: rule by rule what failed, where the first failures stand, and what to do.

Belongs here: the typed result and its words. Does not belong here: how it was found (`stores/gates.py`).

Nothing here carries a value of a cell: results go into event logs, which are no place for a tenant's data. The values
stand in `quarantine.record`, under row-level security.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from real_estate_assets.core.gates.suites import Rule

SAMPLE_SIZE = 5


class Account(NamedTuple):
    """Where the records of one file went. `rows_in` is what the reader counted, the others what is stored."""

    rows_in: int
    accepted: int
    quarantined: int

    @property
    def balances(self) -> bool:
        """Whether every record is either accepted or in quarantine. Anything else is a defect, not bad data."""
        return self.rows_in == self.accepted + self.quarantined


@dataclass(frozen=True, slots=True)
class Locator:
    """Names records of one source file for a person: ``tax_fy14.csv row 17``. Records are counted from 0."""

    uri: str
    locator_kind: str = "csv_row"

    def of(self, record_nos: Sequence[int]) -> tuple[str, ...]:
        """One locator a record."""
        word = "feature" if self.locator_kind == "feature_index" else "row"
        name = PurePosixPath(self.uri.split("?", 1)[0]).name or self.uri
        return tuple(f"{name} {word} {number}" for number in record_nos)


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """One rule's verdict on one file. rows_failed: failing records of a row rule, 0 for a batch rule.

    samples: locators of the first failing records. observed: what a batch rule found.
    """

    rule: Rule
    passed: bool
    rows_failed: int = 0
    samples: tuple[str, ...] = ()
    observed: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it keeps the tenant from being published."""
        return not self.passed and self.rule.level == "batch" and self.rule.severity == "error"

    @property
    def quarantines(self) -> bool:
        """Whether it put records into quarantine."""
        return not self.passed and self.rule.level == "row" and self.rule.severity == "error"

    @property
    def warns(self) -> bool:
        """Whether it is only reported."""
        return not self.passed and self.rule.severity == "warn"

    @property
    def message(self) -> str:
        """What was found, where it stands, and what it means and asks for."""
        if self.rule.level == "batch":
            return f"{self.observed}. {self.rule.explain}"
        if self.passed:
            return "every row holds"
        rows = f"{self.rows_failed:,} row{'' if self.rows_failed == 1 else 's'}"
        more = "e.g. " if len(self.samples) < self.rows_failed else ""
        where = f" ({more}{', '.join(self.samples)})" if self.samples else ""
        return f"{rows}{' quarantined' if self.quarantines else ''}{where}. {self.rule.explain}"


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict on one file: its rules in the order of the suite, and where its records went."""

    tenant_id: str
    file_no: int
    record_type: str
    outcomes: tuple[RuleOutcome, ...]
    account: Account

    @property
    def passed(self) -> bool:
        """Whether the file may be published. Quarantined rows do not stop it, unless they are too many."""
        return not self.blocking

    @property
    def blocking(self) -> tuple[RuleOutcome, ...]:
        """Failed batch rules that keep yesterday's data served."""
        return tuple(outcome for outcome in self.outcomes if outcome.blocks)

    @property
    def quarantining(self) -> tuple[RuleOutcome, ...]:
        """Failed row rules whose records are in quarantine."""
        return tuple(outcome for outcome in self.outcomes if outcome.quarantines)

    @property
    def warnings(self) -> tuple[RuleOutcome, ...]:
        """Failed rules that are only reported."""
        return tuple(outcome for outcome in self.outcomes if outcome.warns)

    @property
    def checks_passed(self) -> int:
        """How many rules hold without one exception, warnings included."""
        return sum(outcome.passed for outcome in self.outcomes)

    @property
    def checks_total(self) -> int:
        """How many rules were run."""
        return len(self.outcomes)

    def as_report(self) -> dict[str, Any]:
        """The verdict for run metadata and `prov.source_file.gate_report`: counts, locators, messages, never values."""
        return {
            "rows_in": self.account.rows_in,
            "accepted": self.account.accepted,
            "quarantined": self.account.quarantined,
            "checks_passed": self.checks_passed,
            "checks_total": self.checks_total,
            "batch_failures": {o.rule.name: o.message for o in self.blocking},
            "row_failures": {o.rule.name: o.message for o in self.quarantining},
            "warnings": {o.rule.name: o.message for o in self.warnings},
            "failed_rows": {o.rule.name: o.rows_failed for o in self.outcomes if o.rows_failed},
        }
