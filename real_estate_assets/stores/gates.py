"""The gate of one file: its suite run on the records where they are, failing rows quarantined, a verdict returned.

Belongs here: the order of these steps, and that all of them happen or none. Does not belong here: rules
(`expectations/`), what a suite may say and the verdict's words (`core/gates`), Great Expectations itself
(`expectation_runner.py`), and SQL (`warehouse/file_summary.py`, `warehouse/quarantine.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.gates import FileSummary, GateResult, Locator, Rule, RuleOutcome, Suite, parse_suite
from real_estate_assets.core.gates.outcomes import SAMPLE_SIZE
from real_estate_assets.core.records.fields import RecordType
from real_estate_assets.settings import PROJECT_ROOT
from real_estate_assets.stores.expectation_runner import ExpectationRunner, RuleVerdict, expectation_runner
from real_estate_assets.stores.warehouse import quarantine
from real_estate_assets.stores.warehouse.file_summary import GatedFile, gated_file, summarize

if TYPE_CHECKING:
    from psycopg import Connection

    from real_estate_assets.stores.warehouse import Warehouse

SUITES = PROJECT_ROOT / "expectations"
# A building may be assessed before it stands.
YEARS_AHEAD = 2


class GateError(RuntimeError):
    """The gate could not be run. Not a verdict on the data; the message says what to do."""


def load_suite(record_type: RecordType) -> Suite:
    """The reviewed suite of a record type. Raises SuiteError (it names file and rule) when it cannot be used."""
    path = SUITES / f"{record_type}.json"
    return parse_suite(path.read_text(encoding="utf-8"), path.name)


def run_gate(
    warehouse: Warehouse,
    tenant_id: str,
    file_no: int,
    record_type: RecordType,
    suite: Suite | None = None,
    *,
    run_id: str,
) -> GateResult:
    """Hold one file's records against their suite; failing rows go to quarantine, failing batch rules block.

    Running it again replaces the file's earlier verdict, never adds to it. A file of which no row could be read fails
    its batch rules. suite: the reviewed one of the record type, unless given.

    Raises:
        GateError: no such file, a file that is not read yet or was refused, records that changed while they were
            looked at, or rows that do not add up. Nothing of this gate is kept then, and the last one stays.
        RuleError: a rule cannot be evaluated; likewise.
        SuiteError: the suite cannot be used.
    """
    suite = suite or load_suite(record_type)
    with warehouse.as_owner() as connection:
        file = _file(connection, tenant_id, file_no, record_type)
    with expectation_runner(warehouse.owner_dsn) as runner:
        verdicts = _judge_records(runner, file, suite.of_level("row"))
        with warehouse.as_owner() as connection, connection.transaction():
            _quarantine(connection, file, suite.of_level("row"), verdicts, run_id)
            samples = {name: _samples(connection, file, verdict) for name, verdict in verdicts.items()}
            summary = summarize(connection, file)
            verdicts |= runner.on_numbers(summary.measures(), suite.of_level("batch"))
            account = quarantine.account_of(connection, tenant_id, file_no)
            if not account.balances:
                raise GateError(
                    f"{file.uri}: {account.rows_in} rows in, but {account.accepted} accepted and {account.quarantined}"
                    " quarantined. A stage lost or doubled a row: read the file again, and report this if it stays."
                )
    outcomes = tuple(_outcome(rule, verdicts[rule.name], samples.get(rule.name, ()), summary) for rule in suite.rules)
    return GateResult(tenant_id, file_no, record_type, outcomes, account)


def _file(connection: Connection[tuple[Any, ...]], tenant_id: str, file_no: int, record_type: RecordType) -> GatedFile:
    file = gated_file(connection, tenant_id, file_no)
    if file is None:
        raise GateError(f"tenant {tenant_id} has no file {file_no}")
    if file.record_type != record_type:
        raise GateError(f"{file.uri} holds records of type {file.record_type}, not {record_type}")
    if file.read_status == "landed":
        raise GateError(f"{file.uri} has not been read yet; materialize records/* of tenant {tenant_id} first")
    if file.read_status == "refused":
        raise GateError(f"{file.uri} could not be read, so there is nothing to gate: {file.read_error}")
    return file


def _judge_records(runner: ExpectationRunner, file: GatedFile, rules: Sequence[Rule]) -> dict[str, RuleVerdict]:
    """The verdict on each row rule. A file without a heap has no rows that could fail."""
    if file.heap is None:
        return {rule.name: RuleVerdict(True, 0) for rule in rules}
    parameters: Mapping[str, int | str] = {
        "received_on": file.received_on.isoformat(),
        "latest_year": file.received_on.year + YEARS_AHEAD,
    }
    return runner.on_records(file.heap, rules, parameters)


def _quarantine(
    connection: Connection[tuple[Any, ...]],
    file: GatedFile,
    rules: Sequence[Rule],
    verdicts: Mapping[str, RuleVerdict],
    run_id: str,
) -> None:
    """Failing records of error severity into quarantine; what the verdict counted must be what arrives there."""
    failing = [rule for rule in rules if rule.severity == "error" and not verdicts[rule.name].passed]
    rejections = [(rule, verdicts[rule.name].failing_rows) for rule in failing]
    counts = quarantine.replace_gate_entries(
        connection, file.tenant_id, file.file_no, file.record_type, run_id, rejections
    )
    for rule in failing:
        if counts[rule.name] != verdicts[rule.name].rows_failed:
            raise GateError(
                f"{file.uri}: {verdicts[rule.name].rows_failed} rows failed {rule.name}, but {counts[rule.name]} were"
                " quarantined: the file was read anew meanwhile. Run the gate again."
            )


def _samples(connection: Connection[tuple[Any, ...]], file: GatedFile, verdict: RuleVerdict) -> tuple[str, ...]:
    """Locators of the first failing records."""
    if verdict.passed:
        return ()
    records = quarantine.first_records(connection, verdict.failing_rows, limit=SAMPLE_SIZE)
    return Locator(file.uri, file.locator_kind).of(records)


def _outcome(rule: Rule, verdict: RuleVerdict, samples: tuple[str, ...], summary: FileSummary) -> RuleOutcome:
    if rule.level == "batch":
        return RuleOutcome(rule, verdict.passed, observed=summary.observed(rule.column))
    return RuleOutcome(rule, verdict.passed, verdict.rows_failed, samples)
