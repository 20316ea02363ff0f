"""Where a parcel lies: its dissolved polygon from the newest layer that has its number, or coordinates a source states.

Belongs here: which pieces and which vintage make a parcel's place (docs/provenance.md). Does not belong here: geometry
itself (`shapes`), what lies at the place (`hazards`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import shapely
from shapely.geometry.base import BaseGeometry

from auditor import shapes
from auditor.book import Book, SourceFile
from auditor.identity import normal
from auditor.properties import Properties, newest_first

Parcel = tuple[str, str]
DEGREES = "EPSG:4326"


@dataclass(frozen=True, slots=True)
class Place:
    """A parcel's place. `shape` is None where only a point is known. `record_no`: the first piece, or the record."""

    method: str
    file: SourceFile
    record_no: int
    shape: BaseGeometry | None
    point: shapely.Point
    area_m2: float | None
    piece_count: int
    is_repaired: bool


class Places:
    """The places of a tenant's parcels, made when asked for."""

    def __init__(self, book: Book, properties: Properties) -> None:
        self.book = book
        self.properties = properties
        self._made: dict[Parcel, Place | None] = {}

    @cached_property
    def pieces(self) -> list[tuple[SourceFile, dict[Parcel, list[int]]]]:
        """Parcel layers, newest first, each with the features of every parcel number."""
        layers = []
        for file in sorted(self.book.of_type("parcel"), key=lambda f: newest_first(f.vintage, int(f.ref))):
            by_parcel: dict[Parcel, list[int]] = defaultdict(list)
            for number in self.book.usable(file):
                cells = self.book.cells(file, number)
                parcel = normal(str(self.book.said(file, "parcel_number", cells).value or ""))
                county = self.book.said(file, "county_fips", cells).value
                if parcel and county:
                    by_parcel[str(county), parcel].append(number)
            layers.append((file, dict(by_parcel)))
        return layers

    def of(self, parcel: Parcel) -> Place | None:
        """The place of a parcel; None where no source says."""
        if parcel not in self._made:
            self._made[parcel] = self._from_polygons(parcel) or self._from_coordinates(parcel)
        return self._made[parcel]

    def _from_polygons(self, parcel: Parcel) -> Place | None:
        for file, by_parcel in self.pieces:
            drawn = [(n, *self._polygon(file, n)) for n in by_parcel.get(parcel, [])]
            kept = [(number, shape, repaired) for number, shape, repaired in drawn if shape is not None]
            if kept:
                whole = shapes.dissolved([shape for _, shape, _ in kept])
                point = whole.representative_point()
                repaired = any(was_repaired for _, _, was_repaired in kept)
                area = shapes.ground_area_m2(whole)
                return Place("parcel_polygon", file, kept[0][0], whole, point, area, len(kept), repaired)
        return None

    def _polygon(self, file: SourceFile, number: int) -> tuple[BaseGeometry | None, bool]:
        crs = file.columns.options.get("crs") or DEGREES
        return shapes.polygon_of(self.book.features(file)[number].geometry, crs)

    def _from_coordinates(self, parcel: Parcel) -> Place | None:
        stated = [
            (spoken.file, spoken.record_no)
            for identifier in self.properties.on_parcel.get(parcel, [])
            for spoken in self.properties.by_id[identifier]
        ]
        for file, number in sorted(stated, key=lambda s: (*self.properties.rank(s[0]), s[1])):
            latitude, longitude = (self.book.read(file, number, name).value for name in ("latitude", "longitude"))
            if isinstance(latitude, float) and isinstance(longitude, float):
                point = shapes.in_degrees(
                    shapely.Point(longitude, latitude), file.columns.options.get("crs") or DEGREES
                )
                return Place("source_coordinates", file, number, None, point, None, 0, False)  # type: ignore[arg-type]
        return None
