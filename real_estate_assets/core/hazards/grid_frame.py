"""A square grid laid over points, and which of its cells the edges of zones touch.

Belongs here: the frame (where the cells are) and the conservative rasterization of polygon edges: every cell that an
edge touches is found, a cell too many costs time only, a cell too few would cost a wrong answer. Does not belong here:
what a cell means for a zone (`zone_cells.py`), points (`point_join.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from real_estate_assets.core.hazards.layers import Floats, Ints, Objects

# An extent this thin against the coordinates' own size has no room for cells: all its points share one column.
_THINNEST = 1e-8
# Just under 1, so that the greatest coordinate falls into the last cell and not one beyond it.
_SHRINK = 1 - 1e-12


@dataclass(frozen=True, slots=True)
class Frame:
    """`rows` by `columns` cells over the extent (x0, y0, x1, y1); the scales are cells per unit of the coordinates.

    A coordinate's cell is `floor((v - v0) * scale)`, computed the same way for points and for edges. Rounding keeps
    that expression monotonic, so an edge never skips the cell of a point that it passes.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    x_scale: float
    y_scale: float
    columns: int
    rows: int

    @classmethod
    def over(cls, extent: tuple[float, float, float, float], cells: int) -> Frame:
        """Lay about so many cells over an extent (x0, y0, x1, y1), as nearly square as whole numbers allow.

        Square cells are touched by the fewest edges, so the fewest points are left to test.
        """
        x0, y0, x1, y1 = extent
        thinnest = _THINNEST * max(abs(v) for v in extent)
        width, height = ((wide if wide > thinnest else 0.0) for wide in (x1 - x0, y1 - y0))
        square = math.sqrt(cells * width / height) if height else cells
        columns = min(max(round(square), 1), cells) if width else 1
        rows = max(cells // columns, 1) if height else 1
        x_scale, y_scale = (
            (count / wide * _SHRINK if wide else 0.0) for count, wide in ((columns, width), (rows, height))
        )
        return cls(x0, y0, x1, y1, x_scale, y_scale, columns, rows)

    def grid_x(self, x: Floats) -> Floats:
        """Coordinates in units of columns."""
        return (x - self.x0) * self.x_scale

    def grid_y(self, y: Floats) -> Floats:
        """Coordinates in units of rows."""
        return (y - self.y0) * self.y_scale

    def contains(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Which points lie in the extent, its border included; NaN does not."""
        inside: NDArray[np.bool_] = (x >= self.x0) & (x <= self.x1) & (y >= self.y0) & (y <= self.y1)
        return inside

    def centres(self, rows: Ints, columns: Ints) -> tuple[Floats, Floats]:
        """Centre points of cells. Only for cells of an axis that has more than one: a thin axis has no centres."""
        x = self.x0 + (columns + 0.5) / self.x_scale
        y = self.y0 + (rows + 0.5) / self.y_scale
        return x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)


def spans(starts: NDArray[Any], counts: NDArray[Any]) -> tuple[Ints, Ints]:
    """Concatenate the ranges starts[i] .. starts[i] + counts[i] - 1; return (i of each element, the elements)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    offset = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
    return owner, starts[owner] + offset


def edge_cells(zones: Objects, frame: Frame) -> tuple[Ints, Ints, Ints]:
    """Cells touched by the edges of polygons: (zone, row, column), with repetitions.

    zones: (m,) shapely polygons or multipolygons, valid or not. Every touched cell inside the frame is listed; some
    that are only nearly touched may be, too.
    """
    zone, ax, ay, bx, by = _edges(zones, frame)
    rows_from = np.clip(np.floor(ay), 0, frame.rows - 1).astype(np.int64)
    rows_to = np.clip(np.floor(by), 0, frame.rows - 1).astype(np.int64)
    edge, row = spans(rows_from, rows_to - rows_from + 1)
    left, right = _crossing(ax, ay, bx, by, edge, row)
    met = np.flatnonzero((right >= 0) & (left <= frame.columns))
    columns_from = np.clip(np.floor(left[met]), 0, frame.columns - 1).astype(np.int64)
    columns_to = np.clip(np.floor(right[met]), 0, frame.columns - 1).astype(np.int64)
    crossing, column = spans(columns_from, columns_to - columns_from + 1)
    at = met[crossing]
    return zone[edge[at]], row[at], column


def _edges(zones: Objects, frame: Frame) -> tuple[Ints, Floats, Floats, Floats, Floats]:
    """Edges that come near the frame, in grid units, lower end first: (zone, ax, ay, bx, by)."""
    import shapely

    parts, zone_of_part = shapely.get_parts(zones, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    xy, ring_of_vertex = shapely.get_coordinates(rings, return_index=True)
    x, y = frame.grid_x(xy[:, 0]), frame.grid_y(xy[:, 1])
    start = np.flatnonzero(
        (ring_of_vertex[1:] == ring_of_vertex[:-1])
        & (np.maximum(x[1:], x[:-1]) >= 0)
        & (np.minimum(x[1:], x[:-1]) <= frame.columns)
        & (np.maximum(y[1:], y[:-1]) >= 0)
        & (np.minimum(y[1:], y[:-1]) <= frame.rows)
    )
    low = np.where(y[start] <= y[start + 1], start, start + 1)
    high = 2 * start + 1 - low
    return zone_of_part[part_of_ring[ring_of_vertex[start]]], x[low], y[low], x[high], y[high]


def _crossing(ax: Floats, ay: Floats, bx: Floats, by: Floats, edge: Ints, row: Ints) -> tuple[Floats, Floats]:
    """Left and right end of each edge within each of its rows, in columns, widened by more than rounding can move them.

    The widening is some 40 times the rounding error of the interpolation. Where interpolation is ill-conditioned
    (flat or tiny edges) the whole width of the edge counts for every row it meets.
    """
    dx, dy = bx - ax, by - ay
    magnitude = np.abs(ax) + np.abs(bx) + np.abs(ay) + np.abs(by) + 1
    flat = (dy <= 1e-6 * np.abs(dx)) | (np.maximum(np.abs(dx), dy) < 1e-3) | (dy < 1e-14 * magnitude)
    slope = np.where(flat, 0.0, dx / np.where(flat, 1.0, dy))
    margin = np.where(flat, np.inf, 1e-14 * magnitude * (1 + np.abs(slope)) + 1e-9)
    at_bottom = ax[edge] + (row - ay[edge]) * slope[edge]
    at_top = at_bottom + slope[edge]
    left = np.maximum(np.minimum(ax, bx)[edge], np.minimum(at_bottom, at_top) - margin[edge])
    right = np.minimum(np.maximum(ax, bx)[edge], np.maximum(at_bottom, at_top) + margin[edge])
    return left, right
