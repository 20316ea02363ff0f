"""No tenant's vectors are found, replaced, removed or held up by another's, on either engine."""

from __future__ import annotations

import dataclasses
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from real_estate_assets.stores.vectors import (
    COMPARABLE_SALES,
    ForeignVectorError,
    NothingPublishedError,
    VectorPoints,
    VectorStore,
    edge,
    server,
)
from real_estate_assets.stores.vectors.edge_folders import PublishedFolders
from tests.made_vectors import ALWAYS, edge_stores, made_points, server_stores

MINE, THEIRS = "charles-river", "charles-river-2"
VECTOR = made_points(1).vectors[0]
POINTS = made_points(30)


def of(tenant: str, points: VectorPoints = POINTS) -> VectorPoints:
    """The same keys and vectors for every tenant: nothing but the tenant tells them apart."""
    return dataclasses.replace(points, payloads=[{"of": tenant} for _ in points.keys])


@pytest.fixture(autouse=True)
def _no_word_of_indexes() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        yield


@pytest.fixture
def planted() -> tuple[VectorStore, QdrantClient]:
    """A server's store, and a way past it."""
    stores, client = server_stores()
    return stores(COMPARABLE_SALES), client


@pytest.fixture(params=["edge", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> VectorStore:
    stores = edge_stores(tmp_path / "vectors") if request.param == "edge" else server_stores()[0]
    return stores(COMPARABLE_SALES)


def everything(store: VectorStore, tenant: str, **more: Any) -> list[Any]:
    return store.search(tenant, VECTOR, 1_000, before=ALWAYS, **more)


def test_the_same_keys_of_two_tenants_stay_two_sets_of_points(store: VectorStore) -> None:
    for tenant in (MINE, THEIRS):
        store.publish(tenant, "v1", of(tenant))
    store.publish(MINE, "v2", of(MINE, made_points(10, seed=2)))
    store.publish(MINE, "v3", of(MINE, made_points(5, seed=3)))
    for tenant, count in ((MINE, 5), (THEIRS, 30)):
        found = everything(store, tenant)
        assert {hit.payload["of"] for hit in found} == {tenant}
        assert len(found) == count


def test_a_version_of_another_tenant_opens_nothing(store: VectorStore) -> None:
    store.publish(THEIRS, "their-model", of(THEIRS))
    with pytest.raises(NothingPublishedError):
        everything(store, MINE, version="their-model")


def test_a_property_of_another_tenant_hides_nothing_of_mine(store: VectorStore) -> None:
    store.publish(MINE, "v1", of(MINE))
    assert len(everything(store, MINE, without_property="a property of nobody")) == 30


def test_removing_me_leaves_them_whole(store: VectorStore) -> None:
    for tenant in (MINE, THEIRS):
        store.publish(tenant, "v1", of(tenant))
    store.remove_tenant(MINE)
    with pytest.raises(NothingPublishedError):
        everything(store, MINE)
    assert {hit.payload["of"] for hit in everything(store, THEIRS)} == {THEIRS}
    assert len(everything(store, THEIRS)) == 30


def test_their_damage_is_not_mine(tmp_path: Path) -> None:
    store = edge_stores(tmp_path)(COMPARABLE_SALES)
    for tenant in (MINE, THEIRS):
        store.publish(tenant, "v1", of(tenant))
    (tmp_path / THEIRS / COMPARABLE_SALES.name / "CURRENT").write_text("damaged")
    assert len(everything(store, MINE)) == 30


def test_their_publisher_does_not_hold_me_up(tmp_path: Path) -> None:
    store = edge_stores(tmp_path)(COMPARABLE_SALES)
    with PublishedFolders(tmp_path, THEIRS, COMPARABLE_SALES.name).publishing():
        store.publish(MINE, "v1", of(MINE))
    assert len(everything(store, MINE)) == 30


def test_their_folder_under_my_name_gives_nothing_out(tmp_path: Path) -> None:
    store = edge_stores(tmp_path)(COMPARABLE_SALES)
    store.publish(THEIRS, "v1", of(THEIRS))
    shutil.copytree(tmp_path / THEIRS, tmp_path / MINE)
    assert everything(store, MINE) == []


def test_the_check_on_the_way_out_holds_where_the_filter_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second wall, alone: the filter is taken away, and their points stand where mine are looked for."""
    from qdrant_edge import Filter

    store = edge_stores(tmp_path)(COMPARABLE_SALES)
    store.publish(THEIRS, "v1", of(THEIRS))
    shutil.copytree(tmp_path / THEIRS, tmp_path / MINE)
    monkeypatch.setattr(edge, "_filter", lambda *_: Filter())
    with pytest.raises(ForeignVectorError, match="not charles-river's"):
        everything(store, MINE)


def test_the_check_on_the_way_out_holds_on_a_server_too(
    planted: tuple[VectorStore, QdrantClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = planted
    for tenant in (MINE, THEIRS):
        store.publish(tenant, "v1", of(tenant))
    monkeypatch.setattr(server, "_filter", lambda *_: models.Filter())
    with pytest.raises(ForeignVectorError, match="not charles-river's"):
        everything(store, MINE)


def test_a_planted_point_of_theirs_is_not_found_by_me(planted: tuple[VectorStore, QdrantClient]) -> None:
    store, client = planted
    build = store.publish(MINE, "v1", of(MINE)).build
    payload = {"tenant_id": THEIRS, "build": build, "key": "x", "property_id": "x", "day": 1, "data": "{}"}
    point = models.PointStruct(id=1, vector=VECTOR.tolist(), payload=payload)
    client.upsert(f"{server.PREFIX}{COMPARABLE_SALES.name}", [point])
    assert {hit.payload["of"] for hit in everything(store, MINE)} == {MINE}


def test_their_list_of_publications_under_my_name_is_refused(planted: tuple[VectorStore, QdrantClient]) -> None:
    store, client = planted
    store.publish(MINE, "v1", of(MINE))
    client.set_payload(server.PUBLICATIONS, {"tenant_id": THEIRS}, points=models.Filter())
    with pytest.raises(ForeignVectorError, match="name another owner"):
        everything(store, MINE)


def test_every_point_on_a_server_names_its_tenant(planted: tuple[VectorStore, QdrantClient]) -> None:
    store, client = planted
    for tenant in (MINE, THEIRS):
        store.publish(tenant, "v1", of(tenant))
    for collection in client.get_collections().collections:
        points, _ = client.scroll(collection.name, limit=1_000)
        assert {point.payload["tenant_id"] for point in points if point.payload} == {MINE, THEIRS}
