"""What the feature store asks Postgres for, of one tenant.

Belongs here: statements over `features.*`, each with the tenant's literal, so that a view names its tenant whoever
reads it; row-level security stands behind. No Feast, no connection.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from feature_repo.fields import KEYS, NOTE_SQL, TENANT_KEY, VIEWS, fields
from real_estate_assets.core.features.registry import Entity
from real_estate_assets.core.tenants.wording import check_slug

FORMAT = 1  # counts up when the same definitions are served in another form
EVENT_AT, CREATED_AT = "event_at", "created_at"


def source_query(tenant_id: str, entity: Entity) -> str:
    """All rows of a tenant's view: keys, times, fields in Feast's types. Raises ValueError where it names no tenant."""
    return (
        f"select {TENANT_KEY}, {_columns(entity)}"  # noqa: S608
        f" from {_table(entity)} where {TENANT_KEY} = '{_checked(tenant_id)}'"
    )


def content_query(tenant_id: str, entity: Entity) -> str:
    """(keys that have a row at %(now)s, hash of the newest row of each): the same hash, the same rows.

    When a row was computed is no content. The hash is a sum over rows: their order does not matter.
    """
    content = f"select distinct on (1) {_key(entity)}, {EVENT_AT}, {_listed(entity)} {_newest(tenant_id, entity)}"
    return (
        f"select coalesce(array_agg({KEYS[entity]}), '{{}}'),"  # noqa: S608
        f" coalesce(sum(hashtextextended(content::text, 0)), 0)::text from ({content}) as content"
    )


def newest_query(tenant_id: str, entity: Entity) -> str:
    """The newest row of each key at %(now)s, in the order of keys: key, times, fields."""
    return f"select distinct on (1) {_columns(entity)} {_newest(tenant_id, entity)}"


def definitions_version(tenant_id: str) -> str:
    """Identifies what is served of a tenant and in which form: the queries name every field and its type."""
    told = [source_query(tenant_id, entity) for entity in VIEWS]
    return hashlib.sha256("\n".join([str(FORMAT), version("feast"), *told]).encode()).hexdigest()


def notes_query(tenant_id: str, entity: Entity) -> str:
    """(name, null reasons, run ids) of every note that the newest row of a key at %(now)s has."""
    newest = f"select distinct on (1) {_key(entity)}, null_reasons, run_ids {_newest(tenant_id, entity)}"
    return f"select distinct on (1) {NOTE_SQL}, null_reasons, run_ids from ({newest}) as newest order by 1"  # noqa: S608


def _newest(tenant_id: str, entity: Entity) -> str:
    return f"from {_known(tenant_id, entity)} order by 1, {EVENT_AT} desc, {CREATED_AT} desc"


def _columns(entity: Entity) -> str:
    return f"{_key(entity)}, {EVENT_AT}, {CREATED_AT}, {_listed(entity)}"


def _key(entity: Entity) -> str:
    return f"{KEYS[entity]}::text as {KEYS[entity]}"


def _listed(entity: Entity) -> str:
    return ", ".join(f"{one.expression} as {one.name}" for one in fields(entity))


def _known(tenant_id: str, entity: Entity) -> str:
    """A row of the future, as a sale dated next year makes one, is not served before its day."""
    return f"{_table(entity)} where {TENANT_KEY} = '{_checked(tenant_id)}' and {EVENT_AT} <= %(now)s"


def _table(entity: Entity) -> str:
    return f"features.{VIEWS[entity]}"


def _checked(tenant_id: str) -> str:
    check_slug(tenant_id)
    return tenant_id
