"""The learning curve draws smaller tenants and judges each on its own newest sales."""

from __future__ import annotations

import pytest

from real_estate_assets.core.valuation.learning_curve import learning_curve
from tests.unit.valuation_samples import made_training, small_settings

SETTINGS = small_settings(walk_days=60, trees=15, history_trees=15)


def test_more_sales_are_judged_on_as_many_and_missed_by_less() -> None:
    found = learning_curve(made_training(900, seed=4), SETTINGS, (120, 900), judged=60)
    assert found["sale_count"].to_list() == [120, 900]
    assert found["tenants"].to_list() == [3, 1]
    assert (found["judged_count"] >= 54).all()
    few, many = found["median_error"].to_list()
    assert many < few
    assert found["interval_share"].is_between(0, 1).all()
    assert found["neighbour_error"].is_not_null().all()


def test_the_same_settings_draw_the_same_tenants() -> None:
    rows = made_training(200)
    assert learning_curve(rows, SETTINGS, (120,), judged=18).equals(learning_curve(rows, SETTINGS, (120,), judged=18))


def test_more_sales_than_there_are_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="300 sales asked for, 200 there"):
        learning_curve(made_training(200), SETTINGS, (100, 300))
