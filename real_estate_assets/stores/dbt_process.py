"""Runs dbt as a process of its own, against the warehouse of the settings.

Belongs here: arguments, environment, where its artefacts go, and its exit. Does not belong here: what its results mean for
a tenant (`tenancy.outcome` says that, not dbt's own results) and Dagster.

A process rather than dbt's in-process runner: 1.9 s of import is paid once a chunk of tenants, and its memory and its
crash stay its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from real_estate_assets.settings import PROJECT_ROOT, Settings, process_environment

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
MANIFEST = DBT_PROJECT / "target" / "manifest.json"


class DbtError(RuntimeError):
    """dbt itself failed: it could not parse, connect or finish. Carries the last lines it wrote."""


@dataclass(frozen=True, slots=True)
class DbtRun:
    """One finished dbt process. `is_ok` False means a node failed; which tenant failed where is in `tenancy.outcome`."""

    invocation_id: str
    is_ok: bool
    tail: str


def build_arguments(tenant_ids: Sequence[str], models: Sequence[str] = ()) -> list[str]:
    """Arguments of `dbt build` for a list of tenants. models: names to build; none = all.

    Raises ValueError without a tenant: a model compiled for nobody would be built for nobody, silently.
    """
    if not tenant_ids:
        raise ValueError("dbt is never called without tenants")
    arguments = [
        "build",
        "--exclude",
        "resource_type:seed",
        "--vars",
        json.dumps({"tenant_ids": sorted(set(tenant_ids))}),
    ]
    return [*arguments, "--select", *sorted(models)] if models else arguments


def environment(settings: Settings) -> dict[str, str]:
    """What dbt's profile reads: the warehouse as reos_owner."""
    host, port = settings.address("warehouse")
    return {
        "DBT_WAREHOUSE_HOST": host,
        "DBT_WAREHOUSE_PORT": str(port),
        "DBT_WAREHOUSE_USER": "reos_owner",
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": settings.password("owner").get_secret_value(),
        "DBT_WAREHOUSE_DBNAME": settings.warehouse_database,
        "DBT_WAREHOUSE_SSLMODE": settings.warehouse_sslmode,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
    }


def run_dbt(settings: Settings, arguments: Sequence[str], *, tell: Callable[[str], None] = lambda _: None) -> DbtRun:
    """Run dbt to its end, handing each line it writes to `tell`.

    Raises DbtError when it ended without results: a parse error, no connection, killed.
    """
    with tempfile.TemporaryDirectory(prefix="reos-dbt-") as target:
        command = [
            str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "--log-level-file", "none", "--no-write-json" if arguments[0] == "seed" else "--write-json",
            *arguments, "--project-dir", str(DBT_PROJECT), "--target-path", target,
        ]  # fmt: skip
        lines = []
        with subprocess.Popen(
            command,
            cwd=DBT_PROJECT,
            env=process_environment(environment(settings)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line.rstrip())
                tell(lines[-1])
        tail = "\n".join(lines[-40:])
        results = Path(target) / "run_results.json"
        if not results.exists():
            if arguments[0] == "seed" and process.returncode == 0:
                return DbtRun("", True, tail)
            raise DbtError(f"dbt {arguments[0]} ended with {process.returncode} and no results:\n{tail}")
        invocation_id = json.loads(results.read_text())["metadata"]["invocation_id"]
        return DbtRun(invocation_id, process.returncode == 0, tail)


def ensure_manifest(settings: Settings) -> bool:
    """Parse the dbt project if its manifest is missing or older than any of its files. Returns whether it was parsed.

    Done here, once, because the code location reads the manifest while it loads, and loading must neither wait nor write.
    Raises DbtError when the project does not parse.
    """
    inputs = [
        p for p in DBT_PROJECT.rglob("*") if p.suffix in {".sql", ".yml", ".md", ".csv"} and "target" not in p.parts
    ]
    newest = max(p.stat().st_mtime for p in inputs)
    if MANIFEST.exists() and MANIFEST.stat().st_mtime >= newest:
        return False
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "--quiet",
        "--log-level-file",
        "none",
        "parse",
        "--project-dir",
        str(DBT_PROJECT),
    ]
    done = subprocess.run(
        command,
        cwd=DBT_PROJECT,
        env=process_environment(environment(settings)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DbtError(f"the dbt project does not parse:\n{(done.stdout + done.stderr)[-4000:]}")
    return True


def load_manifest() -> dict[str, Any]:
    """dbt's manifest. Raises DbtError where the project was never parsed."""
    if not MANIFEST.exists():
        raise DbtError("dbt_project/target/manifest.json is missing: run `reos up`, which parses the dbt project")
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return manifest


def generate_docs(settings: Settings, tenant_ids: Sequence[str]) -> Path:
    """Write dbt's documentation site (index.html with its data inside) and return its path. Raises DbtError."""
    variables = json.dumps({"tenant_ids": sorted(tenant_ids)})
    command = [
        str(Path(sys.executable).with_name("dbt")), "--quiet", "--log-level-file", "none", "docs", "generate", "--static",
        "--vars", variables, "--project-dir", str(DBT_PROJECT),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=DBT_PROJECT, env=process_environment(environment(settings)), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DbtError(f"dbt docs generate failed:\n{(done.stdout + done.stderr)[-4000:]}")
    return MANIFEST.with_name("static_index.html")
