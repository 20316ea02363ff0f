"""One source file, whatever its format, as batches of canonical records.

Belongs here: opening, choosing the format's reader, and what is judged over the whole file (place, emptiness, a file
that changes meanwhile). Does not belong here: any format's own rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from real_estate_assets.core.records.batch import RecordBatch, UnreadableFile
from real_estate_assets.core.records.coordinates import in_degrees
from real_estate_assets.core.records.placement import PlacementCheck
from real_estate_assets.core.tenants.model import Layout, Source, SourceFileEntry
from real_estate_assets.stores.source_reader.csv_records import read_csv
from real_estate_assets.stores.source_reader.feature_records import read_features
from real_estate_assets.stores.source_reader.unpacking import DEFAULT_LIMITS, UnpackLimits, unpacked_chunks

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

DEFAULT_BATCH_ROWS = 50_000


def open_records(
    path: Path,
    source: Source,
    file: SourceFileEntry,
    *,
    county_fips: list[str],
    counties: BaseGeometry | None = None,
    batch_rows: int = DEFAULT_BATCH_ROWS,
    limits: UnpackLimits = DEFAULT_LIMITS,
) -> Iterator[RecordBatch]:
    """Reads the file at `path` as `source` and `file` describe it, in batches of at most `batch_rows` records.

    `counties` is the union of the tenant's county polygons in EPSG:4326; without it a wrong CRS is found only where its
    numbers are no degrees. `path` may carry any name: `file.uri` decides how it is unpacked and stands in messages.

    Raises UnreadableFile, at the first batch or later: batches already given must not be kept then.
    """
    layout = source.layout(file)
    before = _state(path)
    placement = PlacementCheck(
        file.uri, layout.crs or "EPSG:4326", counties, is_layer=layout.record_type == "hazard_zone"
    )
    records = 0
    with unpacked_chunks(path, file.uri, limits) as chunks:
        if layout.format == "csv":
            batches = read_csv(chunks, layout, file.uri, county_fips, batch_rows)
        else:
            batches = read_features(chunks, layout, file.uri, county_fips, placement, batch_rows)
        for batch in batches:
            records += batch.rows_in
            yield _placed(batch, layout, placement)
    placement.conclude()
    if _state(path) != before:
        raise UnreadableFile(
            "changed_while_read", f"{file.uri}: the file changed while it was read. Read it again once it is complete."
        )
    if not records:
        raise UnreadableFile(
            "empty_file", f"{file.uri}: the file has no records. Fetch it again, or leave it out until it has some."
        )


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _placed(batch: RecordBatch, layout: Layout, placement: PlacementCheck) -> RecordBatch:
    """The batch with stated coordinates in degrees, after the check has seen them."""
    if "latitude" not in layout.columns or layout.crs is None or not batch.accepted.height:
        return batch
    frame, issues, points = in_degrees(batch.accepted, layout.crs)
    placement.add(points.record_nos, points.x, points.y, points.longitude, points.latitude)
    return replace(batch, accepted=frame, cell_issues=[*batch.cell_issues, *issues])
