"""Whether predictions came true, on counts whose answer is known."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.provenance.reliability import calibration_error, ranking_quality, reliability_bins

ROWS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 50), st.integers(0, 50)).map(lambda r: (r[0], r[1] + r[2], r[1])),
    min_size=1,
    max_size=20,
)


def counts(*rows: tuple[float, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"persistence": pl.Float64, "n": pl.Int64, "agree": pl.Int64}, orient="row")


def test_bins_weigh_cells_not_rows_and_leave_out_what_is_empty() -> None:
    bins = reliability_bins(counts((0.91, 90, 90), (0.99, 10, 0), (0.15, 10, 5), (0.5, 0, 0), (1.0, 100, 100)))
    assert [one.n for one in bins] == [10, 200]
    assert bins[1].predicted == pytest.approx((0.91 * 90 + 0.99 * 10 + 100) / 200)
    assert bins[1].measured == pytest.approx(190 / 200)
    error = calibration_error(bins)
    assert error == pytest.approx((10 * 0.35 + 200 * abs(bins[1].predicted - 0.95)) / 210)


def test_ranking_is_perfect_a_coin_or_unknown() -> None:
    assert ranking_quality(counts((0.9, 5, 5), (0.1, 5, 0))) == 1
    assert ranking_quality(counts((0.1, 5, 5), (0.9, 5, 0))) == 0
    assert ranking_quality(counts((0.5, 10, 5))) == 0.5
    assert ranking_quality(counts((0.5, 10, 10))) is None
    assert calibration_error([]) is None


@given(ROWS)
def test_ranking_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[float, int, int]]) -> None:
    right = sum(
        a[2] * (b[1] - b[2]) * (1.0 if a[0] > b[0] else 0.5 if a[0] == b[0] else 0.0) for a in rows for b in rows
    )
    pairs = sum(a[2] for a in rows) * sum(b[1] - b[2] for b in rows)
    found = ranking_quality(counts(*rows))
    assert found == (pytest.approx(right / pairs) if pairs else None)


@given(ROWS)
def test_bins_hold_every_cell_once_and_stay_shares(rows: list[tuple[float, int, int]]) -> None:
    bins = reliability_bins(counts(*rows))
    assert sum(one.n for one in bins) == sum(n for _, n, _ in rows)
    assert all(0 <= share <= 1 for one in bins for share in (one.predicted, one.measured))
