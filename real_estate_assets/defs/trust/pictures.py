"""What a person sees of a calibration: how right the predictions were, what was measured of each field, what was left
out.

Belongs here: metadata only, small enough for an event. Does not belong here: the numbers (`measuring.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.pictures import markdown_table
from real_estate_assets.core.plots import reliability_diagram

if TYPE_CHECKING:
    from real_estate_assets.core.provenance.calibration import Parameter
    from real_estate_assets.defs.trust.measuring import LaterLook, Measured

NOTHING = "nothing to compare: no source of this tenant has a second vintage of a known date"
LONG_LIFE = 1_000  # years: a half-life beyond is said as that, since a few cells more or less would double it


def stability_metadata(found: Measured) -> dict[str, Any]:
    """The diagram of held-out parcels, fields with their survival, failed checks, and later looks."""
    held_out = found.held_out
    metadata: dict[str, Any] = {
        "compared": dg.MetadataValue.text(
            "; ".join(f"file {p.older.file_no} with {p.against}" for p in found.pairs) or NOTHING
        ),
        "held_out_cells": sum(one.n for one in held_out.bins),
    }
    if held_out.error is not None:
        metadata["reliability_diagram"] = dg.MetadataValue.md(
            reliability_diagram(held_out.bins, "persistence predicted for parcels held out")
        )
        metadata["held_out_calibration_error"] = round(held_out.error, 4)
    if held_out.ranking is not None:
        metadata["held_out_ranking_auc"] = round(held_out.ranking, 4)
    whole = [one for one in found.stability if one.kind == "stability" and one.segment == "all"]
    if whole:
        worst = sorted(whole, key=lambda one: one.estimate)
        metadata["worst_fields"] = dg.MetadataValue.text(
            ", ".join(f"{one.field} {one.estimate:.2f} a year" for one in worst[:5])
        )
        metadata["fields"] = dg.MetadataValue.md(_fields(worst, found.model.minimum_n))
        metadata["parts_of_the_properties"] = (
            len({one.segment for one in found.stability if one.kind == "stability"}) - 1
        )
    checks = [one for one in found.stability if one.kind == "row_check"]
    if checks:
        metadata["failed_checks"] = dg.MetadataValue.md(_checks(checks))
    for look in found.looks:
        header = ("field", "n", "predicted", "measured")
        rows = [(field, f"{n:,}", _share(p), _share(m)) for field, n, p, m in look.rows]
        metadata[f"later_look_file_{look.pair.newer.file_no}"] = dg.MetadataValue.md(markdown_table(rows, header))
    return metadata


def independent_metadata(found: Measured) -> dict[str, Any]:
    """Agreement of independent sources, and of the hazards with published lists, with what was left out."""
    separate = found.independent
    whole = [one for one in separate.parameters if one.kind in ("independent", "method") and one.segment == "all"]
    if not whole:
        return {"compared": dg.MetadataValue.text("nothing to compare: no two sources that do not know of each other")}
    rows = [
        (one.field, one.source_kind, f"{one.n:,}", _share(one.agree / one.n), _share(one.estimate), _share(one.prior))
        for one in whole
    ]
    header = ("field or method", "of", "n", "agree", "estimate", "prior")
    metadata: dict[str, Any] = {
        "agreement": dg.MetadataValue.md(markdown_table(rows, header)),
        "against": dg.MetadataValue.text("; ".join(dict.fromkeys(f"{one.field}: {one.against}" for one in whole))),
        **{f"{one.field} of {one.source_kind}": round(one.estimate, 4) for one in whole},
    }
    if separate.answers:
        asked = [
            (one.method.removeprefix("hazard_"), one.band, f"{one.n:,}", f"{one.agree:,}", f"{one.renumbered:,}")
            for one in separate.answers
        ]
        header_of_lists = ("method", "overlap", "n", "agree", "left out, renumbered")
        metadata["published_lists"] = dg.MetadataValue.md(markdown_table(asked, header_of_lists))
    return metadata


def alarm_table(looks: Iterable[LaterLook]) -> str:
    """Markdown table of the fields that raised an alarm, worst first; empty without one."""
    rows = [
        (alarm.field, f"{alarm.n:,}", _share(alarm.predicted), _share(alarm.measured), look.pair.against)
        for look in looks
        for alarm in look.alarms
    ]
    return markdown_table(rows, ("field", "n", "predicted", "measured", "in")) if rows else ""


def _fields(parameters: Sequence[Parameter], minimum_n: int) -> str:
    rows = [
        (
            one.field,
            f"{one.n:,}",
            _share(one.agree / one.n),
            f"{one.estimate:.4f}",
            _half_life(one.estimate),
            "prior only" if one.n < minimum_n else "",
        )
        for one in parameters
    ]
    return markdown_table(rows, ("field", "n", "agree", "survival a year", "half-life, years", ""))


def _checks(parameters: Iterable[Parameter]) -> str:
    ordered = sorted(parameters, key=lambda one: (one.estimate, one.segment, one.field))
    rows = [(_share(one.estimate), f"{one.n:,}", one.segment, one.field) for one in ordered]
    return markdown_table(rows, ("factor", "n", "failed check", "field"))


def _half_life(survival: float) -> str:
    if not 0 < survival < 1:
        return "0" if survival <= 0 else f"over {LONG_LIFE:,}"
    years = math.log(0.5) / math.log(survival)
    return f"{years:.1f}" if years < LONG_LIFE else f"over {LONG_LIFE:,}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
