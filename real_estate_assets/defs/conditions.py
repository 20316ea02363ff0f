"""The conditions under which an asset asks to be made by itself. Belongs here: conditions, which the assets carry.

Does not belong here: the sensors that evaluate them (`automation.py`).
"""

import dagster as dg

_condition = dg.AutomationCondition

# Never made, and not being made. `missing` alone is level-triggered: a tenant whose landing fails would be asked for at
# every tick. `initial_evaluation` covers tenants that were there before the sensor first looked.
newly_missing = (
    _condition.missing().newly_true() | (_condition.missing() & _condition.initial_evaluation())
).since_last_handled()
land_new_tenants = newly_missing & ~_condition.in_progress()

# As `eager`, but an input that was made again with the same content asks for nothing: unchanged tenants stay untouched.
follow_changes = (
    _condition.eager()
    .replace("any_deps_updated", _condition.any_deps_match(_condition.data_version_changed()))
    .with_label("when what it reads has changed")
)
