"""Asset keys of the reference layers. Belongs here: names other stages depend on, and nothing that imports them."""

from pathlib import Path

import dagster as dg

SEED_FILES = tuple(sorted((Path(__file__).resolve().parents[3] / "dbt_project" / "seeds").glob("*.csv")))

COUNTY_BOUNDARIES = dg.AssetKey(["reference", "county_boundaries"])
FLOOD_ZONES = dg.AssetKey(["reference", "flood_zones"])
COUNTY_HAZARD_SCORES = dg.AssetKey(["reference", "county_hazard_scores"])
HOUSE_PRICE_INDEX = dg.AssetKey(["reference", "house_price_index"])
SOURCE_REGISTRY = dg.AssetKey(["reference", "source_registry"])
FIELD_MAP = dg.AssetKey(["reference", "field_map"])
TRUST_REGISTERS = dg.AssetKey(["reference", "trust_registers"])
ANSWER_KEYS = dg.AssetKey(["reference", "answer_keys"])
SEEDS = tuple(dg.AssetKey(["reference", file.stem]) for file in SEED_FILES)
HAZARD_SCORE_SCALE = dg.AssetKey(["reference", "hazard_score_scale"])
FIELD_TOLERANCE = dg.AssetKey(["reference", "field_tolerance"])

# What the marts are made of.
ALL = (COUNTY_BOUNDARIES, FLOOD_ZONES, COUNTY_HAZARD_SCORES, HOUSE_PRICE_INDEX, SOURCE_REGISTRY, *SEEDS)
# No mart is made of the rest: people and the functions of provenance read the field map, trust is computed from the
# registers when it is asked for, and the answer keys only measure.
EVERY = (*ALL, FIELD_MAP, TRUST_REGISTERS, ANSWER_KEYS)

# Which kind of layer of the description each asset loads.
KINDS = {
    COUNTY_BOUNDARIES: "census_counties",
    FLOOD_ZONES: "fema_nfhl",
    COUNTY_HAZARD_SCORES: "fema_nri",
    HOUSE_PRICE_INDEX: "fhfa_hpi",
    ANSWER_KEYS: "answer_key",
}
