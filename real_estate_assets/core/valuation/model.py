"""The bag of three: fitted once on all sales, kept as bytes, asked for any property on any later day.

Belongs here: the model as a thing: fit, bytes, predict. Does not belong here: intervals and levels, which come from the
backtest (`estimates.py`); where the bytes are kept.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from real_estate_assets.core.valuation import members as parts
from real_estate_assets.core.valuation.history import KnownSales, SaleHistory, anchors, look_up, sale_history
from real_estate_assets.core.valuation.matrix import Encoder, day_number
from real_estate_assets.core.valuation.members import BASE, MEMBERS
from real_estate_assets.core.valuation.settings import ValuationSettings

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import xgboost
    from numpy.typing import NDArray

FORMAT = 1
_DAY_OF_ZIP = (1980, 1, 1, 0, 0, 0)  # the archive's own clock would make two equal models different bytes


class Prediction(NamedTuple):
    """Per row [n]: log price before the level of the last weeks, and the usual absolute log miss (nan: not known)."""

    log_price: NDArray[np.float64]
    difficulty: NDArray[np.float64]


class Bag(NamedTuple):
    """Three boosters, the difficulty model, and the sales that neighbours are read from."""

    settings: ValuationSettings
    encoder: Encoder
    columns: tuple[str, ...]
    members: dict[str, tuple[int, ...]]
    known: KnownSales
    boosters: dict[str, xgboost.Booster]
    difficulty: xgboost.Booster | None

    @property
    def base_booster(self) -> xgboost.Booster:
        """The member that sees structure, place and time alone; its columns are encoder.base_columns."""
        return self.boosters[BASE]

    def base_matrix(self, rows: pl.DataFrame, valued_on: dt.date) -> NDArray[np.float32]:
        """[n, len(encoder.base_columns)]: what base_booster sees of property rows on a day."""
        return self.encoder.base(rows, self._on(rows, valued_on))

    def predict(self, rows: pl.DataFrame, valued_on: dt.date) -> Prediction:
        """Property rows (property_id, latitude, longitude, features) valued on a day, from sales strictly before it."""
        matrix = look_up(rows, self._on(rows, valued_on), self.encoder, self.known, self.settings)
        anchor = anchors(matrix, self.columns, rows, self.encoder, self.settings)
        mean = parts.mean_prediction(self.boosters, self.members, matrix, anchor, self.settings)
        return Prediction(mean, parts.difficulties(self.difficulty, matrix, self.settings))

    def _on(self, rows: pl.DataFrame, valued_on: dt.date) -> NDArray[np.int64]:
        import numpy as np

        return np.full(rows.height, day_number(valued_on), np.int64)

    def to_bytes(self) -> bytes:
        """The same model is the same bytes: a zip of JSON, npy arrays and xgboost's own UBJSON.

        The JSON keeps the order of its keys: it is the order of columns.
        """
        import numpy as np

        content: dict[str, bytes] = {"card.json": json.dumps(self._card()).encode()}
        for name, array in self.known._asdict().items():
            buffer = io.BytesIO()
            np.save(buffer, array.astype(np.str_) if array.dtype == object else array, allow_pickle=False)
            content[f"known/{name}.npy"] = buffer.getvalue()
        for name, booster in [*self.boosters.items(), ("difficulty", self.difficulty)]:
            if booster is not None:
                content[f"trees/{name}.ubj"] = bytes(booster.save_raw("ubj"))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name in sorted(content):
                entry = zipfile.ZipInfo(name, _DAY_OF_ZIP)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content[name], compresslevel=6)
        return packed.getvalue()

    def _card(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "settings": self.settings.model_dump(mode="json"),
            "encoder": self.encoder._asdict(),
            "columns": self.columns,
            "members": self.members,
        }

    @classmethod
    def from_bytes(cls, content: bytes) -> Bag:
        """Read what to_bytes wrote. Raises ValueError for another format or bytes that are no model."""
        import numpy as np

        try:
            archive = zipfile.ZipFile(io.BytesIO(content))
            card = json.loads(archive.read("card.json"))
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"these {len(content):,} bytes are no valuation model: {error}") from error
        if card["format"] != FORMAT:
            raise ValueError(f"a model of format {card['format']}, this code reads {FORMAT}: fit it again")
        arrays = {name: np.load(io.BytesIO(archive.read(f"known/{name}.npy"))) for name in KnownSales._fields}
        arrays["property_ids"] = arrays["property_ids"].astype(object)
        trees = {
            name.removeprefix("trees/").removesuffix(".ubj"): _booster(archive.read(name))
            for name in archive.namelist()
            if name.startswith("trees/")
        }
        difficulty = trees.pop("difficulty", None)
        members = {name: tuple(card["members"][name]) for name in MEMBERS}
        return cls(
            ValuationSettings.model_validate(card["settings"]), _encoder(card["encoder"]), tuple(card["columns"]),
            members, KnownSales(**arrays), {name: trees[name] for name in MEMBERS if name in trees}, difficulty,
        )  # fmt: skip


def fit(training: pl.DataFrame, settings: ValuationSettings, history: SaleHistory | None = None) -> Bag:
    """The bag on all training rows. Raises ValueError as sale_history does."""
    import numpy as np

    history = history or sale_history(training, settings)
    everything = np.ones(training.height, bool)
    return Bag(
        settings, history.encoder, history.columns, history.members, history.known,
        parts.fit_members(history, everything, settings), parts.fit_difficulty(history, everything, settings),
    )  # fmt: skip


def _booster(content: bytes) -> xgboost.Booster:
    import xgboost as xgb

    return xgb.Booster(model_file=bytearray(content))


def _encoder(card: dict[str, Any]) -> Encoder:
    words = {name: tuple(vocabulary) for name, vocabulary in card["words"].items()}
    listed = {name: tuple(card[name]) for name in ("numbers", "hazards", "needed")}
    origin = tuple(card["origin"]) if card["origin"] else None
    return Encoder(**{**card, **listed, "words": words, "origin": origin})
