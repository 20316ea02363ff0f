"""From property features to the numbers that trees split: which columns, in which order, and why not the others.

Belongs here: the base columns of a property on a day (structure, age, place, time). Does not belong here: anything read
off other sales (`lags.py`). No price is looked at here, so nothing can leak.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.settings import ValuationSettings

KM_PER_DEGREE = 111.32  # of latitude, and of longitude at the equator
_SELDOM = 0.01  # share of sales that may lack a feature without which there is no estimate
_EPOCH = dt.date(1970, 1, 1)
_PLACE = ("x_km", "y_km", "x_plus_y_km", "x_minus_y_km")
_YEARS = {"year_built": "age_years", "renovation_year": "years_since_renovation"}


class Encoder(NamedTuple):
    """What the matrix is made of; plain values, so that it can stand in a model's card and bytes.

    `numbers`, `words` (with their vocabulary) and `hazards` are feature names in matrix order; `dropped` says of every
    other candidate why it is not there. `knows_resales`: a property's earlier sale is looked at. `area` is the feature
    that prices are divided by, None where no sale knows it; `usual` are the medians that stand in when likeness is
    measured and a feature is unknown; `origin` is (latitude, longitude), None where no training sale has a place.
    """

    numbers: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    hazards: tuple[str, ...]
    needed: tuple[str, ...]
    dropped: dict[str, str]
    knows_resales: bool
    area: str | None
    usual: dict[str, float]
    origin: tuple[float, float] | None
    first_day: int

    @property
    def base_columns(self) -> tuple[str, ...]:
        """Names of the base columns, in order."""
        place = _PLACE if self.origin else ()
        return (*(_YEARS.get(name, name) for name in self.numbers), *self.words, *place, "day")

    @classmethod
    def of(cls, training: pl.DataFrame, settings: ValuationSettings) -> Encoder:
        """Choose the columns from training rows in order of time. A column of one value teaches nothing: dropped."""
        dropped: dict[str, str] = {}
        numbers = [name for name in settings.features if _usable(training, name, dropped)]
        words = {
            name: tuple(sorted(training[name].cast(_string()).drop_nulls().unique().to_list()))
            for name in settings.categories
            if _needed_in_words(name, numbers, settings, dropped) and _usable(training, name, dropped)
        }
        hazards = [name for name in settings.hazard_features if _carried(training, name, settings, dropped)]
        located = training.select("latitude", "longitude").drop_nulls()
        origin = tuple(float(part) for part in located.median().row(0)) if located.height else None
        present = {*numbers, *(("latitude", "longitude") if origin else ())}
        needed = tuple(name for name in settings.needed_features if name in present and _always_known(training, name))
        first = days(training["sale_date"])[0] if training.height else 0
        area = settings.area_feature if settings.area_feature in numbers else None
        resales = _knows_resales(training, settings, dropped)
        usual = {name: _median(training, name) for name in settings.alike if name in numbers}
        return cls(tuple(numbers), words, tuple(hazards), needed, dropped, resales, area, usual, origin, int(first))  # type: ignore[arg-type]

    def places(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        """[n, 2] kilometres east and north of the origin; nan where the place is unknown."""
        import numpy as np

        if self.origin is None:
            return np.full((rows.height, 2), np.nan, np.float32)
        latitude, longitude = self.origin
        east = (_numbers(rows, "longitude") - longitude) * KM_PER_DEGREE * np.cos(np.deg2rad(latitude))
        north = (_numbers(rows, "latitude") - latitude) * KM_PER_DEGREE
        placed: NDArray[np.float32] = np.column_stack([east, north]).astype(np.float32)
        placed[np.isnan(placed).any(axis=1)] = np.nan
        return placed

    def likeness(self, rows: pl.DataFrame, settings: ValuationSettings) -> NDArray[np.float32]:
        """[n, d]: coordinates in which like houses lie near each other; place counts among them where it is known."""
        import numpy as np

        columns = [part / settings.alike_place_km for part in self.places(rows).T] if self.origin else []
        for name, usual in self.usual.items():
            values = _numbers(rows, name)
            values = np.where(np.isnan(values), usual, values)
            values = np.log(np.maximum(values, 1.0)) if name in settings.alike_logs else values
            columns.append((values / settings.alike[name]).astype(np.float32))
        return np.column_stack(columns) if columns else np.full((rows.height, 1), np.nan, np.float32)

    def log_area(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """[n]: log of the area that prices are divided by, nan where unknown; 0 where no sale knows it."""
        import numpy as np

        if self.area is None:
            return np.zeros(rows.height)
        area = _numbers(rows, self.area)
        return np.log(np.where(area > 0, area, np.nan))

    def base(self, rows: pl.DataFrame, on: NDArray[np.int64]) -> NDArray[np.float32]:
        """[n, len(base_columns)]: the base columns of `rows`, valued on the days `on` (days since 1970)."""
        import numpy as np

        year = on.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        columns = [
            year - _numbers(rows, name) if name in _YEARS else _numbers(rows, name) for name in self.numbers
        ]  # fmt: skip
        columns += [_codes(rows, name, vocabulary) for name, vocabulary in self.words.items()]
        if self.origin:
            x, y = self.places(rows).T
            columns += [x, y, x + y, x - y]
        columns.append((on - self.first_day).astype(np.float64))
        return np.column_stack(columns).astype(np.float32)

    def hazard_columns(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        """[n, len(hazards)]."""
        import numpy as np

        columns = [_numbers(rows, name) for name in self.hazards]
        return np.column_stack(columns).astype(np.float32) if columns else np.empty((rows.height, 0), np.float32)


def days(dates: pl.Series) -> NDArray[np.int64]:
    """Days since 1970 of a column of dates."""
    import numpy as np

    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def day_number(date: dt.date) -> int:
    """Days since 1970."""
    return (date - _EPOCH).days


def _string() -> Any:
    import polars as pl

    return pl.String


def _usable(training: pl.DataFrame, name: str, dropped: dict[str, str]) -> bool:
    if name not in training.columns:
        dropped[name] = "no such column in the feature rows"
        return False
    different = training[name].drop_nulls().unique()
    if not len(different):
        dropped[name] = "unknown for every sale"
    elif len(different) == 1:
        dropped[name] = f"{different[0]} for every sale that knows it"
    return name not in dropped


def _needed_in_words(name: str, numbers: list[str], settings: ValuationSettings, dropped: dict[str, str]) -> bool:
    number = settings.stand_ins.get(name)
    if number in numbers:
        dropped[name] = f"{number} says the same as a number"
    return name not in dropped


def _carried(training: pl.DataFrame, name: str, settings: ValuationSettings, dropped: dict[str, str]) -> bool:
    """A hazard needs sales on both sides: few carriers teach the noise of a few sales, not an effect."""
    if not _usable(training, name, dropped):
        return False
    usual = training[name].drop_nulls().mode().sort()[0]
    carriers = int((training[name].drop_nulls() != usual).sum())
    if carriers < settings.minimum_carriers:
        dropped[name] = f"only {carriers} sales differ from the usual {usual}; {settings.minimum_carriers} are needed"
    return name not in dropped


def _knows_resales(training: pl.DataFrame, settings: ValuationSettings, dropped: dict[str, str]) -> bool:
    """Whether enough sales have an earlier one to learn from.

    Of a year of sales, those with an earlier one are mostly houses done up and sold again. What they teach, read off
    every house that was sold once, put all of King County six percent too high.
    """
    again = training.height - training["property_id"].n_unique()
    share = again / training.height if training.height else 0.0
    if share < settings.resale_share:
        dropped["previous_sale"] = (
            f"{again:,} of {training.height:,} sales have an earlier one: too few, and a kind apart"
        )
    return share >= settings.resale_share


def _always_known(training: pl.DataFrame, name: str) -> bool:
    """Where sales without it are many, the backtest has measured what its want costs, and it is needed no more."""
    return bool(training[name].null_count() <= _SELDOM * training.height)


def _median(training: pl.DataFrame, name: str) -> float:
    import numpy as np

    return float(np.nanmedian(_numbers(training, name)))


def _numbers(rows: pl.DataFrame, name: str) -> NDArray[np.float64]:
    import numpy as np
    import polars as pl

    if name not in rows.columns:
        return np.full(rows.height, np.nan)
    return rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _codes(rows: pl.DataFrame, name: str, vocabulary: tuple[str, ...]) -> NDArray[np.float64]:
    """The place of each word in the vocabulary; nan where unknown or never seen in a sale."""
    import numpy as np
    import polars as pl

    if name not in rows.columns:
        return np.full(rows.height, np.nan)
    numbers = {word: float(number) for number, word in enumerate(vocabulary)}
    coded = rows[name].cast(pl.String).replace_strict(numbers, default=None, return_dtype=pl.Float64)
    return coded.fill_null(float("nan")).to_numpy()
