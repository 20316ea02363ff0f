"""How every stage describes its assets and their checks to Dagster: what all stages have in common, said once.

Belongs here: what follows from being an asset of a stage (by tenant, of its code, asked for whole). Does not belong
here: what one asset is (the folder of its stage), and when it asks to be made (`conditions.py`).
"""

from collections.abc import Iterable

import dagster as dg

from real_estate_assets.defs.conditions import follow_changes
from real_estate_assets.defs.partitions import tenants
from real_estate_assets.defs.per_tenant import Stage


def asset_spec(
    key: dg.AssetKey,
    stage: Stage,
    *made_with: Stage,
    deps: Iterable[dg.AssetKey],
    group: str,
    kinds: set[str],
    description: str,
    owner: str = "data-engineering",
) -> dg.AssetSpec:
    """An asset of a stage. made_with: stages made in the same run (see `follow_changes`); owner: a team's name.

    Skippable: a tenant that failed has no event, so the step yields nothing for it.
    """
    return dg.AssetSpec(
        key,
        deps=deps,
        partitions_def=tenants,
        skippable=True,
        group_name=group,
        kinds={"python", *kinds},
        owners=[f"team:{owner}"],
        code_version=stage.code_version,
        automation_condition=follow_changes(key, stage, *made_with),
        description=description,
    )


def check_spec(name: str, key: dg.AssetKey, description: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    """A check by tenant: without its partitions one tenant's pass would overwrite another's failure."""
    return dg.AssetCheckSpec(name, asset=key, blocking=blocking, partitions_def=tenants, description=description)
