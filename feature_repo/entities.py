"""Entities. Feast's have one key each, so that a property of a tenant is two of them: (tenant_id, property_id)."""

from feast import Entity, ValueType

tenant = Entity(
    name="tenant",
    join_keys=["tenant_id"],
    value_type=ValueType.STRING,
    description="A customer organisation. First part of every key.",
)
property_ = Entity(
    name="property",
    join_keys=["property_id"],
    value_type=ValueType.STRING,
    description="A property; the same id for every tenant that knows it.",
)
market = Entity(
    name="market",
    join_keys=["market_id"],
    value_type=ValueType.STRING,
    description="A market: a county, or a county and a postal code.",
)
