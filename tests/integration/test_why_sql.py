"""prov.why and the trust of whole marts, over marts that dbt built: every cell has an answer, and both ways agree."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from real_estate_assets.core.identity import property_id
from real_estate_assets.core.provenance.trust_model import newest_model
from real_estate_assets.stores.warehouse import Warehouse

from .dbt_estate import COUNTY, Estate, land
from .trust_calls import trust_cells, trust_summary, why_cell
from .trust_estate import FLOOD_SHA, clock, measure, publish

pytestmark = pytest.mark.slow

Connection = psycopg.Connection[tuple[Any, ...]]
Document = dict[str, Any]
TENANT = "acme-tx"
MARTS = (
    "agg_market_sales", "dim_owners", "dim_parcels", "dim_properties", "dim_source_files", "fct_assessments",
    "fct_changes", "fct_market_index", "fct_ownership", "fct_property_hazards", "fct_sales",
)  # fmt: skip
P18, P19, P20, P180 = (property_id(COUNTY, parcel) for parcel in ("7-18", "7-19", "7-20", "26-180"))
OWN_RECORD = {"provenance", "tenant"}
KEYS = {
    "tenant_id", "mart", "key", "property_id", "field", "value", "null_reason", "as_of", "field_group", "trust",
    "trust_reason", "band", "prior_only", "model", "calibration", "factors", "evidence", "checks", "steps", "inputs",
    "rivals", "build",
}  # fmt: skip
NO_VALUE = "null"


@pytest.fixture(scope="module")
def estate(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    warehouse = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    made = Estate(module_warehouse_db.settings, warehouse, tmp_path_factory.mktemp("target"))
    publish(made, [TENANT])
    measure(made, TENANT, 1, survival=0.9)
    return made


def why(estate: Estate, mart: str, key: Mapping[str, Any], field: str, as_of: dt.datetime | None = None) -> Document:
    found = why_cell(estate.warehouse, TENANT, mart, key, field, as_of)
    assert found is not None, (mart, key, field)
    return found


def of_property(estate: Estate, field: str, prop: Any = P18, as_of: dt.datetime | None = None) -> Document:
    with estate.warehouse.as_app(TENANT) as app:
        found = app.execute(
            "select prov.why(%s, %s::uuid, %s, %s::timestamptz)", (TENANT, prop, field, as_of)
        ).fetchall()[0][0]
    assert found is not None, field
    return dict(found)


def every_answer(estate: Estate, as_of: dt.datetime | None = None) -> dict[str, tuple[float | None, Document]]:
    """mart/key/field -> (trust by the bulk form, the answer of why), for every cell of every mart."""
    found = {}
    with estate.warehouse.as_app(TENANT) as app:
        for mart in MARTS:
            rows = app.execute(
                "select row_key, field, trust, prov.why(%(t)s, %(m)s, row_key, field, %(at)s)"
                " from prov.trust_cells(%(t)s, %(m)s, %(at)s)",
                {"t": TENANT, "m": mart, "at": as_of},
            ).fetchall()
            found |= {f"{mart} {json.dumps(k, sort_keys=True)} {field}": (trust, doc) for k, field, trust, doc in rows}
    return found


@pytest.fixture(scope="module")
def answers(estate: Estate) -> dict[str, tuple[float | None, Document]]:
    return every_answer(estate)


def cells(answers: Mapping[str, tuple[float | None, Document]], **wanted: Any) -> list[Document]:
    return [doc for _, doc in answers.values() if all(doc[name] == value for name, value in wanted.items())]


def test_every_field_of_every_mart_is_answered(estate: Estate, answers: Mapping[str, Any]) -> None:
    asked = {(doc["mart"], doc["field"]) for _, doc in answers.values()}
    columns = estate.rows(
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
        " where c.relnamespace = 'marts'::regnamespace and c.relkind = 'p' and not a.attisdropped"
    )
    assert {mart for mart, _ in asked} == set(MARTS)
    assert asked == set(columns)
    assert all(set(doc) == KEYS for _, doc in answers.values())


def test_why_and_the_bulk_form_agree_on_every_cell(answers: Mapping[str, tuple[float | None, Document]]) -> None:
    assert len(answers) > 900
    apart = {
        name: (bulk, doc["trust"]) for name, (bulk, doc) in answers.items()
        if (bulk is None) != (doc["trust"] is None)
        or (bulk is not None and not math.isclose(bulk, doc["trust"], rel_tol=1e-12))
    }  # fmt: skip
    assert apart == {}


# What a build could have written: evidence that is there, of a public file, of no record, one that is not there.
numbers = st.sampled_from([0, 11, 12, 13, 14, 77, 90, 91, 92])
drawn_rows = st.fixed_dictionaries({
    "assessor_evidence_no": numbers, "parcel_geometry_evidence_no": numbers, "hazard_evidence_no": numbers,
    "sale_evidence_no": numbers, "owner_evidence_no": numbers, "new_assessor_evidence_no": numbers,
    "old_assessor_evidence_no": numbers, "sale_evidence_nos": st.lists(numbers, max_size=3) | st.none(),
    "assessor_checks_failed": st.none() | st.integers(0, 2**26 - 1), "zones_touched": st.integers(0, 2),
    "overlap_share": st.none() | st.floats(0, 1), "use_code": st.sampled_from(["101", "102", None]),
    "use_description": st.sampled_from(["Condominium", None]),
})  # fmt: skip
may_be_null = (
    "unit_number", "address_raw", "point_4326", "zone_code", "hazard_score", "sale_price_usd", "living_area_sqft",
    "sale_date", "deed_reference", "old_value", "new_value_number", "account_number", "owner_key",
)  # fmt: skip
recalls = st.sets(st.sampled_from([1, 2, 3, 4]), max_size=1)


@settings(max_examples=5)
@given(
    row=drawn_rows, nulls=st.sets(st.sampled_from(may_be_null), max_size=4), recalled=recalls, measured=st.floats(0, 1)
)
def test_why_and_the_bulk_form_agree_on_rows_that_were_drawn(
    estate: Estate, row: dict[str, Any], nulls: set[str], recalled: set[int], measured: float
) -> None:
    """Every cell of every mart, with its rows rewritten to the drawn ones: any evidence, checks, nulls, recalls."""
    with estate.warehouse.as_owner() as owner, owner.transaction(force_rollback=True):
        owner.execute("update prov.agreement set estimate = %s where kind = 'stability'", (measured,))
        for file_no in recalled:
            owner.execute("insert into prov.recall values (%s, %s, now(), 'drawn', 'a')", (TENANT, file_no))
        for mart in MARTS:
            _rewrite(owner, mart, {**row, **dict.fromkeys(nulls)})
            apart = owner.execute(
                "select c.row_key, c.field, c.trust, (w.doc ->> 'trust')::float8 from prov.trust_cells(%(t)s, %(m)s) c"
                " cross join lateral prov.why(%(t)s, %(m)s, c.row_key, c.field) w (doc)"
                " where (c.trust is null) <> (w.doc ->> 'trust' is null)"
                " or abs(c.trust - (w.doc ->> 'trust')::float8) > 1e-12 * c.trust",
                {"t": TENANT, "m": mart},
            ).fetchall()
            assert apart == [], mart


def _rewrite(owner: Connection, mart: str, drawn: Mapping[str, Any]) -> None:
    """Every row of the mart with the drawn values, where it has such a column that may take it; not its key."""
    columns = owner.execute(
        "select attname, attnotnull from pg_attribute where attrelid = %s::regclass and attname = any (%s)"
        " and attname <> all (prov.mart_key(%s))",
        (f"marts.{mart}", list(drawn), mart),
    ).fetchall()
    names = [name for name, never_null in columns if drawn[name] is not None or not never_null]
    if names:
        changes = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(n), drawn[n]) for n in names)
        statement = sql.SQL("update {} set {} where tenant_id = {}")
        owner.execute(statement.format(sql.Identifier("marts", mart), changes, TENANT))


def test_the_factors_multiply_to_the_trust(answers: Mapping[str, tuple[float | None, Document]]) -> None:
    told = [doc for _, doc in answers.values() if doc["trust"] is not None]
    assert {f["name"] for f in told[0]["factors"]} == {
        "reliability", "persistence", "method", "confidence", "partition_checks", "row_checks", "recall",
    }  # fmt: skip
    for doc in told:
        product = math.prod(f["value"] for f in doc["factors"])
        assert product == pytest.approx(doc["trust"], rel=1e-9), (doc["mart"], doc["field"])
        assert all(f["basis"] for f in doc["factors"])


def test_trust_is_no_constant(answers: Mapping[str, tuple[float | None, Document]]) -> None:
    values = {round(doc["trust"], 9) for _, doc in answers.values() if doc["trust"] is not None}
    assert len(values) > 20
    assert {doc["band"] for _, doc in answers.values()} >= {"weak", "mixed", None}


def test_trust_is_stored_nowhere(estate: Estate) -> None:
    """Neither a column of a mart nor of its history: what is stored would be stale with the next recall."""
    stored = estate.rows(
        "select c.oid::regclass::text, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname ~ '^(marts|history|intermediate)'"
        " and c.relkind in ('r', 'p', 'm') and a.attname ~ 'trust|score_of_trust'"
    )
    assert stored == []


def test_a_null_says_its_reason_and_has_no_trust(answers: Mapping[str, tuple[float | None, Document]]) -> None:
    empty = [doc for _, doc in answers.values() if doc["value"] is None]
    assert len(empty) > 100
    for doc in empty:
        assert doc["null_reason"], (doc["mart"], doc["field"])
        assert doc["trust"] is None
        assert doc["band"] is None
        assert doc["factors"] == []
    reasons = {(doc["mart"], doc["field"], doc["null_reason"]) for doc in empty}
    assert {
        ("dim_properties", "year_built", "not_in_source"), ("dim_properties", "latitude", "no_record"),
        ("fct_assessments", "year_built", "null_marker"), ("fct_property_hazards", "hazard_score", "no_evidence"),
        ("fct_ownership", "property_id", "account_not_found"), ("fct_sales", "previous_sale_date", "no_earlier_sale"),
        ("fct_changes", "old_value", "absent_before"), ("fct_sales", "postal_code", "not_in_source"),
        ("dim_owners", "mailing_city", "not_in_source"),
    } - reasons == set()  # fmt: skip


def test_the_platforms_own_record_is_not_judged(answers: Mapping[str, tuple[float | None, Document]]) -> None:
    for _, doc in answers.values():
        assert (doc["trust_reason"] == "own_record") == (doc["field_group"] in OWN_RECORD)
        if doc["field_group"] in OWN_RECORD:
            assert doc["trust"] is None


def test_no_cell_is_trusted_more_than_the_least_of_its_inputs(
    answers: Mapping[str, tuple[float | None, Document]],
) -> None:
    derived = [
        doc for _, doc in answers.values() if doc["trust"] is not None and any(i["trust"] for i in doc["inputs"])
    ]
    assert {doc["mart"] for doc in derived} >= {
        "agg_market_sales",
        "dim_properties",
        "fct_sales",
        "fct_property_hazards",
    }
    for doc in derived:
        assert doc["trust"] <= min(i["trust"] for i in doc["inputs"] if i["trust"] is not None)


def test_a_copied_cell_is_the_product_of_what_the_tables_say(estate: Estate) -> None:
    """Worked out here from the tables, with no function of prov."""
    model = newest_model()
    doc = of_property(estate, "assessed_total_value_usd", P180)
    reliability = estate.rows("select reliability from prov.source_registry where source_kind = 'property_database'")[
        0
    ][0]
    method = math.prod(
        value for (value,) in estate.rows(
            "select distinct on (method) factor from prov.method_prior where method in ('copy', 'read_and_cast')"
            " order by method, version desc"
        )
    )  # fmt: skip
    age = (dt.datetime.fromisoformat(doc["as_of"]).date() - dt.date(2024, 1, 1)).days
    touched = estate.rows("select count(*) from prov.row_check where 'assessed_total_value_usd' = any (fields)")[0][0]
    row_factor = 1 if touched else model.no_check_factor
    expected = reliability * 0.9 ** (age / 365.25) * method * (40.5 / 41) * row_factor
    assert doc["trust"] == pytest.approx(expected, rel=1e-9)
    assert doc["factors"][1]["n"] == 12
    assert doc["prior_only"] is False, "its survival was measured on all, and on the few of its use beside"
    assert of_property(estate, "address_raw", P180)["prior_only"] is True


def test_the_answer_names_file_record_method_and_run(estate: Estate) -> None:
    doc = of_property(estate, "year_built", P19)
    assert doc["value"] == 1910
    (evidence,) = doc["evidence"]
    assert (evidence["evidence_no"], evidence["record_no"], evidence["method"], evidence["run_id"]) == (
        12,
        1,
        "read_and_cast",
        "run",
    )
    assert (evidence["file"]["file_no"], evidence["file"]["vintage"]) == (2, "2013-01-01")
    assert [step["step"] for step in doc["steps"]] == ["landed", "read", "built", "published"]
    assert doc["build"]["build_no"] == 1


def test_a_rival_is_told_with_its_own_trust_and_why_it_lost(estate: Estate) -> None:
    doc = of_property(estate, "assessed_total_value_usd", P18)
    told = [(r["value"], r["source_name"], r["vintage"], r["lost_because"]) for r in doc["rivals"]]
    assert told == [(830000, "roll", "2013-01-01", "older vintage"), (812500, "roll", "2012-01-01", "older vintage")]
    assert 0 < doc["rivals"][1]["trust"] < doc["rivals"][0]["trust"] < doc["trust"]


def test_a_composite_hazard_rests_on_its_perils(estate: Estate) -> None:
    flood = of_property(estate, "fct_property_hazards.hazard_score[flood]")
    assert flood["evidence"][0]["file"]["scope"] == "public"
    confidence = next(f for f in flood["factors"] if f["name"] == "confidence")
    assert (confidence["value"], confidence["detail"]["overlap_band"], confidence["n"]) == (1, "0.5-1", 900)
    heat = of_property(estate, "fct_property_hazards.hazard_score[heat]")
    assert (heat["trust_reason"], heat["null_reason"]) == ("no_value", "no_evidence")


def test_a_market_median_rests_on_the_evidence_of_its_sales(estate: Estate) -> None:
    key = dict(
        zip(
            ("county_fips", "area_kind", "area_code", "sale_month"),
            (COUNTY, "county", COUNTY, "2016-05-01"),
            strict=True,
        )
    )
    doc = why(estate, "agg_market_sales", key, "median_price_usd")
    assert doc["value"] == 2200000
    assert [(e["evidence_no"], e["group"]) for e in doc["evidence"]] == [(13, "sale")]
    assert [(i["mart"], i["field"]) for i in doc["inputs"]] == [("fct_sales", "sale_price_usd")]
    sale = of_property(estate, "fct_sales.sale_price_usd", P180)
    assert doc["trust"] == pytest.approx(sale["trust"] * doc["factors"][2]["detail"]["methods"][0]["factor"])


def test_an_index_names_its_public_file_without_an_evidence_number(estate: Estate) -> None:
    (doc,) = cells(every_answer(estate), mart="fct_market_index", field="index_value")
    assert doc["evidence"][0]["evidence_no"] is None
    assert doc["evidence"][0]["file"]["scope"] == "public"
    assert doc["evidence"][0]["record_no"] == 3


def test_a_property_with_several_rows_is_answered_by_the_newest_and_names_the_others(estate: Estate) -> None:
    doc = of_property(estate, "fct_assessments.assessed_total_value_usd", P18)
    assert (doc["value"], doc["key"]["fiscal_year"]) == (900000, 2025)
    assert [key["fiscal_year"] for key in doc["other_rows"]] == [2014, 2013]


def test_what_nobody_has_is_null_and_what_no_mart_has_is_an_error(estate: Estate) -> None:
    nobody = "00000000-0000-5000-8000-000000000000"
    with estate.warehouse.as_app(TENANT) as app:
        ask = "select prov.why(%s, %s::uuid, %s)"
        assert app.execute(ask, (TENANT, nobody, "year_built")).fetchall() == [(None,)]
        assert app.execute(ask, ("nobody", P18, "year_built")).fetchall() == [(None,)]
        for wrong in ("no_such_field", "no_such_mart.year_built", "marts.dim_properties.x", "year_built; drop"):
            with pytest.raises((errors.UndefinedColumn, errors.InvalidParameterValue)):
                app.execute(ask, (TENANT, P18, wrong))


def test_keys_are_those_of_the_marts_indexes(estate: Estate) -> None:
    found = estate.rows(
        "select m.mart, history.key_of(c.oid::regclass), prov.mart_key(m.mart)"
        " from pg_class c cross join split_part(c.relname, '__', 1) m (mart)"
        " where c.relnamespace = 'marts__leaf'::regnamespace and c.relkind = 'r'"
    )
    assert {mart for mart, _, _ in found} == set(MARTS)
    for mart, of_index, asked_by in found:
        assert of_index == asked_by, mart


def test_the_summary_counts_what_the_cells_say(estate: Estate) -> None:
    for mart in MARTS:
        groups = {row.field_group: row for row in trust_summary(estate.warehouse, TENANT, mart)}
        of_field = dict(estate.rows("select field, field_group from prov.field_map where mart = %s", mart))
        found: dict[str, list[float | None]] = {}
        for cell in trust_cells(estate.warehouse, TENANT, mart):
            found.setdefault(of_field[cell.field], []).append(cell.trust)
        assert set(groups) == set(found)
        for name, trusts in found.items():
            known = sorted(t for t in trusts if t is not None)
            told = groups[name]
            assert told.cells == len(trusts)
            assert told.solid + told.mixed + told.weak == len(known) == sum(told.histogram)
            assert [sum(min(int(t * 10), 9) == tenth for t in known) for tenth in range(10)] == list(told.histogram)
            if known:
                assert told.trust_mean == pytest.approx(sum(known) / len(known))
                assert told.trust_p10 == known[math.ceil(len(known) * 0.1) - 1]
                assert told.weak == sum(t < newest_model().weak_below for t in known)
            if name not in OWN_RECORD:
                assert told.null_cells == len(trusts) - len(known)


def test_low_trust_lists_the_weak_cells_weakest_first(estate: Estate) -> None:
    weak: dict[str, dict[str, float]] = {}
    for cell in trust_cells(estate.warehouse, TENANT, "dim_properties"):
        if cell.trust is not None and cell.trust < 0.4:
            weak.setdefault(json.dumps(cell.row_key), {})[cell.field] = cell.trust
    with estate.warehouse.as_app(TENANT) as app:
        ask = "select row_key, fields, trust_min from prov.low_trust(%s, 'dim_properties', 0.4, null, %s)"
        rows = app.execute(ask, (TENANT, None)).fetchall()
        assert app.execute(ask, (TENANT, 1)).fetchall() == rows[:1]
    assert rows
    assert {json.dumps(key): set(fields) for key, fields, _ in rows} == {
        key: set(fields) for key, fields in weak.items()
    }
    assert [least for _, _, least in rows] == sorted(min(fields.values()) for fields in weak.values())


def test_trust_falls_with_age(estate: Estate) -> None:
    now = of_property(estate, "year_built", P19)["trust"]
    later = of_property(estate, "year_built", P19, dt.datetime(2040, 1, 1, tzinfo=dt.UTC))["trust"]
    assert later < now
    # A recorded sale of 2016 stays a sale of 2016.
    sale = of_property(estate, "fct_sales.sale_price_usd", P180)
    assert (
        of_property(estate, "fct_sales.sale_price_usd", P180, dt.datetime(2040, 1, 1, tzinfo=dt.UTC))["trust"]
        == sale["trust"]
    )


def comparable(documents: Mapping[str, tuple[float | None, Document]]) -> dict[str, str]:
    return {name: json.dumps(doc, sort_keys=True) for name, (_, doc) in documents.items()}


def newer_version(estate: Estate, table: str, value: str, where: str) -> None:
    """The next version of every such row of a table, with half the value, from now on."""
    estate.execute(
        f"insert into prov.{table} select (jsonb_populate_record(t, jsonb_build_object('version', version + 1,"
        f" '{value}', {value} / 2, 'recorded_at', clock_timestamp()))).* from prov.{table} t where {where}"
    )


@pytest.fixture(scope="module")
def old(estate: Estate, answers: Mapping[str, Any]) -> tuple[dt.datetime, dict[str, str]]:
    """A time and what was answered then. `answers`: taken before anything changes."""
    asked_at = clock(estate)
    return asked_at, comparable(every_answer(estate, asked_at))


def test_an_old_question_gets_the_old_answer_after_everything_is_newer(
    estate: Estate, old: tuple[dt.datetime, dict[str, str]]
) -> None:
    """Byte for byte, after new versions of every parameter and two recalls."""
    before = of_property(estate, "assessed_total_value_usd", P180)
    measure(estate, TENANT, 2, survival=0.5)
    newer_version(estate, "source_registry", "reliability", "source_kind = 'property_database'")
    newer_version(estate, "method_prior", "factor", "method = 'copy'")
    newer_version(estate, "survival_prior", "survival_per_year", "true")
    newer_version(estate, "trust_model", "no_check_factor", "true")
    recall = "insert into prov.recall (tenant_id, file_no, reason, recalled_by) values (%s, 2, 'wrong year', 'a')"
    estate.execute(recall, TENANT)
    estate.execute("insert into prov.public_recall (sha256, reason, recalled_by) values (%s, 'gone', 'a')", FLOOD_SHA)
    after = of_property(estate, "assessed_total_value_usd", P180)
    assert after["trust"] < before["trust"] / 2
    assert (after["calibration"]["version"], after["model"]["version"]) == (2, 2)
    assert comparable(every_answer(estate, old[0])) == old[1]


def test_what_a_recalled_file_supports_has_no_trust(estate: Estate) -> None:
    """After the recalls above: the roll of 2013, the lots that came with it and what was made of them, flood."""
    for doc in (of_property(estate, "year_built", P19), of_property(estate, "latitude", P18),
                of_property(estate, "fct_property_hazards.hazard_score[flood]")):  # fmt: skip
        assert doc["trust"] == 0
        assert doc["band"] == "weak"
        assert {e["recall_reason"] for e in doc["evidence"] if e["is_recalled"]} <= {"wrong year", "gone"}
        assert any(e["is_recalled"] for e in doc["evidence"])
    assert of_property(estate, "fct_property_hazards.hazard_score[wildfire]")["trust"] > 0
    with estate.warehouse.as_app(TENANT) as app:
        ask = (
            "select count(*) filter (where trust = 0), count(*) filter (where trust > 0) from prov.trust_cells(%s, %s)"
        )
        none, some = app.execute(ask, (TENANT, "dim_properties")).fetchall()[0]
    assert none > 0
    assert some > 0


def test_an_old_question_gets_the_old_answer_after_a_publication(
    estate: Estate, old: tuple[dt.datetime, dict[str, str]]
) -> None:
    _published_anew(estate)
    assert of_property(estate, "assessed_total_value_usd", P180)["value"] == 1700000
    after = comparable(every_answer(estate, old[0]))
    assert after.keys() == old[1].keys()
    assert {name: (was, after[name]) for name, was in old[1].items() if was != after[name]} == {}


def _published_anew(estate: Estate) -> None:
    """The property database comes with another total, and a row of the roll is gone."""
    rows: Sequence[dict[str, Any]] = [
        {"parcel_number": "26-180", "account_number": "1472", "building_number": 1, "address_raw": "308 Hurley St",
         "assessed_total_value_usd": 1700000, "living_area_sqft": 2516, "sale_price_usd": 2200000,
         "sale_date": "2016-05-13", "deed_reference": "67251/581", "fiscal_year": 2025},
    ]  # fmt: skip
    land(estate, TENANT, 3, "database", "property_database", "property", "2024-01-01", rows)
    done = estate.dbt("run", tenants=[TENANT])
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_key_must_name_the_row(estate: Estate) -> None:
    with (
        estate.warehouse.as_app(TENANT) as app,
        pytest.raises(errors.InvalidParameterValue, match="property_id, peril"),
    ):
        app.execute(
            "select prov.why(%s, 'fct_property_hazards', %s, 'hazard_score')",
            (TENANT, Jsonb({"property_id": str(P18)})),
        )
