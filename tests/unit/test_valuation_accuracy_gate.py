"""The gate lines on accuracy: computed from the backtest's rows, and a peer is walked from earlier sales alone."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from benchmarks.bounds import at_least, at_most
from benchmarks.gates import valuation_accuracy
from benchmarks.gates.demo import Demo
from benchmarks.valuation_peers import PEERS, Peer, peer_mdape, peer_predictions
from real_estate_assets.core.valuation.history import sale_history
from tests.unit.valuation_samples import made_training, small_settings

PROMISE = valuation_accuracy.Promise(
    "made", "made", (at_most(8.0), at_most(7.0)), (at_least(59), at_least(63)), (at_most(11.7), at_most(11.0)),
    at_most(0.05),
)  # fmt: skip


def backtest_rows(spread: float, width: float) -> list[tuple[Any, ...]]:
    """Rows as the query gives them: misses of a known spread, intervals of a known width."""
    draw = np.random.default_rng(0)
    prices = np.exp(draw.normal(13, 0.5, 9000))
    predicted = prices * np.exp(draw.normal(0, spread, 9000))
    day = dt.date(2021, 1, 1)
    return [
        (f"s{number}", day, price, said, said * np.exp(-width), said * np.exp(width), number % 3 + 1)
        for number, (price, said) in enumerate(zip(prices.tolist(), predicted.tolist(), strict=True))
    ]


class MadeDemo:
    """Answers the one query with made rows."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows

    def ask(self, tenant_id: str, query: str) -> list[tuple[Any, ...]]:
        assert (tenant_id, "valuation.backtest" in query) == ("made", True)
        return self.rows


def lines(monkeypatch: pytest.MonkeyPatch, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    for part in ("_left_out", "_peers"):  # they read an installation
        monkeypatch.setattr(valuation_accuracy, part, lambda *_: iter(()))
    found = valuation_accuracy.lines_of(cast(Demo, MadeDemo(rows)), PROMISE)
    return {line["name"].removeprefix("valuation.accuracy.made."): line for line in found}


def test_misses_of_ten_percent_keep_the_promise_and_misses_of_thirty_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    good = lines(monkeypatch, backtest_rows(0.10, 0.1645))
    assert good["mdape"]["value"] == pytest.approx(6.8, abs=0.5)
    assert {name for name, line in good.items() if not line["holds"]} == set()
    assert len(good) == 8
    bad = lines(monkeypatch, backtest_rows(0.30, 0.1645))
    broken = {"mdape", "pe10", "cod", "coverage_off.all", *(f"coverage_off.tercile_{one}" for one in (1, 2, 3))}
    assert broken <= {name for name, line in bad.items() if not line["holds"]}


def test_too_wide_an_interval_holds_no_more_than_too_narrow_a_one(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = lines(monkeypatch, backtest_rows(0.10, 0.5))
    assert not wide["coverage_off.all"]["holds"]
    assert wide["coverage_off.all"]["value"] == pytest.approx(10, abs=0.5)


def test_no_backtest_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    (only,) = lines(monkeypatch, []).values()
    assert only["value"].startswith("not run")
    assert not only["holds"]


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.name != "lightgbm"], ids=lambda peer: peer.name)
def test_a_peer_is_asked_about_sales_it_has_not_seen(peer: Peer) -> None:
    settings, training = small_settings(), made_training()
    history = sale_history(training, settings)
    predicted, is_test = peer_predictions(peer, history, settings)
    assert 3 < peer_mdape(peer, history, settings) < 40
    day = history.known.on[is_test][-20]
    later = np.greater_equal(history.known.on, day)
    changed = training.with_columns(pl.col("price_usd") * np.where(later, 3.0, 1.0))
    again, _ = peer_predictions(peer, sale_history(changed, settings), settings)
    until = np.less_equal(history.known.on, day) & is_test
    np.testing.assert_allclose(again[until], predicted[until], rtol=1e-9)
