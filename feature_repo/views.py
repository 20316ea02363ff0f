"""Feature views, one an entity: a second one would be another round trip of every reader.

No on-demand view and no precomputing: an on-demand view costs every read (property_age is computed by the thin reader,
by a subtraction), and a precomputed row is a long value, which makes Redis' hashes three times as large.
"""

from datetime import timedelta

from feast import Entity, FeatureView, Field
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
from feast.types import Bool, Float64, Int64, PrimitiveFeastType, String, UnixTimestamp

from feature_repo.entities import market, property_, tenant
from feature_repo.fields import KEYS, TENANT_KEY, VIEWS, fields
from feature_repo.queries import CREATED_AT, EVENT_AT, source_query
from real_estate_assets.core.features.registry import Dtype
from real_estate_assets.core.features.registry import Entity as EntityName

FEAST_TYPES: dict[Dtype, PrimitiveFeastType] = {
    "float": Float64,
    "int": Int64,
    "string": String,
    "bool": Bool,
    "timestamp": UnixTimestamp,
}
ENTITIES: dict[EntityName, Entity] = {"property": property_, "market": market}
NEVER_EXPIRES = timedelta(0)  # a roll of 2013 is the newest word on a property until there is a newer one


def view(tenant_id: str, entity: EntityName) -> FeatureView:
    """The view of an entity for one tenant; its source is a query with that tenant's literal."""
    keys = [Field(name=name, dtype=String) for name in (TENANT_KEY, KEYS[entity])]
    served = [Field(name=one.name, dtype=FEAST_TYPES[one.dtype], description=one.description) for one in fields(entity)]
    return FeatureView(
        name=VIEWS[entity],
        entities=[tenant, ENTITIES[entity]],
        ttl=NEVER_EXPIRES,
        schema=[*keys, *served],
        source=PostgreSQLSource(
            name=f"{VIEWS[entity]}_source",
            query=source_query(tenant_id, entity),
            timestamp_field=EVENT_AT,
            created_timestamp_column=CREATED_AT,
        ),
        online=True,
    )
