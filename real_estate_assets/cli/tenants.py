"""`reos tenant check | add | list | analyst | remove`: who is a tenant, and what becomes of one.

Belongs here: what these commands print and ask, and the order in which a tenant leaves warehouse, object store and
Dagster. Does not belong here: reading a description's files (`tenant_check.py`), the register (`stores/warehouse`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from real_estate_assets.core.tenants import TenantFile
    from real_estate_assets.stores.warehouse import Warehouse

File = Annotated[Path, typer.Argument(help="The tenant's description, a YAML file.", exists=True, dir_okay=False)]
Base = Annotated[
    str | None,
    typer.Option(
        "--base", help="Folder or address where the description's relative uris start; its own folder if not given."
    ),
]
Slug = Annotated[str, typer.Argument(help="The tenant, as `reos tenant list` shows it.")]


class TenantCommandError(RuntimeError):
    """A command about a tenant cannot be done as asked; the message says why and what to do."""


def register(app: typer.Typer) -> None:
    """Add these commands to the application, below `reos tenant`."""
    group = typer.Typer(help="Check, add, list and remove tenants.", no_args_is_help=True)
    for command in (check, add, remove, analyst):
        group.command()(command)
    group.command("list")(list_all)
    app.add_typer(group, name="tenant")


def check(file: File, base: Base = None) -> None:
    """Try a description on its real files: every problem with file, line and what to do, and the first rows mapped.

    Stores nothing and needs no Postgres. The exit code is 1 when there is a problem.
    """
    from rich.console import Console

    from real_estate_assets.cli.tenant_check import rendered, try_files

    console, problems = Console(), 0
    description, _ = _described(file, console)
    counties = _counties(description)
    if counties is None:
        console.print("[dim]No county layer is loaded here: where coordinates lie is judged by their numbers only.[/]")
    with console.status("reading"):
        for trial in try_files(description, _base_uri(file, base), counties):
            problems += trial.problem is not None
            console.print(*rendered(trial), sep="\n", soft_wrap=True)
    if problems:
        console.print(f"\n{problems} of its files cannot be read as described.")
        raise typer.Exit(1)
    with_base = f" --base {base}" if base else ""
    console.print(
        f"\n{description.tenant} can be added: [bold]reos tenant add {file}{with_base}[/bold]", soft_wrap=True
    )


def add(file: File, base: Base = None) -> None:
    """Register a tenant, or bring the description of a registered one up to date."""
    from rich.console import Console

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.stores.warehouse import tenants

    console = Console()
    description, text = _described(file, console)
    warehouse, base_uri = open_warehouse(), _base_uri(file, base)
    known = {one.tenant_id: one for one in tenants.list_tenants(warehouse, include_inactive=True)}
    there = known.get(description.tenant)
    named = {"tenant_name": description.name, "description": text, "base_uri": base_uri}
    if there is None:
        tenants.add_tenant(warehouse, description.tenant, **named)
        console.print(f"[green]✓[/] {description.tenant} is registered.")
    elif not there.is_active:
        finish = f"reos tenant remove {description.tenant}"
        raise TenantCommandError(f"{description.tenant} is being removed: finish with `{finish}`, then add it.")
    elif (there.description, there.base_uri) == (text, base_uri):
        console.print(f"{description.tenant} is registered already, with this very description. Nothing changed.")
        return
    else:
        tenants.update_tenant(warehouse, description.tenant, **named)
        console.print(f"[green]✓[/] {description.tenant} was registered; its description is brought up to date.")
    files = sum(len(source.files) for source in description.sources)
    console.print(
        f"Next: its {files} files are landed, read, gated and built into marts. With `reos ui` running that happens by"
        " itself, within minutes; to do it here and now:"
        f" [bold]reos materialize --tenant {description.tenant}[/bold]",
        soft_wrap=True,
    )


def list_all() -> None:
    """Show the registered tenants."""
    from rich.console import Console
    from rich.table import Table

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.stores.warehouse.tenants import list_tenants

    console = Console()
    found = list_tenants(open_warehouse(), include_inactive=True)
    if not found:
        console.print("No tenant yet. `reos tenant add FILE` registers one; `reos demo` brings three.")
        return
    table = Table("tenant", "name", "added", "files start at", box=None, header_style="bold", pad_edge=False)
    for one in found:
        name = one.tenant_name if one.is_active else f"{one.tenant_name} (its removal is not finished)"
        table.add_row(one.tenant_id, name, f"{one.added_at:%Y-%m-%d %H:%M}", one.base_uri)
    console.print(table)


def analyst(slug: Slug, drop: Annotated[bool, typer.Option("--drop", help="Take the login away.")] = False) -> None:
    """Make the login of a tenant's analysts, or give it a new password. The password is shown once."""
    from rich.console import Console

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.settings import get_settings
    from real_estate_assets.stores.cluster_files import remember_secrets
    from real_estate_assets.stores.warehouse import tenants

    console, warehouse = Console(soft_wrap=True), open_warehouse()
    tenants.get_tenant(warehouse, slug)
    if drop:
        tenants.drop_analyst(warehouse, slug)
        console.print(f"Analysts of {slug} have no login any more.")
        return
    login = tenants.create_analyst(warehouse, slug)
    console.print(f"login     {login.role}\npassword  {login.password}\nviews     {login.schema}", highlight=False)
    settings = get_settings()
    if settings.warehouse_host is None:  # on the private cluster `reos psql --analyst` uses the same login
        remember_secrets(settings.state_dir, {login.role: login.password})
    console.print("An earlier password has ended.")


def remove(
    slug: Slug,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the name again.")] = False,
) -> None:
    """Remove a tenant with all it has: tables, evidence, quarantine, landed files, features, vectors, login, partition.

    There is no way back. A removal that was cut short is finished by the same command.
    """
    from rich.console import Console

    from real_estate_assets.cli.instance import open_instance, open_warehouse
    from real_estate_assets.core.tenants.wording import check_slug

    try:
        check_slug(slug)
    except ValueError as error:
        raise TenantCommandError(f"{slug!r} is no tenant: {error}") from None
    console, warehouse = Console(), open_warehouse()
    if not yes and typer.prompt(f"Everything of {slug} will be gone for good. Type its name to go on") != slug:
        raise TenantCommandError(f"that is not its name: nothing of {slug} was removed.")
    with console.status(f"removing {slug}"), open_instance() as instance:
        done = _removed(warehouse, instance, slug)
    for line in done:
        console.print(f"[green]✓[/] {line}")
    console.print(
        "Runs that built other tenants too keep their lines about this one in Dagster's log (counts, names of files)"
        " until those runs are deleted.",
        soft_wrap=True,
    )


def _removed(warehouse: Warehouse, instance: Any, slug: str) -> list[str]:
    """Take the tenant out of warehouse, object store, online store, vectors and Dagster; say what went.

    The warehouse first: it stops builds and waits for those under way, so that nothing is landed behind our back. Each
    step is fine with having been done before.
    """
    from real_estate_assets.defs.partitions import TENANTS
    from real_estate_assets.settings import get_settings
    from real_estate_assets.stores.lineage.outbox import Outbox
    from real_estate_assets.stores.object_store import open_store
    from real_estate_assets.stores.online_features import forget_tenant
    from real_estate_assets.stores.vectors import open_vectors
    from real_estate_assets.stores.warehouse.tenants import UnknownTenantError, remove_tenant

    done, unknown = [], None
    try:
        removal = remove_tenant(warehouse, slug)
        done.append(f"warehouse: {removal.relations} partitions, {removal.rows:,} rows, the analysts' login and views")
    except UnknownTenantError as error:
        unknown = error  # unless an earlier removal was cut short behind the warehouse
    files = open_store(get_settings(), slug).delete_all()
    was_served = forget_tenant(get_settings(), slug)
    had_vectors = open_vectors(get_settings()).remove_tenant(slug)
    is_left = files or was_served or had_vectors or instance.has_dynamic_partition(TENANTS, slug)
    if unknown is not None and not is_left:
        raise unknown
    done.append(f"object store: {files} files")
    if was_served:
        done.append("online features: its rows, notes and registry")
    if had_vectors:
        done.append("vectors: all of its points")
    if Outbox(get_settings().lineage_dir).forget(slug):
        done.append("lineage: its file of events")
    runs = _runs_of_it_alone(instance, slug)
    for run_id in runs:
        instance.delete_run(run_id)
    instance.delete_dynamic_partition(TENANTS, slug)
    return [*done, f"Dagster: its partition and {len(runs)} runs that built it alone"]


def _runs_of_it_alone(instance: Any, slug: str) -> list[str]:
    import dagster as dg
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_END_TAG,
        ASSET_PARTITION_RANGE_START_TAG,
        PARTITION_NAME_TAG,
    )

    as_range = {ASSET_PARTITION_RANGE_START_TAG: slug, ASSET_PARTITION_RANGE_END_TAG: slug}
    filters = [dg.RunsFilter(tags={PARTITION_NAME_TAG: slug}), dg.RunsFilter(tags=as_range)]
    return sorted({run.run_id for one in filters for run in instance.get_runs(filters=one) if run.is_finished})


def _described(file: Path, console: Console) -> tuple[TenantFile, str]:
    """The description and its text. Prints every problem with its line and ends with exit code 1 where it has one."""
    from rich.text import Text

    from real_estate_assets.core.tenants import TenantFileError, parse_tenant_file

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TenantCommandError(f"{file} cannot be read: {error}. A description is a text file in UTF-8.") from error
    try:
        return parse_tenant_file(text, name=str(file)), text
    except TenantFileError as error:
        for line in error.lines():
            console.print(Text.assemble(("✗ ", "red"), line), soft_wrap=True)
        console.print(f"\n{len(error.problems)} problems. Nothing was read or registered.")
        raise typer.Exit(1) from None


def _base_uri(file: Path, base: str | None) -> str:
    if base is not None and re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", base):
        return base
    folder = Path(base) if base is not None else file.parent
    if not folder.is_dir():
        raise TenantCommandError(f"--base {base}: there is no such folder")
    return folder.resolve().as_uri()


def _counties(description: TenantFile) -> Any | None:
    """The declared counties' shape from the warehouse; None without a warehouse or without that layer in it."""
    import psycopg

    from real_estate_assets.cli.instance import open_warehouse
    from real_estate_assets.settings import SettingsError
    from real_estate_assets.stores.warehouse.connection import WarehouseUnreachableError
    from real_estate_assets.stores.warehouse.reference import county_shape

    try:
        return county_shape(open_warehouse(), description.county_fips)
    except (SettingsError, WarehouseUnreachableError, psycopg.errors.UndefinedTable):
        return None
