"""The vector store: points of one tenant, found by nearness, date and nothing of anybody else.

Belongs here: opening the store that the settings name. The engines are `edge.py` (embedded, files of this machine) and
`server.py` (a Qdrant server); both keep the promises of `interface.py`. Does not belong here: what vectors mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from real_estate_assets.stores.vectors.interface import VectorStore
from real_estate_assets.stores.vectors.points import (
    COMPARABLE_SALES,
    ForeignVectorError,
    Hit,
    NothingPublishedError,
    Publication,
    VectorKind,
    VectorPoints,
    VectorServerUnreachableError,
    VectorStoreBusyError,
    VectorStoreError,
    VersionMissingError,
)

if TYPE_CHECKING:
    from real_estate_assets.settings import Settings

__all__ = [
    "COMPARABLE_SALES",
    "ForeignVectorError",
    "Hit",
    "NothingPublishedError",
    "Publication",
    "VectorKind",
    "VectorPoints",
    "VectorServerUnreachableError",
    "VectorStore",
    "VectorStoreBusyError",
    "VectorStoreError",
    "VersionMissingError",
    "open_vectors",
]


def open_vectors(settings: Settings, kind: VectorKind = COMPARABLE_SALES) -> VectorStore:
    """The store of the settings for one kind of vectors. Nothing is reached before the first call."""
    if settings.vectors == "qdrant":
        from real_estate_assets.stores.vectors.server import ServerVectors
        from real_estate_assets.stores.vectors.server_access import connected

        return ServerVectors(connected(settings), kind)
    from real_estate_assets.stores.vectors.edge import EdgeVectors

    return EdgeVectors(settings.vectors_folder, kind, open_shards=settings.vectors_open_shards)
