"""Code versions of the stages: a fingerprint of the source text that decides what a stage produces.

Belongs here: which folders decide which stage. Does not belong here: data versions (`fingerprints.py`).
A change of this text is what makes a stage stale, so nobody has to remember to raise a number.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent

# How an expression of a column map is carried out. What merely judges a description changes no value.
_GRAMMAR = tuple(
    PACKAGE / "core/tenants" / name
    for name in ("date_formats.py", "expressions.py", "patterns.py", "sums.py", "units.py")
)

# Of the valuation: what comes before a training row or after a model. The settings are part of a model's id themselves.
_OF_NO_MODEL = {
    *("__init__", "comparables", "comparables_points", "comparables_words", "estimates", "learning_curve"),
    *("sale_rules", "settings"),
}

SOURCES: dict[str, tuple[Path, ...]] = {
    "reference": (
        PACKAGE / "defs/reference",
        PACKAGE / "core/references.py",
        PACKAGE / "core/identity.py",  # the normal form of a parcel's number, which the answer keys are found by
        PACKAGE / "core/records",
        PACKAGE / "core/hazards/flood_scale.py",
        *_GRAMMAR,
        PACKAGE / "stores/warehouse/reference.py",
    ),
    "landing": (PACKAGE / "defs/landing", PACKAGE / "core/tenants/model.py", PACKAGE / "stores/source_uri.py"),
    "records": (
        PACKAGE / "defs/records",
        PACKAGE / "core/records",
        PACKAGE / "core/gates",
        *_GRAMMAR,
        PACKAGE / "stores/source_reader",
        PACKAGE / "stores/warehouse/records.py",
        PACKAGE / "stores/warehouse/quarantine.py",
        PACKAGE / "stores/gates.py",
        PACKAGE / "stores/expectation_runner.py",
        PROJECT / "expectations",
    ),
    "enrichment": (
        PACKAGE / "defs/enrichment",
        PACKAGE / "core/addresses",
        PACKAGE / "core/identity.py",
        PACKAGE / "core/hazards",
        PACKAGE / "stores/warehouse/enrichment.py",
    ),
    "calibration": (
        *(PACKAGE / "defs/trust" / name for name in ("independent.py", "measuring.py", "pairing.py")),
        *(
            PACKAGE / "core/provenance" / name
            for name in ("agreement.py", "calibration.py", "prediction.py", "survival.py")
        ),
        PACKAGE / "stores/warehouse/calibration.py",
    ),
    "warehouse": (
        PROJECT / "dbt_project/models",
        PROJECT / "dbt_project/macros",
        PROJECT / "dbt_project/seeds",
        PROJECT / "dbt_project/dbt_project.yml",
    ),
    "features": (
        *(PACKAGE / "core/features" / name for name in ("markets.py", "registry.py", "registry.yaml")),
        *(
            PACKAGE / "stores/warehouse" / f"features_{name}.py"
            for name in ("build", "known", "markets", "rows", "trust")
        ),
        *(PROJECT / "feature_repo" / name for name in ("fields.py", "queries.py")),
        *(PACKAGE / "stores/online_features" / name for name in ("materializing.py", "wire.py")),
    ),
    # What decides a model's bytes and record: another way to show or to judge it trains none anew.
    "valuation_model": (
        *(path for path in sorted((PACKAGE / "core/valuation").glob("*.py")) if path.stem not in _OF_NO_MODEL),
        *(PACKAGE / "defs/valuation" / name for name in ("inputs.py", "modelling.py", "traits.py")),
    ),
    "valuation": (
        PACKAGE / "defs/valuation",
        PACKAGE / "core/valuation",
        PACKAGE / "core/ratio_study",
        PACKAGE / "stores/warehouse/valuation.py",
    ),
}
_TEXT = {".py", ".sql", ".yml", ".yaml", ".json", ".csv", ".md"}


@cache
def code_version(stage: str) -> str:
    """Twelve hex digits of the sha256 over a stage's files, names and text. Raises KeyError for an unknown stage."""
    digest = hashlib.sha256()
    for root in SOURCES[stage]:
        paths = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.suffix in _TEXT)
        for path in paths:
            digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
