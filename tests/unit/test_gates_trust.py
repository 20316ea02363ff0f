"""What the gates and benchmarks of trust conclude from an answer: a bad one never reads as a good one."""

from __future__ import annotations

import io
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import trust_reading, trust_wide_model
from benchmarks.gates import trust_audit, trust_independent, trust_overall, trust_recall, trust_why
from benchmarks.gates.trust_why import Cell, fault_of
from benchmarks.trust_estate import _repeated

CELL = Cell("acme", "dim_properties", {"property_id": "1"}, "year_built", {"property_id": "1", "year_built": 1900})
NULL = Cell("acme", "dim_properties", {"property_id": "1"}, "year_built", {"property_id": "1", "year_built": None})


def answer(**changed: Any) -> dict[str, Any]:
    """A complete answer about CELL, with some of it changed."""
    whole = dict.fromkeys(trust_why.KEYS)
    said = {
        "tenant_id": "acme", "mart": "dim_properties", "field": "year_built", "value": 1900, "trust": 0.8,
        "band": "solid", "factors": [{"name": "reliability"}], "evidence": [{"evidence_no": 1}],
    }  # fmt: skip
    return {**whole, **said, **changed}


def null(**changed: Any) -> dict[str, Any]:
    """A complete answer about NULL."""
    empty = {"value": None, "null_reason": "blank_in_source", "trust": None, "band": None, "factors": []}
    return answer(**{**empty, **changed})


def test_a_complete_answer_has_no_fault() -> None:
    assert fault_of(CELL, answer()) == ""
    assert fault_of(CELL, answer(evidence=[], inputs=[{"field": "x"}])) == ""
    assert fault_of(CELL, answer(trust=None, trust_reason="own_record")) == ""
    assert fault_of(NULL, null()) == ""


@pytest.mark.parametrize(
    ("cell", "said", "fault"),
    [
        (CELL, None, "no answer"),
        (CELL, {name: value for name, value in answer().items() if name != "rivals"}, "lacks rivals"),
        (CELL, answer(value=1901), "the mart 1900"),
        (CELL, answer(tenant_id="rival"), "another cell"),
        (CELL, answer(field="stories"), "another cell"),
        (CELL, answer(trust=None, trust_reason="no_trust_model"), "no trust"),
        (CELL, answer(trust=1.01), "trust 1.01"),
        (CELL, answer(trust=-0.1), "trust -0.1"),
        (CELL, answer(band=None), "without band"),
        (CELL, answer(factors=[]), "without band or factors"),
        (CELL, answer(evidence=[], inputs=[]), "without evidence"),
        (NULL, null(null_reason=None), "without a reason"),
        (NULL, null(trust=0.0), "with trust"),
        (NULL, answer(), "the mart None"),
    ],
)
def test_what_an_answer_lacks_is_said(cell: Cell, said: dict[str, Any] | None, fault: str) -> None:
    assert fault in fault_of(cell, said)


def test_tenants_with_more_cells_make_up_for_those_with_few() -> None:
    def cells(tenant_id: str, count: int) -> list[Cell]:
        return [Cell(tenant_id, "m", {}, f"f{n}", {}) for n in range(count)]

    lists = [cells("a", 1), cells("b", 9), cells("c", 0)]
    assert [one.tenant_id for one in trust_why.in_turn(lists, 5)] == ["a", "b", "b", "b", "b"]
    assert len(trust_why.in_turn(lists, 100)) == 10


def test_answers_are_the_same_when_only_the_time_they_were_asked_for_differs() -> None:
    one, later = answer(as_of="2026-01-01"), answer(as_of="2026-01-02")
    assert trust_recall.same(json.dumps(one), json.dumps(later))
    assert not trust_recall.same(json.dumps(one), json.dumps({**later, "trust": 0.79}))


def test_a_shown_trust_is_held_against_its_cells() -> None:
    told = {"trust_mean": 0.8123, "trust_cells": 10}
    assert trust_overall.difference(told, 0.81234, 10) == ""
    assert "mean" in trust_overall.difference(told, 0.8126, 10)
    assert "mean" in trust_overall.difference(told, None, 0)
    assert "11" in trust_overall.difference(told, 0.8123, 11)


@given(st.integers(2, 400), st.floats(0, 1), st.randoms())
def test_each_half_of_the_lots_is_predicted_by_the_other(count: int, share: float, rng: Any) -> None:
    drawn = [1000.0 if rng.random() < share else 2000.0 for _ in range(count)]
    lots = pl.DataFrame(
        {"segment": ["a"] * count, "stated_sqft": [1000.0] * count, "drawn_sqft": drawn},
        schema={"segment": pl.String, "stated_sqft": pl.Float64, "drawn_sqft": pl.Float64},
    )
    (one, other) = trust_independent.predicted_halves(lots)
    assert one[0] + other[0] == count
    assert one[2] + other[2] == drawn.count(1000.0)
    # What is predicted for a half does not know how that half turned out: it changes with the other one only.
    swapped = lots.with_columns(
        drawn_sqft=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("stated_sqft")).otherwise(pl.col("drawn_sqft"))
    )
    assert trust_independent.predicted_halves(swapped)[0][1] == one[1]
    assert all(0 <= expected <= n for n, expected, _ in (one, other))


def test_one_byte_of_one_object_is_flipped_and_no_other() -> None:
    stored = {"a": b"aaaa", "b": b"bbbb"}
    opened = trust_audit._flipping(lambda owner, key: io.BytesIO(stored[key]), "a")
    assert opened(None, "b").read() == b"bbbb"
    assert sum(x != y for x, y in zip(opened(None, "a").read(), stored["a"], strict=True)) == 1


def test_the_mart_of_the_benchmark_has_forty_fields_and_both_models_share_them() -> None:
    assert sum(map(len, trust_wide_model.FIELDS.values())) == 40
    checked = ["address_raw", "year_built", "rooms_total"]
    bare = trust_wide_model.model_sql(checked, with_provenance=False)
    whole = trust_wide_model.model_sql(checked, with_provenance=True)
    for support in (f"{group}_{of}" for group in trust_wide_model.FIELDS for of in ("evidence_no", "record_no")):
        assert support in whole
        assert support not in bare
    selected = bare.partition("\nfrom (")[0].strip()
    assert "overlap_share" in whole
    assert "overlap_share" not in selected
    assert whole.startswith(f"{selected}, ")
    assert "p_year_built => records.year_built" in whole
    assert "p_rooms_total" not in whole  # a check of a field that the mart does not show is not its price


def test_repetitions_of_a_record_differ_in_their_keys_and_nothing_else() -> None:
    query = _repeated(
        "raw.property", "original.raw__property", ["tenant_id", "record_no", "parcel_number", "city"], "x"
    )
    assert query.startswith("select 'x', o.record_no + c.r * 1000000, o.parcel_number || case")
    assert ", o.city from original.raw__property o join" in query


def test_the_95th_percentile_is_that() -> None:
    assert trust_reading.p95([float(n) for n in range(1, 1001)]) == pytest.approx(951, abs=1)
