"""`python -m benchmarks.comparables_choice`: how many trees and retrieved sales comparables need.

Belongs here: the candidates and the table of docs/comparables.md. Does not belong here: the promise, which is kept in
the test window (`gates/valuation_comparables.py`) and not looked at here.

The test window's sales are put aside; of the rest the newest share is valued as in the gate, by the plain mean of ten
comparables, with each choice in turn.
"""

from __future__ import annotations

import numpy as np

from benchmarks.gates.valuation_comparables import comparables_of, mdape, mean_of_nearest, windows
from benchmarks.valuation_files import before_the_test, training_of

CHOICES = ((100, 50), (200, 50), (300, 10), (300, 20), (300, 50), (300, 100))


def main() -> None:
    """Print a row a choice."""
    from real_estate_assets.core.valuation.comparables_points import SaleModel, sale_space
    from real_estate_assets.core.valuation.model import fit
    from real_estate_assets.core.valuation.settings import valuation_settings

    settings = valuation_settings()
    known = before_the_test(training_of("king_county"), settings.test_share)
    before, judged = windows(known, settings)
    prices = judged["price_usd"].to_numpy()
    print(f"{len(prices):,} sales from {judged['sale_date'][0]} to {judged['sale_date'][-1]}\n")
    print("| trees | retrieved | median absolute error, % |\n|---|---|---|")
    print(f"| the ten nearest by distance | | {mdape(mean_of_nearest(judged, known), prices):.2f} |", flush=True)
    bag = fit(before, settings)
    for trees, retrieved in CHOICES:
        space = sale_space(before, bag.base_booster, bag.encoder, settings.threads, trees)
        each = comparables_of(judged, known, SaleModel.of(bag, space), retrieved)
        raw = np.array([np.mean([one.price_usd for one in some]) for some in each])
        print(f"| {space.trees} | {retrieved} | {mdape(raw, prices):.2f} |", flush=True)


if __name__ == "__main__":
    main()
