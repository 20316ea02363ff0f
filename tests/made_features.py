"""Made rows of the feature tables, of every type a feature may have, with nulls, several events and a day to come.

Belongs here: rows and their planting, for whoever reads the tables (feature store, serving). Does not belong here: how
real features are computed, and any assertion.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from real_estate_assets.core.features.registry import Dtype, Entity, stored
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tables import publication
from real_estate_assets.stores.warehouse.tenants import add_tenant

NAMESPACE = UUID("6f1d2b52-7f5c-4f0e-9a39-0d6c0b1c6f11")
EVENTS = (datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 7, 1, tzinfo=UTC))
TO_COME = datetime(2099, 1, 1, tzinfo=UTC)
MARKETS = ("25017|02139", "25017|02140", "25017")
NULL_SHARE = 0.3
WORDS = ("GOOD", "", 'Müller\'s, "quoted" 100 %', "x" * 300)  # longer than one byte's worth of length
PROPERTY_EXTRA = ("file_no", "record_no", "evidence_no")
Row = dict[str, Any]


def property_id(number: int) -> str:
    """The id of made property `number`, the same for every tenant."""
    return str(uuid5(NAMESPACE, str(number)))


def property_rows(
    count: int, seed: str, *, nulls: float = NULL_SHARE, events: Sequence[datetime] = EVENTS
) -> list[Row]:
    """Rows of property_features: `count` properties, each at every event, the first also on a day to come."""
    made = random.Random(seed)
    rows = [
        _row(
            "property", property_id(n), at, made, nulls, market_id=MARKETS[n % 3], file_no=1, record_no=n, evidence_no=1
        )
        for n in range(count)
        for at in events
    ]
    return [*rows, {**rows[0], "event_at": TO_COME}]


def market_rows(seed: str, *, nulls: float = NULL_SHARE, events: Sequence[datetime] = EVENTS) -> list[Row]:
    """Rows of market_features: the three markets at every event."""
    made = random.Random(seed)
    return [_row("market", market, at, made, nulls) for market in MARKETS for at in events]


def plant(
    warehouse: Warehouse, tenant_id: str, properties: Sequence[Row], markets: Sequence[Row], run: str = "r"
) -> None:
    """Publish the rows as the tenant's features, in place of what was there."""
    with publication(warehouse, tenant_id, f"features {run} {random.random()}") as to:
        for table, key, extra, rows in (
            ("property_features", "property_id", ("market_id",), properties),
            ("market_features", "market_id", (), markets),
        ):
            entity: Entity = "property" if extra else "market"
            names = [one.name for one in stored(entity)]
            last = ("null_reasons", "run_ids", *(PROPERTY_EXTRA if extra else ()))
            columns = (key, "event_at", "created_at", *extra, *names, *last)
            to.stage(
                "features", table, columns, ([row[name] for name in columns] for row in rows), [f"({key}, event_at)"]
            )


def register(warehouse: Warehouse, *tenant_ids: str) -> None:
    """Register tenants."""
    for tenant_id in tenant_ids:
        add_tenant(warehouse, tenant_id, tenant_name=tenant_id, description="made for a test", base_uri="file:///made")


def _row(entity: Entity, key: str, at: datetime, made: random.Random, nulls: float, **more: Any) -> Row:
    values: Row = {
        one.name: None if made.random() < nulls else _value(one.dtype, one.name, made) for one in stored(entity)
    }
    reasons = {
        name: made.choice(("source_has_none", "out_of_bounds")) for name, value in values.items() if value is None
    }
    return {
        f"{entity}_id": key,
        "event_at": at,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=made.randrange(1000)),
        **values,
        "null_reasons": Jsonb(reasons),
        "run_ids": [f"run-{made.randrange(2)}", "run-of-marts"],
        **more,
    }


def _value(dtype: Dtype, name: str, made: random.Random) -> Any:
    if name in ("year_built", "renovation_year"):
        return made.randrange(1800, 2020)
    if dtype == "int":
        return made.choice((0, -3, 1, 127, 128, 2**31 - 1, made.randrange(10**6)))
    if dtype == "float":
        return made.choice((0.0, -0.5, 1e-9, 1 / 3, made.uniform(-1e6, 1e6)))
    if dtype == "bool":
        return made.random() < 0.5
    if dtype == "timestamp":
        return datetime(2010, 1, 1, tzinfo=UTC) + timedelta(days=made.randrange(3000))
    return made.choice(WORDS)
