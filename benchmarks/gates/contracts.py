"""Contracts and descriptions: of every mart that analysts may query, and of every column of it.

Belongs here: comparing dbt's manifest, parsed anew where a file changed, with the tables that are served. Does not
belong here: whether the rows keep to the contract (the build refuses them otherwise).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import Demo
from benchmarks.gates.line import Gate, gate

PREFIX = "spine.contracts"
MARTS_ASKED_FOR = (
    "dim_owners", "dim_properties", "fct_assessments", "fct_changes", "fct_ownership", "fct_property_hazards",
    "fct_sales",
)  # fmt: skip
_SERVED = """
select c.relname, array_agg(a.attname::text order by a.attnum)
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'marts'::regnamespace and c.relkind = 'p' group by 1 order by 1
"""


def lines(demo: Demo) -> Iterator[Gate]:
    """Marts without a contract or description, columns that are not described once, and marts that are not there."""
    served: dict[str, list[str]] = dict(demo.ask("charles-river", _SERVED))
    described = _models(demo)
    yield gate(f"{PREFIX}.marts_served", len(served), at_least(len(MARTS_ASKED_FOR)), note=", ".join(served))
    missing = sorted(set(MARTS_ASKED_FOR) - served.keys())
    yield gate(f"{PREFIX}.marts_missing", len(missing), at_most(0), note=", ".join(missing))
    loose = [name for name in served if not _has_contract(described.get(name))]
    yield gate(f"{PREFIX}.marts_without_contract", len(loose), at_most(0), note=", ".join(loose))
    silent = [name for name in served if not str(described.get(name, {}).get("description", "")).strip()]
    yield gate(f"{PREFIX}.marts_without_description", len(silent), at_most(0), note=", ".join(silent))
    bare = [f"{name}.{column}" for name, columns in served.items() for column in _undescribed(described, name, columns)]
    total = sum(map(len, served.values()))
    yield gate(
        f"{PREFIX}.columns_without_description",
        len(bare),
        at_most(0),
        note=", ".join(bare[:10]) or f"of {total} columns",
    )
    twice = _described_twice(described)
    yield gate(f"{PREFIX}.column_names_described_twice", len(twice), at_most(0), note="; ".join(twice[:5]))


def _models(demo: Demo) -> dict[str, Mapping[str, Any]]:
    """The marts of the manifest, by name."""
    from real_estate_assets.stores.dbt_process import ensure_manifest, load_manifest

    ensure_manifest(demo.settings)
    nodes = load_manifest(demo.settings)["nodes"].values()
    return {n["name"]: n for n in nodes if n["resource_type"] == "model" and n["schema"] == "marts"}


def _has_contract(model: Mapping[str, Any] | None) -> bool:
    return bool(model and model["config"]["contract"]["enforced"])


def _undescribed(described: Mapping[str, Mapping[str, Any]], mart: str, columns: list[str]) -> list[str]:
    known = described.get(mart, {}).get("columns", {})
    return [column for column in columns if not str(known.get(column, {}).get("description", "")).strip()]


def _described_twice(described: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Columns of one name that different marts describe in different words."""
    words: dict[str, set[str]] = {}
    for model in described.values():
        for name, column in model["columns"].items():
            words.setdefault(name, set()).add(column["description"].strip())
    return sorted(name for name, texts in words.items() if len(texts) > 1)
