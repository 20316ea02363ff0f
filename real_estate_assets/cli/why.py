"""`reos why` and `reos low-trust`: ask one cell where it comes from; list the cells that deserve no trust.

Belongs here: the two commands. Does not belong here: the answer (`stores/warehouse/why.py`), the tree (`why_tree.py`)
and the page (`why_page.py`). Both read as the app role of that tenant, so they can show nobody else's cells.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from real_estate_assets.settings import Settings
    from real_estate_assets.stores.warehouse.why import RawFiles

Tenant = Annotated[str, typer.Argument(help="The tenant, as `reos tenant list` shows it.")]
FIELD_HELP = "A column of dim_properties, or mart.field; for hazards with the peril: 'hazard_score\\[flood]'."
AsOf = Annotated[
    dt.datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="What was believed at the end of that day (UTC), YYYY-MM-DD."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(why)
    app.command("low-trust")(low_trust)


def why(
    tenant: Tenant,
    property: Annotated[str, typer.Argument(help="Its id, parcel number (with a unit: '7-19 #2') or address.")],
    field: Annotated[str, typer.Argument(help=FIELD_HELP)],
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the answer as a page that can be printed.")
    ] = None,
) -> None:
    """Say why a cell says what it says: file, record and its raw text, steps, checks, trust, rivals, run.

    The record is read again from the landed bytes, whose sha256 is compared meanwhile. What another tenant has cannot
    be asked for: the answer is the same as for what does not exist.
    """
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.settings import get_settings
    from real_estate_assets.stores.warehouse.why import why as ask

    settings = get_settings()
    answer = ask(open_warehouse(), raw_files(settings), tenant, property, field, as_of.date() if as_of else None)
    link = run_links(settings)
    if html is not None:
        from real_estate_assets.cli.why_page import why_page

        html.write_text(why_page(answer, link), encoding="utf-8")
    if as_json:
        from real_estate_assets.cli.why_json import why_json

        typer.echo(why_json(answer, link))
        return
    from rich.console import Console

    from real_estate_assets.cli.why_tree import why_tree

    console = Console(highlight=False)
    console.print(why_tree(answer, link))
    if html is not None:
        console.print(f"\nThe page is {html}", soft_wrap=True)


def raw_files(settings: Settings) -> RawFiles:
    """Where this installation keeps the landed bytes."""
    from real_estate_assets.stores.object_store import open_store
    from real_estate_assets.stores.warehouse.why import RawFiles

    return RawFiles(lambda owner: open_store(settings, owner), settings.references_file)


def run_links(settings: Settings) -> Callable[[str], str | None]:
    """The address of a run in Dagster's UI: the configured one, or the local one while it runs; else None."""
    from real_estate_assets.cli.ui import running_url

    base = settings.ui_url or running_url(settings)
    return lambda run_id: None if base is None else f"{base.rstrip('/')}/runs/{run_id}"


def low_trust(
    tenant: Tenant,
    below: Annotated[float, typer.Option(min=0, max=1, help="List rows with a cell whose trust is under this.")] = 0.5,
    mart: Annotated[str, typer.Option("--mart", help="The mart to look at.")] = "dim_properties",
    limit: Annotated[int, typer.Option(min=1, help="How many rows to list, weakest first.")] = 20,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the rows of a mart that hold weak cells, weakest first, with the fields that are weak."""
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.stores.warehouse.why import low_trust as ask

    day = as_of.date() if as_of else None
    rows = ask(open_warehouse(), tenant, mart, below=below, as_of=day, limit=limit)
    if as_json:
        import orjson

        listed = [{"key": row.key, "fields": row.fields, "trust_min": row.trust_min} for row in rows]
        typer.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2).decode())
        return
    from rich.console import Console

    from real_estate_assets.cli.low_trust_table import low_trust_table

    console = Console(highlight=False)
    if not rows:
        console.print(f"No cell of {mart} that can be seen here has trust under {below:.2f}.")
        return
    console.print(low_trust_table(rows))
    first = rows[0]
    asked = first.fields[0] if mart == "dim_properties" else f"{mart}.{first.fields[0]}"
    console.print(f"\nWhy: reos why {tenant} {first.key.get('property_id', 'PROPERTY')} {asked}", soft_wrap=True)
