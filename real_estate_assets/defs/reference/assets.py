"""The assets `reference/*`: unpartitioned, read by every tenant. Belongs here: Dagster wiring and metadata."""

import hashlib
from collections.abc import Iterator, Sequence

import dagster as dg

from real_estate_assets.core.provenance.field_map import mapped_fields
from real_estate_assets.core.provenance.source_registry import source_kinds
from real_estate_assets.core.references import parse_references
from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.conditions import make_what_is_missing
from real_estate_assets.defs.fingerprints import FINGERPRINT_TAG
from real_estate_assets.defs.reference.keys import (
    ANSWER_KEYS,
    COUNTY_BOUNDARIES,
    COUNTY_HAZARD_SCORES,
    FIELD_MAP,
    FLOOD_ZONES,
    HOUSE_PRICE_INDEX,
    KINDS,
    SEEDS,
    SOURCE_REGISTRY,
    TRUST_REGISTERS,
)
from real_estate_assets.defs.reference.loading import LoadedLayer, Source, load
from real_estate_assets.defs.reference.signatures import reference_signature
from real_estate_assets.defs.reference.trust_registers import trust_registers
from real_estate_assets.defs.resources import ObjectStoreResource, WarehouseResource
from real_estate_assets.settings import get_settings

VERSION = code_version("reference")
DESCRIPTIONS = {
    COUNTY_BOUNDARIES: "Grain: one county. Generalized polygons of the US Census.",
    FLOOD_ZONES: "Grain: one zone of FEMA's flood hazard layer, with the ground that the layer covers.",
    COUNTY_HAZARD_SCORES: "Grain: one county and hazard. National percentile ranks of FEMA's risk index.",
    HOUSE_PRICE_INDEX: "Grain: one county and year. FHFA's house price index, base 2000.",
    ANSWER_KEYS: "Grain: one parcel of a published list of those that a zone touches. No mart is made of it: "
    "our own join is measured by it.",
}


def _layer_asset(key: dg.AssetKey, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=key,
        group_name="g0_reference",
        kinds={"python", "postgres"},
        owners=["team:data-engineering"],
        code_version=VERSION,
        automation_condition=make_what_is_missing,
        description=description,
    )
    def layer(warehouse: WarehouseResource, object_store: ObjectStoreResource) -> dg.MaterializeResult[None]:
        made_of = reference_signature(key)  # before reading: a file that changes meanwhile must look stale
        path = get_settings().references_file
        references = parse_references(path.read_text(encoding="utf-8"), name=path.name)
        loaded = load(Source(references, path.parent, object_store.public(), warehouse.get()), KINDS[key])
        tags = {FINGERPRINT_TAG: made_of}
        return dg.MaterializeResult(metadata=_metadata(loaded), data_version=_data_version(loaded), tags=tags)

    return layer


layers = [_layer_asset(key, description) for key, description in DESCRIPTIONS.items()]


def _reviewed(key: dg.AssetKey, kinds: set[str], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        skippable=True,
        group_name="g0_reference",
        kinds=kinds,
        owners=["team:data-engineering"],
        code_version=VERSION,
        automation_condition=make_what_is_missing,
        description=description,
    )


@dg.multi_asset(
    name="reviewed_tables",
    specs=[
        _reviewed(
            SOURCE_REGISTRY,
            {"python", "postgres"},
            "Grain: one reviewed version of one kind of source, with its reason.",
        ),
        _reviewed(
            FIELD_MAP,
            {"dbt", "postgres"},
            "Grain: one field of one mart, with the field group its evidence is found by.",
        ),
        _reviewed(
            TRUST_REGISTERS,
            {"python", "postgres"},
            "Grain: one reviewed version of the trust model, of a field's or a method's prior; one check of single "
            "records.",
        ),
        *(
            _reviewed(key, {"dbt", "postgres"}, f"Grain: one reviewed row of {key.path[-1]}, with its reason.")
            for key in SEEDS
        ),
    ],
    can_subset=True,
)
def reviewed_tables(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Load the source registry, what trust is computed from, the field map and dbt's seeds: what people decided."""
    from real_estate_assets.stores.dbt_process import load_manifest, load_seeds
    from real_estate_assets.stores.warehouse import registry

    made_of = {key: reference_signature(key) for key in context.selected_asset_keys}
    seeds = [key.path[-1] for key in made_of if key in SEEDS]
    if seeds:
        load_seeds(get_settings(), seeds, tell=context.log.debug)
    if SOURCE_REGISTRY in made_of:
        registry.append_versions(warehouse.get(), source_kinds())
    if TRUST_REGISTERS in made_of:
        registers = trust_registers()
        registry.append_reviewed(warehouse.get(), registers.versions)
        registry.replace_row_checks(warehouse.get(), registers.checks)
    if FIELD_MAP in made_of:
        registry.replace_field_map(warehouse.get(), mapped_fields(load_manifest(get_settings())))
    for key, signature in made_of.items():
        yield dg.MaterializeResult(
            asset_key=key, data_version=dg.DataVersion(signature), tags={FINGERPRINT_TAG: signature}
        )


def _metadata(loaded: Sequence[LoadedLayer]) -> dict[str, object]:
    rows = "\n".join(
        f"| {x.name}{', recalled' * x.is_recalled} | {x.rows:,} | {x.vintage} | `{x.sha256[:12]}` | {x.licence} |"
        for x in loaded
    )
    return {
        "dagster/row_count": sum(x.rows for x in loaded),
        "files": dg.MetadataValue.md(f"| layer | rows | vintage | sha256 | licence |\n|--|--:|--|--|--|\n{rows}"),
        "origin": dg.MetadataValue.text("; ".join(x.origin for x in loaded)),
        "sha256": dg.MetadataValue.json({x.name: x.sha256 for x in loaded}),
    }


def _data_version(loaded: Sequence[LoadedLayer]) -> dg.DataVersion:
    text = "\n".join([VERSION, *sorted(f"{x.name} {x.sha256}{' recalled' * x.is_recalled}" for x in loaded)])
    return dg.DataVersion(hashlib.sha256(text.encode()).hexdigest()[:16])


assets = [*layers, reviewed_tables]
