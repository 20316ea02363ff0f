"""Applies `real_estate_assets/migrations/*.sql` in order, each once, each in one transaction.

Belongs here: finding, ordering, recording and checking migrations. Does not belong here: roles, passwords and
databases, which exist before the first migration (`local_cluster.py`; in production the operator's own tooling).

Our own forty lines rather than a library: the SQL is mostly PL/pgSQL, which the statement splitters of SQL-file
migrators cut inside dollar quotes, and Alembic would need a Python wrapper beside every file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg import Connection

LEDGER = """
create table if not exists public.schema_migration (
  name text primary key, sha256 text not null, applied_at timestamptz not null default clock_timestamp())
"""
RECORD = "insert into public.schema_migration (name, sha256) values (%s, %s)"
ADVISORY_LOCK = 6_171_001  # one migrator at a time; any constant will do as long as it stays the same


class MigrationError(RuntimeError):
    """A migration failed, or an applied one was changed afterwards. The message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `NNNN_name.sql` runs as the owner, `NNNN_name.superuser.sql` as the superuser."""

    name: str
    sql: str

    @property
    def needs_superuser(self) -> bool:
        """Whether it makes what no owner may: extensions, functions that make roles."""
        return self.name.endswith(".superuser.sql")

    @property
    def sha256(self) -> str:
        """Of its text, as it is recorded when applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations of this version, in order of their number."""
    folder = resources.files("real_estate_assets") / "migrations"
    found = [Migration(f.name, f.read_text(encoding="utf-8")) for f in folder.iterdir() if f.name.endswith(".sql")]
    return sorted(found, key=lambda m: m.name)


def migrate(superuser_dsn: str, owner_dsn: str) -> list[str]:
    """Apply what is not applied yet. Returns the names applied, in order.

    Raises:
        MigrationError: a file failed (nothing of it is kept), or an applied file differs from the one recorded:
            migrations are forward only, so write a new one instead of changing it.
    """
    import psycopg

    applied: list[str] = []
    with (
        psycopg.connect(superuser_dsn, autocommit=True) as ledger,
        psycopg.connect(owner_dsn, autocommit=True) as owner,
    ):
        ledger.execute("select pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        ledger.execute(LEDGER)
        known: dict[str, str] = dict(ledger.execute("select name, sha256 from public.schema_migration").fetchall())
        for migration in migrations():
            if migration.name in known:
                _refuse_change(migration, known[migration.name])
                continue
            _apply(ledger if migration.needs_superuser else owner, migration)
            ledger.execute(RECORD, (migration.name, migration.sha256))
            applied.append(migration.name)
    return applied


def _refuse_change(migration: Migration, recorded_sha256: str) -> None:
    if migration.sha256 != recorded_sha256:
        raise MigrationError(
            f"{migration.name} was applied as sha256 {recorded_sha256[:12]}, the file now is {migration.sha256[:12]}. "
            "Migrations are forward only: restore the file and put the change into a new one."
        )


def _apply(connection: Connection[tuple[object, ...]], migration: Migration) -> None:
    import psycopg

    try:
        with connection.transaction():
            connection.execute(migration.sql.encode())
    except psycopg.Error as error:
        raise MigrationError(f"{migration.name}: {error}") from error
    finally:
        connection.execute("reset all")  # a file's own lock_timeout must not reach the next one
