"""Loads one public layer: its file landed under its sha256, its rows put in place whole.

Belongs here: the steps by kind of layer. Does not belong here: tenants' files, and Dagster (`assets.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from real_estate_assets.core.identity import normal_parcel_number
from real_estate_assets.core.references import (
    Reference,
    ReferenceLayerError,
    References,
    column,
    county_score_rows,
)
from real_estate_assets.defs.reference.reading import PublicTable, read_public_table
from real_estate_assets.stores.warehouse import reference as store
from real_estate_assets.stores.warehouse.recall import recalled_public

if TYPE_CHECKING:
    from real_estate_assets.stores.object_store import ObjectStore
    from real_estate_assets.stores.warehouse import Warehouse


@dataclass(frozen=True)
class LoadedLayer:
    """One layer in place; an empty one, with `is_recalled`, where its file was taken back."""

    name: str
    sha256: str
    rows: int
    vintage: str
    licence: str
    origin: str
    is_recalled: bool = False


@dataclass(frozen=True)
class Source:
    """Where public files come from and where their bytes are kept."""

    references: References
    base_dir: Path
    objects: ObjectStore
    warehouse: Warehouse


def load(source: Source, kind: str) -> list[LoadedLayer]:
    """Load every layer of one kind. Raises what reading raises: then the layer in place stays as it was.

    A file that was taken back is landed and read by nobody: its rows go, so that what was known from it is known from
    the next best layer, or unknown with a reason, until it is restored.
    """
    recalled = recalled_public(source.warehouse)
    loaded = []
    for reference in source.references.of_kind(kind):
        with _landed(source, reference) as (table, sha256):
            if sha256 in recalled:
                store.forget_file(source.warehouse, sha256)
            rows = 0 if sha256 in recalled else LOADERS[kind](source, reference, table, sha256)
        vintage = reference.vintage.isoformat() if reference.vintage else "unknown"
        loaded.append(
            LoadedLayer(reference.name, sha256, rows, vintage, reference.licence, reference.origin, sha256 in recalled)
        )
    return loaded


@contextmanager
def _landed(source: Source, reference: Reference) -> Iterator[tuple[PublicTable, str]]:
    from real_estate_assets.stores.source_uri import open_source

    with open_source(reference.uri, source.base_dir.as_uri()) as path:
        stored = source.objects.put_file(path, reference.name)
        table = read_public_table(path, reference)
    store.register(
        source.warehouse,
        store.PublicFile(
            sha256=stored.sha256,
            layer=reference.name,
            source_kind=reference.kind,
            uri=reference.uri,
            object_key=stored.key,
            vintage=reference.vintage,
            byte_count=stored.bytes,
            licence=reference.licence,
            locator_kind="csv_row" if reference.format == "csv" else "feature_index",
            record_count=table.texts.height,
        ),
    )
    yield table, stored.sha256


def _counties(source: Source, reference: Reference, table: PublicTable, sha256: str) -> int:
    fips = column(reference, "county_fips", table.texts, "text")
    names = column(reference, "county_name", table.texts, "text")
    shapes = table.hex_shapes()
    rows = ((f, n, f[:2], shapes[i], sha256, i) for i, (f, n) in enumerate(zip(fips, names, strict=True)))
    return store.replace_counties(source.warehouse, rows)


def _house_prices(source: Source, reference: Reference, table: PublicTable, sha256: str) -> int:
    fips = column(reference, "county_fips", table.texts, "text")
    years = column(reference, "year", table.texts, "integer")
    index = column(reference, "index_2000", table.texts, "number")
    change = column(reference, "annual_change_pct", table.texts, "number")
    rows = ((f, y, v, c, sha256, i) for i, (f, y, v, c) in enumerate(zip(fips, years, index, change, strict=True)))
    return store.replace_house_price_index(source.warehouse, rows)


def _county_scores(source: Source, reference: Reference, table: PublicTable, sha256: str) -> int:
    rows = (
        (county, peril, component, score, rating, reference.vintage, sha256, record_no)
        for county, peril, component, score, rating, record_no in county_score_rows(reference, table.texts)
    )
    return store.replace_county_scores(source.warehouse, rows)


def _flood_zones(source: Source, reference: Reference, table: PublicTable, sha256: str) -> int:
    from real_estate_assets.core.hazards.flood_scale import zone_category

    coverage = None
    if reference.coverage is not None:
        with _landed(source, source.references.named(reference.coverage)) as (boundary, boundary_sha256):
            is_recalled = boundary_sha256 in recalled_public(source.warehouse)
            coverage = None if is_recalled else boundary.union_wkb()
    zones = column(reference, "zone_code", table.texts, "text")
    subtypes = column(reference, "zone_subtype", table.texts, "text")
    elevations = column(reference, "base_flood_elevation_ft", table.texts, "number")
    shapes = table.hex_shapes()
    rows = (
        (i, zone, subtype, zone_category(zone, subtype), elevation, shapes[i])
        for i, (zone, subtype, elevation) in enumerate(zip(zones, subtypes, elevations, strict=True))
    )
    layer = store.HazardLayer(
        reference.name,
        reference.peril or "flood",
        reference.resolution or "parcel",
        reference.vintage,
        sha256,
        coverage,
    )
    return store.replace_hazard_layer(source.warehouse, layer, rows)


def _answer_key(source: Source, reference: Reference, table: PublicTable, sha256: str) -> int:
    if reference.answers is None:  # the description refuses it before
        raise ReferenceLayerError(f"{reference.name}: a list needs `answers`")
    answers = store.AnswerList(
        reference.name,
        reference.answers.layer,
        reference.peril or "flood",
        reference.answers.county_fips,
        reference.answers.categories,
        reference.vintage,
        sha256,
    )
    numbers = [normal_parcel_number(n) for n in column(reference, "parcel_number", table.texts, "text")]
    rows = zip(range(len(numbers)), numbers, table.hex_shapes(), strict=True)
    return store.replace_answer_list(source.warehouse, answers, rows)


LOADERS: dict[str, Callable[[Source, Reference, PublicTable, str], int]] = {
    "census_counties": _counties,
    "fhfa_hpi": _house_prices,
    "fema_nri": _county_scores,
    "fema_nfhl": _flood_zones,
    "answer_key": _answer_key,
}
