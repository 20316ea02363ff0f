"""The assets `trust/*`: what trust is computed from, measured for each tenant. Belongs here: Dagster wiring and checks.

The marts stand after this stage in a run, so that the trust they show is computed from the newest parameters, and they
are asked for whenever it is: one asset here decides for both, by what either reads. They are not made of it, and a
calibration that fails stops nobody: the parameters before it, or the reviewed priors, stay in force, its failure is an
outcome of its own, and the run says so at its end.
"""

import hashlib
from collections.abc import Iterator, Sequence

import dagster as dg

from real_estate_assets.core.provenance.calibration import Parameter
from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.enrichment.assets import STAGE as ENRICHMENT_STAGE
from real_estate_assets.defs.enrichment.keys import HAZARD_EXPOSURES, IDENTITIES, LOCATIONS
from real_estate_assets.defs.partitions import per_chunk
from real_estate_assets.defs.per_tenant import Stage, run
from real_estate_assets.defs.records.assets import RECORDS
from real_estate_assets.defs.records.assets import STAGE as RECORDS_STAGE
from real_estate_assets.defs.reference.keys import ANSWER_KEYS, FIELD_TOLERANCE, SOURCE_REGISTRY, TRUST_REGISTERS
from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.defs.stage_events import AssetResult, CheckResult, Event, StageResult
from real_estate_assets.defs.stage_specs import asset_spec, check_spec
from real_estate_assets.defs.trust.keys import ALL, INDEPENDENT, MAPPING_ALARM, MINIMUM_N, STABILITY
from real_estate_assets.defs.trust.measuring import Measured, measure
from real_estate_assets.defs.trust.pictures import alarm_table, independent_metadata, stability_metadata
from real_estate_assets.defs.warehouse.stage import STAGE as WAREHOUSE
from real_estate_assets.stores.warehouse import calibration as store

REFERENCES = frozenset({ANSWER_KEYS, FIELD_TOLERANCE, SOURCE_REGISTRY, TRUST_REGISTERS})
INPUTS = {
    STABILITY: [RECORDS["property"], IDENTITIES, FIELD_TOLERANCE, TRUST_REGISTERS],
    INDEPENDENT: [
        RECORDS["property"],
        RECORDS["parcel"],
        LOCATIONS,
        HAZARD_EXPOSURES,
        ANSWER_KEYS,
        SOURCE_REGISTRY,
        TRUST_REGISTERS,
    ],
}
STAGE = Stage(
    node="calibration",
    code_version=code_version("calibration"),
    upstream_nodes=["landing/source_files", "records", "enrichment"],
    upstream=list(dict.fromkeys(key for keys in INPUTS.values() for key in keys)),
    unpartitioned=REFERENCES,
    keys=ALL,
    after=[RECORDS_STAGE, ENRICHMENT_STAGE],
)


def _spec(key: dg.AssetKey, description: str) -> dg.AssetSpec:
    kinds = {"polars", "postgres"}
    return asset_spec(key, STAGE, WAREHOUSE, deps=INPUTS[key], group="g3_trust", kinds=kinds, description=description)


@dg.multi_asset(
    name="calibration",
    specs=[
        _spec(
            STABILITY,
            "Grain: one field and part of the properties. How often a source's next vintage says the same, and what a "
            "failed row check does to that.",
        ),
        _spec(
            INDEPENDENT,
            "Grain: one field or method. How often sources that do not know of each other agree: the only measure of "
            "who is right.",
        ),
    ],
    check_specs=[
        check_spec(
            MAPPING_ALARM,
            STABILITY,
            "A warning where the same office's later file agrees with a field much less, or more, than predicted: the "
            "column map of one of the two probably reads another thing than it says.",
        ),
        *(
            check_spec(MINIMUM_N, key, "A warning where fields were compared too seldom: those keep their prior.")
            for key in ALL
        ),
    ],
    backfill_policy=per_chunk(),
)
def calibrate(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Event]:
    """Measure every tenant of the run; a version is written where something that was compared has changed."""
    client = warehouse.get()

    def work(tenant_id: str) -> StageResult:
        found = measure(client, tenant_id)
        version, is_new = store.write_version(
            client,
            tenant_id,
            found.every_parameter,
            code_version=STAGE.code_version,
            inputs=found.inputs,
            run_id=context.run_id,
        )
        shown = {"version": version, "is_new_version": is_new}
        return StageResult(
            [
                _asset(STABILITY, found.stability, {**shown, **stability_metadata(found)}),
                _asset(INDEPENDENT, found.independent.parameters, {**shown, **independent_metadata(found)}),
            ],
            [_mapping_alarm(found), *_minimum_n(found)],
        )

    yield from run(context, client, STAGE, work)


def _asset(key: dg.AssetKey, parameters: Sequence[Parameter], metadata: dict[str, object]) -> AssetResult:
    content = "\n".join(map(repr, parameters))
    return AssetResult(key, len(parameters), metadata, hashlib.sha256(content.encode()).hexdigest()[:16])


def _mapping_alarm(found: Measured) -> CheckResult:
    raised = [(look.pair, alarm) for look in found.looks for alarm in look.alarms]
    fields = {
        f"{alarm.field} ({pair.against})": {
            "predicted": round(alarm.predicted, 2),
            "measured": round(alarm.measured, 2),
            "n": alarm.n,
        }
        for pair, alarm in raised
    }
    return CheckResult(
        STABILITY,
        MAPPING_ALARM,
        not raised,
        False,
        dg.AssetCheckSeverity.WARN,
        {
            "alarms": dg.MetadataValue.md(alarm_table(found.looks) or "none"),
            "fields": dg.MetadataValue.json(fields),
            "compared": dg.MetadataValue.text(f"{sum(len(look.rows) for look in found.looks)} fields of later looks"),
            "alarm_difference": dg.MetadataValue.text(f"{found.model.alarm_difference:g}"),
        },
    )


def _minimum_n(found: Measured) -> Iterator[CheckResult]:
    for key, parameters in ((STABILITY, found.stability), (INDEPENDENT, found.independent.parameters)):
        few = {
            f"{one.source_kind}: {one.field}": one.n
            for one in parameters
            if one.segment == "all" and one.kind != "row_check" and one.n < found.model.minimum_n
        }
        yield CheckResult(
            key,
            MINIMUM_N,
            not few,
            False,
            dg.AssetCheckSeverity.WARN,
            {"compared_too_seldom": dg.MetadataValue.json(few), "minimum_n": found.model.minimum_n},
        )
