"""How dbt is called: for named tenants only, for models and tests only, and never silently without a result."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from real_estate_assets.settings import Settings
from real_estate_assets.stores import dbt_process
from real_estate_assets.stores.dbt_process import (
    DbtError,
    build_arguments,
    ensure_manifest,
    environment,
    generate_docs,
    load_manifest,
    load_seeds,
    run_dbt,
    tenant_environment,
)

# What stands in for the program: it notes how it was called and does what the test asks.
PROGRAM = """#!/bin/sh
printf '%s\\n' "$@" > "$CALLED"
env | grep ^DBT_ | sort > "$CALLED.env"
while [ $# -gt 0 ]; do
  if [ "$1" = --target-path ]; then target=$2; fi
  shift
done
echo 'first line'
echo 'last line' >&2
mkdir -p "$target"
{work}
"""
RESULTS = """printf '{"metadata": {"invocation_id": "abc"}}' > "$target/run_results.json"\n"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        environment="test",
        state_dir=tmp_path / "state",
        warehouse_host="warehouse.invalid",
        warehouse_owner_password=SecretStr("owner's word"),
    )


@pytest.fixture
def dbt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a program in dbt's place; returns a function that says what it is to do, and the list it was called with."""
    called = tmp_path / "called"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    monkeypatch.setattr(dbt_process.sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("CALLED", str(called))

    class Program:
        def does(self, work: str) -> None:
            program = tmp_path / "bin" / "dbt"
            program.write_text(PROGRAM.replace("{work}", work))
            program.chmod(0o755)

        @property
        def arguments(self) -> list[str]:
            return called.read_text().splitlines()

        @property
        def environment(self) -> dict[str, str]:
            return dict(line.split("=", 1) for line in Path(f"{called}.env").read_text().splitlines())

    return Program()


def test_a_build_holds_models_and_their_tests_but_neither_seeds_nor_unit_tests() -> None:
    excluded = ["build", "--exclude", "resource_type:seed", "resource_type:unit_test"]
    assert build_arguments() == excluded
    assert build_arguments(["fct_sales", "dim_properties"]) == [*excluded, "--select", "dim_properties", "fct_sales"]


def test_tenants_are_handed_over_once_each_in_one_order() -> None:
    assert tenant_environment(["b", "a", "b"]) == {"DBT_TENANT_IDS": '["a", "b"]'}


@pytest.mark.parametrize(
    "call", [tenant_environment, lambda none: run_dbt(Settings(environment="test"), ["build"], tenant_ids=none)]
)
def test_dbt_is_never_called_without_tenants(call: Any) -> None:
    with pytest.raises(ValueError, match="never called without tenants"):
        call([])


def test_dbt_works_as_the_owner_and_keeps_the_password_out_of_its_logs(settings: Settings) -> None:
    variables = environment(settings)
    assert variables["DBT_WAREHOUSE_USER"] == "reos_owner"
    assert variables["DBT_WAREHOUSE_HOST"] == "warehouse.invalid"
    # dbt masks what stands in variables of this prefix.
    assert [name for name, value in variables.items() if value == "owner's word"] == [
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD"
    ]


def test_a_run_tells_each_line_and_says_which_invocation_it_was(settings: Settings, dbt: Any) -> None:
    dbt.does(RESULTS)
    told: list[str] = []
    run = run_dbt(settings, build_arguments(), tenant_ids=["acme"], tell=told.append)
    assert (run.invocation_id, run.is_ok) == ("abc", True)
    assert told == ["first line", "last line"]
    assert run.tail == "first line\nlast line"
    assert json.loads(dbt.environment["DBT_TENANT_IDS"]) == ["acme"]
    assert dbt.arguments[:2] == ["--no-use-colors", "--log-level-file"]
    assert "build" in dbt.arguments


def test_two_runs_write_into_folders_of_their_own_that_are_gone_afterwards(settings: Settings, dbt: Any) -> None:
    dbt.does(RESULTS)
    targets = []
    for _ in range(2):
        run_dbt(settings, build_arguments(), tenant_ids=["acme"])
        targets.append(dbt.arguments[dbt.arguments.index("--target-path") + 1])
    assert len(set(targets)) == 2
    assert not any(Path(target).exists() for target in targets)


def test_a_failed_node_is_a_result_and_not_an_error_of_dbt(settings: Settings, dbt: Any) -> None:
    dbt.does(RESULTS + "exit 1\n")
    assert run_dbt(settings, build_arguments(), tenant_ids=["acme"]).is_ok is False


@pytest.mark.parametrize(("work", "code"), [("exit 2\n", "2"), ("kill -9 $$\n", "-9"), ("exit 0\n", "0")])
def test_an_end_without_results_is_an_error_with_dbts_last_words(
    settings: Settings, dbt: Any, work: str, code: str
) -> None:
    dbt.does(work)
    with pytest.raises(DbtError, match=f"(?s)dbt build ended with {code} and no results.*last line"):
        run_dbt(settings, build_arguments(), tenant_ids=["acme"])


def test_seeds_are_loaded_by_name_and_a_failure_is_told(settings: Settings, dbt: Any) -> None:
    dbt.does("exit 0\n")
    load_seeds(settings, ["use_classes", "hazard_score_scale"])
    selected = dbt.arguments.index("--select")
    assert dbt.arguments[selected - 1 : selected + 3] == ["seed", "--select", "hazard_score_scale", "use_classes"]
    dbt.does("exit 1\n")
    with pytest.raises(DbtError, match=r"(?s)dbt seed failed.*last line"):
        load_seeds(settings, ["use_classes"])


def test_documentation_needs_tenants_because_models_are_compiled_for_them(settings: Settings, dbt: Any) -> None:
    dbt.does("exit 0\n")
    page = generate_docs(settings, ["acme"])
    assert page == settings.state_dir / "dbt_docs" / "static_index.html"
    with pytest.raises(ValueError, match="without tenants"):
        generate_docs(settings, [])


def test_a_project_that_was_never_parsed_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(DbtError, match="reos up"):
        load_manifest(settings)


def test_the_project_is_parsed_once_and_again_after_a_change(
    settings: Settings, dbt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    model = project / "models" / "dim_x.sql"
    model.write_text("select 1")
    monkeypatch.setattr(dbt_process, "DBT_PROJECT", project)
    dbt.does("""printf '{"nodes": {}}' > "$target/manifest.json"\n""")
    assert ensure_manifest(settings) is True
    assert load_manifest(settings) == {"nodes": {}}
    assert ensure_manifest(settings) is False
    parsed_at = (settings.state_dir / "dbt" / "manifest.json").stat().st_mtime
    os.utime(model, (parsed_at + 5, parsed_at + 5))
    assert ensure_manifest(settings) is True
    dbt.does("exit 2\n")
    os.utime(model, (parsed_at + 9, parsed_at + 9))
    with pytest.raises(DbtError, match="dbt parse failed"):
        ensure_manifest(settings)
