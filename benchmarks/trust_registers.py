"""What people reviewed, loaded into a warehouse that no Dagster fills: source kinds, priors, field map, seeds.

Belongs here: calling the product's own loaders. Does not belong here: any value.
"""

from __future__ import annotations

from real_estate_assets.settings import Settings
from real_estate_assets.stores.warehouse import Warehouse

SEEDS = ("field_tolerance", "hazard_score_scale")


def load_registers(settings: Settings, warehouse: Warehouse) -> None:
    """Everything that trust and the models look up and no tenant delivers."""
    from real_estate_assets.core.provenance.field_map import mapped_fields
    from real_estate_assets.core.provenance.source_registry import source_kinds
    from real_estate_assets.defs.reference.trust_registers import trust_registers
    from real_estate_assets.stores.dbt_process import ensure_manifest, load_manifest, load_seeds
    from real_estate_assets.stores.warehouse import registry

    ensure_manifest(settings)
    load_seeds(settings, SEEDS)
    registry.append_versions(warehouse, source_kinds())
    registers = trust_registers()
    registry.append_reviewed(warehouse, registers.versions)
    registry.replace_row_checks(warehouse, registers.checks)
    registry.replace_field_map(warehouse, mapped_fields(load_manifest(settings)))
