"""How a Qdrant server is reached: one client a process, bounded waits, and its refusals in our words.

Belongs here: address, key, time limits, collections that must be there, errors. Does not belong here: points
(`server.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from real_estate_assets.stores.vectors.points import Publication, VectorServerUnreachableError, VectorStoreError

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from real_estate_assets.settings import Settings

_CONFLICT, _REFUSED = 409, (401, 403)
_SUBGRAPH_LINKS = 16  # links a point has within its tenant; none between tenants, who are never searched together


class Connected:
    """A client made when first asked for. make: makes it; address: for messages; key: kept out of them."""

    def __init__(self, make: Callable[[], QdrantClient], address: str, timeout_s: int, key: str | None = None) -> None:
        self._make, self._address, self._timeout_s, self._key = make, address, timeout_s, key
        self._client: QdrantClient | None = None
        self._lock = threading.Lock()
        self._ensured: set[str] = set()

    @contextmanager
    def asked(self, what: str) -> Iterator[QdrantClient]:
        """The client, for one purpose. What it raises becomes VectorServerUnreachableError or VectorStoreError."""
        from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

        try:
            with self._lock:
                self._client = self._client or self._make()
            yield self._client
        except ResponseHandlingException as error:
            raise VectorServerUnreachableError(
                f"cannot {what}: the vector server at {self._address} did not answer within {self._timeout_s} s "
                f"({error}). Start it, or set REOS_QDRANT_URL."
            ) from error
        except UnexpectedResponse as error:
            said = f"the vector server at {self._address} says {self._without_key(str(error))}"
            if error.status_code in _REFUSED:
                said = f"the vector server at {self._address} refused the key. Set REOS_QDRANT_API_KEY."
            raise VectorStoreError(f"cannot {what}: {said}") from None  # a server's answer may repeat what was sent
        except ApiException as error:
            raise VectorStoreError(f"cannot {what}: the vector server at {self._address}: {error}") from error

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "<key>") if self._key else text

    def ensure(self, client: Any, collection: str, dimensions: int, distance: Any, fields: Mapping[str, Any]) -> None:
        """Make a collection and its indexes where they are not there yet. fields: payload field -> kind of index."""
        from qdrant_client import models
        from qdrant_client.http.exceptions import UnexpectedResponse

        if collection in self._ensured and client.collection_exists(collection):
            return
        if not client.collection_exists(collection):
            try:
                client.create_collection(
                    collection,
                    vectors_config=models.VectorParams(size=dimensions, distance=distance),
                    hnsw_config=models.HnswConfigDiff(m=0, payload_m=_SUBGRAPH_LINKS),
                )
            except UnexpectedResponse as error:
                if error.status_code != _CONFLICT:  # another process was quicker
                    raise
        for field, schema in fields.items():
            client.create_payload_index(collection, field, field_schema=schema, wait=True)
        self._ensured.add(collection)


def connected(settings: Settings) -> Connected:
    """The server of the settings. Nothing is reached before the first call; settings guarantee an address."""
    url, timeout_s = settings.qdrant_url or "", settings.qdrant_timeout_seconds
    key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None

    def make() -> QdrantClient:
        from qdrant_client import QdrantClient

        return QdrantClient(
            url=url,
            api_key=key,
            timeout=timeout_s,
            check_compatibility=False,  # a request of its own before the first one, with a wait of its own
        )

    return Connected(make, url, timeout_s, key)


def next_build(kept: Sequence[Publication]) -> int:
    """A number above all that were published: milliseconds now, or one more than the newest."""
    return max(time.time_ns() // 1_000_000, 1 + max((one.build for one in kept), default=0))
