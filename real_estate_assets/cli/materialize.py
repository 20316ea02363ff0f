"""`reos materialize`: build what is out of date, from a terminal, with the instance the UI looks at.

Belongs here: options, progress, exit code. Does not belong here: what is out of date (`defs/stages.py`) and running
(`running.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import dagster as dg
    from rich.console import Console

    from real_estate_assets.cli.running import StageRun
    from real_estate_assets.defs.stages import PlannedStage
    from real_estate_assets.stores.warehouse import Warehouse


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(materialize)


def materialize(
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", "-t", help="Only this tenant; may be repeated.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            "-s",
            help="Only this stage: landing, records, enrichment, calibration, warehouse, features, valuation.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what is up to date.")] = False,
) -> None:
    """Build what is out of date: every stage, for every tenant whose inputs changed since.

    Runs here and now, and the runs are seen in the UI. One tenant's failure stops nobody else; the exit code is 1 when
    any tenant failed, and each failure says which file, row and column, and what to do.
    """
    from rich.console import Console

    from real_estate_assets.cli.instance import open_instance, open_warehouse

    console = Console()
    warehouse = open_warehouse()
    with open_instance() as instance:
        runs = build(console, instance, warehouse, tenants=tenant or [], stages=select or [], force=force)
    if any(run.failed or not run.succeeded for run in runs):
        raise typer.Exit(1)


def build(
    console: Console,
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    *,
    tenants: Sequence[str],
    stages: Sequence[str],
    force: bool = False,
) -> list[StageRun]:
    """Run the chosen stages with a progress display; print one line a run; return the runs.

    Raises typer.BadParameter for a tenant or stage that does not exist.
    """
    from real_estate_assets.cli.running import run_all
    from real_estate_assets.defs.tenants.registry import mirror
    from real_estate_assets.stores.warehouse.tenants import list_tenants

    active = {one.tenant_id for one in list_tenants(warehouse)}
    mirror(instance, active)
    known = [key for key in instance.get_dynamic_partitions("tenants") if key in active]
    chosen = _chosen(tenants, known, "tenant", "`reos tenant list` shows those there are")
    planned = _planned(stages)
    done: list[StageRun] = []
    started = time.monotonic()
    with console.status("looking for what changed") as status:
        for run in run_all(
            instance, warehouse, chosen, stages=planned, force=force, tell=lambda text: status.update(text)
        ):
            done.append(run)
            _print_run(console, run, time.monotonic() - started)
            started = time.monotonic()
    if not done:
        console.print("Everything is up to date; nothing was built.")
    return done


def _chosen(asked: Sequence[str], known: Sequence[str], what: str, hint: str) -> list[str]:
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise typer.BadParameter(f"there is no {what} {', '.join(unknown)}; {hint}")
    return list(asked) or list(known)


def _planned(names: Iterable[str]) -> tuple[PlannedStage, ...]:
    from real_estate_assets.defs.stages import PLAN

    chosen = _chosen(list(names), [stage.name for stage in PLAN], "stage", "stages: " + ", ".join(s.name for s in PLAN))
    return tuple(stage for stage in PLAN if stage.name in chosen)


def _print_run(console: Console, run: StageRun, seconds: float) -> None:
    from rich.text import Text

    good = [t for t in run.tenant_ids if t not in run.failed and t not in run.blocked]
    mark = Text("✓ ", style="green") if run.succeeded else Text("✗ ", style="red")
    console.print(
        mark + Text(f"{run.stage:<12}{seconds:6.1f} s  {', '.join(good) or 'public layers' * (not run.tenant_ids)}")
    )
    for tenant_id, error in run.failed.items():
        console.print(Text(f"    {tenant_id}: ", style="red") + Text(error))
    for tenant_id, cause in run.blocked.items():
        console.print(Text(f"    {tenant_id} waits: {cause}", style="yellow"))
