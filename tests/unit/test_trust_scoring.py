"""The gate that holds predicted trust against what turned out, on records made so that the answer is known."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.gates import trust_calibration
from benchmarks.gates.line import Gate
from benchmarks.gates.roll_records import GROSS, LATER, LIVING, NEWER, OLDER, Records, half_of
from benchmarks.scoring import bands, brier, by_field
from real_estate_assets.core.provenance.agreement import Comparison

COMPARE = {
    "lot": Comparison("number", 0.01), "value": Comparison("number", 0.05), GROSS: Comparison("number", 0.01),
    "stories": Comparison("number"), "address_raw": Comparison("text"), "deed_reference": Comparison("text"),
}  # fmt: skip
FIELDS = tuple(COMPARE)
# field -> how often a value is kept over a year, of houses and of condominiums
KEPT = {"lot": (0.999, 0.95), "value": (0.65, 0.1), GROSS: (0.995, 0.98), "stories": (0.99, 0.9)}
PROPERTIES, ELEVEN = 4000, 11


def predictions(*rows: tuple[float, int, int]) -> pl.DataFrame:
    """Rows of (persistence, n, agree)."""
    kinds = {"persistence": pl.Float64, "n": pl.Int64, "agree": pl.Int64}
    return pl.DataFrame(rows, schema=kinds, orient="row").with_columns(field=pl.lit("lot"))


CELLS = st.tuples(st.floats(0, 1), st.integers(0, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))).map(
    lambda made: (made[0], *made[1])
)


@given(st.lists(CELLS, min_size=1, max_size=8))
def test_brier_and_bands_are_those_of_single_cells(rows: list[tuple[float, int, int]]) -> None:
    cells = [(p, outcome) for p, n, agree in rows for outcome in [1] * agree + [0] * (n - agree)]
    if not cells:
        with pytest.raises(ZeroDivisionError):
            brier(predictions(*rows))
        return
    assert brier(predictions(*rows)) == pytest.approx(sum((p - outcome) ** 2 for p, outcome in cells) / len(cells))
    found = bands(predictions(*rows), 0.5, 0.8)
    assert [band.n for band in found.values()] == [
        sum(p < 0.5 for p, _ in cells), sum(0.5 <= p < 0.8 for p, _ in cells), sum(p >= 0.8 for p, _ in cells)
    ]  # fmt: skip
    solid = [outcome for p, outcome in cells if p >= 0.8]
    assert found["solid"].agreement == (pytest.approx(sum(solid) / len(solid)) if solid else None)


def test_figures_of_a_field_and_of_one_without_cells() -> None:
    assert by_field(predictions((0.5, 3, 3), (0.9, 1, 0))) == [("lot", 4, pytest.approx(0.6), 0.75)]
    assert by_field(predictions((0.5, 0, 0))) == []


def made_files() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Three files of the same properties, one year and eleven years apart, whose values survive as KEPT says."""
    chance = random.Random(13)
    older, newer, later = [], [], []
    for number in range(PROPERTIES):
        condo = number % 2
        known = {"property_id": str(number), "parcel_number": f"P-{number}", "segment": ("HOUSE", "CONDO")[condo],
                 "failed_checks": None, "address_raw": f"{number} MAIN ST", "deed_reference": f"{number}/1",
                 LIVING: 700.0}  # fmt: skip
        values = dict.fromkeys(KEPT, 1000.0)
        after = {field: 1000.0 if chance.random() < KEPT[field][condo] else 2000.0 for field in KEPT}
        last = {field: after[field] if chance.random() < KEPT[field][condo] ** ELEVEN else 3000.0 for field in KEPT}
        older.append({**known, **values})
        newer.append({**known, **after})
        later.append({**known, **last})
    return tuple(pl.DataFrame(rows, infer_schema_length=None) for rows in (older, newer, later))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def records() -> Records:
    """As the gate reads them from the demo."""
    frames = dict(zip((OLDER, NEWER, LATER), made_files(), strict=True))
    return Records(frames, pair(OLDER, NEWER, 1.0), pair(NEWER, LATER, float(ELEVEN)), COMPARE)


def pair(older: str, newer: str, years: float) -> Any:
    return SimpleNamespace(
        older=SimpleNamespace(uri=f"somewhere/{older}"), newer=SimpleNamespace(uri=newer), years=years, fields=FIELDS
    )


def lines(records: Records, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    monkeypatch.setattr(Records, "read", classmethod(lambda _, demo: records))
    for line in trust_calibration.lines(None):  # type: ignore[arg-type]
        yield {**line, "name": line["name"].removeprefix(f"{trust_calibration.PREFIX}.")}  # type: ignore[typeddict-item]


def test_records_that_survive_as_they_always_did_keep_every_promise(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {line["name"]: line for line in lines(records, monkeypatch)}
    assert [name for name, line in found.items() if not line["holds"]] == []
    assert "the alarm names no field" in found["fy2014_fy2025.mean_difference"]["note"]
    assert found["fy2014_fy2025.alarm_names_gross_area"]["note"].startswith(GROSS)
    assert found["fy2013_fy2014.peer.one_half_life.auc"]["value"] == 0.5


def test_a_new_roll_that_has_little_to_do_with_the_old_one_breaks_them(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    noise = [1000.0 * chance.choice((1, 2)) for _ in range(PROPERTIES)]
    newer = records.frames[NEWER].with_columns(pl.Series(field, noise) for field in KEPT)
    broken = dataclasses.replace(records, frames={**records.frames, NEWER: newer})
    failing = {line["name"] for line in lines(broken, monkeypatch) if not line["holds"]}
    assert {"fy2013_fy2014.auc"} <= failing


def test_a_source_that_is_worn_out_after_eleven_years_breaks_the_long_promise(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = records.frames[LATER].with_columns(pl.lit(1.0).alias(field) for field in ("lot", GROSS))
    broken = dataclasses.replace(records, frames={**records.frames, LATER: gone})
    failing = {line["name"] for line in lines(broken, monkeypatch) if not line["holds"]}
    assert {"fy2014_fy2025.brier", "fy2014_fy2025.mean_difference"} <= failing


def test_no_parcel_teaches_what_is_said_of_itself(records: Records) -> None:
    one_year = records.look(records.one_year, ["lot"])
    wrong = one_year.halves[1].with_columns(agree=pl.lit(0, pl.Int64))
    spoilt = dataclasses.replace(one_year, halves=(one_year.halves[0], wrong))
    before, after = (trust_calibration.predict_other_half(look, one_year) for look in (one_year, spoilt))
    first_half = one_year.halves[0].filter(pl.col("n") > 0).height
    assert before["persistence"][first_half:].to_list() == after["persistence"][first_half:].to_list()
    assert before["persistence"][:first_half].to_list() != after["persistence"][:first_half].to_list()


def test_half_of_the_parcels_is_in_each_half_whatever_the_file() -> None:
    halves = [half_of(f"{number}-{number % 7}") for number in range(2000)]
    assert 900 < sum(halves) < 1100
    assert half_of("267E-17") == half_of("267E-17")


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from real_estate_assets.stores.warehouse import calibration, evidence

    monkeypatch.setattr(calibration, "field_tolerances", lambda _: [])
    monkeypatch.setattr(evidence, "files", lambda *_: [])
    with pytest.raises(LookupError, match=r"tax_fy13.*tax_fy14"):
        Records.read(SimpleNamespace(warehouse=None))  # type: ignore[arg-type]
