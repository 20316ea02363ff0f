"""The estate: a database of three tenants, seeded generically. See `seeding.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from real_estate_assets.stores.local_cluster import LocalCluster

from .attacks import STRANGER
from .seeding import Estate, plant_estate


@pytest.fixture(scope="session")
def stranger(cluster: LocalCluster) -> str:
    """The name of a login that belongs to no role; its password is its name."""
    with cluster.superuser() as connection:
        connection.execute(f"create role {STRANGER} login password '{STRANGER}'")
    return STRANGER


@pytest.fixture(scope="module")
def estate(module_warehouse_db: Any, stranger: str) -> Estate:
    """A seeded database that the tests of one module share."""
    return plant_estate(module_warehouse_db.settings)


@pytest.fixture
def new_estate(new_warehouse_db: Callable[[], Any], stranger: str) -> Callable[[], Estate]:
    """Call it for a seeded database of this test alone."""
    return lambda: plant_estate(new_warehouse_db().settings)
