"""The harness of `make gates` and `make bench`: a promise that is not kept, or not looked at, never reads as kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import __main__ as bench
from benchmarks import measure, reading, report
from benchmarks.bounds import Bound, at_least, at_most, exactly
from benchmarks.dbt_statements import Statements, _in_order, _sorted_out
from benchmarks.gates import __main__ as gates
from benchmarks.gates import line
from benchmarks.gates.rows import deliveries, rows_of

ROOT = Path(__file__).resolve().parents[2]
numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, numbers)
def test_a_bound_divides_the_numbers(limit: float, value: float) -> None:
    assert at_least(limit).holds(value) == (value >= limit)
    assert at_most(limit).holds(value) == (value <= limit)
    assert exactly(limit).holds(value) == (value == limit)
    assert at_least(limit).holds(value) or at_most(limit).holds(value)


@pytest.mark.parametrize("bound", [at_least(0), at_most(0), exactly(0)])
@pytest.mark.parametrize("value", [None, "not run: no data", "none found", float("nan")])
def test_what_is_no_number_keeps_no_bound(bound: Bound, value: float | str | None) -> None:
    assert not bound.holds(value)


def test_bounds_are_written_to_the_last_digit() -> None:
    written = [str(one) for one in (exactly(27_528), at_most(1.5), at_least(0.99), at_least(4), exactly(1_234_567))]
    assert written == ["= 27528", "<= 1.5", ">= 0.99", ">= 4", "= 1234567"]


def test_a_gate_holds_by_its_must_and_reaches_by_its_goal() -> None:
    short = line.gate("spine.a", 4.5, at_least(4), at_least(5))
    assert (short["holds"], short["reached"], short["must"], short["goal"]) == (True, False, ">= 4", ">= 5")
    missed = line.gate("spine.a", 3, at_least(4))
    assert (missed["holds"], missed["reached"]) == (False, False)


def test_what_was_not_looked_at_or_not_found_does_not_hold() -> None:
    absent = line.not_run("spine.b", at_least(0), "no data")
    assert (absent["value"], absent["holds"], absent["reached"]) == ("not run: no data", False, False)
    nothing = line.gate("spine.c", None, at_most(10))
    assert (nothing["value"], nothing["holds"]) == ("none found", False)


def test_a_benchmark_is_judged_by_its_ratio_where_there_is_one() -> None:
    slow = measure.result("spine.x", 10.0, "s", "floor 5 s", 2.0, at_most(1.5), at_most(1.2))
    assert (slow["holds"], slow["reached"]) == (False, False)
    quick = measure.result("spine.x", 5.0, "rows/s", "peer 1", 5.0, 4.0, 5.5)
    assert (quick["must"], quick["holds"], quick["goal"], quick["reached"]) == (">= 4", True, ">= 5.5", False)
    alone = measure.result("spine.y", 3.0, "CPU s", must=at_most(4))
    assert (alone["ratio"], alone["holds"], alone["reached"]) == (None, True, True)
    absent = measure.not_run("spine.z", "s", 4.0, None, "no peer")
    assert (absent["holds"], absent["note"]) == (False, "not run: no peer")


def test_medians_are_taken_over_rounds_in_turn_and_the_first_round_is_not_counted() -> None:
    order: list[str] = []
    checked: list[tuple[str, int]] = []
    contenders = [
        measure.Contender(name, lambda: None, lambda _, name=name: order.append(name) or len(order)) for name in "ab"
    ]
    seconds = measure.median_seconds(contenders, 2, lambda name, answer: checked.append((name, answer)))
    assert order == ["a", "b"] * 3
    assert checked == [("a", 1), ("b", 2)]
    assert set(seconds) == {"a", "b"}


@pytest.fixture
def console() -> Console:
    return Console(width=200, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: PTH123


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([line.gate("spine.a", 1, exactly(1))], 0),
        ([line.gate("spine.a", 1, exactly(1)), line.gate("spine.b", 2, exactly(1))], 1),
        ([line.not_run("spine.a", exactly(1), "no data")], 1),
        ([], 2),
    ],
)
def test_the_exit_code_says_whether_all_musts_hold(
    lines: list[line.Gate], code: int, tmp_path: Path, console: Console
) -> None:
    file = tmp_path / "gates.json"
    assert report.conclude(lines, file, console=console) == code
    if lines:
        assert json.loads(file.read_text()) == lines


def test_the_table_shows_every_line_and_its_verdict(tmp_path: Path, console: Console) -> None:
    lines = [
        line.gate("spine.kept", 27_528, exactly(27_528)),
        line.gate("spine.missed", 1, exactly(2), note="why"),
        line.not_run("spine.absent", exactly(2), "no data"),
        line.gate("spine.short", 4.5, at_least(4), at_least(5)),
    ]
    report.conclude(lines, tmp_path / "gates.json", console=console)
    printed = console.export_text().splitlines()
    for name, words in {
        "spine.kept": ("27,528", "= 27528", "ok"),
        "spine.missed": ("MISSED", "why"),
        "spine.absent": ("not run: no data",),
        "spine.short": ("4.5", "short of goal"),
    }.items():
        (row,) = [text for text in printed if text.startswith(f"{name} ")]
        assert all(word in row for word in words), row


def test_a_prefix_selects_lines_and_the_modules_that_may_have_them() -> None:
    assert report.may_hold("spine.rows", "spine")
    assert report.may_hold("spine.rows", "spine.rows.read.fy2014")
    assert not report.may_hold("spine.rows", "spine.flood")
    assert report.selected("spine.rows.read.fy2014", "spine.rows")
    assert not report.selected("spine.rows.read.fy2013", "spine.rows.read.fy2014")
    assert report.selected("anything", "")


def test_every_benchmark_is_found_and_its_names_are_its_own() -> None:
    prefixes = [module.PREFIX for module in bench.found()]
    assert {"spine.hazard_join", "spine.load_location", "spine.main_job", "spine.model_build", "spine.reading"} <= set(
        prefixes
    )
    assert len(set(prefixes)) == len(prefixes)


def _module(prefix: str, lines: object) -> ModuleType:
    return SimpleNamespace(PREFIX=prefix, lines=lines)  # type: ignore[return-value]


def test_a_check_that_breaks_is_a_line_that_does_not_hold_and_hides_no_other() -> None:
    def broken() -> object:
        yield line.gate("spine.w.first", 1, exactly(1))
        raise ValueError("no such table")

    found = list(gates._lines_of(_module("spine.w", broken), "spine.w", lambda _: None))
    assert [one["holds"] for one in found] == [True, False]
    assert "no such table" in found[1]["note"]


def test_a_benchmark_that_breaks_is_a_line_that_does_not_hold() -> None:
    def run() -> object:
        raise ValueError("no such peer")

    (found,) = bench.measured(SimpleNamespace(PREFIX="spine.w", run=run), long=False)  # type: ignore[arg-type]
    assert not found["holds"]
    assert "no such peer" in found["note"]


def test_a_benchmark_is_told_whether_there_is_time_where_it_asks() -> None:
    told: list[bool] = []
    asks = SimpleNamespace(PREFIX="spine.w", run=lambda long: told.append(long) or [])
    assert bench.measured(asks, long=True) == []  # type: ignore[arg-type]
    assert told == [True]


def test_a_check_that_breaks_is_shown_whatever_was_asked_for() -> None:
    def broken() -> object:
        raise ValueError("no such table")
        yield

    found = list(gates._lines_of(_module("spine.w", broken), "spine.w.first", lambda _: None))
    assert [one["holds"] for one in found] == [False]


def test_rows_are_counted_without_header_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "roll.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8-sig", newline="") as packed:
        packed.write('a,b\r\n1,"two\r\nlines"\r\n\r\n2,x\r\n\r\n')
    assert rows_of(path) == 2


def test_features_of_every_layer_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "parcels.topojson.gz"
    layers = {"objects": {"a": {"geometries": [{}, {}]}, "b": {"geometries": [{}]}}}
    with gzip.open(path, "wt") as packed:
        json.dump(layers, packed)
    assert rows_of(path) == 3


def test_every_delivered_file_is_there_to_be_counted() -> None:
    delivered = deliveries()
    assert set(delivered) == {"back-bay", "charles-river", "puget-sound"}
    assert all((ROOT / "demo" / "data" / name).exists() for names in delivered.values() for name in names)


def test_the_made_roll_repeats_the_real_one_with_other_parcel_numbers(tmp_path: Path) -> None:
    roll = rows_of(ROOT / "demo" / "data" / reading.ROLL)
    path = tmp_path / "roll.csv"
    reading.write_roll(path, roll + 3)
    lines = path.read_text(encoding="ascii").splitlines()
    assert len(lines) == roll + 3 + 1
    with gzip.open(ROOT / "demo" / "data" / reading.ROLL, "rt", encoding="ascii") as packed:
        original = packed.read().splitlines()
    assert lines[0] == original[0]
    assert lines[1] != lines[roll + 1]
    assert lines[1].replace("0R", "", 1) == lines[roll + 1].replace("1R", "", 1) == original[1]


def test_the_made_rolls_description_is_a_tenants_file() -> None:
    from real_estate_assets.core.tenants import parse_tenant_file

    described = parse_tenant_file(reading.description("reader-0"), name="reader.yaml")
    assert described.tenant == "reader-0"
    assert [(one.name, [file.uri for file in one.files]) for one in described.sources] == [
        (reading.SOURCE, [reading.ROLL_FILE])
    ]


SENT = [
    {"sql": '/* {"app": "dbt"} */\n\n    select tenancy.ensure(s.schema_name) from x', "node_info": {}},
    {"sql": "/* c */ call tenancy.stage_all('0' , 'model.p.b')", "node_info": {"unique_id": "model.p.b"}},
    {"sql": "/* c */ call tenancy.stage_all('0' , 'model.p.a')", "node_info": {"unique_id": "model.p.a"}},
    {"sql": "/* c */ call tenancy.test_all('0' , 'test.p.t')", "node_info": {"unique_id": "test.p.t"}},
    {"sql": "/* c */ select count(*) from tenancy.outcome", "node_info": {"unique_id": "test.p.t"}},
    {"sql": "/* c */ call tenancy.publish_all('12345678-1234-1234-1234-123456789012', array['t'])", "node_info": {}},
]
MANIFEST = {
    "nodes": {
        "model.p.a": {"depends_on": {"nodes": ["source.p.raw", "seed.p.scale"]}},
        "model.p.through": {"depends_on": {"nodes": ["model.p.a"]}},
        "model.p.b": {"depends_on": {"nodes": ["model.p.through"]}},
        "test.p.t": {"depends_on": {"nodes": ["model.p.b"]}},
        "seed.p.scale": {},
    }
}


@pytest.fixture
def statements() -> Statements:
    return _sorted_out("t", SENT, MANIFEST)


def test_what_dbt_sent_is_sorted_by_node_with_what_each_reads(statements: Statements) -> None:
    assert set(statements.by_node) == {"model.p.a", "model.p.b", "test.p.t"}
    assert statements.parents == {
        "model.p.a": frozenset(),
        "model.p.b": frozenset({"model.p.a"}),  # through a model that is no table
        "test.p.t": frozenset({"model.p.b"}),
    }
    assert statements.invocation_id == "12345678-1234-1234-1234-123456789012"
    assert statements.prepare.startswith("select tenancy.ensure(")


def test_statements_are_sent_in_an_order_that_the_graph_allows(statements: Statements) -> None:
    from concurrent.futures import ThreadPoolExecutor

    done: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        _in_order(statements, lambda node: pool.submit(done.append, node))
    assert done == ["model.p.a", "model.p.b", "test.p.t"]
