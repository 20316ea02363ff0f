"""Public reference layers: the reviewed description of each one, read from YAML.

Belongs here: the shape of the description and what a layer's own columns mean once they are text. Does not belong here:
reading files (`defs/reference`), tables (`stores/warehouse/reference.py`), tenants' own layers (`core/tenants`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from real_estate_assets.core.records.evaluation import evaluate
from real_estate_assets.core.records.scalars import Family
from real_estate_assets.core.tenants.expressions import Expression, ScalarText
from real_estate_assets.core.tenants.yaml_text import read_yaml, where

if TYPE_CHECKING:
    import polars as pl


class ReferenceLayerError(ValueError):
    """The description of the reference layers is wrong; each line of the message names a line of the file."""


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PerilColumn(_Described):
    """One hazard of a county score file: its code, and the columns of its score (percentile) and its rating."""

    hazard: str
    score_pct: str
    rating: str


class Answer(_Described):
    """What a published list of parcels answers: which of a layer's zones touch them.

    layer: the layer's name; categories: its zones that the list is about, in the layer's own words. The county's
    parcels that are not listed are, by the publisher's word, touched by none of them.
    """

    layer: str
    county_fips: str = Field(pattern=r"^\d{5}$")
    categories: tuple[str, ...] = Field(min_length=1)


class Reference(_Described):
    """One public layer. `columns` has the grammar of a tenant's column map."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")
    kind: Literal["fema_nfhl", "fema_nri", "census_counties", "fhfa_hpi", "municipal_boundary", "answer_key"]
    uri: str
    format: Literal["csv", "geojson"]
    encoding: str = "utf-8"
    crs: str | None = None
    licence: str
    vintage: dt.date | None = None
    origin: str
    null_markers: tuple[ScalarText, ...] = ()
    columns: dict[str, Expression]
    peril: Literal["flood", "wildfire", "heat"] | None = None
    resolution: Literal["parcel", "tract", "county"] | None = None
    coverage: str | None = None
    background: dict[str, str] | None = None
    answers: Answer | None = None
    perils: dict[Literal["flood", "wildfire", "heat"], tuple[PerilColumn, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _answers_something(self) -> Self:
        if (self.kind == "answer_key") != (self.answers is not None):
            raise ValueError("`answers` belongs to a layer of kind answer_key, and such a layer needs it")
        return self


class References(_Described):
    """All public layers of an installation."""

    references: tuple[Reference, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _answered_layers_are_there(self) -> Self:
        names = {reference.name for reference in self.references}
        for reference in self.references:
            if reference.answers is not None and reference.answers.layer not in names:
                raise ValueError(f"{reference.name} answers for '{reference.answers.layer}', which is not described")
        return self

    def named(self, name: str) -> Reference:
        """The layer of that name. Raises ReferenceLayerError where there is none."""
        for reference in self.references:
            if reference.name == name:
                return reference
        raise ReferenceLayerError(
            f"no reference layer is named '{name}'; there are {', '.join(r.name for r in self.references)}"
        )

    def of_kind(self, kind: str) -> list[Reference]:
        """The layers of one kind, in order."""
        return [reference for reference in self.references if reference.kind == kind]


def parse_references(text: str, *, name: str) -> References:
    """Read the description. Raises ReferenceLayerError naming every faulty line."""
    yaml = read_yaml(text)
    problems = [f"{name}, line {p.line}: {p.message}" for p in yaml.problems]
    if problems:
        raise ReferenceLayerError("\n".join(problems))
    try:
        return References.model_validate(yaml.data)
    except ValidationError as error:
        lines = [f"{name}, line {yaml.line_of(d['loc'])}, {where(d['loc'])}: {d['msg']}" for d in error.errors()]
        raise ReferenceLayerError("\n".join(lines)) from None


def column(reference: Reference, field: str, texts: pl.DataFrame, family: Family) -> list[Any]:
    """Values of one declared field for every record, typed; None where the source has none."""
    values: list[Any] = evaluate(reference.columns[field], texts, family, reference.null_markers).values.to_list()
    return values


def county_score_rows(
    reference: Reference, texts: pl.DataFrame
) -> Iterator[tuple[str, str, str, float | None, str | None, int]]:
    """Scores of a county score file: each component's counties in file order, one component after the other.

    Yields (county_fips, peril, component, score_pct, rating, record_no): score_pct is a national percentile rank, 0 to
    100; score and rating are None where the cell is blank. Raises ValueError for a score that is no number.
    """
    counties: Sequence[str | None] = column(reference, "county_fips", texts, "text")
    for peril, components in reference.perils.items():
        for component in components:
            scores = texts[component.score_pct].to_list()
            ratings = texts[component.rating].to_list()
            for record_no, (county, score, rating) in enumerate(zip(counties, scores, ratings, strict=True)):
                if county is not None:
                    yield county, peril, component.hazard, _number(score), rating or None, record_no


def _number(text: str | None) -> float | None:
    return float(text) if text and text.strip() else None
