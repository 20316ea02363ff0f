"""The answer to "why does this cell say what it says", typed.

Belongs here: the shape of the answer, and what is added to it outside the database
(the raw record, the property's address). Does not belong here: asking (`stores/warehouse/why.py`), words for people
(`wording.py`), pages and trees (`cli/`).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from real_estate_assets.core.provenance.raw_record import RawRecord


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A source file as received. `scope` is 'tenant' or 'public'; a public file has no number but its sha256."""

    scope: str
    sha256: str
    uri: str
    name: str | None = None
    file_no: int | None = None
    source_kind: str | None = None
    vintage: str | None = None
    received_at: str | None = None
    licence: str | None = None
    object_key: str | None = None
    locator_kind: str | None = None
    byte_count: int | None = None
    record_type: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether the file belongs to no tenant."""
        return self.scope == "public"


@dataclass(frozen=True, slots=True)
class EvidenceInput:
    """Evidence that other evidence was derived from, with its file."""

    evidence_no: int
    method: str | None
    file: EvidenceFile | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What supports the cell: file x method x run. `raw` is the record itself, read again, or why it cannot be."""

    evidence_no: int
    group: str | None
    record_no: int | None
    method: str
    code_version: str | None
    method_description: str | None
    run_id: str | None
    created_at: str | None
    checks_passed: int
    checks_total: int
    is_recalled: bool
    recall_reason: str | None
    file: EvidenceFile | None
    inputs: tuple[EvidenceInput, ...]
    raw: RawRecord | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of the trust. n: observations behind it, None where none are counted."""

    name: str
    value: float | None
    n: int | None
    basis: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done on the way from the file to the mart."""

    step: str
    what: str | None
    code_version: str | None
    run_id: str | None
    at: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `scope` is 'partition' (of the whole file) or 'row' (of this record). `told` is its own text."""

    scope: str
    name: str
    told: str | None
    passed: bool | None


@dataclass(frozen=True, slots=True)
class InputCell:
    """A cell that a derived cell was computed from."""

    mart: str | None
    field: str
    value: Any
    trust: float | None
    evidence_no: int | None


@dataclass(frozen=True, slots=True)
class Rival:
    """What another record says of the same cell, and why the mart does not show it."""

    value: Any
    source_name: str | None
    source_kind: str | None
    vintage: str | None
    file_no: int | None
    record_no: int | None
    trust: float | None
    lost_because: str | None


@dataclass(frozen=True, slots=True)
class Build:
    """The publication that put the cell where it stands."""

    build_no: int | None
    run_id: str | None
    invocation_id: str | None
    published_at: str | None


@dataclass(frozen=True, slots=True)
class Property:
    """A property as people name it. All but the id may be unknown."""

    property_id: str
    parcel_number: str | None = None
    unit_number: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer about one cell.

    trust: 0 to 1, None where the cell makes no claim (`trust_reason` says why). band: solid, mixed or weak. document:
    the answer of the database as it came, for programs.
    """

    tenant_id: str
    mart: str
    key: Mapping[str, Any]
    property_id: str | None
    field: str
    value: Any
    null_reason: str | None
    as_of: str | None
    field_group: str | None
    trust: float | None
    trust_reason: str | None
    band: str | None
    prior_only: bool
    model: Mapping[str, Any]
    calibration: Mapping[str, Any] | None
    factors: tuple[Factor, ...]
    evidence: tuple[Evidence, ...]
    checks: tuple[Check, ...]
    steps: tuple[Step, ...]
    inputs: tuple[InputCell, ...]
    rivals: tuple[Rival, ...]
    build: Build | None
    other_rows: tuple[Mapping[str, Any], ...] = ()
    subject: Property | None = None
    document: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Every run that had a hand in the cell, the build's first, each once."""
        named = [self.build.run_id if self.build else None]
        named += [one.run_id for one in self.evidence] + [step.run_id for step in self.steps]
        return tuple(dict.fromkeys(run_id for run_id in named if run_id))

    def with_raw(self, records: Mapping[int, RawRecord]) -> Why:
        """The same answer with the raw records, by evidence number."""
        return replace(self, evidence=tuple(replace(e, raw=records.get(e.evidence_no, e.raw)) for e in self.evidence))


def as_of_end(day: dt.date) -> dt.datetime:
    """The moment that a question about a day means: its end, in UTC."""
    return dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)
