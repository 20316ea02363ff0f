"""What people reviewed about trust, gathered for the warehouse: the model, the priors, the checks of single records.

Belongs here: reading it where it is written down. Does not belong here: writing it (`stores/warehouse/registry.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, LiteralString

from real_estate_assets.core.provenance.gate_checks import RECORD_TYPES, gate_checks
from real_estate_assets.core.provenance.mart_checks import mart_checks
from real_estate_assets.core.provenance.method_priors import method_priors
from real_estate_assets.core.provenance.row_checks import row_checks
from real_estate_assets.core.provenance.survival_priors import survival_priors
from real_estate_assets.core.provenance.trust_model import trust_models
from real_estate_assets.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class TrustRegisters:
    """versions: table of `prov` -> its reviewed rows; checks: (name, bit or None, description, fields)."""

    versions: Mapping[LiteralString, Sequence[BaseModel]]
    checks: Sequence[tuple[str, int | None, str, Sequence[str]]]


@cache
def trust_registers() -> TrustRegisters:
    """Everything as this version of the platform states it. Raises what its readers raise for a faulty file."""
    from ruamel.yaml import YAML

    from real_estate_assets.stores.gates import load_suite

    recomputed = [(check.check_name, check.bit, check.description, tuple(check.fields)) for check in row_checks()]
    gated = gate_checks(load_suite(record_type) for record_type in RECORD_TYPES)
    models = sorted((PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("_*.yml"))
    tested = mart_checks(YAML(typ="safe").load(path.read_text(encoding="utf-8")) for path in models)
    return TrustRegisters(
        {"trust_model": trust_models(), "survival_prior": survival_priors(), "method_prior": method_priors()},
        [*recomputed, *((check.check_name, None, check.description, check.fields) for check in (*gated, *tested))],
    )
