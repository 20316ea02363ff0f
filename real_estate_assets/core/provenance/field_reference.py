"""How a person names a field: `year_built`, `fct_sales.sale_price_usd`, `fct_property_hazards.hazard_score[flood]`.

Belongs here: taking such a name apart and saying what was probably meant. Does not belong here: which fields there are
(`prov.field_map`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

PROPERTIES = "dim_properties"
HAZARDS = "fct_property_hazards"
PERILS = ("flood", "wildfire", "heat", "composite")

_FORM = re.compile(r"(?:(?P<mart>[a-z0-9_]+)\.)?(?P<field>[a-z0-9_]+)(?:\[(?P<part>[a-z0-9_-]+)\])?")


class UnknownFieldError(ValueError):
    """No mart has a field of that name; the message says what was probably meant."""


class FieldReference(NamedTuple):
    """A field of a mart; `part` picks a row where a property has several (the peril of a hazard)."""

    mart: str
    field: str
    part: str | None

    @property
    def text(self) -> str:
        """The form that `prov.why` takes."""
        if self.mart == PROPERTIES:
            return self.field
        return f"{self.mart}.{self.field}" + (f"[{self.part}]" if self.part else "")


def find_field(text: str, fields: Mapping[str, Collection[str]]) -> FieldReference:
    """The field that a text names. fields: mart -> its fields. Raises UnknownFieldError.

    A name without a mart is a field of dim_properties; with a peril in brackets, of the hazards.
    """
    form = _FORM.fullmatch(text.strip().lower())
    if form is None:
        raise UnknownFieldError(_unknown(text, fields))
    part = form["part"]
    mart = form["mart"] or (HAZARDS if part in PERILS else PROPERTIES)
    if form["field"] not in fields.get(mart, ()):
        raise UnknownFieldError(_unknown(text, fields))
    if mart == HAZARDS and part not in PERILS:
        listed = ", ".join(f"{mart}.{form['field']}[{peril}]" for peril in PERILS)
        raise UnknownFieldError(f"a property has a row for each peril: ask for one of {listed}")
    return FieldReference(mart, form["field"], part)


def _unknown(text: str, fields: Mapping[str, Collection[str]]) -> str:
    wanted = re.sub(r"\[.*", "", text.strip().lower())
    field = wanted.rpartition(".")[2]
    elsewhere = sorted(_named(mart, field) for mart, names in fields.items() if field in names)
    names = {_named(mart, name) for mart in fields for name in fields[mart]}
    near = elsewhere or difflib.get_close_matches(wanted, sorted(names), n=3, cutoff=0.5) or _holding(field, names)
    hint = f"did you mean {' or '.join(near[:3])}?" if near else "docs/marts lists every mart with its columns."
    return f"there is no field {text!r}; {hint}"


def _holding(words: str, names: Collection[str]) -> list[str]:
    """Names that hold a word of what was asked for: `area` finds `living_area_sqft`."""
    parts = [part for part in re.split(r"[^a-z0-9]+|_", words) if len(part) > 2]
    return sorted((name for name in names if any(part in name for part in parts)), key=len)


def _named(mart: str, field: str) -> str:
    if mart == PROPERTIES:
        return field
    return f"{mart}.{field}" + ("[flood]" if mart == HAZARDS else "")
