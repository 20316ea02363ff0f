"""GeoJSON and TopoJSON files: features to batches of canonical records, with shapes made fit.

Belongs here: the loop over a file's features and what refuses one. Does not belong here: formats and shapes
(`core/records`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from real_estate_assets.core.records.batch import RecordBatch, Rejection, RejectionRule, UnreadableFile
from real_estate_assets.core.records.feature_batches import (
    FeatureBatch,
    agreed_crs,
    geojson_batches,
    refuse_missing_properties,
    topojson_batches,
)
from real_estate_assets.core.records.fields import field_names
from real_estate_assets.core.records.geometry import Shapes, fit_shapes
from real_estate_assets.core.records.mapping import map_records, source_columns
from real_estate_assets.core.records.placement import PlacementCheck
from real_estate_assets.core.tenants.model import Layout

if TYPE_CHECKING:
    import polars as pl

MAX_TOPOJSON_BYTES = 512 << 20
FEATURES_AT_ONCE = 5_000

_ADVICE: dict[RejectionRule, str] = {
    "empty_geometry": "has no geometry; complete it in the source if it should have one",
    "unreadable_geometry": "has a geometry of which no polygon can be made; mend it in the source",
    "nul_byte": "has a zero character in a property; mend it in the source",
    "malformed_feature": "is no valid GeoJSON feature; mend it in the source",
}


def read_features(
    chunks: Iterable[bytes],
    layout: Layout,
    name: str,
    county_fips: list[str],
    placement: PlacementCheck,
    batch_rows: int,
) -> Iterator[RecordBatch]:
    """Batches of at most `batch_rows` records. `placement` is told where the shapes lie; its CRS is set here.

    Raises UnreadableFile: missing_crs, conflicting_crs, wrong_crs, missing_column, wrong_format, too_large.
    """
    size = min(batch_rows, FEATURES_AT_ONCE)
    if layout.format == "geojson":
        batches = geojson_batches(chunks, name, size)
    else:
        batches = topojson_batches(whole_text(chunks, name), name, layout.layer, size)
    has_shapes = "geom_4326" in field_names(layout.record_type)
    record_no, is_first = 0, True
    for batch in batches:
        if has_shapes:
            placement.crs = agreed_crs(layout.crs, batch.stated_crs, batch.shapes, name)
        if is_first:
            refuse_missing_properties(source_columns(layout), batch.names(), name)
            is_first = False
        if batch.properties:
            yield _record_batch(batch, record_no, layout, name, county_fips, placement if has_shapes else None)
        record_no += len(batch.properties)


def whole_text(chunks: Iterable[bytes], name: str) -> bytes:
    """All bytes of a TopoJSON file: its arcs may stand anywhere. Raises UnreadableFile beyond 512 MB."""
    text = bytearray()
    for chunk in chunks:
        text += chunk
        if len(text) > MAX_TOPOJSON_BYTES:
            raise UnreadableFile(
                "too_large",
                f"{name}: a topology must fit in memory and this one is over {MAX_TOPOJSON_BYTES >> 20} MB. "
                "Convert it to GeoJSON, which is read piece by piece.",
            )
    return bytes(text)


def _record_batch(
    batch: FeatureBatch,
    first: int,
    layout: Layout,
    name: str,
    county_fips: list[str],
    placement: PlacementCheck | None,
) -> RecordBatch:
    import polars as pl

    count = len(batch.properties)
    rules: list[RejectionRule | None] = [None if p is not None else "malformed_feature" for p in batch.properties]
    record_nos = np.arange(first, first + count)
    shapes: Shapes | None = None
    if placement is not None:
        shapes = fit_shapes(batch.shapes, batch.is_broken, placement.crs)
        placement.add(record_nos, shapes.x, shapes.y, shapes.longitude, shapes.latitude, shapes.bounds)
        rules = [rule or by_shape for rule, by_shape in zip(rules, shapes.rules, strict=True)]
    is_valid = [properties is not None for properties in batch.properties]
    texts = batch.texts(source_columns(layout))
    rules = [rule or by_text for rule, by_text in zip(rules, _text_rules(texts, is_valid), strict=True)]
    accepted, issues = map_records(texts, pl.Series(record_nos[is_valid]), layout, county_fips)
    if shapes is not None:
        accepted = _with_shapes(accepted, shapes, is_valid)
    kept = {first + i for i, rule in enumerate(rules) if rule is None}
    accepted = accepted.filter(pl.col("record_no").is_in(list(kept)))
    rejected = [_rejection(first + i, rule, batch.shown[i], name) for i, rule in enumerate(rules) if rule is not None]
    return RecordBatch(accepted, rejected, [issue for issue in issues if issue.record_no in kept], count)


def _text_rules(texts: pl.DataFrame, is_valid: list[bool]) -> list[RejectionRule | None]:
    """Refuses features with a zero character in a property that is read; JSON can write one, a database cannot."""
    import polars as pl

    has_zero = iter(
        texts.select(pl.any_horizontal(pl.lit(False), pl.all().str.contains("\0", literal=True))).to_series()
    )
    return ["nul_byte" if valid and next(has_zero, False) else None for valid in is_valid]


def _with_shapes(frame: pl.DataFrame, shapes: Shapes, is_valid: list[bool]) -> pl.DataFrame:
    import polars as pl

    wkb = [item for item, valid in zip(shapes.wkb, is_valid, strict=True) if valid]
    repaired = [item for item, valid in zip(shapes.is_repaired, is_valid, strict=True) if valid]
    return frame.with_columns(
        pl.Series("geom_4326", wkb, dtype=pl.Binary), pl.Series("is_repaired", repaired, dtype=pl.Boolean)
    )


def _rejection(record_no: int, rule: RejectionRule, shown: str, name: str) -> Rejection:
    column = "geom_4326" if rule in ("empty_geometry", "unreadable_geometry") else None
    message = f"{name}, feature {record_no} (the first is 0) {_ADVICE[rule]}."
    return Rejection(record_no, column, shown.replace("\0", "\ufffd"), rule, message)
