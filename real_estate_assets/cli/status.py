"""`reos status`: how every tenant stands.

Belongs here: the tables that a person reads, and everything as JSON for programs. Does not belong here: the numbers
(`stores/warehouse/summary.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from real_estate_assets.stores.warehouse.summary import TenantSummary

# Column -> mart whose rows it counts. Hazards stand last, beside how many of them are unknown.
MARTS = {
    "properties": "dim_properties",
    "assessments": "fct_assessments",
    "sales": "fct_sales",
    "owners": "dim_owners",
    "changes": "fct_changes",
    "hazards": "fct_property_hazards",
}
ROOMY = 100  # columns of a terminal in which numbers need not stand close together


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False) -> None:
    """Show every tenant: files, rows, quarantine, marts, checks, and what is failing and why.

    The exit code is 1 when any tenant's latest run of a stage failed.
    """
    from rich.console import Console

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.stores.warehouse.summary import summarize
    from real_estate_assets.stores.warehouse.tenants import list_tenants

    warehouse = open_warehouse()
    summaries = [summarize(warehouse, tenant.tenant_id) for tenant in list_tenants(warehouse)]
    if as_json:
        typer.echo(_json(summaries))
    else:
        print_summaries(Console(), summaries)
    if any(summary.failing for summary in summaries):
        raise typer.Exit(1)


def print_summaries(console: Console, summaries: Sequence[TenantSummary]) -> None:
    """What came in and what was published, a line a tenant each, then what is failing. Fits 80 columns."""
    from rich.text import Text

    if not summaries:
        console.print("No tenant yet. `reos tenant add FILE` registers one; `reos demo` brings three.")
        return
    _print_table(console, ("files", "rows in", "quarantined", "checks", "published"), summaries, _deliveries)
    console.print()
    _print_table(console, (*MARTS, "unknown"), summaries, _marts)
    for one in summaries:
        for stage, error in _told(one.failing).items():
            console.print(Text(f"\n{one.tenant_id}, {stage}: ", style="red") + Text(error))
        if one.recall_changes:
            told = f"{', '.join(one.recall_changes)}; `reos materialize` rebuilds its marts"
            console.print(Text(f"\n{one.tenant_id} is out of date: ", style="yellow") + Text(told))


def _print_table(
    console: Console,
    headers: Sequence[str],
    summaries: Sequence[TenantSummary],
    cells: Callable[[TenantSummary], Sequence[str]],
) -> None:
    """A table whose numbers stay whole: where room is short, long names of tenants are folded."""
    from rich.table import Table

    gap = 1 if console.width < ROOMY else 3
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    table.add_column("tenant", overflow="fold")
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    for one in summaries:
        table.add_row(one.tenant_id, *cells(one))
    console.print(table)


def _deliveries(one: TenantSummary) -> tuple[str, ...]:
    checks = one.checks_passed + one.checks_failed
    verdict = f"{one.checks_failed:,} of {checks:,} failed" if one.checks_failed else f"{checks:,} passed"
    published = one.published_at.strftime("%Y-%m-%d %H:%M") if one.published_at else "not yet"
    return (*map(_number, (one.files, one.rows_in, one.quarantined)), verdict, published)


def _marts(one: TenantSummary) -> tuple[str, ...]:
    return (*(_number(one.mart_rows[mart]) for mart in MARTS.values()), _number(one.unknown_hazards))


def _told(failing: Mapping[str, str]) -> dict[str, str]:
    """What a person has to read: the warehouse stage repeats why its publication was refused."""
    return {stage: error for stage, error in failing.items() if stage != "publish" or "warehouse" not in failing}


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _json(summaries: Sequence[TenantSummary]) -> str:
    import dataclasses

    import orjson

    return orjson.dumps([dataclasses.asdict(one) for one in summaries], option=orjson.OPT_INDENT_2).decode()
