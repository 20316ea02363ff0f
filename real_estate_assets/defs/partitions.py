"""The tenant dimension. Belongs here: its one definition. Does not belong here: who adds keys (`defs/tenants`)."""

import dagster as dg

from real_estate_assets.settings import get_settings

TENANTS = "tenants"
tenants = dg.DynamicPartitionsDefinition(name=TENANTS)


def per_chunk() -> dg.BackfillPolicy:
    """One run a chunk of tenants: a run costs 4 s of start-up and dbt 3 s, whatever the number of tenants in it."""
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=get_settings().tenants_per_run)
