"""The tenant dimension, and how a run of several tenants names them.

Belongs here: its one definition, and cutting tenants into runs. Does not belong here: who adds keys (`defs/tenants`).
"""

from collections.abc import Sequence

import dagster as dg

from real_estate_assets.settings import get_settings

TENANTS = "tenants"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
tenants = dg.DynamicPartitionsDefinition(name=TENANTS)


def per_chunk() -> dg.BackfillPolicy:
    """One run a chunk of tenants: a run costs 4 s of start-up and dbt 3 s, whatever the number of tenants in it."""
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=get_settings().tenants_per_run)


def chunks(all_keys: Sequence[str], chosen: Sequence[str], size: int) -> list[list[str]]:
    """Chosen keys in the partitions' own order, cut where they do not follow each other or a chunk is full.

    A run of several partitions is a range of them, so a chunk must not span a key that was not chosen.
    """
    wanted = set(chosen)
    result: list[list[str]] = []
    is_open = False
    for key in all_keys:
        if key not in wanted:
            is_open = False
        elif is_open and len(result[-1]) < size:
            result[-1].append(key)
        else:
            result.append([key])
            is_open = True
    return result
