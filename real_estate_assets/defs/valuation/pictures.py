"""What a person sees of a valuation in Dagster: pictures and small tables, at most 20 KB an event.

Belongs here: metadata only. Does not belong here: drawings (`core/valuation_pictures`), numbers (`studying.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.pictures import bar_table, markdown_table
from real_estate_assets.defs.valuation.card import card_text

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.defs.valuation.gathering import Gathered
    from real_estate_assets.defs.valuation.modelling import Modelled
    from real_estate_assets.defs.valuation.studying import Studied

SHOWN_INPUTS, SHOWN_STRATA = 12, 40
_STUDY_HEADER = ("stratum", "n", "median ratio", "COD", "PRD", "PRB", "within 10 %", "")


def training_metadata(gathered: Gathered, candidates: Sequence[str]) -> dict[str, Any]:
    """Period, what was left out, and how many sales know each feature that a model may see."""
    from real_estate_assets.core.valuation_pictures import feature_coverage

    metadata: dict[str, Any] = {
        "sales_offered": gathered.offered_count,
        "first_sale": str(gathered.first_sale_date),
        "last_sale": str(gathered.last_sale_date),
        "content_sha256": gathered.content_sha256,
    }
    if gathered.sale_count:
        shares = [(name, _share_known(gathered.training, name)) for name in candidates]
        picture = feature_coverage(sorted(shares, key=lambda one: (-one[1], one[0])), "sales that know a feature")
        metadata["feature_coverage"] = dg.MetadataValue.md(picture)
    return metadata


def _share_known(frame: pl.DataFrame, name: str) -> float:
    return 1 - frame[name].null_count() / frame.height if name in frame.columns else 0.0


def model_metadata(modelled: Modelled) -> dict[str, Any]:
    """The card, what the model gained by which input, its bytes."""
    record = modelled.record
    weights: dict[str, float] = {}
    for one in record.features:
        weights[one["name"]] = weights.get(one["name"], 0.0) + one["weight"]
    heaviest = sorted(weights.items(), key=lambda one: -one[1])[:SHOWN_INPUTS]
    return {
        "card": dg.MetadataValue.md(card_text(record.card)),
        "model_id": record.model_id,
        "trained_now": modelled.is_new,
        "object_key": record.object_key,
        "object_sha256": record.object_sha256,
        "inputs": dg.MetadataValue.md(
            markdown_table([(name, f"{share:.1%}") for name, share in heaviest], ("input", "share of the gain"))
        ),
    }


def estimates_metadata(
    rows: Sequence[Sequence[Any]], columns: Sequence[str], studied: Studied | None
) -> dict[str, Any]:
    """How many, how high, why not; coverage of the intervals on the test sales."""
    import statistics

    from real_estate_assets.core.valuation_pictures import coverage_by_tercile

    named = [dict(zip(columns, row, strict=True)) for row in rows]
    values = [one["estimate_usd"] for one in named if one["estimate_usd"] is not None]
    reasons = Counter(one["null_reason"] for one in named if one["null_reason"] is not None)
    metadata: dict[str, Any] = {"properties": len(rows), "estimated": len(values)}
    if values:
        metadata["median_usd"] = round(statistics.median(values))
        widths = [
            (one["high_usd"] - one["low_usd"]) / one["estimate_usd"] for one in named if one["high_usd"] is not None
        ]
        metadata["median_interval_width"] = round(statistics.median(widths), 3)
    if reasons:
        metadata["null_because"] = dg.MetadataValue.md(
            bar_table(reasons.most_common(), ("no estimate because", "properties"))
        )
    known = studied.test.drop_nulls(["low_usd", "high_usd", "tercile"]) if studied else None
    if known is not None and known.height:
        inside = (known["price_usd"] >= known["low_usd"]) & (known["price_usd"] <= known["high_usd"])
        picture = coverage_by_tercile(inside.to_numpy(), known["tercile"].to_numpy(), "test sales inside 90 % interval")
        metadata["coverage"] = dg.MetadataValue.md(picture)
    return metadata


def study_metadata(studied: Studied) -> dict[str, Any]:
    """The figures of the test sales, the pictures of their errors, and every stratum."""
    if studied.whole is None:
        return {"test_sales": studied.test.height}
    metadata: dict[str, Any] = {
        "test_sales": studied.whole.n,
        "mdape": round(studied.whole.mdape, 4),
        "pe10": round(studied.whole.pe10, 4),
        "cod": round(studied.whole.cod, 3),
        "median_ratio": round(studied.whole.median_ratio, 4),
    }
    metadata |= {name: dg.MetadataValue.md(picture) for name, picture in _pictures(studied.test).items()}
    metadata["strata"] = dg.MetadataValue.md(_strata_table(studied))
    return metadata


def _pictures(test: pl.DataFrame) -> dict[str, str]:
    from real_estate_assets.core.valuation_pictures import (
        error_by_price_decile,
        error_map,
        predicted_against_actual,
        ratio_histogram,
    )

    sold, predicted = test["price_usd"].to_numpy(), test["predicted_usd"].to_numpy()
    longitude, latitude = (
        test[name].cast(float).fill_null(float("nan")).to_numpy() for name in ("longitude", "latitude")
    )
    return {
        "ratios": ratio_histogram(sold, predicted, "estimate over price, test sales"),
        "error_by_value": error_by_price_decile(sold, predicted, "error by tenth of value, test sales"),
        "predicted_against_actual": predicted_against_actual(sold, predicted, "estimate against price, test sales"),
        "error_map": error_map(longitude, latitude, sold, predicted, "error by place, test sales"),
    }


def _strata_table(studied: Studied) -> str:
    from real_estate_assets.stores.warehouse.valuation import RATIO_STUDY_COLUMNS

    named = [dict(zip(RATIO_STUDY_COLUMNS, row, strict=True)) for row in studied.rows]
    named.sort(key=lambda one: -one["sale_count"])
    rows = [
        (
            one["stratum"] if one["stratum_kind"] == "all" else f"{one['stratum_kind']} {one['stratum']}",
            f"{one['sale_count']:,}",
            *(_figure(one[name], digits) for name, digits in (("median_ratio", 3), ("cod", 1), ("prd", 3), ("prb", 3))),
            "" if one["pe10"] is None else f"{one['pe10']:.0%}",
            one["reason"] or "",
        )
        for one in named[:SHOWN_STRATA]
    ]
    return markdown_table(rows, _STUDY_HEADER)


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
