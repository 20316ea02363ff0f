"""How psql is to be started for each role: whose login, bound to which tenant, with which prompt.

Belongs here: the arguments and variables of psql. Does not belong here: what the roles may see (migrations).
"""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import SecretStr

from real_estate_assets.settings import ROLE_NAMES, Settings, process_environment

TENANT_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class LoginError(RuntimeError):
    """psql cannot be started as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Login:
    """Arguments and environment of psql; ``note`` is said before it starts."""

    arguments: list[str]
    environment: dict[str, str] = field(repr=False)  # holds a password
    note: str = ""


def psql_program() -> str:
    """The path of psql. Raises LoginError when it is not installed."""
    from real_estate_assets.stores.cluster_server import installed_programs

    in_path = shutil.which("psql")
    beside = [str(folder / "psql") for _, folder in sorted(installed_programs().items()) if (folder / "psql").exists()]
    if not in_path and not beside:
        raise LoginError("psql is not installed. On Debian or Ubuntu run `scripts/bootstrap.sh`.")
    return in_path or beside[-1]


def app_login(settings: Settings, tenant: str | None) -> Login:
    """As reos_app, bound to a tenant or, with None, to none."""
    password = settings.password("app").get_secret_value()
    if tenant is None:
        note = "No tenant is set, so tables of tenants show 0 rows. Choose one: reos psql --tenant NAME"
        return _login(settings, ROLE_NAMES["app"], password, "no tenant", note=note)
    if not _tenant_exists(settings, tenant):
        raise LoginError(f"there is no tenant {tenant!r}. See `reos tenant list`.")
    return _login(settings, ROLE_NAMES["app"], password, tenant, options=f"-c app.tenant_id={tenant}")


def owner_login(settings: Settings) -> Login:
    """As reos_owner, who sees and may change everything."""
    password = settings.password("owner").get_secret_value()
    return _login(settings, ROLE_NAMES["owner"], password, "all tenants")


def analyst_login(settings: Settings, tenant: str) -> Login:
    """As the tenant's analyst: a real login role, so that what is seen is what an analyst sees.

    On the private cluster the role and its password are made when first asked for, and kept in the secrets file.
    Elsewhere an administrator hands out that password, and psql asks for it.
    """
    import psycopg

    if not _tenant_exists(settings, tenant):
        raise LoginError(f"there is no tenant {tenant!r}. See `reos tenant list`.")
    with psycopg.connect(settings.dsn("owner"), autocommit=True) as connection:
        names = "select tenancy.analyst_role(%s), tenancy.analyst_schema(%s)"
        role, schema = connection.execute(names, [tenant, tenant]).fetchall()[0]
    password, note = None, ""
    if settings.warehouse_host is None:
        password, note = _analyst_password(settings, tenant, role)
    options = f"-c search_path={schema},public"
    return _login(settings, role, password, f"analyst of {tenant}", options=options, note=note)


def _analyst_password(settings: Settings, tenant: str, role: str) -> tuple[str, str]:
    """The remembered password if it still opens the door, else a new one; and what is to be said about it."""
    import psycopg

    from real_estate_assets.settings import read_secrets
    from real_estate_assets.stores.cluster_files import remember_secrets
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.tenants import create_analyst

    known = read_secrets(settings.state_dir).get(role)
    if known is not None:
        with suppress(psycopg.OperationalError), psycopg.connect(settings.login_dsn(role, SecretStr(known))):
            return known, ""
    made = create_analyst(Warehouse(settings.dsn("owner"), settings.dsn("app")), tenant)
    remember_secrets(settings.state_dir, {role: made.password})
    return made.password, f"{role} has a new password, kept in .reos/secrets.json; an earlier one is no longer valid."


def _tenant_exists(settings: Settings, tenant: str) -> bool:
    import psycopg

    if TENANT_SLUG.fullmatch(tenant) is None:
        return False
    with psycopg.connect(settings.dsn("owner"), autocommit=True) as connection:
        found = connection.execute("select 1 from tenancy.tenant where tenant_id = %s", [tenant]).fetchone()
    return found is not None


def _login(
    settings: Settings, user: str, password: str | None, who: str, *, options: str = "", note: str = ""
) -> Login:
    host, port = settings.address("warehouse")
    environment = process_environment(
        {
            "PGHOST": host,
            "PGPORT": str(port),
            "PGUSER": user,
            "PGDATABASE": settings.warehouse_database,
            "PGSSLMODE": settings.warehouse_sslmode,
            "PGOPTIONS": options,
            "PGAPPNAME": "reos psql",
        }
    )
    environment.pop("PGPASSWORD", None)
    if password is not None:
        environment["PGPASSWORD"] = password  # in the environment: an argument can be read by every user of the machine
    return Login([f"--set=PROMPT1=%n ({who})=> "], environment, note)
