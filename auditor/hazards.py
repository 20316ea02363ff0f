"""What public layers and a tenant's own say about a place, by docs/hazards.md, with shapely from the layer files.

Belongs here: which statement counts for a place. Does not belong here: geometry (`shapes`), which shape a parcel has
(`places`), the score of a zone (`hazard_scale`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from auditor import shapes
from auditor.book import Book, FileRef, SourceFile
from auditor.hazard_scale import Scale
from auditor.places import Place

SLIVER_SHARE = 0.001
# What FEMA does not draw, docs/hazards.md; the layer's own description may name another.
BACKGROUND = {"zone_code": "X", "zone_subtype": "AREA OF MINIMAL FLOOD HAZARD"}
PERILS = ("flood", "heat", "wildfire")


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is known of a place and a peril. Without evidence only `null_reason` is set."""

    peril: str
    null_reason: str | None = None
    method: str | None = None
    layer: str | None = None
    resolution: str | None = None
    zone_code: str | None = None
    zone_subtype: str | None = None
    category: str | None = None
    zones_touched: int | None = None
    overlap_share: float | None = None
    is_sliver: bool | None = None
    score_pct: float | None = None
    file: SourceFile | None = None
    record_no: int | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """One polygon of a layer."""

    record_no: int
    shape: BaseGeometry
    code: str | None
    subtype: str | None
    category: str | None
    percent: float | None = None


class Layer:
    """The polygons of one peril and resolution from one file, with a search tree."""

    def __init__(self, name: str, peril: str, resolution: str, file: SourceFile, zones: list[Zone]) -> None:
        self.name, self.peril, self.resolution, self.file, self.zones = name, peril, resolution, file, zones
        self.coverage: BaseGeometry | None = None
        self.background: dict[str, str] = {}
        self.tree = shapely.STRtree([zone.shape for zone in zones])

    def near(self, shape: BaseGeometry) -> Iterator[Zone]:
        """Zones whose bounding boxes meet the shape's."""
        return (self.zones[int(place)] for place in sorted(self.tree.query(shape)))


class Hazards:
    """Exposures of places, one a peril."""

    def __init__(self, book: Book, scale: Scale) -> None:
        self.book = book
        self.scale = scale
        self._of_county: dict[FileRef, dict[str, int]] = {}

    @cached_property
    def layers(self) -> list[Layer]:
        """Every polygon layer that may speak, public and the tenant's own."""
        return [*self._public_layers(), *self._own_layers()]

    def exposure(self, peril: str, place: Place | None, county: str) -> Exposure:
        """The finest evidence about a place; an exposure without evidence says why there is none."""
        if place is None:
            return Exposure(peril, null_reason="no_location")
        reasons: list[str] = []
        for resolution in ("parcel", "tract"):
            for layer in self.layers:
                if (layer.peril, layer.resolution) == (peril, resolution):
                    said = self._by_layer(layer, place)
                    if said.method is not None:
                        return said
                    reasons.append(str(said.null_reason))
        of_county = self._by_county(peril, county)
        if of_county is None:
            return self._open(peril, reasons)
        return of_county if of_county.method else self._open(peril, [*reasons, str(of_county.null_reason)])

    def _open(self, peril: str, reasons: list[str]) -> Exposure:
        reason = "source_null" if "source_null" in reasons else reasons[0] if reasons else "no_layer"
        return Exposure(peril, reason, "no_evidence", zones_touched=0)

    def _by_layer(self, layer: Layer, place: Place) -> Exposure:
        by_polygon = place.shape is not None and layer.resolution == "parcel"
        touched = list(self._overlaps(layer, place.shape) if by_polygon else self._around(layer, place.point))
        speaking = [(zone, share) for zone, share in touched if zone.code is not None or zone.percent is not None]
        if layer.resolution != "parcel":
            speaking = [(zone, share) for zone, share in speaking if zone.percent is not None]
        if speaking:
            zone, share = max(
                speaking, key=lambda said: (*self._weight(layer, said[0]), said[1] or 0.0, -said[0].record_no)
            )
            return self._stated(layer, zone, share, len(touched), by_polygon)
        if touched:
            return Exposure(layer.peril, "source_null")
        if layer.coverage is not None and layer.coverage.contains(place.point):
            code, subtype = layer.background["zone_code"], layer.background["zone_subtype"]
            return Exposure(
                layer.peril, None, "coverage_no_zone", layer.name, layer.resolution, code, subtype,
                f"{code} | {subtype}", 0, file=layer.file,
            )  # fmt: skip
        return Exposure(layer.peril, "outside_coverage")

    def _overlaps(self, layer: Layer, shape: BaseGeometry | None) -> Iterator[tuple[Zone, float]]:
        if shape is None:
            return
        for zone in layer.near(shape):
            common = shape.intersection(zone.shape).area
            if common > 0:
                yield zone, min(1.0, common / shape.area)

    def _around(self, layer: Layer, point: shapely.Point) -> Iterator[tuple[Zone, None]]:
        return ((zone, None) for zone in layer.near(point) if zone.shape.contains(point))

    def _weight(self, layer: Layer, zone: Zone) -> tuple[int, float]:
        if zone.percent is not None:
            return 2, zone.percent
        return self.scale.weight(layer.peril, zone.code, zone.subtype)

    def _stated(self, layer: Layer, zone: Zone, share: float | None, touched: int, by_polygon: bool) -> Exposure:
        return Exposure(
            layer.peril, None, "polygon_overlap" if by_polygon else "point_in_zone", layer.name, layer.resolution,
            zone.code, zone.subtype, zone.category, touched, share, None if share is None else share < SLIVER_SHARE,
            zone.percent, layer.file, zone.record_no,
        )  # fmt: skip

    def _by_county(self, peril: str, county: str) -> Exposure | None:
        """The worst rank among the hazards of a peril; one that does not apply leaves the others standing."""
        for name, entry in self.book.layers.items():
            file = self.book.public.get(name)
            hazards = entry.get("perils", {}).get(peril)
            if file is None or not hazards:
                continue
            numbers = self._county_records(file)
            if county not in numbers:
                return Exposure(peril, "outside_coverage")
            ranked = [
                (score, said) for said in hazards if (score := self._rank(file, numbers[county], said)) is not None
            ]
            if not ranked:
                return Exposure(peril, "source_null")
            score, said = max(ranked, key=lambda r: r[0])
            rating = self.book.cells(file, numbers[county])[said["rating"]]
            return Exposure(
                peril, None, "county_lookup", f"nri_county_{peril}", "county", county, None,
                f"{said['hazard']}: {rating}", 0, score_pct=score, file=file, record_no=numbers[county],
            )  # fmt: skip
        return None

    def _county_records(self, file: SourceFile) -> dict[str, int]:
        if file.ref not in self._of_county:
            numbers = range(self.book.count(file))
            self._of_county[file.ref] = {str(self.book.read(file, n, "county_fips").value): n for n in numbers}
        return self._of_county[file.ref]

    def _rank(self, file: SourceFile, record_no: int, said: dict[str, str]) -> float | None:
        text = (self.book.cells(file, record_no)[said["score_pct"]] or "").strip()
        return float(text) if text else None

    def _public_layers(self) -> Iterator[Layer]:
        for name, entry in self.book.layers.items():
            file = self.book.public.get(name)
            if file is None or "peril" not in entry or "resolution" not in entry:
                continue
            layer = Layer(name, entry["peril"], entry["resolution"], file, list(self._zones(file)))
            layer.background = entry.get("background") or BACKGROUND
            cover = self.book.public.get(entry.get("coverage", ""))
            if cover is not None:
                drawn = [self._shape(cover, number) for number in range(self.book.count(cover))]
                layer.coverage = shapes.dissolved([shape for shape in drawn if shape is not None])
            yield layer

    def _own_layers(self) -> Iterator[Layer]:
        for file in self.book.of_type("hazard_zone"):
            by_peril: dict[str, list[Zone]] = {}
            for number in self.book.usable(file):
                said: dict[str, Any] = {
                    name: self.book.read(file, number, name).value
                    for name in ("peril", "zone_code", "category", "share_major_pct")
                }
                shape = self._shape(file, number)
                if shape is not None and said["peril"] in PERILS:
                    zone = Zone(number, shape, said["zone_code"], None, said["category"], said["share_major_pct"])
                    by_peril.setdefault(said["peril"], []).append(zone)
            for peril, zones in by_peril.items():
                yield Layer(f"{file.name}_{file.ref}_{peril}", peril, "tract", file, zones)

    def _zones(self, file: SourceFile) -> Iterator[Zone]:
        for number in range(self.book.count(file)):
            shape = self._shape(file, number)
            if shape is not None:
                code, subtype = (self.book.read(file, number, name).value for name in ("zone_code", "zone_subtype"))
                category = " | ".join(str(word) for word in (code, subtype) if word is not None)
                yield Zone(number, shape, code, subtype, category or None)  # type: ignore[arg-type]

    def _shape(self, file: SourceFile, number: int) -> BaseGeometry | None:
        crs = file.columns.options.get("crs") or shapes.DEGREES
        return shapes.polygon_of(self.book.features(file)[number].geometry, crs)[0]
