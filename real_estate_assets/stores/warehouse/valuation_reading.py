"""What is known of a property's value, and of how a tenant is valued: read as the application bound to one tenant.

Belongs here: reading `valuation.*` for people and programs. Does not belong here: writing it (`valuation.py`), trust
(computed by the database), comparables (`stores/comparable_sales.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.features.registry import stored
from real_estate_assets.core.provenance.explanation import Property
from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.features_frames import read_frame
from real_estate_assets.stores.warehouse.property_lookup import find_property
from real_estate_assets.stores.warehouse.tables import column_list
from real_estate_assets.stores.warehouse.valuation import (
    ESTIMATE_COLUMNS,
    MODEL_COLUMNS,
    TRAINING_SET_COLUMNS,
    TrainingSet,
    ValuationModel,
)

if TYPE_CHECKING:
    import polars as pl
    from psycopg import Connection


class NotValuedError(LookupError):
    """The property is known, and the valuation has not seen it yet; the message says what to do."""


@dataclass(frozen=True, slots=True)
class InputTrust:
    """One cell that an estimate was computed from. weight: its feature's share of what the model gained by all."""

    feature: str
    mart: str
    field: str
    weight: float
    trust: float | None


@dataclass(frozen=True, slots=True)
class EstimateTrust:
    """Trust of an estimate as of now: the measured share within 10 %, times the trust of its input cells."""

    trust: float | None
    share_within_10pct: float | None
    inputs: float | None
    is_recalled: bool
    cells: Sequence[InputTrust]


@dataclass(frozen=True, slots=True)
class ValueAnswer:
    """Everything that is known of one property's value.

    estimate: the row of valuation.estimate; training_set, model: what it rests on (model None: there is none); learned:
    what the sales teach of traits; unknown: features that are null, with the code of the reason; row: its feature row.
    """

    subject: Property
    estimate: Mapping[str, Any]
    training_set: TrainingSet
    model: ValuationModel | None
    trust: EstimateTrust | None
    learned: Sequence[Mapping[str, Any]]
    unknown: Mapping[str, str]
    row: pl.DataFrame


@dataclass(frozen=True, slots=True)
class ValuationSummary:
    """How a tenant is valued. reason: why there is no model; figures: of the model's card (value and interval each)."""

    tenant_id: str
    properties: int
    estimated: int
    median_usd: float | None
    sale_count: int
    reason: str | None
    card: Mapping[str, Any] | None


def value_of(warehouse: Warehouse, tenant_id: str, property: str) -> ValueAnswer:
    """What the tenant's present valuation says of one property.

    property: its id, parcel number or address. Raises NoSuchPropertyError (also for an unknown tenant, and for another
    tenant's property), AmbiguousPropertyError, NotValuedError.
    """
    found = find_property(warehouse, tenant_id, property)
    with warehouse.as_app(tenant_id) as connection:
        rows = _rows(connection, "estimate", ESTIMATE_COLUMNS, tenant_id, ("property_id", found.property_id))
        sets = _rows(connection, "training_set", TRAINING_SET_COLUMNS, tenant_id)
        if not rows or not sets:
            raise NotValuedError(
                f"property {found.property_id} of {tenant_id} is not valued yet: run `reos materialize -t {tenant_id}`"
            )
        estimate = dict(zip(ESTIMATE_COLUMNS, rows[0], strict=True))
        row = _feature_row(connection, tenant_id, found.property_id, estimate["feature_event_at"])
        return ValueAnswer(
            found,
            estimate,
            TrainingSet(*sets[0]),
            _model(connection, tenant_id, estimate["model_id"]),
            None if estimate["estimate_usd"] is None else _trust(connection, tenant_id, found.property_id),
            _learned(connection, tenant_id),
            _unknown(row),
            row.drop("null_reasons"),
        )


def summary_of(warehouse: Warehouse, tenant_id: str) -> ValuationSummary | None:
    """How the tenant is valued; None where its valuation never ran."""
    with warehouse.as_app(tenant_id) as connection:
        row = connection.execute(
            "select t.sale_count, t.reason, m.card, e.properties, e.estimated, e.median_usd"
            " from valuation.training_set t"
            " left join valuation.model m on m.tenant_id = %(tenant)s and m.model_id = t.model_id"
            " cross join (select count(*) as properties, count(estimate_usd) as estimated,"
            "   percentile_cont(0.5) within group (order by estimate_usd) as median_usd"
            "   from valuation.estimate where tenant_id = %(tenant)s) e"
            " where t.tenant_id = %(tenant)s",
            {"tenant": tenant_id},
        ).fetchone()
    if row is None:
        return None
    sale_count, reason, card, properties, estimated, median_usd = row
    return ValuationSummary(tenant_id, properties, estimated, median_usd, sale_count, reason, card)


def learned_of(warehouse: Warehouse, tenant_id: str) -> list[dict[str, Any]]:
    """What the tenant's sales teach of each trait: trait, sale_count, can_be_learned, sentence."""
    with warehouse.as_app(tenant_id) as connection:
        return _learned(connection, tenant_id)


def _rows(
    connection: Connection[tuple[Any, ...]],
    table: str,
    columns: Sequence[str],
    tenant_id: str,
    key: tuple[str, str] | None = None,
) -> list[tuple[Any, ...]]:
    from psycopg import sql

    query = sql.SQL("select {} from {} where tenant_id = {}").format(
        column_list(columns), sql.Identifier("valuation", table), sql.Literal(tenant_id)
    )
    if key is not None:
        query += sql.SQL(" and {} = {}").format(sql.Identifier(key[0]), sql.Literal(key[1]))
    return connection.execute(query).fetchall()


def _model(connection: Connection[tuple[Any, ...]], tenant_id: str, model_id: str | None) -> ValuationModel | None:
    if model_id is None:
        return None
    return ValuationModel(*_rows(connection, "model", MODEL_COLUMNS, tenant_id, ("model_id", model_id))[0])


def _trust(connection: Connection[tuple[Any, ...]], tenant_id: str, property_id: str) -> EstimateTrust | None:
    asked = (tenant_id, property_id)
    row = connection.execute(
        "select trust, share_within_10pct, inputs, is_recalled from valuation.trust(%s, %s)", asked
    ).fetchone()
    cells = connection.execute(
        "select feature, mart, field, weight, trust from valuation.input_trust(%s, %s) order by weight desc, feature",
        asked,
    ).fetchall()
    if row is None:
        return None
    trust, share, inputs, is_recalled = row
    return EstimateTrust(trust, share, inputs, is_recalled, [InputTrust(*cell) for cell in cells])


def _learned(connection: Connection[tuple[Any, ...]], tenant_id: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        "select trait, sale_count, can_be_learned, sentence from valuation.learnability"
        " where tenant_id = %s order by trait",
        (tenant_id,),
    ).fetchall()
    return [dict(zip(("trait", "sale_count", "can_be_learned", "sentence"), row, strict=True)) for row in rows]


def _feature_row(
    connection: Connection[tuple[Any, ...]], tenant_id: str, property_id: str, event_at: dt.datetime
) -> pl.DataFrame:
    kinds = {
        "property_id": "string",
        "event_at": "timestamp",
        **{feature.name: feature.dtype for feature in stored("property")},
        "null_reasons": "string",
    }
    query = (
        "select * from features.property_features"
        " where tenant_id = %(tenant)s and property_id = %(property)s::uuid and event_at = %(event)s"
    )
    asked = {"tenant": tenant_id, "property": property_id, "event": event_at}
    return read_frame(connection, query, asked, kinds)


def _unknown(row: pl.DataFrame) -> dict[str, str]:
    """Of every null feature the code of its reason: the row's own, else the registry's, which is for all tenants."""
    import orjson

    values = row.row(0, named=True)
    own: dict[str, str] = orjson.loads(values["null_reasons"])
    return {
        feature.name: own.get(feature.name) or feature.null_reason or "unknown"
        for feature in stored("property")
        if values[feature.name] is None
    }
