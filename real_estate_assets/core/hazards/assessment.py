"""From places and layers to exposures: which evidence wins, and why there is none.

Belongs here: the rules. 1. The finest resolution that says anything wins; coarser layers are asked only about places
that are still open. 2. Within a resolution the worst statement by severity counts, with its own overlap share.
3. Ground inside a layer's coverage on which it draws no zone is what the layer's background says. 4. A null of the
source leaves a place open; a zone that the scale cannot score does not: the source did speak. Does not belong here:
geometry, columns of sources, scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from real_estate_assets.core.hazards.catalogue import Catalogue, Layer, catalogue
from real_estate_assets.core.hazards.evidence import (
    Evidence,
    ask_counties,
    ask_coverage,
    ask_zones,
    has_polygon,
    with_points,
)
from real_estate_assets.core.hazards.exposure_rows import exposure_rows, joined, unknown_rows
from real_estate_assets.core.hazards.layers import (
    PERILS,
    RESOLUTIONS,
    CountyScores,
    Exposures,
    Ints,
    Locations,
    Objects,
    Peril,
)

# An unscored zone could be anything. It must not hide behind ground that only says "little hazard" (scores up to
# 0.1), and must not hide a mapped hazard either.
_UNSCORED_RANK = 0.1


def assess(locations: Locations, layers: Sequence[Layer], perils: Sequence[Peril] = PERILS) -> Exposures:
    """Assess every place for every peril.

    locations: n places in EPSG:4326. layers: in order of preference among equals; none for a peril is allowed.
    Returns n rows a peril, in the order of `perils`. Raises ValueError for an invalid polygon (see `overlap.py`).
    """
    places = with_points(locations)
    return joined([_assess_peril(places, [layer for layer in layers if layer.peril == p], p) for p in perils])


def _assess_peril(places: Locations, layers: list[Layer], peril: Peril) -> Exposures:
    if not layers:
        return unknown_rows(places, peril, np.full(len(places), "no_layer", object))
    items = catalogue(layers)
    evidence = _ranked(_gather(places, layers, items), items)
    return exposure_rows(unknown_rows(places, peril, _reasons(places)), peril, items, evidence)


def _gather(places: Locations, layers: list[Layer], items: Catalogue) -> Evidence:
    """Ask the layers, finest first, each resolution only about places that no finer one has answered."""
    gathered: list[Evidence] = []
    is_open = np.ones(len(places), bool)
    for resolution in RESOLUTIONS:
        asked = np.flatnonzero(is_open)
        found = Evidence.joined(
            _ask(places, asked, layer, items, number)
            for number, layer in enumerate(layers)
            if len(asked) and _resolution(layer) == resolution
        )
        answers = items.null_reason[found.items] != "source_null"
        is_open[found.locations[answers]] = False
        gathered.append(found)
    return Evidence.joined(gathered)


def _resolution(layer: Layer) -> str:
    return "county" if isinstance(layer, CountyScores) else layer.resolution


def _ask(places: Locations, asked: Ints, layer: Layer, items: Catalogue, number: int) -> Evidence:
    if isinstance(layer, CountyScores):
        return ask_counties(places, asked, layer).shifted(int(items.starts[number]))
    zones = ask_zones(places, asked, layer)
    untouched = np.setdiff1d(asked, zones.locations)
    covered = ask_coverage(places, untouched, layer)
    background = Evidence.of(covered, np.full(len(covered), items.backgrounds[number]), "coverage_no_zone")
    return Evidence.joined((zones.shifted(int(items.starts[number])), background))


def _ranked(evidence: Evidence, items: Catalogue) -> Evidence:
    """Order statements by place, best first: with a value, finest, most severe, largest share, first layer."""
    severity = np.nan_to_num(items.severity[evidence.items], nan=_UNSCORED_RANK)
    is_null = items.null_reason[evidence.items] == "source_null"
    share = np.nan_to_num(evidence.shares, nan=1.0)
    # Resolutions need no key: a place that a finer layer answered was not asked about again.
    order = np.lexsort((evidence.items, -share, -severity, is_null, evidence.locations))
    return Evidence(evidence.locations[order], evidence.items[order], evidence.methods[order], evidence.shares[order])


def _reasons(places: Locations) -> Objects:
    """Why nothing is known of each place, should no layer speak about it."""
    nowhere = np.isnan(places.longitudes) & ~has_polygon(places.geometries)
    return np.where(nowhere, "no_location", np.array("outside_coverage", object))
