"""One contract for the vector store as files of this machine and on a Qdrant server (see tests/made_vectors.py)."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from real_estate_assets.settings import Settings
from real_estate_assets.stores.vectors import (
    COMPARABLE_SALES,
    ForeignVectorError,
    NothingPublishedError,
    VectorKind,
    VectorStore,
    VectorStoreError,
    VersionMissingError,
    open_vectors,
)
from real_estate_assets.stores.vectors.edge import EdgeVectors
from real_estate_assets.stores.vectors.points import opened, point_id, sealed
from tests.made_vectors import ALWAYS, FIRST_DAY, StoreOf, edge_stores, made_points, server_stores

TENANT, OTHER = "charles-river", "charles-river-2"  # one name begins with the other
COUNT = 40


@pytest.fixture(autouse=True)
def _no_word_of_indexes() -> Iterator[None]:
    """The engine in memory says once that it has no use for payload indexes; a server has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        yield


@pytest.fixture(params=["edge", "server"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> StoreOf:
    return edge_stores(tmp_path / "vectors") if request.param == "edge" else server_stores()[0]


@pytest.fixture
def store(stores: StoreOf) -> VectorStore:
    return stores(COMPARABLE_SALES)


def nearest(vector: Any, before: date = ALWAYS, without: str | None = None, count: int = COUNT) -> list[str]:
    """Keys of `made_points(count)` by exact distance: the known answer."""
    points = made_points(count)
    distances = np.linalg.norm(points.vectors - np.asarray(vector), axis=1)
    allowed = [n for n in range(count) if points.days[n] < before and points.property_ids[n] != without]
    return [points.keys[n] for n in sorted(allowed, key=lambda n: distances[n])]


def test_the_nearest_are_found_in_order_with_their_payload(store: VectorStore) -> None:
    points = made_points(COUNT)
    store.publish(TENANT, "v1", points)
    found = store.search(TENANT, points.vectors[7], 10, before=ALWAYS)
    assert [hit.key for hit in found] == nearest(points.vectors[7])[:10]
    assert found[0].distance == pytest.approx(0, abs=1e-3)
    assert (found[0].property_id, found[0].day) == ("property-3", FIRST_DAY + timedelta(7))
    assert found[0].payload == {"number": 7, "seed": 0}
    expected = np.linalg.norm(points.vectors[found[3].payload["number"]] - points.vectors[7])
    assert found[3].distance == pytest.approx(expected, rel=1e-4)


def test_a_payload_comes_back_to_the_last_bit(store: VectorStore) -> None:
    awkward = [float(number) for number in np.random.default_rng(0).lognormal(13, 1, COUNT)]
    payloads = [{"price": price, "nested": {"none": None, "text": "ü"}} for price in awkward]
    store.publish(TENANT, "v1", dataclasses.replace(made_points(COUNT), payloads=payloads))
    found = store.search(TENANT, made_points(1).vectors[0], COUNT, before=ALWAYS)
    assert sorted(hit.payload["price"] for hit in found) == sorted(awkward)
    assert found[0].payload["nested"] == {"none": None, "text": "ü"}


def test_a_day_is_strictly_before_and_a_property_left_out(store: VectorStore) -> None:
    points = made_points(COUNT)
    store.publish(TENANT, "v1", points)
    on_the_tenth = store.search(TENANT, points.vectors[9], COUNT, before=points.days[9])
    assert {hit.key for hit in on_the_tenth} == {f"sale-{number}" for number in range(9)}
    assert store.search(TENANT, points.vectors[9], COUNT, before=FIRST_DAY) == []
    without = store.search(TENANT, points.vectors[9], COUNT, before=ALWAYS, without_property="property-4")
    assert {hit.property_id for hit in without} == {f"property-{n}" for n in range(COUNT // 2)} - {"property-4"}


@given(days=st.integers(-3, COUNT + 3), limit=st.integers(1, COUNT), owner=st.none() | st.integers(0, COUNT // 2))
@hypothesis_settings(max_examples=40)
def test_every_date_limit_and_property_finds_what_exact_search_finds(
    searched: tuple[VectorStore, ...], days: int, limit: int, owner: int | None
) -> None:
    before, without = FIRST_DAY + timedelta(days), None if owner is None else f"property-{owner}"
    vector = np.random.default_rng(5).normal(size=COMPARABLE_SALES.dimensions)
    for store in searched:
        found = store.search(TENANT, vector, limit, before=before, without_property=without)
        assert [hit.key for hit in found] == nearest(vector, before, without)[:limit]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[VectorStore, ...]:
    """Both engines with the same points."""
    both = (edge_stores(tmp_path_factory.mktemp("vectors"))(COMPARABLE_SALES), server_stores()[0](COMPARABLE_SALES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for store in both:
            store.publish(TENANT, "v1", made_points(COUNT))
    return both


def test_a_publication_takes_the_place_of_the_former_which_stays_by_its_version(store: VectorStore) -> None:
    vector = made_points(1).vectors[0]
    for version, seed in (("v1", 1), ("v2", 2), ("v3", 3)):
        store.publish(TENANT, version, made_points(10 + seed, seed))
        newest = store.search(TENANT, vector, 100, before=ALWAYS)
        assert {hit.payload["seed"] for hit in newest} == {seed}
        assert len(newest) == 10 + seed
    assert [(one.version, one.points) for one in store.kept(TENANT)] == [("v3", 13), ("v2", 12)]
    assert len(store.search(TENANT, vector, 100, before=ALWAYS, version="v2")) == 12
    with pytest.raises(VersionMissingError, match="published as v3, v2, not as v1"):
        store.search(TENANT, vector, 100, before=ALWAYS, version="v1")


def test_the_same_version_again_takes_the_place_of_itself(store: VectorStore) -> None:
    first = store.publish(TENANT, "v1", made_points(9, 1))
    again = store.publish(TENANT, "v1", made_points(5, 2))
    assert again.build > first.build
    found = store.search(TENANT, made_points(1).vectors[0], 100, before=ALWAYS, version="v1")
    assert [hit.payload["seed"] for hit in found] == [2] * 5


def test_nothing_published_is_said(store: VectorStore) -> None:
    assert store.kept(TENANT) == []
    with pytest.raises(NothingPublishedError, match="no comparable_sales of charles-river"):
        store.search(TENANT, made_points(1).vectors[0], 5, before=ALWAYS)


def test_no_points_are_a_publication_too(store: VectorStore) -> None:
    store.publish(TENANT, "v1", made_points(3))
    store.publish(TENANT, "v2", made_points(0))
    assert store.search(TENANT, made_points(1).vectors[0], 5, before=ALWAYS) == []


def test_a_removed_tenant_leaves_nothing_and_the_other_everything(stores: StoreOf) -> None:
    other_kind = VectorKind("look_alikes", 8, "cosine")
    for tenant in (TENANT, OTHER):
        stores(COMPARABLE_SALES).publish(tenant, "v1", made_points(6))
        stores(other_kind).publish(tenant, "v1", made_points(4, dimensions=8))
    removed = [stores(COMPARABLE_SALES).remove_tenant(TENANT) for _ in range(2)]
    assert removed == [True, False]
    vector = made_points(1).vectors[0]
    for kind, count in ((COMPARABLE_SALES, 6), (other_kind, 4)):
        assert stores(kind).kept(TENANT) == []
        found = stores(kind).search(OTHER, vector[: kind.dimensions], 100, before=ALWAYS)
        assert len(found) == count
    stores(COMPARABLE_SALES).publish(TENANT, "v2", made_points(2))
    assert len(stores(COMPARABLE_SALES).search(TENANT, vector, 100, before=ALWAYS)) == 2


def test_by_cosine_length_does_not_matter(stores: StoreOf) -> None:
    store, points = stores(VectorKind("look_alikes", 8, "cosine")), made_points(12, dimensions=8)
    store.publish(TENANT, "v1", points)
    found = store.search(TENANT, points.vectors[4] * 7, 12, before=ALWAYS)
    assert found[0].key == "sale-4"
    assert [hit.distance for hit in found] == sorted(hit.distance for hit in found)
    assert found[0].distance == pytest.approx(0, abs=1e-5)


BROKEN = {
    "finite, the first that of 'sale-1'": {"vectors": np.array([[0.0] * 64, [np.nan] * 64], np.float32)},
    "64 dimensions, not vectors of shape": {"vectors": np.zeros((2, 3), np.float32)},
    "a key stands twice": {"keys": ["a", "a"]},
    "differ in number": {"days": [FIRST_DAY]},
    "not JSON compliant": {"payloads": [{}, {"price": float("nan")}]},
}


@pytest.mark.parametrize("message", BROKEN)
def test_points_that_cannot_be_are_refused_and_nothing_changes(store: VectorStore, message: str) -> None:
    store.publish(TENANT, "v1", made_points(3))
    with pytest.raises(ValueError, match=message):
        store.publish(TENANT, "v2", dataclasses.replace(made_points(2), **BROKEN[message]))
    assert [one.version for one in store.kept(TENANT)] == ["v1"]


@pytest.mark.parametrize("vector", [[1.0] * 3, [float("nan")] * 64, [[0.0] * 64]])
def test_a_vector_of_another_shape_is_refused(store: VectorStore, vector: Any) -> None:
    store.publish(TENANT, "v1", made_points(3))
    with pytest.raises(ValueError, match="64 finite numbers"):
        store.search(TENANT, vector, 5, before=ALWAYS)


def test_a_payload_that_names_another_tenant_is_not_published(store: VectorStore) -> None:
    store.publish(TENANT, "v1", made_points(3))
    with pytest.raises(ForeignVectorError, match=f"names '{OTHER}'"):
        store.publish(TENANT, "v2", dataclasses.replace(made_points(1), payloads=[{"tenant_id": OTHER}]))
    assert len(store.search(TENANT, made_points(1).vectors[0], 5, before=ALWAYS)) == 3


@pytest.mark.parametrize("tenant", ["", "../charles-river", "Charles", "a/b", None])
def test_what_is_no_tenant_is_refused_everywhere(store: VectorStore, tenant: Any) -> None:
    calls = (
        lambda: store.publish(tenant, "v1", made_points(1)),
        lambda: store.search(tenant, made_points(1).vectors[0], 1, before=ALWAYS),
        lambda: store.kept(tenant),
        lambda: store.remove_tenant(tenant),
    )
    for call in calls:
        with pytest.raises(VectorStoreError, match="not a tenant"):
            call()


@pytest.mark.parametrize("change", [{"data": {}}, {"data": "{"}, {"day": None}])
def test_a_point_that_another_version_wrote_says_what_to_do(change: dict[str, Any]) -> None:
    stored = {**sealed(TENANT, 1, made_points(1), 0), **change}
    with pytest.raises(VectorStoreError, match="materialize the tenant's valuation again"):
        opened(TENANT, COMPARABLE_SALES, stored, 0.0)


def test_ids_of_two_tenants_never_meet() -> None:
    assert point_id("a", 1, "b|1|c") != point_id("a|1|b", 1, "c")
    assert point_id("a", 1, "2") != point_id("a", 12, "")
    assert point_id("a", 1, "c") == point_id("a", 1, "c")


def test_the_settings_choose_the_engine(tmp_path: Path) -> None:
    embedded = open_vectors(Settings(environment="test", state_dir=tmp_path))
    assert isinstance(embedded, EdgeVectors)
    embedded.publish(TENANT, "v1", made_points(1))
    assert (tmp_path / "vectors" / TENANT / "comparable_sales" / "CURRENT").is_file()
    with pytest.raises(ValueError, match="REOS_QDRANT_URL"):
        Settings(environment="test", vectors="qdrant")
