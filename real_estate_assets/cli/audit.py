"""`reos audit`: have the independent auditor open the files again and compare what it derives with the marts.

Belongs here: what the command asks and prints. Does not belong here: the audit (`auditor/`), how it is given its login
and its files (`defs/trust/auditing.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from auditor import Summary, TenantAudit, Verdict
    from real_estate_assets.defs.trust.auditing import ComparedFigure

SHOWN = 20  # findings of a tenant on the terminal; all of them stand in prov.audit_cell


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant; otherwise all.")] = None,
    cells: Annotated[int, typer.Option(min=1, help="How many cells, over all tenants together.")] = 3000,
    seed: Annotated[str, typer.Option(help="Decides which cells; today's date without it.")] = "",
    trust: Annotated[bool, typer.Option("--trust", help="Compute the overall trust figures a second time.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Check cells against the files themselves, with a second program that shares nothing with the platform.

    For each cell drawn: the file's fingerprint, the record at the recorded place and whose it is, the method, and the
    value derived once more. Verdicts are stored. The exit code is 1 when a cell is wrong, or could not be audited.
    """
    from rich.console import Console

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.defs.trust.auditing import run_audit
    from real_estate_assets.settings import get_settings

    console = Console(highlight=False)
    tenants = _tenants(tenant)
    if trust:
        _trust(console, tenants, as_json=as_json)
        return
    told = (
        (lambda _: None) if as_json else (lambda name: Console(stderr=True).print(f"auditing {name} ...", style="dim"))
    )
    summary = run_audit(
        get_settings(), tenants, seed=seed or _today(), cells=cells, warehouse=open_warehouse(), progress=told
    )
    if as_json:
        typer.echo(_json(summary))
    else:
        print_summary(console, summary)
    if not summary.is_clean:
        raise typer.Exit(1)


def _tenants(only: str | None) -> list[str]:
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.stores.warehouse.tenants import list_tenants

    known = [one.tenant_id for one in list_tenants(open_warehouse())]
    if only is not None and only not in known:
        raise typer.BadParameter(f"no tenant {only!r}; there are: {', '.join(known) or 'none'}")
    if not known:
        raise typer.BadParameter("there is no tenant yet. `reos tenant add FILE` registers one")
    return [only] if only else known


def _today() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()


def print_summary(console: Console, summary: Summary) -> None:
    """A table a tenant, each finding, and what the count means."""
    console.print(f"seed [bold]{summary.seed}[/bold], auditor {summary.auditor_sha256[:12]}")
    for tenant in summary.tenants:
        _print_tenant(console, tenant)
    console.print(f"\n{summary.bound}.", style="bold red" if not summary.is_clean else "bold green")
    skipped = summary.count("not_audited")
    if skipped:
        console.print(f"{skipped:,} cells could not be audited: they count as not passed.", style="yellow")


def _print_tenant(console: Console, tenant: TenantAudit) -> None:
    from rich.table import Table

    number = f", audit {tenant.audit_no}" if tenant.audit_no is not None else ""
    console.print(f"\n[bold]{tenant.tenant_id}[/bold]{number}, {tenant.seconds:.0f} s")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("method")
    table.add_column("field group")
    for name in ("cells", "matched", "mismatched", "not audited"):
        table.add_column(name, justify="right")
    for one in tenant.tallies:
        counts = (one.cells, one.matched, one.mismatched, one.not_audited)
        style = "red" if one.mismatched else "yellow" if one.not_audited else None
        table.add_row(one.method, one.field_group, *(f"{count:,}" for count in counts), style=style)
    console.print(table)
    findings = tenant.findings
    for finding in findings[:SHOWN]:
        console.print(_finding(finding))
    if len(findings) > SHOWN:
        console.print(f"... and {len(findings) - SHOWN:,} more, in prov.audit_cell", style="dim")


def _finding(one: Verdict) -> Text:
    """A finding as a person reads it: which cell, what is wrong, both values, where it was looked up."""
    from rich.text import Text

    key = ", ".join(f"{name} {value}" for name, value in one.row_key.items())
    text = Text(f"\n  {one.mart}.{one.field}", style="bold red" if one.verdict == "mismatch" else "bold yellow")
    text.append(f"  {key}\n", style="not bold default")
    lines = {"what": one.what, "expected": one.expected, "found": one.found, "looked up in": one.where}
    if one.expected is None and one.found is None:
        lines = {"what": one.what, "looked up in": one.where}
    for name, value in lines.items():
        if value is not None or name in ("expected", "found"):
            text.append(f"    {name:<13}{'null' if value is None else value}\n", style="not bold default")
    text.rstrip()
    return text


def _json(summary: Summary) -> str:
    import dataclasses

    import orjson

    tenants: list[dict[str, Any]] = [
        {
            "tenant_id": one.tenant_id,
            "audit_no": one.audit_no,
            "seconds": round(one.seconds, 3),
            "methods": [dataclasses.asdict(tally) for tally in one.tallies],
            "findings": [dataclasses.asdict(finding) for finding in one.findings],
        }
        for one in summary.tenants
    ]
    told = {
        "seed": summary.seed,
        "auditor_sha256": summary.auditor_sha256,
        "cells": summary.cells,
        "matched": summary.count("match"),
        "mismatched": summary.count("mismatch"),
        "not_audited": summary.count("not_audited"),
        "bound": summary.bound,
        "tenants": tenants,
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def _trust(console: Console, tenants: list[str], *, as_json: bool) -> None:
    """The overall figures that materializations recorded, beside the auditor's own. Exit code 1 where they differ."""
    from real_estate_assets.cli.instance import open_instance
    from real_estate_assets.defs.trust.auditing import recompute_trust
    from real_estate_assets.settings import get_settings

    with open_instance() as instance:
        compared = [one for tenant in tenants for one in recompute_trust(get_settings(), instance, tenant)]
    if as_json:
        import dataclasses

        import orjson

        typer.echo(orjson.dumps([dataclasses.asdict(one) for one in compared], option=orjson.OPT_INDENT_2).decode())
    else:
        _print_trust(console, compared)
    if not compared or any(not one.agrees for one in compared):
        raise typer.Exit(1)


def _print_trust(console: Console, compared: list[ComparedFigure]) -> None:
    from rich.table import Table

    if not compared:
        console.print("No materialization of a mart records trust yet: `reos materialize` builds the marts.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("tenant", "mart", "figure"):
        table.add_column(name)
    for name in ("recorded", "computed again"):
        table.add_column(name, justify="right")
    for one in compared:
        numbers = ("–" if number is None else f"{number:.4f}" for number in (one.recorded, one.computed))
        table.add_row(one.tenant_id, one.mart, one.figure, *numbers, style=None if one.agrees else "red")
    console.print(table)
    wrong = sum(not one.agrees for one in compared)
    told = (
        f"{wrong:,} of {len(compared):,} recorded figures differ" if wrong else f"all {len(compared):,} figures agree"
    )
    console.print(f"\n{told}.", style="bold red" if wrong else "bold green")
