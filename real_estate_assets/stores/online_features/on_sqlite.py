"""Online features of one tenant in a SQLite file that Feast can read: never changed, replaced by a next one.

Belongs here: the files, and reading them. Does not belong here: Feast, and what rows mean.

`state.json` names the file that is served. A materialization writes another file and then replaces `state.json`, so
that readers see the one or the other whole. A reader that has the old file open keeps it until its next read.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from real_estate_assets.core.features.registry import Entity
from real_estate_assets.core.tenants.wording import check_slug
from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features.backend import Keys, NewRow, StoredRow, Wanted
from real_estate_assets.stores.online_features.rows import Note, OnlineStoreUnreachableError, how_to_renew
from real_estate_assets.stores.online_features.state import OnlineState, note_json, read_note, read_state
from real_estate_assets.stores.online_features.wire import (
    encode_sqlite_time,
    entity_key,
    sqlite_table,
    sqlite_time,
)

NOTES = "reos_notes"
# Feast's columns. Without its rowid and its second index, because each would repeat the key of over a hundred bytes.
_TABLE = """
create table "{table}" (entity_key blob, feature_name text, value blob, value_text text, vector_value blob,
  event_ts timestamp, created_ts timestamp, primary key (entity_key, feature_name)) without rowid
"""


class SqliteOnline:
    """See backend.Publishing. Holds one read-only connection."""

    def __init__(self, settings: Settings, tenant_id: str) -> None:
        self._tenant_id = check_slug(tenant_id)  # a path is made of it
        self.folder = settings.online_dir / tenant_id
        self._pointer = self.folder / "state.json"
        self._seen: tuple[int, int] | None = None
        self._state: OnlineState | None = None
        self._file: sqlite3.Connection | None = None
        self._open_file: str | None = None
        self._being_written: Path | None = None

    def state(self) -> OnlineState | None:
        """See backend.Reading."""
        try:
            stat = self._pointer.stat()
            if (stat.st_ino, stat.st_mtime_ns) != self._seen:
                self._state = read_state(self._pointer.read_bytes())
                self._seen = (stat.st_ino, stat.st_mtime_ns)
        except FileNotFoundError:
            self._state = self._seen = None
        except OSError as error:
            raise OnlineStoreUnreachableError(
                f"{self._pointer} cannot be read ({error}). Use the user who materialized it."
            ) from error
        return self._state

    def fetch(self, asked: Sequence[tuple[Wanted, str]]) -> tuple[list[StoredRow], OnlineState | None]:
        """See backend.Reading."""
        statements = []
        for wanted, key in asked:
            table = sqlite_table(self._tenant_id, wanted.entity)
            text = f'select feature_name, value, event_ts from "{table}" where entity_key = ?'  # noqa: S608
            statements.append((text, (entity_key(self._tenant_id, wanted.entity, key),)))
        state, rows = self._rows(statements)
        return [_stored(wanted, found) for (wanted, _), found in zip(asked, rows, strict=True)] if state else [], state

    def notes(self, names: Sequence[str]) -> dict[str, Note]:
        """See backend.Reading."""
        _, rows = self._rows([(f"select note, text from {NOTES} where note = ?", (name,)) for name in names])  # noqa: S608
        return {note: read_note(text) for found in rows for note, text in found}

    def feast_config(self) -> dict[str, Any]:
        """See backend.Publishing."""
        state = self.state()
        return {"type": "sqlite", "path": str(self.folder / ((state and state.file) or "nothing_served.db"))}

    def begin(self, version: str, keys: Keys) -> None:
        """See backend.Publishing. What an earlier try left behind would be added to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._being_written = self.folder / f"features-{version[:16]}.db"
        self._being_written.unlink(missing_ok=True)

    def write(self, entity: Entity, names: Sequence[str], rows: Iterable[NewRow]) -> None:
        """See backend.Publishing. A null is a row that is not there."""
        table = sqlite_table(self._tenant_id, entity)
        by_name = sorted((name, number) for number, name in enumerate(names))
        with closing(self._new_file()) as file, file:
            file.execute(_TABLE.format(table=table))
            file.executemany(
                f'insert into "{table}" values (?, ?, ?, null, null, ?, ?)',  # noqa: S608
                (
                    (key, name, value, event_at, created_at)
                    for row in rows
                    for key, event_at, created_at in [_row_head(self._tenant_id, entity, row)]
                    for name, number in by_name
                    if (value := row.values[number]) is not None
                ),
            )

    def finish(self, state: OnlineState, notes: Mapping[str, Note], keys: Keys) -> None:
        """See backend.Publishing."""
        with closing(self._new_file()) as file, file:
            file.execute(f"create table {NOTES} (note text primary key, text text not null) without rowid")
            file.executemany(f"insert into {NOTES} values (?, ?)", [(n, note_json(v)) for n, v in notes.items()])  # noqa: S608
        name = self._new().name
        self.confirm(state.model_copy(update={"file": name}))
        for other in self.folder.glob("features-*.db*"):
            if other.name != name:
                other.unlink(missing_ok=True)

    def _new(self) -> Path:
        if self._being_written is None:
            raise ValueError("begin() comes before writing")
        return self._being_written

    def _new_file(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._new())
        # Nobody reads it until it is whole, and what was cut short is written anew: no journal, one flush at the end.
        file.execute("pragma journal_mode = off")
        file.execute("pragma synchronous = off")
        return file

    def confirm(self, state: OnlineState) -> None:
        """See backend.Publishing."""
        beside = self._pointer.with_suffix(".new")
        beside.write_text(state.model_dump_json(indent=1) + "\n", encoding="utf-8")
        beside.replace(self._pointer)

    def is_whole(self) -> bool:
        """See backend.Publishing."""
        try:
            _, ((verdict,),) = self._rows([("pragma quick_check(1)", ())])
        except (OnlineStoreUnreachableError, ValueError):  # unreadable, or nothing there
            return False
        return [*verdict] == ["ok"]

    def forget(self) -> bool:
        """See backend.Publishing."""
        self._close()
        was_there = self.folder.exists()
        if was_there:
            shutil.rmtree(self.folder)
        return was_there

    def _rows(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> tuple[OnlineState | None, list[list[Any]]]:
        """The rows of each statement, of the file that is served now; once more where it was replaced meanwhile."""
        for attempt in (1, 2):
            state = self.state()
            if state is None or state.file is None:
                return None, []
            try:
                file = self._opened(state.file)
                return state, [file.execute(text, values).fetchall() for text, values in statements]
            except sqlite3.Error as error:
                self._close()
                if attempt == 2:
                    raise OnlineStoreUnreachableError(
                        f"{self.folder / state.file} cannot be read ({error}). Nothing is served in its place;"
                        f" {how_to_renew(self._tenant_id)}"
                    ) from error
                self._seen = None
        raise AssertionError("both attempts return or raise")

    def _opened(self, name: str) -> sqlite3.Connection:
        if self._file is None or self._open_file != name:
            self._close()
            # immutable: no file that is served is ever written to, so no lock need be taken. Any thread may read.
            uri = f"{(self.folder / name).as_uri()}?mode=ro&immutable=1"
            self._file = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._open_file = name
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._open_file = None


def _row_head(tenant_id: str, entity: Entity, row: NewRow) -> tuple[bytes, int, int]:
    times = encode_sqlite_time(row.event_at), encode_sqlite_time(row.created_at)
    return (entity_key(tenant_id, entity, row.key), *times)


def _stored(wanted: Wanted, found: Sequence[tuple[str, bytes, int]]) -> StoredRow:
    if not found:
        return StoredRow(None, [None] * len(wanted.names))
    by_name = {name: value for name, value, _ in found}
    return StoredRow(sqlite_time(found[0][2]), [by_name.get(name) for name in wanted.names])
