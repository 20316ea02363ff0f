"""The page of the features: current with the registry, and written between its lines only."""

from __future__ import annotations

from pathlib import Path

import pytest

from real_estate_assets.core.features.pages import (
    BEGIN,
    END,
    NoPlaceForTablesError,
    filled_of_list,
    tables,
    with_tables,
)
from real_estate_assets.core.features.registry import features

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"
SHARES = {"north": {"building_sqft": 0.875, "pool": 0.004, "median_price": 1.0}}


def test_the_published_page_says_what_the_registry_says() -> None:
    """All but the shares, which need a warehouse: run `reos features --docs docs/features.md` where this fails."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    wanted = tables({}).splitlines()
    for feature in features():
        row = next(line for line in wanted if f"| `{feature.name}` |" in line)
        assert any(line.startswith(row) for line in lines), feature.name


def test_only_what_stands_between_the_lines_is_written() -> None:
    page = f"# Before\n{BEGIN}\nWhat stood here\n{END}\nafter\n"
    once = with_tables(page, SHARES)
    assert once.startswith("# Before\n")
    assert once.endswith("\nafter\n")
    assert "What stood here" not in once
    assert with_tables(once, SHARES) == once


def test_a_share_is_shown_and_a_rare_one_is_not_shown_as_none() -> None:
    written = tables(SHARES)
    assert next(line for line in written.splitlines() if "`building_sqft`" in line).endswith("| 88 % |")
    assert next(line for line in written.splitlines() if "`pool`" in line).endswith("| <1 % |")
    assert next(line for line in written.splitlines() if "`zoning`" in line).endswith("|  |")
    assert (filled_of_list("property", SHARES["north"]), filled_of_list("market", SHARES["north"])) == (2, 1)
    assert "| north | 2 of 41 | 1 of 13 | 3 of 54 |" in written


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(NoPlaceForTablesError, match="begin"):
        with_tables("# A page", SHARES)
