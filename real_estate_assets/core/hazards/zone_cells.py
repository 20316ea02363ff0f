"""What each cell of a grid says about zones: surely in these, perhaps in those, in no other.

Belongs here: the table from cell to zones and how it is computed from the cells that edges touch. Does not belong
here: geometry of edges (`grid_frame.py`), points (`point_join.py`).

Why it is exact: between two touched cells of one row lies a run of cells that no edge of the zone enters. Such a run
is wholly inside the zone or wholly outside it, so one exact test of one point settles the run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from real_estate_assets.core.hazards.grid_frame import Frame, edge_cells, spans
from real_estate_assets.core.hazards.layers import Bools, Ints, Objects

NO_ZONE = -1


@dataclass(frozen=True, slots=True)
class CellTable:
    """Zones of each cell. codes: (rows * columns,) int32 by row then column.

    A code >= 0 is the one zone that holds the whole cell; NO_ZONE (-1) means no zone; a code <= -2 stands for a mixed
    cell, number -2 - code, whose entries are starts[number] .. starts[number + 1] - 1 in `zones`, and `is_partial`
    says for each whether the zone's edge enters the cell, so that its points must be tested one by one.
    """

    codes: NDArray[np.int32]
    starts: Ints
    zones: Ints
    is_partial: Bools


def cell_table(zones: Objects, frame: Frame) -> CellTable:
    """Classify every cell of the frame against every zone. zones: (m,) polygons, prepared here where tested."""
    touched = _touched_keys(zones, frame)
    zone, row, column, length = _inner_runs(zones, frame, touched)
    run, whole_cell = spans(row * frame.columns + column, length)
    whole_zone = zone[run]
    stride = frame.columns + 2
    partial_zone = touched // (stride * frame.rows)
    partial_cell = (touched // stride % frame.rows) * frame.columns + touched % stride - 1
    return _table(frame.rows * frame.columns, whole_cell, whole_zone, partial_cell, partial_zone)


def _touched_keys(zones: Objects, frame: Frame) -> Ints:
    """Touched cells as sorted unique keys (zone * rows + row) * (columns + 2) + column + 1.

    The two spare columns, 0 and columns + 1, are for ground beyond the frame (see `_inner_runs`).
    """
    zone, row, column = edge_cells(zones, frame)
    keys = np.sort((zone * frame.rows + row) * (frame.columns + 2) + column + 1)
    return keys[np.concatenate(([True], keys[1:] != keys[:-1]))] if len(keys) else keys


def _inner_runs(zones: Objects, frame: Frame, touched: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Runs of untouched cells that lie inside a zone: (zone, row, first column, number of cells)."""
    import shapely

    stride = frame.columns + 2
    marks = np.sort(np.concatenate((touched, _beyond(zones, frame))))
    before = np.flatnonzero((np.diff(marks) > 1) & (marks[1:] // stride == marks[:-1] // stride))
    first = marks[before] + 1
    length = marks[before + 1] - first
    zone, row, column = first // (stride * frame.rows), first // stride % frame.rows, first % stride - 1
    if len(first):  # a frame without cells on an axis has no runs, and no centres to ask for
        shapely.prepare(zones[np.unique(zone)])
        inside = shapely.contains_xy(zones[zone], *frame.centres(row, column))
        zone, row, column, length = zone[inside], row[inside], column[inside], length[inside]
    return zone, row, column, length


def _beyond(zones: Objects, frame: Frame) -> Ints:
    """Keys in the spare columns, for zones that reach beyond the frame's left or right border.

    Their edge may be out of sight, so the run between the border and the first touched cell must be looked at, too.
    """
    import shapely

    bounds = shapely.bounds(zones)
    left, right = frame.grid_x(bounds[:, 0]), frame.grid_x(bounds[:, 2])
    low, high = frame.grid_y(bounds[:, 1]), frame.grid_y(bounds[:, 3])
    seen = (left <= frame.columns) & (right >= 0) & (low <= frame.rows) & (high >= 0)
    keys = []
    for reaches, spare in ((left < 0, 0), (right >= frame.columns, frame.columns + 1)):
        zone = np.flatnonzero(seen & reaches)
        row_from = np.clip(np.floor(low[zone]), 0, frame.rows - 1).astype(np.int64)
        row_to = np.clip(np.floor(high[zone]), 0, frame.rows - 1).astype(np.int64)
        which, row = spans(row_from, row_to - row_from + 1)
        keys.append((zone[which] * frame.rows + row) * (frame.columns + 2) + spare)
    return np.concatenate(keys)


def _table(cells: int, whole_cell: Ints, whole_zone: Ints, partial_cell: Ints, partial_zone: Ints) -> CellTable:
    codes = np.full(cells, NO_ZONE, np.int32)
    codes[whole_cell] = whole_zone
    is_mixed = np.zeros(cells, bool)
    is_mixed[partial_cell] = True
    is_mixed[whole_cell[codes[whole_cell] != whole_zone]] = True  # two zones hold it: the later one overwrote the code
    mixed = np.flatnonzero(is_mixed)
    codes[mixed] = -2 - np.arange(len(mixed))

    in_mixed = is_mixed[whole_cell]
    number = -2 - codes[np.concatenate((partial_cell, whole_cell[in_mixed]))]
    zones = np.concatenate((partial_zone, whole_zone[in_mixed]))
    is_partial = np.arange(len(number)) < len(partial_cell)
    order = np.argsort(number, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(number, minlength=len(mixed)))))
    return CellTable(codes, starts, zones[order], is_partial[order])
