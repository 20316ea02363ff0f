"""`reos value`: what a property is worth, how sure that is, what it is compared with and what is not known.

Belongs here: the command. Does not belong here: the answer (`stores/warehouse/valuation_reading.py`), comparables
(`stores/comparable_sales.py`), the words (`value_text.py`). It reads as the app role of that tenant, so it can show
nobody else's properties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from real_estate_assets.core.valuation.comparables import Comparable
    from real_estate_assets.stores.warehouse.valuation_reading import ValueAnswer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(value)


def value(
    tenant: Annotated[str, typer.Argument(help="The tenant, as `reos tenant list` shows it.")],
    property: Annotated[str, typer.Argument(help="Its id, parcel number (with a unit: '7-19 #2') or address.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Say what a property is worth: estimate, interval, trust, five comparable sales, what is unknown, the evidence.

    A tenant with too few sales has no estimates, and the answer says so. Trust is computed now, so a file taken back is
    felt at once. What another tenant has cannot be asked for: the answer is the same as for what does not exist.
    """
    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.settings import calm_threads
    from real_estate_assets.stores.warehouse.valuation_reading import value_of

    calm_threads()
    answer = value_of(open_warehouse(), tenant, property)
    compared = _compared(tenant, answer)
    if as_json:
        from real_estate_assets.cli.value_json import value_json

        typer.echo(value_json(tenant, answer, compared))
        return
    from rich.console import Console

    from real_estate_assets.cli.value_text import value_text

    Console(highlight=False).print(value_text(tenant, answer, compared))


def _compared(tenant: str, answer: ValueAnswer) -> list[Comparable]:
    """None without an estimate: what has no place in the model has no likes in it either."""
    if answer.model is None or answer.estimate["estimate_usd"] is None:
        return []
    from real_estate_assets.settings import get_settings
    from real_estate_assets.stores.comparable_sales import comparables_of
    from real_estate_assets.stores.object_store import open_store
    from real_estate_assets.stores.vectors import open_vectors

    settings = get_settings()
    return comparables_of(open_store(settings, tenant), open_vectors(settings), tenant, answer.model, answer.row)
