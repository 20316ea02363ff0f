"""The data tests of the marts as checks of single cells: a mart that fails one is not published, so its cells passed.

Belongs here: which fields a test of `dbt_project/models/marts/*.yml` touches. Does not belong here: running a test
(dbt), the gate's rules (`gate_checks.py`), and tests that judge a column as a whole (a share of nulls, a key).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from real_estate_assets.core.provenance.gate_checks import GateCheck

# Tests that hold every single row against a rule.
ROW_TESTS = frozenset({"accepted_values", "in_range", "agrees_with", "tenant_relationships"})
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


def mart_checks(documents: Iterable[Mapping[str, Any]]) -> Iterator[GateCheck]:
    """The row tests of severity error, in the order of the marts. documents: the parsed YAML files of the marts.

    A check is kept by the names of its fields alone, so a field that several marts show counts as tested only where
    each of them tests it.
    """
    models = [model for document in documents for model in document.get("models", ())]
    shown: dict[str, set[str]] = defaultdict(set)
    for model in models:
        for column in model["columns"]:
            shown[column["name"]].add(model["name"])
    found = [(model["name"], check) for model in models for check in _of_model(model)]
    tested: dict[str, set[str]] = defaultdict(set)
    for mart, check in found:
        for field in check.fields:
            tested[field].add(mart)
    for _, check in found:
        fields = tuple(field for field in check.fields if tested[field] == shown[field])
        if fields:
            yield check._replace(fields=fields)


def _of_model(model: Mapping[str, Any]) -> Iterator[GateCheck]:
    columns = [column["name"] for column in model["columns"]]
    for test in model.get("data_tests", ()):
        yield from _check(test, None, columns)
    for column in model["columns"]:
        for test in column.get("data_tests", ()):
            yield from _check(test, column["name"], columns)


def _check(test: Mapping[str, Mapping[str, Any]], column: str | None, columns: Iterable[str]) -> Iterator[GateCheck]:
    (kind, said), *_ = test.items()
    if kind not in ROW_TESTS or said.get("config", {}).get("severity", "error") != "error":
        return
    arguments = said.get("arguments", {})
    words = {column, *_WORD.findall(str(arguments.get("rule", "")))}
    fields = tuple(name for name in columns if name in words)
    detail = ", ".join(f"{name} {value}" for name, value in arguments.items())
    yield GateCheck(f"mart.{said['name']}", f"dbt test {kind}: {detail}", fields)
