"""From counts to parameters, and from parameters to predictions and alarms: bounds, limits, and no counting twice."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from real_estate_assets.core.provenance.agreement import COUNTS
from real_estate_assets.core.provenance.calibration import (
    Parameter,
    VintagePair,
    confidence_parameters,
    method_parameter,
    parents,
    reliability_parameters,
    row_check_parameters,
    shrunk,
    stability_parameters,
)
from real_estate_assets.core.provenance.prediction import alarms, predicted
from real_estate_assets.core.provenance.survival import Seen, surviving
from real_estate_assets.core.provenance.trust_model import newest_model

MODEL = newest_model()
WEIGHT = MODEL.prior_weight
Row = tuple[str, str, str, int, int]


def counts(*rows: Row) -> pl.DataFrame:
    """Rows of (field, segment, failed, n, agree)."""
    kinds = {name: pl.String if name in ("field", "segment", "failed") else pl.Int64 for name in COUNTS}
    return pl.DataFrame([(*row, 0, 0) for row in rows], schema=kinds, orient="row")


def pair(*rows: Row, years: float = 1.0, kind: str = "roll", against: str = "roll of 2014") -> VintagePair:
    return VintagePair(kind, years, against, counts(*rows))


def estimates(parameters: list[Parameter]) -> dict[str, float]:
    return {one.segment: one.estimate for one in parameters}


SHARE = st.floats(0.001, 0.999)
COUNTED = st.integers(0, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
SEEN = st.tuples(COUNTED, st.floats(0.5, 20)).map(lambda made: Seen(*made[0], made[1]))


# --- survival per year


@given(SHARE, st.floats(0.1, 1000))
def test_nothing_seen_leaves_the_prior(prior: float, weight: float) -> None:
    assert surviving([], prior, weight) == pytest.approx(prior, abs=1e-9)
    assert surviving([Seen(0, 0, 11.0)], prior, weight) == pytest.approx(prior, abs=1e-9)


@given(COUNTED, SHARE)
def test_pairs_of_one_year_are_plain_shrinkage(seen: tuple[int, int], prior: float) -> None:
    n, agree = seen
    assert surviving([Seen(n, agree, 1.0)], prior, WEIGHT) == pytest.approx(shrunk(n, agree, prior, WEIGHT), abs=1e-9)


@given(st.lists(SEEN, max_size=4), st.floats(0, 1))
@example([Seen(2, 2, 7.0)], 0.9999999999999999)
def test_survival_is_a_probability(seen: list[Seen], prior: float) -> None:
    assert 0 <= surviving(seen, prior, WEIGHT) <= 1


@given(st.lists(SEEN, min_size=1, max_size=3), SHARE)
def test_one_more_agreement_never_lowers_survival(seen: list[Seen], prior: float) -> None:
    first, *others = seen
    assume(first.agree < first.n)
    more = [first._replace(agree=first.agree + 1), *others]
    assert surviving(more, prior, WEIGHT) >= surviving(seen, prior, WEIGHT) - 1e-12


@given(st.floats(0.7, 0.999), st.floats(0.5, 20))
def test_many_pairs_find_the_survival_they_were_made_with(survival: float, years: float) -> None:
    n = 10**9
    found = surviving([Seen(n, round(n * survival**years), years)], 0.5, WEIGHT)
    assert found == pytest.approx(survival, abs=2e-3)


@given(st.floats(0.9, 0.999))
def test_spans_that_tell_of_one_survival_agree_with_each_other(survival: float) -> None:
    n = 10**7
    seen = [Seen(n, round(n * survival**years), years) for years in (1.0, 3.0, 11.0)]
    assert surviving(seen, 0.1, WEIGHT) == pytest.approx(survival, abs=1e-4)


@pytest.mark.parametrize("seen", [Seen(3, 4, 1.0), Seen(3, -1, 1.0), Seen(3, 1, 0.0)])
def test_impossible_counts_are_refused(seen: Seen) -> None:
    with pytest.raises(ValueError, match="impossible"):
        surviving([seen], 0.5, WEIGHT)


@pytest.mark.parametrize(("prior", "weight"), [(1.1, 20), (-0.1, 20), (0.5, 0)])
def test_an_impossible_prior_is_refused(prior: float, weight: float) -> None:
    with pytest.raises(ValueError, match="prior"):
        surviving([], prior, weight)


# --- stability


def test_a_part_is_pulled_to_its_parent_and_the_whole_to_the_prior() -> None:
    found = stability_parameters(
        [pair(("area", "CONDO|A", "", 10, 1), ("area", "CONDO|B", "", 0, 0), ("area", "HOUSE", "", 1000, 900))],
        {"area": 0.99}, MODEL,
    )  # fmt: skip
    whole = shrunk(1010, 901, 0.99, WEIGHT)
    condo = shrunk(10, 1, whole, WEIGHT)
    assert estimates(found) == pytest.approx(
        {
            "all": whole,
            "HOUSE": shrunk(1000, 900, whole, WEIGHT),
            "CONDO": condo,
            "CONDO|A": shrunk(10, 1, condo, WEIGHT),
        },
        abs=1e-9,
    )
    assert {one.segment: one.prior for one in found} == pytest.approx(
        {"all": 0.99, "HOUSE": whole, "CONDO": whole, "CONDO|A": condo}, abs=1e-9
    )


def test_what_a_row_says_of_its_measurement() -> None:
    (whole, part) = stability_parameters([pair(("area", "HOUSE", "", 8, 7), years=2.0)], {"area": 0.9}, MODEL)
    assert part[:7] == ("stability", "roll", "area", "HOUSE", 8, 7, 2.0)
    assert whole.against == "roll of 2014"
    assert whole.prior == 0.9


def test_pairs_of_one_kind_are_pooled_and_of_another_kept_apart() -> None:
    pairs = [
        pair(("area", "HOUSE", "", 100, 90), against="roll of 2014"),
        pair(("area", "HOUSE", "", 300, 120), years=3.0, against="roll of 2017"),
        pair(("area", "HOUSE", "", 5, 0), kind="sales"),
    ]
    found = {(one.source_kind, one.segment): one for one in stability_parameters(pairs, {}, MODEL)}
    pooled = found["roll", "all"]
    assert (pooled.n, pooled.agree, pooled.years) == (400, 210, 2.5)
    assert pooled.against == "roll of 2014; roll of 2017"
    unknown = MODEL.unknown_survival_per_year
    assert pooled.estimate == surviving([Seen(100, 90, 1.0), Seen(300, 120, 3.0)], unknown, WEIGHT)
    assert found["sales", "all"].n == 5


def test_records_that_fail_a_check_do_not_count_into_survival() -> None:
    found = stability_parameters([pair(("area", "HOUSE", "", 9, 9), ("area", "HOUSE", "odd", 90, 0))], {}, MODEL)
    assert {one.n for one in found} == {9}


def test_a_field_without_a_prior_starts_at_the_half_life_of_the_unknown() -> None:
    found = stability_parameters([pair(("area", "HOUSE", "", 1, 1))], {}, MODEL)
    assert found[0].prior == MODEL.unknown_survival_per_year


@pytest.mark.parametrize(
    ("segment", "expected"),
    [("all", ["all"]), ("HOUSE", ["HOUSE", "all"]), ("A|b|c", ["A|b|c", "A|b", "A", "all"])],
)
def test_parents_are_found_by_cutting(segment: str, expected: list[str]) -> None:
    assert parents(segment) == expected


# --- failed checks


def row_checks_of(*rows: Row, years: float = 1.0) -> list[Parameter]:
    pairs = [pair(*rows, years=years)]
    return row_check_parameters(pairs, stability_parameters(pairs, {}, MODEL), {}, MODEL)


def test_a_check_is_worth_what_its_records_agree_of_what_survival_predicts() -> None:
    (found,) = row_checks_of(("area", "HOUSE", "", 10**7, 8 * 10**6), ("area", "HOUSE", "odd", 10**6, 4 * 10**5))
    assert found[:6] == ("row_check", "roll", "area", "odd", 10**6, 4 * 10**5)
    assert found.estimate == pytest.approx(0.5, abs=1e-3)
    assert found.prior == MODEL.failed_check_factor


def test_a_check_whose_records_agree_as_often_as_others_costs_nothing_in_the_end() -> None:
    (found,) = row_checks_of(
        ("area", "HOUSE", "", 10**6, 5 * 10**5), ("area", "HOUSE", "odd", 10**6, 5 * 10**5), years=7.0
    )
    assert found.estimate == pytest.approx(1, abs=1e-3)


def test_a_failed_check_is_never_a_good_sign() -> None:
    (found,) = row_checks_of(("area", "HOUSE", "", 1000, 10), ("area", "HOUSE", "odd", 1000, 1000))
    assert found.estimate == 1


def test_a_check_that_few_records_fail_stays_near_the_prior() -> None:
    (found,) = row_checks_of(("area", "HOUSE", "", 1000, 1000), ("area", "HOUSE", "odd", 1, 1))
    assert MODEL.failed_check_factor < found.estimate < MODEL.failed_check_factor + 0.05


def test_records_that_fail_several_checks_say_nothing_of_any_one() -> None:
    assert row_checks_of(("area", "HOUSE", "", 9, 9), ("area", "HOUSE", "odd, else", 9, 0)) == []


# --- independent sources, bands, methods


def segments(*rows: tuple[str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"segment": pl.String, "n": pl.Int64, "agree": pl.Int64}, orient="row")


def test_reliability_of_all_and_of_each_part() -> None:
    found = reliability_parameters(
        "roll", "area", segments(("HOUSE", 90, 60), ("CONDO", 10, 0)), prior=0.8, against="polygon", model=MODEL
    )
    whole = shrunk(100, 60, 0.8, WEIGHT)
    assert estimates(found) == {
        "all": whole,
        "CONDO": shrunk(10, 0, whole, WEIGHT),
        "HOUSE": shrunk(90, 60, whole, WEIGHT),
    }
    assert {(one.kind, one.years, one.against) for one in found} == {("independent", None, "polygon")}


def test_counts_of_all_are_not_counted_twice() -> None:
    found = reliability_parameters("roll", "area", segments(("all", 10, 5)), prior=0.8, against="polygon", model=MODEL)
    assert [one.segment for one in found] == ["all"]


def test_nothing_compared_is_no_reliability() -> None:
    assert reliability_parameters("roll", "area", segments(), prior=0.8, against="polygon", model=MODEL) == []
    assert confidence_parameters("layer", "join", segments(("0.5-1", 0, 0)), against="list", model=MODEL) == []


@given(st.lists(COUNTED, min_size=1, max_size=5))
def test_the_best_band_is_one_and_no_band_is_better(bands: list[tuple[int, int]]) -> None:
    rows = segments(*((str(number), n, agree) for number, (n, agree) in enumerate(bands)))
    found = confidence_parameters("layer", "join", rows, against="list", model=MODEL)
    assert len(found) == sum(n > 0 for n, _ in bands)
    if any(agree for _, agree in bands):
        assert max(one.estimate for one in found) == 1
    assert all(0 <= one.estimate <= 1 for one in found)


def test_a_band_that_agrees_less_is_worth_less() -> None:
    rows = segments(("0-0.001", 700, 20), ("0.1-0.5", 700, 693), ("0.5-1", 700, 699))
    found = estimates(confidence_parameters("layer", "join", rows, against="list", model=MODEL))
    assert found["0-0.001"] < 0.1 < found["0.1-0.5"] < found["0.5-1"] == 1


def test_a_method_moves_from_its_prior_to_its_answer_key() -> None:
    def factor(n: int, agree: int, prior: float | None) -> float:
        return method_parameter("layer", "join", n, agree, prior=prior, against="list", model=MODEL).estimate

    assert factor(0, 0, 0.9) == 0.9
    assert factor(0, 0, None) == MODEL.unknown_method
    assert factor(10**6, 10**6, None) == pytest.approx(1, abs=1e-4)
    assert method_parameter("layer", "join", 3, 3, prior=0.9, against="list", model=MODEL).segment == "all"


# --- predictions and alarms


def predictions(parameters: list[Parameter], *rows: Row, years: float = 1.0, **more: Any) -> list[float]:
    found = predicted(counts(*rows), years, parameters, more.get("kind", "roll"), more.get("priors", {}), MODEL)
    return found["persistence"].to_list()


def parameter(kind: Any, segment: str, estimate: float, source_kind: str = "roll") -> Parameter:
    return Parameter(kind, source_kind, "area", segment, 9, 9, None, estimate, None, "made")


def test_predictions_take_the_smallest_part_that_was_measured() -> None:
    known = [parameter("stability", "all", 0.9), parameter("stability", "CONDO", 0.5)]
    rows = [("area", segment, "", 1, 1) for segment in ("CONDO|A", "CONDO", "HOUSE")]
    assert predictions(known, *rows, years=2.0) == pytest.approx([0.25, 0.25, 0.81])


def test_what_was_not_measured_is_predicted_by_the_prior_and_else_as_unknown() -> None:
    row = ("area", "HOUSE", "", 1, 1)
    other = [parameter("stability", "all", 0.9, source_kind="sales"), parameter("independent", "all", 0.2)]
    assert predictions(other, row, priors={"area": 0.7}, years=3.0) == pytest.approx([0.7**3])
    assert predictions(other, row) == pytest.approx([MODEL.unknown_survival_per_year])


def test_failed_checks_multiply_measured_or_as_the_model_says() -> None:
    known = [parameter("stability", "all", 0.9), parameter("row_check", "odd", 0.6)]
    rows = [("area", "HOUSE", failed, 1, 1) for failed in ("", "odd", "odd, else")]
    assert predictions(known, *rows) == pytest.approx([0.9, 0.54, 0.54 * MODEL.failed_check_factor])


@given(st.floats(0.01, 0.999), st.floats(0.1, 50), st.floats(0.1, 50))
def test_predictions_fall_with_the_years(survival: float, one: float, other: float) -> None:
    known, row = [parameter("stability", "all", survival)], ("area", "HOUSE", "", 1, 1)
    near, far = (predictions(known, row, years=years)[0] for years in sorted((one, other)))
    assert 0 <= far <= near <= 1


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), st.floats(0, 1))
def test_an_alarm_is_raised_exactly_where_prediction_and_measurement_lie_apart(
    seen: tuple[int, int], expected: float
) -> None:
    n, agree = seen
    made = counts(("area", "HOUSE", "", n, agree)).with_columns(persistence=pl.lit(expected))
    apart = n >= MODEL.minimum_n and abs(expected * n / n - agree / n) > MODEL.alarm_difference
    assert [one.field for one in alarms(made, MODEL)] == (["area"] if apart else [])


def test_alarms_stand_in_order_of_how_far_they_are_off() -> None:
    rows = counts(
        ("area", "A", "", 500, 450),
        ("area", "B", "", 500, 50),
        ("stories", "A", "", 900, 0),
        ("use", "A", "", 900, 880),
    ).with_columns(persistence=pl.lit(0.95))
    found = alarms(rows, MODEL)
    assert [one.field for one in found] == ["stories", "area"]
    assert found[1][1:] == pytest.approx((1000, 0.95, 0.5))


def test_parameters_predict_the_very_pairs_they_were_made_of() -> None:
    """Not a test of foresight: survival and failed checks together must not count anything twice."""
    rows = [
        ("area", "HOUSE", "", 100_000, 90_000), ("area", "CONDO", "", 100_000, 40_000),
        ("area", "HOUSE", "odd", 50_000, 20_000), ("area", "CONDO", "odd", 50_000, 9_000),
    ]  # fmt: skip
    pairs = [pair(*rows, years=4.0)]
    stability = stability_parameters(pairs, {"area": 0.9}, MODEL)
    known = [*stability, *row_check_parameters(pairs, stability, {"area": 0.9}, MODEL)]
    found = predicted(counts(*rows), 4.0, known, "roll", {}, MODEL)
    expected = found.select((pl.col("persistence") * pl.col("n")).sum()).item()
    assert expected == pytest.approx(sum(agree for *_, agree in rows), rel=2e-3)
