"""Comparables, out of time: what ten comparable sales say of a price that none of them has seen.

Belongs here: every sale of the test window of King County, valued by the plain mean of its ten comparables, beside the
ten nearest by distance, and whether any comparable is one that nobody could have known. Does not belong here: finding
comparables (`core/valuation`, `stores/vectors`): the product's own code does that here, store and all.

The model has seen the sales before the test window and nothing else. A comparable may lie in the window: it was sold
before the day of the question.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.demo import Demo
from benchmarks.gates.line import Gate, gate
from real_estate_assets.core.valuation.comparables import RETRIEVED

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.valuation.comparables import Comparable
    from real_estate_assets.core.valuation.comparables_points import SaleModel
    from real_estate_assets.core.valuation.settings import ValuationSettings
    from real_estate_assets.stores.warehouse import Warehouse

PREFIX = "valuation.comparables"
TENANT, AREA = "puget-sound", "king_county"
TEN, KM_PER_DEGREE = 10, 111.32
MDAPE, GAIN = 9.8, 1.0  # percent; percentage points over the nearest by distance: more than chance gives


@dataclass(frozen=True)
class Judged:
    """The test sales [n]: price, what comparables and the nearest say; misplaced: what nobody could have known."""

    prices: NDArray[np.float64]
    raw: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    nearest: NDArray[np.float64]
    found: int
    misplaced: list[str]


def lines(demo: Demo) -> Iterator[Gate]:
    """King County, as the demo's tenant holds it."""
    from real_estate_assets.core.valuation.settings import valuation_settings

    training, left_out = training_of(demo.warehouse)
    yield from lines_of(AREA, judged(training, valuation_settings()), left_out)


def lines_of(area: str, judged: Judged, left_out: str) -> Iterator[Gate]:
    """The lines of one area. left_out: which sales are no training sales at all, by rule."""
    raw, nearest = (mdape(values, judged.prices) for values in (judged.raw, judged.nearest))
    adjusted = mdape(judged.adjusted, judged.prices)
    name = f"{PREFIX}.{area}"
    yield gate(
        f"{name}.mean_of_ten_mdape", round(raw, 2), at_most(MDAPE),
        note=f"all {len(judged.prices):,} sales of the test window; adjusted by the model {adjusted:.2f}; {left_out}",
    )  # fmt: skip
    yield gate(
        f"{name}.points_better_than_nearest", round(nearest - raw, 2), at_least(GAIN),
        note=f"the mean of the ten nearest earlier sales errs by {nearest:.2f}",
    )  # fmt: skip
    yield gate(
        f"{name}.not_known_on_the_day", len(judged.misplaced), exactly(0),
        note="; ".join(judged.misplaced[:3]) or f"of {judged.found:,} comparables",
    )  # fmt: skip


def mdape(estimates: NDArray[np.float64], prices: NDArray[np.float64]) -> float:
    """Median absolute error in percent of the price."""
    return float(100 * np.median(np.abs(estimates / prices - 1)))


def judged(training: pl.DataFrame, settings: ValuationSettings) -> Judged:
    """Value every sale of the newest test_share of training rows from sales strictly before it.

    The model is fitted as every model is, on the sales before the test window alone.
    """
    from real_estate_assets.core.valuation.comparables_points import SaleModel, sale_space
    from real_estate_assets.core.valuation.model import fit

    before, test = windows(training, settings)
    bag = fit(before, settings)
    model = SaleModel.of(bag, sale_space(before, bag.base_booster, bag.encoder, settings.threads))
    each = comparables_of(test, training, model)
    prices = test["price_usd"].to_numpy()
    return Judged(
        prices=prices,
        raw=np.array([np.mean([one.price_usd for one in some]) for some in each]),
        adjusted=np.array([np.mean([one.adjusted_price_usd for one in some]) for some in each]),
        nearest=mean_of_nearest(test, training),
        found=sum(map(len, each)),
        misplaced=list(_misplaced(test, training, each)),
    )


def training_of(warehouse: Warehouse) -> tuple[pl.DataFrame, str]:
    """The tenant's training rows in order of time, and in words which sales are none, by rule."""
    from datetime import UTC, datetime

    from real_estate_assets.core.valuation.sale_rules import valid_sales
    from real_estate_assets.core.valuation.training import training_rows
    from real_estate_assets.stores.warehouse import features

    kept, broken = valid_sales(features.sales(warehouse, TENANT), datetime.now(UTC).date())
    found = training_rows(kept, features.property_rows(warehouse, TENANT))
    left_out = [f"{one.sale_count} {one.rule}" for one in (*broken, *found.dropped) if one.sale_count]
    return found.frame, f"left out: {', '.join(left_out) or 'none'}"


def windows(training: pl.DataFrame, settings: ValuationSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(sales before the test window, sales of it): whole days, the newest test_share of rows in order of time."""
    on = training["sale_date"].to_numpy().astype("datetime64[D]")
    first = on[int(len(on) * (1 - settings.test_share))]
    return training.filter(on < first), training.filter(on >= first)


def comparables_of(
    test: pl.DataFrame, sales: pl.DataFrame, model: SaleModel, retrieved: int = RETRIEVED
) -> list[list[Comparable]]:
    """Ten comparables of each test sale, of all `sales`, through an embedded store of their own."""
    from real_estate_assets.core.valuation.comparables import comparables
    from real_estate_assets.core.valuation.comparables_points import candidate, sale_points, subjects
    from real_estate_assets.stores.vectors import COMPARABLE_SALES, VectorPoints
    from real_estate_assets.stores.vectors.edge import EdgeVectors

    asked, vectors = subjects(test, model, test["sale_date"].to_list())
    found = []
    with tempfile.TemporaryDirectory(prefix="reos-gate-") as folder:
        store = EdgeVectors(Path(folder), COMPARABLE_SALES)
        store.publish(TENANT, "gate", VectorPoints(*sale_points(sales, model, sales["sale_date"][-1])))
        for one, vector in zip(asked, vectors, strict=True):
            hits = store.search(
                TENANT, vector, retrieved, before=one.valued_on, without_property=one.property_id, version="gate"
            )
            near = [candidate(hit.key, hit.property_id, hit.day, hit.payload, one.valued_on) for hit in hits]
            found.append(comparables(one, near, TEN))
    return found


def mean_of_nearest(test: pl.DataFrame, sales: pl.DataFrame) -> NDArray[np.float64]:
    """Mean price of the ten nearest sales strictly before each test sale, of other properties.

    Raises ValueError where a test sale has no place: nothing is near to it.
    """
    on, asked_on = (frame["sale_date"].to_numpy().astype("datetime64[D]") for frame in (sales, test))
    middle = float(sales["latitude"].cast(_float()).median())
    places, asked = _places(sales, middle), _places(test, middle)
    if np.isnan(asked).any():
        raise ValueError("a test sale has no location: nothing is nearest to it")
    owners, prices = sales["property_id"].to_numpy(), sales["price_usd"].to_numpy()
    means = []
    for number, owner in enumerate(test["property_id"].to_numpy()):
        away = ((places - asked[number]) ** 2).sum(axis=1)
        away[(on >= asked_on[number]) | (owners == owner) | np.isnan(away)] = np.inf
        means.append(prices[np.argpartition(away, TEN)[:TEN]].mean())
    return np.array(means)


def _places(frame: pl.DataFrame, middle: float) -> NDArray[np.float64]:
    """Kilometres on a plane that touches the earth at the latitude `middle`: near enough within a county."""
    latitude, longitude = (
        frame[name].cast(_float()).fill_null(np.nan).to_numpy() for name in ("latitude", "longitude")
    )
    return np.column_stack([latitude, longitude * np.cos(np.deg2rad(middle))]) * KM_PER_DEGREE


def _float() -> Any:
    import polars as pl

    return pl.Float64


def _misplaced(test: pl.DataFrame, sales: pl.DataFrame, each: list[list[Comparable]]) -> Iterator[str]:
    """Comparables that are no earlier sale of another property, by the training rows themselves; or fewer than ten."""
    facts = {row[0]: row[1:] for row in sales.select("sale_id", "property_id", "sale_date", "price_usd").iter_rows()}
    questions = test.select("sale_id", "property_id", "sale_date").iter_rows()
    for (sale_id, property_id, day), some in zip(questions, each, strict=True):
        if len(some) != TEN:
            yield f"{sale_id} has {len(some)} comparables"
        for one in some:
            owner, sold_on, price = facts[one.sale_id]
            if not sold_on < day or owner == property_id or price != one.price_usd:
                yield f"{one.sale_id} for {sale_id} of {day}"
