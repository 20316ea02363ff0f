"""Asset keys of the features stage. Belongs here: names other stages depend on, and nothing that imports them.

The key of the online part stands in `online.py`, with its asset.
"""

import dagster as dg

PROPERTY = dg.AssetKey(["features", "property"])
MARKET = dg.AssetKey(["features", "market"])

EXPLAINED, NOTHING_LATER, LIKE_THE_MART, SINGLE_VALUED = (
    "every_null_has_a_reason",
    "nothing_known_later",
    "newest_row_is_dim_properties",
    "single_values_are_explained",
)
