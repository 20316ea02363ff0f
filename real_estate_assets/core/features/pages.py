"""The registry as tables to read: what each feature is, where it comes from, how often a tenant's sources fill it.

Belongs here: rendering. Does not belong here: counting (`stores/warehouse/features_looks.py`) and the words around the
tables, which stand in docs/features.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from real_estate_assets.core.features.registry import (
    NO_SOURCE,
    SINGLE_VALUED,
    Entity,
    Feature,
    features,
    numbered,
)

BEGIN: Final = "<!-- begin: tables written by `reos features --docs`; edit the registry instead -->"
END: Final = "<!-- end of the tables -->"
TITLES: Final[Mapping[Entity, str]] = {"property": "Properties", "market": "Markets"}

Shares = Mapping[str, Mapping[str, float]]  # tenant -> feature -> share of its newest rows, 0 to 1


class NoPlaceForTablesError(ValueError):
    """A page has no place for the tables; the message says which line is missing."""


def with_tables(page: str, coverage: Shares) -> str:
    """The page with its tables written anew. Raises NoPlaceForTablesError where it lacks the lines around them."""
    if BEGIN not in page or END not in page:
        raise NoPlaceForTablesError(f"the page needs the lines {BEGIN!r} and {END!r}: the tables go between them")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{tables(coverage)}\n\n{END}{rest.partition(END)[2]}"


def tables(coverage: Shares) -> str:
    """Both entities' features, how many of the list of 41 and 13 each tenant fills, and what the codes mean."""
    parts = [_summary(coverage)]
    parts += [f"## {title}\n\n{_features(entity, coverage)}" for entity, title in TITLES.items()]
    parts.append("## Why a feature is null for everybody\n\n" + _codes(NO_SOURCE))
    parts.append("## Why a feature may have one value for all of a tenant\n\n" + _codes(SINGLE_VALUED))
    return "\n\n".join(parts)


def filled_of_list(entity: Entity, shares: Mapping[str, float]) -> int:
    """How many features of the list of 41 or 13 have a value in any row."""
    return sum(shares.get(feature.name, 0) > 0 for feature in numbered(entity))


def _summary(coverage: Shares) -> str:
    counts = {t: {e: filled_of_list(e, shares) for e in TITLES} for t, shares in coverage.items()}
    rows = [
        (tenant, f"{of['property']} of 41", f"{of['market']} of 13", f"{sum(of.values())} of 54")
        for tenant, of in counts.items()
    ]
    return _table(rows, ("tenant", "property features", "market features", "of the list"))


def _features(entity: Entity, coverage: Shares) -> str:
    own = [feature for feature in features() if feature.entity == entity]
    header = ("no", "feature", "what it is", "unit", "from", *coverage)
    rows = [
        (
            "" if feature.number is None else str(feature.number),
            f"`{feature.name}`",
            feature.definition,
            feature.unit or "",
            _origin(feature),
            *(_share(shares.get(feature.name)) for shares in coverage.values()),
        )
        for feature in own
    ]
    return _table(rows, header)


def _origin(feature: Feature) -> str:
    if feature.source is None:
        return f"null: {feature.null_reason}"
    return f"`{feature.source}`" + (" (computed when asked)" if feature.on_demand else "")


def _share(share: float | None) -> str:
    """A share in percent; a rare feature is not shown as none."""
    if not share:
        return ""
    return "<1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")


def _table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """All of it, however long: a page is no event."""
    lines = [" | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) for row in (header, *rows)]
    lines.insert(1, " | ".join("---" for _ in header))
    return "\n".join(f"| {line} |" for line in lines)


def _codes(meanings: Mapping[str, str]) -> str:
    rows: Sequence[Sequence[str]] = [(f"`{code}`", meaning) for code, meaning in meanings.items()]
    return _table(rows, ("code", "meaning"))
