"""Parts of the properties, overlap bands and row checks, as Postgres computes them for the roles that ask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from real_estate_assets.core.provenance.row_checks import row_checks
from real_estate_assets.core.records.fields import PROPERTY

# A record that nothing is wrong with, and what is to be changed for each check to fail and for it just to pass.
SOUND: dict[str, Any] = {
    "address_raw": "12 MAIN ST", "city": "CAMBRIDGE", "state_or_province": "MA", "postal_code": "02139",
    "fiscal_year": 2014, "use_code": "101", "use_description": "SNGL-FAM-RES", "zoning": "C-1", "tax_district": "R4",
    "lot_size_sqft": 5000.0, "assessed_land_value_usd": 300_000, "assessed_improvement_value_usd": 500_000,
    "assessed_total_value_usd": 800_000, "tax_amount_usd": 6000, "has_residential_exemption": True,
    "gross_area_sqft": 3000.0, "living_area_sqft": 2000.0, "above_grade_area_sqft": 2000.0,
    "basement_finished_area_sqft": 500.0, "basement_unfinished_area_sqft": 500.0, "architectural_style": "COLONIAL",
    "occupancy": "1", "year_built": 1901, "year_renovated": 1990, "stories": 2.5, "units_total": 1, "rooms_total": 8,
    "bedrooms_total": 4, "bathrooms_full": 2, "bathrooms_half": 1, "bathrooms_total": 2.5, "fireplaces_total": 1,
    "condition_description": "Good", "condition_score": 4.0, "interior_condition_score": 4.0,
    "grade_description": "B", "grade_score": 7.0, "view_description": "None", "view_score": 1.0,
    "is_waterfront": True, "heating_type": "Hot Water", "heating_fuel": "Gas", "has_central_air": False,
    "parking_open_spaces": 2, "parking_covered_spaces": 0, "garage_spaces": 1,
    "neighborhood_living_area_sqft": 2100.0, "neighborhood_lot_size_sqft": 5200.0, "sale_price_usd": 700_000,
    "sale_date": dt.date(2009, 6, 15), "deed_reference": "26596/61",
}  # fmt: skip
FAILING: list[tuple[str, dict[str, Any]]] = [
    ("assessed_total_is_the_sum_of_its_parts", {"assessed_total_value_usd": 790_000}),
    ("living_area_not_above_gross_area", {"living_area_sqft": 3000.5, "above_grade_area_sqft": 2000.0}),
    ("renovated_after_built", {"year_renovated": 1900}),
    ("bedrooms_are_usual", {"bedrooms_total": 21, "rooms_total": 30}),
    ("improvement_value_per_sqft_is_usual", {
        "assessed_improvement_value_usd": 6_002_000, "assessed_total_value_usd": 6_302_000}),
    ("improvement_value_per_sqft_is_usual", {
        "assessed_improvement_value_usd": 30_000, "assessed_total_value_usd": 330_000}),
    ("building_area_is_usual", {
        "living_area_sqft": 90.0, "bedrooms_total": 1, "assessed_improvement_value_usd": 90_000,
        "assessed_total_value_usd": 390_000, "neighborhood_living_area_sqft": None}),
    ("lot_size_is_usual", {"lot_size_sqft": 199.0, "stories": 20.0}),
    ("building_fits_its_lot", {"lot_size_sqft": 600.0}),
    ("year_built_is_usual", {"year_built": 1699}),
    ("year_built_is_usual", {"year_built": 2016, "year_renovated": None}),
    ("rooms_fit_the_area", {"bedrooms_total": 9}),
    ("rooms_fit_the_area", {"bedrooms_total": 15, "rooms_total": 20, "living_area_sqft": 1000.0}),
    ("bathrooms_add_up", {"bathrooms_total": 2.0}),
    ("bathrooms_add_up", {"bathrooms_total": 0.0, "bathrooms_full": None}),
    ("units_fit_the_area", {"units_total": 31}),
    ("scores_are_on_their_scale", {"condition_score": 0.0}),
    ("scores_are_on_their_scale", {"interior_condition_score": 5.5}),
    ("scores_are_on_their_scale", {"view_score": 5.0}),
    ("scores_are_on_their_scale", {"grade_score": -1.0}),
    ("waterfront_has_a_view", {"view_score": 0.0}),
    ("building_facts_have_a_building", {"assessed_improvement_value_usd": 0, "assessed_total_value_usd": 300_000}),
    ("basement_fits_the_building", {"basement_unfinished_area_sqft": 5501.0}),
    ("parking_fits_the_units", {"garage_spaces": 11}),
    ("tax_fits_the_value", {"tax_amount_usd": 80_001}),
    ("tax_fits_the_value", {"assessed_total_value_usd": None}),
    ("sale_date_is_a_working_day", {"sale_date": dt.date(2009, 1, 1)}),
    ("sale_date_is_a_working_day", {"sale_date": dt.date(1699, 12, 31)}),
    ("deed_reference_names_a_page", {"deed_reference": " 000/ 0"}),
    ("address_has_a_number", {"address_raw": "MAIN ST"}),
    ("place_is_written_in_full", {"state_or_province": "Mass"}),
    ("place_is_written_in_full", {"postal_code": "2139"}),
    ("place_is_written_in_full", {"city": "N/A"}),
    ("use_is_named", {"use_description": " unknown "}),
    ("use_is_named", {"zoning": "TBD"}),
    ("building_words_say_something", {"architectural_style": "??"}),
    ("building_words_say_something", {"heating_fuel": "XXX"}),
    ("neighbors_are_comparable", {"neighborhood_living_area_sqft": 20_001.0}),
    ("neighbors_are_comparable", {"neighborhood_lot_size_sqft": 0.0}),
    ("price_fits_the_value", {"sale_price_usd": 16_000_001}),
]  # fmt: skip
PASSING: list[dict[str, Any]] = [
    {"assessed_total_value_usd": 792_080},
    {"living_area_sqft": 3000.0},
    {"bedrooms_total": 20, "rooms_total": 30},
    {"bathrooms_total": 0.0, "bathrooms_full": 0, "bathrooms_half": 0, "bedrooms_total": 0},
    {"view_description": "None", "heating_type": "None"},
    {"year_built": 2015, "year_renovated": None},
    {"postal_code": "02139-4307"},
    {"sale_date": dt.date(2009, 1, 2)},
    {"units_total": 30},
]


@pytest.fixture(scope="module")
def asked(module_warehouse_db: Any) -> Iterator[psycopg.Connection[Any]]:
    """The application without a tenant: what the functions say depends on their arguments alone."""
    with psycopg.connect(module_warehouse_db.dsn("app"), autocommit=True) as connection:
        yield connection


def failed(connection: psycopg.Connection[Any], record: dict[str, Any]) -> list[str] | None:
    """Names of the checks that a record fails; None as the function's own null."""
    types = {field.name: field.pg_type for field in PROPERTY}
    arguments = ", ".join(f"p_{name} => %({name})s::{types[name]}" for name in record)
    mask = connection.execute(f"select prov.failed_row_checks({arguments})", record).fetchall()[0][0]
    if mask is None:
        return None
    return [check.check_name for check in row_checks() if mask >> check.bit & 1]


def test_the_function_takes_every_assessor_and_sale_field_as_it_is_stored(asked: psycopg.Connection[Any]) -> None:
    arguments = asked.execute(
        "select proargnames, proargtypes::regtype[]::text[] from pg_proc where oid = 'prov.failed_row_checks'::regproc"
    ).fetchall()[0]
    own = [field for field in PROPERTY if field.group in ("assessor", "sale")]
    assert arguments[0] == [f"p_{field.name}" for field in own]
    assert arguments[1] == [field.pg_type.split("(")[0] for field in own]


def test_a_sound_record_fails_nothing_and_an_empty_one_neither(asked: psycopg.Connection[Any]) -> None:
    assert failed(asked, SOUND) is None
    assert failed(asked, {}) is None
    assert failed(asked, dict.fromkeys(SOUND)) is None


@pytest.mark.parametrize(("check", "changed"), FAILING)
def test_each_check_fails_alone(asked: psycopg.Connection[Any], check: str, changed: dict[str, Any]) -> None:
    assert failed(asked, {**SOUND, **changed}) == [check]


def test_every_check_was_made_to_fail() -> None:
    assert {check for check, _ in FAILING} == {check.check_name for check in row_checks()}


@pytest.mark.parametrize("changed", PASSING)
def test_what_is_just_usual_passes(asked: psycopg.Connection[Any], changed: dict[str, Any]) -> None:
    assert failed(asked, {**SOUND, **changed}) is None


@pytest.mark.parametrize("name", SOUND)
def test_an_unknown_value_fails_no_check(asked: psycopg.Connection[Any], name: str) -> None:
    # With no assessed total a home that is taxed contradicts itself: the one check that asks for a value.
    expected = ["tax_fits_the_value"] if name == "assessed_total_value_usd" else None
    assert failed(asked, {**SOUND, name: None}) == expected


def test_absurd_numbers_break_no_build(asked: psycopg.Connection[Any]) -> None:
    most = 2**31 - 1
    absurd = {"bedrooms_total": most, "units_total": most, "garage_spaces": most, "living_area_sqft": 0.0,
              "gross_area_sqft": float("inf"), "assessed_improvement_value_usd": 1, "lot_size_sqft": float("nan"),
              "stories": 1e308}  # fmt: skip
    assert failed(asked, absurd) is not None


@pytest.mark.parametrize(
    ("description", "code", "segment"),
    [
        (" two-fam\t RES ", "104", "TWO-FAM RES"),
        (None, " 104r", "104R"),
        ("   ", "104", "104"),
        ("retail|office", None, "RETAIL/OFFICE"),
        ("all", None, "ALL"),
        ("no use", None, "NO USE"),
        (None, "", "no use"),
        (None, None, "no use"),
    ],
)
def test_the_part_of_the_properties_is_their_use(
    asked: psycopg.Connection[Any], description: str | None, code: str | None, segment: str
) -> None:
    assert asked.execute("select prov.segment_of(%s::text, %s::text)", (description, code)).fetchall() == [(segment,)]


@pytest.mark.parametrize(
    ("share", "band"),
    [
        (None, "no overlap measured"), (0, "0-0.001"), (0.00099, "0-0.001"), (0.001, "0.001-0.01"), (0.01, "0.01-0.1"),
        (0.1, "0.1-0.5"), (0.499, "0.1-0.5"), (0.5, "0.5-1"), (1, "0.5-1"),
    ],
)  # fmt: skip
def test_a_lower_bound_belongs_to_its_band(asked: psycopg.Connection[Any], share: float | None, band: str) -> None:
    assert asked.execute("select prov.overlap_band(%s::double precision)", (share,)).fetchall() == [(band,)]


def test_postgres_computes_them_within_the_query_and_not_call_by_call(asked: psycopg.Connection[Any]) -> None:
    plan = asked.execute(
        "explain (verbose, costs off) select prov.segment_of(t.u, t.c), prov.failed_row_checks(p_address_raw => t.u)"
        " from (values ('a', 'b'), ('c', 'd')) t (u, c)"
    ).fetchall()
    assert "prov." not in str(plan)


def test_nobody_else_may_call_them(module_warehouse_db: Any) -> None:
    with psycopg.connect(module_warehouse_db.dsn("owner"), autocommit=True) as owner:
        granted = owner.execute(
            "select p.proname,"
            " array_agg(distinct case when a.grantee = 0 then 'public' else a.grantee::regrole::text end)"
            " from pg_proc p, aclexplode(p.proacl) a where p.pronamespace = 'prov'::regnamespace and p.proname in"
            " ('segment_of', 'overlap_band', 'is_filler_word', 'failed_row_checks') group by 1"
        ).fetchall()
    assert len(granted) == 4
    for _, roles in granted:
        assert set(roles) == {"reos_owner", "reos_app", "reos_analyst"}
