"""Runs dbt as a process of its own, against the warehouse of the settings.

Belongs here: arguments, environment, where its artefacts go, and its exit. Does not belong here: what its results mean
for a tenant (`tenancy.outcome` says that, not dbt's own results) and Dagster.

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


class DbtError(RuntimeError):
    """dbt itself failed: it could not parse, connect or finish. Carries the last lines it wrote."""


@dataclass(frozen=True, slots=True)
class DbtRun:
    """One finished dbt process. `is_ok` False: a node failed; which tenant failed where stands in `tenancy.outcome`."""

    invocation_id: str
    is_ok: bool
    tail: str


def parsed_project(settings: Settings) -> Path:
    """Where `ensure_manifest` keeps the parsed project: beside the cluster whose address is part of the parse."""
    return settings.state_dir / "dbt"


def build_arguments(models: Sequence[str] = ()) -> list[str]:
    """Arguments of `dbt build`. models: names to build; none = all.

    Seeds are reference data with an asset of their own, and unit tests prove the code, not a tenant's data: neither
    belongs into a tenant's build.
    """
    arguments = ["build", "--exclude", "resource_type:seed", "resource_type:unit_test"]
    return [*arguments, "--select", *sorted(models)] if models else arguments


def tenant_environment(tenant_ids: Sequence[str]) -> dict[str, str]:
    """For which tenants dbt runs. In the environment, because other --vars than last time force a full parse.

    Raises ValueError without a tenant: a model compiled for nobody would be built for nobody, silently.
    """
    if not tenant_ids:
        raise ValueError("dbt is never called without tenants")
    return {"DBT_TENANT_IDS": json.dumps(sorted(set(tenant_ids)))}


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


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    tenant_ids: Sequence[str],
    run_id: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> DbtRun:
    """Run a command of dbt that builds for tenants, handing each line it writes to `tell`.

    run_id: of the Dagster run that asks for it, kept with what is published.

    Raises DbtError when it ended without results: a parse error, no connection, killed.
    """
    with tempfile.TemporaryDirectory(prefix="reos-dbt-") as target:
        variables = tenant_environment(tenant_ids) | environment(settings)  # no tenant is an error before no server is
        options = _saved_parse(settings, target)
        code, lines = _dbt([*arguments, *options], {**variables, "DBT_RUN_ID": run_id}, tell)
        tail = "\n".join(lines[-40:])
        results = Path(target) / "run_results.json"
        if not results.exists():
            raise DbtError(f"dbt {arguments[0]} ended with {code} and no results:\n{tail}")
        invocation_id = json.loads(results.read_text(encoding="utf-8"))["metadata"]["invocation_id"]
        return DbtRun(invocation_id, code == 0, tail)


def load_seeds(settings: Settings, names: Sequence[str], tell: Callable[[str], None] = lambda _: None) -> None:
    """Load the named seeds into `reference`. Raises DbtError."""
    with tempfile.TemporaryDirectory(prefix="reos-dbt-") as target:
        options = _saved_parse(settings, target)
        _checked(["seed", "--select", *sorted(names), *options], environment(settings), tell)


def ensure_manifest(settings: Settings) -> bool:
    """Parse the dbt project if its manifest is missing or older than any of its files. Returns whether it was parsed.

    Done here, once, because the code location reads the manifest while it loads, and loading must neither wait nor
    write. Raises DbtError when the project does not parse.
    """
    files = [
        p for p in DBT_PROJECT.rglob("*") if p.suffix in {".sql", ".yml", ".md", ".csv"} and "target" not in p.parts
    ]
    target = parsed_project(settings)
    manifest = target / "manifest.json"
    if manifest.exists() and manifest.stat().st_mtime >= max(p.stat().st_mtime for p in files):
        return False
    _checked(["parse", "--target-path", str(target)], environment(settings))
    return True


def load_manifest(settings: Settings) -> dict[str, Any]:
    """dbt's manifest. Raises DbtError where the project was never parsed."""
    path = parsed_project(settings) / "manifest.json"
    if not path.exists():
        raise DbtError("the dbt project was not parsed yet: run `reos up`")
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def generate_docs(settings: Settings, tenant_ids: Sequence[str]) -> Path:
    """Write dbt's documentation as one page and return its path. Raises DbtError."""
    target = parsed_project(settings).with_name("dbt_docs")
    arguments = ["docs", "generate", "--static", "--target-path", str(target)]
    _checked(arguments, {**environment(settings), **tenant_environment(tenant_ids)})
    return target / "static_index.html"


def _saved_parse(settings: Settings, target: str) -> list[str]:
    """A target folder of its own for each process, and the saved parse: read in 1 s where parsing takes 5 (CPU)."""
    return [
        "--target-path",
        target,
        "--partial-parse-file-path",
        str(parsed_project(settings) / "partial_parse.msgpack"),
    ]


def _checked(arguments: Sequence[str], variables: dict[str, str], tell: Callable[[str], None] = lambda _: None) -> None:
    code, lines = _dbt(arguments, variables, tell)
    if code != 0:
        raise DbtError(f"dbt {arguments[0]} failed:\n" + "\n".join(lines[-40:]))


def _leash() -> list[str]:
    """On Linux a program before dbt that makes it end when this process does, however that ends.

    A worker that is killed would else leave a dbt that goes on building and publishing beside the run that replaces it.
    """
    if sys.platform != "linux":
        return []
    die_with_parent = "import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGKILL)"
    return [sys.executable, "-I", "-c", f"{die_with_parent}; os.execv(sys.argv[1], sys.argv[1:])"]


def _dbt(arguments: Sequence[str], variables: dict[str, str], tell: Callable[[str], None]) -> tuple[int, list[str]]:
    """One dbt process: its exit code and the lines it wrote."""
    program = [*_leash(), str(Path(sys.executable).with_name("dbt"))]
    command = [*program, "--no-use-colors", "--log-level-file", "none", *arguments, "--project-dir", str(DBT_PROJECT)]
    lines = []
    with subprocess.Popen(
        command,
        cwd=DBT_PROJECT,
        env=process_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            tell(lines[-1])
    return process.returncode, lines
