"""Reading features and sales of one tenant, as the application reads them: frames for models and for serving.

Belongs here: the reads. Does not belong here: how the rows are computed (`features_build.py`).

Frames of features have property_id (or market_id), event_at (UTC), created_at, one column a stored feature of the
registry, null_reasons (JSON text: {feature: code} of the null features that have a source), and run_ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from real_estate_assets.core.features.registry import Entity, stored
from real_estate_assets.stores.warehouse.features_frames import read_frame

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl

    from real_estate_assets.stores.warehouse.connection import Warehouse

_PROPERTIES: LiteralString = """
select * from features.property_features where tenant_id = %(tenant)s order by property_id, event_at"""
_LATEST_PROPERTIES: LiteralString = """
select distinct on (property_id) * from features.property_features
where tenant_id = %(tenant)s and event_at <= coalesce(%(as_of)s::timestamptz, 'infinity')
order by property_id, event_at desc"""
_MARKETS: LiteralString = """
select * from features.market_features where tenant_id = %(tenant)s order by market_id, event_at"""
_LATEST_MARKETS: LiteralString = """
select distinct on (market_id) * from features.market_features
where tenant_id = %(tenant)s and event_at <= coalesce(%(as_of)s::timestamptz, 'infinity')
order by market_id, event_at desc"""
_SALES: LiteralString = """
select s.*, e.file_no from marts.fct_sales s
left join prov.evidence e on e.tenant_id = %(tenant)s and e.evidence_no = s.sale_evidence_no
where s.tenant_id = %(tenant)s order by s.sale_date, s.sale_id"""
_SALES_KINDS = {
    "sale_id": "string", "property_id": "string", "sale_date": "date", "sale_price_usd": "float",
    "is_arms_length": "bool", "is_price_nominal": "bool", "is_multi_property_sale": "bool",
    "is_resale_within_12_months": "bool", "validity_reasons": "strings", "county_fips": "string",
    "postal_code": "string", "source_name": "string", "file_no": "int", "sale_evidence_no": "int",
    "sale_record_no": "int",
}  # fmt: skip


def property_rows(warehouse: Warehouse, tenant_id: str) -> pl.DataFrame:
    """All rows of the tenant's properties, by property and event: also market_id, file_no, record_no, evidence_no."""
    return _read(warehouse, tenant_id, _PROPERTIES, _kinds("property"))


def latest_rows(warehouse: Warehouse, tenant_id: str, as_of: dt.datetime | None = None) -> pl.DataFrame:
    """The last row of each property at or before as_of (None: whenever), by property. None before its first event."""
    return _read(warehouse, tenant_id, _LATEST_PROPERTIES, _kinds("property"), as_of)


def market_rows(warehouse: Warehouse, tenant_id: str) -> pl.DataFrame:
    """All rows of the tenant's markets, by market and event."""
    return _read(warehouse, tenant_id, _MARKETS, _kinds("market"))


def latest_market_rows(warehouse: Warehouse, tenant_id: str, as_of: dt.datetime | None = None) -> pl.DataFrame:
    """The last row of each market at or before as_of (None: whenever), by market."""
    return _read(warehouse, tenant_id, _LATEST_MARKETS, _kinds("market"), as_of)


def sales(warehouse: Warehouse, tenant_id: str) -> pl.DataFrame:
    """All of fct_sales, by date: what speaks against a sale is in validity_reasons (list of codes); money as float."""
    return _read(warehouse, tenant_id, _SALES, _SALES_KINDS)


def _read(
    warehouse: Warehouse, tenant_id: str, query: str, kinds: dict[str, str], as_of: dt.datetime | None = None
) -> pl.DataFrame:
    with warehouse.as_app(tenant_id) as connection:
        return read_frame(connection, query, {"tenant": tenant_id, "as_of": as_of}, kinds)


def _kinds(entity: Entity) -> dict[str, str]:
    is_property = entity == "property"
    return {
        f"{entity}_id": "string",
        "event_at": "timestamp",
        "created_at": "timestamp",
        **({"market_id": "string"} if is_property else {}),
        **{feature.name: feature.dtype for feature in stored(entity)},
        "null_reasons": "string",
        "run_ids": "strings",
        **({"file_no": "int", "record_no": "int", "evidence_no": "int"} if is_property else {}),
    }
