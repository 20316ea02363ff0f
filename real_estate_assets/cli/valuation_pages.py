"""The tables of docs/valuation.md: figures of each tenant's model, what left sales out, what could not be learned.

Belongs here: Markdown of figures that were computed elsewhere, and where they stand in the page. Does not belong here:
the page's words, which people write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.pictures import markdown_table

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse.valuation_reading import ValuationSummary

Learned = Mapping[str, Sequence[Mapping[str, Any]]]
_FIGURES = {"mdape": 100, "pe10": 100, "pe20": 100, "median_ratio": 1, "cod": 1, "prd": 1, "prb": 1, "vei": 1}


class PageError(ValueError):
    """The page lacks the marks between which a table stands; the message names them."""


def tables_of(found: Sequence[ValuationSummary], learned: Learned) -> dict[str, str]:
    """Name of a table -> its Markdown."""
    headers = {
        "tenants": ("tenant", "valid sales", "estimates", "median", "or why not"),
        "error": ("tenant", "test sales", "figure", "value", "95 % interval"),
        "coverage": ("tenant", "test sales", "n", "inside the 90 % interval"),
        "inputs": ("tenant", "input", "share of the gain"),
        "learned": ("tenant", "trait", "sales that carry it", "what they teach"),
    }
    rows = {
        "tenants": _tenants(found),
        "error": _errors(found),
        "coverage": _coverage(found),
        "inputs": _inputs(found),
        "learned": _learned(learned),
    }
    return {name: markdown_table(list(rows[name]), header) for name, header in headers.items()}


def with_tables(page: str, found: Sequence[ValuationSummary], learned: Learned) -> str:
    """The page with every table between its marks made anew. Raises PageError where marks are missing."""
    for name, table in tables_of(found, learned).items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, is_begun, rest = page.partition(begin)
        _, is_ended, after = rest.partition(end)
        if not (is_begun and is_ended):
            raise PageError(f"the page has no marks {begin} and {end}")
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def _tenants(found: Sequence[ValuationSummary]) -> Iterator[tuple[str, ...]]:
    for one in found:
        median = "" if one.median_usd is None else f"${round(one.median_usd, -3):,.0f}"
        counted = f"{one.estimated:,} of {one.properties:,}"
        yield one.tenant_id, f"{one.sale_count:,}", counted, median, one.reason or ""


def _errors(found: Sequence[ValuationSummary]) -> Iterator[tuple[str, ...]]:
    for one in found:
        test = (one.card or {}).get("test", {"figures": {}, "count": 0})
        for name, scale in _FIGURES.items():
            if (figure := test["figures"].get(name)) is not None and figure["value"] is not None:
                unit, digits = (" %", 1) if scale == 100 else ("", 3)
                low, high = figure["interval"] or (None, None)
                between = "" if low is None else f"{low * scale:.{digits}f} to {high * scale:.{digits}f}"
                yield one.tenant_id, f"{test['count']:,}", name, f"{figure['value'] * scale:.{digits}f}{unit}", between


def _coverage(found: Sequence[ValuationSummary]) -> Iterator[tuple[str, ...]]:
    for one in found:
        for part in (one.card or {}).get("interval_coverage", []):
            yield one.tenant_id, part["of"], f"{part['count']:,}", f"{part['share']:.1%}"


def _inputs(found: Sequence[ValuationSummary]) -> Iterator[tuple[str, ...]]:
    for one in found:
        shares: dict[str, float] = {}
        for part in (one.card or {}).get("inputs", []):
            shares[part["name"]] = shares.get(part["name"], 0.0) + part["weight"]
        for name, share in sorted(shares.items(), key=lambda pair: -pair[1])[:10]:
            yield one.tenant_id, name, f"{share:.1%}"


def _learned(learned: Learned) -> Iterator[tuple[str, ...]]:
    for tenant_id, traits in learned.items():
        for one in traits:
            yield tenant_id, one["trait"], f"{one['sale_count']:,}", one["sentence"]
