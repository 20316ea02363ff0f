"""`reos demo`: three tenants on real public files, from nothing to estimates, in two deliveries.

Belongs here: the story the demo tells. Does not belong here: any way of building that a real tenant would not have: the
deliveries are files put where the tenants' descriptions look for them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from real_estate_assets.settings import PROJECT_ROOT, Settings, get_settings

if TYPE_CHECKING:
    from rich.console import Console

DEMO = PROJECT_ROOT / "demo"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo() -> None:
    """Load three demo tenants from the real public files in demo/, build everything, and show what came of it.

    May be run again: what has not changed is neither landed nor built again.
    """
    from rich.console import Console

    from real_estate_assets.cli.instance import open_instance, open_warehouse
    from real_estate_assets.cli.materialize import build
    from real_estate_assets.cli.preparation import bring_up

    console = Console()
    started = time.monotonic()
    settings = get_settings()
    with console.status("starting Postgres"):
        bring_up(settings)
    warehouse = open_warehouse()
    failed = False
    with open_instance() as instance:
        for number, delivery in enumerate(_deliveries(), 1):
            arrived = _deliver(settings, delivery)
            if number > 1 and not arrived:
                continue
            _register_tenants(console, settings)
            console.print(f"\n[bold]Delivery {number}[/bold]: {', '.join(arrived) or 'no new file'}")
            runs = build(console, instance, warehouse, tenants=[], stages=[])
            failed = failed or any(run.failed for run in runs)
    _report(console, time.monotonic() - started)
    if failed:
        raise typer.Exit(1)


def _deliveries() -> Sequence[dict[str, list[str]]]:
    """What each tenant hands in, delivery by delivery: tenant -> file names of demo/data."""
    from ruamel.yaml import YAML

    return [
        one["tenants"]
        for one in YAML(typ="safe").load((DEMO / "delivery.yaml").read_text(encoding="utf-8"))["deliveries"]
    ]


def _inbox(settings: Settings, tenant_id: str) -> Path:
    return settings.state_dir / "inbox" / tenant_id


def _deliver(settings: Settings, delivery: dict[str, list[str]]) -> list[str]:
    """Put the delivery's files into the tenants' inboxes; returns those that were not there."""
    arrived = []
    for tenant_id, names in delivery.items():
        folder = _inbox(settings, tenant_id)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            if not (folder / name).exists():
                partial = folder / f".{name}.partial"
                shutil.copyfile(DEMO / "data" / name, partial)
                partial.rename(folder / name)  # a file that can be seen is whole
                arrived.append(f"{tenant_id}/{name}")
    return arrived


def _register_tenants(console: Console, settings: Settings) -> None:
    """Add the tenants of demo/tenants, or bring a changed description up to date."""
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.core.tenants import parse_tenant_file
    from real_estate_assets.stores.warehouse import tenants

    warehouse = open_warehouse()
    known = {tenant.tenant_id: tenant for tenant in tenants.list_tenants(warehouse)}
    for path in sorted((DEMO / "tenants").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        described = parse_tenant_file(text, name=path.name)
        base_uri = _inbox(settings, described.tenant).as_uri()
        there = known.get(described.tenant)
        if there is None:
            tenants.add_tenant(
                warehouse, described.tenant, tenant_name=described.name, description=text, base_uri=base_uri
            )
            console.print(f"tenant {described.tenant} registered")
        elif (there.description, there.base_uri) != (text, base_uri):
            tenants.update_tenant(
                warehouse, described.tenant, tenant_name=described.name, description=text, base_uri=base_uri
            )
            console.print(f"tenant {described.tenant}: description changed")


def _report(console: Console, seconds: float) -> None:
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.cli.status import print_summaries
    from real_estate_assets.cli.value_summary import print_valuations
    from real_estate_assets.stores.warehouse.summary import change_counts, summarize
    from real_estate_assets.stores.warehouse.tenants import list_tenants
    from real_estate_assets.stores.warehouse.valuation_reading import summary_of

    warehouse = open_warehouse()
    tenants = [tenant.tenant_id for tenant in list_tenants(warehouse)]
    console.print()
    print_summaries(console, [summarize(warehouse, tenant_id) for tenant_id in tenants])
    for tenant_id in tenants:
        changes = change_counts(warehouse, tenant_id)
        if changes:
            listed = ", ".join(f"{field} {count:,}" for field, count in changes)
            console.print(f"\nWhat changed between {tenant_id}'s two rolls (marts.fct_changes): {listed}")
    print_valuations(console, [one for t in tenants if (one := summary_of(warehouse, t)) is not None])
    console.print(
        f"\nDone in {seconds:.0f} s. Next: [bold]make ui[/bold] shows every asset and its evidence; "
        "[bold].venv/bin/reos psql --tenant charles-river[/bold] asks the marts; "
        "[bold].venv/bin/reos quarantine charles-river[/bold] shows what was refused and why."
    )
