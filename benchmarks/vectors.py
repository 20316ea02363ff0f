"""The embedded vector store beside plain numpy: a search, an opening, a publication.

`python -m benchmarks.vectors [--points 20000] [--searches 400]`. Made sales of one tenant, 64 numbers each, with the
payload that comparables carry; a search asks for 50 of them before a day and not of one property, as the product does.
The floor is an exact scan of the same vectors in memory with the same mask: the least that any exact search must do. It
gives positions only; the store checks and gives back 50 payloads. Both take turns and must find the very same sales.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Result, result
from benchmarks.report import printer, table
from real_estate_assets.stores.vectors import COMPARABLE_SALES, Hit, VectorPoints
from real_estate_assets.stores.vectors.edge import EdgeVectors

PREFIX = "valuation.vectors"
TENANT, FIRST_DAY, DAYS, LIMIT, TREES = "puget-sound", date(2014, 5, 2), 390, 50, 300
FLOOR = "numpy, exact scan in memory, positions only"


def run(points: int = 20_000, searches: int = 400) -> list[Result]:
    """points: sales of the tenant; searches: timed ones, after ten that warm up."""
    made = made_sales(points)
    with tempfile.TemporaryDirectory(prefix="reos-bench-") as folder:
        started = time.perf_counter()
        EdgeVectors(Path(folder), COMPARABLE_SALES).publish(TENANT, "v1", made)
        published = time.perf_counter() - started
        opened = _opening_seconds(Path(folder), made)
        store, floor = _searching(EdgeVectors(Path(folder), COMPARABLE_SALES), made, searches)
    lines = [
        _compared(f"search_{name}", np.percentile(store, share), np.percentile(floor, share), points)
        for name, share in (("p50", 50), ("p95", 95))
    ]
    rate = f"{points / published:,.0f} points a second, on the disk and seen by readers"
    return [
        *lines,
        result(f"{PREFIX}.open", opened * 1000, "ms", note="the first search of a process, median of five"),
        result(f"{PREFIX}.publish", published, "s", note=f"{points:,} points; {rate}"),
    ]


def made_sales(count: int) -> VectorPoints:
    """Sales at random, two a property now and then, each with a payload of the size that comparables have."""
    draw = np.random.default_rng(0)
    leaves = "A" * (TREES * 2 * 4 // 3)
    facts = {"building_sqft": 1800.0, "lot_size_sqft": 5000.0, "bedrooms": 3, "bathrooms": 2.25, "year_built": 1951}
    numbers = {"price_usd": 5e5, "latitude": 47.6, "longitude": -122.3, "log_at_sale": 13.1, "log_when_valued": 13.2}
    return VectorPoints(
        keys=[f"sale-{number}" for number in range(count)],
        property_ids=[f"property-{number}" for number in draw.integers(0, count, count)],
        days=[FIRST_DAY + timedelta(int(day)) for day in draw.integers(0, DAYS, count)],
        vectors=draw.normal(size=(count, COMPARABLE_SALES.dimensions)).astype(np.float32),
        payloads=[{**numbers, "leaves": leaves, "valued_on": "2015-05-28", "facts": facts} for _ in range(count)],
    )


def _opening_seconds(folder: Path, made: VectorPoints) -> float:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        _asking(EdgeVectors(folder, COMPARABLE_SALES))(made.vectors[0], FIRST_DAY + timedelta(DAYS), "nobody")
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def _searching(store: EdgeVectors, made: VectorPoints, searches: int) -> tuple[list[float], list[float]]:
    """Seconds of each search by the store and by the floor, in turns. Raises AssertionError where they differ."""
    draw, ask, scan = np.random.default_rng(1), _asking(store), _scanning(made)
    seconds: tuple[list[float], list[float]] = [], []
    for number in range(-10, searches):
        subject = int(draw.integers(len(made)))
        question = (
            made.vectors[subject],
            FIRST_DAY + timedelta(int(draw.integers(30, DAYS))),
            made.property_ids[subject],
        )
        started = time.perf_counter()
        hits = ask(*question)
        between = time.perf_counter()
        positions = scan(*question)
        ended = time.perf_counter()
        assert [hit.key for hit in hits] == [made.keys[position] for position in positions], "not the same sales"
        if number >= 0:
            seconds[0].append(between - started)
            seconds[1].append(ended - between)
    return seconds


Vector = NDArray[np.float32]


def _asking(store: EdgeVectors) -> Callable[[Vector, date, str], list[Hit]]:
    def ask(vector: Vector, before: date, owner: str) -> list[Hit]:
        return store.search(TENANT, vector, LIMIT, before=before, without_property=owner)

    return ask


def _scanning(made: VectorPoints) -> Callable[[Vector, date, str], NDArray[np.intp]]:
    vectors, owners = made.vectors, np.array(made.property_ids)
    days = np.array(made.days, dtype="datetime64[D]")

    def scan(vector: Vector, before: date, owner: str) -> NDArray[np.intp]:
        difference = vectors - vector
        away = np.einsum("nd,nd->n", difference, difference)
        away[(days >= np.datetime64(before)) | (owners == owner)] = np.inf
        near = np.argpartition(away, LIMIT)[:LIMIT]
        order: NDArray[np.intp] = near[np.argsort(away[near])]
        return order

    return scan


def _compared(name: str, store: np.floating, floor: np.floating, points: int) -> Result:
    note = f"{LIMIT} of {points:,}, with payloads, before a day, without one property"
    return result(f"{PREFIX}.{name}", float(store) * 1000, "ms", FLOOR, float(store / floor), note=note)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The embedded vector store beside plain numpy.")
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--searches", type=int, default=400)
    arguments = parser.parse_args()
    printer().print(table(run(arguments.points, arguments.searches)))


if __name__ == "__main__":
    main()
