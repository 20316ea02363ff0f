"""Made points, and both kinds of vector store, for the tests of the stores.

Belongs here: what tests/integration and tests/tenancy share. Does not belong here: any assertion. No server binary of
Qdrant can be had where this project is built, so the server's side of the contract runs on the client's own engine in
memory: the same client, requests and answers, without the network.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from qdrant_client import QdrantClient

from real_estate_assets.stores.vectors import COMPARABLE_SALES, VectorKind, VectorPoints, VectorStore
from real_estate_assets.stores.vectors.edge import EdgeVectors
from real_estate_assets.stores.vectors.server import ServerVectors
from real_estate_assets.stores.vectors.server_access import Connected

FIRST_DAY = date(2020, 1, 1)
ALWAYS = date(2100, 1, 1)
StoreOf = Callable[[VectorKind], VectorStore]


def made_points(count: int, seed: int = 0, dimensions: int = COMPARABLE_SALES.dimensions) -> VectorPoints:
    """`count` points, one a day from FIRST_DAY on, two a property; each payload says its number and the seed."""
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return VectorPoints(
        keys=[f"sale-{number}" for number in range(count)],
        property_ids=[f"property-{number // 2}" for number in range(count)],
        days=[FIRST_DAY + timedelta(number) for number in range(count)],
        vectors=vectors,
        payloads=[{"number": number, "seed": seed} for number in range(count)],
    )


def edge_stores(root: Path) -> StoreOf:
    """Embedded stores of all kinds below one folder."""
    return lambda kind: EdgeVectors(root, kind)


def server_stores() -> tuple[StoreOf, QdrantClient]:
    """Stores of all kinds on one server, and a way past every rule of ours, for planting and looking."""
    client = QdrantClient(":memory:")
    return lambda kind: ServerVectors(Connected(lambda: client, "memory", 5), kind), client
