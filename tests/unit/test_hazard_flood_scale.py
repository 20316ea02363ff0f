"""The seed of flood scores is complete for FEMA's domain, says why, and is read without guessing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from real_estate_assets.core.hazards.flood_scale import FloodScale, clean_code, zone_category

SEED = Path(__file__).parents[2] / "dbt_project/seeds/hazard_score_scale.csv"
ZONES = {"A", "AE", "AH", "AO", "AR", "A99", "V", "VE", "X", "D", "OPEN WATER", "AREA NOT INCLUDED"}
MINIMAL = {
    "peril": "flood",
    "layer_kind": "nfhl",
    "fld_zone": "X",
    "zone_subty": "AREA OF MINIMAL FLOOD HAZARD",
    "score": "0.05",
    "annual_probability": "",
    "reason": "outside the 0.2 % flood",
}


@pytest.fixture(scope="module")
def rows():
    with SEED.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def scale(rows):
    return FloodScale.from_rows(rows)


def test_every_zone_of_the_domain_has_a_row_and_every_row_a_reason(rows, scale):
    assert {zone for zone, _ in scale.meanings} == ZONES
    assert len(scale.meanings) == len(rows)
    assert all(len(row["reason"]) > 20 for row in rows)


def test_zone_and_subtype_together_decide(scale):
    order = [
        ("VE", None),
        ("AE", "FLOODWAY"),
        ("AE", None),
        ("AO", None),
        ("A99", None),
        ("X", "0.2 PCT ANNUAL CHANCE FLOOD HAZARD"),
        ("X", "AREA WITH REDUCED FLOOD RISK DUE TO LEVEE"),
        ("X", "AREA OF MINIMAL FLOOD HAZARD"),
    ]
    scores = [scale.meaning(*pair).score for pair in order]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


def test_probabilities_are_those_that_the_zone_is_defined_by(scale):
    assert scale.meaning("AE", None).annual_probability == 0.01
    assert scale.meaning("VE", None).annual_probability == 0.01
    assert scale.meaning("X", "0.2 PCT ANNUAL CHANCE FLOOD HAZARD").annual_probability == 0.002
    assert scale.meaning("X", "AREA OF MINIMAL FLOOD HAZARD").annual_probability is None
    assert scale.meaning("X", "AREA WITH REDUCED FLOOD RISK DUE TO LEVEE").annual_probability is None
    for (zone, subtype), meaning in scale.meanings.items():
        if meaning.annual_probability is not None:
            stated = 0.002 if (subtype or "").startswith("0.2 PCT") else 0.01
            assert meaning.annual_probability == stated, (zone, subtype)


@pytest.mark.parametrize("zone", ["D", "AREA NOT INCLUDED", "OPEN WATER", "X"])
def test_undetermined_is_no_score(scale, zone):
    assert scale.meaning(zone, None).score is None
    assert "undetermined" in scale.meaning(zone, None).reason


def test_an_unknown_pair_is_not_guessed_from_its_zone(scale):
    assert scale.meaning("AE", "SOMETHING NEW") is None
    assert scale.meaning("VX", None) is None
    assert scale.meaning(None, "FLOODWAY") is None


def test_spelling_of_codes():
    assert clean_code("  floodway  contained in channel ") == "FLOODWAY CONTAINED IN CHANNEL"
    assert clean_code("") is clean_code(" ") is clean_code(None) is clean_code("-9999") is None
    assert zone_category("ae", "floodway") == "AE | FLOODWAY"
    assert zone_category("AE", " ") == "AE"
    assert zone_category(None, None) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": "1.2"}, "row 1: score is '1.2'"),
        ({"score": "high"}, "row 1: score is 'high'"),
        ({"annual_probability": "-0.01"}, "row 1: annual_probability"),
        ({"reason": " "}, "row 1: fld_zone and reason"),
        ({"fld_zone": ""}, "row 1: fld_zone and reason"),
        ({"zone_subty": "FLOODWAY"}, "no row for X | AREA OF MINIMAL FLOOD HAZARD"),
    ],
)
def test_a_seed_that_does_not_say_what_it_must_is_refused(change, message):
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        FloodScale.from_rows([MINIMAL | change])


def test_a_zone_stated_twice_is_refused():
    with pytest.raises(ValueError, match=r"row 2: zone X .* is stated twice"):
        FloodScale.from_rows([MINIMAL, MINIMAL])


def test_rows_of_other_kinds_are_passed_over():
    scale = FloodScale.from_rows([MINIMAL, MINIMAL | {"peril": "heat"}, MINIMAL | {"layer_kind": "other"}])
    assert len(scale.meanings) == 1


def test_the_scale_of_the_documentation_is_that_of_the_seed(scale):
    lines = (SEED.parents[2] / "docs/hazards.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| score | what stands there |") + 2
    documented = [line.split(" | ")[0].strip("| ") for line in lines[start : lines.index("", start)]]
    stated = {meaning.score for meaning in scale.meanings.values()} - {None}
    assert documented == [*(f"{score:.2f}" for score in sorted(stated, reverse=True)), "null"]
