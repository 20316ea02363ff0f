"""The model card: what a model is made of, how wrong it was on sales it had not seen, what it cannot know.

Belongs here: the card as data, kept with the model for good, and as Markdown for an event (short; the whole card is
read by SQL). Does not belong here: computing any of its figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_estate_assets.core.ratio_study import RatioStudy
    from real_estate_assets.defs.valuation.studying import Studied
    from real_estate_assets.stores.warehouse.valuation import ValuationModel

LONGEST = 1_000  # characters of the card in an event
FIGURES = ("mdape", "pe10", "pe20", "median_ratio", "cod", "prd", "prb", "vei")
SHOWN_INPUTS = 5


def model_card(
    record: ValuationModel, studied: Studied, learned: Sequence[Mapping[str, Any]], dropped: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that is told of a model. dropped: candidate features that the model does not see, and why."""
    test = studied.test["sale_date"]
    period = {"count": len(test), "first": str(test.min()), "last": str(test.max())}
    return {
        "model_id": record.model_id,
        "kind": "bag of three gradient boosted tree models of the log price (XGBoost), with the level of the last days",
        "sales": {"count": record.sale_count, "first": str(record.first_sale_date), "last": str(record.last_sale_date)},
        "valued_on": str(record.valued_on),
        "test": {**period, "figures": _figures(studied.whole)},
        "interval_coverage": [
            {"of": one.name, "share": one.share, "count": one.sale_count} for one in studied.coverage
        ],
        "left_out_sales": list(record.filters),
        "inputs": list(record.features),
        "unused_features": dict(dropped),
        "learnability": list(learned),
        "training_files": list(record.training_files),
    }  # fmt: skip


def _figures(whole: RatioStudy | None) -> dict[str, Any]:
    if whole is None:
        return {}
    return {name: {"value": whole.value(name), "interval": whole.interval(name)} for name in FIGURES}


def card_text(card: Mapping[str, Any]) -> str:
    """The card as Markdown of at most LONGEST characters; where it is longer, sentences are left out from the end."""
    sales, test = card["sales"], card["test"]
    lines = [
        f"**Model {card['model_id'][:12]}**: {card['kind']}.",
        f"Learned from {sales['count']:,} sales, {sales['first']} to {sales['last']}.",
        _errors(test),
        "Weighs most: " + ", ".join(f"{one['name']} {one['weight']:.0%}" for one in _heaviest(card["inputs"])) + ".",
        "Cannot know: " + (", ".join(_unlearned(card["learnability"])) or "nothing that it was asked about") + ".",
        f"Not seen: {len(card['unused_features'])} features that no sale states, or all state alike.",
        "Whole card: `select card from valuation.model`.",
    ]
    kept = [line for number, line in enumerate(lines) if len("\n\n".join(lines[: number + 1])) <= LONGEST]
    return "\n\n".join(kept)


def _errors(test: Mapping[str, Any]) -> str:
    figures = test["figures"]
    if not figures:
        return "Too few test sales to say how wrong it is."
    mdape, pe10, cod = (figures[name] for name in ("mdape", "pe10", "cod"))
    low, high = mdape["interval"] or (None, None)
    between = "" if low is None else f" [{low:.1%}, {high:.1%}]"
    return (
        f"On {test['count']:,} later sales ({test['first']} to {test['last']}), each predicted before it happened:"
        f" median error {mdape['value']:.1%}{between}, {pe10['value']:.0%} within 10 % of the price,"
        f" COD {cod['value']:.1f}."
    )


def _heaviest(inputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(inputs, key=lambda one: -one["weight"])[:SHOWN_INPUTS]


def _unlearned(learned: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"the effect of {one['trait']}" for one in learned if not one["can_be_learned"]]
