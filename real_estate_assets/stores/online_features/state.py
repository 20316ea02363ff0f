"""What a tenant's online store says of itself: which features it holds, and as of when.

Belongs here: the state's fields and its JSON, the same in every kind of store. Does not belong here: where it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from real_estate_assets.stores.online_features.rows import Note


class OnlineState(BaseModel):
    """version: identifies definitions and content. as_of: the warehouse was last seen to hold just this content then.

    rows: of each view. names: fields of each view, in its order. being_replaced_by: the version that a materialization
    writes over this one at the moment, or was writing when it was cut short. file: of a store that is a file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    as_of: datetime
    rows: Mapping[str, int]
    names: Mapping[str, tuple[str, ...]]
    being_replaced_by: str | None = None
    file: str | None = None


def read_state(text: str | bytes) -> OnlineState | None:
    """A state as it was kept; None of what no such state is, as another version may have left it or a crash damaged it:
    then nothing is served, and the next materialization writes all anew."""
    try:
        return OnlineState.model_validate_json(text)
    except ValidationError:
        return None


def note_json(note: Note) -> str:
    """A note as it is kept."""
    return json.dumps({"null_reasons": dict(note.null_reasons), "run_ids": list(note.run_ids)}, sort_keys=True)


def read_note(text: str | bytes) -> Note:
    """A note as it was kept."""
    found = json.loads(text)
    return Note(found["null_reasons"], tuple(found["run_ids"]))
