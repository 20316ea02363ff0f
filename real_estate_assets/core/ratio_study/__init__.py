"""The ratio study: estimates held against sale prices, in the figures by which assessors are judged (IAAO).

Belongs here: pure arithmetic over two lists of numbers (estimates and sale prices, dollars), the published bands, and
the words of a verdict. Does not belong here: which sales are valid (`core/valuation`), reading or storing anything,
pictures. docs/ratio_study.md says what each figure means and where its formula comes from.

    study = ratio_study(assessed, sold)             # every figure with its interval, or the reason why there is none
    row = study.as_row()                            # sale_count, median_ratio, median_ratio_low, ..., reason
    strata = stratified(assessed, sold, labels)     # one study a stratum of at least MINIMUM_STRATUM sales
    labels = price_quartiles(assessed, sold)        # labels by the price proxy, not by the sale price
    verdicts = iaao_verdicts(study)                 # inside or outside the band, and how sure that is
    outliers = outlier_report(assessed, sold)       # what a trimming rule would drop, with the study before and after
    chasing = sales_chasing(assessed, sold)         # signs that values follow the prices they are judged by
    validity = sale_validity(assessed, sold, reasons)   # what the screening of sales did to the figures
"""

from real_estate_assets.core.ratio_study.bands import Verdict, iaao_verdicts
from real_estate_assets.core.ratio_study.intervals import Interval
from real_estate_assets.core.ratio_study.outliers import Outliers, outlier_report
from real_estate_assets.core.ratio_study.sales_chasing import SalesChasing, sales_chasing
from real_estate_assets.core.ratio_study.sample import RatioStudyError
from real_estate_assets.core.ratio_study.strata import MINIMUM_STRATUM, Stratum, price_quartiles, stratified
from real_estate_assets.core.ratio_study.study import RatioStudy, ratio_study
from real_estate_assets.core.ratio_study.validity import Validity, sale_validity

__all__ = [
    "MINIMUM_STRATUM",
    "Interval",
    "Outliers",
    "RatioStudy",
    "RatioStudyError",
    "SalesChasing",
    "Stratum",
    "Validity",
    "Verdict",
    "iaao_verdicts",
    "outlier_report",
    "price_quartiles",
    "ratio_study",
    "sale_validity",
    "sales_chasing",
    "stratified",
]
