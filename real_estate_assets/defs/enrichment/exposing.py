"""Hazard exposures of one tenant: public layers and the tenant's own, assessed together, each row with its evidence.

Belongs here: turning stored layers into the core's shapes and its answer into rows. Does not belong here: which
evidence wins (`core/hazards`) and scores (a dbt seed).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from real_estate_assets.stores.warehouse import enrichment, evidence, reference
from real_estate_assets.stores.warehouse.evidence import Method

if TYPE_CHECKING:
    from real_estate_assets.core.hazards.layers import CountyScores, Exposures, Locations, ZoneLayer
    from real_estate_assets.stores.warehouse import Warehouse

BASES = {
    "polygon_overlap": "agreement with the city's published list of parcels in a zone (`make gates ONLY=spine`)",
    "point_in_zone": "geometry; the point stands for the whole place",
    "coverage_no_zone": "the layer draws no zone of minimal hazard inside its coverage",
    "county_lookup": "one value for a whole county; says nothing about a place within it",
    "no_evidence": "no layer says anything about the place",
}


@dataclass
class Layers:
    """The layers that may speak about a tenant, and where each came from: a public file, or a file of the tenant."""

    layers: list[ZoneLayer | CountyScores] = field(default_factory=list)
    public_sha256: dict[str, str] = field(default_factory=dict)
    tenant_file_no: dict[str, int] = field(default_factory=dict)
    tenant_evidence_no: dict[str, int] = field(default_factory=dict)


def layers_for(warehouse: Warehouse, tenant_id: str) -> Layers:
    """All public layers, and the layers that this tenant brought: those reach no other tenant."""
    found = Layers()
    _add_flood_layers(warehouse, found)
    _add_county_scores(warehouse, found)
    _add_tenant_layers(warehouse, tenant_id, found)
    return found


def assess_tenant(warehouse: Warehouse, tenant_id: str, found: Layers) -> tuple[Locations, Exposures]:
    """The tenant's locations and, for each peril, the finest evidence about each of them."""
    import numpy as np
    import shapely

    from real_estate_assets.core.hazards.assessment import assess
    from real_estate_assets.core.hazards.layers import Locations

    rows = enrichment.locations(warehouse, tenant_id)
    keys = np.empty(len(rows), object)
    keys[:] = [(county, parcel) for county, parcel, *_ in rows]
    locations = Locations(
        keys=keys,
        geometries=shapely.from_wkb(np.array([wkb for _, _, wkb, _, _ in rows], object)),
        longitudes=np.array([x for *_, x, _ in rows], np.float64),
        latitudes=np.array([y for *_, y in rows], np.float64),
        county_fips=np.array([county for county, *_ in rows], object),
    )
    return locations, assess(locations, found.layers)


def exposure_rows(
    warehouse: Warehouse, tenant_id: str, exposures: Exposures, found: Layers, *, code_version: str, run_id: str
) -> Iterator[tuple[Any, ...]]:
    """In the order of enrichment.EXPOSURE_COLUMNS. Writes evidence a layer and method, with its checks."""
    from real_estate_assets.core.hazards.answer_checks import ZONE_METHODS, AnswerChecks

    numbers: dict[tuple[str | None, str], int] = {}
    checks: dict[int, AnswerChecks] = defaultdict(AnswerChecks)
    touched = Counter(zip(exposures.touched.location_no.tolist(), exposures.touched.peril.tolist(), strict=True))
    for row in exposures.records():
        method = row["method"] or "no_evidence"
        key = (row["layer"], method)
        if key not in numbers:
            numbers[key] = _add_evidence(warehouse, tenant_id, row["layer"], method, found, code_version, run_id)
        checks[numbers[key]].look_at(row)
        yield (
            *row["location_key"],
            row["peril"],
            row["layer"],
            row["resolution"],
            method,
            row["zone_code"],
            row["category"],
            row["zone_subtype"],
            touched[row["location_no"], row["peril"]] if method in ZONE_METHODS else 0,
            row["overlap_share"],
            row["is_sliver"] if row["overlap_share"] is not None else None,
            row["source_score_pct"],
            row["annual_probability"],
            row["null_reason"],
            numbers[key],
            row["layer_record_no"],
        )
    for evidence_no, verdict in checks.items():
        evidence.record_checks(warehouse, tenant_id, evidence_no, passed=verdict.passed, total=verdict.total)


def _add_evidence(
    warehouse: Warehouse, tenant_id: str, layer: str | None, method: str, found: Layers, code_version: str, run_id: str
) -> int:
    described = Method(
        f"hazard_{method}", code_version, f"Hazard exposure by {method.replace('_', ' ')}.", BASES[method]
    )
    inputs = [found.tenant_evidence_no[layer]] if layer in found.tenant_evidence_no else []
    return evidence.add_evidence(
        warehouse,
        tenant_id,
        described,
        run_id=run_id,
        field_group="hazard",
        file_no=found.tenant_file_no.get(layer or ""),
        public_sha256=found.public_sha256.get(layer or ""),
        inputs=inputs,
    )


def _add_flood_layers(warehouse: Warehouse, found: Layers) -> None:
    import numpy as np
    import shapely

    from real_estate_assets.core.hazards.flood_scale import FloodScale
    from real_estate_assets.core.hazards.sources import flood_zones

    scale = FloodScale.from_rows(reference.hazard_score_scale(warehouse))
    for layer in reference.hazard_layers(warehouse):
        zones = reference.hazard_zones(warehouse, layer.layer)
        found.layers.append(
            flood_zones(
                layer.layer,
                shapely.from_wkb(np.array([wkb for *_, wkb in zones], object)),
                [code for _, code, *_ in zones],
                [subtype for _, _, subtype, *_ in zones],
                [record_no for record_no, *_ in zones],
                scale,
                coverage=None if layer.coverage_wkb is None else shapely.from_wkb(layer.coverage_wkb),
            )
        )
        found.public_sha256[layer.layer] = layer.public_sha256


def _add_county_scores(warehouse: Warehouse, found: Layers) -> None:
    from real_estate_assets.core.hazards.sources import county_percentiles

    by_peril: dict[str, list[tuple[Any, ...]]] = {}
    for row in reference.worst_county_scores(warehouse):
        by_peril.setdefault(row[1], []).append(row)
    for peril, rows in by_peril.items():
        name = f"nri_county_{peril}"
        found.layers.append(
            county_percentiles(
                name,
                peril,  # type: ignore[arg-type]
                [county for county, *_ in rows],
                [score for _, _, _, score, *_ in rows],
                [_rating(component, rating) for _, _, component, _, rating, *_ in rows],
                [record_no for *_, record_no in rows],
            )
        )
        found.public_sha256[name] = rows[0][5]


def _rating(component: str, rating: str | None) -> str | None:
    """The source's own word with the hazard it speaks of: a county's flood rating may be the coast's or the rivers'."""
    return None if rating is None else f"{component}: {rating}"


def _add_tenant_layers(warehouse: Warehouse, tenant_id: str, found: Layers) -> None:
    import numpy as np
    import shapely

    from real_estate_assets.core.hazards.sources import tract_shares

    for file in evidence.files(warehouse, tenant_id):
        if file.record_type != "hazard_zone" or file.read_status != "read":
            continue
        zones: Sequence[dict[str, Any]] = enrichment.tenant_hazard_zones(warehouse, tenant_id, file.file_no)
        for peril in sorted({zone["peril"] for zone in zones}):
            own = [zone for zone in zones if zone["peril"] == peril]
            name = f"{file.source_name}_{file.file_no}_{peril}"
            found.layers.append(
                tract_shares(
                    name,
                    peril,
                    shapely.from_wkb(np.array([zone["wkb"] for zone in own], object)),
                    [zone["zone_code"] for zone in own],
                    [zone["share_major_pct"] for zone in own],
                    [zone["record_no"] for zone in own],
                    [zone["category"] for zone in own],
                )
            )
            found.tenant_file_no[name] = file.file_no
            found.tenant_evidence_no[name] = own[0]["evidence_no"]
