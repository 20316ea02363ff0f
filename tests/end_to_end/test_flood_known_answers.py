"""The flood join against an answer that others published: the city's own lists of parcels in each flood layer.

Judged on the real files that ship with the project: the city's key polygons, the FY2014 parcels (another vintage),
places far from any zone. Only First Street's tracts, which may not ship, come from the shared test data.
"""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pyogrio
import pytest
import shapely

from real_estate_assets.core.hazards.assessment import assess
from real_estate_assets.core.hazards.flood_scale import FloodScale
from real_estate_assets.core.hazards.layers import Locations
from real_estate_assets.core.hazards.sources import county_percentiles, flood_zones, tract_shares

ROOT = Path(__file__).parents[2]
SEED = ROOT / "dbt_project/seeds/hazard_score_scale.csv"
DEMO = ROOT / "demo/data"
MINIMAL = "X | AREA OF MINIMAL FLOOD HAZARD"
HUNDRED_YEAR, FIVE_HUNDRED_YEAR = ("100yr", "AE"), ("500yr", "")  # a layer of the key and how its categories begin


# GDAL notes a packed file's size beside it, which would be one more file in the folder of the demo.
pyogrio.set_gdal_config_options({"CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO"})


def layer_of(name, *columns):
    """A packed map layer of the demo as a GeoDataFrame with the named columns."""
    return geopandas.read_file(f"/vsigzip/{DEMO / name}.gz", columns=columns)


def locations(keys, polygons=None, points=None, county_fips=None):
    size = len(keys)
    return Locations(
        keys=np.asarray(keys, object),
        geometries=np.full(size, None, object) if polygons is None else np.asarray(polygons, object),
        longitudes=np.full(size, np.nan) if points is None else points[:, 0],
        latitudes=np.full(size, np.nan) if points is None else points[:, 1],
        county_fips=np.full(size, county_fips, object),
    )


@pytest.fixture(scope="module")
def nfhl():
    zones = layer_of("nfhl_flood_zones.geojson", "fld_zone", "zone_subty")
    city = layer_of("city_boundary.geojson").union_all()
    with SEED.open(newline="", encoding="utf-8") as file:
        scale = FloodScale.from_rows(csv.DictReader(file))
    subtypes = [subtype if isinstance(subtype, str) else None for subtype in zones.zone_subty]
    return flood_zones(
        "nfhl_25017c", zones.geometry.to_numpy(), list(zones.fld_zone), subtypes, list(range(len(zones))), scale, city
    )


@pytest.fixture(scope="module")
def key():
    return {name: layer_of(f"answer_key_parcels_{name}.geojson", "ML") for name in ("100yr", "500yr")}


@pytest.fixture(scope="module")
def fy2014():
    """Parcels by `ML`: rings repaired, polygons of one key dissolved; the one parcel without a key is left out."""
    parcels = layer_of("parcels_fy2014.topojson", "ML")
    assert len(parcels) == 13_116
    assert (~parcels.geometry.is_valid).sum() == 37
    repaired = parcels.set_geometry(parcels.geometry.make_valid()).dropna(subset="ML")
    return repaired.dissolve("ML").geometry


@pytest.fixture(scope="module")
def fy2014_exposures(fy2014, nfhl):
    return assess(locations(fy2014.index, fy2014.to_numpy()), [nfhl], ["flood"])


def touched_keys(exposures, begins):
    """Keys of places that touch a zone whose category begins so, slivers included."""
    touched = exposures.touched
    hits = [n for n, category in zip(touched.location_no, touched.category, strict=True) if category.startswith(begins)]
    return set(exposures.location_key[np.unique(hits)])


@pytest.mark.parametrize(("layer", "begins", "parcels"), [(*HUNDRED_YEAR, 157), (*FIVE_HUNDRED_YEAR, 655)])
def test_every_polygon_of_the_key_touches_its_layer(key, nfhl, layer, begins, parcels):
    polygons = key[layer].geometry.make_valid().to_numpy()
    assert len(polygons) == parcels
    exposures = assess(locations(np.arange(parcels), polygons), [nfhl], ["flood"])
    assert len(touched_keys(exposures, begins)) == parcels
    # ... and the published category says so too: the worst zone of a parcel in the 1 % layer is in the 1 % layer.
    assert all(category.startswith(begins) and category != MINIMAL for category in exposures.category)


@pytest.mark.parametrize(
    ("layer", "begins", "present", "found", "most_outside"),
    [(*HUNDRED_YEAR, 124, 122, 47), (*FIVE_HUNDRED_YEAR, 599, 596, 71)],
)
def test_parcels_of_another_vintage_agree_with_the_key(
    key, fy2014, fy2014_exposures, layer, begins, present, found, most_outside
):
    in_key = set(key[layer].ML)
    still_there = in_key & set(fy2014.index)
    hits = touched_keys(fy2014_exposures, begins)
    assert len(still_there) == present
    assert len(hits & still_there) >= found
    assert len(hits - in_key) <= most_outside


def test_the_rest_of_the_city_is_minimal_and_nothing_is_lost(fy2014, fy2014_exposures, nfhl):
    rows = pandas.DataFrame(fy2014_exposures.records())
    assert len(rows) == len(fy2014)
    empty = fy2014.is_empty.to_numpy()
    assert empty.sum() == 1
    assert list(rows[empty].null_reason) == ["no_location"]
    dry = rows[(rows.zones_touched == 0) & ~empty]
    by_method = dry.groupby("method").size()
    assert by_method["coverage_no_zone"] > 12_000
    assert set(dry.category.dropna()) == {MINIMAL}
    # Outside the city's boundary the layer is not known to be complete: unknown, not minimal.
    unknown = dry[dry.method == "no_evidence"]
    assert set(unknown.null_reason) == {"outside_coverage"}
    points = fy2014.loc[unknown.location_key].representative_point()
    assert not points.within(nfhl.coverage).any()


def test_slivers_are_flagged_and_kept(fy2014_exposures):
    touched = fy2014_exposures.touched
    assert 0 < touched.is_sliver.sum() < len(touched) / 10
    assert (touched.overlap_share[touched.is_sliver] < 0.001).all()
    assert ((touched.overlap_share > 0) & (touched.overlap_share <= 1)).all()


def test_points_alone_would_miss_a_third_of_the_key(key, nfhl):
    """Why parcels are tested by polygon: the data's own README counts 97 of 157 by representative point."""
    points = shapely.get_coordinates(key["100yr"].geometry.representative_point().to_numpy())
    exposures = assess(locations(np.arange(157), points=points), [nfhl], ["flood"])
    assert (exposures.method[exposures.zones_touched > 0] == "point_in_zone").all()
    assert len(touched_keys(exposures, "AE")) == 97


def test_king_county_sales_fall_back_to_the_national_risk_index(nfhl):
    sales = pandas.read_csv(DEMO / "kc_house_data.csv.gz", usecols=["id", "long", "lat"])
    scores = pandas.read_csv(DEMO / "nri_county_hazard_scores_MA_WA_dec2025.csv.gz", dtype={"STCOFIPS": str})
    layers = [nfhl] + [
        county_percentiles(
            f"nri_{component.lower()}",
            peril,
            list(scores.STCOFIPS),
            list(scores[f"{component}_RISKS"]),
            list(scores[f"{component}_RISKR"]),
            list(range(len(scores))),
        )
        for component, peril in (("IFLD", "flood"), ("CFLD", "flood"), ("WFIR", "wildfire"), ("HWAV", "heat"))
    ]
    where = locations(list(sales.id), points=sales[["long", "lat"]].to_numpy(), county_fips="53033")
    rows = pandas.DataFrame(assess(where, layers).records())
    assert len(rows) == 3 * 21_613
    king = scores.set_index("STCOFIPS").loc["53033"]
    worst_flood = max(king.IFLD_RISKS, king.CFLD_RISKS)
    for peril, score in (("flood", worst_flood), ("wildfire", king.WFIR_RISKS), ("heat", king.HWAV_RISKS)):
        of_peril = rows[rows.peril == peril]
        assert set(of_peril.resolution) == {"county"}
        assert set(of_peril.method) == {"county_lookup"}
        assert set(of_peril.source_score_pct) == {score}
    assert rows.annual_probability.isna().all()  # a percentile rank is no probability


def test_tracts_give_tract_resolution_and_a_missing_state_gives_null(test_data):
    tracts = geopandas.read_file(test_data / "firststreet/firetracts_53.geojson")
    layer = tract_shares(
        "firststreet_fire",
        "wildfire",
        tracts.geometry.to_numpy(),
        list(tracts.geoid),
        list(tracts.pct_major),
        list(range(len(tracts))),
    )
    sales = pandas.read_csv(DEMO / "kc_house_data.csv.gz")[["long", "lat"]].iloc[::20]
    miami = pandas.DataFrame({"long": [-80.19], "lat": [25.76]})
    points = pandas.concat([sales, miami], ignore_index=True)
    rows = pandas.DataFrame(
        assess(locations(points.index, points=points.to_numpy()), [layer], ["wildfire", "heat"]).records()
    )
    found = rows[(rows.peril == "wildfire") & rows.layer.notna()]
    assert set(found.resolution) == {"tract"}
    assert len(found) > 0.99 * len(sales)
    joined = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(points.long, points.lat, crs=4326)).sjoin(
        tracts[["geoid", "pct_major", "geometry"]], predicate="within"
    )
    assert found.set_index("location_key").zone_code.to_dict() == joined.geoid.to_dict()
    assert found.set_index("location_key").source_score_pct.to_dict() == joined.pct_major.to_dict()
    last = rows[rows.location_key == points.index[-1]].set_index("peril")
    assert last.loc["wildfire", "null_reason"] == "outside_coverage"
    assert last.loc["heat", "null_reason"] == "no_layer"
    assert last.source_score_pct.isna().all()
