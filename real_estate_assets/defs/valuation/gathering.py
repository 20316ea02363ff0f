"""What a tenant's model is made of: valid sales with the features of their day, and the identity of the whole.

Belongs here: reading the marts' sales and the features, and the hash that says whether a model of them exists already.
Does not belong here: which sales are valid, what is known of them when (`core/valuation`), training (`modelling.py`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.valuation.settings import ValuationSettings
from real_estate_assets.defs.valuation.traits import of_sales, traits_of
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse import features as feature_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from real_estate_assets.defs.valuation.traits import Traits

MEANT_FOR_PEOPLE = ("postal_code", "use_code")  # of the feature row: the ratio study's strata


@dataclass(frozen=True)
class Gathered:
    """A tenant's sales and properties.

    valid: the sales that break no rule; training: one row a sale of them, in order of time
    (training.TrainingRows.frame); latest: the newest feature row of every property; traits: of every property, in the
    same order; filters: rule, reason and sale_count of sales that were left out; sale_counts: training sales by the
    number of the file that brought them; content_sha256: of everything that training sees.
    """

    offered_count: int
    valid: pl.DataFrame
    training: pl.DataFrame
    latest: pl.DataFrame
    traits: Traits
    filters: Sequence[dict[str, Any]]
    sale_counts: dict[int, int]
    content_sha256: str

    @property
    def sale_count(self) -> int:
        """Sales that a model can learn from."""
        return self.training.height

    @property
    def first_sale_date(self) -> dt.date | None:
        """Of the training sales; None without one."""
        return self.training["sale_date"][0] if self.training.height else None

    @property
    def last_sale_date(self) -> dt.date | None:
        """Of the training sales; None without one."""
        return self.training["sale_date"][-1] if self.training.height else None

    @property
    def valued_on(self) -> dt.date | None:
        """The day after the newest sale: every sale is then known, and none lies far behind."""
        return None if self.last_sale_date is None else self.last_sale_date + dt.timedelta(days=1)


def gather(warehouse: Warehouse, tenant_id: str, settings: ValuationSettings, today: dt.date) -> Gathered:
    """Everything of the tenant that a model may see. today: a sale dated after it cannot have happened."""
    from real_estate_assets.core.valuation.sale_rules import valid_sales
    from real_estate_assets.core.valuation.training import training_rows

    sales = feature_store.sales(warehouse, tenant_id)
    rows = feature_store.property_rows(warehouse, tenant_id)
    kept, dropped = valid_sales(sales, today)
    found = training_rows(kept, rows)
    latest = feature_store.latest_rows(warehouse, tenant_id, None)
    traits = traits_of(latest)
    return Gathered(
        offered_count=sales.height,
        valid=kept,
        training=found.frame,
        latest=latest,
        traits=traits,
        filters=[one._asdict() for one in (*dropped, *found.dropped)],
        sale_counts=_sale_counts(kept, found.frame),
        content_sha256=_content_sha256(found.frame, of_sales(found.frame, traits), settings),
    )


def _sale_counts(sales: pl.DataFrame, training: pl.DataFrame) -> dict[int, int]:
    import polars as pl

    used = sales.filter(pl.col("sale_id").cast(pl.String).is_in(training["sale_id"].implode()))
    return {
        int(number): int(count) for number, count in used["file_no"].drop_nulls().value_counts().sort("file_no").rows()
    }


def _content_sha256(training: pl.DataFrame, traits: pl.DataFrame, settings: ValuationSettings) -> str:
    """Of the values alone: when a row was computed, and by which run, teaches nothing."""
    from real_estate_assets.core.valuation.training import KEYS

    candidates = (
        *(*settings.features, *settings.categories, *settings.hazard_features, *MEANT_FOR_PEOPLE),
        *(*settings.stand_ins.values(), *settings.alike),
    )
    columns = sorted({*KEYS, *(name for name in candidates if name in training.columns)})
    return hashlib.sha256((training.select(columns).write_csv() + traits.write_csv()).encode()).hexdigest()
