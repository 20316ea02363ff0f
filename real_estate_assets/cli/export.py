"""`reos export`: the record of where data come from, in the formats of other tools.

Belongs here: the commands. Does not belong here: the formats (`core/provenance/prov_document.py`, `core/lineage`), and
when lineage is sent by itself (`defs/lineage`). All read as the app role of one tenant: a document never holds two.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

Tenant = Annotated[str, typer.Argument(help="The tenant, as `reos tenant list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application, below `reos export`."""
    group = typer.Typer(help="Write provenance and lineage in the formats of other tools.", no_args_is_help=True)
    group.command()(prov)
    group.command()(lineage)
    app.add_typer(group, name="export")


def prov(
    tenant: Tenant,
    property: Annotated[str, typer.Argument(help="Its id, parcel number or address, as `reos why` takes it.")],
    field: Annotated[
        str | None, typer.Argument(help="One field, as `reos why` takes it; all of the property if none.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; the terminal if not given.")] = None,
    as_of: Annotated[
        dt.datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="At the end of that day (UTC).")
    ] = None,
) -> None:
    """Write where a cell, or a whole property, comes from as W3C PROV-JSON: files, records, cells, runs and code."""
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.core.provenance.prov_document import prov_json
    from real_estate_assets.stores.warehouse.why import reviewers, why, why_all

    warehouse, day = open_warehouse(), as_of.date() if as_of else None
    if field is None:
        answers = why_all(warehouse, tenant, property, as_of=day)
    else:
        answers = [why(warehouse, None, tenant, property, field, day)]
    text = prov_json(answers, reviewers(warehouse, tenant))
    if out is None:
        typer.echo(text)
        return
    out.write_text(text + "\n", encoding="utf-8")
    typer.echo(f"{len(answers)} cells in {out}")


def lineage() -> None:
    """Write what the runs read and made as OpenLineage events, a file a tenant, and send them to the collector if set.

    With `reos ui` running that happens by itself, every minute; this does it here and now, for what was not told yet.
    """
    from real_estate_assets.cli.instance import open_instance, open_warehouse
    from real_estate_assets.settings import get_settings

    settings = get_settings()
    with open_instance() as instance:
        from real_estate_assets.definitions import defs
        from real_estate_assets.defs.lineage.sensor import tell_and_deliver

        graph = defs.resolve_asset_graph()
        told = tell_and_deliver(settings, instance, graph, open_warehouse(), all_changes=True)
    typer.echo(f"{told}. The files are in {settings.lineage_dir}")
