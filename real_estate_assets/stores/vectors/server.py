"""The vector store on a Qdrant server: one collection a kind, tenants kept apart by a filter in every request.

Belongs here: collections, publishing, searching and removing through the client. Does not belong here: how the server
is reached and what its refusals mean (`server_access.py`). There are not hundreds of collections: a server holds one
graph and one set of files a collection, and tenants are what `is_tenant` of a keyword index is for.

A publication is complete before anyone sees it: its points carry its build number, and one small point a tenant and
kind, in a collection of its own, names the builds that count. Readers ask for one build and get it whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from real_estate_assets.stores.vectors.points import (
    ForeignVectorError,
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
from real_estate_assets.stores.vectors.server_access import Connected, next_build

if TYPE_CHECKING:
    import numpy.typing as npt

PREFIX = "reos_"
PUBLICATIONS = f"{PREFIX}publications"
KEPT = 2  # publications: the newest, and the one before it for readers who are still on it
_BATCH = 500  # points in one request
_MARKER_BUILD = 0  # a marker's id has no build of its own: there is one marker a tenant and kind


class ServerVectors:
    """Vectors of one kind on a server."""

    def __init__(self, server: Connected, kind: VectorKind) -> None:
        self._server, self._kind = server, kind
        self._collection = f"{PREFIX}{kind.name}"

    def publish(self, tenant_id: str, version: str, points: VectorPoints) -> Publication:
        """See VectorStore. Raises VectorServerUnreachableError within the server's time limit."""
        checked_tenant(tenant_id)
        checked_points(self._kind, version, points)
        with self._server.asked(f"publish {self._kind.name} of {tenant_id}") as client:
            self._ensure_collections(client)
            kept = self._kept(client, tenant_id)
            publication = Publication(version, next_build(kept), len(points))
            for batch in _batches(tenant_id, publication.build, points):
                client.upsert(self._collection, batch, wait=True)
            self._require_all(client, tenant_id, publication)
            kept = sorted([publication, *kept], key=lambda one: one.build, reverse=True)[:KEPT]
            client.upsert(PUBLICATIONS, [self._marker(tenant_id, kept)], wait=True)
            # Not what lies between the kept ones: another publisher may be at work on it.
            client.delete(self._collection, _older_than(tenant_id, kept[-1].build), wait=True)
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
        """See VectorStore. Raises VectorServerUnreachableError within the server's time limit."""
        checked_tenant(tenant_id)
        asked = checked_query(self._kind, vector, limit)
        with self._server.asked(f"search {self._kind.name} of {tenant_id}") as client:
            publication = chosen(tenant_id, self._kind, self._kept(client, tenant_id), version)
            found = client.query_points(
                self._collection,
                query=asked,
                query_filter=_filter(tenant_id, publication.build, before, without_property),
                limit=limit,
                with_payload=True,
            )
        return [opened(tenant_id, self._kind, point.payload, point.score) for point in found.points]

    def kept(self, tenant_id: str) -> list[Publication]:
        """See VectorStore."""
        checked_tenant(tenant_id)
        with self._server.asked(f"look up {self._kind.name} of {tenant_id}") as client:
            return self._kept(client, tenant_id)

    def remove_tenant(self, tenant_id: str) -> bool:
        """See VectorStore. The markers go first: nobody then finds a tenant that is half gone."""
        from qdrant_client import models

        checked_tenant(tenant_id)
        with self._server.asked(f"remove the vectors of {tenant_id}") as client:
            ours = [one.name for one in client.get_collections().collections if one.name.startswith(PREFIX)]
            was_there = False
            for collection in sorted(ours, key=lambda name: name != PUBLICATIONS):
                was_there |= client.count(collection, _of(tenant_id), exact=True).count > 0
                client.delete(collection, models.FilterSelector(filter=_of(tenant_id)), wait=True)
        return was_there

    def _kept(self, client: Any, tenant_id: str) -> list[Publication]:
        if not client.collection_exists(PUBLICATIONS):
            return []
        found = client.retrieve(PUBLICATIONS, [self._marker_id(tenant_id)], with_payload=True)
        if not found:
            return []
        payload = found[0].payload
        if payload.get("tenant_id") != tenant_id or payload.get("kind") != self._kind.name:
            raise ForeignVectorError(f"the publications of {tenant_id} name another owner: nothing is given out.")
        return [Publication.from_json(one) for one in payload["publications"]]

    def _marker_id(self, tenant_id: str) -> str:
        return str(point_id(tenant_id, _MARKER_BUILD, self._kind.name))

    def _marker(self, tenant_id: str, kept: Sequence[Publication]) -> Any:
        from qdrant_client import models

        listed = [one.as_json() for one in kept]
        payload = {"tenant_id": tenant_id, "kind": self._kind.name, "publications": listed}
        return models.PointStruct(id=self._marker_id(tenant_id), vector=[0.0], payload=payload)

    def _ensure_collections(self, client: Any) -> None:
        from qdrant_client import models

        distance = {"euclid": models.Distance.EUCLID, "cosine": models.Distance.COSINE}[self._kind.distance]
        fields: dict[str, Any] = {
            "tenant_id": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
            "property_id": models.PayloadSchemaType.KEYWORD,
            "build": models.PayloadSchemaType.INTEGER,
            "day": models.PayloadSchemaType.INTEGER,
        }
        self._server.ensure(client, self._collection, self._kind.dimensions, distance, fields)
        only_tenant = {"tenant_id": fields["tenant_id"]}
        self._server.ensure(client, PUBLICATIONS, 1, models.Distance.EUCLID, only_tenant)

    def _require_all(self, client: Any, tenant_id: str, publication: Publication) -> None:
        from qdrant_client import models

        of_build = models.Filter(must=[_is("tenant_id", tenant_id), _is("build", publication.build)])
        stored = client.count(self._collection, of_build, exact=True).count
        if stored != publication.points:
            raise VectorStoreError(f"{stored} of {publication.points} points of {tenant_id} were stored: not published")


def _batches(tenant_id: str, build: int, points: VectorPoints) -> Iterator[list[Any]]:
    from qdrant_client import models

    for start in range(0, len(points), _BATCH):
        numbers = range(start, min(start + _BATCH, len(points)))
        yield [
            models.PointStruct(
                id=str(point_id(tenant_id, build, points.keys[number])),
                vector=points.vectors[number].tolist(),
                payload=sealed(tenant_id, build, points, number),
            )
            for number in numbers
        ]


def _is(field: str, value: str | int) -> Any:
    from qdrant_client import models

    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def _filter(tenant_id: str, build: int, before: date, without_property: str | None) -> Any:
    from qdrant_client import models

    earlier = models.FieldCondition(key="day", range=models.Range(lt=day_number(before)))
    return models.Filter(
        must=[_is("tenant_id", tenant_id), _is("build", build), earlier],
        must_not=[] if without_property is None else [_is("property_id", without_property)],
    )


def _of(tenant_id: str) -> Any:
    from qdrant_client import models

    return models.Filter(must=[_is("tenant_id", tenant_id)])


def _older_than(tenant_id: str, build: int) -> Any:
    from qdrant_client import models

    older = models.FieldCondition(key="build", range=models.Range(lt=build))
    return models.FilterSelector(filter=models.Filter(must=[_is("tenant_id", tenant_id), older]))
