"""What goes into a hazard assessment and what comes out of it: the shapes, the units, the words.

Belongs here: the frozen dataclasses that the Dagster stage fills from Postgres and writes back, and the vocabularies
of their text columns. Does not belong here: how a layer's rows become a `ZoneLayer` (`sources.py`), how places and
zones are matched (`point_join.py`, `overlap.py`), which evidence wins (`assessment.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Peril = Literal["flood", "wildfire", "heat"]
Resolution = Literal["parcel", "tract", "county"]
Method = Literal["polygon_overlap", "point_in_zone", "coverage_no_zone", "county_lookup", "no_evidence"]
NullReason = Literal[
    "no_layer",  # no layer of this peril was given at all
    "no_location",  # the place has neither polygon nor point nor a county that a layer knows
    "outside_coverage",  # layers exist, none of them says anything about this place
    "source_null",  # the layer covers the place and states null (blank, -9999, Not Applicable)
    "zone_undetermined",  # the zone's own meaning is "not studied" (FEMA zone D, area not included)
    "zone_not_on_scale",  # the source wrote a zone that the score seed does not know
]

PERILS: tuple[Peril, ...] = get_args(Peril)
RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)  # finest first: this order decides which evidence wins
METHODS: tuple[Method, ...] = get_args(Method)
NULL_REASONS: tuple[NullReason, ...] = get_args(NullReason)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Objects = NDArray[np.object_]


def _require_one_length(owner: object, names: tuple[str, ...]) -> None:
    lengths = {name: len(getattr(owner, name)) for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{type(owner).__name__}: all arrays must have one length, got {lengths}")


@dataclass(frozen=True, slots=True)
class Locations:
    """Places to assess, n of them, in EPSG:4326.

    keys: (n,) any hashable, returned unchanged. geometries: (n,) shapely Polygon or MultiPolygon, or None where only
    a point is known; an empty polygon counts as None. longitudes, latitudes: (n,) degrees of the representative
    point, NaN where unknown; a missing point of a known polygon is computed. county_fips: (n,) five digits or None.
    Raises ValueError when the lengths differ.
    """

    keys: Objects
    geometries: Objects
    longitudes: Floats
    latitudes: Floats
    county_fips: Objects

    def __post_init__(self) -> None:
        _require_one_length(self, ("keys", "geometries", "longitudes", "latitudes", "county_fips"))

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a layer says about ground on which it draws no zone (NFHL: zone X, minimal)."""

    zone_code: str
    zone_subtype: str | None
    category: str
    severity: float


@dataclass(frozen=True, slots=True)
class ZoneLayer:
    """One public layer of zones, m of them, in EPSG:4326; build it with `sources.py`.

    resolution "parcel" means drawn finely enough to cut a parcel (tested by polygon overlap); at "tract" a place takes
    the zone that holds its point. severities: (m,) 0..1, NaN where the zone has no score: used to choose the worst
    zone, never published (the published score is joined in dbt from the same seed). unscored_reasons: (m,) None where
    scored. scores_pct: (m,) 0..100 or NaN. annual_probabilities: (m,) per year or NaN. record_nos: (m,) position of
    the feature in its source file. coverage: polygon inside which "no zone" means `background`; None = unknown.
    """

    name: str
    peril: Peril
    resolution: Resolution
    geometries: Objects
    zone_codes: Objects
    zone_subtypes: Objects
    categories: Objects
    severities: Floats
    unscored_reasons: Objects
    scores_pct: Floats
    annual_probabilities: Floats
    record_nos: Ints
    coverage: Any | None = None
    background: Statement | None = None

    def __post_init__(self) -> None:
        _require_one_length(
            self,
            (
                "geometries",
                "zone_codes",
                "zone_subtypes",
                "categories",
                "severities",
                "unscored_reasons",
                "scores_pct",
                "annual_probabilities",
                "record_nos",
            ),
        )
        if (self.coverage is None) != (self.background is None):
            raise ValueError(f"layer {self.name}: coverage and background come together or not at all")

    def __len__(self) -> int:
        return len(self.geometries)


@dataclass(frozen=True, slots=True)
class CountyScores:
    """One score a county, m counties (NRI).

    county_fips: (m,) five digits. percentiles: (m,) 0..100, NaN where the source gives none. ratings: (m,) the
    source's own words. record_nos: (m,) position of the row in its source file.
    """

    name: str
    peril: Peril
    county_fips: Objects
    percentiles: Floats
    ratings: Objects
    record_nos: Ints

    def __post_init__(self) -> None:
        _require_one_length(self, ("county_fips", "percentiles", "ratings", "record_nos"))

    def __len__(self) -> int:
        return len(self.county_fips)


@dataclass(frozen=True, slots=True)
class TouchedZones:
    """Every zone or county score that was weighed for a place, also those that did not win; k rows, best first.

    Coarser layers are not asked once a finer one has answered, so they are not listed.
    location_no: (k,) position in `Locations`. overlap_share: (k,) 0..1 of the parcel's area, NaN for a point.
    """

    location_no: Ints
    peril: Objects
    layer: Objects
    layer_record_no: Ints
    category: Objects
    overlap_share: Floats
    is_sliver: Bools

    def __len__(self) -> int:
        return len(self.location_no)


@dataclass(frozen=True, slots=True)
class Exposures:
    """One row a place and peril, n times the number of perils rows, ordered by peril then place.

    Unknown is None in object columns and NaN in float columns; layer_record_no is -1 where no feature stands behind
    the row (no zone drawn, or unknown). null_reason is None where the evidence carries a score, and otherwise says why
    there is none: a zone that is not on the scale keeps its category and its record. method is "no_evidence" where no
    layer says anything. overlap_share is NaN unless method is "polygon_overlap"; is_sliver is True where that share
    is under `overlap.SLIVER_SHARE`. zones_touched counts the place's rows in `touched` for this peril.
    """

    location_no: Ints
    location_key: Objects
    peril: Objects
    layer: Objects
    resolution: Objects
    method: Objects
    category: Objects
    zone_code: Objects
    zone_subtype: Objects
    zones_touched: Ints
    overlap_share: Floats
    is_sliver: Bools
    source_score_pct: Floats
    annual_probability: Floats
    layer_record_no: Ints
    null_reason: Objects
    touched: TouchedZones

    def __len__(self) -> int:
        return len(self.location_no)

    def records(self) -> Iterator[dict[str, Any]]:
        """Rows as dicts of plain Python values, NaN and -1 turned into None: what a COPY into Postgres wants."""
        return _records(self)


def touched_records(touched: TouchedZones) -> Iterator[dict[str, Any]]:
    """Rows of `TouchedZones` as dicts of plain Python values, NaN turned into None."""
    return _records(touched)


def _records(table: Exposures | TouchedZones) -> Iterator[dict[str, Any]]:
    names = [f.name for f in fields(table) if f.name != "touched"]
    columns = [_plain(getattr(table, name), name) for name in names]
    for row in zip(*columns, strict=True):
        yield dict(zip(names, row, strict=True))


def _plain(column: NDArray[Any], name: str) -> list[Any]:
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        return [None if value != value else value for value in values]
    if name == "layer_record_no":
        return [None if value < 0 else value for value in values]
    return values
