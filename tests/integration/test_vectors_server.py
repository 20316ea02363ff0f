"""A vector server that is down, silent, or refuses: a clear error within a bounded time, and never the key in it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from real_estate_assets.settings import Settings
from real_estate_assets.stores.vectors import (
    VectorServerUnreachableError,
    VectorStore,
    VectorStoreError,
    open_vectors,
)
from tests.made_vectors import ALWAYS, made_points

TENANT, KEY = "charles-river", "made-up-key"
CALLS: dict[str, Callable[[VectorStore], object]] = {
    "publish": lambda store: store.publish(TENANT, "v1", made_points(2)),
    "search": lambda store: store.search(TENANT, made_points(1).vectors[0], 5, before=ALWAYS),
    "look up": lambda store: store.kept(TENANT),
    "remove": lambda store: store.remove_tenant(TENANT),
}


def store_at(port: int, tmp_path: Path) -> VectorStore:
    return open_vectors(
        Settings(
            environment="test",
            state_dir=tmp_path,
            vectors="qdrant",
            qdrant_url=f"http://127.0.0.1:{port}",
            qdrant_api_key=SecretStr(KEY),
            qdrant_timeout_seconds=1,
        )
    )


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(params=[401, 403, 500])
def refusing(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """(port, status) of a server that answers everything with one status, repeating what it was sent."""

    class Refusing(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = f"key {self.headers.get('api-key')} seen".encode()
            self.send_response(request.param)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port, request.param
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
@pytest.mark.parametrize("what", CALLS)
def test_a_server_that_is_down_is_said_at_once(what: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(VectorServerUnreachableError, match=rf"cannot {what} .*127\.0\.0\.1:{port}.*REOS_QDRANT_URL"):
        CALLS[what](store_at(port, tmp_path))
    assert time.monotonic() - started < 10


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_silent_server_is_waited_for_no_longer_than_its_time(silent_port: int, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(VectorServerUnreachableError, match="did not answer within 1 s"):
        CALLS["search"](store_at(silent_port, tmp_path))
    assert time.monotonic() - started < 10


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_refusal_is_told_without_the_key(refusing: tuple[int, int], tmp_path: Path) -> None:
    port, status = refusing
    with pytest.raises(VectorStoreError) as caught:
        CALLS["search"](store_at(port, tmp_path))
    expected = "says" if status == 500 else "REOS_QDRANT_API_KEY"
    assert expected in str(caught.value)
    assert KEY not in str(caught.value)
