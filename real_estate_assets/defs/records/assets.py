"""The assets `records/<type>` and their gates. Belongs here: Dagster wiring, metadata. `reading.py` does the work."""

import hashlib
from collections.abc import Iterator, Sequence

import dagster as dg

from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.landing.assets import SOURCE_FILES
from real_estate_assets.defs.partitions import per_chunk
from real_estate_assets.defs.per_tenant import Stage, TenantDataError, run
from real_estate_assets.defs.records.reading import FileReading, read_files
from real_estate_assets.defs.reference.keys import COUNTY_BOUNDARIES
from real_estate_assets.defs.resources import ObjectStoreResource, WarehouseResource
from real_estate_assets.defs.stage_events import AssetResult, CheckResult, Event, StageResult
from real_estate_assets.defs.stage_specs import asset_spec, check_spec

RECORDS = {
    "property": dg.AssetKey(["records", "properties"]),
    "parcel": dg.AssetKey(["records", "parcels"]),
    "owner": dg.AssetKey(["records", "owners"]),
    "hazard_zone": dg.AssetKey(["records", "hazard_zones"]),
}
_GRAIN = {
    "property": "one row of a roll, a property database or a sales file",
    "parcel": "one feature of a parcel layer",
    "owner": "one row of a list of company owners",
    "hazard_zone": "one zone of a hazard layer that the tenant brought",
}
STAGE = Stage(
    node="records",
    code_version=code_version("records"),
    upstream_nodes=[SOURCE_FILES.to_user_string()],
    upstream=[SOURCE_FILES, COUNTY_BOUNDARIES],
    unpartitioned=frozenset({COUNTY_BOUNDARIES}),
    keys=list(RECORDS.values()),
)
BATCH_RULES, ACCOUNTED, ROW_RULES = "batch_rules_hold", "every_row_is_accounted_for", "no_row_is_quarantined"


def _spec(record_type: str) -> dg.AssetSpec:
    return asset_spec(
        RECORDS[record_type],
        STAGE,
        deps=STAGE.upstream,
        group="g2_records",
        kinds={"postgres", "greatexpectations"},
        description=f"Grain: {_GRAIN[record_type]}, typed and in canonical names, with its file and record number. "
        "Rows that fail a row rule are quarantined and named; a batch rule that fails keeps yesterday's marts served.",
    )


def _checks(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    return [
        check_spec(BATCH_RULES, key, "Every file passes the batch rules of its suite in expectations/.", blocking=True),
        check_spec(ACCOUNTED, key, "Rows in = accepted + quarantined, for every file.", blocking=True),
        check_spec(
            ROW_RULES, key, "A warning where rows were quarantined: the rule, how many, and where the first ones stand."
        ),
    ]


@dg.multi_asset(
    name="records",
    specs=[_spec(record_type) for record_type in RECORDS],
    check_specs=[check for key in RECORDS.values() for check in _checks(key)],
    backfill_policy=per_chunk(),
)
def records(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, object_store: ObjectStoreResource
) -> Iterator[Event]:
    """Read and gate the files of every tenant of the run."""
    client = warehouse.get()

    def work(tenant_id: str) -> StageResult:
        readings = read_files(
            client,
            object_store.for_tenant(tenant_id),
            tenant_id,
            code_version=STAGE.code_version,
            run_id=context.run_id,
        )
        refused = [f"{r.uri}: {r.error}" for r in readings if r.error]
        if refused:
            raise TenantDataError("; ".join(refused))
        by_type = {kind: [r for r in readings if r.record_type == kind] for kind in RECORDS}
        return StageResult(
            [_asset(RECORDS[kind], some) for kind, some in by_type.items()],
            [check for kind, some in by_type.items() for check in _verdicts(RECORDS[kind], some)],
        )

    yield from run(context, client, STAGE, work)


def _asset(key: dg.AssetKey, readings: Sequence[FileReading]) -> AssetResult:
    rows = "\n".join(
        f"| {r.file_no} | {r.uri} | {r.vintage} | {r.rows_in:,} | {r.accepted:,} | {r.quarantined:,} "
        f"| {'read now' if r.was_read_now else 'unchanged'} |"
        for r in readings
    )
    version = "\n".join(f"{r.file_no} {r.version} {r.gate_passed}" for r in readings)
    return AssetResult(
        key,
        sum(r.accepted for r in readings),
        {
            "rows_in": sum(r.rows_in for r in readings),
            "accepted": sum(r.accepted for r in readings),
            "quarantined": sum(r.quarantined for r in readings),
            "files": dg.MetadataValue.md(
                f"| no | file | vintage | rows in | accepted | quarantined | |\n|--|--|--|--:|--:|--:|--|\n{rows}"
            ),
        },
        hashlib.sha256(f"{STAGE.code_version}\n{version}".encode()).hexdigest()[:16],
    )


def _verdicts(key: dg.AssetKey, readings: Sequence[FileReading]) -> list[CheckResult]:
    failed = {f"{r.uri}: {rule}": text for r in readings for rule, text in r.report.get("batch_failures", {}).items()}
    quarantined = {
        f"{r.uri}: {rule}": text for r in readings for rule, text in r.report.get("row_failures", {}).items()
    }
    lost = [
        f"{r.uri}: {r.rows_in} in, {r.accepted} accepted, {r.quarantined} quarantined"
        for r in readings
        if not r.is_accounted_for
    ]
    batch_rules_hold = all(r.gate_passed for r in readings)
    rows_quarantined = sum(r.quarantined for r in readings)
    return [
        CheckResult(key, BATCH_RULES, batch_rules_hold, True, metadata={"failed": dg.MetadataValue.json(failed)}),
        CheckResult(key, ACCOUNTED, not lost, True, metadata={"lost": dg.MetadataValue.json(lost)}),
        CheckResult(
            key,
            ROW_RULES,
            rows_quarantined == 0,
            False,
            dg.AssetCheckSeverity.WARN,
            {"rules": dg.MetadataValue.json(quarantined), "quarantined": rows_quarantined},
        ),
    ]
