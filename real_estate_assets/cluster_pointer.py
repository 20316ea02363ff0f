"""The files by which the private Postgres cluster of a clone says where it listens, and keeps its passwords.

Belongs here: their names, and reading them. Does not belong here: writing them (`stores/local_cluster.py`), and what
may be set instead of them (`settings.py`, which also hands on these names).
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

_Secrets = TypeAdapter(dict[str, str])


class SettingsError(RuntimeError):
    """A setting is missing or cannot be used; the message says which and what to do."""


class ClusterPointer(BaseModel):
    """What `.reos/cluster.json` says of the private Postgres cluster of this clone. Written by stores/local_cluster."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str
    port: int
    home: Path  # holds data/, log and socket; outside the clone when the cluster runs for root
    socket_dir: Path
    os_user: str  # the operating system's user that Postgres runs as
    throwaway: bool = False

    @property
    def data_dir(self) -> Path:
        """Where Postgres keeps its files."""
        return self.home / "data"


def pointer_file(state_dir: Path) -> Path:
    """The file that says where the private cluster listens."""
    return state_dir / "cluster.json"


def secrets_file(state_dir: Path) -> Path:
    """The file (mode 0600) with the generated passwords, by role."""
    return state_dir / "secrets.json"


def read_pointer(state_dir: Path) -> ClusterPointer | None:
    """The cluster this state directory points to; None where none was made yet.

    Raises SettingsError when the file is there and cannot be read or understood.
    """
    path = pointer_file(state_dir)
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}. Use the user who ran `reos up` here.") from error
    try:
        pointer = ClusterPointer.model_validate_json(text)
    except ValueError as error:
        raise SettingsError(f"{path} is damaged ({error}). Delete it and run `reos up`.") from error
    # A relative home stands inside the state directory, so that a clone can be moved.
    return pointer.model_copy(update={"home": state_dir / pointer.home})


def read_secrets(state_dir: Path) -> dict[str, str]:
    """Passwords by role name; empty where no cluster was made yet. Raises SettingsError when unreadable."""
    path = secrets_file(state_dir)
    try:
        loaded = _Secrets.validate_json(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}. Use the user who ran `reos up` here.") from error
    except ValueError as error:
        raise SettingsError(f"{path} is damaged. Restore it, or start afresh: `make clean`.") from error
    return loaded
