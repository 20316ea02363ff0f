"""The code location imports no heavy library: what it costs to start stays small. Belongs here: that one line."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bounds import at_most
from benchmarks.gates.line import Gate, gate
from benchmarks.load_location import heavy_modules

PREFIX = "spine.code_location"


def lines() -> Iterator[Gate]:
    """Heavy libraries in `sys.modules` of a fresh process after importing the definitions."""
    heavy = heavy_modules()
    yield gate(f"{PREFIX}.heavy_modules", len(heavy), at_most(0), note=", ".join(heavy))
