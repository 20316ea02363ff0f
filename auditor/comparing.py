"""Whether what a mart says is what the auditor derived, by the type of the column.

Belongs here: equality of values, and values as text for the minutes. Does not belong here: deriving.
Numbers that are stored as binary fractions may differ in their last digits only; everything else is exact.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from typing import Any

import shapely
import shapely.wkb
from shapely.geometry.base import BaseGeometry

from auditor import shapes

RELATIVE = 1e-9
POINT_DEGREES = 1e-9  # a tenth of a millimetre
SHOWN = 300  # characters of a value in the minutes


def agrees(expected: Any, found: Any, kind: str, tolerance: float = RELATIVE) -> bool:
    """Whether `found`, as the database gives it, is the expected value. Null agrees with null only."""
    if expected is None or found is None:
        return expected is None and found is None
    if kind.startswith("geometry"):
        return _same_geometry(expected, shapely.wkb.loads(found, hex=True), tolerance)
    if kind == "double precision":
        return math.isclose(float(expected), float(found), rel_tol=tolerance, abs_tol=1e-12)
    if kind.endswith("[]"):
        return list(expected) == list(found)
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return bool(expected == found)


def _same_geometry(expected: BaseGeometry, found: BaseGeometry, tolerance: float) -> bool:
    if expected.geom_type == "Point" or found.geom_type == "Point":
        return bool(found.geom_type == expected.geom_type and expected.distance(found) <= max(POINT_DEGREES, tolerance))
    return shapes.same_shape(expected, found, tolerance)


def as_text(value: Any) -> str | None:
    """A value for a person to read."""
    if value is None:
        return None
    if isinstance(value, BaseGeometry):
        text = shapely.to_wkt(value, rounding_precision=7)
    elif isinstance(value, dict):
        text = json.dumps(value, sort_keys=True, default=str)
    elif isinstance(value, datetime | date):
        text = value.isoformat()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | tuple):
        text = "{" + ", ".join(str(item) for item in value) + "}"
    else:
        text = str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
