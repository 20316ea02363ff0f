"""From the columns of a public layer to a `ZoneLayer` or `CountyScores`: one function a kind of source.

Belongs here: what is particular to a source (FEMA's zone and subtype, -9999, a FIPS code that lost its zero). Does not
belong here: reading files or tables, and anything that is the same for every layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from real_estate_assets.core.hazards.flood_scale import (
    MINIMAL_SUBTYPE,
    MINIMAL_ZONE,
    FloodScale,
    ZoneMeaning,
    clean_code,
    zone_category,
)
from real_estate_assets.core.hazards.layers import (
    CountyScores,
    Floats,
    NullReason,
    Objects,
    Peril,
    Statement,
    ZoneLayer,
)

NULL_NUMBER = -9999.0


def flood_zones(
    name: str,
    geometries: Objects,
    zone_codes: Sequence[str | None],
    zone_subtypes: Sequence[str | None],
    record_nos: Sequence[int],
    scale: FloodScale,
    coverage: Any | None = None,
) -> ZoneLayer:
    """FEMA flood zones (NFHL S_FLD_HAZ_AR), m of them.

    geometries: (m,) polygons in EPSG:4326. zone_codes, zone_subtypes: FLD_ZONE and ZONE_SUBTY. coverage: the polygon
    inside which the layer is complete, so that ground without a zone is of minimal hazard; None when not known.
    """
    meanings = [scale.meaning(zone, subtype) for zone, subtype in zip(zone_codes, zone_subtypes, strict=True)]
    return ZoneLayer(
        name=name,
        peril="flood",
        resolution="parcel",
        geometries=_objects(geometries),
        zone_codes=_objects([clean_code(code) for code in zone_codes]),
        zone_subtypes=_objects([clean_code(subtype) for subtype in zone_subtypes]),
        categories=_objects([zone_category(*pair) for pair in zip(zone_codes, zone_subtypes, strict=True)]),
        severities=_numbers([None if meaning is None else meaning.score for meaning in meanings]),
        unscored_reasons=_objects([_unscored_reason(meaning) for meaning in meanings]),
        scores_pct=np.full(len(meanings), np.nan),
        annual_probabilities=_numbers(
            [None if meaning is None else meaning.annual_probability for meaning in meanings]
        ),
        record_nos=np.asarray(record_nos, np.int64),
        coverage=coverage,
        background=None if coverage is None else _minimal(scale),
    )


def _unscored_reason(meaning: ZoneMeaning | None) -> NullReason | None:
    if meaning is None:
        return "zone_not_on_scale"
    return "zone_undetermined" if meaning.score is None else None


def _minimal(scale: FloodScale) -> Statement:
    """What covered ground without a zone is: FEMA does not draw every area of minimal hazard."""
    category = zone_category(MINIMAL_ZONE, MINIMAL_SUBTYPE) or ""
    score = scale.meanings[MINIMAL_ZONE, MINIMAL_SUBTYPE].score
    return Statement(MINIMAL_ZONE, MINIMAL_SUBTYPE, category, score or 0.0)


def tract_shares(
    name: str,
    peril: Peril,
    geometries: Objects,
    tract_ids: Sequence[str],
    shares_pct: Sequence[float | None],
    record_nos: Sequence[int],
    categories: Sequence[str | None] | None = None,
) -> ZoneLayer:
    """Census tracts with a share of their properties at risk (First Street: `pct_major`), m of them.

    shares_pct: 0..100; None, NaN and -9999 are null. categories: the source's own words where it has any. Raises
    ValueError naming the record for a share outside 0..100.
    """
    scores = _percents(name, shares_pct, record_nos)
    return ZoneLayer(
        name=name,
        peril=peril,
        resolution="tract",
        geometries=_objects(geometries),
        zone_codes=_objects(tract_ids),
        zone_subtypes=np.full(len(scores), None, object),
        categories=_objects(categories if categories is not None else [None] * len(scores)),
        severities=scores / 100,
        unscored_reasons=np.where(np.isnan(scores), "source_null", np.array(None, object)),
        scores_pct=scores,
        annual_probabilities=np.full(len(scores), np.nan),
        record_nos=np.asarray(record_nos, np.int64),
    )


def county_percentiles(
    name: str,
    peril: Peril,
    county_fips: Sequence[str],
    percentiles: Sequence[float | None],
    ratings: Sequence[str | None],
    record_nos: Sequence[int],
) -> CountyScores:
    """One component of the National Risk Index (say WFIR), m counties: percentile rank among all counties, 0..100.

    county_fips: five digits; a code whose leading zero a spreadsheet ate is restored. percentiles: None, NaN and -9999
    are null ("Not Applicable"). Raises ValueError naming the record for a percentile outside 0..100.
    """
    return CountyScores(
        name=name,
        peril=peril,
        county_fips=_objects([str(fips).strip().zfill(5) for fips in county_fips]),
        percentiles=_percents(name, percentiles, record_nos),
        ratings=_objects(ratings),
        record_nos=np.asarray(record_nos, np.int64),
    )


def _objects(values: Sequence[Any] | Objects) -> Objects:
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _percents(name: str, values: Sequence[float | None], record_nos: Sequence[int]) -> Floats:
    percents = _numbers(values)
    percents[percents == NULL_NUMBER] = np.nan
    wrong = np.flatnonzero((percents < 0) | (percents > 100))
    if len(wrong):
        raise ValueError(
            f"layer {name}, record {record_nos[int(wrong[0])]}: {percents[wrong[0]]} is not a percentage from 0 to "
            "100; declare the source's null markers or correct its column map"
        )
    return percents
