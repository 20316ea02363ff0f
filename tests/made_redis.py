"""A real Redis server of our own, for tests, gates and benchmarks: on this machine's loopback only, with a password,
keeping nothing.

Belongs here: its life. Does not belong here: what is put into it.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

START_SECONDS = 20


class NoRedisError(RuntimeError):
    """There is no Redis server on this machine, or it does not start."""


@contextmanager
def redis_server(more: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a running server, with its password (`redis://:...@127.0.0.1:port/0`). Gone at the end.

    more: further options of the server. Raises NoRedisError.
    """
    # Debian's program is a server when it is called so; the name alone comes with a service of the system.
    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if program is None:
        raise NoRedisError("no Redis server is installed; scripts/bootstrap.sh --group dev installs one")
    # Hex, and of letters and digits both: no escaping is tested by chance.
    password, port = f"p{secrets.token_hex(16)}", _free_port()
    options = {"port": str(port), "bind": "127.0.0.1", "requirepass": password, "save": "", "appendonly": "no"}
    with tempfile.TemporaryDirectory(prefix="reos-redis-") as folder:
        told = [
            word for name, value in {**options, "dir": folder, **(more or {})}.items() for word in (f"--{name}", value)
        ]
        server = subprocess.Popen(
            ["redis-server", *told], executable=program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(server, port)
            yield f"redis://:{password}@127.0.0.1:{port}/0"
        finally:
            server.kill()  # it keeps nothing
            server.wait(10)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise NoRedisError(f"redis-server ended with {server.returncode}")
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise NoRedisError(f"redis-server was not ready within {START_SECONDS} s")
