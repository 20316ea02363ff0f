"""`python -m benchmarks.valuation_choice`: the settings of the valuation, chosen before the test window is looked at.

Belongs here: the candidates, the validation window and the tables of docs/valuation_results.md. Does not belong here:
the peers (`valuation_peers.py`), promises on the test window (`gates/valuation_accuracy.py`).

The validation window is the newest 15 % of what lies before the test window. `--write` puts a table between its
markers in docs/valuation_results.md; one without markers there is printed, as all are without `--write`. What is chosen
is the candidate with the lowest mean over both files of the median error, beside that of the settings as they stand:
people move settings.yaml, not this.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.report import ROOT
from benchmarks.valuation_files import FILES, before_the_test, training_of
from benchmarks.valuation_peers import PEERS, UnavailableError, peer_mdape

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.valuation.history import SaleHistory
    from real_estate_assets.core.valuation.settings import ValuationSettings

RESULTS = ROOT / "docs" / "valuation_results.md"
SIZES = (200, 400, 800, 1600, 3200)
CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "as they stand": {},
    "twice the trees at half the rate": {"trees": 600, "learning_rate": 0.05},
    "deeper trees (6)": {"depth": 6},
    "level of 60 days": {"nowcast_days": 60},
    "refit every 60 days": {"walk_days": 60},
}
_HEAD = (
    "| {} | MdAPE % | PE10 % | COD | PRB | coverage % | by predicted tercile | s |\n|---|---|---|---|---|---|---|---|"
)


def main() -> int:
    """Print or write the tables asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.valuation_choice")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/valuation_results.md")
    parser.add_argument("--only", choices=[*TABLES], action="append", help="some of the tables; all otherwise")
    arguments = parser.parse_args()
    for name in arguments.only or TABLES:
        text = "\n".join(TABLES[name]())
        if arguments.write and _marks(name)[0] in RESULTS.read_text(encoding="utf-8"):
            _put(name, text)
        else:
            print(f"{name}\n{text}\n")
    return 0


def choice() -> Iterator[str]:
    """Every candidate on both validation windows, then which one has the lowest mean error."""
    from real_estate_assets.core.valuation.settings import valuation_settings

    told: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for file in FILES:
        rows = before_the_test(training_of(file), valuation_settings().test_share)
        yield _HEAD.format(f"{file}, validation")
        for name, change in CANDIDATES.items():
            error, line = _walked(name, rows, valuation_settings(**change))
            told[name].append(error)
            yield line
        yield ""
    means = {name: sum(errors) / len(errors) for name, errors in told.items()}
    best = min(means, key=lambda name: means[name])
    yield f"Lowest mean of both: {best} ({means[best]:.2f} %); as they stand {means['as they stand']:.2f} %."


def test() -> Iterator[str]:
    """The settings as they stand and the peers on both test windows."""
    from real_estate_assets.core.valuation.history import sale_history
    from real_estate_assets.core.valuation.settings import valuation_settings

    settings = valuation_settings()
    for file in FILES:
        rows = training_of(file)
        history = sale_history(rows, settings)
        yield _HEAD.format(f"{file}, newest {settings.test_share:.0%}")
        yield _walked("the platform's model", rows, settings, history)[1]
        for peer in PEERS:
            try:
                error = f"{peer_mdape(peer, history, settings):.2f}"
            except UnavailableError as why:
                error = f"not run: {why}"
            yield f"| {peer.title} | {error} | | | | | | |"
        yield ""


def curve() -> Iterator[str]:
    """The error by number of sales, on what lies before the test windows."""
    from real_estate_assets.core.valuation.learning_curve import learning_curve
    from real_estate_assets.core.valuation.settings import valuation_settings

    settings = valuation_settings()
    for file in FILES:
        found = learning_curve(before_the_test(training_of(file), settings.test_share), settings, SIZES)
        yield f"| {file}: sales | tenants drawn | judged | MdAPE % | nearest sales alone % | PE10 % | coverage % |"
        yield "|---|---|---|---|---|---|---|"
        for row in found.iter_rows(named=True):
            shares = [row[name] for name in ("median_error", "neighbour_error", "within_10pct", "coverage")]
            figures = " | ".join("" if one is None else f"{100 * one:.1f}" for one in shares)
            yield f"| {row['sale_count']:,} | {row['tenants']} | {row['judged_count']:,} | {figures} |"
        yield ""


TABLES = {"choice": choice, "test": test, "curve": curve}


def _walked(
    name: str, training: pl.DataFrame, settings: ValuationSettings, history: SaleHistory | None = None
) -> tuple[float, str]:
    """The median error in percent, and a row of the table."""
    import polars as pl

    from real_estate_assets.core.ratio_study import ratio_study
    from real_estate_assets.core.valuation.backtest import walk_forward

    started = time.perf_counter()
    walk = walk_forward(training, settings, history).filter("is_test")
    seconds = time.perf_counter() - started
    study = ratio_study(walk["predicted_usd"].to_numpy(), walk["price_usd"].to_numpy())
    inside = walk.select("tercile", inside=pl.col("price_usd").is_between(pl.col("low_usd"), pl.col("high_usd")))
    terciles = [_percent(inside.filter(pl.col("tercile") == one)["inside"]) for one in (1, 2, 3)]
    bias = "" if study.prb is None else f"{study.prb:+.3f}"
    return 100 * study.mdape, (
        f"| {name} | {100 * study.mdape:.2f} | {100 * study.pe10:.1f} | {study.cod:.2f} | {bias}"
        f" | {_percent(inside['inside'])} | {' / '.join(terciles)} | {seconds:.0f} |"
    )


def _percent(inside: pl.Series) -> str:
    share = inside.fill_null(value=False).mean()
    return "" if share is None else f"{100 * float(share):.1f}"  # type: ignore[arg-type]


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def _put(name: str, text: str) -> None:
    """Between the markers of this table. Raises ValueError where the page has none."""
    page = RESULTS.read_text(encoding="utf-8")
    start, end = _marks(name)
    if start not in page or end not in page:
        raise ValueError(f"{RESULTS.name} has no markers {start} and {end}")
    before, rest = page.split(start)
    RESULTS.write_text(f"{before}{start}\n{text.strip()}\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
