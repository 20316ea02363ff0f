"""The words in which an answer is told to a person: values, reasons, factors.

Belongs here: plain English for what the database names with identifiers, the same in the terminal and on paper. Does
not belong here: where the words stand (`cli/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from real_estate_assets.core.provenance.explanation import (
    Check,
    Evidence,
    EvidenceFile,
    Factor,
    InputCell,
    Why,
)

_NULL = {
    "not_in_source": "the file has no column for it",
    "blank_in_source": "the cell is blank in the file",
    "null_marker": "the file writes a word there that, by the tenant's description, means unknown",
    "out_of_bounds": "the file has a value that cannot be; it is kept in quarantine",
    "unparseable": "the file has a text there that is no such value; it is kept in quarantine",
    "no_record": "no record of any file speaks of it",
    "not_standardized": "the address could not be put into its standard form",
    "no_layer": "no layer of this peril was loaded",
    "no_location": "the place has no polygon, no point, and no county that a layer lists",
    "outside_coverage": "layers exist; none says anything about this place",
    "source_null": "the layer covers the place and gives no value",
    "zone_undetermined": "the zone itself means 'not studied', or does not say which of two things it is",
    "zone_not_on_scale": "the score scale does not know this zone; nothing is guessed",
    "computed_from_perils": "a composite has no zone of its own: it is computed from the perils",
    "not_applicable": "there is nothing to give a reason for",
    "none_failed": "no check of the record failed",
    "no_earlier_sale": "no earlier sale of the property is known",
    "earlier_sales_unknown": "the files do not say what was sold before",
    "price_unknown": "the price is unknown",
    "no_sale_gives_it": "no sale of the group states it",
    "not_computable": "it cannot be computed from what is known",
    "whole_property": "the change is about the property as a whole",
    "absent_before": "the older file does not have the property",
    "absent_after": "the newer file does not have the property any more",
    "not_a_number": "what the files say there is a word, not a number",
    "was_zero": "the older value is zero, so there is no percentage of it",
    "no_account_number": "the owner's record names no account",
    "account_not_found": "no property has the account that the owner's record names",
}
_NO_TRUST = {
    "no_value": "an unknown value claims nothing, so nothing can be trusted or doubted",
    "own_record": "the platform's own record, not a statement of any source",
}
_FACTORS = {
    "reliability": "the source is right",
    "persistence": "still true today",
    "method": "the method is right",
    "confidence": "sure of this one",
    "partition_checks": "the file's checks",
    "row_checks": "the record's checks",
    "recall": "not taken back",
}
_UNITS = {"_sqft": "sq ft", "_m2": "m²", "_ft": "ft", "_pct": "%"}
_PLAIN_NUMBERS = ("year", "year_built", "year_renovated", "fiscal_year", "latitude", "longitude")


def shown_value(value: Any, field: str) -> str:
    """A value as people write it: $590,800; 967 sq ft; 1926. Null is `null`: it has its own line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (int, float)):
        return str(value)
    if field in _PLAIN_NUMBERS or field.endswith("_year"):
        return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    number = shown_number(value)
    if field.endswith(("_usd", "_usd_per_sqft")):
        return f"-${number[1:]}" if number.startswith("-") else f"${number}"
    unit = next((unit for ending, unit in _UNITS.items() if field.endswith(ending)), "")
    return f"{number} {unit}".rstrip()


def shown_number(value: float) -> str:
    """A number with thousands marked; no more decimals than say something."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}".removesuffix(".00") if abs(value) >= 1 else f"{value:.4g}"


def shown_trust(trust: float | None) -> str:
    """Two digits: more would claim a precision that nobody has measured."""
    return "n/a" if trust is None else f"{trust:.2f}"


def null_words(reason: str | None) -> str:
    """Why a value is unknown. A reason that has no sentence here is shown as it stands."""
    if reason is None:
        return "no reason is recorded"
    if reason.startswith("unknown_input: "):
        return f"what it is computed from is unknown itself: {reason.partition(': ')[2]}"
    return _NULL.get(reason, reason.replace("_", " "))


def no_trust_words(answer: Why) -> str:
    """Why a cell has no trust."""
    return _NO_TRUST.get(answer.trust_reason or "", (answer.trust_reason or "no reason is recorded").replace("_", " "))


def factor_label(name: str) -> str:
    """What a factor of the trust is the chance of."""
    return _FACTORS.get(name, name.replace("_", " "))


def factor_basis(factor: Factor) -> str:
    """What a factor rests on in one sentence, with the number of observations before it. A reviewed reason has more."""
    first, _, more = (factor.basis or "").partition(". ")
    told = f"{first}. …" if more else first
    if factor.n is None:
        return told
    return f"n {factor.n:,}: {told}" if told else f"n {factor.n:,}"


def record_place(one: Evidence) -> str:
    """Where the record stands in its file, counted from 0 as everywhere in the platform."""
    if one.record_no is None:
        return "no single record"
    kind = one.file.locator_kind if one.file else None
    word = "feature" if kind == "feature_index" else "row" if kind == "csv_row" else "record"
    return f"{word} {one.record_no:,} (the first is 0)"


def file_name(file: EvidenceFile) -> str:
    """The last part of where the file came from."""
    return file.uri.split("?", 1)[0].rstrip("/").rpartition("/")[2] or file.uri


def file_facts(file: EvidenceFile) -> str:
    """Kind, vintage and licence of a file in one line."""
    vintage = f"vintage {file.vintage}" if file.vintage else "vintage unknown"
    return ", ".join(part for part in (file.name, file.source_kind, vintage, file.licence) if part)


def moment(text: str | None) -> str:
    """A moment to the minute, in UTC as the database gives it."""
    return "" if text is None else text[:16].replace("T", " ")


def check_words(check: Check) -> str:
    """What is to be said of a check beside its name. A gate's own words are about failing: they are kept for that."""
    is_of_the_gate = check.scope == "partition" or "." in check.name
    return "" if check.told is None or (check.passed and is_of_the_gate) else check.told


def trust_is(answer: Why) -> str:
    """How the trust comes out of the factors."""
    return "the factors of its weakest input, multiplied" if answer.inputs else "these factors, multiplied"


def versions(answer: Why) -> str:
    """Which model and which measurements the trust was computed with."""
    measured = f"calibration {answer.calibration['version']}" if answer.calibration else "no calibration"
    return f"model {answer.model.get('version', 'none')}, {measured}"


def input_name(one: InputCell, answer: Why) -> str:
    """A cell that a derived cell was computed from; with its evidence where several bear one name, as perils do."""
    name = one.field if one.mart in (None, answer.mart) else f"{one.mart}.{one.field}"
    is_alone = sum(other.field == one.field for other in answer.inputs) == 1
    return name if is_alone or one.evidence_no is None else f"{name} (evidence {one.evidence_no})"


def no_column_words(answer: Why) -> str:
    """Why no cell of the record is marked."""
    if answer.key.get("peril") == "composite":
        return "a composite is computed from the perils: ask for one of them"
    return f"no column of the file is read into {answer.field}"


def row_words(key: Mapping[str, Any]) -> str:
    """Which of a property's rows is meant, where a mart has several: `fiscal_year 2014, source_name roll`."""
    named = {name: value for name, value in key.items() if name not in ("tenant_id", "property_id", "peril")}
    return ", ".join(f"{name} {value}" for name, value in named.items())


def prior_words(answer: Why) -> str:
    """Whether anything was measured for this cell."""
    return "prior only: reviewed figures, too little measured yet" if answer.prior_only else "measured"


def subject_line(answer: Why) -> str:
    """The property as people name it, and whose it is."""
    named = answer.subject
    parts = [named.address if named else None]
    if named and named.unit_number:
        parts.append(f"unit {named.unit_number}")
    parts.append(f"parcel {named.parcel_number}" if named and named.parcel_number else None)
    parts += [row_words(answer.key) or None, f"tenant {answer.tenant_id}"]
    return " · ".join(part for part in parts if part)
