"""What stands behind an object store: a folder or an S3 bucket, opened for one owner, and its refusals in our words.

Belongs here: URLs, access, timeouts, and turning the library's errors into ours. Does not belong here: what is stored
and under which rules (`object_store.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

    from real_estate_assets.settings import Settings

# A whole large object may take long; a single read may not.
_TIMEOUT, _CONNECT_TIMEOUT, _READ_TIMEOUT = timedelta(hours=2), timedelta(seconds=5), timedelta(seconds=60)
_MAX_RETRIES, _RETRY_TIMEOUT = 4, timedelta(seconds=60)


class ObjectStoreError(RuntimeError):
    """The store refused or could not be reached; the message says for which owner and key."""


class ObjectMissingError(ObjectStoreError):
    """There is no object under this key of this owner."""


class ObjectConflictError(ObjectStoreError):
    """An object under this key has other bytes than its key promises: damaged, or written around the store."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """How to reach S3. Without a key the server's default chain applies (instance role); without endpoint, AWS."""

    endpoint: str | None = None
    region: str = "us-east-1"
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    allow_http: bool = False

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The access that the settings name."""
        secret = settings.s3_secret_access_key
        return cls(
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            access_key_id=settings.s3_access_key_id,
            secret_access_key=secret.get_secret_value() if secret else None,
            allow_http=settings.s3_allow_http,
        )


def folder_of(url: str) -> Path | None:
    """The folder behind a file:// URL; null for s3://. Raises ValueError for any other URL."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc and not parts.query and not parts.fragment:
        return None
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return Path(unquote(parts.path))
    raise ValueError(f"an object store's URL is file:///folder or s3://bucket[/prefix], not {url!r}")


def open_folder(folder: Path) -> LocalStore:
    """A store on disk; the folder is made, for its user alone, where it is missing."""
    from obstore.store import LocalStore

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LocalStore(prefix=folder)


def open_bucket(url: str, prefix: str, access: S3Access) -> S3Store:
    """A store in a bucket below the URL's own prefix and the one given. Opening makes no request."""
    from obstore.store import S3Store

    parts = urlsplit(url)
    given = {
        "endpoint": access.endpoint,
        "access_key_id": access.access_key_id,
        "secret_access_key": access.secret_access_key,
    }
    return S3Store(
        parts.netloc,
        prefix="/".join(filter(None, [parts.path.strip("/"), prefix])) or None,
        region=access.region,
        virtual_hosted_style_request=access.endpoint is None,
        client_options={
            "allow_http": access.allow_http,
            "timeout": _TIMEOUT,
            "connect_timeout": _CONNECT_TIMEOUT,
            "read_timeout": _READ_TIMEOUT,
        },
        retry_config={"max_retries": _MAX_RETRIES, "retry_timeout": _RETRY_TIMEOUT},
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


@contextmanager
def in_our_words(what: str) -> Iterator[None]:
    """Turns the library's errors about `what` into ours; refusals to overwrite pass as they are."""
    import obstore.exceptions as library

    try:
        yield
    except (library.AlreadyExistsError, library.PreconditionError):
        raise
    except FileNotFoundError:
        raise ObjectMissingError(f"there is no object {what}") from None
    except library.BaseError as error:
        said = str(error).splitlines()[0]
        # A refused listing arrives as a general error with the answer's status in its text.
        denied = (library.PermissionDeniedError, library.UnauthenticatedError)
        if isinstance(error, denied) or re.search(r"\b(401 Unauthorized|403 Forbidden)\b", said):
            raise ObjectStoreError(
                f"the object store refused access to {what}; check the credentials and their policy"
            ) from error
        raise ObjectStoreError(f"the object store failed on {what}: {said}") from error
