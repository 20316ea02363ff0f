"""What people review and provenance rests on: the source registry and the field map of the models."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from real_estate_assets.core.provenance import source_registry
from real_estate_assets.core.provenance.field_map import MappedField, UnmappedFieldError, mapped_fields
from real_estate_assets.core.provenance.source_registry import SourceKind, source_kinds
from real_estate_assets.core.references import Reference
from real_estate_assets.core.tenants.model import SOURCE_KINDS

REFERENCE_KINDS: tuple[str, ...] = get_args(Reference.model_fields["kind"].annotation)
ENTRY = """\
  - source_kind: rumour
    version: {version}
    reliability: {reliability}
    reason: {reason}
    licence: none
    cadence: whenever somebody talks
    reviewed_by: data stewards
    reviewed_on: 2026-01-31
"""
REASON = "Nobody ever wrote it down, so an independent look would rarely agree."


@pytest.mark.parametrize("kind", [*SOURCE_KINDS, *REFERENCE_KINDS])
def test_every_kind_of_source_is_reviewed_with_a_reason(kind: str) -> None:
    own = [entry for entry in source_kinds() if entry.source_kind == kind]
    assert own, f"core/provenance/source_registry.yaml says nothing of {kind}"
    assert [entry.version for entry in own] == list(range(1, len(own) + 1))
    for entry in own:
        assert 0 < entry.reliability < 1, "nobody is always right or always wrong"
        assert len(entry.reason.split()) >= 12
        assert entry.licence
        assert entry.cadence


def test_no_kind_is_reviewed_that_nothing_can_be_of() -> None:
    assert {entry.source_kind for entry in source_kinds()} == {*SOURCE_KINDS, *REFERENCE_KINDS, "unknown"}


def test_an_unknown_source_is_believed_least() -> None:
    assert min(source_kinds(), key=lambda entry: entry.reliability).source_kind == "unknown"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Reads a registry made of the given entries."""

    def read(*entries: str) -> tuple[SourceKind, ...]:
        (tmp_path / "source_registry.yaml").write_text("source_kinds:\n" + "".join(entries))
        monkeypatch.setattr(source_registry.resources, "files", lambda _: tmp_path)
        return source_kinds.__wrapped__()

    return read


def test_versions_are_kept_in_the_order_of_the_file(registry: Any) -> None:
    first = ENTRY.format(version=1, reliability=0.2, reason=REASON)
    second = ENTRY.format(version=2, reliability=0.3, reason=REASON)
    assert [(entry.version, entry.reliability) for entry in registry(first, second)] == [(1, 0.2), (2, 0.3)]


def test_a_version_stated_twice_is_refused(registry: Any) -> None:
    entry = ENTRY.format(version=1, reliability=0.2, reason=REASON)
    with pytest.raises(ValueError, match="twice"):
        registry(entry, entry.replace("0.2", "0.3"))


@pytest.mark.parametrize(
    ("version", "reliability", "reason"), [(1, 0.2, "short"), (1, 1.5, REASON), (1, -0.1, REASON), (0, 0.2, REASON)]
)
def test_an_entry_without_a_reason_or_with_impossible_figures_is_refused(
    registry: Any, version: int, reliability: float, reason: str
) -> None:
    with pytest.raises(ValidationError):
        registry(ENTRY.format(version=version, reliability=reliability, reason=reason))


def model(name: str, columns: dict[str, Any], *, schema: str = "marts", kind: str = "model") -> dict[str, Any]:
    return {
        "name": name, "resource_type": kind, "schema": schema, "columns": columns,
        "patch_path": f"real_estate_os://models/{schema}/{name}.yml",
    }  # fmt: skip


def manifest(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": {f"{node['resource_type']}.{node['name']}": node for node in nodes}}


def test_a_marts_columns_are_mapped_with_their_group_method_and_inputs() -> None:
    found = list(
        mapped_fields(
            manifest(
                model("int_properties", {"x": {}}, schema="intermediate"),
                model("not_null_x", {"x": {}}, kind="test"),
                model(
                    "fct_sales",
                    {
                        "price_usd": {"meta": {"field_group": "sale"}},
                        "price_per_sqft": {
                            "config": {
                                "meta": {
                                    "field_group": "derived",
                                    "method": "quotient",
                                    "derived_from": ["price_usd", "dim_properties.living_area_sqft"],
                                }
                            }
                        },
                    },
                ),
            )
        )
    )
    assert found == [
        MappedField("fct_sales", "price_usd", "sale", "copy", [], True),
        MappedField(
            "fct_sales", "price_per_sqft", "derived", "quotient", ["price_usd", "dim_properties.living_area_sqft"], True
        ),
    ]


def test_what_is_said_of_a_dated_event_does_not_age_unless_a_column_says_so() -> None:
    group = {"field_group": "sale"}
    columns = {"price": {"meta": group}, "condition": {"config": {"meta": {**group, "ages": True}}}}
    for dated in ({"config": {"meta": {"ages": False}}}, {"meta": {"ages": False}}):
        found = mapped_fields(manifest({**model("fct_sales", columns), **dated}))
        assert [(one.field, one.ages) for one in found] == [("price", False), ("condition", True)]


def test_an_age_that_is_no_yes_or_no_is_refused() -> None:
    column = {"meta": {"field_group": "sale", "ages": "never"}}
    with pytest.raises(UnmappedFieldError, match=r"fct_sales\.price: meta\.ages is true or false, not 'never'"):
        list(mapped_fields(manifest(model("fct_sales", {"price": column}))))


def test_a_column_without_a_group_is_an_error_that_names_it_and_the_file_to_mend() -> None:
    with pytest.raises(UnmappedFieldError, match=r"dim_owners\.owner_name has no .*models/marts/dim_owners\.yml"):
        list(mapped_fields(manifest(model("dim_owners", {"owner_name": {"meta": {"method": "copy"}}}))))
