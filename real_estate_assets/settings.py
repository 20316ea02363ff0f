"""Everything that may differ between two machines, read once from the environment, typed.

Belongs here: each setting's name, type, default and meaning. Does not belong here: opening connections, starting
servers, or anything a tenant may choose; the files of the private local cluster (`cluster_pointer.py`).
No other module reads the environment; a variable that starts with ``REOS_`` and is not known here is an error,
because a misspelt setting that is silently ignored is worse than a missing one.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from real_estate_assets.cluster_pointer import ClusterPointer as ClusterPointer
from real_estate_assets.cluster_pointer import SettingsError as SettingsError
from real_estate_assets.cluster_pointer import pointer_file as pointer_file
from real_estate_assets.cluster_pointer import read_pointer as read_pointer
from real_estate_assets.cluster_pointer import read_secrets as read_secrets
from real_estate_assets.cluster_pointer import secrets_file as secrets_file

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PREFIX = "REOS_"
ENVIRONMENTS = ("local", "test", "production")

Environment = Literal["local", "test", "production"]
Role = Literal["superuser", "owner", "app", "auditor", "dagster"]
SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]

ROLE_NAMES: dict[Role, str] = {
    "superuser": "postgres",
    "owner": "reos_owner",
    "app": "reos_app",
    "auditor": "reos_auditor",
    "dagster": "reos_dagster",
}


class Settings(BaseSettings):
    """All settings. Each can be set by a variable ``REOS_<NAME>``; explicit variables win over the local cluster."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        validate_default=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # an input may be a password
    )

    environment: Environment = "local"
    state_dir: Path = PROJECT_ROOT / ".reos"  # everything this clone makes on this machine

    # Warehouse. Without a host, the private cluster's own file says where it is.
    warehouse_host: str | None = None
    warehouse_port: Annotated[int, Field(ge=1, le=65535)] = 5432  # used only together with warehouse_host
    warehouse_database: str = "reos"
    warehouse_sslmode: SslMode = "prefer"
    warehouse_superuser_password: SecretStr | None = None  # only migrations of extensions and roles need it
    warehouse_owner_password: SecretStr | None = None
    warehouse_app_password: SecretStr | None = None
    warehouse_auditor_password: SecretStr | None = None  # `reos audit`: reads one tenant, writes verdicts

    # Dagster's own database: runs, events, schedules.
    dagster_pg_host: str | None = None
    dagster_pg_port: Annotated[int, Field(ge=1, le=65535)] = 5432  # used only together with dagster_pg_host
    dagster_pg_database: str = "dagster"
    dagster_pg_password: SecretStr | None = None

    # Object store: file:///path or s3://bucket/prefix.
    object_store_url: str = ""  # empty: <state_dir>/objects
    s3_endpoint: str | None = None  # None: AWS
    s3_region: str = "us-east-1"
    s3_access_key_id: str | None = None
    s3_secret_access_key: SecretStr | None = None
    s3_allow_http: bool = False

    # Online features: where the newest features of each property are read by an application.
    online_store: Literal["sqlite", "redis"] = "sqlite"  # sqlite: one file a tenant in <state_dir>/online
    redis_url: SecretStr | None = None  # redis[s]://[user:password@]host[:port][/db]; needed by online_store redis
    online_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 1  # how long a read may wait for Redis

    # Vectors: files of this machine (qdrant-edge), or a Qdrant server.
    vectors: Literal["edge", "qdrant"] = "edge"
    vectors_dir: Path | None = None  # of edge; None: <state_dir>/vectors
    vectors_open_shards: Annotated[int, Field(ge=1, le=1000)] = 8  # tenants kept open in one process; some 40 MB each
    qdrant_url: str | None = None  # http(s)://host[:port], port 6333 where none is named
    qdrant_api_key: SecretStr | None = None
    qdrant_timeout_seconds: Annotated[int, Field(ge=1, le=120)] = 5  # for one request to the server

    references_file: Path = PROJECT_ROOT / "demo" / "references.yaml"  # the public layers of this installation

    tenants_per_run: Annotated[int, Field(ge=1, le=1000)] = 25  # chunk of a backfill: one run, one dbt process
    automation_seconds: Annotated[int, Field(ge=1, le=3600)] = 30  # between two looks at what changed
    ui_port: Annotated[int, Field(ge=1024, le=65535)] = 3000  # the next free one is taken when it is in use
    ui_url: str | None = None  # where people reach Dagster's UI; None: the local one, while it runs
    sentry_dsn: SecretStr | None = None

    # Lineage for other tools: files in <state_dir>/lineage, and an OpenLineage collector where one is named.
    openlineage_url: str | None = None  # http(s)://host[:port]; events go to /api/v1/lineage below it
    openlineage_api_key: SecretStr | None = None
    openlineage_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5  # for one request; nothing ever waits for it
    test_data_dir: Path = Field(
        default=PROJECT_ROOT.parent / "shared" / "data",
        validation_alias=AliasChoices("test_data_dir", "REOS_TEST_DATA"),
    )

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_variable(cls, values: dict[str, Any]) -> dict[str, Any]:
        known = {PREFIX + name.upper() for name in cls.model_fields} - {"REOS_TEST_DATA_DIR"} | {"REOS_TEST_DATA"}
        for name in sorted(os.environ):  # noqa: TID251 - the one place
            if name.startswith(PREFIX) and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else f". Known: {', '.join(sorted(known))}"
                raise ValueError(f"unknown setting {name}{hint}")
        return values

    @field_validator("environment", mode="before")
    @classmethod
    def _known_environment(cls, value: str) -> str:
        if value not in ENVIRONMENTS:
            raise ValueError(f"unknown environment {value!r}; it must be one of: {', '.join(ENVIRONMENTS)}")
        return value

    @field_validator("state_dir", "test_data_dir", "references_file")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        # Resolved: a clone that is reached by two names is one clone.
        return value.expanduser().resolve()

    @field_validator("ui_url", "openlineage_url", "qdrant_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError(f"an address must start with http:// or https://, not {value!r}")
        return value or None

    @field_validator("redis_url")
    @classmethod
    def _redis_address(cls, value: SecretStr | None) -> SecretStr | None:
        # Not shown in the message: it may hold a password.
        if value is not None and not re.match(r"rediss?://[^/]", value.get_secret_value()):
            raise ValueError("redis_url must be redis://host[:port][/db], or rediss:// for TLS")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.environment == "production":
            needed = ("warehouse_host", "dagster_pg_host", "object_store_url")
            missing = [name for name in needed if not getattr(self, name)]
            if missing:
                named = ", ".join(PREFIX + name.upper() for name in missing)
                raise ValueError(f"environment production needs {named}: it never falls back to the local cluster")
        if self.online_store == "redis" and self.redis_url is None:
            raise ValueError(f"online_store redis needs {PREFIX}REDIS_URL")
        if self.vectors == "qdrant" and not self.qdrant_url:
            raise ValueError("vectors are set to qdrant: set REOS_QDRANT_URL to its address, or REOS_VECTORS=edge")
        if not self.object_store_url:
            object.__setattr__(self, "object_store_url", (self.state_dir / "objects").as_uri())
        if not self.object_store_url.startswith(("file:///", "s3://")):
            raise ValueError(f"object_store_url must start with file:/// or s3://, not {self.object_store_url!r}")
        return self

    @property
    def vectors_folder(self) -> Path:
        """Where the embedded vector store keeps its files."""
        return (self.vectors_dir or self.state_dir / "vectors").expanduser().resolve()

    @property
    def lineage_dir(self) -> Path:
        """Where events of lineage are written."""
        return self.state_dir / "lineage"

    @property
    def online_dir(self) -> Path:
        """Where each tenant's feature registry stands, and its online features where these are files."""
        return self.state_dir / "online"

    def dsn(self, role: Role, database: str | None = None) -> str:
        """A libpq URL for a role, into the warehouse (role dagster: Dagster's own database) or another database.

        Raises SettingsError when there is no server or no password for that role.
        """
        default = self.dagster_pg_database if role == "dagster" else self.warehouse_database
        return self.login_dsn(ROLE_NAMES[role], self.password(role), database or default, dagster=role == "dagster")

    def login_dsn(self, user: str, password: SecretStr, database: str | None = None, *, dagster: bool = False) -> str:
        """A libpq URL for any login of the warehouse's server (of Dagster's server if ``dagster``)."""
        host, port = self.address("dagster" if dagster else "warehouse")
        return (
            f"postgresql://{quote(user, safe='')}:{quote(password.get_secret_value(), safe='')}@{host}:{port}/"
            # connect_timeout: without it a server that swallows packets holds the caller for over 12 s (measured).
            f"{quote(database or self.warehouse_database, safe='')}?connect_timeout=3&sslmode={self.warehouse_sslmode}"
        )

    def address(self, server: Literal["warehouse", "dagster"]) -> tuple[str, int]:
        """(host, port) of a Postgres server. Raises SettingsError when neither set nor started here."""
        host, port = (
            (self.warehouse_host, self.warehouse_port)
            if server == "warehouse"
            else (self.dagster_pg_host, self.dagster_pg_port)
        )
        if host is not None:
            return host, port
        pointer = read_pointer(self.state_dir)
        if pointer is None:
            variable = "REOS_WAREHOUSE_HOST" if server == "warehouse" else "REOS_DAGSTER_PG_HOST"
            raise SettingsError(f"no Postgres yet: run `reos up` (or set {variable} for a server of your own).")
        return pointer.host, pointer.port

    def password(self, role: Role) -> SecretStr:
        """The password of a role: the variable if set, else the local cluster's own. Raises SettingsError if none."""
        variable = "dagster_pg_password" if role == "dagster" else f"warehouse_{role}_password"
        explicit: SecretStr | None = getattr(self, variable)
        if explicit is not None:
            return explicit
        own_server = self.dagster_pg_host if role == "dagster" else self.warehouse_host
        if own_server is not None:
            raise SettingsError(f"no password for {ROLE_NAMES[role]}: set {PREFIX}{variable.upper()}.")
        generated = read_secrets(self.state_dir).get(ROLE_NAMES[role])
        if generated is None:
            raise SettingsError(f"no password for {ROLE_NAMES[role]} in {secrets_file(self.state_dir)}: run `reos up`.")
        return SecretStr(generated)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; SettingsError names what is wrong.

    Tests that change the environment call ``get_settings.cache_clear()``.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(str(problem["msg"]) for problem in error.errors())) from None


def process_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with ``more`` on top, for a child process."""
    return {**os.environ, **more}  # noqa: TID251 - the one place


def export(values: Mapping[str, str]) -> None:
    """Put values into this process's environment, for libraries (Dagster, dbt) that read their settings there."""
    os.environ.update(values)  # noqa: TID251 - the one place


def calm_threads() -> None:
    """Let OpenMP's threads sleep while they wait: spinning, one fit took 37 s instead of 1.3 s where a core was taken.

    Read by the library when it is first loaded, so every program that may fit a model calls this as it starts.
    """
    export({"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"})
