"""A tenant's YAML text as a TenantFile, or every one of its faults with file, line and the nearest allowed word.

Belongs here: turning faults of YAML, of the grammar and of the map into problems that a person can mend.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from real_estate_assets.core.tenants.compatibility import field_problems, layout_problems
from real_estate_assets.core.tenants.expressions import EXPRESSION_KINDS, AnyExpression, Unit
from real_estate_assets.core.tenants.model import Source, SourceFileEntry, TenantFile
from real_estate_assets.core.tenants.problems import Problem, TenantFileError, nearest
from real_estate_assets.core.tenants.yaml_text import Path, YamlText, read_yaml, where


def parse_tenant_file(text: str, *, name: str) -> TenantFile:
    """Reads a tenant's description. `name` is the file's name, for messages.

    Raises TenantFileError with all problems, each with its line.
    """
    yaml = read_yaml(text)
    problems = list(yaml.problems)
    if not isinstance(yaml.data, dict):
        if not problems:
            problems.append(Problem(1, "", "is empty or no mapping; it must start with 'tenant: <slug>'"))
        raise TenantFileError(name, problems)
    try:
        tenant = TenantFile.model_validate(yaml.data)
    except ValidationError as error:
        problems += [_problem(d, yaml) for d in error.errors(include_url=False) if not _is_echo(d)]
        problems += _map_problems_of_broken(yaml)
        raise TenantFileError(name, problems) from None
    for i, source in enumerate(tenant.sources):
        problems += _source_problems(tenant, i, source, yaml)
    if problems:
        raise TenantFileError(name, problems)
    return tenant


def _source_problems(tenant: TenantFile, i: int, source: Source, yaml: YamlText) -> Iterator[Problem]:
    path: Path = ("sources", i)
    yield from _columns_problems((*path, "columns"), source, source.columns, yaml)
    for j, file in enumerate(source.files):
        file_path: Path = (*path, "files", j)
        yield from _columns_problems((*file_path, "columns"), source, file.columns, yaml)
        for message in layout_problems(source.layout(file), tenant.county_fips):
            yield Problem(yaml.line_of(file_path), where(file_path), message)


def _columns_problems(
    path: Path, source: Source, columns: Mapping[str, AnyExpression | None], yaml: YamlText
) -> Iterator[Problem]:
    for field, expression in columns.items():
        if expression is None:
            continue
        for message in field_problems(source.record_type, field, expression):
            yield Problem(yaml.line_of((*path, field)), where((*path, field)), message)


def _map_problems_of_broken(yaml: YamlText) -> Iterator[Problem]:
    """Faults of the maps of those sources that are well-formed, although another part of the file is not."""
    sources = yaml.data.get("sources")
    for i, data in enumerate(sources if isinstance(sources, list) else []):
        try:
            source = Source.model_validate(data)
        except ValidationError:
            continue
        yield from _columns_problems(("sources", i, "columns"), source, source.columns, yaml)
        for j, file in enumerate(source.files):
            yield from _columns_problems(("sources", i, "files", j, "columns"), source, file.columns, yaml)


def _is_echo(details: ErrorDetails) -> bool:
    """Whether pydantic calls a list too short only because its items, which it also reports, are faulty."""
    return details["type"] == "too_short" and bool(details.get("input"))


def _problem(details: ErrorDetails, yaml: YamlText) -> Problem:
    path = _path_in(yaml.data, _without_branches(details["loc"]))
    if details["type"] == "missing":
        path = (*path, str(details["loc"][-1]))
    return Problem(yaml.line_of(path), where(path), _message(details, path))


def _without_branches(loc: Path) -> Path:
    """Pydantic's location without the kind of expression, which it names after a field and after a part of `first`."""
    kept: list[str | int] = []
    for i, step in enumerate(loc):
        is_branch = i >= 2 and loc[i - 2] in ("columns", "first") and step in EXPRESSION_KINDS
        if not is_branch:
            kept.append(step)
    return tuple(kept)


def _path_in(data: Any, loc: Path) -> Path:
    """The part of a location that exists in the file."""
    path: list[str | int] = []
    for step in loc:
        present = isinstance(data, Mapping) and step in data
        listed = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if present or listed:
            path.append(step)
            data = data[step]
    return tuple(path)


def _message(details: ErrorDetails, path: Path) -> str:
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    word = str(details["loc"][-1]) if details["loc"] else ""
    if kind == "extra_forbidden":
        return f"'{word}' is not a word of this place; {nearest(word, _words_of(details['loc']))}"
    if kind == "missing":
        return "is missing"
    if kind == "too_short":
        return "must not be empty"
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"'{value}' is not allowed; {nearest(str(value), allowed)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "expression_kind":
        return _expression_message(value)
    if kind == "string_type":
        return "must be text; put it between quotes" if value is not None else "must not be empty"
    if kind == "string_pattern_mismatch":
        return f"'{value}' does not have the form {context['pattern']}"
    return str(details["msg"])[:1].lower() + str(details["msg"])[1:]


def _expression_message(value: Any) -> str:
    if isinstance(value, Mapping):
        leading = [word for word in value if word in EXPRESSION_KINDS]
        if len(leading) > 1:
            return f"has {' and '.join(leading)}; an expression has one of {', '.join(EXPRESSION_KINDS)}"
        for word in value:
            return f"'{word}' does not start an expression; {nearest(str(word), EXPRESSION_KINDS)}"
    return f"must be a column's name or a mapping with one of {', '.join(EXPRESSION_KINDS)}"


def _words_of(loc: Path) -> list[str]:
    """The words allowed beside the unknown one at `loc`."""
    model: type[BaseModel] = TenantFile
    for i, step in enumerate(loc[:-1]):
        if step in EXPRESSION_KINDS and i >= 2 and loc[i - 2] in ("columns", "first"):
            model = EXPRESSION_KINDS[str(step)]
        elif step == "unit":
            model = Unit
        elif step == "sources":
            model = Source
        elif step == "files":
            model = SourceFileEntry
    return [info.alias or name for name, info in model.model_fields.items()]
