"""Source files from folders and web servers, including servers that lie, stall or lead astray."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from real_estate_assets.stores.object_backend import S3Access
from real_estate_assets.stores.source_location import S3File, WebFile, file_name, locate
from real_estate_assets.stores.source_uri import (
    SourceAccess,
    SourceMissingError,
    SourceRefusedError,
    SourceUriError,
    open_source,
    signature,
)

ACCESS = SourceAccess(S3Access(), own_store_url=None, max_bytes=1_000_000, read_timeout=2, allow_http=True)
CSV = b"ML,Location\n7-18,219 MONSIGNOR OBRIEN HWY\n"


@dataclass
class Server:
    """A web server whose answers a test writes itself: path -> function of the request handler."""

    url: str = ""
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    body_bytes_sent: int = 0

    def send(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.wfile.write(body)
        handler.wfile.flush()
        self.body_bytes_sent += len(body)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.requests.append(f"{self.command} {self.path}")
            try:
                state.answers[self.path](self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_address[1]}"
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def answer(server: Server, body: bytes = CSV, status: int = 200, **headers: str) -> Callable[..., None]:
    """An honest answer, except where a header says otherwise."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        if handler.command == "GET":
            server.send(handler, body)

    return write


def read(uri: str, base: Path | str = "/nonexistent", access: SourceAccess = ACCESS) -> bytes:
    with open_source(uri, str(base), access) as path:
        return path.read_bytes()


class TestFolder:
    @pytest.fixture
    def base(self, tmp_path: Path) -> Path:
        folder = tmp_path / "tenant data"
        (folder / "2014").mkdir(parents=True)
        (folder / "2014/roll.csv").write_bytes(CSV)
        (tmp_path / "secret.csv").write_text("another tenant's")
        return folder

    @pytest.mark.parametrize("as_uri", [str, Path.as_uri])
    def test_a_file_is_given_where_it_stands(self, base: Path, as_uri: Callable[[Path], str]) -> None:
        with open_source("2014/roll.csv", as_uri(base), ACCESS) as path:
            assert path == (base / "2014/roll.csv").resolve()
        assert path.exists()

    @pytest.mark.parametrize(
        "uri", ["../secret.csv", "2014/../../secret.csv", "a/../../tenant data/../secret.csv", "."]
    )
    def test_no_path_leads_out(self, base: Path, uri: str) -> None:
        with pytest.raises(SourceRefusedError, match="leads out"):
            read(uri, base)

    def test_no_absolute_path(self, base: Path, tmp_path: Path) -> None:
        for path in (tmp_path / "secret.csv", base / "2014/roll.csv"):
            with pytest.raises(SourceRefusedError, match="relative path"):
                read(str(path), base)

    def test_no_link_leads_out_and_a_link_inside_is_followed(self, base: Path, tmp_path: Path) -> None:
        (base / "out.csv").symlink_to(tmp_path / "secret.csv")
        (base / "up").symlink_to(tmp_path)
        (base / "latest.csv").symlink_to("2014/roll.csv")
        for uri in ("out.csv", "up/secret.csv"):
            with pytest.raises(SourceRefusedError, match="leads out"):
                read(uri, base)
        assert read("latest.csv", base) == CSV

    def test_a_folder_reached_by_a_link_is_its_own_base(self, base: Path, tmp_path: Path) -> None:
        (tmp_path / "linked").symlink_to(base)
        assert read("2014/roll.csv", tmp_path / "linked") == CSV

    def test_what_is_no_file(self, base: Path) -> None:
        os.mkfifo(base / "pipe")
        with pytest.raises(SourceMissingError, match="no file"):
            read("missing.csv", base)
        for uri in ("2014", "pipe"):
            with pytest.raises(SourceRefusedError, match="not a regular file"):
                read(uri, base)
        for uri in ("", " ", "a\0b"):
            with pytest.raises(SourceRefusedError, match="needs a uri"):
                read(uri, base)

    def test_too_large(self, base: Path) -> None:
        with pytest.raises(SourceUriError, match="at most 3 are read"):
            read("2014/roll.csv", base, replace(ACCESS, max_bytes=3))

    def test_the_platforms_own_store_is_no_source(self, base: Path) -> None:
        own = replace(ACCESS, own_store_url=(base / "2014").as_uri())
        with pytest.raises(SourceRefusedError, match="own object store"):
            read("2014/roll.csv", base, own)

    def test_signature_follows_the_file(self, base: Path) -> None:
        file = base / "2014/roll.csv"
        before = signature("2014/roll.csv", str(base), ACCESS)
        assert signature("2014/roll.csv", str(base), ACCESS) == before
        file.write_bytes(CSV + CSV)
        assert signature("2014/roll.csv", str(base), ACCESS) != before
        assert signature("missing.csv", str(base), ACCESS) == "missing"
        assert signature("../secret.csv", str(base), ACCESS) == "refused"


class TestLocation:
    def place(self, uri: str, base: str = "/data", own: str | None = None, allow_http: bool = False) -> object:
        return locate(uri, base, own_store_url=own, allow_http=allow_http)

    def test_relative_uris_stand_below_any_base(self) -> None:
        assert self.place("2014/roll.csv", "s3://feeds/cambridge") == S3File("feeds", "cambridge/2014/roll.csv")
        assert self.place("roll.csv", "https://city.example/open/") == WebFile("https://city.example/open/roll.csv")

    @pytest.mark.parametrize("base", ["s3://feeds/cambridge", "https://city.example/open"])
    @pytest.mark.parametrize("uri", ["../x", "a/../../x", "/x", "%2e%2e/x", "//other.example/x"])
    def test_no_relative_uri_leaves_its_base(self, base: str, uri: str) -> None:
        with pytest.raises(SourceRefusedError):
            self.place(uri, base)

    @pytest.mark.parametrize("uri", ["ftp://x/y", "file:///etc/passwd", "http://x/y", "gs://b/k", "HTTP://x/y"])
    def test_other_schemes(self, uri: str) -> None:
        with pytest.raises(SourceRefusedError, match="is not read"):
            self.place(uri)

    @pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/", "s3:///key", "s3://bucket/a/../b"])
    def test_objects_have_a_bucket_and_a_key(self, uri: str) -> None:
        with pytest.raises(SourceRefusedError, match="is no object"):
            self.place(uri)

    @pytest.mark.parametrize(
        ("own", "uri", "refused"),
        [
            ("s3://lake", "s3://lake/tenants/back-bay/landing/x", True),
            ("s3://lake/reos", "s3://lake/reos/tenants/back-bay/x", True),
            ("s3://lake/reos", "s3://lake/reos-feeds/x", False),
            ("s3://lake", "s3://lake-2/x", False),
        ],
    )
    def test_the_platforms_own_bucket_is_no_source(self, own: str, uri: str, refused: bool) -> None:
        if refused:
            with pytest.raises(SourceRefusedError, match="own object store"):
                self.place(uri, own=own)
        else:
            assert isinstance(self.place(uri, own=own), S3File)

    @pytest.mark.parametrize("uri", ["https://", "https://user:pw@x/y", "https:///y"])  # pragma: allowlist secret
    def test_a_web_address_has_a_host_and_no_password(self, uri: str) -> None:
        with pytest.raises(SourceRefusedError) as caught:
            self.place(uri)
        assert "pw" not in str(caught.value).replace("without a user or password", "")

    def test_names_keep_their_ending_and_nothing_odd(self) -> None:
        assert file_name(WebFile("https://x/a/roll%20of%2014.csv.gz?token=1")) == "roll_of_14.csv.gz"
        assert file_name(WebFile("https://x/%2e%2e")) == "source"
        assert file_name(S3File("b", "k/.hidden.csv")) == "hidden.csv"


class TestWeb:
    def test_comes_to_a_file_that_is_gone_afterwards(self, server: Server) -> None:
        server.answers["/roll.csv.gz"] = answer(server)
        with open_source(f"{server.url}/roll.csv.gz", "/data", ACCESS) as path:
            assert path.read_bytes() == CSV
            assert path.name == "roll.csv.gz"
        assert not path.exists()

    def test_without_a_length(self, server: Server) -> None:
        def chunked(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            handler.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CSV), CSV))

        server.answers["/roll.csv"] = chunked
        assert read(f"{server.url}/roll.csv") == CSV

    def test_a_claim_of_ten_gigabytes_is_refused_before_it_is_downloaded(self, server: Server) -> None:
        asked = threading.Event()

        def boast(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(10 * 10**9))
            handler.end_headers()
            asked.wait(5)  # until the client is through with us
            handler.close_connection = True

        server.answers["/roll.csv"] = boast
        started = time.monotonic()
        with pytest.raises(SourceUriError, match=r"at least 10,000,000,000 bytes; at most 1,000,000 are read"):
            read(f"{server.url}/roll.csv")
        assert time.monotonic() - started < 2
        assert server.body_bytes_sent == 0
        asked.set()

    def test_an_endless_body_stops_at_the_limit(self, server: Server) -> None:
        def endless(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Connection", "close")
            handler.end_headers()
            while True:
                server.send(handler, b"x" * 50_000)

        server.answers["/roll.csv"] = endless
        with pytest.raises(SourceUriError, match="at most 1,000,000 are read"):
            read(f"{server.url}/roll.csv")

    def test_a_length_that_promises_too_much_means_cut_short(self, server: Server) -> None:
        server.answers["/roll.csv"] = answer(server, Content_Length=str(len(CSV) + 10))
        with pytest.raises(SourceUriError, match=rf"cut short: {len(CSV)} of {len(CSV) + 10} bytes"):
            read(f"{server.url}/roll.csv")

    def test_a_server_that_stalls(self, server: Server) -> None:
        release = threading.Event()

        def stall(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "100")
            handler.end_headers()
            server.send(handler, b"x")
            release.wait(10)

        server.answers["/roll.csv"] = stall
        with pytest.raises(SourceUriError, match="broke off"):
            read(f"{server.url}/roll.csv", access=replace(ACCESS, read_timeout=0.2))
        release.set()

    def test_a_server_that_drips(self, server: Server) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            for _ in range(1000):
                server.send(handler, b"x")
                time.sleep(0.02)

        server.answers["/roll.csv"] = drip
        with pytest.raises(SourceUriError, match=r"took longer than 0\.3 s"):
            read(f"{server.url}/roll.csv", access=replace(ACCESS, total_timeout=0.3))

    @pytest.mark.parametrize(
        ("status", "kind"), [(404, SourceMissingError), (410, SourceMissingError), (500, SourceUriError)]
    )
    def test_an_error_is_no_file(self, server: Server, status: int, kind: type[Exception]) -> None:
        server.answers["/roll.csv"] = answer(server, b"<html>sorry</html>", status)
        with pytest.raises(kind, match=f"answered {status}"):
            read(f"{server.url}/roll.csv")

    def test_a_redirect_is_followed_within_the_web_only(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("x")
        server.answers["/roll.csv"] = answer(server)
        server.answers["/moved"] = answer(server, b"", 302, Location="/roll.csv")
        server.answers["/astray"] = answer(server, b"", 302, Location=(tmp_path / "secret").as_uri())
        server.answers["/ftp"] = answer(server, b"", 302, Location="ftp://127.0.0.1/x")
        server.answers["/circle"] = answer(server, b"", 302, Location="/circle")
        assert read(f"{server.url}/moved") == CSV
        for path in ("astray", "ftp", "circle"):
            with pytest.raises(SourceUriError):
                read(f"{server.url}/{path}")

    def test_packed_though_not_asked(self, server: Server) -> None:
        server.answers["/roll.csv"] = server.answers["/roll.csv.gz"] = answer(server, Content_Encoding="gzip")
        with pytest.raises(SourceUriError, match="packed as gzip"):
            read(f"{server.url}/roll.csv")
        assert read(f"{server.url}/roll.csv.gz") == CSV

    def test_nobody_answers(self, server: Server) -> None:
        with pytest.raises(SourceUriError, match="cannot be reached"):
            read("http://127.0.0.1:1/roll.csv")
        with pytest.raises(SourceUriError, match="cannot be reached"):
            read(server.url.replace("http", "https") + "/roll.csv")

    def test_plain_http_only_where_it_is_allowed(self, server: Server) -> None:
        with pytest.raises(SourceRefusedError, match="http:// is not read"):
            read(f"{server.url}/roll.csv", access=replace(ACCESS, allow_http=False))
        assert server.requests == []


class TestWebSignature:
    def test_is_the_servers_tag_and_costs_no_body(self, server: Server) -> None:
        server.answers["/roll.csv"] = answer(server, ETag='"1"')
        first = signature(f"{server.url}/roll.csv", "/data", ACCESS)
        assert signature(f"{server.url}/roll.csv", "/data", ACCESS) == first
        server.answers["/roll.csv"] = answer(server, ETag='"2"')
        assert signature(f"{server.url}/roll.csv", "/data", ACCESS) != first
        assert server.requests == ["HEAD /roll.csv"] * 3

    def test_asks_with_get_where_head_is_not_answered(self, server: Server) -> None:
        honest = answer(server, Last_Modified="Tue, 01 Jul 2014 00:00:00 GMT")
        refuse = answer(server, b"", 405)
        server.answers["/roll.csv"] = lambda handler: (refuse if handler.command == "HEAD" else honest)(handler)
        assert signature(f"{server.url}/roll.csv", "/data", ACCESS).endswith("Tue, 01 Jul 2014 00:00:00 GMT")

    def test_without_any_mark_every_look_is_a_change(self, server: Server) -> None:
        def bare(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Connection", "close")
            handler.end_headers()

        server.answers["/roll.csv"] = bare
        looks = {signature(f"{server.url}/roll.csv", "/data", ACCESS) for _ in range(2)}
        assert len(looks) == 2

    def test_what_is_wrong_is_a_signature_too(self, server: Server) -> None:
        server.answers["/gone"] = answer(server, b"", 404)
        assert signature(f"{server.url}/gone", "/data", ACCESS) == "missing"
        assert signature("http://127.0.0.1:1/x", "/data", ACCESS) == "unreachable"
        assert signature("ftp://x/y", "/data", ACCESS) == "refused"
