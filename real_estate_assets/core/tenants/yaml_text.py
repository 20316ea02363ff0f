"""YAML text as plain values, with the line of every one of them.

Belongs here: what is refused of YAML itself (aliases, tags, duplicate keys, depth, size). Does not belong here: any
word of the tenant's grammar. Numbers with a point become Decimal, so that no value passes through a float.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, DocumentStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from real_estate_assets.core.tenants.problems import Problem

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 20

Path = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"


@dataclass(slots=True)
class YamlText:
    """Values of a YAML text. `lines` gives the line (from 1) of each path; `problems` is what YAML itself got wrong."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, path: Path) -> int:
        """The line of a path, or of the nearest one above it that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(text: str) -> YamlText:
    """Reads YAML into plain dicts, lists, text, int, Decimal, bool and None. Never raises: faults are problems."""
    result = YamlText()
    if len(text) > MAX_CHARACTERS:
        result.problems.append(Problem(1, "", f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read"))
        return result
    try:
        if _is_plain(text, result):
            node = YAML(typ="safe", pure=True).compose(text)
            if node is not None:
                result.data = _value(node, (), result)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context or "is not YAML").split())
        result.problems.append(Problem(mark.line + 1 if mark else 1, "", f"is not valid YAML: {what}"))
    except (YAMLError, ValueError, RecursionError) as error:
        result.problems.append(Problem(1, "", f"is not valid YAML: {' '.join(str(error).split())[:200]}"))
    return result


def _is_plain(text: str, result: YamlText) -> bool:
    """Refuses aliases and anchors (a few lines of them unfold to gigabytes) and a second document."""
    documents = depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        line = event.start_mark.line + 1
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        documents += isinstance(event, DocumentStartEvent)
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            result.problems.append(Problem(line, "", "anchors and aliases (& and *) are not allowed; write it out"))
            return False
        if depth > MAX_DEPTH or documents > 1:
            why = "is nested too deeply" if depth > MAX_DEPTH else "has a second document; one file is one tenant"
            result.problems.append(Problem(line, "", why))
            return False
    return True


def _value(node: Node, path: Path, result: YamlText) -> Any:
    result.lines.setdefault(path, node.start_mark.line + 1)
    if not isinstance(node, ScalarNode) and node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
        result.problems.append(Problem(node.start_mark.line + 1, where(path), f"the tag '{node.tag}' is not allowed"))
        return None
    if isinstance(node, MappingNode):
        return _mapping(node, path, result)
    if isinstance(node, SequenceNode):
        return [_value(child, (*path, i), result) for i, child in enumerate(node.value)]
    return _scalar(node, path, result)


def _mapping(node: MappingNode, path: Path, result: YamlText) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            result.problems.append(Problem(line, where(path), "a key must be one word"))
            continue
        key = str(key_node.value)
        if key in values:
            first = result.lines[(*path, key)]
            result.problems.append(Problem(line, where(path), f"'{key}' stands twice (first in line {first})"))
            continue
        result.lines[(*path, key)] = line
        values[key] = _value(value_node, (*path, key), result)
    return values


def _scalar(node: Node, path: Path, result: YamlText) -> Any:
    text, tag = str(node.value), str(node.tag).removeprefix(_TAG)
    if tag in ("str", "timestamp"):
        return text
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag in ("int", "float"):
        return _number(text, tag)
    result.problems.append(Problem(node.start_mark.line + 1, where(path), f"the tag '{node.tag}' is not allowed"))
    return None


def _number(text: str, tag: str) -> Any:
    """A number exactly as written; what is no plain decimal number (0x1F, .inf, 01001) stays text."""
    plain = text.lstrip("+-")
    if tag == "int":
        return int(text) if plain.isdigit() and (plain == "0" or not plain.startswith("0")) else text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


def where(path: Path) -> str:
    """A path in words: `sources[0].columns.sale_date`."""
    words = ""
    for step in path:
        words += f"[{step}]" if isinstance(step, int) else (f".{step}" if words else step)
    return words
