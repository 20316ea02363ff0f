"""What every vector store does: the one interface behind which the embedded engine and the server stand.

Belongs here: the promises. Does not belong here: how an engine keeps them (`edge.py`, `server.py`). One suite of tests
holds both to them: tests/integration/test_vectors.py.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Protocol

from real_estate_assets.stores.vectors.points import Hit, Publication, VectorPoints

if TYPE_CHECKING:
    import numpy.typing as npt


class VectorStore(Protocol):
    """Vectors of one kind. Every call names the tenant; no call sees another's points."""

    def publish(self, tenant_id: str, version: str, points: VectorPoints) -> Publication:
        """Put a complete set of points in the place of the tenant's former one; readers see the one or the other whole.

        The former publication stays readable by its version until the next but one. Nothing changes when it fails.
        Raises ValueError for points that cannot be, ForeignVectorError for a payload that names another tenant,
        VectorStoreError where the store refuses.
        """
        ...

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
        """The nearest points with a day strictly before `before`, nearest first, at most `limit`.

        without_property: no point of that property. version: of which publication; None is the newest. Raises
        NothingPublishedError, VersionMissingError, ForeignVectorError, VectorStoreError, and ValueError for a vector of
        another shape.
        """
        ...

    def kept(self, tenant_id: str) -> list[Publication]:
        """The publications that can be searched, newest first; empty where there is none."""
        ...

    def remove_tenant(self, tenant_id: str) -> bool:
        """Remove all vectors of a tenant, of every kind; whether there was anything, which need not be."""
        ...
