"""The embedded vector store: qdrant-edge, a folder a publication, any number of reading processes.

Belongs here: building a folder and searching in one. Does not belong here: where folders stand and who may publish
(`edge_folders.py`), which stay open (`edge_shards.py`).

A folder is made without a write-ahead log, for with one only a single process could open it. Nothing would then stop
two writers, so a folder is never written again once its name is known: publishing is building another one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from real_estate_assets.stores.vectors.edge_folders import PublishedFolders, remove_tenant_folders
from real_estate_assets.stores.vectors.edge_shards import OpenShards
from real_estate_assets.stores.vectors.points import (
    Hit,
    Publication,
    VectorKind,
    VectorPoints,
    VectorStoreError,
    checked_points,
    checked_query,
    checked_tenant,
    chosen,
    day_number,
    opened,
    point_id,
    sealed,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    from qdrant_edge import EdgeShard, Filter

_BATCH = 1_000  # points in one update
_ATTEMPTS = 3  # of a search whose folder went away between the pointer and its opening
_INDEXED = ("tenant_id", "property_id")


class EdgeVectors:
    """Vectors of one kind below a folder of this machine. Threads may share it."""

    def __init__(self, root: Path, kind: VectorKind, *, open_shards: int = 8) -> None:
        self._root, self._kind = root, kind
        self._open = OpenShards(open_shards)

    def publish(self, tenant_id: str, version: str, points: VectorPoints) -> Publication:
        """See VectorStore. Raises VectorStoreBusyError too, when another process publishes for the same tenant."""
        checked_tenant(tenant_id)
        checked_points(self._kind, version, points)
        folders = self._folders(tenant_id)
        with _in_our_words(f"{self._kind.name} of {tenant_id}"), folders.publishing():
            publication = Publication(version, folders.next_build(), len(points))
            built = folders.building_folder()
            try:
                self._build(built, tenant_id, publication, points)
                folders.show(built, publication)
            except BaseException:
                shutil.rmtree(built, ignore_errors=True)
                raise
        return publication

    def search(
        self,
        tenant_id: str,
        vector: npt.ArrayLike,
        limit: int,
        *,
        before: date,
        without_property: str | None = None,
        version: str | None = None,
    ) -> list[Hit]:
        """See VectorStore."""
        from qdrant_edge import Query, QueryRequest, SearchParams

        checked_tenant(tenant_id)
        request = QueryRequest(
            limit=limit,
            query=Query.Nearest(checked_query(self._kind, vector, limit)),
            filter=_filter(tenant_id, before, without_property),
            params=SearchParams(exact=True),
            with_payload=True,
        )
        shard = self._shard(tenant_id, version)
        with _in_our_words(f"{self._kind.name} of {tenant_id}"):
            found = shard.query(request)
        return [opened(tenant_id, self._kind, point.payload, point.score) for point in found]

    def kept(self, tenant_id: str) -> list[Publication]:
        """See VectorStore."""
        return self._folders(checked_tenant(tenant_id)).kept()

    def remove_tenant(self, tenant_id: str) -> bool:
        """See VectorStore."""
        checked_tenant(tenant_id)
        with _in_our_words(f"the vectors of {tenant_id}"):
            was_there = remove_tenant_folders(self._root, tenant_id)
        self._open.forget(tenant_id)
        return was_there

    def _folders(self, tenant_id: str) -> PublishedFolders:
        return PublishedFolders(self._root, tenant_id, self._kind.name)

    def _shard(self, tenant_id: str, version: str | None) -> EdgeShard:
        folders = self._folders(tenant_id)
        for attempt in range(_ATTEMPTS):
            folder = folders.folder_of(chosen(tenant_id, self._kind, folders.kept(), version))
            try:
                return self._open.get(tenant_id, folder)
            except Exception as error:
                # Between the pointer and here two publications may have passed; then the pointer knows more.
                if folder.exists() or attempt == _ATTEMPTS - 1:
                    raise VectorStoreError(f"cannot open {folder}: {error}. Publish {tenant_id} again.") from error
        raise AssertionError("unreachable")

    def _build(self, folder: Path, tenant_id: str, publication: Publication, points: VectorPoints) -> None:
        from qdrant_edge import CountRequest, EdgeShard, PayloadSchemaType, UpdateOperation

        shard = EdgeShard.create(str(folder), _configuration(self._kind))
        for field in _INDEXED:
            shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
        shard.update(UpdateOperation.create_field_index("day", PayloadSchemaType.Integer))
        for batch in _batches(tenant_id, publication.build, points):
            shard.update(UpdateOperation.upsert_points(batch))
        shard.flush()
        shard.close()
        # The first opening folds journals and completes the configuration. It happens here, where nobody else looks on:
        # afterwards opening changes no byte, and readers of several processes cannot meet in it.
        shard = EdgeShard.load(str(folder))
        shard.flush()
        stored = shard.count(CountRequest(exact=True))
        shard.close()
        if stored != len(points):
            raise VectorStoreError(f"{stored} of {len(points)} points of {tenant_id} were stored: not published")


@contextmanager
def _in_our_words(what: str) -> Iterator[None]:
    """The engine raises bare Exceptions, and the disk its own: both become VectorStoreError that says for whom.

    A ValueError passes: the points themselves cannot be.
    """
    try:
        yield
    except (VectorStoreError, ValueError):
        raise
    except Exception as error:
        raise VectorStoreError(f"{what}: {error}") from error


def _configuration(kind: VectorKind) -> Any:
    from qdrant_edge import Distance, EdgeConfig, EdgeVectorParams

    distance = {"euclid": Distance.Euclid, "cosine": Distance.Cosine}[kind.distance]
    # One search thread a folder: with the default a process that holds a hundred of them has 800 threads.
    return EdgeConfig(
        vectors=EdgeVectorParams(size=kind.dimensions, distance=distance), wal_enabled=False, max_search_threads=1
    )


def _batches(tenant_id: str, build: int, points: VectorPoints) -> Iterator[list[Any]]:
    from qdrant_edge import Point

    for start in range(0, len(points), _BATCH):
        numbers = range(start, min(start + _BATCH, len(points)))
        yield [
            Point(
                id=point_id(tenant_id, build, points.keys[number]),
                vector=points.vectors[number].tolist(),
                payload=sealed(tenant_id, build, points, number),
            )
            for number in numbers
        ]


def _filter(tenant_id: str, before: date, without_property: str | None) -> Filter:
    from qdrant_edge import FieldCondition, Filter, MatchValue, RangeFloat

    def is_equal(field: str, value: str) -> FieldCondition:
        return FieldCondition(key=field, match=MatchValue(value=value))

    return Filter(
        # The folder is the tenant's own; the filter stands all the same, as on a server.
        must=[is_equal("tenant_id", tenant_id), FieldCondition(key="day", range=RangeFloat(lt=day_number(before)))],
        must_not=[] if without_property is None else [is_equal("property_id", without_property)],
    )
