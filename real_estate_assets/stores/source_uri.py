"""Source files wherever they are: brought to a local path within limits, and looked at without reading them.

Belongs here: opening a path, s3:// or https:// uri of a tenant's description, with limits of size and time. Does not
belong here: which uris are allowed (`source_location.py`), keeping what was read (`object_store.py`), unpacking.

A server's claim about a length is believed when it is too large (nothing is downloaded) and checked when it is not.
"""

from __future__ import annotations

import http.client
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from real_estate_assets.settings import get_settings
from real_estate_assets.stores.object_backend import (
    ObjectMissingError,
    ObjectStoreError,
    S3Access,
    in_our_words,
    open_bucket,
)
from real_estate_assets.stores.source_location import (
    LocalFile,
    Location,
    S3File,
    SourceMissingError,
    SourceRefusedError,
    SourceUriError,
    WebFile,
    file_name,
    locate,
)

__all__ = [
    "SourceAccess",
    "SourceMissingError",
    "SourceRefusedError",
    "SourceUriError",
    "open_source",
    "signature",
]

_CHUNK = 1 << 20
_GONE = (404, 410)
_NO_HEAD = (403, 405, 501)


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """Limits and credentials for reading sources. Times in seconds."""

    s3: S3Access
    own_store_url: str | None  # the platform's own object store, which no source may name
    max_bytes: int = 4 << 30
    read_timeout: float = 30.0  # of one read
    total_timeout: float = 3600.0  # of one file
    allow_http: bool = False


@contextmanager
def open_source(uri: str, base_uri: str, access: SourceAccess | None = None) -> Iterator[Path]:
    """The file at `uri` as a local path for the length of the block; what came over a network is deleted after it.

    A local file is given as it is, so it may still change: `ObjectStore.put_file` notices. Raises SourceMissingError
    where there is no file, SourceRefusedError for a uri that may not be read, SourceUriError for one that cannot be:
    too large, too slow, cut short, or a server's error.
    """
    access = access or _access_of_settings()
    location = locate(uri, base_uri, own_store_url=access.own_store_url, allow_http=access.allow_http)
    if isinstance(location, LocalFile):
        yield _checked_local(location.path, uri, access)
        return
    with tempfile.TemporaryDirectory(prefix="reos-source-") as folder:
        path = Path(folder) / file_name(location)
        with path.open("wb") as target:
            if isinstance(location, S3File):
                _download_object(location, uri, target, access)
            else:
                _download_page(location, uri, target, access)
        yield path


def signature(uri: str, base_uri: str, access: SourceAccess | None = None) -> str:
    """What the file looks like from outside: size and time, or the server's entity tag. Never raises for a source.

    'missing', 'refused' and 'unreachable' are signatures too: reading the source then says what is wrong. A server
    that gives no tag, time or length makes every look a change.
    """
    access = access or _access_of_settings()
    try:
        location = locate(uri, base_uri, own_store_url=access.own_store_url, allow_http=access.allow_http)
        return _look(location, uri, access)
    except SourceMissingError:
        return "missing"
    except SourceRefusedError:
        return "refused"
    except (SourceUriError, OSError):
        return "unreachable"


def _access_of_settings() -> SourceAccess:
    settings = get_settings()
    return SourceAccess(s3=S3Access.from_settings(settings), own_store_url=settings.object_store_url)


def _look(location: Location, uri: str, access: SourceAccess) -> str:
    if isinstance(location, LocalFile):
        status = _checked_local(location.path, uri, access).stat()
        return f"{status.st_size}-{status.st_mtime_ns}"
    if isinstance(location, S3File):
        import obstore

        with _s3_errors(uri), in_our_words(uri):
            meta = obstore.head(open_bucket(f"s3://{location.bucket}", "", access.s3), location.key)
        return f"{meta['size']}-{meta['e_tag'] or meta['last_modified'].isoformat()}"
    with closing(_head_or_get(location, uri, access)) as answer:
        length, tag = answer.headers["Content-Length"], answer.headers["ETag"] or answer.headers["Last-Modified"]
    return f"{length}-{tag}" if length or tag else f"unversioned-{time.time_ns()}"


def _checked_local(path: Path, uri: str, access: SourceAccess) -> Path:
    if not path.exists():
        raise SourceMissingError(f"there is no file {uri} in the tenant's folder ({path})")
    if not path.is_file():
        raise SourceRefusedError(f"{uri} is not a regular file ({path})")
    _require_size(path.stat().st_size, uri, access)
    return path


def _download_object(location: S3File, uri: str, target: BinaryIO, access: SourceAccess) -> None:
    import obstore

    with _s3_errors(uri), in_our_words(uri):
        found = obstore.get(open_bucket(f"s3://{location.bucket}", "", access.s3), location.key)
        size = found.meta["size"]
        _require_size(size, uri, access)
        received = _copy(iter(found.stream(min_chunk_size=_CHUNK)), uri, target, access)
    if received != size:
        raise SourceUriError(f"{uri} was cut short: {received:,} of {size:,} bytes came; try again")


def _download_page(location: WebFile, uri: str, target: BinaryIO, access: SourceAccess) -> None:
    with closing(_request("GET", location, uri, access)) as answer:
        packed = answer.headers.get("Content-Encoding", "identity")
        if packed != "identity" and not file_name(location).endswith(".gz"):
            raise SourceUriError(f"{uri} came packed as {packed} though it was asked for as it is")
        claim = answer.headers["Content-Length"]
        size = int(claim) if claim is not None and claim.isdigit() else None
        if size is not None:
            _require_size(size, uri, access)
        try:
            received = _copy(iter(lambda: answer.read1(_CHUNK), b""), uri, target, access)
        except (OSError, http.client.HTTPException) as error:
            raise SourceUriError(f"{uri} broke off while it was read ({error}); try again") from error
    if size not in (None, received):
        raise SourceUriError(f"{uri} was cut short: {received:,} of {size:,} bytes came; try again")


def _copy(chunks: Iterator[bytes], uri: str, target: BinaryIO, access: SourceAccess) -> int:
    """Bytes copied. Stops where they pass the limit of size or time, whatever was claimed before."""
    deadline = time.monotonic() + access.total_timeout
    received = 0
    for chunk in chunks:
        received += len(chunk)
        _require_size(received, uri, access)
        if time.monotonic() > deadline:
            raise SourceUriError(f"{uri} took longer than {access.total_timeout:g} s; {received:,} bytes had come")
        target.write(chunk)
    return received


def _require_size(size: int, uri: str, access: SourceAccess) -> None:
    if size > access.max_bytes:
        raise SourceUriError(f"{uri} has at least {size:,} bytes; at most {access.max_bytes:,} are read")


class _Answer(Protocol):
    headers: http.client.HTTPMessage

    def read1(self, n: int = ...) -> bytes: ...
    def close(self) -> None: ...


def _head_or_get(location: WebFile, uri: str, access: SourceAccess) -> _Answer:
    """Headers only; a server that answers no HEAD is asked with GET, whose body is then left unread."""
    try:
        return _request("HEAD", location, uri, access)
    except SourceUriError as error:
        if isinstance(error.__cause__, urllib.error.HTTPError) and error.__cause__.code in _NO_HEAD:
            return _request("GET", location, uri, access)
        raise


def _request(method: str, location: WebFile, uri: str, access: SourceAccess) -> _Answer:
    headers = {"Accept-Encoding": "identity"}
    request = urllib.request.Request(location.url, method=method, headers=headers)  # noqa: S310 - see _opener
    try:
        answer: _Answer = _opener(access.allow_http).open(request, timeout=access.read_timeout)
    except urllib.error.HTTPError as error:
        error.close()
        kind = SourceMissingError if error.code in _GONE else SourceUriError
        raise kind(f"{uri}: the server answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise SourceUriError(f"{uri} cannot be reached: {reason}") from error
    return answer


def _opener(allow_http: bool) -> urllib.request.OpenerDirector:
    """Knows https (and http where allowed) and nothing else, so no redirect can lead to a file or a weaker scheme."""
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.UnknownHandler(),
    ]
    if allow_http:
        handlers.append(urllib.request.HTTPHandler())
    for handler in handlers:
        opener.add_handler(handler)
    return opener


@contextmanager
def _s3_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except ObjectMissingError:
        raise SourceMissingError(f"there is no object {uri}") from None
    except ObjectStoreError as error:
        raise SourceUriError(str(error)) from error
