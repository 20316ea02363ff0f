"""Answers about cells as a document of the W3C PROV data model.

Belongs here: which thing of ours is which kind of PROV. Does not belong here: the JSON form itself (the library
`prov`), asking (`stores/warehouse/why.py`), files (`cli/export.py`).

A source file, a record and a cell are entities; a step of a run is an activity; the code that ran it and the person who
reviewed the trust model are agents. Trust is a statement of its own, made at the moment of asking: it is derived from
the cell and never part of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from real_estate_assets.core.provenance.explanation import Evidence, EvidenceFile, Rival, Step, Why

if TYPE_CHECKING:
    from prov.model import ProvDocument

PUBLIC_NAMESPACE = "urn:reos:public:"
TENANT_NAMESPACE = "urn:reos:tenant:{}:"


def prov_json(answers: Iterable[Why], reviewers: Mapping[str, str] | None = None) -> str:
    """PROV-JSON of some cells of one tenant. reviewers: version of the trust model, as text -> who reviewed it.

    Raises ValueError where the cells are of several tenants: one document never holds two.
    """
    return str(prov_document(answers, reviewers or {}).serialize(format="json", indent=2))


def prov_document(answers: Iterable[Why], reviewers: Mapping[str, str]) -> ProvDocument:
    """The same as a document of the library `prov`. Raises ValueError for cells of several tenants."""
    from prov.model import ProvDocument

    document = ProvDocument()
    document.add_namespace("reos", PUBLIC_NAMESPACE)
    said: set[tuple[str, str, str]] = set()
    tenant: str | None = None
    for answer in answers:
        if tenant not in (None, answer.tenant_id):
            raise ValueError("a PROV document is about the cells of one tenant")
        if tenant is None:
            tenant = answer.tenant_id
            document.add_namespace("tenant", TENANT_NAMESPACE.format(tenant))
        _Cell(document, answer, said).describe(reviewers)
    return document.unified()


class _Cell:
    """The part of a document that is about one cell. `said` are the relations that stand in the document already."""

    def __init__(self, document: ProvDocument, answer: Why, said: set[tuple[str, str, str]]) -> None:
        self._document = document
        self._answer = answer
        self._said = said
        self._cell = f"tenant:{_cell_name(answer.mart, answer.key, answer.field)}"

    def describe(self, reviewers: Mapping[str, str]) -> None:
        """Add everything that is known of the cell."""
        self._document.entity(self._cell, self._cell_attributes())
        records = [record for one in self._answer.evidence if (record := self._record(one)) is not None]
        inputs = self._inputs()
        last = self._steps()
        for source in (*records, *inputs):
            self._say("wasDerivedFrom", self._cell, source)
            if last is not None:
                self._say("used", last, source)
        if last is not None:
            self._say("wasGeneratedBy", self._cell, last, self._published_at())
        for rival in self._answer.rivals:
            self._rival(rival)
        self._trust(reviewers)

    def _say(self, relation: str, one: str, other: str, at: str | None = None) -> None:
        """Add a relation once: cells of one record share most of theirs, and PROV-JSON cannot say one twice."""
        if (relation, one, other) not in self._said:
            self._said.add((relation, one, other))
            when = {} if at is None else {"time": _time(at)}
            getattr(self._document, relation)(one, other, **when)

    def _cell_attributes(self) -> dict[str, Any]:
        value = self._answer.value
        known = {
            "prov:type": "cell",
            "prov:label": f"{self._answer.mart}.{self._answer.field}",
            "prov:value": value if isinstance(value, (str, int, float, bool)) or value is None else str(value),
            "reos:null_reason": self._answer.null_reason,
            "reos:field_group": self._answer.field_group,
        }
        return {name: value for name, value in known.items() if value is not None}

    def _record(self, one: Evidence) -> str | None:
        """The record behind the cell, derived from its file; the file itself where no single record is known."""
        if one.file is None:
            return None
        file = self._file(one.file, is_recalled=one.is_recalled)
        for source in one.inputs:
            if source.file is not None and source.file.sha256 != one.file.sha256:
                self._say("wasDerivedFrom", file, self._file(source.file))
        if one.record_no is None:
            return file
        record = f"{_scope(one.file)}:record/{one.file.sha256}/{one.record_no}"
        self._document.entity(record, {"prov:type": "record", "reos:record_no": one.record_no})
        self._say("wasDerivedFrom", record, file)
        reading = self._reading(one)
        self._say("used", reading, file)
        self._say("wasGeneratedBy", record, reading, one.created_at)
        return record

    def _reading(self, one: Evidence) -> str:
        """What made the evidence: the step of that run and moment, or one of its own where no step tells of it."""
        for step in self._answer.steps:
            if one.run_id and (step.run_id, _time(step.at)) == (one.run_id, _time(one.created_at)):
                return f"tenant:{_step_name(step)}"
        name = f"read/{one.evidence_no}"
        self._activity(name, one.method, one.code_version, one.run_id, one.created_at)
        return f"tenant:{name}"

    def _file(self, file: EvidenceFile, *, is_recalled: bool = False) -> str:
        name = f"{_scope(file)}:file/{file.sha256}"
        known = {
            "prov:type": "source_file",
            "prov:label": file.uri,
            "reos:sha256": file.sha256,
            "reos:source_kind": file.source_kind,
            "reos:vintage": file.vintage,
            "reos:licence": file.licence,
            "reos:byte_count": file.byte_count,
            "reos:is_recalled": True if is_recalled else None,
        }
        self._document.entity(name, {key: value for key, value in known.items() if value is not None})
        return name

    def _steps(self) -> str | None:
        """The steps as activities, each informed by the one before; returns the last of them."""
        last: str | None = None
        for step in self._answer.steps:
            name = _step_name(step)
            self._activity(name, step.what or step.step, step.code_version, step.run_id, step.at)
            if last is not None and last != f"tenant:{name}":
                self._say("wasInformedBy", f"tenant:{name}", last)
            last = f"tenant:{name}"
        return last

    def _activity(self, name: str, what: str, code_version: str | None, run_id: str | None, at: str | None) -> None:
        attributes = {"prov:type": name.partition("/")[0], "prov:label": what}
        if run_id is not None:
            attributes["reos:run_id"] = run_id
        self._document.activity(f"tenant:{name}", None, _time(at), attributes)
        if code_version is not None:
            agent = f"reos:code/{quote(code_version, safe='')}"
            self._document.agent(agent, {"prov:type": _software_agent(), "reos:code_version": code_version})
            self._say("wasAssociatedWith", f"tenant:{name}", agent)

    def _published_at(self) -> str | None:
        return self._answer.build.published_at if self._answer.build else None

    def _inputs(self) -> list[str]:
        names = []
        for one in self._answer.inputs:
            name = f"tenant:{_cell_name(one.mart or self._answer.mart, self._answer.key, one.field)}"
            attributes = {"prov:type": "cell", "prov:label": f"{one.mart or self._answer.mart}.{one.field}"}
            if one.value is not None:
                attributes["prov:value"] = str(one.value)
            self._document.entity(name, attributes)
            names.append(name)
        return names

    def _rival(self, rival: Rival) -> None:
        name = f"tenant:rival/{rival.file_no}/{rival.record_no}/{quote(self._answer.field, safe='')}"
        attributes = {"prov:type": "rival", "reos:source_name": rival.source_name, "reos:vintage": rival.vintage}
        attributes |= {"prov:value": None if rival.value is None else str(rival.value)}
        attributes |= {"reos:lost_because": rival.lost_because}
        self._document.entity(name, {key: value for key, value in attributes.items() if value is not None})
        self._say("alternateOf", self._cell, name)

    def _trust(self, reviewers: Mapping[str, str]) -> None:
        if self._answer.trust is None:
            return
        version = str(self._answer.model.get("version", "unknown"))
        statement = self._cell.replace("tenant:cell/", "tenant:trust/", 1)
        assessment = self._cell.replace("tenant:cell/", "tenant:assessment/", 1)
        model = f"reos:trust_model/{version}"
        self._document.entity(model, {"prov:type": "trust_model", "reos:version": version})
        if version in reviewers:
            reviewer = f"reos:reviewer/{quote(reviewers[version], safe='')}"
            self._document.agent(reviewer, {"prov:label": reviewers[version]})
            self._say("wasAttributedTo", model, reviewer)
        self._document.activity(assessment, None, _time(self._answer.as_of), {"prov:type": "assessment"})
        self._say("used", assessment, self._cell)
        self._say("used", assessment, model)
        said: dict[str, Any] = {"prov:type": "trust", "prov:value": round(self._answer.trust, 4)}
        if self._answer.band:
            said["reos:band"] = self._answer.band
        self._document.entity(statement, said)
        self._say("wasGeneratedBy", statement, assessment)
        self._say("wasDerivedFrom", statement, self._cell)


def _cell_name(mart: str, key: Mapping[str, Any], field: str) -> str:
    parts = [mart, *(str(value) for name, value in key.items() if name != "tenant_id"), field]
    return "cell/" + "/".join(quote(part, safe="") for part in parts)


def _step_name(step: Step) -> str:
    """Step, run and moment: one run reads many files, each at its own time."""
    at = _time(step.at)
    parts = [step.step, step.run_id, None if at is None else at.astimezone(dt.UTC).isoformat()]
    return "/".join(quote(part, safe="") for part in parts if part)


def _scope(file: EvidenceFile) -> str:
    return "reos" if file.is_public else "tenant"


def _time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _software_agent() -> Any:
    from prov.constants import PROV

    return PROV["SoftwareAgent"]
