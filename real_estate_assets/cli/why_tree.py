"""The answer to `reos why` as a tree in the terminal: the value first, then where it came from, step by step.

Belongs here: order, indentation and colour. Does not belong here: the answer (`stores/warehouse/why.py`) and its words
(`core/provenance/wording.py`). Reads as well without colour and in 80 columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from real_estate_assets.core.provenance import wording
from real_estate_assets.core.provenance.explanation import Check, Evidence, Factor, Rival, Step, Why
from real_estate_assets.core.provenance.raw_record import RawRecord, excerpt

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

RAW_ROOM = 420  # characters of a record that are shown around the cells that fed the value
CHECKS_SHOWN = 6
OTHER_ROWS_SHOWN = 5
BANDS = {"solid": ("●", "green"), "mixed": ("◐", "yellow"), "weak": ("○", "red")}


def why_tree(answer: Why, run_link: Callable[[str], str | None] = lambda _: None) -> Tree:
    """The whole answer. run_link: the address of a run in Dagster's UI, None where it does not run."""
    from rich.tree import Tree

    tree = Tree(_header(answer), guide_style="dim")
    for one in answer.evidence:
        _add(tree, _source_title(one), _source(one, answer))
    if not answer.evidence:
        tree.add("no file stands behind this value")
    _add(tree, "what was done", [_steps(answer.steps)] if answer.steps else [])
    _add(tree, _trust_title(answer), [_factors(answer.factors)] if answer.factors else [])
    _add(tree, _checks_title(answer), _failed_checks(answer))
    _add(tree, "computed from", [_inputs(answer)] if answer.inputs else [])
    _add(tree, _rivals_title(answer), [_rivals(answer.rivals, answer.field)] if answer.rivals else [])
    _add(tree, "other rows of this property", _other_rows(answer))
    _add(tree, "put there by", _build(answer, run_link))
    return tree


def _add(tree: Tree, title: str | Text, parts: Sequence[RenderableType]) -> None:
    """A branch; none where there is nothing to say."""
    from rich.text import Text

    if parts:
        branch = tree.add(Text(title, "bold") if isinstance(title, str) else title)
        for part in parts:
            branch.add(part)


def _header(answer: Why) -> Group:
    from rich.console import Group
    from rich.text import Text

    peril = f"[{answer.key['peril']}]" if "peril" in answer.key else ""
    name = answer.field if answer.mart == "dim_properties" else f"{answer.mart}.{answer.field}{peril}"
    value = wording.shown_value(answer.value, answer.field)
    lines = [
        Text.assemble((name, "bold"), " = ", (value, "bold cyan" if answer.value is not None else "italic dim")),
        Text(wording.subject_line(answer), "dim"),
        _verdict(answer),
    ]
    if answer.value is None:
        lines.insert(1, Text(f"null because {wording.null_words(answer.null_reason)} ({answer.null_reason})"))
    return Group(*lines)


def _verdict(answer: Why) -> Text:
    from rich.text import Text

    if answer.trust is None:
        return Text(f"trust n/a: {wording.no_trust_words(answer)}")
    mark, colour = BANDS.get(answer.band or "", ("·", ""))
    return Text.assemble(
        "trust ",
        (f"{wording.shown_trust(answer.trust)} {mark} {answer.band or ''}", f"bold {colour}".strip()),
        f"  ({wording.prior_words(answer)})",
    )


def _source_title(one: Evidence) -> Text:
    from rich.text import Text

    if one.file is None:
        return Text("no file of its own", "bold")
    title = Text.assemble((wording.file_name(one.file), "bold"), f", {wording.record_place(one)}")
    return title.append("  RECALLED", "bold red") if one.is_recalled else title


def _source(one: Evidence, answer: Why) -> list[RenderableType]:
    from rich.text import Text

    parts: list[RenderableType] = []
    if one.file is not None:
        verified = ", bytes verified just now" if one.raw is not None and one.raw.is_verified else ""
        parts.append(Text(wording.file_facts(one.file)))
        parts.append(Text(f"sha256 {one.file.sha256}{verified}", "dim", overflow="fold"))
        if one.file.uri != wording.file_name(one.file):
            parts.append(Text(f"from {one.file.uri}", "dim", overflow="fold"))
    if one.is_recalled:
        parts.append(Text(f"taken back: {one.recall_reason or 'no reason is recorded'}", "red"))
    told = f"evidence {one.evidence_no}: {one.method}, code {one.code_version}. {one.method_description or ''}"
    parts.append(Text(told.rstrip()))
    if one.raw is not None:
        parts += _raw(one.raw, answer)
    for source in one.inputs:
        name = wording.file_name(source.file) if source.file else "no file"
        parts.append(Text(f"derived from evidence {source.evidence_no}: {source.method}, {name}"))
    return parts


def _raw(raw: RawRecord, answer: Why) -> list[RenderableType]:
    from rich.text import Text

    if raw.text is None:
        return [Text(f"the record itself cannot be shown: {raw.problem}", "yellow")]
    parts: list[RenderableType] = [
        Text.assemble("column ", (cell.column, "bold"), " = ", (_quoted(cell.text), "cyan")) for cell in raw.cells
    ]
    parts += [Text(f"column {column} is not in the record", "yellow") for column in raw.missing]
    if not raw.columns:
        parts.append(Text(wording.no_column_words(answer), "dim"))
    shown, marks, left_out = excerpt(raw, RAW_ROOM)
    text = Text(shown, "dim", overflow="fold")
    for start, end in marks:
        text.stylize("not dim bold reverse", start, end)
    if left_out:
        text.append(f"\n({left_out:,} more characters in the record)", "dim italic")
    return [*parts, text]


def _quoted(text: str) -> str:
    return f'"{text}"' if not text.startswith('"') else text


def _grid() -> Table:
    from rich.table import Table

    return Table.grid(padding=(0, 2, 0, 0))


def _steps(steps: Sequence[Step]) -> Table:
    table = _grid()
    for name in ("step", "at", "what"):
        table.add_column(name, overflow="fold")
    for one in steps:
        code = f"code {one.code_version}" if one.code_version else ""
        run = f"run {one.run_id[:8]}" if one.run_id else ""
        table.add_row(one.step, wording.moment(one.at), ", ".join(p for p in (one.what, code, run) if p))
    return table


def _trust_title(answer: Why) -> str:
    return f"trust {wording.shown_trust(answer.trust)}: {wording.trust_is(answer)} ({wording.versions(answer)})"


def _factors(factors: Sequence[Factor]) -> Table:
    table = _grid()
    table.add_column("factor", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("basis", style="dim")
    for one in factors:
        value = "n/a" if one.value is None else f"{one.value:.2f}"
        table.add_row(wording.factor_label(one.name), value, wording.factor_basis(one))
    return table


def _checks_title(answer: Why) -> str:
    counted = next(((e.checks_passed, e.checks_total) for e in answer.evidence if e.checks_total), None)
    file = f"{counted[0]} of {counted[1]} of the file passed" if counted else "none is recorded of the file"
    rows = [one for one in answer.checks if one.scope == "row"]
    record = f"{sum(one.passed is True for one in rows)} of {len(rows)} of the record" if rows else "none of the record"
    return f"checks: {file}, {record}"


def _failed_checks(answer: Why) -> list[RenderableType]:
    """Failed ones first and all of them; of the passed those about the record."""
    from rich.text import Text

    def line(mark: str, one: Check) -> str:
        said = wording.check_words(one)
        return f"{mark} {one.name}" + (f": {said}" if said else "")

    failed = [one for one in answer.checks if one.passed is False]
    passed = [one for one in answer.checks if one.passed is True and one.scope == "row"]
    lines: list[RenderableType] = [Text(line("✗", one), "yellow") for one in failed]
    lines += [Text(line("✓", one)) for one in passed[:CHECKS_SHOWN]]
    if len(passed) > CHECKS_SHOWN:
        lines.append(Text(f"… and {len(passed) - CHECKS_SHOWN} more passed", "dim"))
    if not passed and answer.evidence:
        lines.append(Text("no check of single records touches this field", "dim"))
    return lines


def _inputs(answer: Why) -> Table:
    table = _grid()
    for name in ("field", "value", "trust"):
        table.add_column(name, overflow="fold")
    for one in answer.inputs:
        name = wording.input_name(one, answer)
        table.add_row(name, wording.shown_value(one.value, one.field), f"trust {wording.shown_trust(one.trust)}")
    return table


def _rivals_title(answer: Why) -> str:
    count = len(answer.rivals)
    return f"{count} other {'record says' if count == 1 else 'records say'}"


def _rivals(rivals: Sequence[Rival], field: str) -> Table:
    table = _grid()
    table.add_column("value", no_wrap=True)
    table.add_column("source")
    for one in rivals:
        vintage = f"vintage {one.vintage}" if one.vintage else "vintage unknown"
        row = f"row {one.record_no:,}" if one.record_no is not None else ""
        place = ", ".join(part for part in (one.source_name, vintage, row) if part)
        lost = f"; not shown: {one.lost_because}" if one.lost_because else ""
        table.add_row(wording.shown_value(one.value, field), f"{place}, trust {wording.shown_trust(one.trust)}{lost}")
    return table


def _other_rows(answer: Why) -> list[RenderableType]:
    from rich.text import Text

    shown = [Text(wording.row_words(key) or str(key.get("peril", ""))) for key in answer.other_rows[:OTHER_ROWS_SHOWN]]
    more = len(answer.other_rows) - len(shown)
    return [*shown, Text(f"… and {more:,} more", "dim")] if more > 0 else [*shown]


def _build(answer: Why, run_link: Callable[[str], str | None]) -> list[RenderableType]:
    from rich.text import Text

    lines: list[RenderableType] = []
    if answer.build is not None:
        number = f"build {answer.build.build_no}" if answer.build.build_no is not None else "a build"
        lines.append(Text(f"{number}, published {wording.moment(answer.build.published_at)} UTC"))
    for run_id in answer.run_ids:
        lines.append(Text(f"run {run_link(run_id) or run_id}", overflow="fold"))
    return lines
