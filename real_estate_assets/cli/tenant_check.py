"""What `reos tenant check` finds: every file of a description read as landing would read it, and the first rows mapped.

Belongs here: trying a description on its real files, and showing what came of it. Does not belong here: the grammar
(`core/tenants`), reading (`stores/source_reader`), registering (`tenants.py`). Nothing is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from real_estate_assets.core.records.batch import RecordBatch
    from real_estate_assets.core.tenants import Source, SourceFileEntry, TenantFile

ROWS_SHOWN = 3
WIDEST_CELL = 32  # characters; longer text is cut


@dataclass
class FileTrial:
    """One file as it was read. `problem` says why it cannot be; `is_awaited`: it is not there and need not be yet."""

    source: Source
    file: SourceFileEntry
    problem: str | None = None
    is_awaited: bool = False
    rows_in: int = 0
    accepted: int = 0
    first_rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    nulled: Counter[tuple[str, str]] = field(default_factory=Counter)  # (field, reason) -> cells
    examples: dict[str | tuple[str, str], str] = field(default_factory=dict)


def try_files(description: TenantFile, base_uri: str, counties: Any | None) -> Iterator[FileTrial]:
    """Read every file the description names. `counties`: the declared counties' shape, None where it is not at hand."""
    for source in description.sources:
        for file in source.files:
            yield _try_file(FileTrial(source, file), description, base_uri, counties)


def _try_file(trial: FileTrial, description: TenantFile, base_uri: str, counties: Any | None) -> FileTrial:
    from real_estate_assets.core.records.batch import UnreadableFile
    from real_estate_assets.stores.source_reader import open_records
    from real_estate_assets.stores.source_uri import SourceMissingError, SourceUriError, open_source

    fips = list(description.county_fips)
    try:
        with open_source(trial.file.uri, base_uri) as path:
            for batch in open_records(path, trial.source, trial.file, county_fips=fips, counties=counties):
                _count(trial, batch)
    except SourceMissingError as error:
        trial.is_awaited = trial.file.awaited
        trial.problem = None if trial.is_awaited else str(error)
    except (UnreadableFile, SourceUriError, OSError) as error:
        trial.problem = str(error)
    return trial


def _count(trial: FileTrial, batch: RecordBatch) -> None:
    trial.rows_in += batch.rows_in
    trial.accepted += batch.accepted.height
    missing = ROWS_SHOWN - len(trial.first_rows)
    trial.first_rows += batch.accepted.head(missing).to_dicts() if missing else []
    for one in batch.rejected:
        trial.rejected[one.rule] += 1
        trial.examples.setdefault(one.rule, f"record {one.record_no}: {one.message}")
    for cell in batch.cell_issues:
        if cell.reason == "null_marker":
            continue  # declared: a null is what the tenant means
        trial.nulled[cell.column, cell.reason] += 1
        trial.examples.setdefault((cell.column, cell.reason), f"record {cell.record_no}: {cell.value!r}")


def rendered(trial: FileTrial) -> Iterator[RenderableType]:
    """A trial for a person: its counts, what was not taken and why, and the first rows under their canonical names."""
    from rich.text import Text

    title = Text.assemble((f"{trial.source.name}/{trial.file.uri}", "bold"), f"  {trial.source.record_type}")
    if trial.problem is not None:
        yield Text.assemble(("✗ ", "red"), title)
        yield Text(f"  {trial.problem}")
        return
    if trial.is_awaited:
        yield Text.assemble(("· ", "yellow"), title, "  is not there yet, and is awaited: landed when it comes")
        return
    refused = sum(trial.rejected.values())
    yield Text.assemble(("✓ ", "green"), title, f"  {trial.rows_in:,} records, {refused:,} of them refused")
    for rule, number in trial.rejected.most_common():
        yield Text(f"  {number:,} refused as {rule}, e.g. {trial.examples[rule]}")
    for column, reason in [key for key, _ in trial.nulled.most_common()]:
        number, example = trial.nulled[column, reason], trial.examples[column, reason]
        yield Text(f"  {number:,} cells of {column} made null as {reason}, e.g. {example}")
    if trial.first_rows:
        yield _first_rows(trial)


def _first_rows(trial: FileTrial) -> RenderableType:
    """Fields down, records across: a description maps forty fields and more, and a terminal is not that wide."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("  field", no_wrap=True)
    table.add_column("from")
    for row in trial.first_rows:
        table.add_column(f"record {row['record_no']}")
    layout = trial.source.layout(trial.file)
    for name, expression in layout.columns.items():
        cells = [
            Text(_shown(row.get(name)), style="" if row.get(name) is not None else "dim") for row in trial.first_rows
        ]
        table.add_row(f"  {name}", Text(_shown(_origin(expression)), style="dim"), *cells)
    if layout.format != "csv":
        shapes = [Text(_shape(row.get("geom_4326"))) for row in trial.first_rows]
        table.add_row("  geom_4326", Text("the feature's geometry", style="dim"), *shapes)
    return table


def _origin(expression: Any) -> str:
    """Where a field comes from, in the description's own words; bounds and nulls, which name nothing, are left out."""
    told = expression.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if "first" in told:
        return "first of " + ", ".join(_origin(part) for part in expression.first)
    if "constant" in told:
        return f"always {told['constant']}"
    changes = [word for word in ("regex", "values", "date", "unit") if word in told]
    return str(told.get("column") or told["sum"]) + (f" ({', '.join(changes)})" if changes else "")


def _shape(wkb: bytes | None) -> str:
    import shapely

    if wkb is None:
        return "null"
    shape = shapely.from_wkb(wkb)
    point = shape.representative_point()
    return f"{shape.geom_type} near {point.y:.5f}, {point.x:.5f}"


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"
