"""Great Expectations on Postgres: rules in, for each rule how many rows fail and the query that selects them.

Belongs here: everything that knows GX. Does not belong here: what a verdict leads to (`gates.py`) and what a suite may
say (`core/gates/suites.py`).

Rules run where the rows are: all rules on single columns are one aggregate query, and GX names the query of the failing
rows instead of fetching them (but for rules in SQL, of whose failing rows the driver buffers number and value). GX
writes no file, sends nothing, and is imported when used (it takes 6 s).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from real_estate_assets.core.gates.suites import QUERY_TYPE, Rule, bound_arguments

RECORDS_SCHEMA = "raw__leaf"
# No sample values: they would cost a scan for each rule, and belong into no result. LIMIT 0 costs nothing.
_FAILING_RECORDS: dict[str, Any] = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": True,
    "unexpected_index_column_names": ["record_no"],
}


class RuleError(RuntimeError):
    """A rule could not be evaluated: no verdict on the data. The message names the rule and the cause."""


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """GX on one rule: how many rows fail, and the query that selects (record_no, wrong value) of them."""

    passed: bool
    rows_failed: int
    failing_rows: str = ""


class ExpectationRunner:
    """Runs rules on tables and numbers of one database."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def on_records(
        self, heap: str, rules: Sequence[Rule], parameters: Mapping[str, int | str]
    ) -> dict[str, RuleVerdict]:
        """Row rules on the records in a heap of `raw__leaf`, by name. Raises RuleError."""
        arguments = [bound_arguments(rule, parameters) for rule in rules]
        table = f'{RECORDS_SCHEMA}."{heap}"'
        asset = self._source.add_table_asset("records", table_name=heap, schema_name=RECORDS_SCHEMA)
        results = _validate(asset, rules, arguments, _FAILING_RECORDS)
        verdicts = {}
        for rule, bound in zip(rules, arguments, strict=True):
            found = results[rule.name]
            if rule.type == QUERY_TYPE:
                rows_failed, query = found["observed_value"], bound["unexpected_rows_query"].format(batch=table)
            else:
                # GX sums up, and the sum of no row is null.
                rows_failed, query = found["unexpected_count"] or 0, found["unexpected_index_query"].rstrip(" ;\n")
            verdicts[rule.name] = RuleVerdict(rows_failed == 0, rows_failed, query)
        return verdicts

    def on_numbers(self, numbers: Mapping[str, float | None], rules: Sequence[Rule]) -> dict[str, RuleVerdict]:
        """Batch rules on one row of numbers, by name; a rule on a number that is None holds. Raises RuleError."""
        columns = (f"{'null' if n is None else float(n)}::double precision as {name}" for name, n in numbers.items())
        asset = self._source.add_query_asset("summary", query=f"select {', '.join(columns)}")
        results = _validate(asset, rules, [rule.kwargs for rule in rules], "BASIC")
        counts = {name: found["unexpected_count"] for name, found in results.items()}
        return {name: RuleVerdict(count == 0, count) for name, count in counts.items()}


@contextmanager
def expectation_runner(dsn: str) -> Iterator[ExpectationRunner]:
    """Opens GX on a database: an ephemeral context without files, telemetry or progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    in_memory = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
    )
    _teach_geometry()
    with warnings.catch_warnings():
        # GX wants the schema in the connection, as a search path; then the query it names would be unqualified.
        warnings.filterwarnings("ignore", message="`schema_name` is deprecated")
        context = gx.get_context(mode="ephemeral", project_config=in_memory)
        sqlalchemy_url = dsn.replace("postgresql://", "postgresql+psycopg2://", 1)
        source = context.data_sources.add_postgres("warehouse", connection_string=sqlalchemy_url)
        try:
            yield ExpectationRunner(source)
        finally:
            source.get_engine().dispose()


def _teach_geometry() -> None:
    """Tell SQLAlchemy of PostGIS' type: GX looks at all columns of a table, and fails on one whose type has no name."""
    from sqlalchemy.dialects.postgresql.base import ischema_names
    from sqlalchemy.types import UserDefinedType

    class Geometry(UserDefinedType[bytes]):
        cache_ok = True

        def __init__(self, *_: str) -> None:
            """Shape and SRID, of which no rule makes use."""

        def get_col_spec(self, **_: Any) -> str:
            return "geometry"

    ischema_names.setdefault("geometry", Geometry)


def _validate(
    asset: Any, rules: Sequence[Rule], arguments: Sequence[Mapping[str, Any]], result_format: str | dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """GX's result for each rule, by name.

    Raises RuleError for a rule that raised: GX reports an exception as a failed expectation, and it is no verdict.
    """
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    expectations = [
        ExpectationConfiguration(type=rule.type, kwargs=dict(bound), meta={"rule": rule.name})
        for rule, bound in zip(rules, arguments, strict=True)
    ]
    suite = ExpectationSuite(name="gate", expectations=expectations)
    batch = asset.add_batch_definition_whole_table("whole").get_batch()
    results = {}
    for one in batch.validate(suite, result_format=result_format).results:
        name = one.expectation_config.meta["rule"]
        if not one.result:
            raise RuleError(f"rule {name} could not be evaluated: {_reason(one.exception_info)}")
        results[name] = one.result
    return results


def _reason(info: Mapping[str, Any]) -> str:
    """What GX says went wrong: one entry, or one for each metric."""
    entries = [info] if "exception_message" in info else list(info.values())
    return next((str(e["exception_message"]) for e in entries if e.get("exception_message")), "GX gave no reason")
