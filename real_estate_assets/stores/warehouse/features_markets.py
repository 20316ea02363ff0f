"""Market features of one tenant: its sales, events and public index read, and the rows put beside the live ones.

Belongs here: the statements. Does not belong here: windows and reasons (`core/features/markets.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from real_estate_assets.core.features.registry import stored
from real_estate_assets.stores.warehouse.features_frames import read_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import polars as pl

    from real_estate_assets.core.features.markets import Coverage
    from real_estate_assets.stores.warehouse.tables import TablePublication

KEYS = ("market_id", "event_at", "created_at")
RECORD = ("null_reasons", "run_ids")

# A sale that nothing speaks against counts in its county, and in its postal code where that is known.
_SALES: LiteralString = """
select m.market_id, s.sale_date, s.sale_price_usd::double precision as price_usd,
       s.sale_price_usd_per_sqft::double precision as price_usd_per_sqft
from marts.fct_sales s
cross join lateral (
  select s.county_fips as market_id
  union select s.county_fips || '|' || s.postal_code where s.postal_code is not null
) m
where s.tenant_id = %(tenant)s and s.is_arms_length and s.sale_date is not null and s.sale_price_usd > 0"""

# To the file's own date: a sale dated after it is a slip, not coverage. Without a date, to the last sale.
_COVERAGE: LiteralString = """
select min(s.sale_date), max(coalesce(f.vintage, least(s.sale_date, f.known_on))),
       f.source_kind = 'sales_file' as lists_all
from marts.fct_sales s
join feature_evidence e on e.evidence_no = s.sale_evidence_no
join feature_file f on f.file_no = e.file_no
where s.tenant_id = %(tenant)s and s.is_arms_length and s.sale_date is not null
group by 3 order by 3 desc limit 1"""

# The days on which a record became known in a market, and the day on which all its sales were.
_EVENTS: LiteralString = """
select s.county_fips || coalesce('|' || s.postal_code, '') as market_id, s.event_on
from feature_state s join feature_record d using (property_id, file_no, record_no, event_on) group by 1, 2
union
select distinct s.county_fips || coalesce('|' || s.postal_code, ''), %(last)s::date + 1
from feature_state s where %(last)s::date is not null"""

_INDEX: LiteralString = """
select county_fips, year, annual_change_pct from marts.fct_market_index where tenant_id = %(tenant)s"""

_SALES_KINDS = {"market_id": "string", "sale_date": "date", "price_usd": "float", "price_usd_per_sqft": "float"}
_EVENT_KINDS = {"market_id": "string", "event_on": "date"}
_INDEX_KINDS = {"county_fips": "string", "year": "int", "annual_change_pct": "float"}


def stage_market_features(to: TablePublication, tenant_id: str, run_ids: Sequence[str]) -> int:
    """Compute all rows of the tenant and stage them; needs the temporary tables of the property features.

    run_ids: of the materializations of the marts that the rows are made of.
    """
    from real_estate_assets.core.features.markets import market_features

    coverage = _coverage(to.connection, tenant_id)
    tenant = {"tenant": tenant_id, "last": None if coverage is None else coverage.last}
    found = market_features(
        read_frame(to.connection, _SALES, tenant, _SALES_KINDS),
        read_frame(to.connection, _EVENTS, tenant, _EVENT_KINDS),
        read_frame(to.connection, _INDEX, tenant, _INDEX_KINDS),
        coverage,
    )
    columns = [*KEYS, *(feature.name for feature in stored("market")), *RECORD]
    now = to.connection.execute("select now()").fetchall()[0][0]
    return to.stage("features", "market_features", columns, _rows(found, now, run_ids), ["(market_id, event_at)"])


def _coverage(connection: Any, tenant_id: str) -> Coverage | None:
    """Where a source lists all sales, the days that it covers; else those of the sources that state last sales."""
    from real_estate_assets.core.features.markets import Coverage

    found = connection.execute(_COVERAGE, {"tenant": tenant_id}).fetchone()
    return None if found is None else Coverage(*found)


def _rows(found: pl.DataFrame, now: Any, run_ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """In the order of the table's columns without the tenant."""
    import datetime as dt
    import json

    names = [feature.name for feature in stored("market")]
    computed = [feature.name for feature in stored("market") if feature.source is not None]
    runs = sorted(run_ids)
    for row in found.iter_rows(named=True):
        event: date = row["event_on"]
        reasons = {name: row[f"{name}__reason"] for name in computed if row[name] is None}
        midnight = dt.datetime.combine(event, dt.time(), dt.UTC)
        yield (row["market_id"], midnight, now, *(row.get(name) for name in names), json.dumps(reasons), runs)
