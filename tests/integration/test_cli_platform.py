"""`reos status` and `reos materialize` as a person runs them: what is shown, what is refused, and the exit code."""

from __future__ import annotations

import datetime as dt
import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pytest
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from real_estate_assets.cli import instance, main, materialize, running, status
from real_estate_assets.cli.running import StageRun
from real_estate_assets.cli.status import print_summaries
from real_estate_assets.stores.warehouse import Warehouse, outcomes
from real_estate_assets.stores.warehouse.summary import COUNTED, TenantSummary
from real_estate_assets.stores.warehouse.tenants import add_tenant, set_active

Reos = Callable[..., Any]
PUBLISHED = dt.datetime(2026, 11, 24, 9, 12, tzinfo=dt.UTC)
FAILED = {"publish": "row 7 has no parcel", "warehouse": "yesterday's marts stay served: row 7 has no parcel"}


@pytest.fixture
def warehouse(warehouse_db: Any, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The warehouse that the commands find; no tenant yet."""
    opened = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    monkeypatch.setattr(instance, "open_warehouse", lambda: opened)
    return opened


@pytest.fixture
def reos(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reos]:
    """Runs a command line against that warehouse and a Dagster instance of its own."""
    with dg.DagsterInstance.ephemeral() as opened:

        @contextmanager
        def open_instance() -> Iterator[dg.DagsterInstance]:
            yield opened

        monkeypatch.setattr(instance, "open_instance", open_instance)
        app = Typer()
        for module in (status, materialize):
            module.register(app)
        yield lambda *arguments: CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def register(warehouse: Warehouse, *tenants: str) -> None:
    for tenant in tenants:
        add_tenant(warehouse, tenant, tenant_name=tenant, description="", base_uri="file:///")


def note(warehouse: Warehouse, tenant: str, node: str, *, ok: bool, error: str | None = None) -> None:
    outcomes.record(
        warehouse, tenant, invocation_id="1", node_id=node, is_ok=ok, stage="done", duration_ms=1, error=error
    )


def test_status_without_tenants_says_how_to_get_one(reos: Reos) -> None:
    done = reos("status")
    assert done.exit_code == 0
    assert "reos tenant add FILE" in done.stdout
    assert json.loads(reos("status", "--json").stdout) == []


def test_status_tells_programs_everything_about_every_active_tenant(reos: Reos, warehouse: Warehouse) -> None:
    register(warehouse, "acme", "beta", "gone")
    set_active(warehouse, "gone", is_active=False)
    told = json.loads(reos("status", "--json").stdout)
    assert [one["tenant_id"] for one in told] == ["acme", "beta"]
    assert told[0] == {
        "tenant_id": "acme", "files": 0, "rows_in": 0, "quarantined": 0, "mart_rows": dict.fromkeys(COUNTED),
        "unknown_hazards": None, "checks_passed": 0, "checks_failed": 0, "published_at": None, "failing": {},
        "recall_changes": [],
    }  # fmt: skip


def test_status_fails_while_a_tenant_fails_and_says_why(reos: Reos, warehouse: Warehouse) -> None:
    register(warehouse, "acme", "beta")
    note(warehouse, "beta", "records", ok=True)
    assert reos("status").exit_code == 0
    note(warehouse, "beta", "landing/source_files", ok=False, error="roll.csv: there is no such file")
    for arguments in (("status",), ("status", "--json")):
        done = reos(*arguments)
        assert done.exit_code == 1
        assert "roll.csv: there is no such file" in done.stdout
    note(warehouse, "beta", "landing/source_files", ok=True)
    assert reos("status").exit_code == 0


def summary(tenant: str, **changes: Any) -> TenantSummary:
    marts = dict.fromkeys(COUNTED, 1_112_044)
    given: dict[str, Any] = {
        "files": 6, "rows_in": 1_082_952, "quarantined": 240, "mart_rows": marts, "unknown_hazards": 1_204,
        "checks_passed": 412, "checks_failed": 0, "published_at": PUBLISHED, **changes,
    }  # fmt: skip
    return TenantSummary(tenant_id=tenant, **given)


def shown(width: int, *summaries: TenantSummary) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    print_summaries(console, summaries)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("width", [80, 140])
def test_the_tables_keep_headers_and_numbers_whole(width: int) -> None:
    nothing = {"mart_rows": dict.fromkeys(COUNTED), "published_at": None, "unknown_hazards": None}
    lines = shown(
        width, summary("charles-river"), summary("a-tenant-whose-name-has-many-words"), summary("new", **nothing)
    )
    words = " ".join(lines).split()
    assert max(len(line) for line in lines) <= width
    for header in ("files", "quarantined", "published", "properties", "assessments", "hazards", "unknown"):
        assert header in words
    assert words.count("1,112,044") == 2 * len(status.MARTS)
    assert words.count("1,082,952") == 3
    assert words.count("–") == len(status.MARTS) + 1
    assert "2026-11-24 09:12" in " ".join(lines)
    assert "not yet" in " ".join(lines)


def test_what_failed_is_told_once() -> None:
    text = "\n".join(shown(140, summary("acme", checks_failed=2, failing=FAILED)))
    assert "2 of 414 failed" in text
    assert text.count("row 7 has no parcel") == 1
    assert "row 7 has no parcel" in "\n".join(shown(140, summary("acme", failing={"publish": FAILED["publish"]})))


def test_materialize_refuses_a_tenant_or_a_stage_that_is_not_there(reos: Reos, warehouse: Warehouse) -> None:
    register(warehouse, "acme")
    done = reos("materialize", "--tenant", "acme", "--tenant", "acne")
    assert done.exit_code == 2
    assert "there is no tenant acne; `reos tenant list` shows those there are" in done.stderr
    done = reos("materialize", "--select", "marts")
    assert done.exit_code == 2
    assert "there is no stage marts; stages: landing, records, enrichment, calibration, warehouse" in done.stderr


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the stages' runs come to, decided by the test; `asked` is what they were asked for."""
    decided: dict[str, Any] = {"runs": []}

    def run_all(_instance: Any, _warehouse: Any, tenants: Any, *, stages: Any, force: bool, tell: Any) -> Any:
        decided["asked"] = (list(tenants), [stage.name for stage in stages], force)
        yield from decided["runs"]

    monkeypatch.setattr(running, "run_all", run_all)
    return decided


def test_materialize_asks_for_all_tenants_and_stages_or_for_those_named(
    reos: Reos, warehouse: Warehouse, runs: dict[str, Any]
) -> None:
    register(warehouse, "acme", "beta")
    done = reos("materialize")
    assert (done.exit_code, "nothing was built" in done.stdout) == (0, True)
    assert runs["asked"] == (
        ["acme", "beta"],
        ["landing", "records", "enrichment", "calibration", "warehouse", "features", "valuation"],
        False,
    )
    assert reos("materialize", "-t", "beta", "-s", "warehouse", "-s", "landing", "--force").exit_code == 0
    assert runs["asked"] == (["beta"], ["landing", "warehouse"], True)


def test_materialize_names_who_is_done_who_failed_and_who_waits(
    reos: Reos, warehouse: Warehouse, runs: dict[str, Any]
) -> None:
    register(warehouse, "acme", "beta", "cedar")
    runs["runs"] = [
        StageRun("reference", "1", (), {}, {}, True),
        StageRun(
            "records", "2", ("acme", "beta", "cedar"), {"beta": "roll.csv, row 7: 3 cells"}, {"cedar": "landing"}, False
        ),
    ]
    done = reos("materialize")
    assert done.exit_code == 1
    layers, records, failed, waits = done.stdout.splitlines()[-4:]
    assert ("✓ reference" in layers, "public layers" in layers) == (True, True)
    assert ("✗ records" in records, records.split()[-1]) == (True, "acme")
    assert failed.strip() == "beta: roll.csv, row 7: 3 cells"
    assert waits.strip().startswith("cedar waits: landing")


def test_partitions_follow_the_registered_tenants(warehouse: Warehouse, reos: Reos, runs: dict[str, Any]) -> None:
    register(warehouse, "acme", "beta")
    reos("materialize")
    set_active(warehouse, "beta", is_active=False)
    reos("materialize")
    assert runs["asked"][0] == ["acme"]
    assert "there is no tenant beta" in reos("materialize", "-t", "beta").stderr


def test_a_warehouse_that_does_not_answer_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], unused_port: int
) -> None:
    away = Warehouse(f"postgresql://reos_owner:the-password@127.0.0.1:{unused_port}/reos?connect_timeout=3")
    monkeypatch.setattr(instance, "open_warehouse", lambda: away)
    monkeypatch.setattr("sys.argv", ["reos", "status"])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 1
    assert "the warehouse does not answer" in told
    assert "refused" in told
    assert "run `reos up`" in told
    assert "the-password" not in told
    assert "Traceback" not in told
