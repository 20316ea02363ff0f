"""The conditions under which an asset asks to be made by itself. Belongs here: conditions, which the assets carry.

Does not belong here: the sensors that evaluate them (`automation.py`).

A stage is asked for as a whole, so one asset decides for it. Dagster evaluates assets one after another while runs go
on: of two that ask the same question, one may be told of an event and the other not, and the stage would be cut into
runs that nobody wanted. The deciding asset is the first of `Stage.keys`. The others of its multi-asset, which must not
be subsettable, carry no condition: Dagster asks for all of them with it. Assets of another multi-asset that are made in
the same run carry `asked_with`. `tests/definitions/test_conditions.py` holds the code location to that.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_

import dagster as dg

from real_estate_assets.defs.per_tenant import Stage

_condition = dg.AutomationCondition
Condition = dg.AutomationCondition[dg.AssetKey]

# Never made, and not being made. `missing` alone is level-triggered: a tenant whose landing fails would be asked for at
# every tick. Not `on_missing`, which leaves out what was missing before the sensor first looked.
make_what_is_missing = _condition.missing().newly_true() & ~_condition.in_progress()


def follow_changes(key: dg.AssetKey, stage: Stage, *made_with: Stage) -> Condition | None:
    """The condition of one asset of a stage: make the stage when any of its inputs has other content.

    One made again with the same content asks for nothing. A tenant is not asked for while an input was never made or is
    being made, while the stage itself is being made, nor before each stage of `stage.after` has followed its own newest
    inputs: a changed file is seen by all stages in turn, not by the marts while its records are still being read.

    key: of `stage.keys`; all but the first get None, since that one decides for all. made_with: stages that are made in
    the same run and carry `asked_with(stage.keys[0])`; their inputs count as this stage's own.

    So a stage that follows the marts writes no more than this, in a multi-asset that is not subsettable:

        STAGE = Stage(node="features", ..., upstream=[the marts it reads], keys=ALL, after=[WAREHOUSE])
        dg.AssetSpec(key, ..., automation_condition=follow_changes(key, STAGE))

    with WAREHOUSE from `defs/warehouse/stage.py`; the stage after that says after=[WAREHOUSE, FEATURES].
    """
    if key != stage.keys[0]:
        return None
    together = (stage, *made_with)
    inputs = {key for one in together for key in one.upstream}
    changed = _of_any(inputs, _condition.data_version_changed()).with_label("an input has changed")
    condition = (
        (_condition.newly_missing() | changed).since_last_handled()
        & ~_of_any(inputs, _condition.missing()).with_label("an input is missing")
        & ~_of_any(inputs, _condition.in_progress()).with_label("an input is being made")
        & ~_of_any((key for one in together for key in one.keys), _condition.in_progress()).with_label("being made")
    )
    for before in {one.node: one for each in together for one in each.after if one not in together}.values():
        condition &= ~_is_behind(before).with_label(f"{before.node} is behind")
    return condition


def asked_with(leader: dg.AssetKey) -> Condition:
    """Be made whenever the leader is asked for, in the same run and for the same tenants, and never otherwise.

    leader: an asset before this one in the graph, however far: Dagster looks at it first, so its decision is known.
    Whether it then fails does not matter. What was never made of an old tenant is found by the hourly schedule.
    """
    return _condition.asset_matches(leader, _condition.will_be_requested())


def _is_behind(stage: Stage) -> Condition:
    """Being made just now, or not made since something that it reads has changed."""
    changed = _of_any(stage.upstream, _condition.data_version_changed())
    made = _condition.asset_matches(stage.keys[0], _condition.newly_updated())
    return _of_any(stage.keys, _condition.in_progress()) | changed.since(made)


def _of_any(keys: Iterable[dg.AssetKey], condition: Condition) -> Condition:
    """Whether a condition holds for any of some assets."""
    ordered = sorted(set(keys))  # in one order in every process: what a condition remembers is found by its place
    return reduce(or_, (_condition.asset_matches(key, condition) for key in ordered))
