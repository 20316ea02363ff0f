"""The answer to `reos value` in the terminal: the value, how sure it is, its likes, what is unknown, the evidence.

Belongs here: order, words and colour. Does not belong here: the figures. Reads as well without colour, in 80 columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from real_estate_assets.cli.value_json import evidence_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text
    from rich.tree import Tree

    from real_estate_assets.core.valuation.comparables import Comparable
    from real_estate_assets.stores.warehouse.valuation_reading import EstimateTrust, ValueAnswer

SHOWN_CELLS = 5
REASONS = {
    "too_few_sales": "the tenant's sales are too few for a model",
    "too_few_predicted_sales": "too few sales were predicted before they happened to say how sure it would be",
}


def value_text(tenant_id: str, answer: ValueAnswer, compared: Sequence[Comparable]) -> Tree:
    """The whole answer."""
    from rich.tree import Tree

    tree = Tree(_header(tenant_id, answer), guide_style="dim")
    _add(tree, "how sure that is", _sure(answer))
    _add(tree, "comparable sales", [_comparable(one) for one in compared])
    _add(tree, "what is not known", _unknown(answer))
    _add(tree, "evidence", _evidence(answer))
    return tree


def _add(tree: Tree, title: str, parts: Sequence[RenderableType]) -> None:
    from rich.text import Text

    if parts:
        branch = tree.add(Text(title, "bold"))
        for part in parts:
            branch.add(part)


def _header(tenant_id: str, answer: ValueAnswer) -> Text:
    from rich.text import Text

    found, estimate = answer.subject, answer.estimate
    unit = f" #{found.unit_number}" if found.unit_number else ""
    named = f"{tenant_id}: {found.parcel_number or 'no parcel number'}{unit}, {found.address or 'no address'}"
    if estimate["estimate_usd"] is None:
        why = _why_not(estimate["null_reason"], answer.training_set.reason)
        return Text.assemble(("no estimate", "bold italic"), f" because {why}\n", (named, "dim"))
    level, day = f"{estimate['interval_level']:.0%}", estimate["valued_on"]
    between = f"{_dollars(estimate['low_usd'])} to {_dollars(estimate['high_usd'])}"
    return Text.assemble(
        (_dollars(estimate["estimate_usd"]), "bold cyan"),
        f" as of {day}; with {level} certainty {between}\n",
        (named, "dim"),
    )


def _why_not(code: str, of_the_tenant: str | None) -> str:
    if of_the_tenant is not None:
        return f"{REASONS[code]}: {of_the_tenant} ({code})"
    if code in REASONS:
        return f"{REASONS[code]} ({code})"
    name = code.removesuffix("_unknown")
    return f"its {name} is unknown, which practically every sale states: the error would be unmeasured ({code})"


def _sure(answer: ValueAnswer) -> list[str]:
    trust = answer.trust
    if trust is None:
        return []
    told = [_trust_line(trust)]
    if trust.share_within_10pct is not None:
        told.append(f"{trust.share_within_10pct:.0%} of later sales about as difficult were within 10 % of the price")
    if trust.inputs is not None:
        told.append(f"{trust.inputs:.2f}: mean trust of the cells it was computed from, by how much each counts")
    claimed = [cell for cell in trust.cells if cell.trust is not None]
    told += [
        f"  {cell.mart}.{cell.field} {cell.trust:.2f}, counts {cell.weight:.1%}"
        for cell in claimed[:SHOWN_CELLS]
    ]  # fmt: skip
    return told


def _trust_line(trust: EstimateTrust) -> str:
    if trust.is_recalled:
        return "trust 0: a file that the model learned from was taken back"
    return "trust is unknown: nothing is known of its inputs" if trust.trust is None else f"trust {trust.trust:.2f}"


def _comparable(one: Comparable) -> Text:
    from rich.text import Text

    adjusted = f"{_dollars(one.adjusted_price_usd)} ({one.adjustment:+.1%})"
    return Text.assemble(
        (_dollars(one.price_usd), "bold"),
        f" on {one.sale_date}, as this property when valued ",
        (adjusted, "bold"),
        f"; alike {one.score:.0%}\n",
        (one.reason, "dim"),
    )


def _unknown(answer: ValueAnswer) -> list[str]:
    carried = set(answer.estimate["unlearnable"])
    told = [one["sentence"] for one in answer.learned if one["trait"] in carried]
    alike = (one for one in answer.learned if one["trait"].endswith(" hazard"))  # one score for all properties
    told += [one["sentence"] for one in alike if not one["can_be_learned"]]
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in answer.unknown.items():
        by_reason[reason].append(name)
    told += [f"{reason}: {', '.join(names)}" for reason, names in sorted(by_reason.items())]
    return list(dict.fromkeys(told))


def _evidence(answer: ValueAnswer) -> list[str]:
    return list(_evidence_lines(answer))


def _evidence_lines(answer: ValueAnswer) -> Iterator[str]:
    found = evidence_of(answer)
    if found["model"] is not None:
        yield f"model {found['model']['model_id']}"
        yield f"its bytes {found['model']['object_key']}, sha256 {found['model']['object_sha256']}"
    for file in found["training_files"]:
        named = f"file {file['file_no']}, {file['source_name']}, sha256 {file['sha256']}"
        yield f"learned from {file['sale_count']:,} sales of {named}"
    row = found["feature_row"]
    place = f"file {row['file_no']}, record {row['record_no']}, evidence {row['evidence_no']}"
    yield f"features as of {row['event_at']:%Y-%m-%d}: {place}"
    yield f"made by run{'s' if len(row['run_ids']) > 1 else ''} {', '.join(run[:8] for run in row['run_ids'])}"


def _dollars(value: float) -> str:
    """To the nearest hundred: an error of several percent makes more digits a pretence."""
    return f"${round(value, -2):,.0f}"
