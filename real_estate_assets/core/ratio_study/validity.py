"""Sale validity: what the screening of sales did to the figures.

Belongs here: the study of the sales that were kept beside that of all, and the reasons counted. Does not belong here:
the rules that call a sale invalid (the marts' and `core/valuation`'s).

A study can be made to look good by calling every bad ratio an invalid sale. The defence is to show both: how many sales
each reason took out, and the figures with and without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from real_estate_assets.core.ratio_study.sample import RatioStudyError, checked_pairs
from real_estate_assets.core.ratio_study.study import RatioStudy, ratio_study

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Validity:
    """all_sales: the study of every sale. valid: of those without a reason against them (None: fewer than 2 are left).

    reasons: (reason, how many sales it applies to), most first; a sale with two reasons counts for both.
    """

    all_sales: RatioStudy
    valid: RatioStudy | None
    valid_count: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def share_valid(self) -> float:
        """Part of the sales without a reason against them, 0 to 1."""
        return self.valid_count / self.all_sales.n

    @property
    def sentence(self) -> str:
        """How many sales are valid, the reasons, and the COD before and after."""
        why = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons) or "none is called invalid"
        after = (
            "" if self.valid is None else f"; COD {self.all_sales.cod:.1f} of all, {self.valid.cod:.1f} of the valid"
        )
        return f"{self.valid_count:,} of {self.all_sales.n:,} sales are valid ({why}){after}"


def sale_validity(assessed: ArrayLike, sold: ArrayLike, reasons: Sequence[Sequence[str]]) -> Validity:
    """Both studies, and the reasons counted.

    assessed, sold: dollars, shape (n,). reasons: for each sale why it is not valid, empty where it is. Raises
    RatioStudyError as `ratio_study` does, and for another number of reasons than sales.
    """
    import numpy as np

    estimates, prices = checked_pairs(assessed, sold)
    if len(reasons) != prices.size:
        raise RatioStudyError(f"{len(reasons)} lists of reasons for {prices.size} sales: give one each, empty if valid")
    is_valid = np.asarray([not of_one for of_one in reasons], dtype=bool)
    counted = Counter(reason for of_one in reasons for reason in set(of_one))
    count = int(is_valid.sum())
    return Validity(
        all_sales=ratio_study(estimates, prices),
        valid=ratio_study(estimates[is_valid], prices[is_valid]) if count >= 2 else None,
        valid_count=count,
        reasons=tuple(sorted(counted.items(), key=lambda one: (-one[1], one[0]))),
    )
