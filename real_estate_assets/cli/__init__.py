"""`reos`: the one command for people who run the platform.

Belongs here: the application, the list of its command modules, and how an error reaches a person. Does not belong
here: any work. A command module registers its commands on the application it is given, imports what is heavy inside
its functions (so that `reos --help` is quick), and raises the errors of the package, whose messages are written to
be read: they are printed without a traceback.

Exit codes: 0 done, 1 not done (the reason is on stderr), 2 the command line was wrong.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from real_estate_assets.cli import (
    audit,
    cluster,
    demo,
    docs,
    export,
    features,
    materialize,
    quarantine,
    recall,
    status,
    tenants,
    ui,
    valuation,
    value,
    why,
)

app = typer.Typer(
    name="reos",
    help="Real Estate OS: property data in which every cell can say where it came from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    global _debug
    _debug = debug


_debug = False

for _module in (
    audit,
    cluster,
    demo,
    docs,
    export,
    features,
    materialize,
    quarantine,
    recall,
    status,
    tenants,
    ui,
    valuation,
    value,
    why,
):
    _module.register(app)


def main() -> None:
    """Run `reos` and end the process with its exit code."""
    try:
        app()
    except Exception as error:
        if _debug or not _is_ours(error):
            raise
        from rich.console import Console
        from rich.text import Text

        Console(stderr=True, soft_wrap=True).print(Text("error: ", style="bold red") + Text(str(error)))
        sys.exit(1)


def _is_ours(error: Exception) -> bool:
    """Whether an error class of this package, whose message is meant for the reader, was raised."""
    return type(error).__module__.startswith("real_estate_assets.")
