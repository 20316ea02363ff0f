"""Every cell that an edge touches is found: proved with exact fractions where rounding could hide one."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from real_estate_assets.core.hazards.grid_frame import Frame, edge_cells, spans


def cell(frame, x, y):
    return (
        int(np.floor(frame.grid_y(np.array([y])))[0]),
        int(np.floor(frame.grid_x(np.array([x])))[0]),
    )


def neighbours_of_crossing(a, b, y):
    """The two neighbouring floats between which the edge a-b crosses the height y, by exact arithmetic."""
    (ax, ay), (bx, by) = ((Fraction(float(v)) for v in point) for point in (a, b))
    x = ax + (Fraction(float(y)) - ay) * (bx - ax) / (by - ay)
    near = float(x)
    return (near, np.nextafter(near, inf)) if Fraction(near) <= x else (np.nextafter(near, -inf), near)


def heights_at_row_borders(frame, low, high):
    """Floats on both sides of every border between rows: the heights at which an edge changes its row."""
    for row in range(frame.rows + 1):
        y = frame.y0 + row / frame.y_scale
        for height in (np.nextafter(y, -inf), y, np.nextafter(y, inf)):
            if low < height < high and frame.y0 <= height <= frame.y1:
                yield height


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 40.0, -71.0, 1e5]),
    st.sampled_from([0.01, 1.0, 100.0]),
    st.sampled_from([1.0, 30.0, 1e4]),
)
def test_a_cell_with_points_on_both_sides_of_an_edge_is_listed(seed, offset, size, reach):
    """Two points of one cell with the edge between them: leaving the cell out would make one of them wrong."""
    rng = np.random.default_rng(seed)
    x0, y0 = offset + rng.uniform(0, size, 2)
    frame = Frame.over((x0, y0, x0 + size, y0 + size * rng.uniform(0.3, 3)), int(rng.integers(1, 1600)))
    # Through a corner of the grid, as nearly as floats can: there the last bit decides which cells are touched.
    corner = rng.integers(0, (frame.columns, frame.rows))
    middle = np.array([x0 + corner[0] / frame.x_scale, y0 + corner[1] / frame.y_scale])
    way = rng.normal(size=2) * size * reach
    corners = [middle - way, middle + way, middle + way + rng.normal(size=2) * size]
    zone, row, column = edge_cells(np.array([Polygon(corners)], object), frame)
    listed = set(zip(row.tolist(), column.tolist(), strict=True))
    assert set(zone.tolist()) <= {0}
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        for y in heights_at_row_borders(frame, min(a[1], b[1]), max(a[1], b[1])):
            left, right = neighbours_of_crossing(a, b, y)
            if frame.x0 <= left and right <= frame.x1 and cell(frame, left, y) == cell(frame, right, y):
                assert cell(frame, left, y) in listed


def test_the_greatest_coordinate_falls_into_the_last_cell():
    for cells in (1, 7, 64, 444_444, 1 << 22):
        for extent in ((0.0, 0.0, 1.0, 3.0), (-71.16, 42.35, -71.06, 42.41), (-179.2, 17.9, 179.8, 71.4)):
            frame = Frame.over(extent, cells)
            assert cell(frame, extent[2], extent[3]) == (frame.rows - 1, frame.columns - 1)
            assert cell(frame, extent[0], extent[1]) == (0, 0)


def test_cells_are_about_square_and_about_as_many_as_asked_for():
    frame = Frame.over((-179.2, 17.9, 179.8, 71.4), 400_000)
    assert 380_000 < frame.rows * frame.columns <= 400_000
    assert abs(frame.x_scale / frame.y_scale - 1) < 0.01


def test_an_axis_without_room_has_one_cell():
    assert Frame.over((5.0, 0.0, 5.0, 9.0), 100).columns == 1
    assert Frame.over((5.0, 0.0, 5.0, 9.0), 100).rows == 100
    assert Frame.over((0.0, 3.0, 9.0, 3.0), 100).rows == 1
    assert Frame.over((3.0, 3.0, 3.0, 3.0), 100).columns == Frame.over((3.0, 3.0, 3.0, 3.0), 100).rows == 1


def test_spans_concatenates_ranges():
    owner, values = spans(np.array([5, 0, 9]), np.array([2, 0, 3]))
    assert owner.tolist() == [0, 0, 2, 2, 2]
    assert values.tolist() == [5, 6, 9, 10, 11]
