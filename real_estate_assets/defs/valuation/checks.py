"""What an assessor would ask of a model, as checks that warn and never block: what stands out is still served.

Belongs here: verdicts with their numbers. Does not belong here: the figures (`studying.py`), the bands
(`core/ratio_study/iaao_bands.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.pictures import markdown_table
from real_estate_assets.defs.stage_events import CheckResult
from real_estate_assets.defs.stage_specs import check_spec
from real_estate_assets.defs.valuation.keys import (
    ENOUGH_SALES,
    ESTIMATES,
    EVERY_PROPERTY,
    IAAO_BANDS,
    INTERVAL_COVERAGE,
    LEARNABLE,
    MODEL,
    RATIO_STUDY,
    SALES_CHASING,
    TRAINING_SET,
)

if TYPE_CHECKING:
    from real_estate_assets.defs.valuation.studying import Studied
    from real_estate_assets.stores.warehouse.valuation import TrainingSet

COVERAGE_BAND = (0.88, 0.92)  # of intervals that promise 90 %
WARN = dg.AssetCheckSeverity.WARN


SPECS = [
    check_spec(
        ENOUGH_SALES, TRAINING_SET, "A warning where the sales are too few for a model: then there is no estimate."
    ),
    check_spec(
        LEARNABLE, MODEL, "A warning where some property carries a trait whose effect the sales could not teach."
    ),
    check_spec(
        EVERY_PROPERTY, ESTIMATES, "Every property has a row: an estimate inside its interval, or null with a reason."
    ),
    check_spec(
        INTERVAL_COVERAGE,
        ESTIMATES,
        "A warning where 90 % intervals held less than 88 or more than 92 % of the test sales, of all or of a third.",
    ),
    check_spec(IAAO_BANDS, RATIO_STUDY, "A warning where a figure of the test sales lies outside the IAAO's band."),
    check_spec(
        SALES_CHASING, RATIO_STUDY, "A warning where values look as if they followed the prices they are judged by."
    ),
]


def enough_sales(found: TrainingSet) -> CheckResult:
    """Whether there is a model at all."""
    numbers = {"sales": found.sale_count, "needed": found.minimum_sales, "offered": found.offered_count}
    metadata: dict[str, Any] = {**numbers, "left_out": dg.MetadataValue.md(filters_table(found.filters))}
    if found.reason:
        metadata["reason"] = dg.MetadataValue.text(found.reason)
    return CheckResult(TRAINING_SET, ENOUGH_SALES, found.model_id is not None, False, WARN, metadata)


def filters_table(filters: Sequence[Any]) -> str:
    """Every rule, also one that left nothing out: that nothing else was left out is then seen."""
    rows = [(one["rule"], f"{one['sale_count']:,}", one["reason"]) for one in filters]
    return markdown_table(rows, ("rule", "sales left out", "because"))


def learnable(unlearnable: Sequence[Sequence[str]], learned: Sequence[dict[str, Any]]) -> CheckResult:
    """Whether every trait that a property carries was taught by sales."""
    count = sum(1 for one in unlearnable if one)
    rows = [(one["trait"], f"{one['sale_count']:,}", one["sentence"]) for one in learned]
    metadata: dict[str, Any] = {"properties_with_such_a_trait": count}
    if rows:
        metadata["traits"] = dg.MetadataValue.md(markdown_table(rows, ("trait", "sales that carry it", "")))
    return CheckResult(MODEL, LEARNABLE, not count, False, WARN, metadata)


def every_property(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> CheckResult:
    """Whether each row is one or the other, and an estimate inside its own interval."""
    at = {name: columns.index(name) for name in ("property_id", "estimate_usd", "low_usd", "high_usd", "null_reason")}
    wrong = [str(row[at["property_id"]]) for row in rows if not _is_one_or_the_other(row, at)]
    twice = len(rows) - len({row[at["property_id"]] for row in rows})
    metadata = {"properties": len(rows), "wrong": len(wrong), "twice": twice}
    shown = {"examples": dg.MetadataValue.text(", ".join(wrong[:5]))} if wrong else {}
    severity = dg.AssetCheckSeverity.ERROR
    return CheckResult(ESTIMATES, EVERY_PROPERTY, not wrong and not twice, False, severity, {**metadata, **shown})


def _is_one_or_the_other(row: Sequence[Any], at: dict[str, int]) -> bool:
    value, low, high = (row[at[name]] for name in ("estimate_usd", "low_usd", "high_usd"))
    if row[at["null_reason"]] is not None:
        return (value, low, high) == (None, None, None)
    return value is not None and low is not None and high is not None and low < value < high


def of_study(studied: Studied | None) -> Iterator[CheckResult]:
    """Bands, sales chasing and coverage. Without a model nothing was judged, which is no pass: each says so."""
    yield _coverage(studied)
    yield _bands(studied)
    yield _chasing(studied)


def _coverage(studied: Studied | None) -> CheckResult:
    found = studied.coverage if studied else ()
    low, high = COVERAGE_BAND
    outside = [one for one in found if not low <= one.share <= high]
    rows = [(one.name, f"{one.share:.1%}", f"{one.sale_count:,}") for one in found]
    metadata: dict[str, Any] = {"promised": dg.MetadataValue.text("90 %"), **_judged(studied)}
    if rows:
        metadata["coverage"] = dg.MetadataValue.md(markdown_table(rows, ("test sales", "inside", "n")))
    return CheckResult(ESTIMATES, INTERVAL_COVERAGE, bool(found) and not outside, False, WARN, metadata)


def _bands(studied: Studied | None) -> CheckResult:
    from real_estate_assets.core.ratio_study import iaao_verdicts

    whole = studied.whole if studied else None
    verdicts = iaao_verdicts(whole) if whole else []
    metadata: dict[str, Any] = _judged(studied)
    for one in verdicts:
        metadata[one.figure] = dg.MetadataValue.text(one.sentence)
    passed = bool(verdicts) and all(one.is_inside for one in verdicts)
    return CheckResult(RATIO_STUDY, IAAO_BANDS, passed, False, WARN, metadata)


def _chasing(studied: Studied | None) -> CheckResult:
    found = studied.chasing if studied else None
    metadata = {**_judged(studied), **({"found": dg.MetadataValue.text(found.sentence)} if found else {})}
    return CheckResult(
        RATIO_STUDY, SALES_CHASING, found is not None and found.is_suspected is False, False, WARN, metadata
    )


def _judged(studied: Studied | None) -> dict[str, Any]:
    if studied is None or studied.whole is None:
        return {"test_sales": 0, "reason": dg.MetadataValue.text("there is no model, so there was nothing to judge")}
    return {"test_sales": studied.whole.n}
