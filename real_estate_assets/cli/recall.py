"""`reos recall FILE`: take a file back, or give it back, and say at once what rests on it.

Belongs here: what the command asks and prints. Does not belong here: which file is meant and the rows that mark it
(`stores/warehouse/recall.py`), and the rebuild (`reos materialize`, or the daemon within the hour).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from real_estate_assets.stores.warehouse.recall import Impact, KnownFile, Recall

WAYS = {"direct": "its own records", "evidence_input": "derived evidence", "derived": "computed from such cells"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(recall)


def recall(
    file: Annotated[
        str | None,
        typer.Argument(
            help="A sha256 or its first 8 digits, a source, layer or file name, or (with --tenant) a number."
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it is taken back, for whoever asks later.")] = "",
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only files of this tenant.")] = None,
    restore: Annotated[bool, typer.Option("--restore", help="Give back what was recalled.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="Every recall so far, restored ones too.")] = False,
    by: Annotated[str, typer.Option(help="Who says so; by default the user of the operating system.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs; needs --yes to recall.")] = False,
) -> None:
    """Take a file back: the trust of every cell that rests on it reads 0 at once, until it is restored.

    What rests on it is listed: its own cells, evidence derived from it, fields computed from such cells; for a public
    file those of every tenant. The next `reos materialize` rebuilds those tenants from the next best source.
    """
    from rich.console import Console

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.stores.warehouse import recall as store

    warehouse = open_warehouse()
    if show_list:
        _print_recalls(Console(highlight=False), store.recalls(warehouse, tenant), as_json=as_json)
        return
    _check(file, reason=reason, restore=restore, yes=yes, as_json=as_json)
    found = store.find_file(warehouse, str(file), tenant)
    impact = store.impact(warehouse, found)
    console = Console(highlight=False)
    if not as_json:
        _print_impact(console, found, impact, restore=restore)
    if restore:
        store.restore(warehouse, found, by=by or _user())
    elif yes or typer.confirm("Take it back?", abort=True):
        store.mark(warehouse, found, reason=reason, by=by or _user())
    _print_done(console, found, impact, restore=restore, as_json=as_json)


def _print_done(console: Console, file: KnownFile, impact: Sequence[Impact], *, restore: bool, as_json: bool) -> None:
    if as_json:
        _print_json({"restored" if restore else "recalled": _file(file), "impact": [_impact(one) for one in impact]})
    else:
        console.print(_next(impact, restore=restore))


def _check(file: str | None, *, reason: str, restore: bool, yes: bool, as_json: bool) -> None:
    """Raises typer.BadParameter for a command line that says too little."""
    if file is None:
        raise typer.BadParameter("which file? `--list` shows what was recalled so far")
    if not restore and len(reason.strip()) < 3:
        raise typer.BadParameter("a recall needs --reason that somebody else can understand")
    if as_json and not yes and not restore:
        raise typer.BadParameter("--json cannot ask first: add --yes")


def _user() -> str:
    import os
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without an entry
        return f"uid {os.geteuid()}"


def _print_impact(console: Console, file: KnownFile, impact: Sequence[Impact], *, restore: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(Text(str(file), style="bold"))
    if not impact:
        console.print("No published cell rests on it.")
        return
    console.print("These cells count again:" if restore else "These cells rest on it; their trust will read 0:")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("tenant", "mart", "group", "by way of"):
        table.add_column(name)
    table.add_column("cells", justify="right")
    _add_rows(table, impact)
    console.print(table)


def _add_rows(table: Table, impact: Sequence[Impact]) -> None:
    for one in impact:
        table.add_row(one.tenant_id, one.mart, one.field_group, WAYS[one.way], f"{one.cells:,}")
    table.add_row("", "", "", "all", f"{sum(one.cells for one in impact):,}", style="bold")


def _next(impact: Sequence[Impact], *, restore: bool) -> str:
    tenants = sorted({one.tenant_id for one in impact})
    done = "Restored." if restore else "Recalled: their trust reads 0 from now on."
    if not tenants and not restore:
        return done
    whose = ", ".join(tenants) if tenants else "the tenants concerned"
    source = "with it again" if restore else "from the next best source"
    return f"{done} `reos materialize` rebuilds {whose} {source}; the daemon does so within the hour."


def _print_recalls(console: Console, recalls: Sequence[Recall], *, as_json: bool) -> None:
    if as_json:
        _print_json([_recall(one) for one in recalls])
        return
    if not recalls:
        console.print("No file was ever recalled.")
    for one in recalls:
        console.print(f"\n{one.file}", style="bold", markup=False)
        console.print(f"  recalled {one.recalled_at:%Y-%m-%d %H:%M} by {one.recalled_by}: {one.reason}", markup=False)
        if one.restored_at is not None:
            console.print(f"  restored {one.restored_at:%Y-%m-%d %H:%M} by {one.restored_by}", markup=False)


def _file(one: KnownFile) -> dict[str, Any]:
    return {
        "tenant_id": one.tenant_id, "file_no": one.file_no, "sha256": one.sha256, "name": one.name, "uri": one.uri,
        "vintage": one.vintage,
    }  # fmt: skip


def _impact(one: Impact) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(one)


def _recall(one: Recall) -> dict[str, Any]:
    return {
        **_file(one.file), "recalled_at": one.recalled_at, "reason": one.reason, "recalled_by": one.recalled_by,
        "restored_at": one.restored_at, "restored_by": one.restored_by,
    }  # fmt: skip


def _print_json(value: Any) -> None:
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
