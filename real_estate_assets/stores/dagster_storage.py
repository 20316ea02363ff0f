"""Dagster's storage on Postgres with its connections kept open between queries.

Belongs here: the one way in which ours differs from dagster-postgres. Does not belong here: where the database is
(`dagster.yaml`), its tables (`dagster_home.py`).

dagster-postgres opens a connection for every query, unless a webserver asks it not to. A daemon at rest opened 90 a
second, and the server spent more on greeting them than on their queries.
"""

from __future__ import annotations

from typing import Any

from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config

KEPT = 2  # open connections a storage and process between queries; a run worker has three storages
MORE = 30  # above them, while a daemon's threads all ask at once
RECYCLE_SECONDS = 3600


class PooledPostgresStorage(DagsterPostgresStorage):
    """`storage.custom` of dagster.yaml, with the configuration of `storage.postgres`."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: Any = None,
        token_provider: Any = None,
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data, token_provider)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = create_pg_engine(
                postgres_url, token_provider, isolation_level="AUTOCOMMIT",
                pool_size=KEPT, max_overflow=MORE, pool_recycle=RECYCLE_SECONDS, pool_pre_ping=True,
            )  # fmt: skip

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> PooledPostgresStorage:
        """As dagster-postgres reads its configuration."""
        return cls(
            pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            token_provider=get_token_provider_from_config(config_value),
        )
