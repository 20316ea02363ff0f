"""Reads a public file into text columns and shapes, in file order.

Belongs here: what the two formats of public layers need. Does not belong here: tenants' files, whose reader quarantines
single rows: a public layer with one unreadable row is a wrong file and refused whole.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.references import Reference, ReferenceLayerError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class PublicTable:
    """One public file in memory.

    texts: one text column per column of the file; shapes: valid shapely geometries in EPSG:4326, or None for a csv.
    """

    name: str
    texts: pl.DataFrame
    shapes: Any | None

    def hex_shapes(self) -> list[str]:
        """Shapes as hex EWKB. Raises ReferenceLayerError where a record has none."""
        import shapely

        if self.shapes is None or bool(shapely.is_missing(self.shapes).any() or shapely.is_empty(self.shapes).any()):
            raise ReferenceLayerError(f"{self.name}: a record has no shape")
        return list(shapely.to_wkb(shapely.set_srid(self.shapes, 4326), hex=True, include_srid=True))

    def union_wkb(self) -> bytes:
        """The union of all shapes."""
        import shapely

        return bytes(shapely.to_wkb(shapely.union_all(self.shapes)))


def read_public_table(path: Path, reference: Reference) -> PublicTable:
    """Read the file of a layer. Raises ReferenceLayerError naming the layer, what is wrong, and what to do."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if reference.format == "csv":
        return PublicTable(reference.name, _csv(content, reference), None)
    return _geojson(content, reference)


def _csv(content: bytes, reference: Reference) -> pl.DataFrame:
    import polars as pl

    try:
        text = content.decode(reference.encoding)
    except UnicodeDecodeError as error:
        raise ReferenceLayerError(
            f"{reference.name}: byte {error.start} is no {reference.encoding}; correct `encoding` in the description"
        ) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    frame = pl.read_csv(io.StringIO(lines), infer_schema=False, truncate_ragged_lines=False)
    return frame.filter(pl.any_horizontal(pl.all().is_not_null()))


def _geojson(content: bytes, reference: Reference) -> PublicTable:
    import polars as pl
    import pyogrio
    import shapely

    meta, _, shapes, columns = pyogrio.raw.read(io.BytesIO(content))
    shapes = shapely.make_valid(shapely.from_wkb(shapes))
    west, south, east, north = shapely.total_bounds(shapes)
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):  # also where there is no shape: NaN
        raise ReferenceLayerError(
            f"{reference.name}: coordinates are no degrees ({west:.0f}..{east:.0f}); declare another crs"
        )
    texts = {
        str(name): [_text(value) for value in values] for name, values in zip(meta["fields"], columns, strict=True)
    }
    return PublicTable(reference.name, pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)), shapes)


def _text(value: Any) -> str | None:
    """A property of a feature as text; a whole number without a point, NaN and null as null."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
