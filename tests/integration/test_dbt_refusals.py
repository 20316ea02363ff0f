"""What dbt must refuse, and that a refusal leaves what is served as it was.

Changed models stand in a copy of the project; the database is one tenant's small warehouse.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from real_estate_assets.stores.warehouse import Warehouse

from .dbt_estate import PROJECT, Estate, seed_public, seed_tenant

pytestmark = pytest.mark.slow

TENANT = "acme-tx"
# A model that takes its time: a minute before its first row.
NAP = "with nap as materialized (select 1 from pg_sleep(60)),\n\nparcels as ("
QUICK = ("--exclude-resource-type", "unit_test")


@pytest.fixture(scope="module")
def built(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """One tenant, built once."""
    warehouse = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    estate = Estate(module_warehouse_db.settings, warehouse, tmp_path_factory.mktemp("target"))
    seed_public(estate)
    seed_tenant(estate, TENANT)
    done = estate.dbt("build", *QUICK, tenants=[TENANT])
    assert done.returncode == 0, done.stdout[-5000:]
    return estate


@pytest.fixture
def changed(built: Estate, tmp_path: Path) -> Estate:
    """The same database with a copy of the project that a test may change."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("target", "logs"))
    target = tmp_path / "target"
    target.mkdir()
    return replace(built, project=copy, target=target)


def edit(estate: Estate, path: str, old: str, new: str) -> None:
    file = estate.project / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def served(estate: Estate) -> dict[str, int]:
    """Mart -> identity of the heap that readers see."""
    return dict(
        estate.rows(
            "select parent.relname::text, heap.inhrelid::bigint from pg_inherits mid"
            " join pg_class parent on parent.oid = mid.inhparent join pg_inherits heap on heap.inhparent = mid.inhrelid"
            " where parent.relnamespace in ('marts'::regnamespace, 'intermediate'::regnamespace)"
        )
    )


def error_of(estate: Estate, node: str) -> str:
    """The latest error recorded for a node of the tenant."""
    found = estate.rows(
        "select error from tenancy.outcome where tenant_id = %s and node_id like '%%' || %s and not is_ok"
        " order by at desc limit 1",
        TENANT, node,
    )  # fmt: skip
    return str(found[0][0])


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "which tenants?"),
        (["a'; drop table tenancy.tenant; --"], "is no tenant id"),
        (["nobody"], "none of these tenants is known and active"),
    ],
)
def test_a_build_names_known_tenants(built: Estate, ids: list[str], message: str) -> None:
    before = served(built)
    done = built.dbt("run", "--select", "dim_owners", tenants=ids)
    assert done.returncode != 0
    assert message in done.stdout
    assert served(built) == before


def test_the_variable_names_tenants_too_and_full_refresh_erases_nothing(built: Estate) -> None:
    before, rows = served(built), built.rows("select * from marts.dim_owners order by owner_id")
    done = built.dbt("run", "--full-refresh", "--select", "dim_owners", "--vars", '{"tenant_ids": ["acme-tx"]}')
    assert done.returncode == 0, done.stdout[-3000:]
    assert {mart for mart, heap in served(built).items() if before[mart] != heap} == {"dim_owners"}
    assert built.rows("select * from marts.dim_owners order by owner_id") == rows


def test_what_breaks_the_contract_is_refused(changed: Estate) -> None:
    before = served(changed)
    marts = "models/marts"
    edit(changed, f"{marts}/dim_owners.sql", "newest.owner_key,", "newest.owner_key, 1 as surplus,")
    edit(changed, f"{marts}/dim_parcels.sql", "piece_count,", "piece_count::text as piece_count,")
    edit(changed, f"{marts}/dim_source_files.sql", "    sha256,", "    null::text as sha256,")
    edit(
        changed,
        f"{marts}/fct_market_index.sql",
        "select * from final",
        "select * from final union all select * from final",
    )

    models = ["dim_owners", "dim_parcels", "dim_source_files", "fct_market_index"]
    done = changed.dbt("run", "--select", *models, tenants=[TENANT])

    assert done.returncode == 1
    errors = [error_of(changed, model) for model in models]
    assert errors[0] == "contract: column surplus is not in the contract"
    assert errors[1] == "contract: column piece_count is text, the contract says integer"
    assert errors[2].startswith('column "sha256" of relation')
    assert errors[2].endswith("contains null values")
    assert errors[3].startswith("could not create unique index")
    assert served(changed) == before


def test_changed_columns_wait_for_their_migration(changed: Estate) -> None:
    before = served(changed)
    edit(changed, "models/marts/dim_owners.sql", "newest.owner_key,", "newest.owner_key, 'x'::text as owner_kind,")
    edit(
        changed, "models/marts/_dim_owners.yml", "      - name: name_variants",
        "      - {name: owner_kind, data_type: text}\n      - name: name_variants",
    )  # fmt: skip
    done = changed.dbt("run", "--select", "dim_owners", tenants=[TENANT])
    assert done.returncode == 1
    assert "a migration must alter the parent first" in error_of(changed, "publish")
    assert served(changed) == before

    changed.execute("alter table marts.dim_owners add column owner_kind text")
    try:
        assert changed.rows("select distinct owner_kind from marts.dim_owners") == [(None,)]
        done = changed.dbt("run", "--select", "dim_owners", tenants=[TENANT])
        assert done.returncode == 0, done.stdout[-3000:]
        assert changed.rows("select distinct owner_kind from marts.dim_owners") == [("x",)]
    finally:
        changed.execute("alter table marts.dim_owners drop column owner_kind")


def test_a_model_that_cannot_be_compiled_publishes_nothing_beside_it(changed: Estate) -> None:
    before = served(changed)
    broken = "{{ exceptions.raise_compiler_error('broken') if execute }}\nwith owners as ("
    edit(changed, "models/marts/dim_owners.sql", "with owners as (", broken)
    done = changed.dbt("run", "--select", "dim_owners", "dim_parcels", tenants=[TENANT])
    assert done.returncode == 1
    assert "broken" in error_of(changed, "dim_owners")
    assert "dim_owners" in error_of(changed, "publish")
    assert served(changed) == before


def test_a_failed_unit_test_publishes_nothing(changed: Estate) -> None:
    before = served(changed)
    edit(changed, "models/marts/agg_market_sales.sql", "where is_arms_length and", "where")
    done = changed.dbt("build", "--select", "agg_market_sales", "dim_parcels", tenants=[TENANT])
    assert done.returncode == 1
    assert "market_medians_leave_out_what_is_no_market_sale" in done.stdout
    assert served(changed) == before


def test_a_killed_build_serves_the_old_data_and_a_rerun_heals(changed: Estate) -> None:
    before = served(changed)
    edit(changed, "models/marts/dim_parcels.sql", "with parcels as (", NAP)
    edit(changed, "models/marts/dim_parcels.sql", "from parcels\n", "from parcels cross join nap\n")
    sleeping = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    sleeping += " and wait_event = 'PgSleep'"
    arguments = changed.command("build", *QUICK)
    with subprocess.Popen(
        arguments, env=changed.environment([TENANT]), stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        # Killed while one model is being built and others are staged.
        deadline = time.monotonic() + 120
        while not changed.rows(f"select 1 {sleeping}"):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
        assert changed.rows("select count(*) > 0 from tenancy.staged") == [(True,)]
        os.killpg(process.pid, signal.SIGKILL)
    changed.execute(f"select pg_terminate_backend(pid) {sleeping}")
    assert served(changed) == before

    done = replace(changed, project=PROJECT).dbt("build", *QUICK, tenants=[TENANT])
    assert done.returncode == 0, done.stdout[-3000:]
    assert not set(before.values()) & set(served(changed).values())
