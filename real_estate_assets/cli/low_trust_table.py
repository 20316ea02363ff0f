"""The list of `reos low-trust` as a table. Belongs here: columns and their widths; they fit a narrow terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from real_estate_assets.core.provenance.wording import shown_trust

if TYPE_CHECKING:
    from rich.table import Table

    from real_estate_assets.stores.warehouse.why import WeakRow

FIELDS_SHOWN = 4


def low_trust_table(rows: Sequence[WeakRow]) -> Table:
    """A line a row: the lowest trust in it, its key, its weak fields."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("lowest", justify="right", no_wrap=True)
    table.add_column("row", overflow="fold", min_width=36)  # a property's id stays whole
    table.add_column("weak fields", overflow="fold")
    for row in rows:
        key = ", ".join(str(value) for name, value in row.key.items() if name != "tenant_id")
        more = len(row.fields) - FIELDS_SHOWN
        fields = ", ".join(row.fields[:FIELDS_SHOWN]) + (f" and {more} more" if more > 0 else "")
        table.add_row(shown_trust(row.trust_min), key, fields)
    return table
