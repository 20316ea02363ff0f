"""What sales can teach of a rare trait: a planted effect is found, what cannot be seen is refused, in words."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from real_estate_assets.core.valuation.history import sale_history
from real_estate_assets.core.valuation.learnability import Learned, learnability
from tests.unit.valuation_samples import made_training, small_settings

COUNT = 1500
SETTINGS = small_settings()
TRAINING = made_training(COUNT, seed=7)


def learned(carries: np.ndarray, effect: float) -> Learned:
    """The verdict on a trait that changes prices by a share."""
    prices = TRAINING.with_columns(price_usd=pl.col("price_usd") * np.where(carries, 1 + effect, 1.0))
    traits = pl.DataFrame({"sale_id": TRAINING["sale_id"], "a flood zone": carries})
    (found,) = learnability(prices, traits, SETTINGS, sale_history(prices, SETTINGS))
    return found


SCATTERED = np.random.default_rng(11).random(COUNT) < 0.15


def test_a_planted_effect_is_found_within_its_interval() -> None:
    found = learned(SCATTERED, -0.12)
    assert found.can_be_learned
    assert found.sale_count == int(SCATTERED.sum())
    assert found.effect_low < -0.12 < found.effect_high < 0  # type: ignore[operator]
    assert "beside structure, place and time" in found.sentence


def test_no_effect_is_told_from_an_effect_that_could_not_be_seen() -> None:
    none = learned(SCATTERED, 0.0)
    assert none.can_be_learned
    assert none.effect_low < 0 < none.effect_high  # type: ignore[operator]
    assert none.minimum_detectable_effect < SETTINGS.effect_that_matters  # type: ignore[operator]
    assert "would have shown" in none.sentence


def test_what_follows_from_the_place_alone_is_not_learned_from_few_places() -> None:
    here = (TRAINING["latitude"] > TRAINING["latitude"].quantile(0.97)).to_numpy()
    found = learned(here, 0.0)
    assert found.minimum_detectable_effect > learned(SCATTERED, 0.0).minimum_detectable_effect  # type: ignore[operator]


def test_one_sale_teaches_nothing_and_the_sentence_says_so() -> None:
    one = np.arange(COUNT) == COUNT - 5
    found = learned(one, -0.5)
    assert (found.sale_count, found.can_be_learned, found.effect) == (1, False, None)
    assert found.minimum_detectable_effect > 0.3  # type: ignore[operator]
    assert found.sentence.startswith("1 training sale carries a flood zone")
    assert "no effect can be learned" in found.sentence


def test_no_sale_and_no_model_are_told_too() -> None:
    nowhere = learned(np.zeros(COUNT, bool), 0.0)
    assert (nowhere.sale_count, nowhere.minimum_detectable_effect, nowhere.can_be_learned) == (0, None, False)
    assert nowhere.sentence.startswith("No training sale carries")
    traits = pl.DataFrame({"sale_id": ["x"], "heat": [True]})
    (found,) = learnability(TRAINING.clear(), traits, SETTINGS)
    assert (found.trait, found.sale_count, found.can_be_learned) == ("heat", 0, False)


def test_where_it_is_unknown_whether_a_sale_carries_it_the_sale_says_nothing() -> None:
    carries = pl.Series([True if one else None for one in SCATTERED], dtype=pl.Boolean)
    (found,) = learnability(TRAINING, pl.DataFrame({"sale_id": TRAINING["sale_id"], "x": carries}), SETTINGS)
    assert (found.can_be_learned, found.effect) == (False, None)


def test_traits_name_each_sale_once() -> None:
    twice = pl.DataFrame({"sale_id": ["s1", "s1"], "x": [True, False]})
    with pytest.raises(ValueError, match="one row per sale_id"):
        learnability(TRAINING, twice, SETTINGS)
    with pytest.raises(ValueError, match="one row per sale_id"):
        learnability(TRAINING, twice.drop("sale_id"), SETTINGS)
