"""The conditions under which an asset asks to be made by itself. Belongs here: conditions, which the assets carry.

Does not belong here: the sensors that evaluate them (`automation.py`).
"""

import dagster as dg

_condition = dg.AutomationCondition

# Never made, and not being made. `missing` alone is level-triggered: a tenant whose landing fails would be asked for at
# every tick. Not `on_missing`, which leaves out what was missing before the sensor first looked.
make_what_is_missing = _condition.missing().newly_true() & ~_condition.in_progress()


def follow_changes(*earlier: dg.AssetKey) -> dg.AutomationCondition:
    """As `eager`, but an input made again with the same content asks for nothing: unchanged tenants stay untouched.

    A stage waits until each of the `earlier` assets has followed too: a changed file is seen by all stages in turn, not
    by the marts while its records are still being read. `will_be_requested` makes a chain of models one run.
    """
    changed = _condition.any_deps_match(_condition.data_version_changed() | _condition.will_be_requested())
    condition = _condition.eager().replace("any_deps_updated", changed.with_label("what it reads has changed"))
    for key in earlier:
        condition &= ~_is_behind(key).with_label(f"{key.to_user_string()} is behind")
    return condition


def _is_behind(key: dg.AssetKey) -> dg.AutomationCondition:
    """Whether an asset of an earlier stage has not been made since something that it reads changed."""
    changed = _condition.any_deps_match(_condition.data_version_changed())
    return _condition.asset_matches(key, changed.since(_condition.newly_updated()))
