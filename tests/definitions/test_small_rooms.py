"""Modules under 300 lines, functions under 40, definitions.py under 60, and a docstring that says what belongs here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_estate_assets.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "real_estate_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES, FUNCTION_LINES, DEFINITIONS_LINES = 300, 40, 60
SPARE_NAMES = {"utils", "helpers", "common", "misc", "util", "helper"}
# Docstrings are counted apart: a public function's shapes, units and errors may take their lines.
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _body_lines(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_is_a_small_room(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < MODULE_LINES
    assert path.stem not in SPARE_NAMES
    tree = ast.parse(text)
    long = {f.name: _body_lines(f) for f in _functions(tree) if _body_lines(f) >= FUNCTION_LINES}
    assert long == {}
    assert ast.get_docstring(tree) or not text.strip(), "a module says what belongs in it"


def test_definitions_only_gather() -> None:
    assert len((PACKAGE / "definitions.py").read_text().splitlines()) < DEFINITIONS_LINES


def test_the_measure_measures() -> None:
    code = "def f():\n    '''one\n    two'''\n" + "    x = 1\n" * 10
    assert _body_lines(next(_functions(ast.parse(code)))) == 11
