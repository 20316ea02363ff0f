"""What the reference files look like from outside. Belongs here: one signature a layer, to see that one has changed."""

from __future__ import annotations

import hashlib

import dagster as dg

from real_estate_assets.core.provenance.field_map import mapped_fields
from real_estate_assets.core.provenance.source_registry import source_kinds
from real_estate_assets.core.references import parse_references
from real_estate_assets.defs.reference.keys import (
    FIELD_MAP,
    KINDS,
    SEED_FILES,
    SEEDS,
    SOURCE_REGISTRY,
    TRUST_REGISTERS,
)
from real_estate_assets.defs.reference.trust_registers import trust_registers
from real_estate_assets.settings import get_settings
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.recall import recalled_layers


def reference_signature(key: dg.AssetKey) -> str:
    """Sixteen hex digits over the description and the files of one reference asset, and which of them are recalled."""
    path = get_settings().references_file
    if key in SEEDS:
        parts = [file.read_bytes() for file in SEED_FILES if file.stem == key.path[-1]]
    elif key == SOURCE_REGISTRY:
        parts = [repr(source_kinds()).encode()]
    elif key == TRUST_REGISTERS:
        parts = [repr(trust_registers()).encode()]
    elif key == FIELD_MAP:
        from real_estate_assets.stores.dbt_process import load_manifest

        parts = [repr(list(mapped_fields(load_manifest(get_settings())))).encode()]
    else:
        from real_estate_assets.stores.source_uri import signature

        references = parse_references(path.read_text(encoding="utf-8"), name=path.name)
        chosen = references.of_kind(KINDS[key])
        chosen += [references.named(r.coverage) for r in chosen if r.coverage]
        base = path.parent.as_uri()
        parts = [f"{r.model_dump_json()} {signature(r.uri, base)}".encode() for r in chosen]
        recalled = recalled_layers(Warehouse(get_settings().dsn("owner")))
        parts += [f"recalled {sha256}".encode() for r in chosen for sha256 in recalled.get(r.name, ())]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]
