"""Dagster's home of this clone, its tables, and the environment in which Dagster finds both.

Belongs here: the folder, the link to the project's dagster.yaml, the variables that file names, the first set-up of
its database. Does not belong here: starting Dagster (cli/ui), runs and definitions. Dagster is not imported here:
that takes half a second.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from real_estate_assets.settings import PROJECT_ROOT, Settings, process_environment

INSTANCE_FILE = PROJECT_ROOT / "dagster.yaml"
WORKSPACE_FILE = PROJECT_ROOT / "workspace.yaml"
MIGRATE_SECONDS = 600  # an upgrade may rewrite a large event log
# Dagster stores an event in two transactions. A sensor that looks between them, and remembers how far it has looked,
# never sees the event, and nobody asks for that tenant. So it notes how far it will look, and waits before it does.
TICK_SETTLE = ("DAGSTER_AUTOMATION_TICK_SETTLE_SECONDS", "1")  # seconds; the two are milliseconds apart


class DagsterStorageError(RuntimeError):
    """Dagster's tables could not be made or upgraded."""


def dagster_home(settings: Settings) -> Path:
    """The folder that Dagster calls DAGSTER_HOME: logs of runs, and the link to dagster.yaml."""
    return settings.state_dir / "dagster_home"


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The variables that a Dagster process of this clone needs; makes the home if it is missing.

    Raises SettingsError when there is no Postgres yet.
    """
    host, port = settings.address("dagster")
    return {
        "DAGSTER_HOME": str(_prepared(dagster_home(settings))),
        "REOS_STATE_DIR": str(settings.state_dir),
        "REOS_DAGSTER_PG_HOST": host,
        "REOS_DAGSTER_PG_PORT": str(port),
        "REOS_DAGSTER_PG_DATABASE": settings.dagster_pg_database,
        "REOS_DAGSTER_PG_PASSWORD": settings.password("dagster").get_secret_value(),
        **dict([TICK_SETTLE]),
    }


def _prepared(home: Path) -> Path:
    """The home with its link to the project's dagster.yaml: a link, so that an edited file counts at once."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = home / "dagster.yaml"
    if not (link.is_symlink() and link.readlink() == INSTANCE_FILE):
        link.unlink(missing_ok=True)  # the clone was moved
        link.symlink_to(INSTANCE_FILE)
    return home


def ensure_storage(settings: Settings) -> bool:
    """Make or upgrade the tables of Dagster's database; False when this version of Dagster has done so before.

    Done here, by one process, because webserver and daemon would both do it when they start and get into each other's
    way. Raises DagsterStorageError with Dagster's own last words.
    """
    wanted = f"dagster {version('dagster')}"
    with psycopg.connect(settings.dsn("dagster"), autocommit=True) as connection:
        database = "from pg_database where datname = current_database()"
        stamp = connection.execute(f"select shobj_description(oid, 'pg_database') {database}").fetchone()
        if stamp == (wanted,):
            return False
        done = subprocess.run(
            [sys.executable, "-m", "dagster", "instance", "migrate"],
            env=process_environment(dagster_environment(settings)),
            capture_output=True,
            text=True,
            check=False,
            timeout=MIGRATE_SECONDS,
        )
        if done.returncode != 0:
            raise DagsterStorageError(f"`dagster instance migrate` failed:\n{(done.stderr or done.stdout)[-2000:]}")
        name = sql.Identifier(settings.dagster_pg_database)
        connection.execute(sql.SQL("comment on database {} is {}").format(name, sql.Literal(wanted)))
    return True
