"""The dbt project keeps its promises: every mart documented, contracted, and with evidence for each column.

Read from a freshly parsed manifest; no database.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from real_estate_assets.core.records.fields import FIELDS, PROPERTY

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"
# Groups whose columns are not taken from records by themselves: the key of the partition, the evidence, aggregates of
# another mart's rows (named by derived_from).
WITHOUT_EVIDENCE = {"tenant", "provenance", "aggregate"}
PUBLIC_EVIDENCE = {"market_index": ("market_index_public_sha256", "market_index_record_no")}


def _load_renderer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("render_mart_docs", ROOT / "scripts" / "render_mart_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


renderer = _load_renderer()


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    parsed: dict[str, Any] = renderer.parse_project()
    return parsed


@pytest.fixture(scope="module")
def marts(manifest: dict[str, Any]) -> dict[str, Any]:
    return {mart["name"]: mart for mart in renderer.marts(manifest)}


def test_the_promised_marts_exist(marts: dict[str, Any]) -> None:
    promised = "dim_properties fct_assessments fct_sales fct_property_hazards dim_owners fct_ownership fct_changes"
    assert {*promised.split(), "dim_parcels", "fct_market_index"} <= set(marts)


def test_pages_in_docs_marts_are_current(manifest: dict[str, Any]) -> None:
    assert renderer.stale(renderer.pages(manifest), renderer.PAGES) == []


def test_a_changed_description_makes_a_page_stale(manifest: dict[str, Any], tmp_path: Path) -> None:
    rendered = renderer.pages(manifest)
    renderer.write(rendered, tmp_path)
    (tmp_path / "fct_gone.md").write_text("a mart that is no more")
    changed = {**rendered, "fct_sales.md": rendered["fct_sales.md"] + "x"}

    assert renderer.stale(changed, tmp_path) == ["fct_gone.md", "fct_sales.md"]
    renderer.write(changed, tmp_path)
    assert renderer.stale(changed, tmp_path) == []


def test_every_mart_states_grain_key_sources_nuance_and_owner(marts: dict[str, Any]) -> None:
    for name, mart in marts.items():
        for heading in ("**Grain.**", "**Primary key.**", "**Sources.**", "**Nuance.**"):
            assert heading in mart["description"], f"{name} lacks {heading}"
        assert mart["meta"].get("owner"), f"{name} has no owner"


def test_every_mart_is_contracted_with_a_tenant_key(marts: dict[str, Any], manifest: dict[str, Any]) -> None:
    for name, mart in marts.items():
        assert mart["contract"]["enforced"], name
        keys = [constraint["columns"] for constraint in mart["constraints"] if constraint["type"] == "primary_key"]
        assert len(keys) == 1, name
        assert keys[0][0] == "tenant_id", name
        assert next(iter(mart["columns"])) == "tenant_id", name
        stated = re.search(r"\*\*Primary key\.\*\* (.+)", mart["description"])
        assert stated is not None, name
        assert re.findall(r"`(\w+)`", stated[1]) == keys[0], f"{name}: docs and contract name different keys"
        assert f"{name}__primary_key" in {test["name"] for test in renderer.tests_of(manifest, mart)}, name


def test_every_column_is_described_once(marts: dict[str, Any]) -> None:
    meanings: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for mart in marts.values():
        for column in mart["columns"].values():
            assert column["description"].strip(), f"{mart['name']}.{column['name']} has no description"
            assert column["data_type"], f"{mart['name']}.{column['name']} has no type"
            meanings[column["name"]].add((column["description"], column["data_type"]))
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


def test_every_described_column_stands_in_a_mart(marts: dict[str, Any]) -> None:
    described = set(re.findall(r"{% docs col_(\w+) %}", (PROJECT / "models" / "shared_columns.md").read_text()))
    assert described == {name for mart in marts.values() for name in mart["columns"]}


def test_canonical_fields_mean_what_the_record_types_say(marts: dict[str, Any]) -> None:
    canonical = {field.name: field for fields in FIELDS.values() for field in fields}
    # Made from the canonical field on the way, so described apart: normal forms, places taken from polygons.
    remade = {"parcel_number", "unit_number", "deed_reference", "latitude", "longitude", "geom_4326", "is_repaired"}
    remade |= {"category", "zone_code", "peril", "fiscal_year"}
    for mart in marts.values():
        for name, column in mart["columns"].items():
            if name in canonical and name not in remade:
                assert column["description"] == canonical[name].description, f"{mart['name']}.{name}"
                assert column["data_type"] == canonical[name].pg_type, f"{mart['name']}.{name}"


def test_every_column_has_a_field_group_and_every_group_its_evidence(marts: dict[str, Any]) -> None:
    for name, mart in marts.items():
        columns = mart["columns"]
        for column in columns.values():
            group = column["meta"].get("field_group")
            assert group, f"{name}.{column['name']} belongs to no field group"
            if group in WITHOUT_EVIDENCE:
                continue
            evidence = PUBLIC_EVIDENCE.get(group, (f"{group}_evidence_no", f"{group}_record_no"))
            for pointer in evidence:
                assert pointer in columns, f"{name}.{column['name']}: no column {pointer}"
                assert columns[pointer]["meta"]["field_group"] == "provenance"


def test_every_column_says_how_it_came_about(marts: dict[str, Any]) -> None:
    for name, mart in marts.items():
        for column in mart["columns"].values():
            meta = column["meta"]
            if meta["field_group"] in {"tenant", "provenance"}:
                continue
            assert meta.get("method"), f"{name}.{column['name']} names no method"
            for origin in meta.get("derived_from", []):
                origin_mart, _, field = origin.rpartition(".")
                # A column of this mart, of another one, or a field of a record that the mart itself does not carry.
                known = marts[origin_mart or name]["columns"]
                assert field in known or field in {f.name for f in PROPERTY}, f"{name}.{column['name']} from {origin}"


def test_marts_read_neither_staging_nor_sources(manifest: dict[str, Any], marts: dict[str, Any]) -> None:
    for name, mart in marts.items():
        for parent in mart["depends_on"]["nodes"]:
            assert not parent.startswith("source."), f"{name} reads {parent}"
            assert "/staging/" not in manifest["nodes"][parent]["original_file_path"], f"{name} reads {parent}"


def test_staging_reads_sources_only(manifest: dict[str, Any]) -> None:
    staging = [n for n in manifest["nodes"].values() if "/staging/" in n["original_file_path"]]
    assert staging
    for node in staging:
        assert all(parent.startswith("source.") for parent in node["depends_on"]["nodes"]), node["name"]


def test_no_model_reads_a_tenant_model_as_a_whole(manifest: dict[str, Any]) -> None:
    """A plain ref() of a tenant model would read every tenant; it is for seeds and sources without tenants."""
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        plain = re.findall(r"(?<!tenant_)\bref\('(\w+)'\)", node["raw_code"])
        assert set(plain) <= {"hazard_score_scale", "field_tolerance"}, node["name"]
        sources = re.findall(r"(?<!tenant_)\bsource\('(\w+)', '(\w+)'\)", node["raw_code"])
        assert set(sources) <= {("prov", "source_registry"), ("reference", "house_price_index")}, node["name"]


def test_names_leave_room_for_the_tenant_key_and_the_build(manifest: dict[str, Any]) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            assert len(node["name"]) <= 39, node["name"]


def test_the_macros_list_the_canonical_fields() -> None:
    text = (PROJECT / "macros" / "marts" / "property_fields.sql").read_text()
    listed = {
        name: re.findall(r"'(\w+)'", body) for name, body in re.findall(r"macro (\w+)\(\)(.*?)endmacro", text, re.S)
    }

    def of_group(group: str) -> list[str]:
        return [field.name for field in PROPERTY if field.group == group]

    assert listed["assessor_fields"] == of_group("assessor")
    assert listed["sale_fields"] == of_group("sale")
    words = [f.name for f in PROPERTY if f.group in ("assessor", "sale") and f.pg_type == "text"]
    assert listed["text_fields"] == words
    assert listed["flag_fields"] == [f.name for f in PROPERTY if f.pg_type == "boolean"]


def test_staging_gives_every_canonical_field_of_a_property() -> None:
    text = (PROJECT / "models" / "staging" / "stg_raw__properties.sql").read_text()
    assert [f.name for f in PROPERTY if not re.search(rf"\b{f.name}\b", text)] == []


def test_every_compared_field_has_a_tolerance_with_a_reason() -> None:
    with (PROJECT / "seeds" / "field_tolerance.csv").open() as file:
        rows = {row["field"]: row for row in csv.DictReader(file)}
    compared = {f.name: f for f in PROPERTY if f.group in ("assessor", "sale") and f.name != "fiscal_year"}
    assert set(rows) == set(compared)
    kinds = {"text": "text", "boolean": "flag", "date": "date"}
    for name, row in rows.items():
        assert row["reason"].strip(), name
        assert row["comparison"] == kinds.get(compared[name].pg_type, "number"), name
        tolerance = float(row["tolerance"])
        assert tolerance == 0 or row["comparison"] == "number", name
        if name.endswith("_usd"):
            assert tolerance == 0.05, name
        elif name.endswith("_sqft") and not name.startswith("neighborhood"):
            assert tolerance == 0.01, name


def test_hazard_weights_add_up_to_one(manifest: dict[str, Any]) -> None:
    text = (PROJECT / "dbt_project.yml").read_text()
    weights = re.search(r"hazard_weights: \{(.+?)\}", text)
    assert weights is not None
    assert sum(float(part.split(":")[1]) for part in weights[1].split(",")) == pytest.approx(1)
