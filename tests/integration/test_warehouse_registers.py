"""What is written down about work: files, evidence, outcomes, reviewed versions, and how a tenant stands by them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import errors

from real_estate_assets.core.provenance.field_map import MappedField
from real_estate_assets.core.provenance.source_registry import SourceKind, source_kinds
from real_estate_assets.defs.reference.trust_registers import trust_registers
from real_estate_assets.stores.warehouse import Warehouse, evidence, outcomes
from real_estate_assets.stores.warehouse.evidence import Method, NewSourceFile, RecordTypeChangedError
from real_estate_assets.stores.warehouse.registry import (
    RegistryError,
    append_reviewed,
    append_versions,
    replace_field_map,
    replace_row_checks,
)
from real_estate_assets.stores.warehouse.summary import change_counts, summarize
from real_estate_assets.stores.warehouse.tenants import add_tenant, remove_tenant

TENANTS = ("acme", "beta")
READ = Method("read_and_cast", "v1", "Column map applied to one record.", "lossless by construction")


@pytest.fixture
def warehouse(warehouse_db: Any) -> Warehouse:
    """Two tenants, nothing else."""
    opened = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    for tenant in TENANTS:
        add_tenant(opened, tenant, tenant_name=tenant, description="", base_uri="file:///")
    return opened


def roll(content: int = 1, **changes: Any) -> NewSourceFile:
    """A file that landing has seen; files of the same `content` have the same bytes."""
    sha256 = f"{content:064x}"
    described = NewSourceFile(
        sha256=sha256, source_name="roll", source_kind="assessor_roll", uri=f"roll_{content}.csv",
        object_key=f"landing/roll/{sha256}", vintage=dt.date(2014, 1, 1), byte_count=7, record_type="property",
        source_format="csv", licence="PDDL-1.0", locator_kind="csv_row", source_entry={"columns": {"a": "b"}},
        source_entry_sha256="entry 1",
    )  # fmt: skip
    return dataclasses.replace(described, **changes)


def test_files_are_numbered_densely_by_tenant(warehouse: Warehouse) -> None:
    for tenant in TENANTS:
        assert [evidence.register_file(warehouse, tenant, roll(n)) for n in (1, 2, 3)] == [
            (1, True), (2, True), (3, True),
        ]  # fmt: skip


def test_the_same_bytes_of_one_source_are_one_file_and_of_another_source_another(warehouse: Warehouse) -> None:
    assert evidence.register_file(warehouse, "acme", roll(1)) == (1, True)
    assert evidence.register_file(warehouse, "acme", roll(1, uri="the/same/under/another/name.csv")) == (1, False)
    assert evidence.register_file(warehouse, "acme", roll(1, source_name="sales")) == (2, True)
    assert evidence.register_file(warehouse, "beta", roll(1)) == (1, True)
    assert [file.source_name for file in evidence.files(warehouse, "acme")] == ["roll", "sales"]


def test_a_file_comes_back_as_it_was_described(warehouse: Warehouse) -> None:
    evidence.register_file(warehouse, "acme", roll(1))
    (file,) = evidence.files(warehouse, "acme")
    described = dataclasses.asdict(roll(1))
    assert {name: value for name, value in dataclasses.asdict(file).items() if name in described} == {
        name: value for name, value in described.items() if hasattr(file, name)
    }
    assert (file.read_status, file.record_count, file.gate_passed, file.evidence_no) == ("landed", None, None, None)
    assert file.received_at.tzinfo is not None


def read(warehouse: Warehouse, file_no: int = 1) -> int:
    """Reads and gates a file, as the records stage would note it."""
    number = evidence.add_evidence(warehouse, "acme", READ, run_id="r", field_group="assessor", file_no=file_no)
    evidence.mark_read(warehouse, "acme", file_no, record_count=40, evidence_no=number, read_by="v1")
    evidence.save_gate(warehouse, "acme", file_no, passed=True, report={"warnings": {}})
    return number


def test_only_another_entry_marks_a_known_file_to_be_read_again(warehouse: Warehouse) -> None:
    evidence.register_file(warehouse, "acme", roll(1))
    read(warehouse)
    evidence.register_file(warehouse, "acme", roll(1))
    assert [file.read_status for file in evidence.files(warehouse, "acme")] == ["read"]
    changed = roll(1, source_entry_sha256="entry 2", source_entry={"columns": {}}, source_kind="sales_file")
    assert evidence.register_file(warehouse, "acme", changed) == (1, False)
    (file,) = evidence.files(warehouse, "acme")
    assert (file.read_status, file.source_entry, file.source_kind) == ("landed", {"columns": {}}, "sales_file")


def test_the_same_bytes_cannot_turn_into_records_of_another_type(warehouse: Warehouse) -> None:
    evidence.register_file(warehouse, "acme", roll(1))
    with pytest.raises(RecordTypeChangedError, match="another name"):
        evidence.register_file(warehouse, "acme", roll(1, record_type="owner", source_entry_sha256="entry 2"))
    assert [file.record_type for file in evidence.files(warehouse, "acme")] == ["property"]


def test_a_reading_its_gate_and_a_refusal_follow_each_other(warehouse: Warehouse) -> None:
    evidence.register_file(warehouse, "acme", roll(1))
    number = read(warehouse)
    evidence.record_checks(warehouse, "acme", number, passed=9, total=10)
    (file,) = evidence.files(warehouse, "acme")
    assert (file.read_status, file.record_count, file.gate_passed, file.evidence_no) == ("read", 40, True, number)
    evidence.mark_read(warehouse, "acme", 1, record_count=41, evidence_no=number, read_by="v2")
    (file,) = evidence.files(warehouse, "acme")
    assert (file.gate_passed, file.gate_report, file.read_by) == (None, None, "v2"), "its gate has not spoken yet"
    evidence.mark_refused(warehouse, "acme", 1, error="line 7: cut off", read_by="v3")
    (file,) = evidence.files(warehouse, "acme")
    assert (file.read_status, file.read_error, file.record_count) == ("refused", "line 7: cut off", None)
    with warehouse.as_app("acme") as connection:
        checks = connection.execute(
            "select checks_passed, checks_total from prov.evidence where evidence_no > 0"
        ).fetchall()
    assert checks == [(9, 10)]


def in_force(warehouse: Warehouse, *, landed: dict[str, int], absent: Sequence[str] = ()) -> list[int]:
    """Numbers of the files that count after a landing, all of the source `roll`."""
    evidence.settle_current(
        warehouse,
        "acme",
        landed={("roll", uri): number for uri, number in landed.items()},
        absent=[("roll", uri) for uri in absent],
    )
    return [file.file_no for file in evidence.files(warehouse, "acme")]


def test_a_new_vintage_stands_beside_the_old_one_only_where_that_passed_its_gate(warehouse: Warehouse) -> None:
    for content in (1, 2, 3):
        evidence.register_file(warehouse, "acme", roll(content, uri="roll.csv"))
    evidence.register_file(warehouse, "beta", roll(1))
    read(warehouse, 1)
    assert in_force(warehouse, landed={"roll.csv": 2}) == [1, 2], "the third was never seen there"
    assert in_force(warehouse, landed={"roll.csv": 3}) == [1, 3], "the second never passed: it is replaced"
    assert in_force(warehouse, landed={"roll.csv": 1}) == [1], "the third was taken back"
    assert [file.file_no for file in evidence.files(warehouse, "beta")] == [1]


def test_an_absent_file_counts_as_before_and_one_no_longer_described_does_not(warehouse: Warehouse) -> None:
    evidence.register_file(warehouse, "acme", roll(1))
    evidence.register_file(warehouse, "acme", roll(2))
    assert in_force(warehouse, landed={"roll_1.csv": 1}, absent=["roll_2.csv"]) == [1, 2]
    assert in_force(warehouse, landed={"roll_1.csv": 1}) == [1]
    assert in_force(warehouse, landed={"roll_1.csv": 1, "roll_2.csv": 2}) == [1, 2]
    assert in_force(warehouse, landed={}) == []


def test_a_record_index_is_replaced_with_its_file(warehouse: Warehouse) -> None:
    evidence.register_file(warehouse, "acme", roll(1))
    evidence.save_record_index(warehouse, "acme", 1, 1000, [0, 65_000])
    evidence.save_record_index(warehouse, "acme", 1, 500, [0, 32_000, 65_000])
    with warehouse.as_app("acme") as connection:
        found = connection.execute("select every, byte_offsets from prov.record_index").fetchall()
    assert found == [(500, [0, 32_000, 65_000])]


def test_landings_at_one_time_give_dense_numbers_and_equal_bytes_one_file(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: evidence.register_file(warehouse, "acme", roll(n % 8)), range(16)))
    assert sorted(number for number, is_new in found if is_new) == list(range(1, 9))
    by_content = [{found[n][0], found[n + 8][0]} for n in range(8)]
    assert all(len(numbers) == 1 for numbers in by_content)


def test_evidence_added_at_one_time_has_dense_numbers_by_tenant(warehouse: Warehouse) -> None:
    def add(n: int) -> int:
        tenant = TENANTS[n % 2]
        return evidence.add_evidence(warehouse, tenant, READ, run_id=f"r{n}", field_group="assessor")

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(add, range(16)))
    assert sorted(numbers[0::2]) == sorted(numbers[1::2]) == list(range(1, 9))


def test_evidence_names_what_it_was_derived_from_once_each(warehouse: Warehouse) -> None:
    evidence.register_file(warehouse, "acme", roll(1))
    first, second = read(warehouse), read(warehouse)
    evidence.record_checks(warehouse, "acme", first, passed=9, total=10)
    evidence.record_checks(warehouse, "acme", second, passed=4, total=5)
    derived = Method("dissolve_by_parcel", "v1", "Union of pieces.", "identity of shape", factor=0.9)
    number = evidence.add_evidence(
        warehouse, "acme", derived, run_id="r", field_group="parcel_geometry", inputs=[second, first, second]
    )
    with warehouse.as_app("acme") as connection:
        inputs = connection.execute(
            "select input_evidence_no from prov.evidence_input where evidence_no = %s order by 1", (number,)
        ).fetchall()
        methods = connection.execute("select method, factor from prov.method order by 1").fetchall()
        checks = connection.execute(
            "select checks_passed, checks_total from prov.evidence where evidence_no = %s", (number,)
        ).fetchall()
    assert inputs == [(first,), (second,)]
    assert checks == [(13, 15)], "what was checked of the inputs was checked of what is made of them"
    assert methods == [("dissolve_by_parcel", 0.9), ("no_record", None), ("read_and_cast", None)]


def test_evidence_of_a_file_or_input_that_is_not_there_is_refused_and_takes_no_number(warehouse: Warehouse) -> None:
    with pytest.raises(errors.ForeignKeyViolation):
        evidence.add_evidence(warehouse, "acme", READ, run_id="r", field_group="assessor", file_no=9)
    with pytest.raises(errors.ForeignKeyViolation):
        evidence.add_evidence(warehouse, "acme", READ, run_id="r", field_group="assessor", inputs=[9])
    assert evidence.add_evidence(warehouse, "acme", READ, run_id="r", field_group="assessor") == 1


def note(warehouse: Warehouse, node: str, *, run: str, ok: bool = True, tenant: str = "acme", **more: Any) -> None:
    given: dict[str, Any] = {"stage": "done", "duration_ms": 5, **more}
    outcomes.record(warehouse, tenant, invocation_id=run, node_id=node, is_ok=ok, **given)


def test_the_latest_outcome_of_a_node_counts_whatever_its_run(warehouse: Warehouse) -> None:
    note(warehouse, "records", run="1", row_count=10)
    note(warehouse, "records", run="2", ok=False, error="roll.csv: row 3 has 4 cells")
    note(warehouse, "landing/source_files", run="2")
    assert {one.node_id: (one.is_ok, one.error) for one in outcomes.latest(warehouse, "acme")} == {
        "records": (False, "roll.csv: row 3 has 4 cells"),
        "landing/source_files": (True, None),
    }
    upstream = ["landing/source_files", "records"]
    assert outcomes.blocked_by(warehouse, "acme", upstream) == "records"
    assert outcomes.blocked_by(warehouse, "acme", ["landing/source_files"]) is None
    assert outcomes.blocked_by(warehouse, "acme", ["never/ran"]) is None
    assert outcomes.blocked_by(warehouse, "acme", []) is None
    assert outcomes.blocked_by(warehouse, "beta", upstream) is None, "one tenant's failure is that tenant's"
    note(warehouse, "records", run="3")
    assert outcomes.blocked_by(warehouse, "acme", upstream) is None


def test_a_retry_of_a_run_replaces_its_own_outcome(warehouse: Warehouse) -> None:
    note(warehouse, "records", run="1", ok=False, error="no connection")
    note(warehouse, "records", run="1", row_count=10)
    note(warehouse, "records", run="1", tenant="beta")
    (own,) = outcomes.of_invocation(warehouse, ["acme"], "1")
    assert (own.is_ok, own.error, own.row_count, own.severity) == (True, None, 10, "error")
    assert [one.tenant_id for one in outcomes.of_invocation(warehouse, TENANTS, "1")] == ["acme", "beta"]
    assert outcomes.of_invocation(warehouse, TENANTS, "another run") == []


def test_a_tenant_removed_while_it_was_built_leaves_no_outcome(warehouse: Warehouse) -> None:
    remove_tenant(warehouse, "beta")
    note(warehouse, "records", run="1", tenant="beta")
    assert outcomes.of_invocation(warehouse, TENANTS, "1") == []


def kind(**changes: Any) -> SourceKind:
    return source_kinds()[0].model_copy(update=changes)


def test_reviewed_versions_are_appended_once(warehouse: Warehouse) -> None:
    everything = source_kinds()
    assert append_versions(warehouse, everything) == len(everything)
    assert append_versions(warehouse, everything) == 0
    assert append_versions(warehouse, [*everything, kind(version=9, reliability=0.5)]) == 1


@pytest.mark.parametrize(
    "change", [{"reliability": 0.1}, {"reason": "other words"}, {"reviewed_on": dt.date(2000, 1, 1)}]
)
def test_an_edited_version_is_refused_and_nothing_of_its_file_is_kept(warehouse: Warehouse, change: Any) -> None:
    append_versions(warehouse, [kind()])
    with pytest.raises(RegistryError, match="version 1 of 'assessor_roll' was released"):
        append_versions(warehouse, [kind(version=2), kind(**change)])
    with warehouse.as_app("acme") as connection:
        assert connection.execute("select version, reliability from prov.source_registry").fetchall() == [
            (1, kind().reliability)
        ]


def test_the_field_map_is_that_of_the_models_now(warehouse: Warehouse) -> None:
    price = MappedField("fct_sales", "price_usd", "sale", "copy", [])
    derived = MappedField("fct_sales", "price_per_sqft", "sale", "quotient", ["price_usd"], ages=False)
    assert replace_field_map(warehouse, [price, derived]) == 2
    assert replace_field_map(warehouse, [derived]) == 1
    with warehouse.as_app("acme") as connection:
        found = connection.execute(
            "select mart, field, field_group, method, derived_from, ages from prov.field_map"
        ).fetchall()
    assert found == [("fct_sales", "price_per_sqft", "sale", "quotient", ["price_usd"], False)]


def test_the_registers_of_trust_are_appended_once_and_checks_replaced(warehouse: Warehouse) -> None:
    registers = trust_registers()
    stated = sum(len(models) for models in registers.versions.values())
    assert append_reviewed(warehouse, registers.versions) == stated > 50
    assert append_reviewed(warehouse, registers.versions) == 0
    for _ in range(2):
        assert replace_row_checks(warehouse, registers.checks) == len(registers.checks)
    with warehouse.as_app("acme") as connection:
        bits, gated = connection.execute(
            "select array_agg(bit order by bit) filter (where bit is not null), count(*) filter (where bit is null)"
            " from prov.row_check"
        ).fetchall()[0]
        model = connection.execute("select version, minimum_n from prov.trust_model order by version").fetchall()
    assert bits == list(range(len(bits)))
    assert gated > 20
    assert model == [(one.version, one.minimum_n) for one in registers.versions["trust_model"]]


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("trust_model", {"weak_below": 0.1}, "version 1 of prov.trust_model was released"),
        ("survival_prior", {"survival_per_year": 0.1}, r"version 1 of '\w+' was released"),
        ("method_prior", {"reason": "other words, long enough to be a reason all the same"}, "was released"),
    ],
)
def test_an_edited_register_of_trust_is_refused(warehouse: Warehouse, table: Any, change: Any, says: str) -> None:
    first = trust_registers().versions[table][0]
    append_reviewed(warehouse, {table: [first]})
    with pytest.raises(RegistryError, match=says):
        append_reviewed(warehouse, {table: [first.model_copy(update=change)]})


def test_a_bit_that_was_released_keeps_its_check(warehouse: Warehouse) -> None:
    replace_row_checks(warehouse, [("a", 0, "A.", ["x"]), ("gate.b", None, "B.", ["x", "y"])])
    for moved in ([("b", 0, "B.", ["x"])], [("a", 1, "A.", ["x"])], [("a", None, "A.", ["x"])]):
        with pytest.raises(RegistryError, match="row check 'a' had bit 0"):
            replace_row_checks(warehouse, moved)
    assert replace_row_checks(warehouse, [("a", 0, "Said better.", ["x", "y"]), ("c", 1, "C.", ["x"])]) == 2


def publish(warehouse: Warehouse, tenant: str, mart: str, query: str) -> None:
    with warehouse.as_owner() as connection:
        staged = connection.execute(
            "select tenancy.stage('marts', %s, %s, %s, %s, '{}')", (mart, tenant, f"build {mart}", query)
        ).fetchall()[0][0]
        assert staged["ok"], staged
        connection.execute("select tenancy.publish(%s, %s)", (tenant, f"build {mart}"))


def test_a_tenant_that_has_nothing_yet_is_summed_up_as_nothing(warehouse: Warehouse) -> None:
    found = summarize(warehouse, "acme")
    assert (found.files, found.rows_in, found.quarantined, found.checks_passed, found.checks_failed) == (0, 0, 0, 0, 0)
    assert set(found.mart_rows.values()) == {None}
    assert (found.unknown_hazards, found.published_at, found.failing) == (None, None, {})
    assert change_counts(warehouse, "acme") == []


def test_a_summary_counts_the_tenants_own_files_marts_and_verdicts(warehouse: Warehouse) -> None:
    for tenant in TENANTS:
        evidence.register_file(warehouse, tenant, roll(1))
    read(warehouse)
    with warehouse.as_owner() as connection:
        connection.cursor().executemany(
            "insert into quarantine.record (tenant_id, file_no, record_no, record_type, stage, rule, message, run_id)"
            " values (%s, 1, %s, 'property', 'gate', %s, 'm', 'r')",
            [("acme", 3, "a"), ("acme", 3, "b"), ("acme", 4, "a"), ("beta", 1, "a")],
        )
    scores = "select '__TENANT__'::text as tenant_id, {} as hazard_score from generate_series(1, {})"
    publish(warehouse, "acme", "fct_property_hazards", scores.format("nullif(0.5, 0.5)", 3))
    publish(warehouse, "beta", "fct_property_hazards", scores.format("0.5::numeric", 5))
    publish(
        warehouse,
        "acme",
        "fct_changes",
        "select '__TENANT__'::text as tenant_id, field, change_kind from (values ('owner', 'changed'),"
        " ('price', 'changed'), ('price', 'changed'), (null, 'added')) v (field, change_kind)",
    )
    note(warehouse, "test.project.unique_x", run="1", stage="test")
    note(warehouse, "test.project.not_null_y", run="1", stage="test", ok=False, error="2 rows")
    note(warehouse, "model.project.dim_z", run="1", ok=False, error="2 rows")
    note(warehouse, "warehouse", run="1", ok=False, error="yesterday's marts stay served")
    note(warehouse, "enrichment", run="1", ok=False, stage="blocked", error="records")
    note(warehouse, "publish", run="0", stage="publish")
    note(warehouse, "records", run="0", ok=False, error="cured since")
    note(warehouse, "records", run="1")
    found = summarize(warehouse, "acme")
    assert (found.files, found.rows_in, found.quarantined) == (1, 40, 2)
    assert (found.mart_rows["fct_property_hazards"], found.unknown_hazards) == (3, 3)
    assert (found.mart_rows["fct_changes"], found.mart_rows["dim_properties"]) == (4, None)
    assert (found.checks_passed, found.checks_failed) == (1, 1)
    assert found.failing == {"warehouse": "yesterday's marts stay served"}
    assert found.published_at is not None
    assert change_counts(warehouse, "acme") == [("price", 2), ("added", 1), ("owner", 1)]
    assert change_counts(warehouse, "acme", limit=1) == [("price", 2)]
    in_force(warehouse, landed={})
    assert (summarize(warehouse, "acme").files, summarize(warehouse, "acme").quarantined) == (0, 0)
    other = summarize(warehouse, "beta")
    assert (other.quarantined, other.mart_rows["fct_changes"], other.unknown_hazards) == (1, 0, 0)
