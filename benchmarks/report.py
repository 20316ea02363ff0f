"""What `make bench` and `make gates` print and write.

Belongs here: the two tables, the JSON files and the verdict. Does not belong here: how anything is measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
Line = Mapping[str, Any]
REMARK_LENGTH = 110
NOT_RUN = "not run"


def selected(name: str, only: str) -> bool:
    """Whether a line of this name was asked for: `only` is how names begin, empty for all."""
    return name.startswith(only)


def may_hold(prefix: str, only: str) -> bool:
    """Whether lines whose names begin with `prefix` may be among those asked for."""
    return prefix.startswith(only) or only.startswith(prefix)


def printer() -> Console:
    """Where tables go. A pipe has no width of its own: wide enough there that no name is broken."""
    console = Console()
    return console if console.is_terminal else Console(width=180)


def conclude(lines: Sequence[Line], file: Path, *, console: Console | None = None) -> int:
    """Write the lines to a JSON file, print them as a table with a verdict, and return the exit code.

    The exit code is 1 when a must does not hold, 2 when there is no line at all: a misspelt prefix is no success.
    """
    console = console or printer()
    if not lines:
        console.print("No line has such a name; `ONLY=spine` is everything there is.")
        return 2
    file.write_text(json.dumps(list(lines), indent=1) + "\n", encoding="utf-8")
    console.print(table(lines))
    failed = [line["name"] for line in lines if not line["holds"]]
    short = [line["name"] for line in lines if line["holds"] and not line["reached"] and not was_not_run(line)]
    console.print(f"\n{len(lines)} lines, {len(failed)} that must hold do not; written to {file.name}")
    if failed:
        console.print(Text("Does not hold: " + ", ".join(failed), style="red"))
    if short:
        console.print(Text("Holds, goal not reached: " + ", ".join(short), style="yellow"))
    return 1 if failed else 0


def table(lines: Sequence[Line]) -> Table:
    """One row a line. Columns that no line fills are left out."""
    columns: list[tuple[str, Literal["left", "right"], Callable[[Line], str | Text]]] = [
        ("name", "left", lambda line: line["name"]),
        ("value", "right", lambda line: _number(line["value"])),
        ("unit", "left", lambda line: line.get("unit", "")),
        ("ratio", "right", lambda line: _number(line.get("ratio"))),
        ("must", "right", lambda line: line["must"] or ""),
        ("goal", "right", lambda line: line["goal"] or ""),
        ("", "left", _verdict),
        ("load", "right", lambda line: f"{line['load']:.1f}" if "load" in line else ""),
        ("beside, and what to know", "left", _remarks),
    ]
    made = Table(box=None, header_style="bold", pad_edge=False)
    filled = [(name, side, cell) for name, side, cell in columns if any(str(cell(line)) for line in lines)]
    for name, side, _ in filled:
        made.add_column(name, justify=side, overflow="fold")
    for line in lines:
        made.add_row(*(cell(line) for _, _, cell in filled))
    return made


def _number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.3g}"


def was_not_run(line: Line) -> bool:
    """Whether a line stands for something that could not be looked at here: its value or its note says so."""
    return str(line["value"]).startswith(NOT_RUN) or (line["value"] is None and line["note"].startswith(NOT_RUN))


def _verdict(line: Line) -> Text:
    if was_not_run(line):
        return Text("not run", style="yellow")
    if not line["holds"]:
        return Text("MISSED", style="bold red")
    return Text("ok", style="green") if line["reached"] else Text("short of goal", style="yellow")


def _remarks(line: Line) -> str:
    """The whole of it stands in the JSON file; a table with long cells is read by nobody."""
    text = "; ".join(text for text in (line.get("peer", ""), line.get("note", "")) if text)
    return text if len(text) <= REMARK_LENGTH else text[: REMARK_LENGTH - 1] + "…"
