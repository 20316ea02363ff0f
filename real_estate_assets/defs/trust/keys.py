"""Asset keys of the calibration stage. Belongs here: names other stages depend on, and nothing that imports them."""

import dagster as dg

STABILITY = dg.AssetKey(["trust", "stability"])
INDEPENDENT = dg.AssetKey(["trust", "independent_agreement"])

ALL = (STABILITY, INDEPENDENT)
MAPPING_ALARM, MINIMUM_N = "mapping_alarm", "minimum_n"
AUDIT = "audit"  # the check that the daily audit evaluates on each mart
