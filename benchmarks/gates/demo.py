"""The built demo, as the gates ask it: through the application's own role, and through Dagster's event log.

Belongs here: building it where it is not built yet, and asking. Does not belong here: what the answers must be.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import ROOT
from real_estate_assets.settings import Settings, get_settings, process_environment

if TYPE_CHECKING:
    import dagster as dg

    from real_estate_assets.stores.warehouse import Warehouse

TENANTS = ("back-bay", "charles-river", "puget-sound")
DEMO_SECONDS = 1800


class DemoError(RuntimeError):
    """The demo could not be built. Carries the last lines of `reos demo`."""


@dataclass(frozen=True)
class Demo:
    """The demo of this clone. instance: Dagster's, with the events of every build; failing: tenants whose latest run of
    a stage failed, each with the reason."""

    settings: Settings
    warehouse: Warehouse
    instance: dg.DagsterInstance
    failing: list[str]

    def ask(self, tenant_id: str, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows of a query as the application bound to one tenant. `{tenant}` in it is that tenant's literal."""
        with self.warehouse.as_app(tenant_id) as connection:
            return connection.execute(query.replace("{tenant}", f"'{tenant_id}'"), parameters).fetchall()

    def number(self, tenant_id: str, query: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The one value of a query."""
        return self.ask(tenant_id, query, parameters)[0][0]


@contextmanager
def built_demo(tell: Callable[[str], None] = lambda _: None) -> Iterator[Demo]:
    """The demo of this clone, brought up to date by `reos demo`, which builds it where it is not built.

    A tenant that fails keeps what it had, and its lines say so. Raises DemoError where there are no marts at all.
    """
    from real_estate_assets.cli.instance import open_instance, open_warehouse

    settings = get_settings()
    tell("bringing the demo up to date: reos demo")
    try:
        run_demo(process_environment({}))
    except DemoError:
        if not has_marts(settings):
            raise
    with open_instance() as instance:
        warehouse = open_warehouse()
        yield Demo(settings, warehouse, instance, failing_tenants(warehouse))


def run_demo(environment: Mapping[str, str]) -> None:
    """Run `reos demo` in an environment. Raises DemoError with its last lines."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("reos")), "demo"],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEMO_SECONDS,
    )
    if done.returncode != 0:
        raise DemoError(f"`reos demo` ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")


def has_marts(settings: Settings) -> bool:
    """Whether some tenant of the demo has published marts."""
    import psycopg

    from real_estate_assets.settings import SettingsError
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.summary import summarize

    try:
        warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
        return any(summarize(warehouse, tenant_id).published_at is not None for tenant_id in TENANTS)
    except (SettingsError, psycopg.Error):
        return False


def failing_tenants(warehouse: Warehouse) -> list[str]:
    """Each demo tenant whose latest run of a stage failed, with the reason."""
    from real_estate_assets.stores.warehouse.summary import summarize

    summaries = [summarize(warehouse, tenant_id) for tenant_id in TENANTS]
    return [f"{one.tenant_id}, {stage}: {error}" for one in summaries for stage, error in one.failing.items()]
