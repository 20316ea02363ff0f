"""When stages run by themselves: conditions on the assets' changes, and one schedule for what changes outside.

Belongs here: the sensors and the schedule. Does not belong here: the conditions, which the assets carry
(`conditions.py`), and the work.

One sensor a stage: a slow evaluation of one must not hold the others. A new tenant flows end to end with no hand: its
partition is missing, so landing is asked for; each stage is asked for when what it reads has another data version.
"""

import dagster as dg

from real_estate_assets.defs import jobs
from real_estate_assets.settings import get_settings


def _sensor(name: str, selection: dg.AssetSelection) -> dg.AutomationConditionSensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        f"automation_{name}",
        target=selection,
        minimum_interval_seconds=get_settings().automation_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


sensors = [
    _sensor("reference", jobs.REFERENCE),
    _sensor("landing", jobs.LANDING),
    _sensor("records", jobs.RECORDS),
    _sensor("enrichment", jobs.ENRICHMENT),
    # Asked for at one tick, both are one run, in which the calibration comes first.
    _sensor("warehouse", jobs.CALIBRATION | jobs.WAREHOUSE),
    _sensor("features", jobs.FEATURES),
    _sensor("valuation", jobs.VALUATION),
]


@dg.schedule(
    name="refresh_changed",
    cron_schedule="0 * * * *",
    target=jobs.REFERENCE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour: loads reference layers whose files changed, and submits a chunked backfill of the tenants "
    "whose own files or references changed.",
)
def refresh_changed(context: dg.ScheduleEvaluationContext) -> dg.SkipReason | list[dg.RunRequest]:
    """Compare files with what was made of them; ask for what differs."""
    from real_estate_assets.defs.backfills import submit_changed

    return submit_changed(context.instance, context.repository_def.asset_graph)
