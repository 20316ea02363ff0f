"""Asset keys of the reference layers. Belongs here: names other stages depend on, and nothing that imports them."""

import dagster as dg

COUNTY_BOUNDARIES = dg.AssetKey(["reference", "county_boundaries"])
FLOOD_ZONES = dg.AssetKey(["reference", "flood_zones"])
COUNTY_HAZARD_SCORES = dg.AssetKey(["reference", "county_hazard_scores"])
HOUSE_PRICE_INDEX = dg.AssetKey(["reference", "house_price_index"])
SEEDS = dg.AssetKey(["reference", "seeds"])

ALL = (COUNTY_BOUNDARIES, FLOOD_ZONES, COUNTY_HAZARD_SCORES, HOUSE_PRICE_INDEX, SEEDS)

# Which kind of layer of the description each asset loads.
KINDS = {
    COUNTY_BOUNDARIES: "census_counties",
    FLOOD_ZONES: "fema_nfhl",
    COUNTY_HAZARD_SCORES: "fema_nri",
    HOUSE_PRICE_INDEX: "fhfa_hpi",
}
