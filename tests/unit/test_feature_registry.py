"""The registry of features: complete, explained, and what is refused."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from real_estate_assets.core.features.registry import NO_SOURCE, SINGLE_VALUED, Feature, features, numbered, stored
from real_estate_assets.core.records.fields import FIELDS
from real_estate_assets.stores.warehouse.features_known import PERILS

MADE = {
    "name": "a",
    "entity": "property",
    "group": "g",
    "dtype": "float",
    "unit": None,
    "definition": "A made feature.",
}
OWN_COLUMNS = {"property_id", "parcel_number", "latitude", "longitude", "county_fips"}


def test_both_lists_are_complete_and_in_order() -> None:
    assert [f.number for f in numbered("property")] == list(range(1, 42))
    assert [f.number for f in numbered("market")] == list(range(1, 14))
    assert (numbered("property")[0].name, numbered("market")[0].name) == ("property_id", "market_id")


def test_every_feature_is_either_computed_or_explained() -> None:
    for feature in features():
        assert (feature.source is None) != (feature.null_reason is None), feature.name
        assert feature.null_reason in {None, *NO_SOURCE}
        assert feature.single_valued in {None, *SINGLE_VALUED}


def test_a_source_names_columns_that_the_marts_have() -> None:
    known = {field.name for field in FIELDS["property"]} | OWN_COLUMNS
    perils = {f"fct_property_hazards__{peril}" for peril in PERILS}
    for feature in features():
        for mart, column in feature.columns:
            assert mart in {"dim_properties", "fct_sales", "fct_market_index"} | perils, feature.name
            if mart == "dim_properties":
                assert column in known, feature.name


def test_only_keys_and_what_is_asked_on_demand_are_in_no_table() -> None:
    tables = {f.name for entity in ("property", "market") for f in stored(entity)}
    assert {f.name for f in features()} - tables == {"property_id", "market_id", "property_age"}


def test_definitions_are_sentences() -> None:
    for feature in features():
        assert re.search(r"[.!]$", feature.definition), feature.name


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "either a source or a null_reason"),
        ({"source": "dim_properties.a", "null_reason": "no_source"}, "not both"),
        ({"null_reason": "unheard_of"}, "none of"),
        ({"source": "dim_properties.a", "single_valued": "because"}, "none of"),
        ({"source": "dim_properties.a", "colour": "red"}, "colour"),
    ],
)
def test_an_entry_that_explains_nothing_is_refused(more: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Feature.model_validate({**MADE, **more})
