"""PROV-JSON of cells: valid by the schema of the W3C submission, complete, and about one tenant."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import prov
import pytest
from prov.model import ProvDocument

from real_estate_assets.core.provenance.explanation_json import read_why
from real_estate_assets.core.provenance.prov_document import prov_document, prov_json

from .why_samples import BUILD_RUN, RUN, SHA, derived, sample, unknown

SCHEMA = Path(prov.__file__).parent / "tests" / "schemas" / "prov-json.schema.json"  # shipped with the library


def document(*documents: dict[str, Any], **reviewers: str) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the library warns of identifiers that no other tool could read
        text = prov_json([read_why(one) for one in documents], reviewers)
    made: dict[str, Any] = json.loads(text)
    return made


def related(made: dict[str, Any], relation: str, one: str, other: str) -> set[tuple[str, str]]:
    return {(said[f"prov:{one}"], said[f"prov:{other}"]) for said in made[relation].values()}


def test_it_is_valid_by_the_schema_also_for_many_cells_of_one_record() -> None:
    made = document(sample(), unknown(), derived(), sample(field="year_built", value=1926))
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(made)


def test_the_schema_refuses_what_is_wrong() -> None:
    made = document(sample())
    made["used"] = [1]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(made)


def test_another_reader_gets_the_same_document() -> None:
    answers = [read_why(sample()), read_why(derived())]
    read = ProvDocument.deserialize(content=prov_json(answers), format="json")
    assert read == prov_document(answers, {})
    assert read != prov_document(answers[:1], {})


def test_a_cell_comes_from_its_record_and_the_record_from_its_file() -> None:
    made = document(sample())
    cell = f"tenant:cell/dim_properties/{sample()['property_id']}/assessed_total_value_usd"
    record, file = f"tenant:record/{SHA}/19", f"tenant:file/{SHA}"
    derivations = related(made, "wasDerivedFrom", "generatedEntity", "usedEntity")
    assert {(cell, record), (record, file)} <= derivations
    generated = related(made, "wasGeneratedBy", "entity", "activity")
    reading = f"tenant:read/{RUN}/2026-11-24T11%3A44%3A00%2B00%3A00"
    assert (record, reading) in generated
    assert any(one == cell and by.startswith(f"tenant:published/{BUILD_RUN}/") for one, by in generated)
    assert (reading, "reos:code/df6b02361300") in related(made, "wasAssociatedWith", "activity", "agent")
    assert made["activity"][reading]["prov:endTime"].startswith("2026-11-24T11:44")
    assert made["entity"][file]["reos:sha256"] == SHA


def test_one_run_that_read_two_files_is_two_readings() -> None:
    """Seen in a real export: both cells of one run, one from each file, each read at its own time."""
    other = "2026-11-24T11:45:00+00:00"
    evidence = {**sample()["evidence"][0], "evidence_no": 12, "created_at": other}
    steps = [{**one, "at": other} if one["step"] == "read" else one for one in sample()["steps"]]
    made = document(sample(), sample(field="parcel_area_m2", evidence=[evidence], steps=steps))
    assert len([name for name in made["activity"] if name.startswith("tenant:read/")]) == 2


def test_trust_is_a_statement_of_its_own_and_its_model_has_a_reviewer() -> None:
    made = document(sample(), **{"1": "A. Reviewer"})
    statement = next(name for name in made["entity"] if name.startswith("tenant:trust/"))
    assert made["entity"][statement]["reos:band"] == "solid"
    attributed = related(made, "wasAttributedTo", "entity", "agent")
    assert attributed == {("reos:trust_model/1", "reos:reviewer/A.%20Reviewer")}
    assert not any(
        "trust" in json.dumps(value) for name, value in made["entity"].items() if name.startswith("tenant:cell")
    )


def test_an_unknown_value_has_its_reason_and_no_trust() -> None:
    made = document(unknown())
    cell = made["entity"][f"tenant:cell/dim_properties/{sample()['property_id']}/gross_area_sqft"]
    assert cell["reos:null_reason"] == "not_in_source"
    assert "prov:value" not in cell
    assert not any(name.startswith("tenant:trust/") for name in made["entity"])


def test_a_public_file_is_the_same_thing_for_every_tenant() -> None:
    one, other = document(derived()), document({**derived(), "tenant_id": "back-bay"})
    public = {name for name in one["entity"] if name.startswith("reos:file/")}
    assert public == {name for name in other["entity"] if name.startswith("reos:file/")} != set()
    assert "charles-river" not in json.dumps(other)


def test_one_document_never_holds_two_tenants() -> None:
    with pytest.raises(ValueError, match="one tenant"):
        document(sample(), {**sample(), "tenant_id": "back-bay"})
