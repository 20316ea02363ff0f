"""Comparable sales: which count, in which order, with which adjustment, and in which words."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.valuation.comparables import (
    SaleCandidate,
    Subject,
    comparables,
    distance_km,
    ranking,
)
from real_estate_assets.core.valuation.comparables_points import (
    SaleModel,
    candidate,
    sale_points,
    sale_space,
    subjects,
)
from real_estate_assets.core.valuation.comparables_vectors import (
    DIMENSIONS,
    LeafSpace,
    leaf_space,
    leaves_as_text,
    leaves_from_text,
    leaves_of,
)
from real_estate_assets.core.valuation.matrix import days
from real_estate_assets.core.valuation.model import fit
from tests.unit.valuation_samples import made_training, small_settings

VALUED_ON = dt.date(2021, 6, 1)
TREES = 12


def subject(**changes: Any) -> Subject:
    values: dict[str, Any] = {
        "property_id": "subject",
        "valued_on": VALUED_ON,
        "leaves": np.arange(TREES, dtype=np.uint16),
        "log_estimate": math.log(500_000),
        "latitude": 47.6,
        "longitude": -122.3,
        "facts": {"building_sqft": 1_800.0, "bedrooms": 3, "year_built": 1951, "is_waterfront": False},
    }
    return Subject(**{**values, **changes})


def sale(number: int = 1, shared: int = 6, **changes: Any) -> SaleCandidate:
    """A sale that shares its first `shared` leaves with the subject."""
    own, other = np.arange(shared, dtype=np.uint16), np.full(TREES - shared, 99, np.uint16)
    values: dict[str, Any] = {
        "sale_id": f"sale-{number}",
        "property_id": f"property-{number}",
        "sale_date": VALUED_ON - dt.timedelta(days=40),
        "price_usd": 400_000.0,
        "leaves": np.concatenate([own, other]),
        "log_at_sale": math.log(390_000),
        "log_when_valued": math.log(410_000),
        "latitude": 47.61,
        "longitude": -122.3,
        "facts": {"building_sqft": 1_750.0, "bedrooms": 3, "is_waterfront": False},
    }
    return SaleCandidate(**{**values, **changes})


sales = st.builds(
    lambda number, owner, shared, ago: sale(
        number, shared, property_id=f"property-{owner}", sale_date=VALUED_ON - dt.timedelta(days=ago)
    ),
    st.integers(0, 10_000), st.integers(0, 6), st.integers(0, TREES), st.integers(-5, 60),
)  # fmt: skip


@given(st.lists(sales, max_size=25, unique_by=lambda one: one.sale_id), st.integers(1, 8), st.integers(0, 6))
def test_only_earlier_sales_of_others_best_first_one_a_property(
    candidates: list[SaleCandidate], shown: int, own: int
) -> None:
    asked = subject(property_id=f"property-{own}")
    found = comparables(asked, candidates, shown)
    allowed = [one for one in candidates if one.sale_date < VALUED_ON and one.property_id != asked.property_id]
    assert {one.sale_id for one in found} <= {one.sale_id for one in allowed}
    assert all(one.days_before >= 1 for one in found)
    assert [one.shared_trees for one in found] == sorted((one.shared_trees for one in found), reverse=True)
    assert len({one.property_id for one in found}) == len(found)
    assert len(found) == min(shown, len({one.property_id for one in allowed}))
    best = {one.property_id: 0 for one in allowed}
    for one in allowed:
        best[one.property_id] = max(best[one.property_id], int((one.leaves == asked.leaves).sum()))
    assert [one.shared_trees for one in found] == sorted(best.values(), reverse=True)[: len(found)]


@given(st.lists(sales, max_size=15, unique_by=lambda one: one.sale_id), st.randoms())
def test_the_order_depends_on_nothing_but_the_sales(candidates: list[SaleCandidate], shuffled: Any) -> None:
    mixed = list(candidates)
    shuffled.shuffle(mixed)
    keys = [[one.sale_id for one, _ in ranking(subject(), some)] for some in (candidates, mixed)]
    assert keys[0] == keys[1]


def test_of_equals_the_newer_sale_comes_first() -> None:
    days_ago = (30, 10, 20)
    candidates = [sale(number, sale_date=VALUED_ON - dt.timedelta(days=number)) for number in days_ago]
    assert [one.days_before for one in comparables(subject(), candidates)] == [10, 20, 30]


def test_a_sale_of_the_valuation_day_or_later_never_counts() -> None:
    late = [sale(number, TREES, sale_date=VALUED_ON + dt.timedelta(days=number)) for number in (0, 1, 400)]
    assert comparables(subject(), late) == []


def test_the_property_s_own_sale_never_counts() -> None:
    assert comparables(subject(), [sale(1, TREES, property_id="subject")]) == []


@given(*[st.floats(8, 17)] * 3, st.floats(1, 1e8))
def test_the_adjustment_is_the_model_s_difference_and_its_two_factors(
    log_subject: float, log_at_sale: float, log_when_valued: float, price: float
) -> None:
    made = sale(log_at_sale=log_at_sale, log_when_valued=log_when_valued, price_usd=price)
    found = comparables(subject(log_estimate=log_subject), [made])[0]
    assert found.property_adjustment is not None
    assert found.time_adjustment is not None
    both = (1 + found.property_adjustment) * (1 + found.time_adjustment)
    assert both == pytest.approx(1 + found.adjustment, rel=1e-9)
    assert found.adjusted_price_usd == pytest.approx(price * math.exp(log_subject - log_at_sale), rel=1e-9)


def test_a_known_answer_in_figures_and_words() -> None:
    found = comparables(subject(), [sale()])[0]
    assert (found.score, found.shared_trees, found.trees, found.days_before) == (0.5, 6, 12, 40)
    assert found.distance_km == pytest.approx(1.11195, abs=1e-4)  # 0.01 degrees of latitude on the mean sphere
    assert found.adjusted_price_usd == pytest.approx(400_000 * 500 / 390)
    assert found.reason == (
        "The model puts both into the same leaf in 6 of 12 trees. Sold 40 days before, 1.1 km away. The same: "
        "bedrooms 3. Different, sold house against property: living area 1,750 sqft against 1,800 sqft. Unknown: year "
        "built of the sold house. For the differences of the house the model adds 22.0 %, for the time since then it "
        "adds 5.1 %."
    )


def test_words_for_water_nothing_added_and_one_day() -> None:
    on_water = {"is_waterfront": True}
    made = sale(facts=on_water, sale_date=VALUED_ON - dt.timedelta(days=1), log_at_sale=math.log(500_000))
    found = comparables(subject(facts=on_water), [made._replace(log_when_valued=math.log(500_000))])[0]
    assert "Sold 1 day before" in found.reason
    assert "The same: waterfront yes." in found.reason
    assert found.reason.endswith("the model adds nothing, for the time since then it adds nothing.")


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_without_a_location_there_is_no_distance_and_the_reason_is_said(unknown: float | None) -> None:
    of_subject = comparables(subject(latitude=unknown), [sale(latitude=unknown)])[0]
    assert (of_subject.distance_km, of_subject.distance_reason) == (None, "subject_without_location")
    assert "the property has no location" in of_subject.reason
    of_sale = comparables(subject(), [sale(longitude=unknown)])[0]
    assert (of_sale.distance_km, of_sale.distance_reason) == (None, "sale_without_location")
    assert "the sold house has no location" in of_sale.reason


def test_another_day_than_the_published_one_tells_the_whole_adjustment_alone() -> None:
    found = comparables(subject(), [sale(log_when_valued=None)])[0]
    assert (found.property_adjustment, found.time_adjustment) == (None, None)
    assert found.reason.endswith("For house and time together the model adds 28.2 %.")


def test_a_subject_of_which_nothing_is_known_gets_comparables_all_the_same() -> None:
    found = comparables(subject(facts={}, latitude=None, longitude=None), [sale()])[0]
    assert "Unknown: living area of the property, bedrooms of the property" in found.reason


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_no_valid_sale_has_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="no valid sale has"):
        comparables(subject(), [sale(price_usd=price)])


def test_an_estimate_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="are not both numbers"):
        comparables(subject(log_estimate=float("nan")), [sale()])


def test_leaves_of_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="different models"):
        comparables(subject(), [sale(leaves=np.zeros(TREES + 1, np.uint16))])


place = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(place, place)
def test_a_distance_is_the_same_both_ways_and_at_most_half_round(
    here: tuple[float, float], there: tuple[float, float]
) -> None:
    away = distance_km(here, there)
    assert away is not None
    assert away == pytest.approx(distance_km(there, here) or 0.0, abs=1e-6)
    assert 0 <= away <= 20_016
    assert distance_km(here, here) == 0


@pytest.fixture(scope="module")
def training() -> pl.DataFrame:
    return made_training(300)


@pytest.fixture(scope="module")
def model(training: pl.DataFrame) -> SaleModel:
    bag = fit(training, small_settings(history_blocks=3))
    return SaleModel.of(bag, sale_space(training, bag.base_booster, bag.encoder, 1))


def test_the_same_sales_give_the_same_bytes_and_back(training: pl.DataFrame, model: SaleModel) -> None:
    again = sale_space(training, model.booster, model.encoder, 1)
    assert again.to_bytes() == model.space.to_bytes()
    restored = LeafSpace.from_bytes(model.space.to_bytes())
    leaves = leaves_of(model.booster, model.encoder.base(training, days(training["sale_date"])), 1)
    assert np.array_equal(restored.place(leaves), model.space.place(leaves))
    assert model.space.place(leaves).shape == (training.height, DIMENSIONS)


def test_near_in_the_space_is_near_in_leaves(training: pl.DataFrame, model: SaleModel) -> None:
    """With all its dimensions the space is exact: half the squared distance is the number of trees that differ."""
    leaves = np.random.default_rng(0).integers(0, 5, (40, 8)).astype(np.uint16)  # 40 columns: fewer than 64
    placed = leaf_space(leaves).place(leaves)
    apart = ((placed[:, None] - placed[None]) ** 2).sum(axis=2) / 2
    differ = (leaves[:, None] != leaves[None]).sum(axis=2)
    assert np.allclose(apart, differ, atol=1e-3)


def test_a_leaf_that_no_sale_fell_into_points_nowhere() -> None:
    space = leaf_space(np.array([[0, 0], [1, 1]], np.uint16))
    assert np.allclose(space.place(np.array([[7, 7]], np.uint16)), 0)
    assert space.place(np.empty((0, 2), np.uint16)).shape == (0, DIMENSIONS)


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(ValueError, match="no sale"):
        leaf_space(np.empty((0, 3), np.uint16))
    with pytest.raises(ValueError, match="leaves of 2 trees are placed here"):
        leaf_space(np.array([[0, 1]], np.uint16)).place(np.zeros((1, 3), np.uint16))
    with pytest.raises((ValueError, EOFError)):
        LeafSpace.from_bytes(b"nothing of the kind")


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=30))
def test_leaves_come_back_from_text(leaves: list[int]) -> None:
    assert leaves_from_text(leaves_as_text(np.array(leaves, np.uint16))).tolist() == leaves


def test_a_published_sale_is_its_own_nearest_and_reads_back(training: pl.DataFrame, model: SaleModel) -> None:
    valued_on = training["sale_date"].max() + dt.timedelta(days=1)
    points = sale_points(training, model, valued_on)
    assert points.keys == training["sale_id"].to_list()
    number = 123
    row = training[number : number + 1]
    asked, vectors = subjects(row, model, [points.days[number]])
    distances = np.linalg.norm(points.vectors - vectors[0], axis=1)
    assert distances[number] == pytest.approx(0, abs=1e-3)
    assert distances.min() == pytest.approx(distances[number], abs=1e-3)
    read = candidate(
        points.keys[number], points.property_ids[number], points.days[number],
        json.loads(json.dumps(points.payloads[number])), valued_on,
    )  # fmt: skip
    assert np.array_equal(read.leaves, asked[0].leaves)
    assert read.log_at_sale == pytest.approx(asked[0].log_estimate, abs=1e-9)
    assert read.log_when_valued is not None
    assert read.facts == asked[0].facts
    other_day = candidate("s", "p", points.days[number], points.payloads[number], VALUED_ON)
    assert other_day.log_when_valued is None


def test_unknown_values_of_a_property_stay_unknown(training: pl.DataFrame, model: SaleModel) -> None:
    bare = training[:1].with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("latitude", "longitude", "building_sqft", "year_built")
    )
    asked, vectors = subjects(bare, model, [VALUED_ON])
    assert (asked[0].latitude, asked[0].longitude) == (None, None)
    assert "building_sqft" not in asked[0].facts
    assert np.isfinite(vectors).all()
