"""What people reviewed for trust: the model, survival and method priors, row checks. Every figure has its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from real_estate_assets.core.provenance import method_priors, reviewed, row_checks, survival_priors, trust_model
from real_estate_assets.core.records.fields import HAZARD_ZONE, OWNER, PARCEL, PROPERTY

ROOT = Path(__file__).resolve().parents[2]
MIGRATION = resources.files("real_estate_assets") / "migrations" / "0008_row_checks.sql"
CANONICAL = {field.name for field in (*PROPERTY, *PARCEL, *OWNER, *HAZARD_ZONE)}


def mart_columns() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(mart, column, meta) of every mart."""
    from ruamel.yaml import YAML

    for file in sorted((ROOT / "dbt_project" / "models" / "marts").glob("_*.yml")):
        for model in YAML(typ="safe").load(file.read_text(encoding="utf-8")).get("models", []):
            for column in model["columns"]:
                yield model["name"], column["name"], column.get("config", {}).get("meta", {})


def test_the_newest_model_is_the_last_and_unknowns_count_as_low() -> None:
    versions = [model.version for model in trust_model.trust_models()]
    assert versions == list(range(1, len(versions) + 1))
    model = trust_model.newest_model()
    for unknown in (model.unknown_reliability, model.unknown_method, model.unknown_survival_per_year):
        assert unknown < model.weak_below
    assert model.unknown_confidence <= model.weak_below
    assert 0 < model.unknown_survival_per_year < 0.1, "90 days: a sixteenth is left after a year"


def test_every_canonical_field_has_a_reviewed_survival() -> None:
    assert CANONICAL - set(survival_priors.newest_survivals()) == set()


def test_survival_is_believed_in_the_order_that_was_measured() -> None:
    survival = survival_priors.newest_survivals()
    assert survival["lot_size_sqft"] > survival["use_code"] > survival["gross_area_sqft"] > survival["sale_date"]
    assert survival["sale_date"] > survival["assessed_improvement_value_usd"] > survival["assessed_total_value_usd"]


def test_every_field_method_of_the_marts_and_every_hazard_method_has_a_prior() -> None:
    from real_estate_assets.defs.enrichment.exposing import BASES

    stated = {prior.method for prior in method_priors.method_priors()}
    of_fields = {meta.get("method", "copy") for _, _, meta in mart_columns()}
    of_evidence = {"read_and_cast", "dissolve_by_parcel", "no_record", *(f"hazard_{name}" for name in BASES)}
    assert (of_fields | of_evidence) - stated == set()


def test_only_what_does_nothing_to_a_value_is_certain() -> None:
    certain = {prior.method for prior in method_priors.method_priors() if prior.factor == 1}
    assert certain == {"read_and_cast", "copy", "hazard_join"}


def test_a_method_that_nobody_measured_says_so_by_having_no_factor() -> None:
    unknown = {prior.method for prior in method_priors.method_priors() if prior.factor is None}
    assert {"hazard_county_lookup", "no_record"} <= unknown


@pytest.mark.parametrize("register", [survival_priors.survival_priors, method_priors.method_priors])
def test_every_figure_has_a_reason_in_words(register: Any) -> None:
    for entry in register():
        assert len(entry.reason.split()) >= 8, entry


def test_row_checks_touch_fields_of_marts_or_records_only() -> None:
    known = CANONICAL | {column for _, column, _ in mart_columns()}
    touched = {field for check in row_checks.row_checks() for field in check.fields}
    assert touched - known == set()


def test_every_assessor_and_sale_field_is_touched_by_some_check() -> None:
    own = {field.name for field in PROPERTY if field.group in ("assessor", "sale")}
    assert own - {field for check in row_checks.row_checks() for field in check.fields} == set()


def test_bits_and_names_are_those_of_the_sql_function() -> None:
    sql = MIGRATION.read_text(encoding="utf-8")
    body = sql[sql.index("create function prov.failed_row_checks") :]
    in_sql = dict(re.findall(r"-- (\w+)(?::[^\n]*)?\n.*?1 << (\d+)", body, re.DOTALL))
    assert in_sql == {check.check_name: str(check.bit) for check in row_checks.row_checks()}


def test_a_mask_is_taken_apart_into_the_checks_that_touch_a_field() -> None:
    touched = row_checks.touching(row_checks.row_checks(), "assessed_total_value_usd")
    assert touched == {0: "assessed_total_is_the_sum_of_its_parts", 4: "improvement_value_per_sqft_is_usual"}
    assert row_checks.failed(0, touched) == []
    assert row_checks.failed(1 << 4 | 1 << 20, touched) == ["improvement_value_per_sqft_is_usual"]
    assert row_checks.failed((1 << 31) - 1, touched) == list(touched.values())


MODEL = trust_model.newest_model().model_dump(mode="json")
METHOD = {"method": "guess", "version": 1, "factor": 0.5, "reason": "Somebody guessed it once; nobody looked again.",
          "reviewed_by": "data stewards", "reviewed_on": "2026-01-31"}  # fmt: skip
CHECK = {"check_name": "looks_right", "bit": 3, "description": "It looks right.", "fields": ["stories"]}
SURVIVAL = {"fields": ["stories"], "version": 1, "survival_per_year": 0.9, "reason": METHOD["reason"],
            "reviewed_by": "data stewards", "reviewed_on": "2026-01-31"}  # fmt: skip
REGISTERS = {
    "trust_model": (trust_model.trust_models, MODEL),
    "method_priors": (method_priors.method_priors, METHOD),
    "row_checks": (row_checks.row_checks, CHECK),
    "survival_priors": (survival_priors.survival_priors, SURVIVAL),
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Reads a register made of the given entries."""
    from ruamel.yaml import YAML

    def of(name: str, *entries: dict[str, Any]) -> Any:
        with (tmp_path / f"{name}.yaml").open("w") as file:
            YAML(typ="safe").dump({name: list(entries)}, file)
        monkeypatch.setattr(reviewed.resources, "files", lambda _: tmp_path)
        return REGISTERS[name][0].__wrapped__()

    return of


@pytest.mark.parametrize("name", REGISTERS)
def test_what_is_stated_twice_is_refused(read: Any, name: str) -> None:
    entry = REGISTERS[name][1]
    assert len(read(name, entry)) == 1
    with pytest.raises(ValueError, match="twice"):
        read(name, entry, entry)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("trust_model", {"prior_weight": 0}), ("trust_model", {"weak_below": 0.9}), ("trust_model", {"bonus": 1}),
        ("method_priors", {"factor": 1.01}), ("method_priors", {"reason": "short"}), ("method_priors", {"version": 0}),
        ("row_checks", {"bit": 31}), ("row_checks", {"bit": None}), ("row_checks", {"fields": []}),
        ("survival_priors", {"survival_per_year": 0}), ("survival_priors", {"survival_per_year": 1}),
        ("survival_priors", {"fields": []}),
    ],
)  # fmt: skip
def test_an_impossible_entry_is_refused(read: Any, name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(name, {**REGISTERS[name][1], **change})


def test_two_checks_cannot_share_a_bit(read: Any) -> None:
    with pytest.raises(ValueError, match="bit to two"):
        read("row_checks", CHECK, {**CHECK, "check_name": "looks_wrong"})


def test_a_field_stated_in_two_groups_of_one_version_is_refused(read: Any) -> None:
    with pytest.raises(ValueError, match="stories, version 1"):
        read("survival_priors", SURVIVAL, {**SURVIVAL, "fields": ["year_built", "stories"]})


def test_a_newer_version_of_a_survival_wins_wherever_it_stands(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read("survival_priors", {**SURVIVAL, "version": 2, "survival_per_year": 0.8}, SURVIVAL)
    monkeypatch.setattr(survival_priors, "survival_priors", lambda: found)
    assert survival_priors.newest_survivals() == {"stories": 0.8}
