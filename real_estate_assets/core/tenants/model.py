"""The description of a tenant: who it is and which files of which sources it brings, read how.

Belongs here: the shape of the description, what follows from it (the layout of one file, its fingerprint). Does not
belong here: YAML (`yaml_text.py`), lines and suggestions (`loading.py`), fields' types (`compatibility.py`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from real_estate_assets.core.records.fields import RecordType
from real_estate_assets.core.tenants.expressions import Expression, ScalarText
from real_estate_assets.core.tenants.wording import check_crs, check_encoding, check_slug, check_uri

SourceKind = Literal[
    "assessor_roll", "property_database", "sales_file", "parcel_layer", "company_owners", "hazard_tract_layer"
]
FileFormat = Literal["csv", "geojson", "topojson"]
SOURCE_KINDS: tuple[str, ...] = get_args(SourceKind)

Slug = Annotated[str, AfterValidator(check_slug)]
CountyFips = Annotated[ScalarText, StringConstraints(pattern=r"^\d{5}$")]
Encoding = Annotated[str, AfterValidator(check_encoding)]
Crs = Annotated[str, AfterValidator(check_crs)]
Uri = Annotated[str, AfterValidator(check_uri)]
Delimiter = Literal[",", ";", "\t", "|"]
Words = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Layout(_Described):
    """How one file is read: a source's description with the file's own exceptions put over it."""

    record_type: RecordType
    format: FileFormat
    encoding: str
    delimiter: Delimiter
    crs: str | None
    layer: str | None
    null_markers: tuple[str, ...]
    columns: dict[str, Expression]


class SourceFileEntry(_Described):
    """One file of a source. Everything but `uri`, `vintage` and `awaited` is an exception to the source's description.

    A field mapped to null in `columns` is one that this file does not have.
    """

    uri: Uri
    vintage: dt.date | None = None
    awaited: bool = False
    format: FileFormat | None = None
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    crs: Crs | None = None
    layer: Words | None = None
    null_markers: tuple[ScalarText, ...] | None = None
    columns: dict[str, Expression | None] = Field(default_factory=dict)


class Source(_Described):
    """One feed of the tenant: where it comes from, under which licence, and how its columns become canonical fields."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    kind: SourceKind
    record_type: RecordType
    format: FileFormat
    licence: Words
    origin: Words
    encoding: Encoding = "utf-8"
    delimiter: Delimiter = ","
    crs: Crs | None = None
    layer: Words | None = None
    null_markers: tuple[ScalarText, ...] = ()
    columns: dict[str, Expression] = Field(min_length=1)
    files: tuple[SourceFileEntry, ...] = Field(min_length=1)

    def layout(self, file: SourceFileEntry) -> Layout:
        """How `file` is read."""
        columns = {**self.columns, **file.columns}
        return Layout(
            record_type=self.record_type,
            format=file.format or self.format,
            encoding=file.encoding or self.encoding,
            delimiter=file.delimiter or self.delimiter,
            crs=file.crs or self.crs,
            layer=file.layer or self.layer,
            null_markers=self.null_markers if file.null_markers is None else file.null_markers,
            columns={name: expression for name, expression in columns.items() if expression is not None},
        )


class TenantFile(_Described):
    """One tenant, as its YAML file describes it."""

    tenant: Slug
    name: Words
    county_fips: tuple[CountyFips, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)

    @field_validator("county_fips")
    @classmethod
    def _counties_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a county is named twice")
        return value

    @model_validator(mode="after")
    def _files_once(self) -> TenantFile:
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are named '{name}'; give each feed its own name")
        for source in self.sources:
            uris = [file.uri for file in source.files]
            for uri in uris:
                if uris.count(uri) > 1:
                    raise ValueError(f"source '{source.name}' names the file '{uri}' twice")
        return self


def source_entry(source: Source, file: SourceFileEntry) -> dict[str, Any]:
    """The reviewed entry one file is read by, as plain JSON: the source with this file alone."""
    alone = source.model_copy(update={"files": (file,)})
    return alone.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def read_source_entry(entry: dict[str, Any]) -> tuple[Source, SourceFileEntry]:
    """The source and file that `source_entry` wrote down."""
    source = Source.model_validate(entry)
    return source, source.files[0]


def config_sha256(source: Source, file: SourceFileEntry) -> str:
    """Fingerprint (64 hex digits) of everything that decides what reading a file gives and how it ranks.

    It holds the file's layout, the source's name and kind, and the vintage. It does not hold the uri, the licence, the
    origin and `awaited`, which change no value, nor options left at their default, so that the grammar can grow.
    """
    layout = source.layout(file).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    described = {
        "source": source.name,
        "kind": source.kind,
        "vintage": file.vintage.isoformat() if file.vintage else None,
        "layout": layout,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
