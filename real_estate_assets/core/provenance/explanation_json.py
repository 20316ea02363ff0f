"""From the JSON of `prov.why` to the typed answer.

Belongs here: which key becomes which attribute. Does not belong here: the attributes (`explanation.py`). Every part
that the database may leave out is optional here: evidence without a file is no error but an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from real_estate_assets.core.provenance.explanation import (
    Build,
    Check,
    Evidence,
    EvidenceFile,
    EvidenceInput,
    Factor,
    InputCell,
    Rival,
    Step,
    Why,
)


def read_why(document: Mapping[str, Any]) -> Why:
    """The typed form of what `prov.why` returns. Raises KeyError where a key is missing that every answer has."""
    return Why(
        tenant_id=document["tenant_id"],
        mart=document["mart"],
        key=document["key"],
        property_id=document.get("property_id"),
        field=document["field"],
        value=document["value"],
        null_reason=document.get("null_reason"),
        as_of=document.get("as_of"),
        field_group=document.get("field_group"),
        trust=document["trust"],
        trust_reason=document.get("trust_reason"),
        band=document.get("band"),
        prior_only=bool(document.get("prior_only")),
        model=document.get("model") or {},
        calibration=document.get("calibration"),
        factors=tuple(_factor(one) for one in _listed(document, "factors")),
        evidence=tuple(_evidence(one) for one in _listed(document, "evidence")),
        checks=_checks(document.get("checks") or {}),
        steps=tuple(_step(one) for one in _listed(document, "steps")),
        inputs=tuple(_input_cell(one) for one in _listed(document, "inputs")),
        rivals=tuple(_rival(one) for one in _listed(document, "rivals")),
        build=_build(document.get("build")),
        other_rows=tuple(_listed(document, "other_rows")),
        document=document,
    )


def _listed(document: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return document.get(name) or ()


def _factor(one: Mapping[str, Any]) -> Factor:
    return Factor(one["name"], one.get("value"), one.get("n"), one.get("basis"), one.get("detail") or {})


def _file(one: Mapping[str, Any] | None) -> EvidenceFile | None:
    if not one:
        return None
    known = EvidenceFile.__dataclass_fields__
    return EvidenceFile(**{name: value for name, value in one.items() if name in known})


def _evidence(one: Mapping[str, Any]) -> Evidence:
    return Evidence(
        evidence_no=one["evidence_no"],
        group=one.get("group"),
        record_no=one.get("record_no"),
        method=one["method"],
        code_version=one.get("code_version"),
        method_description=one.get("method_description"),
        run_id=one.get("run_id"),
        created_at=one.get("created_at"),
        checks_passed=one.get("checks_passed") or 0,
        checks_total=one.get("checks_total") or 0,
        is_recalled=bool(one.get("is_recalled")),
        recall_reason=one.get("recall_reason"),
        file=_file(one.get("file")),
        inputs=tuple(
            EvidenceInput(source["evidence_no"], source.get("method"), _file(source.get("file")))
            for source in _listed(one, "inputs")
        ),
    )


def _checks(document: Mapping[str, Any]) -> tuple[Check, ...]:
    partition = [
        Check("partition", one.get("rule") or "", one.get("told"), one.get("passed"))
        for one in _listed(document, "partition")
    ]
    rows = [Check("row", one["name"], one.get("description"), one.get("passed")) for one in _listed(document, "row")]
    return (*partition, *rows)


def _step(one: Mapping[str, Any]) -> Step:
    return Step(one["step"], one.get("what"), one.get("code_version"), one.get("run_id"), one.get("at"))


def _input_cell(one: Mapping[str, Any]) -> InputCell:
    return InputCell(one.get("mart"), one["field"], one.get("value"), one.get("trust"), one.get("evidence_no"))


def _rival(one: Mapping[str, Any]) -> Rival:
    names = ("value", "source_name", "source_kind", "vintage", "file_no", "record_no", "trust", "lost_because")
    return Rival(**{name: one.get(name) for name in names})


def _build(one: Mapping[str, Any] | None) -> Build | None:
    if not one:
        return None
    return Build(one.get("build_no"), one.get("run_id"), one.get("invocation_id"), one.get("published_at"))
