"""What every sale could know on its own day, as one matrix: built once, cut by date by whoever fits on it.

Belongs here: putting the columns together, for sales and for properties alike, and the honest residuals. Does not
belong here: the single columns (`matrix.py`, `lags.py`), the members that are fitted on them (`members.py`).

Nothing in row i comes from a sale of the same day or later, so cutting by date is all that a walk forward has to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from real_estate_assets.core.valuation import boosting, lags
from real_estate_assets.core.valuation.matrix import Encoder, days
from real_estate_assets.core.valuation.members import ALIKE, BASE, MEMBERS, NEIGHBOURS
from real_estate_assets.core.valuation.neighbours import prior_neighbours

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.settings import ValuationSettings

_PRICE, _RESIDUAL = "neighbour_price", "neighbour_residual"
_ALIKE = ("alike_price", "alike_log_price", "alike_residual")
_LEVELS, _PREVIOUS = ("level_30_days", "level_90_days"), ("previous_log_price", "previous_sale_days")


class KnownSales(NamedTuple):
    """The sales that neighbours and the level are read from, in order of day; all [n] but `places` and `alike` [n, d].

    `values` are log prices, per square foot where the area is known at all; `residuals` log sold minus log predicted by
    a model that had not seen the sale (nan where no model could be made yet); `local` the same less the median of the
    weeks before, so that it tells of the house and not of the market.
    """

    property_ids: NDArray[np.object_]
    on: NDArray[np.int64]
    log_prices: NDArray[np.float64]
    values: NDArray[np.float64]
    residuals: NDArray[np.float64]
    local: NDArray[np.float64]
    places: NDArray[np.float32]
    alike: NDArray[np.float32]


class SaleHistory(NamedTuple):
    """Training rows as numbers. `matrix` [n, len(columns)]; `members` names the columns that each member sees.

    `anchor` [n]: log price by the nearest earlier sales alone, nan where there is none.
    """

    encoder: Encoder
    known: KnownSales
    columns: tuple[str, ...]
    members: dict[str, tuple[int, ...]]
    matrix: NDArray[np.float32]
    anchor: NDArray[np.float64]


def sale_history(training: pl.DataFrame, settings: ValuationSettings) -> SaleHistory:
    """Training rows (training.TrainingRows.frame, in order of time) with everything each sale could know.

    Fits history_blocks - 1 models. Raises ValueError where the rows are not in order of time or there is none.
    """
    import numpy as np

    if not training.height:
        raise ValueError("no training sale: a model needs some, and minimum_sales says how many")
    on = days(training["sale_date"])
    if (np.diff(on) < 0).any():
        raise ValueError("training rows must stand in order of time, as training_rows returns them")
    encoder = Encoder.of(training, settings)
    base = encoder.base(training, on)
    known = _known(training, encoder, on, base, settings)
    columns, members = layout(encoder, settings)
    matrix = _beside(base, training, on, encoder, known, settings)
    return SaleHistory(encoder, known, columns, members, matrix, anchors(matrix, columns, training, encoder, settings))


def layout(encoder: Encoder, settings: ValuationSettings) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """The columns of the matrix in order, and per member the numbers of those it sees."""
    counts, base = settings.neighbour_counts, encoder.base_columns
    near = (*lags.summary_names(_PRICE, counts), "neighbour_km", *lags.summary_names(_RESIDUAL, counts))
    nearby = (*base, *encoder.hazards, *near, *_LEVELS, *(_PREVIOUS if encoder.knows_resales else ()))
    alike = tuple(name for prefix in _ALIKE for name in lags.summary_names(prefix, counts))
    columns = (*nearby, *alike, "alike_distance")
    seen = {BASE: len(base), NEIGHBOURS: len(nearby), ALIKE: len(columns)}
    return columns, {member: tuple(range(seen[member])) for member in MEMBERS}


def look_up(
    rows: pl.DataFrame, on: NDArray[np.int64], encoder: Encoder, known: KnownSales, settings: ValuationSettings
) -> NDArray[np.float32]:
    """The matrix of any property rows valued on the days `on`, read off the sales strictly before each day."""
    return _beside(encoder.base(rows, on), rows, on, encoder, known, settings)


def anchors(
    matrix: NDArray[np.float32],
    columns: tuple[str, ...],
    rows: pl.DataFrame,
    encoder: Encoder,
    settings: ValuationSettings,
) -> NDArray[np.float64]:
    """[n]: log price at what the middle circle of neighbours paid per square foot; nan without neighbours or area."""
    middle = settings.neighbour_counts[len(settings.neighbour_counts) // 2]
    return matrix[:, columns.index(f"{_PRICE}_near_{middle}")] + encoder.log_area(rows)


def _beside(
    base: NDArray[np.float32],
    rows: pl.DataFrame,
    on: NDArray[np.int64],
    encoder: Encoder,
    known: KnownSales,
    settings: ValuationSettings,
) -> NDArray[np.float32]:
    import numpy as np

    counts, minimum = settings.neighbour_counts, settings.nowcast_minimum
    limits = np.searchsorted(known.on, on, side="left")
    near = prior_neighbours(encoder.places(rows), limits, known.places, counts[-1])
    alike = prior_neighbours(encoder.likeness(rows, settings), limits, known.alike, counts[-1])
    ids = rows["property_id"].cast(_string()).to_numpy()
    parts: list[NDArray[np.float32] | NDArray[np.float64]] = [
        base,
        encoder.hazard_columns(rows),
        lags.summaries(known.values, near, counts),
        lags.distances(near),
        lags.summaries(known.local, near, counts),
        *(lags.recent_level(known.residuals, known.on, on, span, minimum) for span in (30, 90)),
        *(
            [lags.previous_sales(known.property_ids, known.on, known.log_prices, ids, on)]
            if encoder.knows_resales
            else []
        ),
        *(
            lags.summaries(told, alike, counts, lags.NEAR_ALIKE)
            for told in (known.values, known.log_prices, known.local)
        ),
        lags.distances(alike),
    ]
    return np.column_stack(parts).astype(np.float32)


def _known(
    training: pl.DataFrame,
    encoder: Encoder,
    on: NDArray[np.int64],
    base: NDArray[np.float32],
    settings: ValuationSettings,
) -> KnownSales:
    import numpy as np

    log_prices = np.log(training["price_usd"].to_numpy())
    residuals = honest_residuals(base, log_prices, on, settings)
    level = lags.recent_level(residuals, on, on, settings.nowcast_days, settings.nowcast_minimum)
    return KnownSales(
        property_ids=training["property_id"].cast(_string()).to_numpy(),
        on=on,
        log_prices=log_prices,
        values=log_prices - encoder.log_area(training),
        residuals=residuals,
        local=residuals - np.nan_to_num(level),
        places=encoder.places(training),
        alike=encoder.likeness(training, settings),
    )


def honest_residuals(
    base: NDArray[np.float32], log_prices: NDArray[np.float64], on: NDArray[np.int64], settings: ValuationSettings
) -> NDArray[np.float64]:
    """[n]: log sold minus log predicted by a model of the sales of earlier blocks; nan in the first.

    Blocks hold equally many sales and begin with a day, so that no model has seen a sale of the days it predicts.
    """
    import numpy as np

    residuals = np.full(len(on), np.nan)
    edges = on[np.linspace(0, len(on), settings.history_blocks, endpoint=False).astype(int)]
    for start, end in zip(edges[1:], [*edges[2:], on[-1] + 1], strict=True):
        before, block = on < start, (on >= start) & (on < end)
        if before.sum() >= settings.minimum_block and block.any():
            booster = boosting.fit_history(base[before], log_prices[before], settings)
            residuals[block] = log_prices[block] - boosting.predict(booster, base[block], settings.threads)
    return residuals


def _string() -> type[pl.String]:
    import polars as pl

    return pl.String
