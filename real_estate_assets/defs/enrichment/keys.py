"""Asset keys of the enrichment stage. Belongs here: names other stages depend on, and nothing that imports them."""

import dagster as dg

ADDRESSES = dg.AssetKey(["enrichment", "addresses"])
IDENTITIES = dg.AssetKey(["enrichment", "identities"])
LOCATIONS = dg.AssetKey(["enrichment", "locations"])
HAZARD_EXPOSURES = dg.AssetKey(["enrichment", "hazard_exposures"])

ALL = (ADDRESSES, IDENTITIES, LOCATIONS, HAZARD_EXPOSURES)
