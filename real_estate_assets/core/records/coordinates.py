"""Latitude and longitude of records that state them: turned into degrees of EPSG:4326, impossible ones made null.

Belongs here: the two columns of a finished frame. Does not belong here: whether the file as a whole lies where it
should (`placement.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from real_estate_assets.core.records.batch import NULL_REASONS, RECORD_NO, CellIssue
from real_estate_assets.core.records.geometry import to_world

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a batch: the source's own numbers and, in degrees, the same places. NaN where a record has none."""

    record_nos: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]


def in_degrees(frame: pl.DataFrame, crs: str) -> tuple[pl.DataFrame, list[CellIssue], Points]:
    """The frame with its coordinates in EPSG:4326, the cells refused for lying off the globe, and all points."""
    import polars as pl

    x = frame["longitude"].to_numpy().astype(np.float64)
    y = frame["latitude"].to_numpy().astype(np.float64)
    longitude, latitude = to_world(x, y, crs)
    points = Points(frame[RECORD_NO].to_numpy(), x, y, longitude, latitude)
    is_point = ~(np.isnan(x) | np.isnan(y))
    on_globe = (np.abs(longitude) <= 180) & (np.abs(latitude) <= 90)
    keeps = is_point & on_globe
    placed = frame.with_columns(
        pl.Series("longitude", np.where(keeps, longitude, 0.0)).set(pl.Series(~keeps), None),
        pl.Series("latitude", np.where(keeps, latitude, 0.0)).set(pl.Series(~keeps), None),
    )
    lost = np.flatnonzero(is_point & ~on_globe)
    return _with_reasons(placed, lost), _issues(points, lost), points


def _with_reasons(frame: pl.DataFrame, rows: NDArray[np.int64]) -> pl.DataFrame:
    import polars as pl

    if not len(rows):
        return frame
    texts = frame[NULL_REASONS].to_list()
    for row in rows.tolist():
        reasons = json.loads(texts[row] or "{}")
        texts[row] = json.dumps({**reasons, "latitude": "out_of_bounds", "longitude": "out_of_bounds"})
    return frame.with_columns(pl.Series(NULL_REASONS, texts, dtype=pl.String))


def _issues(points: Points, rows: NDArray[np.int64]) -> list[CellIssue]:
    issues: list[CellIssue] = []
    for row in rows.tolist():
        number = int(points.record_nos[row])
        issues.append(CellIssue(number, "latitude", repr(float(points.y[row])), "out_of_bounds"))
        issues.append(CellIssue(number, "longitude", repr(float(points.x[row])), "out_of_bounds"))
    return issues
