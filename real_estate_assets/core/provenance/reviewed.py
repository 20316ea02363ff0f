"""Reading a reviewed register: a YAML file beside this module, typed entry by entry.

Belongs here: opening it and refusing what is stated twice. Does not belong here: what any register holds.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

Entry = TypeVar("Entry", bound="Reviewed")


class Reviewed(BaseModel):
    """An entry that people have agreed on: nothing beside the known keys, and never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def read_register(name: str, entry: type[Entry], identity: Callable[[Entry], object]) -> tuple[Entry, ...]:
    """All entries of `<name>.yaml` in file order; it has one key, the list.

    Raises ValueError (pydantic's among them) naming the file and what is wrong: an unknown key, a figure out of bounds,
    two entries of one identity.
    """
    from ruamel.yaml import YAML

    file = resources.files("real_estate_assets.core.provenance") / f"{name}.yaml"
    ((_, listed),) = YAML(typ="safe").load(file.read_text(encoding="utf-8")).items()
    entries = tuple(entry.model_validate(one) for one in listed)
    stated = [identity(one) for one in entries]
    twice = sorted({str(one) for one in stated if stated.count(one) > 1})
    if twice:
        raise ValueError(f"{name}.yaml states twice: {', '.join(twice)}")
    return entries
