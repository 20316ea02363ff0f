"""The valuation as a stage: who gets an estimate and who a reason, what it rests on, and what is not trained again.

Three tenants in one county: `seller` has sales enough for a model of a few trees, with some that are none; `few` has a
dozen; `twin` has the sales of `seller` at twice the price.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from real_estate_assets.cli import app
from real_estate_assets.core.valuation.settings import ValuationSettings
from real_estate_assets.settings import PROJECT_ROOT
from real_estate_assets.stores.model_objects import get_model_bytes
from real_estate_assets.stores.object_store import ObjectConflictError, open_store
from real_estate_assets.stores.vectors import open_vectors
from real_estate_assets.stores.warehouse import valuation
from real_estate_assets.stores.warehouse.property_lookup import NoSuchPropertyError
from real_estate_assets.stores.warehouse.valuation_reading import ValueAnswer, summary_of, value_of
from tests.made_platform import Platform, csv_bytes, platform
from tests.made_sales import BAD, COUNT, FEW, HEADER, SOURCE, sale_rows, small_settings

SELLER, FEW_SALES, TWIN = "seller", "few", "twin"
STAGES = ("landing", "records", "enrichment", "calibration", "warehouse", "features", "valuation")
ASSETS = ("training_set", "model", "estimates", "ratio_study", "comparables")


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with (
        pytest.MonkeyPatch.context() as patch,
        platform(module_warehouse_db.settings, tmp_path_factory.mktemp("valuation")) as made,
    ):
        patch.setattr("real_estate_assets.defs.valuation.assets.valuation_settings", small_settings)
        made.add(SELLER, [SOURCE], {"sales.csv": csv_bytes(sale_rows(), HEADER)})
        made.add(FEW_SALES, [SOURCE], {"sales.csv": csv_bytes(sale_rows(FEW), HEADER)})
        made.add(TWIN, [SOURCE], {"sales.csv": csv_bytes(sale_rows(price_factor=2), HEADER)})
        failed = [run for run in made.run(stages=STAGES) if run.failed]
        assert not failed, failed
        yield made


def ask(made: Platform, parcel: str, tenant_id: str = SELLER) -> ValueAnswer:
    return value_of(made.warehouse, tenant_id, parcel)


def model_of(made: Platform, tenant_id: str = SELLER) -> valuation.ValuationModel:
    model = ask(made, "S1", tenant_id).model
    assert model is not None
    return model


def reos(*arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_every_property_has_an_estimate_inside_its_interval_or_a_reason(made: Platform) -> None:
    rows = made.query(
        "select estimate_usd, low_usd, high_usd, null_reason, share_within_10pct, tercile from valuation.estimate"
        " where tenant_id = %s",
        SELLER,
    )
    assert len(rows) == made.one("select count(*) from marts.dim_properties where tenant_id = %s", SELLER)
    valued = [row for row in rows if row[3] is None]
    assert len(valued) >= COUNT
    assert all(low < value < high and 0 <= share <= 1 and 1 <= t <= 3 for value, low, high, _, share, t in valued)
    assert {row[:3] for row in rows if row[3] is not None} == {(None, None, None)}


@pytest.mark.parametrize("parcel", ["NOWHERE", "BLANK"])
def test_what_a_model_cannot_see_gets_no_value_but_the_reason(made: Platform, parcel: str) -> None:
    answer = ask(made, parcel)
    assert answer.estimate["estimate_usd"] is None
    assert answer.estimate["null_reason"] in ("latitude_unknown", "building_sqft_unknown")
    assert answer.trust is None
    assert {"latitude", "longitude"} <= answer.unknown.keys()
    assert all(answer.unknown.values()), "each unknown feature says why"


def test_sales_that_are_none_teach_nothing_and_are_counted(made: Platform) -> None:
    training_set = ask(made, "S1").training_set
    left_out = {one["rule"]: one["sale_count"] for one in training_set.filters}
    assert left_out["nominal_price"] == 1
    assert training_set.sale_count + sum(left_out.values()) == training_set.offered_count
    future = made.query(
        "select count(*) from valuation.backtest where tenant_id = %s and sale_date > '2014-12-31'", SELLER
    )
    assert future == [(0,)]
    assert training_set.last_sale_date is not None
    assert training_set.last_sale_date.year == 2014


def test_a_tenant_with_too_few_sales_gets_the_reason_and_never_a_neighbours_model(made: Platform) -> None:
    answer = ask(made, "S1", FEW_SALES)
    assert (answer.estimate["null_reason"], answer.model) == ("too_few_sales", None)
    assert answer.training_set.reason is not None
    assert f"{FEW} valid sales" in answer.training_set.reason
    assert "200" in answer.training_set.reason
    assert made.one("select count(*) from valuation.model where tenant_id = %s", FEW_SALES) == 0
    assert open_vectors(made.settings).kept(FEW_SALES) == []
    summary = summary_of(made.warehouse, FEW_SALES)
    assert summary is not None
    assert (summary.estimated, summary.properties, summary.card) == (0, FEW, None)


def test_a_tenants_estimates_come_from_its_own_sales(made: Platform) -> None:
    """The twin's houses are the same and sold for twice as much: a model of both would say something between."""
    median = (
        "select percentile_cont(0.5) within group (order by estimate_usd) from valuation.estimate where tenant_id = %s"
    )
    assert made.one(median, TWIN) / made.one(median, SELLER) == pytest.approx(2, rel=0.1)
    assert model_of(made).model_id != model_of(made, TWIN).model_id


def test_an_estimate_names_its_model_its_files_and_its_features(made: Platform) -> None:
    answer = ask(made, "S1")
    model, estimate = answer.model, answer.estimate
    assert model is not None
    store = open_store(made.settings, SELLER)
    assert len(get_model_bytes(store, model.object_key)) > 1_000
    file_no, sha256 = made.query("select file_no, sha256 from prov.source_file where tenant_id = %s", SELLER)[0]
    named = [(one["file_no"], one["sha256"], one["sale_count"]) for one in model.training_files]
    assert named == [(file_no, sha256, answer.training_set.sale_count)]
    assert estimate["file_no"] == file_no
    assert estimate["record_no"] is not None
    assert estimate["evidence_no"] is not None
    assert estimate["feature_run_ids"]
    assert estimate["feature_event_at"] is not None
    assert sum(one["weight"] for one in model.features) == pytest.approx(1)


def test_trust_is_the_measured_share_times_the_trust_of_the_cells_it_was_computed_from(made: Platform) -> None:
    trust = ask(made, "S1").trust
    assert trust is not None
    assert trust.trust is not None
    assert trust.share_within_10pct is not None
    assert trust.inputs is not None
    known = [cell for cell in trust.cells if cell.trust is not None]
    area = next(cell for cell in known if cell.field == "living_area_sqft")
    of_the_cell = made.one(
        "select prov.why(%s, p.property_id, 'living_area_sqft') ->> 'trust' from marts.dim_properties p"
        " where p.tenant_id = %s and p.parcel_number = 'S1'",
        SELLER,
        SELLER,
    )
    assert area.trust == pytest.approx(float(of_the_cell))
    weighed = sum(cell.trust * cell.weight for cell in known if cell.trust is not None)
    assert trust.inputs == pytest.approx(weighed / sum(cell.weight for cell in known))
    assert trust.trust == pytest.approx(trust.share_within_10pct * trust.inputs)


def test_a_file_taken_back_takes_the_trust_of_every_estimate_learned_from_it(made: Platform) -> None:
    with made.warehouse.as_owner() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "insert into prov.recall (tenant_id, file_no, recalled_at, reason, recalled_by)"
            " values (%s, 1, now(), 'wrong file', 'a test')",
            (SELLER,),
        )
        rows = connection.execute(
            "select t.trust, t.is_recalled from valuation.estimate e"
            " cross join valuation.trust(e.tenant_id, e.property_id) t where e.tenant_id = %s limit 5",
            (SELLER,),
        ).fetchall()
    assert set(rows) == {(0.0, True)}


def test_five_comparables_are_earlier_sales_of_other_houses(made: Platform) -> None:
    from real_estate_assets.stores.comparable_sales import comparables_of

    answer = ask(made, "S1")
    assert answer.model is not None
    objects, vectors = open_store(made.settings, SELLER), open_vectors(made.settings)
    found = comparables_of(objects, vectors, SELLER, answer.model, answer.row)
    assert len(found) == 5
    assert all(one.sale_date < answer.model.valued_on for one in found)
    assert answer.subject.property_id not in {one.property_id for one in found}
    assert all(one.reason and 0 < one.score <= 1 for one in found)


def test_traits_that_sales_cannot_teach_are_said_of_whom_they_concern(made: Platform) -> None:
    told = {one["trait"]: one for one in ask(made, "S1").learned}
    assert "a waterfront" in told
    waterfront = told["a waterfront"]
    assert not waterfront["can_be_learned"]
    carriers = made.one("select count(*) from marts.dim_properties where tenant_id = %s and is_waterfront", SELLER)
    concerned = "select count(*) from valuation.estimate where tenant_id = %s and 'a waterfront' = any(unlearnable)"
    assert made.one(concerned, SELLER) == carriers > 0
    assert {"wildfire hazard", "heat hazard"} <= told.keys(), "every hazard is told of"


def test_the_events_hold_card_pictures_and_verdicts(made: Platform) -> None:
    assert {"card", "object_sha256", "model_id"} <= made.latest("valuation/model", SELLER).keys()
    assert len(made.latest("valuation/model", SELLER)["card"]) <= 1_000
    study = made.latest("valuation/ratio_study", SELLER)
    assert {"predicted_against_actual", "ratios", "error_by_value", "error_map"} <= study.keys()
    assert "coverage" in made.latest("valuation/estimates", SELLER)
    assert "feature_coverage" in made.latest("valuation/training_set", SELLER)
    for asset in ASSETS:
        assert len(json.dumps(made.latest(f"valuation/{asset}", SELLER), default=str)) < 20_000
        assert "reason" in made.latest(f"valuation/{asset}", FEW_SALES)


def test_the_command_tells_value_interval_likes_and_evidence(made: Platform) -> None:
    told = json.loads(reos("value", SELLER, "S1", "--json"))
    estimate = ask(made, "S1").estimate
    assert told["estimate_usd"] == estimate["estimate_usd"]
    assert (told["low_usd"], told["high_usd"]) == (estimate["low_usd"], estimate["high_usd"])
    assert len(told["comparables"]) == 5
    assert told["evidence"]["model"]["object_sha256"] == model_of(made).object_sha256
    assert told["evidence"]["training_files"][0]["sha256"]
    text = reos("value", SELLER, "S1")
    for words in ("trust ", "comparable sales", "what is not known", "learned from", model_of(made).model_id[:20]):
        assert words in text
    assert "no estimate because" in reos("value", FEW_SALES, "S1")
    assert "latitude is unknown" in reos("value", SELLER, "NOWHERE")


def test_the_page_gets_every_tenants_figures(made: Platform, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((PROJECT_ROOT / "docs" / "valuation.md").read_text())
    reos("valuation", "--docs", str(page))
    written = page.read_text()
    for tenant_id in (SELLER, FEW_SALES, TWIN):
        assert f"| {tenant_id} |" in written
    assert "puget-sound |" not in written.split("Figures of this installation")[1]
    assert reos("valuation", FEW_SALES).count("a model needs 200") == 1


def test_a_second_run_trains_nothing_and_says_the_same(made: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    before = made.query("select * from valuation.model order by tenant_id")
    said = "select property_id, estimate_usd, low_usd, high_usd from valuation.estimate where tenant_id = %s order by 1"
    first = made.query(said, SELLER)

    def trained(*_: Any) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr("real_estate_assets.core.valuation.boosting._fit", trained)
    assert made.run(stages=["valuation"]) == [], "unchanged input asks for nothing"
    assert made.run_only("valuation", SELLER, TWIN, FEW_SALES, force=True) == {}
    assert made.query("select * from valuation.model order by tenant_id") == before
    assert made.query(said, SELLER) == first
    assert made.latest("valuation/model", SELLER)["trained_now"] is False
    assert made.latest("valuation/comparables", SELLER)["published_now"] is False
    versions = [made.materializations("valuation/estimates", SELLER)[n]["dagster/data_version"] for n in (0, 1)]
    assert versions[0] == versions[1]


def test_a_model_whose_bytes_were_changed_is_refused_and_the_neighbour_is_served(made: Platform) -> None:
    record = model_of(made)
    path = next((made.inbox.parent / "objects").rglob(record.object_sha256))
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + b"?")
        with pytest.raises(ObjectConflictError, match="not what its key promises"):
            get_model_bytes(open_store(made.settings, SELLER), record.object_key)
        failed = made.run_only("valuation", SELLER, TWIN, force=True)
        assert failed.keys() == {SELLER}
    finally:
        path.write_bytes(whole)
    assert made.run_only("valuation", SELLER, force=True) == {}


def test_other_settings_are_another_model_and_the_former_one_stays(
    made: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deeper() -> ValuationSettings:
        return small_settings().model_copy(update={"depth": 3})

    monkeypatch.setattr("real_estate_assets.defs.valuation.assets.valuation_settings", deeper)
    former = model_of(made).model_id
    assert made.run_only("valuation", SELLER, force=True) == {}
    assert model_of(made).model_id != former
    assert made.one("select count(*) from valuation.model where tenant_id = %s", SELLER) == 2


@pytest.mark.parametrize(("tenant_id", "name"), [("nobody", "S1"), (SELLER, "Q1"), (FEW_SALES, "S300")])
def test_what_does_not_exist_and_what_is_anothers_get_one_answer(made: Platform, tenant_id: str, name: str) -> None:
    with pytest.raises(NoSuchPropertyError, match="no property"):
        value_of(made.warehouse, tenant_id, name)


def test_the_made_bad_sales_are_what_they_say() -> None:
    assert [row[0] for row in sale_rows()[COUNT:]] == list(BAD)
