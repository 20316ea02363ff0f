"""How tenants are valued, as `reos demo` shows it: a line of figures each, or the reason why there is no estimate.

Belongs here: the table. Does not belong here: the figures (`stores/warehouse/valuation_reading.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from real_estate_assets.stores.warehouse.valuation_reading import ValuationSummary

HEADERS = ("estimates", "median", "error", "within 10 %", "in interval")


def print_valuations(console: Console, summaries: Sequence[ValuationSummary]) -> None:
    """Estimates, their median, and how wrong the model was on later sales; then who has none and why."""
    from rich.table import Table
    from rich.text import Text

    valued = [one for one in summaries if one.card is not None]
    if valued:
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("tenant", overflow="fold")
        for header in HEADERS:
            table.add_column(header, justify="right", no_wrap=True)
        for one in valued:
            table.add_row(one.tenant_id, *_figures(one))
        console.print()
        console.print(table)
        console.print("error: median, of the newest sales, each predicted before it happened", style="dim")
    for one in summaries:
        if one.card is None:
            console.print(Text(f"\n{one.tenant_id} has no estimates: ", style="yellow") + Text(one.reason or "unknown"))


def _figures(one: ValuationSummary) -> tuple[str, ...]:
    card: Mapping[str, Any] = one.card or {}
    figures = card["test"]["figures"]
    covered = next((c["share"] for c in card["interval_coverage"] if c["of"] == "all"), None)
    median = "–" if one.median_usd is None else f"${round(one.median_usd, -3):,.0f}"
    return (
        f"{one.estimated:,} of {one.properties:,}",
        median,
        f"{figures['mdape']['value']:.1%}" if figures else "–",
        f"{figures['pe10']['value']:.0%}" if figures else "–",
        "–" if covered is None else f"{covered:.1%}",
    )
