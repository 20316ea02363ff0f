"""`reos docs`: the documentation of the warehouse's models as one page. What it says stands in the models' YAML."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(docs)


def docs() -> None:
    """Write the documentation of the warehouse's models: one page with every table, column, test and their lineage."""
    from rich.console import Console

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.cli.preparation import bring_up
    from real_estate_assets.settings import get_settings
    from real_estate_assets.stores.dbt_process import generate_docs
    from real_estate_assets.stores.warehouse.tenants import list_tenants

    console, settings = Console(highlight=False, soft_wrap=True), get_settings()
    with console.status("Starting") as status:
        bring_up(settings, tell=status.update)
        status.update("dbt reads the warehouse's catalogue")
        page = generate_docs(settings, [tenant.tenant_id for tenant in list_tenants(open_warehouse())])
    console.print(f"Open {page.as_uri()} in a browser")
