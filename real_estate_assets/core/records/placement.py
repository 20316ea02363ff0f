"""Whether a file's points lie where the tenant says it works, and which CRS it may be in where they do not.

Belongs here: the judgement of a CRS by the places it gives. County polygons are generalized and sources have strays,
so a few points outside are no error: more than 5 % over 5 km outside are. A hazard layer covers more than the tenant's
counties, a whole state often, so it must only reach them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from real_estate_assets.core.records.batch import UnreadableFile
from real_estate_assets.core.records.geometry import to_world

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

MAX_OUTSIDE_SHARE = 0.05
TOLERANCE_M = 5_000
# A whole first batch elsewhere needs no second look; a file sorted by district may well begin in an odd corner.
HOPELESS_SHARE, HOPELESS_POINTS = 0.5, 1_000
_SAMPLE = 60


@dataclass(slots=True)
class PlacementCheck:
    """Counts points inside and outside while a file is read. `counties` is None where only the range can be judged."""

    name: str
    crs: str
    counties: BaseGeometry | None
    is_layer: bool = False
    points: int = 0
    outside: int = 0
    example: str = ""
    reaches: bool = False
    _area: BaseGeometry | None = None
    _sample: list[tuple[float, float]] = field(default_factory=list)

    def add(
        self,
        record_nos: NDArray[np.int64],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        longitude: NDArray[np.float64],
        latitude: NDArray[np.float64],
        bounds: NDArray[np.float64] | None = None,
    ) -> None:
        """Takes the points of one batch: in the file's own numbers (x, y) and as degrees. NaN means no point.

        `bounds` are the shapes' boxes in degrees, where they have any. Raises UnreadableFile as soon as the file is
        hopeless.
        """
        has_point = ~(np.isnan(x) | np.isnan(y))
        is_outside = has_point & ~self._is_inside(longitude, latitude)
        self.reaches = self.reaches or self._reach(longitude, latitude, bounds)
        self.points += int(has_point.sum())
        self.outside += int(is_outside.sum())
        places = np.flatnonzero(is_outside)[: _SAMPLE - len(self._sample)]
        if len(places) and not self.example:
            first = places[0]
            self.example = f"record {int(record_nos[first])} lies at x {x[first]:.8g}, y {y[first]:.8g}"
        self._sample += [(float(x[i]), float(y[i])) for i in places]
        if self.points >= HOPELESS_POINTS and self.outside > HOPELESS_SHARE * self.points:
            self.conclude()

    def conclude(self) -> None:
        """Raises UnreadableFile where too many points lie outside."""
        is_elsewhere = self.points and self.outside > MAX_OUTSIDE_SHARE * self.points
        misses = self.is_layer and self.points and self.counties is not None and not self.reaches
        if not is_elsewhere and not misses:
            return
        if not is_elsewhere:
            said = f"none of {self.points:,} zones reaches the tenant's counties"
        elif self.counties is None or self.is_layer:
            said = f"{self.outside / self.points:.1%} of {self.points:,} points lie outside of the range of degrees"
        else:
            share = f"{self.outside / self.points:.1%} of {self.points:,} points"
            said = f"{share} lie more than {TOLERANCE_M // 1000} km outside of the tenant's counties"
        example = f"; {self.example}" if self.example else ""
        raise UnreadableFile("wrong_crs", f"{self.name}: read as {self.crs}, {said}{example}. {self._advice()}")

    def _is_inside(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.bool_]:
        import shapely

        in_range = (np.abs(longitude) <= 180) & (np.abs(latitude) <= 90)
        area = self._near()
        if area is None or self.is_layer:
            return in_range
        inside: NDArray[np.bool_] = in_range & shapely.contains_xy(area, longitude, latitude)
        return inside

    def _near(self) -> BaseGeometry | None:
        """The counties with their margin, made once."""
        import shapely

        if self._area is None and self.counties is not None:
            self._area = widened(self.counties, TOLERANCE_M)
            shapely.prepare(self._area)
        return self._area

    def _reach(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64], bounds: NDArray[np.float64] | None
    ) -> bool:
        """Whether any box (or point) touches the box around the counties."""
        area = self._near()
        if area is None:
            return True
        boxes = np.column_stack((longitude, latitude, longitude, latitude)) if bounds is None else bounds
        low_x, low_y, high_x, high_y = area.bounds
        touches = (boxes[:, 0] <= high_x) & (boxes[:, 2] >= low_x) & (boxes[:, 1] <= high_y) & (boxes[:, 3] >= low_y)
        return bool(touches.any())

    def _advice(self) -> str:
        if not self._sample:
            return "Declare the CRS the file is in, or correct county_fips."
        sample = np.array(self._sample, dtype=np.float64)
        is_beyond = bool((np.abs(sample[:, 0]) > 180).any() or (np.abs(sample[:, 1]) > 90).any())
        said = "These are no degrees. " if is_beyond else ""
        if self.counties is None:
            return said + "Declare the CRS the file is in."
        fits = fitting_crs(sample[:, 0], sample[:, 1], self.counties)
        if fits:
            return f"{said}The numbers would fit {' or '.join(fits)}: ask the publisher and declare it as 'crs'."
        return f"{said}Declare the CRS the file is in, or correct county_fips."


def widened(area: BaseGeometry, metres: float) -> BaseGeometry:
    """`area` (EPSG:4326) with a margin, measured on a plane around its own middle."""
    import shapely
    from pyproj import CRS, Transformer

    middle = area.envelope.centroid
    plane = CRS.from_proj4(f"+proj=aeqd +lat_0={middle.y} +lon_0={middle.x} +datum=WGS84 +units=m")
    there = Transformer.from_crs("EPSG:4326", plane, always_xy=True)
    back = Transformer.from_crs(plane, "EPSG:4326", always_xy=True)

    def move(transformer: Transformer, shape: BaseGeometry) -> BaseGeometry:
        moved: BaseGeometry = shapely.transform(
            shape, lambda points: np.column_stack(transformer.transform(points[:, 0], points[:, 1]))
        )
        return moved

    return move(back, shapely.buffer(move(there, area), metres, quad_segs=8))


def fitting_crs(x: NDArray[np.float64], y: NDArray[np.float64], counties: BaseGeometry, limit: int = 3) -> list[str]:
    """Up to `limit` coordinate systems, best known first, in which nearly all points lie in or near the counties."""
    import shapely
    from pyproj.exceptions import ProjError

    area = widened(counties, TOLERANCE_M)
    shapely.prepare(area)
    if shapely.contains_xy(area, y, x).mean() > 1 - MAX_OUTSIDE_SHARE:
        return ["EPSG:4326 with latitude and longitude exchanged"]
    fits: list[str] = []
    for code, title in _candidates(counties):
        try:
            longitude, latitude = to_world(x, y, code)
        except ProjError:
            continue  # a system that this build of PROJ cannot carry out
        is_inside = np.isfinite(longitude) & np.isfinite(latitude) & shapely.contains_xy(area, longitude, latitude)
        if is_inside.mean() > 1 - MAX_OUTSIDE_SHARE:
            fits.append(f"{code} ({title})")
            if len(fits) == limit:
                break
    return fits


def _candidates(counties: BaseGeometry) -> list[tuple[str, str]]:
    """Systems in use where the counties lie: degrees, Web Mercator, then EPSG's projected ones, oldest code first."""
    from pyproj.aoi import AreaOfInterest
    from pyproj.database import query_crs_info
    from pyproj.enums import PJType

    area = AreaOfInterest(*counties.bounds)
    found = query_crs_info("EPSG", pj_types=[PJType.PROJECTED_CRS], area_of_interest=area, contains=True)
    local = sorted((info for info in found if "NAD83" in info.name or "WGS 84 / UTM" in info.name), key=_rank)
    return [("EPSG:4326", "degrees"), ("EPSG:3857", "Web Mercator"), *((f"EPSG:{i.code}", i.name) for i in local)]


def _rank(info: object) -> tuple[bool, int]:
    """Plain NAD83 before its later realizations, then by code."""
    return "NAD83 /" not in str(getattr(info, "name", "")), int(getattr(info, "code", "0"))
