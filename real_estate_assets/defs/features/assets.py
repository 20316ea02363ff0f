"""The assets `features/*`. Belongs here: Dagster wiring and checks; the rows are computed in `stores/warehouse`."""

from collections.abc import Iterator, Sequence

import dagster as dg

from real_estate_assets.core.features.registry import SINGLE_VALUED as REASONS
from real_estate_assets.core.features.registry import Entity, Feature, features
from real_estate_assets.defs.features.event_log import asset_record
from real_estate_assets.defs.features.keys import (
    EXPLAINED,
    LIKE_THE_MART,
    MARKET,
    NOTHING_LATER,
    PROPERTY,
    SINGLE_VALUED,
)
from real_estate_assets.defs.features.online import DESCRIPTION, ONLINE, serve_online
from real_estate_assets.defs.features.pictures import coverage_metadata, event_metadata
from real_estate_assets.defs.features.stage import INPUTS, PROPERTIES, STAGE
from real_estate_assets.defs.partitions import per_chunk
from real_estate_assets.defs.per_tenant import run
from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.defs.stage_events import AssetResult, CheckResult, Event, StageResult
from real_estate_assets.defs.stage_specs import asset_spec, check_spec
from real_estate_assets.stores.warehouse import Warehouse, features_build, features_looks

ENTITIES: dict[dg.AssetKey, Entity] = {PROPERTY: "property", MARKET: "market"}


def _spec(key: dg.AssetKey, kinds: set[str], description: str) -> dg.AssetSpec:
    return asset_spec(
        key, STAGE, deps=INPUTS[key], group="g6_features", kinds=kinds, description=description, owner="data-science"
    )


@dg.multi_asset(
    name="features",
    specs=[
        _spec(
            PROPERTY,
            {"postgres"},
            "Grain: one property and day on which something of it became known: a record, its place, a hazard layer.",
        ),
        _spec(
            MARKET,
            {"postgres", "polars"},
            "Grain: one market and day. Every value is of the tenant's own sales strictly before the day, or of a "
            "public index published by then.",
        ),
        _spec(ONLINE, {"feast"}, DESCRIPTION),
    ],
    check_specs=[
        *(
            check_spec(
                EXPLAINED, key, "Every null has a reason, every value a source, and no value has both.", blocking=True
            )
            for key in ENTITIES
        ),
        check_spec(NOTHING_LATER, PROPERTY, "No row holds what its source or layer said only later.", blocking=True),
        check_spec(
            LIKE_THE_MART,
            PROPERTY,
            "Every property has a row, and its newest one says what dim_properties says of the same record.",
            blocking=True,
        ),
        check_spec(
            SINGLE_VALUED,
            PROPERTY,
            "A warning where all properties have one value of a feature and neither the registry nor a mart's column "
            "explains it.",
        ),
    ],
    backfill_policy=per_chunk(),
)
def compute_features(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Event]:
    """Features of every tenant of the run: computed, published together, looked at, brought to where they are read."""
    client = warehouse.get()

    def work(tenant_id: str) -> StageResult:
        record = asset_record(context.instance, tenant_id, STAGE.upstream, PROPERTIES)
        built = features_build.publish_features(client, tenant_id, record, invocation_id=f"{context.run_id}/features")
        found = {key: features_looks.filled(client, tenant_id, entity) for key, entity in ENTITIES.items()}
        years = features_looks.rows_by_year(client, tenant_id)
        made = [
            AssetResult(
                PROPERTY,
                built.properties.rows,
                {**coverage_metadata("property", found[PROPERTY]), **event_metadata(years)},
                built.properties.content,
            ),
            AssetResult(MARKET, built.markets.rows, coverage_metadata("market", found[MARKET]), built.markets.content),
        ]
        checks = list(_checks(client, tenant_id, found[PROPERTY]))
        failed = [check.name for check in checks if check.is_blocking and not check.passed]
        online = serve_online(client, tenant_id, failed, tell=context.log.info)
        return StageResult([*made, online], checks)

    yield from run(context, client, STAGE, work)


def _checks(client: Warehouse, tenant_id: str, found: Sequence[features_looks.Filled]) -> Iterator[CheckResult]:
    for key, entity in ENTITIES.items():
        wrong = features_looks.unexplained(client, tenant_id, entity)
        yield CheckResult(key, EXPLAINED, not wrong, True, metadata={"rows_by_feature": dg.MetadataValue.json(wrong)})
    later = features_looks.known_later(client, tenant_id)
    yield CheckResult(PROPERTY, NOTHING_LATER, not later, True, metadata={"rows": dg.MetadataValue.json(later)})
    mart = features_looks.against_mart(client, tenant_id)
    yield CheckResult(
        PROPERTY,
        LIKE_THE_MART,
        not mart.missing and not mart.unlike,
        True,
        metadata={
            "properties": mart.properties,
            "without_a_row": mart.missing,
            "described_by_a_later_sale": mart.other_record,
            "unlike": dg.MetadataValue.json(mart.unlike),
        },
    )
    explained, alone = _single_valued(found)
    yield CheckResult(
        PROPERTY,
        SINGLE_VALUED,
        not alone,
        False,
        dg.AssetCheckSeverity.WARN,
        {"explained": dg.MetadataValue.json(explained), "unexplained": dg.MetadataValue.json(alone)},
    )


def _single_valued(found: Sequence[features_looks.Filled]) -> tuple[dict[str, str], list[str]]:
    """Features with one value for all properties: with the reason, and those that have none."""
    of = {feature.name: feature for feature in features() if feature.entity == "property"}
    reasons = {one.name: _reason(of[one.name]) for one in found if one.one_value}
    return (
        {name: reason for name, reason in reasons.items() if reason},
        [name for name, reason in reasons.items() if not reason],
    )


def _reason(feature: Feature) -> str | None:
    """The registry's, else that the source itself states the one value: a copied cell has evidence."""
    if feature.single_valued is not None:
        return REASONS[feature.single_valued]
    return f"the source states it of every property ({feature.source})" if feature.columns else None
