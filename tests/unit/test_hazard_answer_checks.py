"""Checks of hazard answers: each can fail, one bad answer among good ones fails it, and unknown is no failure."""

from __future__ import annotations

from typing import Any

import pytest

from real_estate_assets.core.hazards.answer_checks import CHECKS, AnswerChecks

GOOD: dict[str, Any] = {
    "peril": "flood", "method": "polygon_overlap", "zone_code": "AE", "layer_record_no": 0, "overlap_share": 0.4,
    "annual_probability": 0.01, "source_score_pct": None, "null_reason": None,
}  # fmt: skip
UNKNOWN = {**GOOD, "method": "no_evidence", "zone_code": None, "layer_record_no": None, "overlap_share": None,
           "annual_probability": None, "null_reason": "outside_coverage"}  # fmt: skip


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("peril_is_known", {"peril": "meteor"}),
        ("zone_is_a_feature_of_the_layer", {"layer_record_no": None}),
        ("share_is_above_0_and_at_most_1", {"overlap_share": 1.2}),
        ("share_is_above_0_and_at_most_1", {"overlap_share": 0.0}),
        ("probability_is_within_0_and_1", {"annual_probability": -0.1}),
        ("score_is_within_0_and_100", {"source_score_pct": 101.0}),
        ("unknown_has_a_reason", {"method": "county_lookup", "zone_code": None}),
    ],
)
def test_one_bad_answer_fails_its_check_and_no_other(check: str, change: dict[str, Any]) -> None:
    verdict = AnswerChecks()
    for row in (GOOD, {**GOOD, **change}, UNKNOWN):
        verdict.look_at(row)
    assert verdict.failed == {check}
    assert (verdict.passed, verdict.total, verdict.answers) == (len(CHECKS) - 1, len(CHECKS), 3)


def test_good_and_unknown_answers_pass_everything() -> None:
    verdict = AnswerChecks()
    for row in (GOOD, UNKNOWN):
        verdict.look_at(row)
    assert verdict.failed == set()
