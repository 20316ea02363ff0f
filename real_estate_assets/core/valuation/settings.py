"""The numbers of the valuation: each with the reason for its value, in settings.yaml.

Belongs here: their names, types and bounds. Does not belong here: choosing them (`benchmarks/valuation_peers.py`).
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ValuationSettings(BaseModel):
    """Shares and levels 0 to 1, times in days, logs are natural logs of US dollars."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...]
    categories: tuple[str, ...]
    stand_ins: dict[str, str]
    hazard_features: tuple[str, ...]
    area_feature: str
    needed_features: tuple[str, ...]

    trees: int = Field(gt=0)
    depth: int = Field(gt=0, le=12)
    learning_rate: float = Field(gt=0, le=1)
    row_share: float = Field(gt=0, le=1)
    column_share: float = Field(gt=0, le=1)
    minimum_child_weight: float = Field(ge=0)
    ridge: float = Field(ge=0)
    bins: int = Field(ge=16, le=1024)
    threads: int = Field(gt=0)
    seed: int = Field(ge=0)

    neighbour_counts: tuple[int, ...]
    alike: dict[str, float]
    alike_logs: tuple[str, ...]
    alike_place_km: float = Field(gt=0)
    resale_share: float = Field(ge=0, le=1)
    history_blocks: int = Field(ge=2)
    history_trees: int = Field(gt=0)
    history_learning_rate: float = Field(gt=0, le=1)
    history_depth: int = Field(gt=0, le=12)
    minimum_block: int = Field(gt=0)

    test_share: float = Field(gt=0, lt=1)
    walk_days: int = Field(gt=0)
    calibration_days: int = Field(gt=0)
    nowcast_days: int = Field(gt=0)
    nowcast_minimum: int = Field(gt=0)

    interval_level: float = Field(gt=0, lt=1)
    interval_days: int = Field(gt=0)
    interval_step: float = Field(ge=0, lt=0.1)
    interval_minimum: int = Field(gt=0)
    difficulty_trees: int = Field(gt=0)
    difficulty_floor: float = Field(gt=0)

    minimum_sales: int = Field(gt=0)
    minimum_carriers: int = Field(gt=1)
    effect_that_matters: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _consistent(self) -> ValuationSettings:
        if self.area_feature not in self.features:
            raise ValueError(f"area_feature {self.area_feature} is none of the features")
        if list(self.neighbour_counts) != sorted(set(self.neighbour_counts)):
            raise ValueError("neighbour_counts must ascend")
        return self


def valuation_settings(**overrides: Any) -> ValuationSettings:
    """The reviewed settings; `overrides` replace single values, for experiments and tests.

    Raises ValueError (pydantic's among them) for an unknown name, a value out of bounds or a value without a reason.
    """
    values = {name: entry["value"] for name, entry in reviewed().items()}
    return ValuationSettings.model_validate({**values, **overrides})


def reviewed() -> dict[str, dict[str, Any]]:
    """Per setting its `value` and the `reason` for it, as settings.yaml states them."""
    from ruamel.yaml import YAML

    file = resources.files("real_estate_assets.core.valuation") / "settings.yaml"
    entries: dict[str, dict[str, Any]] = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    for name, entry in entries.items():
        if set(entry) != {"value", "reason"} or not str(entry["reason"]).strip():
            raise ValueError(f"settings.yaml: {name} needs a value and the reason for it, and nothing else")
    return entries
