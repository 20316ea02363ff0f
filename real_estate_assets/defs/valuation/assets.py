"""The assets `valuation/*`. Belongs here: Dagster wiring; the work of one tenant is in `valuing.py`."""

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg

from real_estate_assets.core.valuation.settings import valuation_settings
from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.features.keys import PROPERTY as PROPERTY_FEATURES
from real_estate_assets.defs.features.stage import STAGE as FEATURES
from real_estate_assets.defs.partitions import per_chunk
from real_estate_assets.defs.per_tenant import Stage, run
from real_estate_assets.defs.resources import ObjectStoreResource, WarehouseResource
from real_estate_assets.defs.stage_events import Event, StageResult
from real_estate_assets.defs.stage_specs import asset_spec
from real_estate_assets.defs.valuation import checks
from real_estate_assets.defs.valuation.keys import ALL, COMPARABLES, ESTIMATES, MODEL, RATIO_STUDY, TRAINING_SET
from real_estate_assets.defs.warehouse.stage import STAGE as WAREHOUSE
from real_estate_assets.settings import get_settings

SALES = dg.AssetKey(["marts", "fct_sales"])
STAGE = Stage(
    node="valuation",
    code_version=code_version("valuation"),
    upstream_nodes=[*FEATURES.upstream_nodes, FEATURES.node],
    upstream=[SALES, PROPERTY_FEATURES],
    keys=ALL,
    after=[WAREHOUSE, FEATURES],
)


def _spec(key: dg.AssetKey, deps: Sequence[dg.AssetKey], kinds: set[str], description: str) -> dg.AssetSpec:
    return asset_spec(
        key, STAGE, deps=deps, group="g7_valuation", kinds=kinds, description=description, owner="data-science"
    )


@dg.multi_asset(
    name="valuation",
    specs=[
        _spec(
            TRAINING_SET,
            [SALES, PROPERTY_FEATURES],
            {"polars", "postgres"},
            "Grain: one tenant. Its valid sales, each with what was known of the house on the day of the sale, and how "
            "many sales each rule left out.",
        ),
        _spec(
            MODEL,
            [TRAINING_SET],
            {"xgboost"},
            "Grain: one training set. A bag of three models of the price, kept for good under its sha256 and used "
            "again while sales, settings and code stay the same; with its card.",
        ),
        _spec(
            ESTIMATES,
            [MODEL, PROPERTY_FEATURES],
            {"xgboost", "postgres"},
            "Grain: one property. Its value the day after the newest sale, with an interval whose coverage was "
            "measured on later sales, or null with the reason.",
        ),
        _spec(
            RATIO_STUDY,
            [MODEL],
            {"postgres"},
            "Grain: one stratum of the test sales. The IAAO's figures with confidence intervals: of all, by class, by "
            "area, by value.",
        ),
        _spec(
            COMPARABLES,
            [MODEL],
            {"xgboost", "qdrant"},
            "Grain: one training sale. Where the model's trees put it, so that a property's nearest earlier sales are "
            "found.",
        ),
    ],
    check_specs=checks.SPECS,
    backfill_policy=per_chunk(),
)
def value(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, object_store: ObjectStoreResource
) -> Iterator[Event]:
    """Value the properties of every tenant of the run, each from its own sales alone."""
    client, today = warehouse.get(), dt.datetime.now(dt.UTC).date()

    def work(tenant_id: str) -> StageResult:
        from real_estate_assets.defs.valuation.valuing import Places, value_tenant
        from real_estate_assets.stores.vectors import open_vectors

        places = Places(client, object_store.for_tenant(tenant_id), open_vectors(get_settings()))
        return value_tenant(places, tenant_id, valuation_settings(), run_id=context.run_id, today=today)

    yield from run(context, client, STAGE, work)
