"""The traits of which a valuation says whether the sales could teach their effect: every hazard, and what is rare.

Belongs here: what counts as carrying a trait, and the words where there is nothing to measure. Does not belong here:
the measuring (`core/valuation/learnability.py`).

A trait is of the place or the house as it is known now, also for a sale before the layer was drawn: whether the layer's
hazard moved prices is asked of the map, not of what buyers had read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.valuation.history import SaleHistory
    from real_estate_assets.core.valuation.settings import ValuationSettings

PERILS = ("flood", "wildfire", "heat")
FLOOD_ZONE = "a mapped flood zone"
UPPER_QUARTER = 0.75
MINIMAL_FLOOD_SCORE = 0.05  # of a place where the flood map draws minimal hazard (seed hazard_score_scale)


class Trait(NamedTuple):
    """A trait in words and as a condition on a feature row: true, false, or null where it is not known.

    seen_as: the feature by which the model itself may see it; None: a hazard, measured beside the model.
    """

    name: str
    carries: pl.Expr
    seen_as: str | None = None


class Traits(NamedTuple):
    """carried: property_id and a boolean column a trait; alike: hazard -> why no property differs in it; seen_as: trait
    -> the feature by which the model may see it."""

    carried: pl.DataFrame
    alike: dict[str, str]
    seen_as: dict[str, str]


def traits_of(latest: pl.DataFrame) -> Traits:
    """The traits of a tenant's properties, from their newest feature rows.

    A trait that no property carries is left out, but for hazards: those are always told of.
    """
    import polars as pl

    alike: dict[str, str] = {}
    found = [*_rare(), *(one for peril in PERILS if (one := _of_peril(peril, latest, alike)) is not None)]
    carried = latest.select(pl.col("property_id").cast(pl.String), *(one.carries.alias(one.name) for one in found))
    silent = [name for name in carried.columns[1:] if not carried[name].any()]
    alike |= {name: "no property lies in one" for name in silent if name == FLOOD_ZONE}
    seen_as = {one.name: one.seen_as for one in found if one.seen_as is not None and one.name not in silent}
    return Traits(carried.drop(silent), alike, seen_as)


def _rare() -> list[Trait]:
    import polars as pl

    return [
        Trait("a waterfront", pl.col("is_waterfront"), "is_waterfront"),
        Trait("an excellent view", pl.col("view_score") >= 4, "view_score"),
        Trait("several units", pl.col("units_total") > 1, "units_total"),
    ]


def _of_peril(peril: str, latest: pl.DataFrame, alike: dict[str, str]) -> Trait | None:
    """A zone where zones are mapped, else the upper quarter of the scores; None where all have one score, or none."""
    import polars as pl

    score = f"{peril}_hazard_score"
    if peril == "flood" and latest["flood_zone"].drop_nulls().len():
        is_in_zone = pl.when(pl.col("flood_zone").is_not_null()).then(pl.col(score) > MINIMAL_FLOOD_SCORE)
        return Trait(FLOOD_ZONE, is_in_zone)
    known = latest[score].drop_nulls()
    if known.n_unique() < 2:
        alike[f"{peril} hazard"] = "no score is known" if not known.len() else "one score stands for all properties"
        return None
    limit = known.quantile(UPPER_QUARTER, "higher")
    if limit == known.min():  # more than three quarters share the lowest: what lies above it is the trait
        return Trait(f"{_an(peril)} {peril} hazard above the lowest", pl.col(score) > limit)
    return Trait(f"{_an(peril)} {peril} hazard in the upper quarter", pl.col(score) >= limit)


def _an(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def of_sales(training: pl.DataFrame, traits: Traits) -> pl.DataFrame:
    """sale_id and the traits of the property sold, in the order of the training rows."""
    keys = training.select("sale_id", "property_id")
    return keys.join(traits.carried, on="property_id", how="left", maintain_order="left").drop("property_id")


def learned_of(
    training: pl.DataFrame, traits: Traits, settings: ValuationSettings, history: SaleHistory
) -> list[dict[str, Any]]:
    """What the training sales teach of each trait, as rows of valuation.learnability."""
    from real_estate_assets.core.valuation.learnability import learnability

    sold = of_sales(training, traits)
    seen = {name: feature for name, feature in traits.seen_as.items() if feature in history.encoder.numbers}
    measured = learnability(training, sold.drop(list(seen)), settings, history)
    return [
        *(_seen(name, feature, sold[name], settings) for name, feature in seen.items()),
        *(one._asdict() for one in measured),
        *(_nothing(name, training.height, why) for name, why in traits.alike.items()),
    ]


def without_model(valid: pl.DataFrame, traits: Traits) -> list[dict[str, Any]]:
    """The same where no model was made: how many of the valid sales carry each trait, and that none taught anything."""
    sold, why = of_sales(valid, traits), "the sales are too few for a model"
    counts = {name: int(sold[name].sum() or 0) for name in sold.columns[1:]}
    return [
        *(_nothing(name, count, why, valid.height) for name, count in counts.items()),
        *(_nothing(name, valid.height, because) for name, because in traits.alike.items()),
    ]


def unlearnable_of(traits: Traits, learned: list[dict[str, Any]]) -> list[list[str]]:
    """For each property, the traits that it carries and of which no effect could be learned, in alphabetical order."""
    names = sorted(
        one["trait"] for one in learned if not one["can_be_learned"] and one["trait"] in traits.carried.columns
    )
    rows = traits.carried.select(names).fill_null(value=False).rows() if names else [()] * traits.carried.height
    return [[name for name, has in zip(names, row, strict=True) if has] for row in rows]


_UNMEASURED = ("minimum_detectable_effect", "effect", "effect_low", "effect_high")


def _seen(trait: str, feature: str, carries: pl.Series, settings: ValuationSettings) -> dict[str, Any]:
    """A trait that the model splits on: whether enough sales carry it, and enough do not, to tell them apart."""
    count, others = int(carries.sum() or 0), int((~carries).sum() or 0)
    can = min(count, others) >= settings.minimum_carriers
    verdict = (
        f"the model sees it as {feature}, so estimates contain what those sales show of it"
        if can
        else f"{settings.minimum_carriers} are needed on each side of the comparison, so no effect can be learned"
    )
    sentence = f"{count:,} training sale{_s(count)} with {trait}, {others:,} without: {verdict}."
    return {
        "trait": trait,
        "sale_count": count,
        **dict.fromkeys(_UNMEASURED),
        "can_be_learned": can,
        "sentence": sentence,
    }


def _nothing(trait: str, sale_count: int, why: str, of: int | None = None) -> dict[str, Any]:
    told = f"{sale_count:,} sale{_s(sale_count)}" if of is None else f"{sale_count:,} of {of:,} valid sales"
    sentence = (
        f"{trait[0].upper()}{trait[1:]}, {told}: {why}, so no effect can be learned and no estimate contains one."
    )
    return {
        "trait": trait,
        "sale_count": sale_count,
        **dict.fromkeys(_UNMEASURED),
        "can_be_learned": False,
        "sentence": sentence,
    }


def _s(count: int) -> str:
    return "" if count == 1 else "s"
