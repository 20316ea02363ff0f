"""Figures of a whole mart, against the same figures taken cell by cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.provenance.mart_trust import MartTrust, TrustCount, mart_trust

COUNTS = st.lists(
    st.builds(
        TrustCount,
        st.sampled_from(["assessor", "hazard"]),
        st.sampled_from(["year_built", "stories", "peril"]),
        st.one_of(st.none(), st.floats(0, 1)),
        st.integers(1, 20),
    ),
    max_size=20,
)


def figures(counts: list[TrustCount]) -> MartTrust | None:
    return mart_trust(counts, solid_from=0.8, weak_below=0.5)


def test_figures_of_a_small_mart() -> None:
    found = figures(
        [
            TrustCount("assessor", "year_built", 0.9, 6),
            TrustCount("assessor", "stories", 0.6, 3),
            TrustCount("assessor", "stories", 0.2, 1),
            TrustCount("assessor", "stories", None, 5),
            TrustCount("provenance", "file_no", None, 10),
        ]
    )
    assert found is not None
    whole = found.whole
    assert (whole.cells, whole.solid, whole.mixed, whole.weak, whole.unclaimed) == (10, 6, 3, 1, 15)
    assert whole.mean == pytest.approx(0.74)
    assert whole.p10 == 0.2
    assert whole.histogram == [0, 0, 1, 0, 0, 0, 3, 0, 0, 6]
    assert list(found.groups) == ["assessor"], "the platform's own record claims nothing"
    assert found.groups["assessor"].unclaimed == 5
    assert found.weak_fields == [("stories", 1)]


@pytest.mark.parametrize("counts", [[], [TrustCount("tenant", "tenant_id", None, 7)]])
def test_a_mart_that_claims_nothing_has_no_figures(counts: list[TrustCount]) -> None:
    assert figures(counts) is None


def test_a_limit_belongs_to_the_band_above_it() -> None:
    found = figures([TrustCount("assessor", "stories", trust, 1) for trust in (0.8, 0.5, 1.0)])
    assert found is not None
    assert (found.whole.solid, found.whole.mixed, found.whole.weak) == (2, 1, 0)
    assert found.whole.histogram[9] == 1, "certainty stands in the last tenth"


@given(COUNTS)
def test_counts_give_what_the_cells_one_by_one_would(counts: list[TrustCount]) -> None:
    cells = sorted(count.trust for count in counts if count.trust is not None for _ in range(count.cells))
    found = figures(counts)
    if not cells:
        assert found is None
        return
    assert found is not None
    whole = found.whole
    assert whole.cells == len(cells) == whole.solid + whole.mixed + whole.weak == sum(whole.histogram)
    assert whole.mean == pytest.approx(sum(cells) / len(cells))
    assert whole.p10 == cells[-(-len(cells) // 10) - 1]
    assert whole.weak == sum(trust < 0.5 for trust in cells) == sum(n for _, n in found.weak_fields)
    assert sum(group.cells for group in found.groups.values()) == whole.cells
