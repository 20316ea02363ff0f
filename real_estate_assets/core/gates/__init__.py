"""The quality gate of a file's records, as far as it is pure: the rules, the facts they look at, the verdict.

Belongs here: what a suite may say (`suites`), the one-row summary of a file that batch rules look at (`summary`), and
the verdict with its messages and locators (`outcomes`). Does not belong here: the rules themselves (`expectations/`),
running Great Expectations or SQL (`stores/gates.py`), keeping rejected records (`stores/warehouse/quarantine.py`).
"""

from real_estate_assets.core.gates.outcomes import Account, GateResult, Locator, RuleOutcome
from real_estate_assets.core.gates.suites import Rule, Suite, SuiteError, parse_suite
from real_estate_assets.core.gates.summary import FileSummary

__all__ = [
    "Account",
    "FileSummary",
    "GateResult",
    "Locator",
    "Rule",
    "RuleOutcome",
    "Suite",
    "SuiteError",
    "parse_suite",
]
