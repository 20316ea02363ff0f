"""The embedded vector store under several processes, crashes and damage: one publication whole, or a clear word."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from real_estate_assets.settings import PROJECT_ROOT
from real_estate_assets.stores.vectors import COMPARABLE_SALES, VectorStoreBusyError, VectorStoreError
from real_estate_assets.stores.vectors.edge import EdgeVectors
from real_estate_assets.stores.vectors.edge_folders import PublishedFolders
from real_estate_assets.stores.vectors.edge_shards import OpenShards
from tests.made_vectors import ALWAYS, made_points

TENANT = "charles-river"
VECTOR = made_points(1).vectors[0]
# A publisher that stops half way, says so, and waits to be killed: a payload is asked for while the folder is built.
STOPS_HALF_WAY = """
import dataclasses, pathlib, sys, time
from tests.made_vectors import made_points
from real_estate_assets.stores.vectors import COMPARABLE_SALES
from real_estate_assets.stores.vectors.edge import EdgeVectors

class Stopping(list):
    def __getitem__(self, number):
        if number == 1500:
            print("half way", flush=True)
            time.sleep(600)
        return super().__getitem__(number)

points = made_points(2000, seed=2)
points = dataclasses.replace(points, payloads=Stopping(points.payloads))
EdgeVectors(pathlib.Path(sys.argv[1]), COMPARABLE_SALES).publish("charles-river", "v2", points)
"""
READS_UNTIL_TOLD = """
import json, pathlib, sys
from tests.made_vectors import ALWAYS, made_points
from real_estate_assets.stores.vectors import COMPARABLE_SALES
from real_estate_assets.stores.vectors.edge import EdgeVectors

root, stop = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
store, vector = EdgeVectors(root, COMPARABLE_SALES), made_points(1).vectors[0]
queries, mixed, seen = 0, 0, set()
while not stop.exists():
    seeds = {hit.payload["seed"] for hit in store.search("charles-river", vector, 200, before=ALWAYS)}
    if not queries:
        print("reading", flush=True)
    queries, mixed, seen = queries + 1, mixed + (len(seeds) != 1), seen | seeds
print(json.dumps({"queries": queries, "mixed": mixed, "seen": sorted(seen)}))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


@pytest.fixture
def store(root: Path) -> EdgeVectors:
    return EdgeVectors(root, COMPARABLE_SALES)


def python(code: str, *arguments: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def fingerprint(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def test_a_publisher_killed_half_way_leaves_readers_on_the_former_publication(store: EdgeVectors, root: Path) -> None:
    store.publish(TENANT, "v1", made_points(50, seed=1))
    publisher = python(STOPS_HALF_WAY, root)
    try:
        assert said(publisher) == "half way"
        unfinished = list(root.glob(f"{TENANT}/*/.building-*"))
        assert len(unfinished) == 1
        publisher.send_signal(signal.SIGKILL)
        publisher.wait(timeout=30)
    finally:
        publisher.kill()
        publisher.communicate()
    for reader in (store, EdgeVectors(root, COMPARABLE_SALES)):
        found = reader.search(TENANT, VECTOR, 100, before=ALWAYS)
        assert {hit.payload["seed"] for hit in found} == {1}
        assert len(found) == 50
    assert unfinished[0].exists()
    store.publish(TENANT, "v3", made_points(20, seed=3))  # the dead one holds no lock, and what it left is swept
    assert not unfinished[0].exists()
    assert [one.version for one in store.kept(TENANT)] == ["v3", "v1"]


def test_readers_of_other_processes_move_from_one_publication_to_the_next_whole(
    store: EdgeVectors, root: Path, tmp_path: Path
) -> None:
    store.publish(TENANT, "v0", made_points(300, seed=0))
    stop = tmp_path / "stop"
    readers = [python(READS_UNTIL_TOLD, root, stop) for _ in range(2)]
    try:
        assert [said(reader) for reader in readers] == ["reading"] * 2
        for seed in range(1, 5):
            store.publish(TENANT, f"v{seed}", made_points(300, seed=seed))
        time.sleep(0.3)
        stop.touch()
        answers = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
    for answer in answers:
        assert answer["mixed"] == 0
        assert {0, 4} <= set(answer["seen"])
        assert answer["queries"] > 10


def test_a_published_folder_is_never_written_again(store: EdgeVectors, root: Path) -> None:
    publication = store.publish(TENANT, "v1", made_points(50))
    folder = PublishedFolders(root, TENANT, COMPARABLE_SALES.name).folder_of(publication)
    before = fingerprint(folder)
    for reader in (store, EdgeVectors(root, COMPARABLE_SALES)):
        reader.search(TENANT, VECTOR, 10, before=ALWAYS)
    store.publish(TENANT, "v2", made_points(50, seed=2))
    assert fingerprint(folder) == before


def test_a_copy_of_the_folder_is_a_backup(store: EdgeVectors, root: Path, tmp_path: Path) -> None:
    store.publish(TENANT, "v1", made_points(50))
    shutil.copytree(root, tmp_path / "copy")
    restored = EdgeVectors(tmp_path / "copy", COMPARABLE_SALES)
    asked: dict[str, Any] = {"before": ALWAYS}
    assert restored.search(TENANT, VECTOR, 9, **asked) == store.search(TENANT, VECTOR, 9, **asked)


def test_only_two_publications_stay_on_the_disk(store: EdgeVectors, root: Path) -> None:
    for number in range(4):
        store.publish(TENANT, f"v{number}", made_points(5))
    folders = [path for path in (root / TENANT / COMPARABLE_SALES.name).iterdir() if path.is_dir()]
    assert sorted(path.name for path in folders) == sorted(f"v{one.build}" for one in store.kept(TENANT))
    assert len(folders) == 2


def test_a_process_keeps_a_bounded_number_of_tenants_open(root: Path) -> None:
    store = EdgeVectors(root, COMPARABLE_SALES, open_shards=2)
    tenants = [f"tenant-{number}" for number in range(4)]
    for number, tenant in enumerate(tenants):
        store.publish(tenant, "v1", made_points(5, seed=number))
    for tenant in (*tenants, tenants[0]):
        found = store.search(tenant, VECTOR, 9, before=ALWAYS)
        assert {hit.payload["seed"] for hit in found} == {tenants.index(tenant)}
        assert len(store._open) <= 2


def test_a_folder_that_is_open_is_opened_once(store: EdgeVectors, root: Path) -> None:
    publication = store.publish(TENANT, "v1", made_points(5))
    folder = PublishedFolders(root, TENANT, COMPARABLE_SALES.name).folder_of(publication)
    shards = OpenShards(2)
    assert shards.get(TENANT, folder) is shards.get(TENANT, folder)
    shards.forget(TENANT)
    assert len(shards) == 0


def test_a_second_publisher_waits_a_bounded_time(root: Path) -> None:
    folders, others = (PublishedFolders(root, TENANT, COMPARABLE_SALES.name) for _ in range(2))
    with (
        folders.publishing(),
        pytest.raises(VectorStoreBusyError, match="being published by another process"),
        others.publishing(patience_s=0.1),
    ):
        pass
    with others.publishing(patience_s=0.1):
        pass


@pytest.mark.parametrize("text", ["{", "[]", '{"publications": [{"version": "v1"}]}'])
def test_a_damaged_pointer_says_what_to_do(store: EdgeVectors, root: Path, text: str) -> None:
    store.publish(TENANT, "v1", made_points(5))
    (root / TENANT / COMPARABLE_SALES.name / "CURRENT").write_text(text)
    with pytest.raises(VectorStoreError, match=r"is damaged .* publish the comparable_sales of charles-river again"):
        store.search(TENANT, VECTOR, 1, before=ALWAYS)


def test_a_lost_folder_says_what_to_do(store: EdgeVectors, root: Path) -> None:
    publication = store.publish(TENANT, "v1", made_points(5))
    shutil.rmtree(PublishedFolders(root, TENANT, COMPARABLE_SALES.name).folder_of(publication))
    with pytest.raises(VectorStoreError, match="Publish charles-river again"):
        store.search(TENANT, VECTOR, 1, before=ALWAYS)


def test_a_folder_that_cannot_be_made_is_said_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VectorStoreError, match="comparable_sales of charles-river"):
        EdgeVectors(tmp_path / "file", COMPARABLE_SALES).publish(TENANT, "v1", made_points(1))
