"""`reos quarantine TENANT`: which records were rejected, by which rule, where they stand, and what to do.

Belongs here: what the command prints. Does not belong here: rules (`expectations/`) and statements
(`stores/warehouse/quarantine.py`). It reads as the app role of that tenant, so it can show nobody else's records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.quarantine import FileAccount, NulledCells, RejectedBy, RejectedRecord

STAGES = {"read": "while reading", "gate": "at the gate", "identity": "when identified"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(quarantine)


def quarantine(
    tenant: Annotated[str, typer.Argument(help="The tenant, as `reos tenant list` shows it.")],
    rule: Annotated[
        str | None, typer.Option(help="List the records that this rule rejected, with their values.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many records --rule lists.")] = 20,
    cells: Annotated[bool, typer.Option("--cells", help="List cells made null in records that were accepted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show what of a tenant's files is in quarantine: by file and rule, how many, where, and what to do about it.

    Records are counted from 0: row 17 of a CSV file is its 18th record, below the header.
    """
    from rich.console import Console

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.stores.warehouse.tenants import get_tenant

    warehouse = open_warehouse()
    get_tenant(warehouse, tenant)
    found = _found(warehouse, tenant, rule=rule, limit=limit, cells=cells)
    if as_json:
        import orjson

        typer.echo(orjson.dumps({"tenant": tenant, **found}, default=asdict, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(highlight=False)
    for block in _blocks(tenant, rule, found):
        console.print(block)


def _found(warehouse: Warehouse, tenant: str, *, rule: str | None, limit: int, cells: bool) -> dict[str, Any]:
    """What the options ask for, under the names that --json shows."""
    from real_estate_assets.stores.warehouse import quarantine as store

    found: dict[str, Any] = {
        "files": [_file(one) for one in store.file_accounts(warehouse, tenant)],
        "rules": store.rejected_by_rule(warehouse, tenant, rule=rule),
    }
    if rule is not None:
        found["records"] = store.rejected_records(warehouse, tenant, rule, limit=limit)
    if cells:
        found["cells"] = store.nulled_cells(warehouse, tenant)
    return found


def _file(one: FileAccount) -> dict[str, Any]:
    return {"file_no": one.file_no, "uri": one.uri, "vintage": one.vintage, **one.account._asdict()}


def _blocks(tenant: str, rule: str | None, found: dict[str, Any]) -> Iterator[RenderableType]:
    """The pieces of the report, in order."""
    if rule is not None:
        yield from _record_blocks(rule, found["rules"], found["records"])
        return
    if not found["files"]:
        yield f"No file of {tenant} was read yet. `reos materialize --tenant {tenant}` reads them."
    for file in found["files"]:
        yield from _file_blocks(file, [one for one in found["rules"] if one.file_no == file["file_no"]])
        if "cells" in found:
            yield from _cell_blocks([one for one in found["cells"] if one.file_no == file["file_no"]])
    if found["rules"]:
        yield f"\nNext: `reos quarantine {tenant} --rule RULE` lists the records of one rule with their values."


def _file_blocks(file: dict[str, Any], rules: Sequence[RejectedBy]) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    counts = f"{file['rows_in']:,} rows in, {file['accepted']:,} accepted, {file['quarantined']:,} quarantined"
    name = PurePosixPath(file["uri"].split("?", 1)[0]).name
    yield Text.assemble("\n", (name, "bold"), f"  vintage {file['vintage']}  ", (counts, "dim" if not rules else ""))
    for one in rules:
        share = f"{one.records:,} row{'' if one.records == 1 else 's'} {STAGES[one.stage]}"
        more = "…" if one.records > len(one.samples) else ""
        yield Padding(Text.assemble((one.rule, "yellow"), f"  {share}"), (0, 0, 0, 2))
        yield Padding(Text(f"{_places(one.samples)}{more}\n{one.message}"), (0, 0, 0, 4))


def _cell_blocks(cells: Sequence[NulledCells]) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    for one in cells:
        more = "…" if one.cells > len(one.samples) else ""
        cause = "outside its bounds" if one.reason == "out_of_bounds" else "not parseable"
        told = f"  {one.cells:,} cell{'' if one.cells == 1 else 's'} made null, {cause}: {_places(one.samples)}{more}"
        yield Padding(Text.assemble((one.column_name, "cyan"), told), (0, 0, 0, 2))


def _record_blocks(
    rule: str, rules: Sequence[RejectedBy], records: Sequence[RejectedRecord]
) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    if not rules:
        yield f"No record is quarantined by a rule named {rule}."
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("record", "column", "value"):
        table.add_column(name)
    for one in records:
        table.add_row(one.locator, one.column_name, Text("null", "dim") if one.value is None else Text(one.value))
    yield table
    total = sum(one.records for one in rules)
    yield Text(f"\n{len(records):,} of {total:,} records. {rules[0].message}")


def _places(samples: Sequence[str]) -> str:
    """Locators of one file, its name said once: 'row 3, row 17'."""
    return ", ".join(" ".join(sample.rsplit(" ", 2)[1:]) for sample in samples)
