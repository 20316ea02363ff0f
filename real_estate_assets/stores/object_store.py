"""The object store: the only way to files kept outside the database, on disk (file://) or in S3 (s3://) alike.

Belongs here: putting a file once, reading, listing, signing, and removing a tenant. Does not belong here: how keys are
built (`object_keys.py`), how a store is reached (`object_backend.py`), where a file came from (`source_uri.py`).

One store object serves one owner. Its prefix is fixed when it is made, and no method can leave it. Nothing is ever
overwritten: a key contains the hash of its bytes, the server refuses a second object under it, and equal bytes are the
only reason to accept that refusal. On S3, let a lifecycle rule remove incomplete multipart uploads after a day.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from real_estate_assets.stores.object_backend import (
    ObjectConflictError,
    ObjectMissingError,
    ObjectStoreError,
    S3Access,
    folder_of,
    in_our_words,
    open_bucket,
    open_folder,
)
from real_estate_assets.stores.object_keys import (
    PUBLIC,
    ObjectKeyError,
    Owner,
    checked_key,
    landing_key,
    model_key,
    owner_prefix,
    sha256_in_key,
)
from real_estate_assets.stores.object_streams import READ_CHUNK, appearing_when_complete, make_durable, readable
from real_estate_assets.stores.stable_file import FileChangedError, StableFile

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

    from real_estate_assets.settings import Settings

__all__ = [
    "PUBLIC",
    "FileChangedError",
    "ListedObject",
    "ObjectConflictError",
    "ObjectKeyError",
    "ObjectMissingError",
    "ObjectStore",
    "ObjectStoreError",
    "S3Access",
    "StoredObject",
    "landing_key",
    "open_store",
]

MULTIPART_ABOVE = 64 << 20  # bytes; up to here a file is read whole and put in one request
PART = 16 << 20  # bytes of one part; with PARTS_AT_ONCE, the memory one upload takes
PARTS_AT_ONCE = 4
PAGE = 1_000  # objects per listing request: the most S3 gives, and the most a bulk delete takes
LONGEST_SIGNATURE = timedelta(minutes=15)


class StoredObject(NamedTuple):
    """One stored file. `key` is relative to its owner; `created` is False where the same bytes were there before."""

    key: str
    sha256: str
    bytes: int
    created: bool


class ListedObject(NamedTuple):
    """One line of a listing; `key` is relative to the owner."""

    key: str
    bytes: int
    modified_at: datetime


def open_store(settings: Settings, owner: Owner) -> ObjectStore:
    """The object store of the settings, for one tenant or PUBLIC."""
    return ObjectStore(settings.object_store_url, owner, S3Access.from_settings(settings))


class ObjectStore:
    """Files of one owner: a tenant, or PUBLIC.

    `url` is that of the whole store, `file:///folder` or `s3://bucket[/prefix]`. Raises ObjectKeyError for a tenant
    that is not a slug, ValueError for another URL. Methods raise ObjectStoreError where the store refuses or fails,
    ObjectKeyError for a key that is absolute or contains '..'.
    """

    def __init__(self, url: str, owner: Owner, access: S3Access | None = None) -> None:
        self._owner = owner_prefix(owner)
        self._is_public = owner is PUBLIC
        root = folder_of(url)
        self._folder = root / self._owner if root else None
        self._store: LocalStore | S3Store = (
            open_folder(self._folder) if self._folder else open_bucket(url, self._owner, access or S3Access())
        )

    def put_file(self, path: Path, source: str) -> StoredObject:
        """Stores a file under `landing_key` of its hash, once; the same file again is accepted and changes nothing.

        Raises FileChangedError for a file that changes meanwhile, ObjectConflictError where other bytes stand under
        its key, OSError where it cannot be read.
        """
        with StableFile(path) as file:
            return self._put(landing_key(source, file.sha256), file)

    def put_model(self, path: Path) -> StoredObject:
        """Stores a part of a model under `model_key` of its hash, once. Raises as `put_file` does."""
        with StableFile(path) as file:
            return self._put(model_key(file.sha256), file)

    def open(self, key: str) -> BinaryIO:
        """The object's bytes as a readable stream, forward only. Raises ObjectMissingError where there is none."""
        import obstore

        what = self._named(key)
        with in_our_words(what):
            return readable(obstore.get(self._store, checked_key(key)).stream(min_chunk_size=READ_CHUNK), what)

    def fetch_to(self, key: str, path: Path) -> None:
        """Writes the object to a local file, which appears only when complete.

        Bytes whose key promises a hash (landed files, models) are compared with it: ObjectConflictError.
        """
        promised, digest = sha256_in_key(key), hashlib.sha256()
        with self.open(key) as stream, appearing_when_complete(path) as target:
            while chunk := stream.read(READ_CHUNK):
                digest.update(chunk)
                target.write(chunk)
            if promised not in (None, digest.hexdigest()):
                raise self._conflict(key, f"its bytes hash to {digest.hexdigest()}")

    def exists(self, key: str) -> bool:
        """Whether there is an object under this key."""
        try:
            self._size(key)
        except ObjectMissingError:
            return False
        return True

    def list(self, folder: str | None = None) -> Iterator[ListedObject]:
        """The owner's objects below a folder, fetched page by page, in no promised order."""
        for page in self._pages(folder):
            yield from page

    def presign(self, key: str, expires_in: timedelta) -> str:
        """A URL that lets its holder GET this one object for a while, at most 15 minutes.

        Raises ValueError for a longer time, ObjectStoreError for files on disk, which no URL can lend out.
        """
        import obstore
        from obstore.store import LocalStore

        if not timedelta(0) < expires_in <= LONGEST_SIGNATURE:
            raise ValueError(f"a signed URL lasts up to {LONGEST_SIGNATURE}, not {expires_in}")
        if isinstance(self._store, LocalStore):
            raise ObjectStoreError("files on disk (file://) cannot be lent out by URL; stream them with `open`")
        with in_our_words(self._named(key)):
            return obstore.sign(self._store, "GET", checked_key(key), expires_in)

    def delete_all(self) -> int:
        """Removes everything a tenant has here and says how many objects. Raises ObjectStoreError for public files."""
        import obstore

        if self._is_public:
            raise ObjectStoreError("public files serve all tenants and are not removed with one of them")
        removed = 0
        while page := next(self._pages(None), None):  # from the start again: a listing ages while its objects go
            with in_our_words(self._named("*")):
                obstore.delete(self._store, [item.key for item in page])
            removed += len(page)
        if self._folder:
            shutil.rmtree(self._folder)
        return removed

    def _put(self, key: str, file: StableFile) -> StoredObject:
        # Looking first saves sending a large file that is there already; the server's refusal decides all races.
        created = not self.exists(key) and self._create(key, file)
        if not created:
            self._require_same(key, file)
        return StoredObject(key, file.sha256, file.size, created)

    def _create(self, key: str, file: StableFile) -> bool:
        """Whether this call made the object; False where another writer was first."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        is_large = file.size > MULTIPART_ABOVE
        body = file.chunks() if is_large else b"".join(file.chunks())
        try:
            with in_our_words(self._named(key)):
                obstore.put(
                    self._store, key, body, mode="create", use_multipart=is_large,
                    chunk_size=PART, max_concurrency=PARTS_AT_ONCE,
                )  # fmt: skip
        except (AlreadyExistsError, PreconditionError):
            return False
        if self._folder:
            make_durable(self._folder / key)
        return True

    def _require_same(self, key: str, file: StableFile) -> None:
        if (size := self._size(key)) != file.size:
            raise self._conflict(key, f"it has {size} bytes instead of {file.size}")
        digest = hashlib.sha256()
        with self.open(key) as stream:
            while chunk := stream.read(READ_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != file.sha256:
            raise self._conflict(key, f"its bytes hash to {digest.hexdigest()}")

    def _size(self, key: str) -> int:
        import obstore

        with in_our_words(self._named(key)):
            return obstore.head(self._store, checked_key(key))["size"]

    def _pages(self, folder: str | None) -> Iterator[Sequence[ListedObject]]:
        import obstore

        with in_our_words(self._named(folder or "*")):
            for page in obstore.list(self._store, checked_key(folder) if folder else None, chunk_size=PAGE):
                yield [ListedObject(item["path"], item["size"], item["last_modified"]) for item in page]

    def _named(self, key: str) -> str:
        return f"{self._owner}/{key}"

    def _conflict(self, key: str, what: str) -> ObjectConflictError:
        return ObjectConflictError(
            f"the object {self._named(key)} is not what its key promises ({what}); it was left as it is. "
            "Restore it from a backup or move it away, then put the file there again."
        )
