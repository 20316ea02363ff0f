"""`reos features`: what a tenant's features are made of and how often they are filled; their page of documentation.

Belongs here: the command. Does not belong here: counting (`stores/warehouse/features_looks.py`) and the tables
(`core/features/pages.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse import Warehouse


class NoFeaturesError(RuntimeError):
    """A tenant has no features yet; the message says what to run."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(features)


def features(
    tenant: Annotated[
        str | None, typer.Argument(help="The tenant, as `reos tenant list` shows it; all if none.")
    ] = None,
    docs: Annotated[
        Path | None, typer.Option("--docs", help="Write the tables into this page, e.g. docs/features.md.")
    ] = None,
) -> None:
    """Show each feature: what it is made of, and in which share of the newest rows it is known."""
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.core.features.pages import with_tables
    from real_estate_assets.stores.warehouse.tenants import list_tenants

    warehouse = open_warehouse()
    known = [one.tenant_id for one in list_tenants(warehouse)]
    if tenant is not None and tenant not in known:
        raise NoFeaturesError(f"there is no tenant {tenant!r}. See `reos tenant list`.")
    coverage = {one: _shares(warehouse, one) for one in ([tenant] if tenant else known)}
    if docs is None:
        _print(coverage)
        return
    docs.write_text(with_tables(docs.read_text(encoding="utf-8"), coverage), encoding="utf-8")
    typer.echo(f"{len(coverage)} tenants' coverage in {docs}")


def _shares(warehouse: Warehouse, tenant_id: str) -> dict[str, float]:
    """Feature -> share of the tenant's newest rows. Raises NoFeaturesError where it has none."""
    from real_estate_assets.stores.warehouse.features_looks import filled

    found = [*filled(warehouse, tenant_id, "property"), *filled(warehouse, tenant_id, "market")]
    if not any(one.rows for one in found):
        raise NoFeaturesError(f"{tenant_id} has no features yet: run `reos materialize --tenant {tenant_id}`")
    return {one.name: one.share for one in found}


def _print(coverage: dict[str, dict[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from real_estate_assets.core.features.pages import filled_of_list
    from real_estate_assets.core.features.registry import features as registered

    table = Table("no", "feature", "unit", "from", *coverage, box=None, pad_edge=False)
    for one in registered():
        number = "" if one.number is None else f"{one.entity[0]}{one.number}"
        origin = one.source or f"null: {one.null_reason}"
        cells = (f"{share:.0%}" if (share := of[one.name]) else "" for of in coverage.values())
        table.add_row(number, one.name, one.unit or "", origin, *cells)
    console = Console()
    console.print(table)
    for tenant, shares in coverage.items():
        counts = (filled_of_list("property", shares), filled_of_list("market", shares))
        console.print(
            f"{tenant}: {counts[0]} of the 41 property and {counts[1]} of the 13 market features have a value"
        )
