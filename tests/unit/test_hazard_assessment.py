"""The rules of evidence: finest wins, worst counts, unknown is null with its reason."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import box

from real_estate_assets.core.hazards.assessment import assess
from real_estate_assets.core.hazards.flood_scale import FloodScale
from real_estate_assets.core.hazards.layers import (
    METHODS,
    NULL_REASONS,
    PERILS,
    RESOLUTIONS,
    Locations,
    touched_records,
)
from real_estate_assets.core.hazards.sources import county_percentiles, flood_zones, tract_shares

NAN = float("nan")
X_02 = "0.2 PCT ANNUAL CHANCE FLOOD HAZARD"


def scale_row(zone, subtype, score, probability=""):
    return {
        "peril": "flood",
        "layer_kind": "nfhl",
        "fld_zone": zone,
        "zone_subty": subtype,
        "score": score,
        "annual_probability": probability,
        "reason": "stated for this test",
    }


SCALE = FloodScale.from_rows(
    [
        scale_row("AE", "", "0.8", "0.01"),
        scale_row("AE", "FLOODWAY", "0.95", "0.01"),
        scale_row("X", X_02, "0.35", "0.002"),
        scale_row("X", "AREA OF MINIMAL FLOOD HAZARD", "0.05"),
        scale_row("D", "", ""),
    ]
)


def places(*rows):
    """Places from (polygon or None, (lon, lat) or None, county or None); keys are P0, P1, ..."""
    points = [point or (NAN, NAN) for _, point, _ in rows]
    geometries = np.empty(len(rows), object)
    geometries[:] = [polygon for polygon, _, _ in rows]
    return Locations(
        keys=np.array([f"P{i}" for i in range(len(rows))], object),
        geometries=geometries,
        longitudes=np.array([x for x, _ in points], float),
        latitudes=np.array([y for _, y in points], float),
        county_fips=np.array([county for _, _, county in rows], object),
    )


def flood(*zones, coverage=None, name="nfhl"):
    """A flood layer from (polygon, zone, subtype); the zones' records are 100, 101, ..."""
    return flood_zones(
        name,
        np.array([zone[0] for zone in zones], object),
        [zone[1] for zone in zones],
        [zone[2] for zone in zones],
        [100 + i for i in range(len(zones))],
        SCALE,
        coverage,
    )


def one(locations, layers, peril="flood"):
    """The single row of a single place, with everything that it touches."""
    result = assess(locations, layers, [peril])
    (row,) = result.records()
    return row | {"touched": list(touched_records(result.touched))}


def test_a_parcel_takes_the_worst_zone_that_it_overlaps_with_that_zones_share():
    layer = flood((box(0, 0, 4, 4), "X", X_02), (box(3, 0, 9, 9), "AE", None), (box(3.9, 0, 9, 9), "AE", "FLOODWAY"))
    row = one(places((box(0, 0, 4, 4), None, None)), [layer])
    assert (row["category"], row["zone_code"], row["zone_subtype"]) == ("AE | FLOODWAY", "AE", "FLOODWAY")
    assert row["overlap_share"] == pytest.approx(0.025)
    assert (row["method"], row["layer"], row["resolution"]) == ("polygon_overlap", "nfhl", "parcel")
    assert (row["annual_probability"], row["layer_record_no"], row["null_reason"]) == (0.01, 102, None)
    assert row["zones_touched"] == 3
    assert [zone["category"] for zone in row["touched"]] == ["AE | FLOODWAY", "AE", f"X | {X_02}"]


def test_a_sliver_counts_and_is_flagged():
    row = one(places((box(0, 0, 1, 1), None, None)), [flood((box(0.9999, 0, 2, 2), "AE", None))])
    assert row["category"] == "AE"
    assert row["is_sliver"]
    assert 0 < row["overlap_share"] < 0.001


def test_of_equally_bad_zones_the_larger_share_is_shown():
    row = one(
        places((box(0, 0, 4, 4), None, None)), [flood((box(0, 0, 1, 4), "AE", None), (box(1, 0, 4, 4), "AE", None))]
    )
    assert row["layer_record_no"] == 101
    assert row["overlap_share"] == 0.75


def test_a_place_without_a_polygon_is_tested_by_its_point():
    row = one(places((None, (0.5, 0.5), None)), [flood((box(0, 0, 1, 1), "AE", None), (box(0, 0, 2, 2), "X", X_02))])
    assert (row["method"], row["category"]) == ("point_in_zone", "AE")
    assert row["overlap_share"] is None
    assert row["is_sliver"] is False
    assert len(row["touched"]) == row["zones_touched"] == 2


def test_covered_ground_without_a_zone_is_minimal_by_the_representative_point():
    layer = flood((box(0, 0, 1, 1), "AE", None), coverage=box(0, 0, 10, 10))
    half_outside = box(8, 8, 13, 9)  # its representative point, 10.5 8.5, lies outside
    result = assess(places((box(5, 5, 6, 6), None, None), (half_outside, None, None), (None, (5, 5), None)), [layer])
    rows = [row for row in result.records() if row["peril"] == "flood"]
    for row in (rows[0], rows[2]):
        assert (row["method"], row["category"]) == ("coverage_no_zone", "X | AREA OF MINIMAL FLOOD HAZARD")
        assert row["null_reason"] is row["layer_record_no"] is row["annual_probability"] is row["overlap_share"] is None
        assert row["zones_touched"] == 0
    assert (rows[1]["method"], rows[1]["null_reason"]) == ("no_evidence", "outside_coverage")


def test_a_layer_without_a_known_coverage_says_nothing_about_ground_without_zones():
    row = one(places((box(5, 5, 6, 6), None, None)), [flood((box(0, 0, 1, 1), "AE", None))])
    assert (row["category"], row["method"], row["null_reason"]) == (None, "no_evidence", "outside_coverage")


def test_the_finest_resolution_wins_and_coarser_evidence_fills_the_rest():
    zones = flood((box(0, 0, 1, 1), "X", X_02))
    tracts = tract_shares("tracts", "flood", np.array([box(0, 0, 5, 5)], object), ["t1"], [99.0], [7])
    counties = county_percentiles("nri_ifld", "flood", ["25017"], [88.5], ["Relatively High"], [3])
    where = places((None, (0.5, 0.5), "25017"), (None, (3, 3), "25017"), (None, (9, 9), "25017"), (None, (9, 9), None))
    rows = list(assess(where, [counties, tracts, zones], ["flood"]).records())
    assert [row["resolution"] for row in rows] == ["parcel", "tract", "county", None]
    assert [row["method"] for row in rows] == ["point_in_zone", "point_in_zone", "county_lookup", "no_evidence"]
    assert [row["source_score_pct"] for row in rows] == [None, 99.0, 88.5, None]
    assert [row["layer_record_no"] for row in rows] == [100, 7, 3, None]
    assert rows[2]["category"] == "Relatively High"
    assert rows[1]["zone_code"] == "t1"
    assert rows[3]["null_reason"] == "outside_coverage"


def test_a_parcel_takes_the_tract_of_its_point_and_no_share():
    tracts = tract_shares(
        "tracts", "heat", np.array([box(0, 0, 5, 5), box(5, 0, 9, 5)], object), ["west", "east"], [10.0, 90.0], [0, 1]
    )
    row = one(places((box(1, 1, 6, 2), (2, 1.5), None)), [tracts], "heat")
    assert (row["zone_code"], row["overlap_share"], row["source_score_pct"]) == ("west", None, 10.0)


def test_a_null_of_the_source_falls_through_to_coarser_evidence():
    tracts = tract_shares("tracts", "wildfire", np.array([box(0, 0, 5, 5)], object), ["t1"], [-9999], [7])
    counties = county_percentiles("nri_wfir", "wildfire", ["53033"], [12.0], ["Very Low"], [3])
    row = one(places((None, (1, 1), "53033")), [tracts, counties], "wildfire")
    assert (row["layer"], row["source_score_pct"], row["null_reason"]) == ("nri_wfir", 12.0, None)
    row = one(places((None, (1, 1), None)), [tracts, counties], "wildfire")
    assert (row["layer"], row["source_score_pct"], row["null_reason"]) == ("tracts", None, "source_null")


def test_within_a_resolution_the_worst_layer_counts_and_not_applicable_is_passed_over():
    inland = county_percentiles("nri_ifld", "flood", ["25009", "25017"], [60.0, 70.0], ["a", "b"], [0, 1])
    coastal = county_percentiles("nri_cfld", "flood", ["25009", "25017"], [90.0, None], ["c", "Not Applicable"], [0, 1])
    rows = list(assess(places((None, None, "25009"), (None, None, "25017")), [inland, coastal], ["flood"]).records())
    assert [(row["layer"], row["source_score_pct"]) for row in rows] == [("nri_cfld", 90.0), ("nri_ifld", 70.0)]
    assert [row["zones_touched"] for row in rows] == [2, 2]


def test_an_undetermined_or_unknown_zone_is_null_with_its_words_kept():
    layer = flood((box(0, 0, 1, 1), "D", None), (box(2, 0, 3, 1), "AE", "SOMETHING NEW"))
    counties = county_percentiles("nri_ifld", "flood", ["25017"], [88.5], ["Relatively High"], [3])
    rows = list(
        assess(
            places((None, (0.5, 0.5), "25017"), (box(2, 0, 3, 1), None, None)), [layer, counties], ["flood"]
        ).records()
    )
    assert [row["null_reason"] for row in rows] == ["zone_undetermined", "zone_not_on_scale"]
    assert [row["category"] for row in rows] == ["D", "AE | SOMETHING NEW"]
    assert [row["layer_record_no"] for row in rows] == [100, 101]


def test_an_unscored_zone_hides_little_hazard_but_never_a_mapped_one():
    parcel = places((box(0, 0, 2, 1), None, None))
    unscored, minimal = (box(0, 0, 1, 1), "D", None), (box(1, 0, 2, 1), "X", "AREA OF MINIMAL FLOOD HAZARD")
    assert one(parcel, [flood(minimal, unscored)])["null_reason"] == "zone_undetermined"
    assert one(parcel, [flood(unscored, (box(1, 0, 2, 1), "X", X_02))])["category"] == f"X | {X_02}"


def test_no_layer_no_place_and_missing_layers_are_null_never_zero():
    nowhere = places((None, None, "12086"), (None, (-80.2, 25.8), "12086"))
    layer = flood((box(0, 0, 1, 1), "AE", None), coverage=box(0, 0, 2, 2))
    rows = list(assess(nowhere, [layer]).records())
    assert [(row["peril"], row["location_key"]) for row in rows] == [(p, k) for p in PERILS for k in ("P0", "P1")]
    assert [row["null_reason"] for row in rows] == ["no_location", "outside_coverage", *["no_layer"] * 4]
    for row in rows:
        assert row["method"] == "no_evidence"
        assert all(row[name] is None for name in ("category", "source_score_pct", "annual_probability", "layer"))


def test_an_empty_polygon_counts_as_none_and_no_places_give_no_rows():
    layer = flood((box(0, 0, 1, 1), "AE", None))
    assert one(places((box(0, 0, 1, 1).difference(box(0, 0, 1, 1)), (0.5, 0.5), None)), [layer])["method"] == (
        "point_in_zone"
    )
    empty = assess(places(), [layer])
    assert len(empty) == 0
    assert list(empty.records()) == []


def test_the_words_of_the_vocabularies_are_the_only_ones():
    layer = flood((box(0, 0, 1, 1), "AE", None), (box(1, 1, 2, 2), "D", None), coverage=box(0, 0, 3, 3))
    counties = county_percentiles("nri", "heat", ["25017"], [1.0], ["Very Low"], [0])
    where = places(*[(None, (x / 2, x / 2), county) for x in range(8) for county in (None, "25017")])
    rows = list(assess(where, [layer, counties]).records())
    assert {row["method"] for row in rows} <= set(METHODS)
    assert {row["null_reason"] for row in rows} - {None} <= set(NULL_REASONS)
    assert {row["resolution"] for row in rows} - {None} <= set(RESOLUTIONS)
    # A row either has a reason or says something: never both silent.
    assert all((row["null_reason"] is None) == (row["layer"] is not None and row["category"] != "D") for row in rows)


def test_source_columns_are_cleaned_or_refused():
    scores = county_percentiles("nri", "heat", ["1001", "25017"], [5.0, NAN], [None, None], [0, 1])
    assert scores.county_fips.tolist() == ["01001", "25017"]
    with pytest.raises(ValueError, match=r"layer tracts, record 41: 101\.5 is not a percentage"):
        tract_shares("tracts", "heat", np.array([box(0, 0, 1, 1)], object), ["t"], [101.5], [41])
    layer = flood((box(0, 0, 1, 1), " ae ", "-9999"))
    assert (layer.zone_codes[0], layer.zone_subtypes[0], layer.categories[0]) == ("AE", None, "AE")


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="all arrays must have one length"):
        Locations(np.array(["a"], object), np.array([], object), np.array([1.0]), np.array([1.0]), np.array([None]))
