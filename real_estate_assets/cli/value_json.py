"""The answer to `reos value --json`: one object, every figure as it is, every absence with its reason.

Belongs here: the keys. Does not belong here: the figures (`stores/warehouse/valuation_reading.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_estate_assets.core.valuation.comparables import Comparable
    from real_estate_assets.stores.warehouse.valuation_reading import ValueAnswer

_OF_THE_ESTIMATE = (
    "valued_on", "estimate_usd", "low_usd", "high_usd", "interval_level", "null_reason", "unlearnable",
)  # fmt: skip


def value_json(tenant_id: str, answer: ValueAnswer, compared: Sequence[Comparable]) -> str:
    """Indented JSON; money in US dollars, shares from 0 to 1. Keys: docs/valuation.md."""
    import orjson

    told: dict[str, Any] = {
        "tenant_id": tenant_id,
        "property": asdict(answer.subject),
        **{name: answer.estimate[name] for name in _OF_THE_ESTIMATE},
        "no_model_because": answer.training_set.reason,
        "trust": None if answer.trust is None else asdict(answer.trust),
        "comparables": [one._asdict() for one in compared],
        "unknown_features": dict(answer.unknown),
        "learnability": list(answer.learned),
        "evidence": evidence_of(answer),
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2, default=str).decode()


def evidence_of(answer: ValueAnswer) -> dict[str, Any]:
    """The model with its bytes' hash, the files it learned from, and the feature row that it was asked about."""
    model, estimate = answer.model, answer.estimate
    return {
        "model": None
        if model is None
        else {
            "model_id": model.model_id,
            "object_key": model.object_key,
            "object_sha256": model.object_sha256,
            "code_version": model.code_version,
            "run_id": model.run_id,
        },
        "training_files": [] if model is None else list(model.training_files),
        "sales": {"count": answer.training_set.sale_count, "left_out": list(answer.training_set.filters)},
        "feature_row": {
            "event_at": estimate["feature_event_at"],
            "run_ids": list(estimate["feature_run_ids"]),
            "file_no": estimate["file_no"],
            "record_no": estimate["record_no"],
            "evidence_no": estimate["evidence_no"],
        },
    }
