"""Where the private cluster's files stand, and the two files that remember it: pointer and passwords.

Belongs here: paths, ownership and modes, the generated passwords. Does not belong here: running Postgres, SQL.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from real_estate_assets.settings import ROLE_NAMES, ClusterPointer, pointer_file, read_secrets, secrets_file

ROOT_HOME = Path("/var/lib/reos")  # for root: a place that the unprivileged user can enter, whatever the clone's folder
UNPRIVILEGED_USER = "postgres"  # made by the distribution's package
# sockaddr_un holds 108 bytes on Linux, 104 elsewhere; "/.s.PGSQL.65535.lock" takes 20 of them.
LONGEST_SOCKET_DIR = 80
# Below the range from which outgoing connections get their ports (32768 and up), so that a remembered port stays free.
FIRST_PORT, LAST_PORT = 25432, 26431


class ClusterError(RuntimeError):
    """The private cluster cannot do what was asked; the message says why and what to do."""


def run_as() -> pwd.struct_passwd:
    """The operating system's user that Postgres runs as: this one, or ``postgres`` when this one is root.

    Raises ClusterError for root on a machine without that user.
    """
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise ClusterError(
            f"Postgres refuses to run as root, and there is no user {UNPRIVILEGED_USER!r} to run it. "
            "Install the server (`scripts/bootstrap.sh`) or run this as an ordinary user."
        ) from None


def _path_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def choose_home(state_dir: Path) -> Path:
    """The folder of a new cluster: under /var/lib/reos for root, else inside the state directory."""
    if os.geteuid() == 0:
        return ROOT_HOME / _path_hash(state_dir)
    return state_dir / "cluster"


def choose_socket_dir(home: Path) -> Path:
    """The socket's folder: in the home, or in a private folder of /tmp where that path is too long for a socket."""
    inside = home / "socket"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_DIR:
        return inside
    # Not TMPDIR: that may be as long. The folder is private, and refused if somebody else made it first.
    return Path("/tmp") / f"reos-{os.geteuid()}-{_path_hash(home)}"  # noqa: S108


def make_private_dir(path: Path, owner: pwd.struct_passwd) -> None:
    """Create ``path`` for ``owner`` alone (mode 0700). Raises ClusterError if somebody else's file stands there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid not in (os.geteuid(), owner.pw_uid):
        raise ClusterError(f"{path} belongs to somebody else; remove it or choose another REOS_STATE_DIR.")
    path.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def make_home(home: Path, owner: pwd.struct_passwd) -> None:
    """Create the home; for root also /var/lib/reos itself, which everybody may pass and nobody may list."""
    if home.parent == ROOT_HOME:
        ROOT_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
        ROOT_HOME.chmod(0o711)
    make_private_dir(home, owner)


def write_private(path: Path, text: str, owner: pwd.struct_passwd | None = None) -> None:
    """Write a file that only its owner may read (0600), replaced in one step so that a crash leaves the old one."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if owner is not None and os.geteuid() == 0:
        os.chown(part, owner.pw_uid, owner.pw_gid)
    part.replace(path)


def write_pointer(state_dir: Path, pointer: ClusterPointer) -> None:
    """Remember where the cluster is. A home inside the state directory is kept relative: the clone may be moved."""
    home = pointer.home
    stored = home.relative_to(state_dir) if home.is_relative_to(state_dir) else home
    write_private(pointer_file(state_dir), pointer.model_copy(update={"home": stored}).model_dump_json(indent=2) + "\n")


def ensure_secrets(state_dir: Path) -> dict[str, str]:
    """The passwords of all roles; those that are missing are generated and kept."""
    known = read_secrets(state_dir)
    missing = [name for name in ROLE_NAMES.values() if name not in known]
    return remember_secrets(state_dir, {name: secrets.token_urlsafe(24) for name in missing}) if missing else known


def remember_secrets(state_dir: Path, more: dict[str, str]) -> dict[str, str]:
    """Add passwords by role name to the secrets file; returns all of them."""
    known = read_secrets(state_dir) | more
    write_private(secrets_file(state_dir), json.dumps(known, indent=2) + "\n")
    return known


def free_port() -> int:
    """A loopback port that nobody listens on. Raises ClusterError when all of the range are taken."""
    ports = list(range(FIRST_PORT, LAST_PORT + 1))
    secrets.SystemRandom().shuffle(ports)  # two clusters that are made at once seldom meet
    for port in ports:
        if not port_in_use(port):
            return port
    raise ClusterError(f"every port from {FIRST_PORT} to {LAST_PORT} is taken.")


def port_in_use(port: int) -> bool:
    """Whether a program holds the port on the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection just closed is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Let one process at a time start, stop or change the cluster of a state directory; others wait."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state_dir / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_tree(path: Path) -> None:
    """Delete a folder with everything in it; one that is not there is fine."""
    if path.exists():
        shutil.rmtree(path)
