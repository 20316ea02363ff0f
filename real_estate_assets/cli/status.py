"""`reos status`: how every tenant stands. Belongs here: the table, and the same as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from real_estate_assets.stores.warehouse.summary import TenantSummary


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
    """One line a tenant, then what is failing."""
    from rich.table import Table
    from rich.text import Text

    if not summaries:
        console.print("No tenant yet. `reos tenant add FILE` registers one; `reos demo` brings three.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("tenant")
    for name in (
        "files",
        "rows in",
        "quarantined",
        "properties",
        "assessments",
        "sales",
        "hazards",
        "unknown",
        "owners",
        "changes",
        "checks",
    ):
        table.add_column(name, justify="right")
    table.add_column("published")
    for one in summaries:
        marts = one.mart_rows
        table.add_row(
            one.tenant_id,
            *(
                _number(n)
                for n in (one.files, one.rows_in, one.quarantined, marts["dim_properties"], marts["fct_assessments"])
            ),
            *(
                _number(n)
                for n in (marts["fct_sales"], marts["fct_property_hazards"], one.unknown_hazards, marts["dim_owners"])
            ),
            _number(marts["fct_changes"]),
            f"{one.checks_passed} passed" + (f", {one.checks_failed} failed" if one.checks_failed else ""),
            one.published_at.strftime("%Y-%m-%d %H:%M") if one.published_at else "not yet",
        )
    console.print(table)
    for one in summaries:
        for stage, error in one.failing.items():
            console.print(Text(f"{one.tenant_id}, {stage}: ", style="red") + Text(error))


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _json(summaries: Sequence[TenantSummary]) -> str:
    import dataclasses

    import orjson

    return orjson.dumps([dataclasses.asdict(one) for one in summaries], option=orjson.OPT_INDENT_2).decode()
