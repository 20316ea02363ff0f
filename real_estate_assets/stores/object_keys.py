"""Where an object stands: the prefix of its owner and the one builder of keys.

Belongs here: names and their validity. Does not belong here: talking to a store (`object_store.py`). Prefixes keep
tenants apart, so everything that becomes part of a path is checked against a positive grammar, never cleaned up.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]*")
_KEY_LIMIT = 512


class Public(Enum):
    """The owner of files that belong to no tenant; a value of its own, so that no tenant's name can imitate it."""

    PUBLIC = "public"


PUBLIC: Final = Public.PUBLIC
Owner = str | Public


class ObjectKeyError(ValueError):
    """A tenant, source or key that may not become part of an object's path."""


def owner_prefix(owner: Owner) -> str:
    """`tenants/<tenant>` or `public`. Raises ObjectKeyError unless a tenant is a slug."""
    if owner is PUBLIC:
        return PUBLIC.value
    if not (isinstance(owner, str) and _SLUG.fullmatch(owner)):
        raise ObjectKeyError(f"not a tenant: {owner!r}; a tenant is 1 to 63 of a-z, 0-9 and '-', not starting with '-'")
    return f"tenants/{owner}"


def landing_key(source: str, sha256: str) -> str:
    """Key of a landed file below its owner's prefix: `landing/<source>/<first two of sha256>/<sha256>`.

    Raises ObjectKeyError for a source or hash that is not one.
    """
    if not _SOURCE.fullmatch(source):
        raise ObjectKeyError(f"not a source: {source!r}; a source is a-z first, then a-z, 0-9, '_' or '-'")
    if not _SHA256.fullmatch(sha256):
        raise ObjectKeyError(f"not a sha256: {sha256!r}; it is 64 lower-case hexadecimal digits")
    return f"landing/{source}/{sha256[:2]}/{sha256}"


def model_key(sha256: str) -> str:
    """Key of a part of a model below its tenant's prefix: `models/<first two of sha256>/<sha256>`.

    Raises ObjectKeyError for a hash that is not one.
    """
    if not _SHA256.fullmatch(sha256):
        raise ObjectKeyError(f"not a sha256: {sha256!r}; it is 64 lower-case hexadecimal digits")
    return f"models/{sha256[:2]}/{sha256}"


def checked_key(key: str) -> str:
    """The key itself. Raises ObjectKeyError for an absolute one, for '..', and for anything outside A-Za-z0-9_.=-/"""
    if len(key) > _KEY_LIMIT or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ObjectKeyError(
            f"not a key: {key[:80]!r}; keys are relative, without '..', of the letters A-Za-z0-9_.=- between slashes"
        )
    return key


def sha256_in_key(key: str) -> str | None:
    """The hash that a landed file's or a model's key promises; null for keys that promise nothing."""
    last = key.rsplit("/", 1)[-1]
    return last if key.startswith(("landing/", "models/")) and _SHA256.fullmatch(last) else None
