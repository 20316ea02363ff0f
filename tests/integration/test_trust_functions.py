"""The formula of trust and what it is fed with as of a time: prov.trust and its look-ups, as production roles."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from real_estate_assets.core.provenance.trust_model import TrustModel, newest_model
from real_estate_assets.stores.warehouse import Warehouse, registry
from real_estate_assets.stores.warehouse.tenants import add_tenant

Connection = psycopg.Connection[tuple[Any, ...]]
TENANT, OTHER = "acme-tx", "birch"
EARLY, MIDDLE, LATE = (dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (1, 3, 5))
JUST_BEFORE = dt.timedelta(seconds=1)
SHA, PUBLIC_SHA = "a" * 64, "b" * 64

shares = st.just(0.0) | st.floats(1e-20, 1)
days = st.floats(0, 400_000)
counts = st.integers(0, 60)
factors = {
    "reliability": st.none() | shares,
    "survival": st.none() | shares,
    "age": st.none() | days,
    "method": st.none() | shares,
    "confidence": st.none() | shares,
    "row": st.none() | shares,
}


@pytest.fixture(scope="module")
def warehouse(module_warehouse_db: Any) -> Warehouse:
    made = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    for tenant in (TENANT, OTHER):
        add_tenant(made, tenant, tenant_name=tenant, description="x", base_uri="file:///")
    registry.append_reviewed(made, {"trust_model": [newest_model()]})
    with made.as_owner() as owner:
        owner.execute("update prov.trust_model set recorded_at = %s", (EARLY,))
        _evidence(owner)
        _priors(owner)
        _measurements(owner)
    return made


def _evidence(owner: Connection) -> None:
    """Per tenant: file 1 read as evidence 1, from it 2 and from that 3; 4 of a public file, from it 5."""
    owner.execute("insert into prov.method values ('read', '1', 'x', null, 'x')")
    owner.execute(
        "insert into prov.public_file (sha256, layer, source_kind, uri, object_key, byte_count, licence, locator_kind)"
        " values (%s, 'flood', 'fema_nfhl', 'u', 'k', 1, 'x', 'feature_index')",
        (PUBLIC_SHA,),
    )
    for tenant in (TENANT, OTHER):
        owner.execute(
            "insert into prov.source_file (tenant_id, file_no, sha256, source_name, source_kind, uri, object_key,"
            " byte_count, record_type, source_format, licence, locator_kind, source_entry, source_entry_sha256)"
            " values (%s, 1, %s, 'roll', 'assessor_roll', 'u', 'k', 1, 'property', 'csv', 'x', 'csv_row', '{}', 'x')",
            (tenant, SHA),
        )
        for number, file_no, sha256 in (
            (1, 1, None),
            (2, None, None),
            (3, None, None),
            (4, None, PUBLIC_SHA),
            (5, None, None),
        ):
            owner.execute(
                "insert into prov.evidence (tenant_id, evidence_no, file_no, public_sha256, method, code_version,"
                " run_id, field_group) values (%s, %s, %s, %s, 'read', '1', 'r', 'assessor')",
                (tenant, number, file_no, sha256),
            )
        owner.execute(
            "insert into prov.evidence_input values (%(t)s, 2, 1), (%(t)s, 3, 2), (%(t)s, 5, 4)", {"t": tenant}
        )


def _priors(owner: Connection) -> None:
    words = ("because", "a", dt.date(2026, 1, 1))
    for version, at, value in ((1, EARLY, 0.8), (2, LATE, 0.6)):
        owner.execute(
            "insert into prov.source_registry (source_kind, version, reliability, licence, cadence, reason,"
            " reviewed_by, reviewed_on, recorded_at) values ('assessor_roll', %s, %s, 'x', 'x', %s, %s, %s, %s)",
            (version, value, *words, at),
        )
        owner.execute(
            "insert into prov.survival_prior values ('year_built', %s, %s, %s, %s, %s, %s)",
            (version, value, *words, at),
        )
        owner.execute(
            "insert into prov.method_prior values ('copy', %s, %s, %s, %s, %s, %s)", (version, value, *words, at)
        )
    owner.execute("insert into prov.method_prior values ('guess', 1, null, %s, %s, %s, %s)", (*words, EARLY))
    owner.execute(
        "insert into prov.row_check values ('year_odd', 3, 'x', '{year_built}'),"
        " ('area_odd', 4, 'x', '{year_built,area}'), ('gate', null, 'x', '{parcel_number}')"
    )


def _measurements(owner: Connection) -> None:
    """Version 1 in March: three segments of one field, a check, a band and more; version 2 in May: nothing."""
    for version, at in ((1, MIDDLE), (2, LATE)):
        owner.execute("insert into prov.calibration values (%s, %s, 'r', 'c', '[]', %s)", (TENANT, version, at))
    measured = [
        ("stability", "year_built", "all", 900, 0.9), ("stability", "year_built", "CONDO", 300, 0.7),
        ("stability", "year_built", "CONDO|old", 50, 0.5), ("independent", "area", "all", 1000, 0.77),
        ("row_check", "year_built", "year_odd", 40, 0.25), ("method", "join", "all", 500, 0.97),
        ("confidence", "join", "0.1-0.5", 80, 0.9),
    ]  # fmt: skip
    for kind, field, segment, n, estimate in measured:
        owner.execute(
            "insert into prov.agreement"
            " values (%s, 1, %s, 'assessor_roll', %s, %s, %s, 1, 1, %s, null, 'the next vintage')",
            (TENANT, kind, field, segment, n, estimate),
        )


@pytest.fixture
def app(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.as_app(TENANT) as connection:
        yield connection


@pytest.fixture(scope="module")
def shared_app(warehouse: Warehouse) -> Iterator[Connection]:
    """One connection for all examples of a property: opening one costs more than asking."""
    with warehouse.as_app(TENANT) as connection:
        yield connection


def trust(connection: Connection, **given: Any) -> float:
    """prov.trust by the newest model; what is not given is certain, and fresh."""
    certain = {"reliability": 1, "survival": 1, "age": 0, "method": 1, "confidence": 1, "passed": 10**6, "total": 10**6}
    values = {**certain, "row": 1, "recalled": False, **given}
    found: float = connection.execute(
        "select prov.trust(prov.model_at(now()), %(reliability)s::float8, %(survival)s::float8, %(age)s::float8,"
        " %(method)s::float8, %(confidence)s::float8, %(passed)s::int, %(total)s::int, %(row)s::float8, %(recalled)s)",
        values,
    ).fetchall()[0][0]
    return found


def by_hand(model: TrustModel, v: dict[str, Any], passed: int, total: int) -> float:
    """The formula of docs/trust.md, written a second time."""

    def known(name: str, otherwise: float) -> float:
        return otherwise if v[name] is None else v[name]

    days = known("age", model.unknown_age_days)
    years = days / 365.25
    survival = 0.5 ** (365.25 / model.unknown_half_life_days) if v["survival"] is None else v["survival"]
    power = -math.inf if survival == 0 else years * math.log(survival)
    kept = 1.0 if days < 1e-9 else math.exp(power) if power >= -100 else 0.0  # a moment is no age
    product = known("reliability", model.unknown_reliability) * kept * known("method", model.unknown_method)
    product *= known("confidence", model.unknown_confidence) * (passed + 0.5) / (total + 1)
    return product * known("row", model.no_check_factor)


@example(v={**dict.fromkeys(factors), "survival": 0.0, "age": 1e-10}, passed=0, failed=0)
@given(v=st.fixed_dictionaries(factors), passed=counts, failed=counts)
def test_trust_is_the_product_of_its_factors(
    shared_app: Connection, v: dict[str, Any], passed: int, failed: int
) -> None:
    found = trust(shared_app, **v, passed=passed, total=passed + failed)
    assert found == pytest.approx(by_hand(newest_model(), v, passed, passed + failed), rel=1e-9, abs=1e-40)
    assert 0 <= found <= 1


@example(v=dict.fromkeys(factors), older=1.0, age=5e-324)  # the smallest age there is once raised an underflow
@given(v=st.fixed_dictionaries(factors), older=st.floats(1, 400_000), age=days)
def test_trust_never_grows_with_age(shared_app: Connection, v: dict[str, Any], older: float, age: float) -> None:
    assert trust(shared_app, **{**v, "age": age + older}) <= trust(shared_app, **{**v, "age": age})


@given(v=st.fixed_dictionaries(factors))
def test_a_recalled_cell_has_no_trust_at_all(shared_app: Connection, v: dict[str, Any]) -> None:
    assert trust(shared_app, **v, recalled=True) == 0


@pytest.mark.parametrize("factor", sorted(factors))
def test_what_is_unknown_counts_less_than_the_best_that_could_be_known(app: Connection, factor: str) -> None:
    assert trust(app, **{"survival": 0.9, "age": 30, factor: None}) < trust(app, survival=0.9, age=30)


def test_where_everything_is_unknown_trust_is_next_to_nothing(app: Connection) -> None:
    nothing = trust(app, **dict.fromkeys(factors), passed=None, total=None)
    assert 0 < nothing < 0.01


def test_a_failed_check_of_the_file_lowers_trust_and_so_does_one_of_the_record(app: Connection) -> None:
    assert trust(app, passed=9, total=10) < trust(app, passed=10, total=10) < 1
    assert trust(app, row=0.25) == pytest.approx(0.25, rel=1e-5)


def test_every_constant_of_the_model_counts(warehouse: Warehouse) -> None:
    """A constant written into the function instead of read from the model would not move the answer."""
    constants = ("reliability", "half_life_days", "age_days", "method", "confidence")
    unknown = "null, null, null, null, null, 1, 1, null, false"
    with warehouse.as_owner() as owner:
        before = owner.execute(f"select prov.trust(prov.model_at(now()), {unknown})").fetchall()[0][0]
        for name in [*(f"unknown_{c}" for c in constants), "no_check_factor"]:
            with owner.transaction(force_rollback=True):
                owner.execute(f"update prov.trust_model set {name} = {name} * 0.9")
                assert (
                    owner.execute(f"select prov.trust(prov.model_at(now()), {unknown})").fetchall()[0][0] != before
                ), name


def test_before_the_first_model_there_is_no_trust_to_speak_of(app: Connection) -> None:
    before = EARLY - JUST_BEFORE
    assert app.execute("select prov.trust(prov.model_at(%s), 1, 1, 0, 1, 1, 1, 1, 1, false)", (before,)).fetchall() == [
        (None,)
    ]


def asked(connection: Connection, function: str, *arguments: Any) -> tuple[Any, ...]:
    """The one row of a look-up."""
    marks = ", ".join(["%s"] * len(arguments))
    return connection.execute(f"select * from prov.{function}({marks})", arguments).fetchall()[0]


def survival(
    connection: Connection, version: int | None, segment: str, at: dt.datetime, field: str = "year_built"
) -> Any:
    return asked(connection, "survival", TENANT, version, "assessor_roll", field, segment, at)


def test_survival_is_that_of_the_smallest_part_that_was_measured(app: Connection) -> None:
    assert survival(app, 1, "CONDO|old", MIDDLE)[:2] == (0.5, 50)
    assert survival(app, 1, "CONDO|new", MIDDLE)[:2] == (0.7, 300)
    assert survival(app, 1, "SHOP|new", MIDDLE)[:2] == (0.9, 900)
    assert survival(app, 1, "all", MIDDLE)[3] == "all"


def test_without_a_measurement_the_reviewed_prior_of_that_time_counts(app: Connection) -> None:
    assert survival(app, None, "CONDO", MIDDLE)[:3] == (0.8, 0, "because")
    assert survival(app, None, "CONDO", LATE)[0] == 0.6
    assert survival(app, None, "CONDO", MIDDLE, "nobody_knows")[:3] == (None, 0, "unknown half-life")
    assert survival(app, None, "CONDO", EARLY - JUST_BEFORE)[0] is None


def test_reliability_is_measured_by_independent_sources_only(app: Connection) -> None:
    assert asked(app, "reliability", TENANT, 1, "assessor_roll", "area", "CONDO", MIDDLE)[:2] == (0.77, 1000)
    # Stability of year_built was measured, its reliability never: agreement with oneself is no truth.
    assert asked(app, "reliability", TENANT, 1, "assessor_roll", "year_built", "CONDO", MIDDLE)[:2] == (0.8, 0)
    assert asked(app, "reliability", TENANT, 1, "hearsay", "area", "CONDO", MIDDLE)[0] is None


def test_the_measurement_of_a_time_is_the_newest_by_then(app: Connection) -> None:
    versions = [
        app.execute("select (prov.calibration_at(%s, %s)).version", (TENANT, at)).fetchall()[0][0]
        for at in (MIDDLE - JUST_BEFORE, MIDDLE, LATE - JUST_BEFORE, LATE)
    ]
    assert versions == [None, 1, 1, 2]


def test_another_tenants_measurement_is_not_seen(warehouse: Warehouse) -> None:
    with warehouse.as_app(OTHER) as other:
        assert other.execute("select (prov.calibration_at(%s, %s)).version", (TENANT, LATE)).fetchall() == [(None,)]
        assert survival(other, 1, "CONDO", MIDDLE)[:2] == (0.8, 0)


def method(connection: Connection, name: str, version: int | None, at: dt.datetime) -> tuple[Any, ...]:
    return connection.execute(
        "select * from prov.method_factor(%s, %s, prov.model_at(now()), 'assessor_roll', %s, %s)",
        (TENANT, version, name, at),
    ).fetchall()[0]


def test_a_methods_factor_is_measured_or_reviewed_or_unknown(app: Connection) -> None:
    assert method(app, "join", 1, MIDDLE)[:2] == (0.97, 500)
    assert method(app, "copy", 1, MIDDLE)[:2] == (0.8, 0)
    assert method(app, "copy", 1, LATE)[0] == 0.6
    assert method(app, "guess", 1, LATE)[0] is None
    assert method(app, "never heard of", 1, LATE)[0] is None


def test_audits_move_a_methods_factor_from_their_time_on(warehouse: Warehouse, app: Connection) -> None:
    model = newest_model()
    with warehouse.as_owner() as owner:
        owner.execute(
            "insert into prov.audit_run values (%s, 1, 's', %s, %s, %s, 30, 20, 10, 0)", (TENANT, SHA, LATE, LATE)
        )
        for group in ("assessor", "sale"):
            owner.execute("insert into prov.audit_method values (%s, 1, 'copy', %s, 15, 10, %s)", (TENANT, group, LATE))
    found = method(app, "copy", 1, LATE)
    assert found[0] == pytest.approx((20 + model.prior_weight * 0.6) / (30 + model.prior_weight))
    assert found[1] == 30
    assert method(app, "copy", 1, LATE - JUST_BEFORE)[:2] == (0.8, 0)


def row_factor(connection: Connection, field: str, mask: int | None, version: int | None = 1) -> tuple[Any, ...]:
    return connection.execute(
        "select factor, touched, failed from prov.row_factor(%s, %s, prov.model_at(now()), 'assessor_roll', %s, %s)",
        (TENANT, version, field, mask),
    ).fetchall()[0]


def test_failed_checks_of_a_record_count_as_measured_and_else_as_the_model_says(app: Connection) -> None:
    assert row_factor(app, "year_built", 0) == (1, 2, [])
    assert row_factor(app, "year_built", 1 << 3) == (0.25, 2, ["year_odd"])
    assert row_factor(app, "year_built", 1 << 3, None) == (newest_model().failed_check_factor, 2, ["year_odd"])
    both = row_factor(app, "year_built", 1 << 3 | 1 << 4)
    assert both == (0.25 * newest_model().failed_check_factor, 2, ["area_odd", "year_odd"])


def test_a_field_that_no_check_touches_is_told_from_one_that_passed(app: Connection) -> None:
    assert row_factor(app, "zoning", 0) == (None, 0, [])
    assert row_factor(app, "parcel_number", None) == (1, 1, []), "the gate's rule was passed, or there would be no row"
    assert row_factor(app, "year_built", None) == (None, 0, []), "rows of this kind are not checked one by one"


def test_a_recall_reaches_all_that_was_made_from_the_file_while_it_stands(
    warehouse: Warehouse, app: Connection
) -> None:
    with warehouse.as_owner() as owner:
        owner.execute("insert into prov.recall values (%s, 1, %s, 'wrong year', 'a', %s, 'a')", (TENANT, MIDDLE, LATE))
        owner.execute("insert into prov.public_recall values (%s, %s, 'withdrawn', 'a')", (PUBLIC_SHA, LATE))

    def recalled(at: dt.datetime) -> list[int]:
        found = {n for (n,) in app.execute("select * from prov.recalled_evidence(%s, %s)", (TENANT, at)).fetchall()}
        one_by_one = {
            n for n in range(6)
            if app.execute("select prov.rests_on_recalled(%s, %s, null, %s)", (TENANT, n, at)).fetchall()[0][0]
        }  # fmt: skip
        assert found == one_by_one
        return sorted(found)

    assert recalled(MIDDLE - JUST_BEFORE) == []
    assert recalled(MIDDLE) == [1, 2, 3]
    assert recalled(LATE - JUST_BEFORE) == [1, 2, 3]
    assert recalled(LATE) == [4, 5], "restored, and the public file is taken back"
    assert app.execute("select prov.recall_reason(%s, 3, null, %s)", (TENANT, MIDDLE)).fetchall() == [("wrong year",)]
    assert app.execute("select * from prov.recalled_evidence(%s, %s)", (OTHER, LATE)).fetchall() == []


def test_bands_are_the_models(app: Connection) -> None:
    model = newest_model()
    for value, band in (
        (model.solid_from, "solid"), (model.solid_from - 1e-9, "mixed"), (model.weak_below, "mixed"),
        (model.weak_below - 1e-9, "weak"), (None, None),
    ):  # fmt: skip
        assert app.execute("select prov.band(prov.model_at(now()), %s::float8)", (value,)).fetchall() == [(band,)]
