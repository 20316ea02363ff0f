"""What a measured value is held against: a least, a most, or one exact value.

Belongs here: the comparison and how it is written down. Does not belong here: any limit of any benchmark or gate.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Value = int | float | str
Sense = Literal[">=", "<=", "="]
_HOLDS: dict[Sense, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le, "=": operator.eq}


@dataclass(frozen=True)
class Bound:
    """A limit and the side on which a value must lie. Written `>= 4`, `<= 1.5`, `= 27528`."""

    sense: Sense
    limit: float

    def holds(self, value: Value | None) -> bool:
        """Whether a value keeps to the bound. A value that is missing, no number, or a word, does not."""
        if value is None or isinstance(value, str) or math.isnan(value):
            return False
        return _HOLDS[self.sense](value, self.limit)

    def __str__(self) -> str:
        return f"{self.sense} {self.limit:g}" if abs(self.limit) < 1 else f"{self.sense} {self.limit:.10g}"


def at_least(limit: float) -> Bound:
    """More is better."""
    return Bound(">=", limit)


def at_most(limit: float) -> Bound:
    """Less is better."""
    return Bound("<=", limit)


def exactly(value: float) -> Bound:
    """A known answer."""
    return Bound("=", value)
