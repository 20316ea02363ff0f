"""Hazard join: a million points against four layers of zones, beside four other ways to do it.

`python -m benchmarks.hazard_join [--points N] [--rounds 5]`. Layers: NFHL of Cambridge (39 intricate polygons), First
Street tracts of Washington and Massachusetts (census tracts that tile a state), counties of the United States; points
uniform over each layer's bounds, so that many lie in no zone. A fifth line takes the Washington tracts with points
around real house sales of King County: a portfolio is clustered. One CPU for all, median of interleaved rounds; all
contenders must find the very same pairs, or the benchmark stops.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pyogrio

from benchmarks import spatial_contenders as ways
from benchmarks.measure import Contender, Result, median_seconds, not_run, one_cpu, result
from benchmarks.report import printer, table
from real_estate_assets.settings import Settings

DEMO = Path(__file__).resolve().parents[1] / "demo" / "data"
PREFIX = "spine.hazard_join"
AGAINST_SJOIN = (4.0, 5.0)  # must, goal
AGAINST_BEST = (0.9, 1.0)
DEGREES_AROUND_A_SALE = 0.002  # about 200 m


@dataclass(frozen=True)
class Case:
    """Zones to join and where the points lie: around the places of a file, else uniform over the zones' bounds."""

    name: str
    zones: Path
    points_around: Path | None = None
    has_must: bool = False


def cases() -> list[Case]:
    """The layers, in the order of the report; the musts are stated for the Cambridge and the Washington layer."""
    firststreet = Settings(environment="test").test_data_dir / "firststreet"
    washington = firststreet / "floodtracts_53.geojson"
    return [
        Case("nfhl_cambridge", DEMO / "nfhl_flood_zones.geojson.gz", has_must=True),
        Case("tracts_wa", washington, has_must=True),
        Case("tracts_ma", firststreet / "floodtracts_25.geojson"),
        Case("us_counties", DEMO / "us_counties.geojson.gz"),
        Case("tracts_wa_king_county_sales", washington, points_around=DEMO / "kc_house_data.csv.gz"),
    ]


def run(points: int = 1_000_000, rounds: int = 5) -> list[Result]:
    """Measure every case. points: number of points; rounds: counted rounds, after one that warms up and is checked."""
    # GDAL notes a packed file's size beside it, which would be one more file in the folder of the demo.
    pyogrio.set_gdal_config_options({"CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO"})
    with one_cpu():
        return [line for case in cases() for line in _measure(case, points, rounds)]


def _measure(case: Case, points: int, rounds: int) -> Iterator[Result]:
    names = [f"{PREFIX}.{case.name}.vs_{peer}" for peer in ("geopandas", "best_engine")]
    bounds = [(must if case.has_must else None, goal) for must, goal in (AGAINST_SJOIN, AGAINST_BEST)]
    if missing := _missing(case):
        for name, (must, goal) in zip(names, bounds, strict=True):
            yield not_run(name, "points/s", must, goal, missing)
        return
    zones = geopandas.read_file(_path(case.zones), columns=[]).geometry.to_numpy()
    contenders, note = _contenders(*_points(case, zones, points), zones)
    seconds = median_seconds(contenders, rounds, _same_pairs(len(zones)))
    mine = seconds.pop("point_in_zones")
    sjoin = seconds.pop("geopandas.sjoin")
    best = min(seconds, key=seconds.__getitem__)
    for name, (must, goal), peer, peers in zip(
        names, bounds, ("geopandas.sjoin", best), (sjoin, seconds[best]), strict=True
    ):
        yield result(name, points / mine, "points/s", f"{peer} {points / peers:,.0f}", peers / mine, must, goal, note)


def _missing(case: Case) -> str:
    """What this case lacks, in words; empty when nothing."""
    if not case.zones.exists():
        return f"{case.zones.name} is not here; set REOS_TEST_DATA to the folder of the test data"
    if importlib.util.find_spec("sedonadb") is None:
        return "SedonaDB is not installed; run `uv sync --inexact --group bench`"
    return ""


def _path(file: Path) -> str:
    return f"/vsigzip/{file}" if file.suffix == ".gz" else str(file)


def _points(case: Case, zones: Any, count: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(20250708)
    if case.points_around is None:
        west, south, east, north = geopandas.GeoSeries(zones).total_bounds
        return rng.uniform(west, east, count), rng.uniform(south, north, count)
    sales = pandas.read_csv(case.points_around)[["long", "lat"]].to_numpy()
    around = sales[rng.integers(len(sales), size=count)] + rng.normal(0, DEGREES_AROUND_A_SALE, (count, 2))
    return np.ascontiguousarray(around[:, 0]), np.ascontiguousarray(around[:, 1])


def _contenders(x: Any, y: Any, zones: Any) -> tuple[list[Contender], str]:
    duckdb = ways.duckdb_spatial(x, y, zones)
    always = [way(x, y, zones) for way in (ways.ours, ways.geopandas_sjoin, ways.strtree, ways.sedonadb)]
    if duckdb is None:
        return always, "without DuckDB spatial: its extension is not installed"
    return [*always, duckdb], ""


def _same_pairs(zone_count: int) -> Any:
    """A check that every contender gives the pairs that the first one gave."""
    expected: list[Any] = []

    def check(name: str, pairs: tuple[Any, Any]) -> None:
        point, zone = (np.asarray(side, np.int64) for side in pairs)
        found = np.sort(point * zone_count + zone)
        expected[:] = expected or [found]
        if not len(found) or not np.array_equal(found, expected[0]):
            raise AssertionError(f"{name} found {len(found):,} pairs, not the {len(expected[0]):,} of point_in_zones")

    return check


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000, help="number of points (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    arguments = parser.parse_args()
    printer().print(table(run(arguments.points, arguments.rounds)))


if __name__ == "__main__":
    main()
