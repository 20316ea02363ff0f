"""Where a source file is: a uri of a tenant's description, joined to its base and refused where it may not lead.

Belongs here: paths, s3:// and https:// as text, and the rules about them. Does not belong here: opening anything over
a network (`source_uri.py`). A tenant's description is text from outside: it may name files below the tenant's own
folder and public addresses, never the platform's own store, where other tenants' files stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


class SourceUriError(RuntimeError):
    """A source file that cannot be read; the message says which and what to do."""


class SourceMissingError(SourceUriError):
    """There is no file at this uri (yet)."""


class SourceRefusedError(SourceUriError):
    """A uri that may not be read at all."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file below the base folder; `path` has no symbolic link left in it. It need not exist."""

    path: Path


@dataclass(frozen=True, slots=True)
class S3File:
    """An object in somebody's bucket."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file behind https:// (http:// only where the access allows it)."""

    url: str


Location = LocalFile | S3File | WebFile


def locate(uri: str, base_uri: str, *, own_store_url: str | None, allow_http: bool) -> Location:
    """The place a uri names. `base_uri` is a folder (path or file://), or an s3:// or https:// address.

    Raises SourceRefusedError for a uri that leaves its base, for another scheme, and for the platform's own store.
    """
    if "\0" in uri or not uri.strip():
        raise SourceRefusedError("a source file needs a uri")
    scheme = _SCHEME.match(uri)
    if scheme is None and _SCHEME.match(base_uri) and not base_uri.startswith("file://"):
        return locate(_below(base_uri, uri), base_uri, own_store_url=own_store_url, allow_http=allow_http)
    if scheme is None:
        return _local(uri, base_uri, own_store_url)
    match scheme[1].lower():
        case "s3":
            return _bucket_object(uri, own_store_url)
        case "https":
            return WebFile(_checked_url(uri))
        case "http" if allow_http:
            return WebFile(_checked_url(uri))
        case other:
            raise SourceRefusedError(f"{other}:// is not read; give a path, s3:// or https://")


def file_name(location: Location) -> str:
    """The last part of the name, which says by its ending how the file is packed."""
    match location:
        case LocalFile(path):
            return path.name
        case S3File(_, key):
            name = PurePosixPath(key).name
        case WebFile(url):
            name = PurePosixPath(unquote(urlsplit(url).path)).name
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".")[-100:] or "source"


def _local(uri: str, base_uri: str, own_store_url: str | None) -> LocalFile:
    base = _folder(base_uri).resolve()
    path = (base / uri).resolve()
    if Path(uri).is_absolute() or not path.is_relative_to(base) or path == base:
        raise SourceRefusedError(f"{uri} leads out of the tenant's folder {base}; give a relative path below it")
    if own_store_url and own_store_url.startswith("file://"):
        _refuse_own(path.is_relative_to(_folder(own_store_url).resolve()), uri)
    return LocalFile(path)


def _folder(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path)) if uri.startswith("file://") else Path(uri)


def _below(base_uri: str, uri: str) -> str:
    joined = urljoin(base_uri.rstrip("/").replace("s3://", "https://", 1) + "/", uri)
    base = base_uri.rstrip("/").replace("s3://", "https://", 1) + "/"
    if not joined.startswith(base) or ".." in unquote(uri).split("/"):
        raise SourceRefusedError(f"{uri} leads out of {base_uri}; give a relative path below it")
    return joined.replace("https://", "s3://", 1) if base_uri.startswith("s3://") else joined


def _bucket_object(uri: str, own_store_url: str | None) -> S3File:
    bucket, _, key = uri[len("s3://") :].partition("/")
    if not bucket or not key or ".." in key.split("/"):
        raise SourceRefusedError(f"{uri} is no object; give s3://bucket/key without '..'")
    if own_store_url and own_store_url.startswith("s3://"):
        own_bucket, _, own_prefix = own_store_url[len("s3://") :].strip("/").partition("/")
        _refuse_own(bucket == own_bucket and f"{key}/".startswith(f"{own_prefix}/" if own_prefix else ""), uri)
    return S3File(bucket, key)


def _checked_url(uri: str) -> str:
    parts = urlsplit(uri)
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise SourceRefusedError("give a web address with a host and without a user or password in it")
    return uri


def _refuse_own(is_own: bool, uri: str) -> None:
    if is_own:
        raise SourceRefusedError(f"{uri} is inside the platform's own object store, which is no source of files")
