"""What every mart's rules share: the row, the desk, and the supports that its evidence columns should name.

Belongs here: the shape of a rule and of a support. Does not belong here: any mart's own rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from auditor.book import SourceFile
from auditor.desk import Desk
from auditor.ledger import Row

OWN_RECORD = frozenset({"provenance", "tenant"})  # groups whose fields are the platform's own record
READING = "read_and_cast"
NOTHING = "no_record"
GROUP_OF_TYPE = {"property": "assessor", "parcel": "parcel_geometry", "owner": "owner", "hazard_zone": "hazard"}


class NoSuchRowError(LookupError):
    """By the files there should be no such row; the message says why."""


@dataclass(frozen=True, slots=True)
class Support:
    """The record that should stand behind a field group of a row; no file: none should."""

    group: str  # prefix of the row's evidence columns
    file: SourceFile | None
    record_no: int | None
    method: str = READING
    evidence_no: int | None = None  # where it can be told which row of prov.evidence it must be


# The value of a column that names evidence: right when the support it belongs to is.
AS_SUPPORTED = object()
Rule = Callable[[Any], Any]


class RowRules:
    """The rules of one mart, applied to one row."""

    METHODS: ClassVar[dict[str, str]] = {}  # field -> method, where it is not a copy
    FIELDS: ClassVar[dict[str, Rule]] = {}  # field -> rule
    tolerance: float | None = None  # share by which a binary fraction may differ; None: last digits only

    def __init__(self, desk: Desk, row: Row) -> None:
        self.desk = desk
        self.row = row

    @classmethod
    def rule(cls, field: str) -> Rule | None:
        """The second rule of a field; None where there is none."""
        if field == "tenant_id":
            return lambda self: self.desk.book.tenant_id
        return cls.FIELDS.get(field)

    @classmethod
    def method(cls, field: str) -> str:
        """How the field comes from its record."""
        return cls.METHODS.get(field, "copy")

    @cached_property
    def supports(self) -> list[Support]:
        """The records that should stand behind the row's field groups."""
        return []

    def supports_of(self, field: str, field_group: str) -> list[Support]:
        """Those that a field stands on: its group's, or all for a group without evidence columns of its own."""
        named = [s for s in self.supports if s.group == field_group or field.startswith(s.group + "_")]
        return named or self.supports


def reading(group: str, file: SourceFile, record_no: int) -> Support:
    """The support of a record as it was read: the file's own evidence."""
    return Support(group, file, record_no, READING, file.row["evidence_no"])


def nothing(group: str) -> Support:
    """No record: evidence 0."""
    return Support(group, None, None, NOTHING, 0)


def own(name: str) -> Rule:
    """The rule `self.<name>`."""
    return lambda self: getattr(self, name)


def supported(*fields: str) -> dict[str, Rule]:
    """Columns that name evidence or its record."""
    return {field: (lambda self: AS_SUPPORTED) for field in fields}
