"""`reos valuation`: how every tenant is valued and how wrong that was; the tables of its page of documentation.

Belongs here: the command. Does not belong here: the figures (`stores/warehouse/valuation_reading.py`), the tables
(`valuation_pages.py`), one property's value (`value.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


class UnknownTenantNameError(ValueError):
    """There is no tenant of that name; the message says where to look."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(valuation)


def valuation(
    tenant: Annotated[
        str | None, typer.Argument(help="The tenant, as `reos tenant list` shows it; all if none.")
    ] = None,
    docs: Annotated[
        Path | None, typer.Option("--docs", help="Write the tables into this page, e.g. docs/valuation.md.")
    ] = None,
) -> None:
    """Show how tenants are valued: sales, error on later sales, coverage of intervals, what could not be learned."""
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.cli.valuation_pages import tables_of, with_tables
    from real_estate_assets.stores.warehouse.tenants import list_tenants
    from real_estate_assets.stores.warehouse.valuation_reading import learned_of, summary_of

    warehouse = open_warehouse()
    known = [one.tenant_id for one in list_tenants(warehouse)]
    if tenant is not None and tenant not in known:
        raise UnknownTenantNameError(f"there is no tenant {tenant!r}. See `reos tenant list`.")
    chosen = [tenant] if tenant else known
    found = [one for name in chosen if (one := summary_of(warehouse, name)) is not None]
    learned = {one.tenant_id: learned_of(warehouse, one.tenant_id) for one in found}
    if docs is not None:
        docs.write_text(with_tables(docs.read_text(encoding="utf-8"), found, learned), encoding="utf-8")
        typer.echo(f"{len(found)} tenants' figures in {docs}")
        return
    typer.echo(
        "\n\n".join(tables_of(found, learned).values()) if found else "Nobody is valued yet: `reos materialize`."
    )
