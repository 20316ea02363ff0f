"""All feature rows of one tenant, computed and put in place in one transaction, or not at all.

Belongs here: the order of the steps, and what identifies their result. Does not belong here: the steps themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.features.registry import stored
from real_estate_assets.stores.warehouse.features_markets import stage_market_features
from real_estate_assets.stores.warehouse.features_rows import stage_property_features
from real_estate_assets.stores.warehouse.tables import publication

if TYPE_CHECKING:
    from real_estate_assets.core.features.record import AssetRecord
    from real_estate_assets.core.features.registry import Entity
    from real_estate_assets.stores.warehouse.connection import Warehouse

# What the run recorded of a whole mart is in the rows, but another day's figures do not make the rows other rows.
OF_THE_RUN = frozenset({"trust_asset_mean", "trust_asset_p10"})


@dataclass(frozen=True, slots=True)
class BuiltTable:
    """One table of a tenant. content: a hash of what its rows say, whenever and by whichever run it was computed."""

    rows: int
    content: str


@dataclass(frozen=True, slots=True)
class BuiltFeatures:
    """Both tables of a tenant."""

    properties: BuiltTable
    markets: BuiltTable


def publish_features(
    warehouse: Warehouse, tenant_id: str, record: AssetRecord, *, invocation_id: str
) -> BuiltFeatures:  # fmt: skip
    """Compute and put in place all feature rows of the tenant.

    Raises what the database raises: then the rows before these stay.
    """
    with publication(warehouse, tenant_id, invocation_id) as to:
        properties = stage_property_features(to, tenant_id, record)
        markets = stage_market_features(to, tenant_id, record.run_ids)
        staged = _heaps(to.connection, tenant_id, invocation_id)
        return BuiltFeatures(
            BuiltTable(properties, _content(to.connection, staged["property_features"], "property")),
            BuiltTable(markets, _content(to.connection, staged["market_features"], "market")),
        )


def _heaps(connection: Any, tenant_id: str, invocation_id: str) -> dict[str, str]:
    found: Sequence[tuple[str, str]] = connection.execute(
        "select model_name, heap_name from tenancy.staged"
        " where tenant_id = %s and invocation_id = %s and schema_name = 'features'",
        (tenant_id, invocation_id),
    ).fetchall()
    return dict(found)


def _content(connection: Any, heap: str, entity: Entity) -> str:
    """Sixteen hex digits over the rows in the order of their keys."""
    from psycopg import sql

    key = sql.Identifier(f"{entity}_id")
    names = ["event_at", *(f.name for f in stored(entity) if f.name not in OF_THE_RUN), "null_reasons"]
    said = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL(
        "select md5(coalesce(string_agg(md5(row({key}, {said})::text), '' order by {key}, event_at), '')) from {heap}"
    ).format(key=key, said=said, heap=sql.Identifier("features__leaf", heap))
    found: str = connection.execute(statement).fetchall()[0][0]
    return found[:16]
