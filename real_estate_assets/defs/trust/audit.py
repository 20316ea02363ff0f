"""The check `audit` of every mart: the independent auditor's verdict, asked for once a day for every tenant.

Belongs here: the check, its job and its schedule. Does not belong here: how the auditor is run (`auditing.py`), nor a
rule of it (`auditor/`, which imports nothing of this package).

A cell that no rule could audit is no pass: it makes the check a warning. Verdicts name cells by mart, key and field;
the values that differ are the tenant's own and stand in prov.audit_cell, under row-level security, not in an event.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.defs.partitions import RANGE_END, RANGE_START, TENANTS, chunks
from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.defs.stage_events import CheckResult, Event, check_events
from real_estate_assets.defs.stage_specs import check_spec
from real_estate_assets.defs.trust.keys import AUDIT
from real_estate_assets.defs.warehouse.assets import warehouse_models
from real_estate_assets.settings import get_settings

if TYPE_CHECKING:
    from auditor import Summary, Verdict

JOB = "audit_job"
CELLS = 600  # of each tenant a day: without a finding, fewer than 0.5 % of its cells are wrong, with 95 % confidence
SHOWN = 20  # findings named in an event
MARTS = tuple(sorted(key for key in warehouse_models.keys if key.path[0] == "marts"))


@dg.multi_asset_check(
    name="audit",
    specs=[
        check_spec(
            AUDIT,
            key,
            "Cells drawn by the day's date and derived again from the source files, by a program that "
            "shares no code with this one. A mismatch fails; a cell that could not be audited warns.",
        )
        for key in MARTS
    ],
    can_subset=True,
)
def audit(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> Iterator[Event]:
    """Audit every tenant of the run. Raises dg.Failure naming the tenants whose audit could not be done."""
    op = context.op_execution_context
    # Dagster evaluates all checks of a mart whenever the mart is made; an audit reads files again and is asked for
    # alone.
    if op.job_def.asset_layer.selected_asset_keys:
        return
    from real_estate_assets.defs.trust.auditing import run_audit

    client, failed = warehouse.get(), {}
    for tenant_id in op.partition_keys:
        try:
            found = run_audit(get_settings(), [tenant_id], seed=_today(), cells=CELLS, warehouse=client)
        except Exception as error:  # one tenant's trouble is that tenant's
            context.log.exception("audit: tenant %s", tenant_id)
            failed[tenant_id] = str(error) or repr(error)
            continue
        yield from check_events(op, verdicts(found), tenant_id)
    if failed:
        named = "; ".join(f"{tenant_id}: {error}" for tenant_id, error in failed.items())
        raise dg.Failure(f"{len(failed)} tenants could not be audited. {named}"[:4000], allow_retries=False)


def verdicts(found: "Summary") -> Iterator[CheckResult]:
    """One result a mart of which cells were drawn; of one tenant."""
    by_mart: dict[str, list[Verdict]] = {}
    for one in found.tenants:
        for verdict in one.verdicts:
            by_mart.setdefault(verdict.mart, []).append(verdict)
    numbers = [one.audit_no for one in found.tenants if one.audit_no is not None]
    shared = {"seed": found.seed, "auditor_sha256": found.auditor_sha256, "audit_no": max(numbers, default=0)}
    for mart, some in sorted(by_mart.items()):
        yield _result(dg.AssetKey(["marts", mart]), some, shared)


def _result(key: dg.AssetKey, some: Sequence["Verdict"], shared: Mapping[str, Any]) -> CheckResult:
    counts = {name: sum(one.verdict == name for one in some) for name in ("match", "mismatch", "not_audited")}
    findings = sorted((one for one in some if one.verdict != "match"), key=lambda one: one.verdict != "mismatch")
    named = [
        {"key": dict(one.row_key), "field": one.field, "verdict": one.verdict, "what": one.what}
        for one in findings[:SHOWN]
    ]
    severity = dg.AssetCheckSeverity.ERROR if counts["mismatch"] else dg.AssetCheckSeverity.WARN
    metadata = {"cells": len(some), **counts, **shared, "findings": dg.MetadataValue.json(named)}
    return CheckResult(key, AUDIT, not findings, False, severity, metadata)


audit_job = dg.define_asset_job(
    JOB,
    dg.AssetSelection.checks(*(dg.AssetCheckKey(key, AUDIT) for key in MARTS)),
    description="Audit every tenant's marts against the files they were made of.",
)


@dg.schedule(
    name="daily_audit",
    cron_schedule="30 4 * * *",
    job=audit_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day: audits cells of every tenant, drawn by the date.",
)
def daily_audit(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """One run a chunk of tenants."""
    keys = context.instance.get_dynamic_partitions(TENANTS)
    day = context.scheduled_execution_time.date().isoformat()
    requests = [
        dg.RunRequest(run_key=f"audit {day} {chunk[0]}", tags={RANGE_START: chunk[0], RANGE_END: chunk[-1]})
        for chunk in chunks(keys, keys, get_settings().tenants_per_run)
    ]
    return requests or dg.SkipReason("there is no tenant yet")


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()
