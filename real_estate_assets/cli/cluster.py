"""`reos up`, `reos down`, `reos psql`: the private Postgres of this clone.

Belongs here: what these commands print and in which role they connect. Does not belong here: how the cluster is made
(stores/local_cluster), what a role may see (migrations).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from real_estate_assets.settings import Settings


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(up)
    app.command()(down)
    # What psql understands is psql's affair: unknown options pass through.
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(psql)


def up(
    new_port: Annotated[
        bool, typer.Option("--new-port", help="Take another port, when the remembered one is in use.")
    ] = False,
) -> None:
    """Start the private Postgres of this clone, made on first use, and bring its schema up to date."""
    from rich.console import Console

    from real_estate_assets.cli.preparation import bring_up
    from real_estate_assets.settings import get_settings

    console = Console(highlight=False, soft_wrap=True)
    with console.status("Looking at Postgres") as status:
        lines = bring_up(get_settings(), new_port=new_port, tell=status.update)
    for line in lines:
        console.print(f"[green]✓[/] {line}")


def down(
    destroy: Annotated[bool, typer.Option("--destroy", help="Delete all data of this clone too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deleting.")] = False,
) -> None:
    """Stop what `reos up` and `reos ui` of this clone started, and nothing else."""
    from rich.console import Console

    from real_estate_assets.cli.ui import stop_ui
    from real_estate_assets.settings import get_settings
    from real_estate_assets.stores.local_cluster import LocalCluster

    settings, console = get_settings(), Console(highlight=False, soft_wrap=True)
    if destroy and not yes:
        typer.confirm(f"Delete all data of this clone in {settings.state_dir}?", abort=True)
    # Dagster first: it holds connections, and reports a lost database as an error of its runs.
    stopped = stop_ui(settings)
    if settings.warehouse_host is None:
        cluster = LocalCluster(settings)
        if cluster.stop():
            stopped.append("Postgres")
        if destroy:
            cluster.destroy()
            remove_state(settings)
    console.print(f"Stopped: {', '.join(stopped)}" if stopped else "Nothing of this clone was running")
    if destroy:
        console.print(f"Deleted: the data of this clone in {settings.state_dir}")


def remove_state(settings: Settings) -> None:
    """Delete the state directory; of one that REOS_STATE_DIR names, only what is ours, since it may hold more."""
    import shutil

    from real_estate_assets.settings import PROJECT_ROOT

    ours = (
        "objects",
        "inbox",
        "dbt",
        "dbt_docs",
        "dagster_home",
        "lineage",
        "online",
        "vectors",
        "daemon.log",
        "webserver.log",
        "daemon.log.1",
        "webserver.log.1",
        "webserver.port",
        "cluster.lock",
    )
    if settings.state_dir == PROJECT_ROOT / ".reos":
        shutil.rmtree(settings.state_dir, ignore_errors=True)
        return
    for path in (settings.state_dir / name for name in ours):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if settings.state_dir.exists() and not any(settings.state_dir.iterdir()):
        settings.state_dir.rmdir()


def psql(
    context: typer.Context,
    tenant: Annotated[str | None, typer.Option(help="As the application, bound to this tenant.")] = None,
    analyst: Annotated[str | None, typer.Option(help="As the analyst of this tenant, through the login role.")] = None,
    owner: Annotated[bool, typer.Option("--owner", help="As the owner of all schemas: sees every tenant.")] = False,
) -> None:
    """Open psql in the right role. Everything else goes to psql, for example -c "select 1".

    Without an option you are the application with no tenant set: row-level security then shows no tenant's rows.
    """
    from real_estate_assets.cli.roles import analyst_login, app_login, owner_login, psql_program
    from real_estate_assets.settings import get_settings

    if sum((tenant is not None, analyst is not None, owner)) > 1:
        raise typer.BadParameter("choose one of --tenant, --analyst and --owner")
    settings = get_settings()
    if analyst is not None:
        login = analyst_login(settings, analyst)
    else:
        login = owner_login(settings) if owner else app_login(settings, tenant)
    if login.note:
        print(login.note, file=sys.stderr)  # noqa: T201 - not into what a script reads
    program = psql_program()
    os.execve(program, [program, *login.arguments, *context.args], login.environment)  # noqa: S606
