"""What a suite in `expectations/` may say: Great Expectations' own JSON, with our meta on every expectation.

Belongs here: parsing a suite and refusing what cannot be run as meant, by file and rule. Does not belong here:
running it (`stores/gates.py`) and the rules themselves (`expectations/*.json`).

An expectation type must be listed here to be used: a row rule has to name the records that fail it, which not every
type of Great Expectations does, and `mostly` would let rows through that the rule calls wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, get_args

from real_estate_assets.core.gates.summary import MEASURES
from real_estate_assets.core.records.fields import RecordType, field_names

Level = Literal["row", "batch"]
Severity = Literal["error", "warn"]

RULE_NAME = re.compile(r"[a-z][a-z0-9_]{2,62}")
QUERY_TYPE = "unexpected_rows_expectation"
# What a query or a bound may name: facts of the file that the rule is run on.
PARAMETERS = ("received_on", "latest_year")

_BOUNDS = frozenset({"min_value", "max_value", "strict_min", "strict_max"})
_COLUMN = frozenset({"column"})
# Type -> (arguments it needs, arguments it may have).
ROW_TYPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "expect_column_values_to_be_between": (_COLUMN, _BOUNDS),
    "expect_column_values_to_not_be_null": (_COLUMN, frozenset()),
    "expect_column_values_to_be_in_set": (_COLUMN | {"value_set"}, frozenset()),
    "expect_column_values_to_not_be_in_set": (_COLUMN | {"value_set"}, frozenset()),
    "expect_column_values_to_match_regex": (_COLUMN | {"regex"}, frozenset()),
    "expect_column_values_to_not_match_regex": (_COLUMN | {"regex"}, frozenset()),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        frozenset({"column_A", "column_B", "ignore_row_if"}),
        frozenset({"or_equal"}),
    ),
    QUERY_TYPE: (frozenset({"unexpected_rows_query"}), frozenset()),
}
BATCH_TYPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "expect_column_values_to_be_between": (_COLUMN, _BOUNDS),
}
_META = frozenset({"rule", "level", "severity", "explain"})
_QUERY_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")  # `::` is a cast
# A query hands over the failing record and the value that is wrong, in this order, from the file's own rows.
_QUERY = re.compile(r"select record_no, .+ from \{batch\}( r)? where .+")


class SuiteError(ValueError):
    """A suite cannot be used. The message names the file, the rule and what to change."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation. `column` is what a failure is about: a column of the record (row) or of the summary (batch)."""

    name: str
    level: Level
    severity: Severity
    explain: str
    type: str
    kwargs: Mapping[str, Any]
    column: str


@dataclass(frozen=True, slots=True)
class Suite:
    """The reviewed rules for one record type, in the order of the file."""

    record_type: RecordType
    rules: tuple[Rule, ...]

    def of_level(self, level: Level) -> tuple[Rule, ...]:
        """The rules of one level, in order."""
        return tuple(rule for rule in self.rules if rule.level == level)


def parse_suite(text: str, origin: str) -> Suite:
    """The suite written in `text` (JSON). `origin` names it in errors, e.g. ``property.json``.

    Raises:
        SuiteError: not JSON, a key twice, an unknown record type, an expectation type that is not listed here, a
            missing or unknown meta or argument, a column that records or summary do not have, a name used twice.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_repeats)
    except ValueError as error:
        raise SuiteError(f"{origin}: {error}") from error
    if not isinstance(document, dict) or document.get("name") not in get_args(RecordType):
        raise SuiteError(f"{origin}: `name` must be a record type: {', '.join(get_args(RecordType))}")
    record_type: RecordType = document["name"]
    entries = document.get("expectations")
    if not isinstance(entries, list) or not entries:
        raise SuiteError(f"{origin}: `expectations` must be a list with at least one rule")
    rules = tuple(_rule(entry, number, record_type, origin) for number, entry in enumerate(entries, 1))
    for rule in rules:
        if sum(other.name == rule.name for other in rules) > 1:
            raise SuiteError(f"{origin}: two rules are named {rule.name}; each needs its own name")
    return Suite(record_type, rules)


def bound_arguments(rule: Rule, parameters: Mapping[str, int | str]) -> dict[str, Any]:
    """The rule's arguments with the file's facts put in: ``{"$PARAMETER": name}`` in a bound, ``:name`` in a query.

    Raises KeyError for a parameter that `parameters` lacks: a defect of the caller, the names are `PARAMETERS`.
    """
    if rule.type == QUERY_TYPE:
        query = _QUERY_PARAMETER.sub(
            lambda found: _sql_literal(parameters[found[1]]), rule.kwargs["unexpected_rows_query"]
        )
        return {"unexpected_rows_query": query}
    return {
        name: parameters[value["$PARAMETER"]] if isinstance(value, Mapping) else value
        for name, value in rule.kwargs.items()
    }


def _sql_literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _without_repeats(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} stands twice in one object")
    return found


def _rule(entry: Any, number: int, record_type: RecordType, origin: str) -> Rule:
    """One expectation of the file, checked."""
    reader = _RuleReader(entry if isinstance(entry, dict) else {}, f"{origin}, rule {number}")
    meta = reader.meta()
    reader.where = f"{origin}, rule {meta['rule']}"
    types = ROW_TYPES if meta["level"] == "row" else BATCH_TYPES
    kind, kwargs = reader.arguments(types, meta["level"])
    columns = [kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs] or [meta["column"]]
    known = field_names(record_type) if meta["level"] == "row" else tuple(MEASURES)
    for column in columns:
        if column not in known:
            reader.refuse(
                f"there is no column {column!r} in {'the records' if meta['level'] == 'row' else 'a summary'}"
            )
    return Rule(meta["rule"], meta["level"], meta["severity"], meta["explain"], kind, kwargs, columns[0])


@dataclass(slots=True)
class _RuleReader:
    """Reads one expectation and refuses it where it stands (`where`)."""

    entry: dict[str, Any]
    where: str

    def refuse(self, problem: str) -> NoReturn:
        raise SuiteError(f"{self.where}: {problem}")

    def meta(self) -> dict[str, Any]:
        """The meta of ours: every key there, none unknown, each of its kind."""
        meta = self.entry.get("meta")
        if set(self.entry) != {"type", "kwargs", "meta"} or not isinstance(meta, dict):
            self.refuse("an expectation is an object with type, kwargs and meta, and nothing else")
        wanted = _META | {"column"} if self.entry["type"] == QUERY_TYPE else _META
        if isinstance(meta.get("rule"), str):
            self.where = f"{self.where} ({meta['rule']})"
        if missing := wanted - set(meta):
            self.refuse(f"meta lacks {', '.join(sorted(missing))}")
        if unknown := set(meta) - wanted:
            self.refuse(f"meta has unknown {', '.join(sorted(unknown))}")
        if not isinstance(meta["rule"], str) or not RULE_NAME.fullmatch(meta["rule"]):
            self.refuse("meta.rule must be a name in snake_case of at most 63 characters")
        for name, choices in (("level", get_args(Level)), ("severity", get_args(Severity))):
            if meta[name] not in choices:
                self.refuse(f"meta.{name} must be one of {', '.join(choices)}")
        if not isinstance(meta["explain"], str) or not meta["explain"].strip().endswith("."):
            self.refuse("meta.explain must say in a sentence what a failure means and what to do")
        return meta

    def arguments(
        self, types: Mapping[str, tuple[frozenset[str], frozenset[str]]], level: str
    ) -> tuple[str, dict[str, Any]]:
        """(type, kwargs), the type listed for this level and its arguments complete."""
        kind, kwargs = self.entry["type"], self.entry["kwargs"]
        if not isinstance(kind, str) or kind not in types:
            self.refuse(f"{kind!r} cannot be used for a {level} rule; known: {', '.join(types)}")
        if not isinstance(kwargs, dict):
            self.refuse("kwargs must be an object")
        needed, allowed = types[kind]
        if missing := needed - set(kwargs):
            self.refuse(f"{kind} lacks {', '.join(sorted(missing))}")
        if unknown := set(kwargs) - needed - allowed:
            self.refuse(f"{kind} does not take {', '.join(sorted(unknown))} here")
        if "min_value" in allowed and not {"min_value", "max_value"} & set(kwargs):
            self.refuse("a range needs min_value, max_value or both")
        if kwargs.get("ignore_row_if", "either_value_is_missing") != "either_value_is_missing":
            self.refuse("ignore_row_if must be either_value_is_missing: a missing value breaks no comparison")
        for name in self._parameters(kind, kwargs):
            if name not in PARAMETERS:
                self.refuse(f"unknown parameter {name!r}; known: {', '.join(PARAMETERS)}")
        return kind, kwargs

    def _parameters(self, kind: str, kwargs: Mapping[str, Any]) -> list[Any]:
        """Names of the facts of a file that the arguments refer to."""
        if kind != QUERY_TYPE:
            return [value.get("$PARAMETER") for value in kwargs.values() if isinstance(value, dict)]
        query = kwargs["unexpected_rows_query"]
        if not isinstance(query, str) or ";" in query or not _QUERY.fullmatch(query):
            self.refuse("the query must be one line: `select record_no, <the wrong value> from {batch} where ...`")
        return _QUERY_PARAMETER.findall(query)
