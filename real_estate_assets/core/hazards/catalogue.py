"""Everything that any layer can say, laid end to end, so that a piece of evidence is one number: an item.

Belongs here: the columns of all zones, county scores and backgrounds under one numbering. Does not belong here: which
place meets which item (`evidence.py`), which item wins (`assessment.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from real_estate_assets.core.hazards.layers import CountyScores, Floats, Ints, Objects, ZoneLayer

Layer = ZoneLayer | CountyScores


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Columns over all items. starts[layer] is a layer's first item; backgrounds[layer] its background item or -1."""

    starts: Ints
    backgrounds: Ints
    layer: Objects
    resolution: Objects
    category: Objects
    zone_code: Objects
    zone_subtype: Objects
    severity: Floats
    null_reason: Objects
    source_score_pct: Floats
    annual_probability: Floats
    layer_record_no: Ints


def catalogue(layers: Sequence[Layer]) -> Catalogue:
    """Number the items of layers in order: a layer's zones or counties, then its background if it has one."""
    columns = [_zone_columns(layer) if isinstance(layer, ZoneLayer) else _county_columns(layer) for layer in layers]
    sizes = np.array([len(column["layer"]) for column in columns], np.int64)
    starts = np.cumsum(sizes) - sizes
    has_background = np.array([isinstance(layer, ZoneLayer) and layer.background is not None for layer in layers], bool)
    backgrounds = np.where(has_background, starts + sizes - 1, -1)
    names = [field.name for field in fields(Catalogue)][2:]
    joined = {name: np.concatenate([column[name] for column in columns]) for name in names}
    return Catalogue(starts=starts, backgrounds=backgrounds, **joined)


def _zone_columns(layer: ZoneLayer) -> dict[str, Any]:
    size = len(layer) + (layer.background is not None)
    return {
        "layer": np.full(size, layer.name, object),
        "resolution": np.full(size, layer.resolution, object),
        "category": _with(layer.categories, layer.background and layer.background.category, layer),
        "zone_code": _with(layer.zone_codes, layer.background and layer.background.zone_code, layer),
        "zone_subtype": _with(layer.zone_subtypes, layer.background and layer.background.zone_subtype, layer),
        "severity": _with(layer.severities, layer.background and layer.background.severity, layer),
        "null_reason": _with(layer.unscored_reasons, None, layer),
        "source_score_pct": _with(layer.scores_pct, np.nan, layer),
        "annual_probability": _with(layer.annual_probabilities, np.nan, layer),
        "layer_record_no": _with(layer.record_nos, -1, layer),
    }


def _with(column: Any, background: Any, layer: ZoneLayer) -> Any:
    """A column with the background's value at its end, if the layer has a background."""
    if layer.background is None:
        return column
    return np.concatenate((column, np.array([background], column.dtype)))


def _county_columns(scores: CountyScores) -> dict[str, Any]:
    size = len(scores)
    return {
        "layer": np.full(size, scores.name, object),
        "resolution": np.full(size, "county", object),
        "category": scores.ratings,
        "zone_code": scores.county_fips,
        "zone_subtype": np.full(size, None, object),
        "severity": scores.percentiles / 100,
        "null_reason": np.where(np.isnan(scores.percentiles), "source_null", np.array(None, object)),
        "source_score_pct": scores.percentiles,
        "annual_probability": np.full(size, np.nan),
        "layer_record_no": scores.record_nos,
    }
