"""Answers of `prov.why` written by hand: what rendering and exports are tried on without a database."""

from __future__ import annotations

import copy
from typing import Any

SHA = "a317b99a" * 8
RUN, BUILD_RUN = "3f2a9c1b-0000-4000-8000-000000000001", "7c0d1e2f-0000-4000-8000-000000000002"

FILE = {
    "scope": "tenant",
    "file_no": 3,
    "sha256": SHA,
    "uri": "property_database_fy2025.csv.gz",
    "name": "cambridge_property_database",
    "source_kind": "property_database",
    "vintage": "2024-01-01",
    "received_at": "2026-11-24T11:43:20+00:00",
    "licence": "PDDL-1.0",
    "object_key": f"landing/cambridge_property_database/a3/{SHA}",
    "locator_kind": "csv_row",
    "byte_count": 124_518,
    "record_type": "property",
}

COPIED: dict[str, Any] = {
    "tenant_id": "charles-river",
    "mart": "dim_properties",
    "key": {"property_id": "18514eab-456f-58be-9393-af1ab8fff487"},
    "property_id": "18514eab-456f-58be-9393-af1ab8fff487",
    "field": "assessed_total_value_usd",
    "value": 590800.0,
    "null_reason": None,
    "as_of": "2026-11-24T12:00:00+00:00",
    "field_group": "assessor",
    "trust": 0.8734,
    "trust_reason": None,
    "band": "solid",
    "prior_only": False,
    "model": {"version": 1, "recorded_at": "2026-11-24T11:40:00+00:00"},
    "calibration": {"version": 2, "measured_at": "2026-11-24T11:50:00+00:00"},
    "factors": [
        {"name": "reliability", "value": 0.9, "n": 0, "basis": "reviewed prior of property_database", "detail": {}},
        {"name": "persistence", "value": 0.97, "n": 27122, "basis": "two vintages compared", "detail": {}},
        {"name": "method", "value": 1.0, "n": None, "basis": "copied", "detail": {}},
        {"name": "partition_checks", "value": 0.988, "n": 40, "basis": "40 of 40 passed", "detail": {}},
        {"name": "row_checks", "value": 1.0, "n": None, "basis": "3 checks touch it, none failed", "detail": {}},
    ],
    "evidence": [
        {
            "evidence_no": 3,
            "group": "assessor",
            "record_no": 19,
            "run_id": RUN,
            "created_at": "2026-11-24T11:44:00+00:00",
            "method": "read_and_cast",
            "code_version": "df6b02361300",
            "method_description": "Column map of the tenant's description applied to one record.",
            "checks_passed": 40,
            "checks_total": 40,
            "is_recalled": False,
            "recall_reason": None,
            "file": FILE,
            "inputs": [],
        }
    ],
    "checks": {
        "partition": [{"rule": "row_count_is_plausible", "column": None, "passed": True}],
        "row": [{"name": "total_is_the_sum", "description": "total = land + improvements", "passed": True}],
    },
    "steps": [
        {
            "step": "landed",
            "what": "124,518 bytes",
            "code_version": "c0ffee",
            "run_id": RUN,
            "at": "2026-11-24T11:43:20Z",
        },
        {
            "step": "read",
            "what": "column map",
            "code_version": "df6b02361300",
            "run_id": RUN,
            "at": "2026-11-24T11:44:00Z",
        },
        {
            "step": "published",
            "what": "build 2",
            "code_version": None,
            "run_id": BUILD_RUN,
            "at": "2026-11-24T11:46:00Z",
        },
    ],
    "inputs": [],
    "rivals": [
        {
            "value": 512300.0,
            "source_name": "cambridge_assessor_roll",
            "source_kind": "assessor_roll",
            "vintage": "2013-01-01",
            "file_no": 5,
            "record_no": 20881,
            "trust": 0.0412,
            "lost_because": "an older vintage of a less reliable source",
        }
    ],
    "build": {"build_no": 2, "run_id": BUILD_RUN, "invocation_id": "inv-2", "published_at": "2026-11-24T11:46:00Z"},
}


def sample(**changes: Any) -> dict[str, Any]:
    """The copied cell with some keys changed."""
    return {**copy.deepcopy(COPIED), **changes}


def unknown() -> dict[str, Any]:
    """A null: the file has no such column."""
    return sample(
        field="gross_area_sqft",
        value=None,
        null_reason="not_in_source",
        trust=None,
        trust_reason="no_value",
        band=None,
        factors=[],
        rivals=[],
    )


def derived() -> dict[str, Any]:
    """A hazard score: computed from cells of the same row, which a public layer supports."""
    public = {
        **FILE,
        "scope": "public",
        "file_no": None,
        "sha256": "5a6a5747" * 8,
        "uri": "data/nfhl_flood_zones.geojson.gz",
        "name": "nfhl_flood_zones",
        "source_kind": "fema_nfhl",
        "vintage": "2025-07-08",
        "locator_kind": "feature_index",
        "record_type": None,
    }
    evidence = {**COPIED["evidence"][0], "evidence_no": 16, "group": "hazard", "method": "hazard_polygon_overlap"}
    return sample(
        mart="fct_property_hazards",
        key={"property_id": COPIED["property_id"], "peril": "flood"},
        field="hazard_score",
        value=0.8,
        field_group="hazard",
        trust=0.71,
        band="mixed",
        prior_only=True,
        calibration=None,
        evidence=[{**evidence, "record_no": 38, "checks_passed": 0, "checks_total": 0, "file": public}],
        inputs=[{"mart": None, "field": "zone_code", "value": "AE", "trust": 0.79, "evidence_no": 16}],
        rivals=[],
    )
