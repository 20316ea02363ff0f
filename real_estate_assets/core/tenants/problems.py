"""What is wrong with a tenant file: every problem with its line, and the nearest word that is allowed.

Belongs here: the shape of a problem and the suggestion of a word. Does not belong here: what is a problem.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. `line` counts from 1; `where` is the place in words: `sources[0].columns.sale_date`."""

    line: int
    where: str
    message: str


class TenantFileError(ValueError):
    """A tenant file that is refused. `problems` holds all of them, in the order of the file's lines."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name = name
        self.problems = sorted(set(problems))
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line of text per problem: `file:line: where: message`."""
        return [f"{self.name}:{p.line}: {f'{p.where}: ' if p.where else ''}{p.message}" for p in self.problems]


def nearest(word: str, allowed: Iterable[str]) -> str:
    """A sentence that helps with an unknown word: the nearest allowed one, or all of them where none is near."""
    words = sorted(allowed)
    folded = {w.lower(): w for w in words}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    shown = ", ".join(words[:30]) + (", ..." if len(words) > 30 else "")
    return f"allowed: {shown}" if words else "there is none"
