"""What the valuation stage writes: models, which grow, and the tables of one tenant that are replaced together.

Belongs here: rows of `valuation.*` as the stage writes them. Does not belong here: how they are read by people
(`valuation_reading.py`), a model's bytes (`stores/model_objects.py`), what the numbers mean (`core/valuation`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.tables import TablePublication, publication

MODEL_COLUMNS = (
    "model_id", "object_key", "object_sha256", "backtest_key", "backtest_sha256", "space_key", "space_sha256",
    "sale_count", "first_sale_date", "last_sale_date", "valued_on", "settings", "filters", "features",
    "training_files", "card", "code_version", "run_id",
)  # fmt: skip
TRAINING_SET_COLUMNS = (
    "offered_count", "sale_count", "minimum_sales", "first_sale_date", "last_sale_date", "filters", "content_sha256",
    "model_id", "reason", "run_id",
)  # fmt: skip
BACKTEST_COLUMNS = (
    "model_id", "sale_id", "property_id", "sale_date", "sale_price_usd", "predicted_usd", "low_usd", "high_usd",
    "difficulty", "tercile", "is_test", "is_calibration", "postal_code", "use_code", "latitude", "longitude",
)  # fmt: skip
ESTIMATE_COLUMNS = (
    "property_id", "valued_on", "estimate_usd", "low_usd", "high_usd", "interval_level", "difficulty", "tercile",
    "share_within_10pct", "null_reason", "model_id", "feature_event_at", "feature_run_ids", "file_no", "evidence_no",
    "record_no", "unlearnable",
)  # fmt: skip
STUDY_FIGURES = ("median_ratio", "cod", "prd", "prb", "vei", "pe10", "pe20")
RATIO_STUDY_COLUMNS = (
    "model_id", "stratum_kind", "stratum", "sale_count",
    *(f"{figure}{end}" for figure in STUDY_FIGURES for end in ("", "_low", "_high")),
    "reason",
)  # fmt: skip
LEARNABILITY_COLUMNS = (
    "model_id", "trait", "sale_count", "minimum_detectable_effect", "effect", "effect_low", "effect_high",
    "can_be_learned", "sentence",
)  # fmt: skip
_JSON = {"settings", "filters", "features", "training_files", "card"}

Json = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ValuationModel:
    """One trained model as it is recorded; keys are those of the object store, below the tenant.

    features: name, source (mart.field or null) and weight of each column; training_files: file_no, sha256, source_name,
    sale_count of each file that brought sales; card: what is known of the model.
    """

    model_id: str
    object_key: str
    object_sha256: str
    backtest_key: str
    backtest_sha256: str
    space_key: str
    space_sha256: str
    sale_count: int
    first_sale_date: dt.date
    last_sale_date: dt.date
    valued_on: dt.date
    settings: Mapping[str, Any]
    filters: Sequence[Mapping[str, Any]]
    features: Sequence[Mapping[str, Any]]
    training_files: Sequence[Mapping[str, Any]]
    card: Mapping[str, Any]
    code_version: str
    run_id: str


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What a tenant's sales came to. offered_count: sales of the mart; sale_count: of them valid and with features.

    filters: rule, reason and sale_count of what was left out. model_id or reason, never both.
    """

    offered_count: int
    sale_count: int
    minimum_sales: int
    first_sale_date: dt.date | None
    last_sale_date: dt.date | None
    filters: Sequence[Mapping[str, Any]]
    content_sha256: str
    model_id: str | None
    reason: str | None
    run_id: str


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one tenant that are replaced together; rows in the order of the constants above."""

    training_set: TrainingSet
    estimates: Iterable[Sequence[Any]]
    backtest: Iterable[Sequence[Any]] = ()
    ratio_study: Iterable[Sequence[Any]] = ()
    learnability: Iterable[Sequence[Any]] = ()


def find_model(warehouse: Warehouse, tenant_id: str, model_id: str) -> ValuationModel | None:
    """The tenant's model of that id; None where it was never trained."""
    from psycopg import sql

    from real_estate_assets.stores.warehouse.tables import column_list

    query = sql.SQL("select {} from valuation.model where tenant_id = {} and model_id = {}").format(
        column_list(MODEL_COLUMNS), sql.Literal(tenant_id), sql.Literal(model_id)
    )
    with warehouse.as_owner() as connection:
        row = connection.execute(query).fetchone()
    return None if row is None else ValuationModel(*row)


def add_model(warehouse: Warehouse, tenant_id: str, model: ValuationModel) -> None:
    """Record a model for good. One that is recorded already stays as it is: equal ids are equal models."""
    from psycopg import sql

    from real_estate_assets.stores.warehouse.tables import column_list

    statement = sql.SQL("insert into valuation.model (tenant_id, {}) values ({}) on conflict do nothing").format(
        column_list(MODEL_COLUMNS), sql.SQL(", ").join([sql.Placeholder()] * (len(MODEL_COLUMNS) + 1))
    )
    with warehouse.as_owner() as connection:
        connection.execute(statement, (tenant_id, *_values(model, MODEL_COLUMNS)))


def publish(warehouse: Warehouse, tenant_id: str, tables: Tables, *, run_id: str) -> int:
    """Replace the tenant's training set, estimates, backtest, ratio study and learnability together.

    Returns the number of estimates. Raises psycopg.Error: then everything stays as it was.
    """
    with publication(warehouse, tenant_id, f"{run_id}/valuation") as to:
        _stage(to, "training_set", TRAINING_SET_COLUMNS, [_values(tables.training_set, TRAINING_SET_COLUMNS)])
        _stage(to, "backtest", BACKTEST_COLUMNS, tables.backtest)
        _stage(to, "ratio_study", RATIO_STUDY_COLUMNS, tables.ratio_study)
        _stage(to, "learnability", LEARNABILITY_COLUMNS, tables.learnability)
        return to.stage("valuation", "estimate", ESTIMATE_COLUMNS, tables.estimates, ["(property_id)"])


def training_files(
    warehouse: Warehouse, tenant_id: str, sale_counts: Mapping[int, int]
) -> list[dict[str, int | str]]:  # fmt: skip
    """The files that brought training sales, by number: file_no, sha256, source_name, sale_count.

    sale_counts: file number -> how many training sales it brought.
    """
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select file_no, sha256, source_name from prov.source_file"
            " where tenant_id = %s and file_no = any(%s) order by file_no",
            (tenant_id, sorted(sale_counts)),
        ).fetchall()
    return [
        {"file_no": number, "sha256": sha256, "source_name": name, "sale_count": sale_counts[number]}
        for number, sha256, name in rows
    ]


def _stage(to: TablePublication, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    to.stage("valuation", table, columns, rows)


def _values(record: ValuationModel | TrainingSet, columns: Sequence[str]) -> list[Any]:
    """The record's values, which bear the columns' names."""
    from psycopg.types.json import Jsonb

    values = {name: getattr(record, name) for name in columns}
    return [Jsonb(value) if name in _JSON else value for name, value in values.items()]
