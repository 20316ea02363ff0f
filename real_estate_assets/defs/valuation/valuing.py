"""One tenant from its sales to its estimates: gather, find or train the model, judge it, estimate, publish.

Belongs here: the order of these steps and their results as Dagster is told of them. Does not belong here: any step.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.defs.stage_events import AssetResult, StageResult
from real_estate_assets.defs.valuation import checks, keys, pictures
from real_estate_assets.defs.valuation.comparing import publish_comparables
from real_estate_assets.defs.valuation.estimating import backtest_rows, estimate_rows, estimates_of
from real_estate_assets.defs.valuation.gathering import Gathered, gather
from real_estate_assets.defs.valuation.modelling import Modelled, model_of
from real_estate_assets.defs.valuation.studying import Studied, study, with_strata
from real_estate_assets.defs.valuation.traits import unlearnable_of, without_model
from real_estate_assets.stores.warehouse import Warehouse, valuation
from real_estate_assets.stores.warehouse.valuation import ESTIMATE_COLUMNS, LEARNABILITY_COLUMNS

if TYPE_CHECKING:
    from real_estate_assets.core.valuation.settings import ValuationSettings
    from real_estate_assets.stores.object_store import ObjectStore
    from real_estate_assets.stores.vectors import VectorStore


@dataclass(frozen=True)
class Places:
    """Where a tenant's valuation reads and writes."""

    warehouse: Warehouse
    objects: ObjectStore
    vectors: VectorStore


@dataclass(frozen=True)
class Valued:
    """Everything that became of one tenant. modelled and studied: None where the sales are too few for a model."""

    gathered: Gathered
    training_set: valuation.TrainingSet
    modelled: Modelled | None
    studied: Studied | None
    learned: Sequence[dict[str, Any]]
    unlearnable: Sequence[Sequence[str]]
    estimates: Sequence[Sequence[Any]]
    estimates_version: str


def value_tenant(
    places: Places, tenant_id: str, settings: ValuationSettings, *, run_id: str, today: dt.date
) -> StageResult:
    """Value every property of a tenant and publish what came of it. today: no sale can be later."""
    gathered = gather(places.warehouse, tenant_id, settings, today)
    modelled = None
    if gathered.sale_count >= settings.minimum_sales:
        modelled = model_of(places.warehouse, places.objects, tenant_id, gathered, settings, run_id)
    valued = _valued(gathered, modelled, settings, run_id)
    valuation.publish(places.warehouse, tenant_id, _tables(valued), run_id=run_id)
    # After the estimates: comparables of a model that nobody is shown yet would be those of another answer.
    points = publish_comparables(places.vectors, tenant_id, gathered, modelled) if modelled else (0, False)
    return StageResult(_assets(valued, settings, points), _checks(valued))


def _valued(gathered: Gathered, modelled: Modelled | None, settings: ValuationSettings, run_id: str) -> Valued:
    if modelled is None:
        model_id, studied, learned = None, None, without_model(gathered.valid, gathered.traits)
    else:
        model_id, learned = modelled.record.model_id, modelled.learned
        studied = study(model_id, with_strata(modelled.backtest, gathered.training))
    unlearnable = unlearnable_of(gathered.traits, learned)
    estimates = estimates_of(gathered, modelled, settings)
    return Valued(
        gathered,
        _training_set(gathered, model_id, settings, run_id),
        modelled,
        studied,
        learned,
        unlearnable,
        estimate_rows(estimates, gathered, model_id, settings, unlearnable),
        _digest(estimates.write_csv(), model_id),
    )


def _training_set(
    gathered: Gathered, model_id: str | None, settings: ValuationSettings, run_id: str
) -> valuation.TrainingSet:
    count, needed = gathered.sale_count, settings.minimum_sales
    reason = f"{count:,} valid sales with features of their day, and a model needs {needed:,}: there is no estimate"
    return valuation.TrainingSet(
        gathered.offered_count,
        count,
        needed,
        gathered.first_sale_date,
        gathered.last_sale_date,
        gathered.filters,
        gathered.content_sha256,
        model_id,
        None if model_id else reason,
        run_id,
    )


def _tables(valued: Valued) -> valuation.Tables:
    model_id = valued.training_set.model_id
    learned = [[{"model_id": model_id, **one}[name] for name in LEARNABILITY_COLUMNS] for one in valued.learned]
    if valued.modelled is None or valued.studied is None or model_id is None:
        return valuation.Tables(valued.training_set, valued.estimates, learnability=learned)
    backtest = backtest_rows(with_strata(valued.modelled.backtest, valued.gathered.training), model_id)
    return valuation.Tables(valued.training_set, valued.estimates, backtest, valued.studied.rows, learned)


def _assets(valued: Valued, settings: ValuationSettings, points: tuple[int, bool]) -> list[AssetResult]:
    gathered, modelled, studied = valued.gathered, valued.modelled, valued.studied
    candidates = (*settings.features, *settings.categories, *settings.hazard_features)
    no_model = {"reason": valued.training_set.reason} if modelled is None else {}
    model_id = valued.training_set.model_id
    rows = studied.rows if studied else ()
    return [
        AssetResult(
            keys.TRAINING_SET,
            gathered.sale_count,
            pictures.training_metadata(gathered, candidates) | no_model,
            _digest(gathered.content_sha256, gathered.filters, settings.minimum_sales),
        ),
        AssetResult(
            keys.MODEL,
            1 if modelled else 0,
            pictures.model_metadata(modelled) if modelled else no_model,
            _digest(model_id, valued.learned),
        ),
        AssetResult(
            keys.ESTIMATES,
            len(valued.estimates),
            pictures.estimates_metadata(valued.estimates, ESTIMATE_COLUMNS, studied) | no_model,
            valued.estimates_version,
        ),
        AssetResult(
            keys.RATIO_STUDY,
            len(rows),
            pictures.study_metadata(studied) if studied else no_model,
            _digest(model_id, rows),
        ),
        AssetResult(keys.COMPARABLES, points[0], {"published_now": points[1], **no_model}, _digest(model_id, "points")),
    ]


def _checks(valued: Valued) -> list[Any]:
    return [
        checks.enough_sales(valued.training_set),
        checks.learnable(valued.unlearnable, valued.learned),
        checks.every_property(valued.estimates, ESTIMATE_COLUMNS),
        *checks.of_study(valued.studied),
    ]


def _digest(*parts: Any) -> str:
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:16]
