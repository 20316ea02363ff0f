"""How far the platform's own predictions of the newest sales were off, read from valuation.backtest.

Belongs here: the promises per tenant, and floors and peers on the very same sales. Does not belong here: the peers
themselves (`benchmarks/valuation_peers.py`), the formulas (`core/ratio_study`), how the tenants come to be.

Every test sale was predicted by models of earlier sales alone. None is left out but by a rule of core/valuation's
sale_rules: a line counts the valid sales of the window that the backtest does not hold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.bounds import Bound, at_least, at_most, exactly
from benchmarks.gates.demo import Demo
from benchmarks.gates.line import Gate, gate, not_run

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.ratio_study import RatioStudy

PREFIX = "valuation.accuracy"
LEVEL, OFF = 90.0, 2.0  # percent of sales inside the interval, and how far from that in either direction
_BACKTEST = """
select sale_id::text, sale_date, sale_price_usd, predicted_usd, low_usd, high_usd, tercile
from valuation.backtest
where tenant_id = {tenant} and is_test and model_id = (
  select model_id from valuation.training_set where tenant_id = {tenant}
)
order by sale_date, sale_id
"""
_COLUMNS = ("sale_id", "sale_date", "price_usd", "predicted_usd", "low_usd", "high_usd", "tercile")


@dataclass(frozen=True)
class Promise:
    """What is promised of a tenant's newest sales; errors and shares in percent."""

    name: str
    tenant_id: str
    mdape: tuple[Bound, Bound]
    pe10: tuple[Bound, Bound] | None = None
    cod: tuple[Bound, Bound] | None = None
    bias: Bound | None = None  # of both ends of PRB's interval, without sign


KING_COUNTY = Promise(
    "king_county", "puget-sound", (at_most(8.0), at_most(7.0)), (at_least(59), at_least(63)),
    (at_most(11.7), at_most(11.0)), at_most(0.05),
)  # fmt: skip
LUCAS = Promise("lucas", "lucas", (at_most(11.5), at_most(11.0)))


def lines(demo: Demo) -> Iterator[Gate]:
    """The lines of King County, which the demo has."""
    yield from lines_of(demo, KING_COUNTY)


def lines_of(demo: Demo, promise: Promise) -> Iterator[Gate]:
    """All lines of one tenant, in an installation that has made its valuation."""
    import polars as pl

    rows = demo.ask(promise.tenant_id, _BACKTEST)
    if not rows:
        why = f"{promise.tenant_id} has no backtest: `reos materialize valuation {promise.tenant_id}` makes it"
        yield not_run(f"{PREFIX}.{promise.name}.mdape", promise.mdape[0], why)
        return
    test = pl.DataFrame(rows, schema=list(_COLUMNS), orient="row")
    yield from _errors(test, promise)
    yield from _coverage(test, promise)
    yield from _left_out(demo, test, promise)
    yield from _peers(demo, test, promise)


def _errors(test: pl.DataFrame, promise: Promise) -> Iterator[Gate]:
    from real_estate_assets.core.ratio_study import ratio_study

    study = ratio_study(test["predicted_usd"].to_numpy(), test["price_usd"].to_numpy())
    name, window = f"{PREFIX}.{promise.name}", f"{test.height:,} sales from {test['sale_date'][0]}"
    yield gate(f"{name}.mdape", round(mdape(test), 2), *promise.mdape, note=f"percent; {window}")
    if promise.pe10:
        yield gate(f"{name}.pe10", _rounded(study, "pe10", 1, 100), *promise.pe10, note="percent within 10 %")
    if promise.cod:
        yield gate(f"{name}.cod", _rounded(study, "cod", 2), *promise.cod, note=_interval(study, "cod"))
    if promise.bias:
        found = study.interval("prb")
        worst = None if found is None else round(max(abs(found.low), abs(found.high)), 4)
        yield gate(f"{name}.prb_interval", worst, promise.bias, note=_interval(study, "prb"))


def mdape(test: pl.DataFrame) -> float:
    """Median absolute error in percent of the price."""
    import polars as pl

    (error,) = test.select((pl.col("predicted_usd") / pl.col("price_usd") - 1).abs().median() * 100).row(0)
    return float(error)


def _coverage(test: pl.DataFrame, promise: Promise) -> Iterator[Gate]:
    import polars as pl

    judged = test.with_columns(
        inside=pl.col("price_usd").is_between(pl.col("low_usd"), pl.col("high_usd")),
        actual=pl.col("price_usd").rank("ordinal") * 3 // (pl.len() + 1),
    )
    actual = dict(judged.group_by("actual").agg(pl.col("inside").mean() * 100).rows())
    told = ", ".join(f"{actual[third]:.1f}" for third in sorted(actual))
    groups = {"all": judged, **{f"tercile_{one}": judged.filter(pl.col("tercile") == one) for one in (1, 2, 3)}}
    for group, rows in groups.items():
        covered = 100 * float(rows["inside"].fill_null(value=False).mean() or 0)  # type: ignore[arg-type]
        also = f"; by actual tercile {told}" if group == "all" else ""
        yield gate(
            f"{PREFIX}.{promise.name}.coverage_off.{group}", round(abs(covered - LEVEL), 2), at_most(OFF),
            note=f"{covered:.1f} % of {rows.height:,} sales inside their {LEVEL:.0f} % interval{also}",
        )  # fmt: skip


def _left_out(demo: Demo, test: pl.DataFrame, promise: Promise) -> Iterator[Gate]:
    import polars as pl

    from real_estate_assets.core.valuation.sale_rules import valid_sales
    from real_estate_assets.stores.warehouse import features

    sales = features.sales(demo.warehouse, promise.tenant_id)
    kept, dropped = valid_sales(sales, dt.datetime.now(dt.UTC).date())
    window = kept.filter(pl.col("sale_date") >= test["sale_date"][0])
    missing = window.filter(~pl.col("sale_id").cast(pl.String).is_in(test["sale_id"].implode()))
    rules = ", ".join(f"{one.rule} {one.sale_count:,}" for one in dropped if one.sale_count) or "none"
    yield gate(
        f"{PREFIX}.{promise.name}.valid_sales_left_out", missing.height, exactly(0),
        note=f"of {window.height:,} in the window; dropped by rule, of all {sales.height:,}: {rules}",
    )  # fmt: skip


def _peers(demo: Demo, test: pl.DataFrame, promise: Promise) -> Iterator[Gate]:
    """Floors and peers predict the same sales from the platform's own training rows.

    A peer whose library is not installed has no line: it is no promise that was broken.
    """
    from benchmarks.valuation_peers import PEERS, UnavailableError, peer_mdape
    from real_estate_assets.core.valuation.history import sale_history
    from real_estate_assets.core.valuation.settings import valuation_settings
    from real_estate_assets.defs.valuation.gathering import gather

    settings = valuation_settings()
    training = gather(demo.warehouse, promise.tenant_id, settings, dt.datetime.now(dt.UTC).date()).training
    history, own = sale_history(training, settings), mdape(test)
    for peer in PEERS:
        name, most = f"{PREFIX}.{promise.name}.error_beside.{peer.name}", at_most(peer.most)
        try:
            error = peer_mdape(peer, history, settings)
        except UnavailableError:
            continue  # `make gates-long` and `make bench` install the library and show the line
        note = f"ours {own:.2f} %, {peer.title} {error:.2f} %"
        yield gate(name, round(own / error, 3), most, at_most(1.0), note=note)


def _rounded(study: RatioStudy, figure: str, digits: int, scale: float = 1) -> float | None:
    found = study.value(figure)
    return None if found is None else round(found * scale, digits)


def _interval(study: RatioStudy, figure: str) -> str:
    value, found = study.value(figure), study.interval(figure)
    return "" if value is None or found is None else f"{value:.4g}, 95 % interval {found.low:.4g} to {found.high:.4g}"
