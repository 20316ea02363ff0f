"""`reos ui`: Dagster's webserver and daemon in the background, against the private Postgres.

Belongs here: which programs run, on which port, and how one sees that they are ready. Does not belong here: keeping
track of processes (cli/background), Dagster's settings (dagster.yaml, stores/dagster_home).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from real_estate_assets.settings import Settings

READY_SECONDS = 180  # both load the code location (under 4 s each); a machine under load needs far longer
PROGRAMS = ("daemon", "webserver")  # in the order in which they are stopped


class UiError(RuntimeError):
    """The UI did not come up; the message holds the end of its log."""


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(ui)


def ui(
    stop: Annotated[bool, typer.Option("--stop", help="Stop both; Postgres goes on.")] = False,
) -> None:
    """Start Dagster's webserver and daemon in the background, and print where the UI is."""
    from rich.console import Console

    from real_estate_assets.cli.preparation import bring_up
    from real_estate_assets.settings import get_settings

    settings, console = get_settings(), Console(highlight=False, soft_wrap=True)
    if stop:
        stopped = stop_ui(settings)
        console.print(f"Stopped: {', '.join(stopped)}" if stopped else "The UI was not running")
        return
    with console.status("Starting") as status:
        bring_up(settings, tell=status.update)
        status.update("Waiting for the UI and its code location")
        url = start_ui(settings)
    console.print(f"The UI is at [bold]{url}[/]. Stop it with [bold]reos ui --stop[/], everything with make stop.")


def start_ui(settings: Settings) -> str:
    """Start webserver and daemon unless they run; returns the UI's address once it answers. Raises UiError."""
    from real_estate_assets.cli import background
    from real_estate_assets.settings import process_environment
    from real_estate_assets.stores.dagster_home import WORKSPACE_FILE, dagster_environment

    environment = process_environment(dagster_environment(settings))
    workspace = ["-w", str(WORKSPACE_FILE)]
    port = _port(settings)
    commands = {
        "daemon": ["-m", "dagster._daemon", "run", *workspace],
        "webserver": ["-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *workspace],
    }
    for name, arguments in commands.items():
        if background.remembered(_pid_file(settings, name)) is None:
            log = _log(settings, name)
            background.start([sys.executable, *arguments], _pid_file(settings, name), log, environment)
    _port_file(settings).write_text(str(port))
    url = f"http://127.0.0.1:{port}"
    _wait(settings, url)
    return url


def stop_ui(settings: Settings) -> list[str]:
    """Stop the daemon and the webserver that this clone started; returns the names of those that ran."""
    from real_estate_assets.cli import background

    return [name for name in PROGRAMS if background.stop(_pid_file(settings, name))]


def running_url(settings: Settings) -> str | None:
    """The address of this clone's UI while it runs; None when it does not. Asks nothing of the network."""
    from real_estate_assets.cli import background

    if background.remembered(_pid_file(settings, "webserver")) is None or not _port_file(settings).exists():
        return None
    return f"http://127.0.0.1:{_port_file(settings).read_text().strip()}"


def _pid_file(settings: Settings, name: str) -> Path:
    return settings.state_dir / f"{name}.pid"


def _log(settings: Settings, name: str) -> Path:
    return settings.state_dir / f"{name}.log"


def _port_file(settings: Settings) -> Path:
    return settings.state_dir / "webserver.port"


def _port(settings: Settings) -> int:
    """The port of the webserver that runs, else the wished one or the next that is free."""
    from real_estate_assets.cli import background
    from real_estate_assets.stores.cluster_files import port_in_use

    if background.remembered(_pid_file(settings, "webserver")) is not None:
        return int(_port_file(settings).read_text())
    wished = settings.ui_port
    for port in range(wished, min(wished + 100, 65536)):
        if not port_in_use(port):
            return port
    raise UiError(f"no port from {wished} to {wished + 99} is free; set REOS_UI_PORT.")


def _wait(settings: Settings, url: str) -> None:
    """Wait until the webserver answers with a loaded code location, and both programs still run. Raises UiError."""
    from real_estate_assets.cli import background

    deadline = time.monotonic() + READY_SECONDS
    while True:
        for name in PROGRAMS:
            if background.remembered(_pid_file(settings, name)) is None:
                tail = "\n".join(_log(settings, name).read_text(errors="replace").splitlines()[-15:])
                raise UiError(f"the {name} ended at once. The end of {_log(settings, name)}:\n{tail}")
        answer = _locations(url)
        if answer and all(entry["locationOrLoadError"] is not None for entry in answer):
            break
        if time.monotonic() > deadline:
            raise UiError(f"{url} was not ready in {READY_SECONDS} s; see {_log(settings, 'webserver')}")
        time.sleep(0.3)
    for entry in answer:
        if entry["locationOrLoadError"]["__typename"] == "PythonError":
            message = entry["locationOrLoadError"]["message"].strip()
            raise UiError(f"the UI is at {url}, but the code location {entry['name']} did not load:\n{message}")


def _locations(url: str) -> list[dict[str, Any]]:
    """The code locations as the webserver tells them; empty while it does not answer yet."""
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    query = (
        "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename "
        "... on PythonError { message } } } } } }"
    )
    body = json.dumps({"query": query}).encode()
    request = Request(f"{url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 - our own address
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            entries: list[dict[str, Any]] = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    except (URLError, OSError, KeyError, TypeError, ValueError):  # not up yet, or up and still loading
        return []
    return entries
