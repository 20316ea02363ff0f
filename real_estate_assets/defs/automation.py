"""When stages run by themselves: conditions on the assets' changes, and one schedule for what changes outside.

Belongs here: conditions, their sensors, the schedule. Does not belong here: the work.

One sensor a stage: a slow evaluation of one must not hold the others. A new tenant flows end to end with no hand: its
partition is missing, so landing is asked for; each stage is asked for when what it reads has another data version.
"""

import dagster as dg

from real_estate_assets.defs import jobs

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


def _sensor(name: str, selection: dg.AssetSelection) -> dg.AutomationConditionSensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        f"automation_{name}",
        target=selection,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


sensors = [
    _sensor("landing", jobs.LANDING),
    _sensor("records", jobs.RECORDS),
    _sensor("enrichment", jobs.ENRICHMENT),
    _sensor("warehouse", jobs.WAREHOUSE),
]


@dg.schedule(
    name="refresh_changed",
    cron_schedule="0 * * * *",
    target=jobs.LANDING,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour: loads reference layers whose files changed, and submits a chunked backfill of the tenants "
    "whose own files or references changed.",
)
def refresh_changed(context: dg.ScheduleEvaluationContext) -> dg.SkipReason | list[dg.RunRequest]:
    """Compare files with what was made of them; ask for what differs."""
    from real_estate_assets.defs.backfills import submit_changed

    return submit_changed(context.instance, context.repository_def.asset_graph)
