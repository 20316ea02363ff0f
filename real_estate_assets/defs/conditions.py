"""The conditions under which an asset asks to be made by itself. Belongs here: conditions, which the assets carry.

Does not belong here: the sensors that evaluate them (`automation.py`).
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_

import dagster as dg

_condition = dg.AutomationCondition

# Never made, and not being made. `missing` alone is level-triggered: a tenant whose landing fails would be asked for at
# every tick. Not `on_missing`, which leaves out what was missing before the sensor first looked.
make_what_is_missing = _condition.missing().newly_true() & ~_condition.in_progress()


def follow_changes(
    inputs: Iterable[dg.AssetKey], after: Iterable[dg.AssetKey] = (), beside: Iterable[dg.AssetKey] = ()
) -> dg.AutomationCondition[dg.AssetKey]:
    """Make a stage when any of its inputs has other content; one made again with the same content asks for nothing.

    inputs: what the stage reads, the same list for each of its assets: so a tenant's assets are asked for together, and
    a chunk of tenants is one run (Dagster splits a backfill wherever two assets are wanted for different partitions).
    after: an asset of each earlier stage, which must have followed first: a changed file is seen by all stages in turn,
    not by the marts while its records are still being read.
    beside: what the stage is made after in the same run but not of: its change asks for nothing, and a tenant for which
    it was never made is not held back.
    """
    keys = sorted(inputs)  # in one order in every process: what a condition remembers is found by its place
    changed = _any(_condition.asset_matches(key, _condition.data_version_changed()) for key in keys)
    condition = _condition.eager().replace("any_deps_updated", changed.with_label("an input has changed"))
    if besides := list(beside):
        others = _condition.any_deps_missing().ignore(dg.AssetSelection.assets(*besides))
        condition = condition.replace("any_deps_missing", others)
    missing = _any(_condition.asset_matches(key, _condition.missing()) for key in keys)
    condition &= ~missing.with_label("an input is missing")
    for key in after:
        condition &= ~_condition.asset_matches(key, _is_behind()).with_label(f"{key.to_user_string()} is behind")
    return condition


def _is_behind() -> dg.AutomationCondition[dg.AssetKey]:
    """Being made just now, or not made since something that it reads has changed."""
    changed = _condition.any_deps_match(_condition.data_version_changed())
    return _condition.in_progress() | changed.since(_condition.newly_updated())


def _any(conditions: Iterable[dg.AutomationCondition[dg.AssetKey]]) -> dg.AutomationCondition[dg.AssetKey]:
    return reduce(or_, conditions)
