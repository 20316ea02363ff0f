"""The ratio study against the two worked tables of the IAAO's standard, to their printed digits.

Belongs here: the printed figures, and the same figures computed from the tables' sales. Does not belong here: the ratio
study itself (`core/ratio_study`), and how the platform's own estimates do in it (`valuation_accuracy.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bounds import exactly
from benchmarks.gates.line import Gate, gate, not_run
from real_estate_assets.core.ratio_study import RatioStudyError, ratio_study
from real_estate_assets.settings import Settings

PREFIX = "valuation.ratio_study"
DIGITS = 4  # as printed
# Tables 1-1 and D-1 of the Standard on Ratio Studies (2013).
PRINTED = {
    "iaao_table_1_1": {"cod": 29.8177, "prd": 0.9833, "prb": 0.2323},
    "iaao_table_d_1": {"cod": 7.5074, "prd": 1.0269, "prb": -0.1198},
}
NO_STUDY: dict[str, tuple[list[float], list[float]]] = {
    "empty": ([], []),
    "one_sale": ([1e5], [1e5]),
    "zero": ([1e5, 1e5], [1e5, 0]),
    "negative": ([1e5, -1e5], [1e5, 1e5]),
    "infinite": ([1e5, float("inf")], [1e5, 1e5]),
    "not_a_number": ([1e5, 1e5], [1e5, float("nan")]),
}


def lines() -> Iterator[Gate]:
    """Each printed figure of both tables, and how many of the lists that no study can be made of are refused."""
    folder = Settings(environment="test").test_data_dir / "ratio_study"
    for table, printed in PRINTED.items():
        yield from _of_table(folder / f"{table}.csv", printed)
    refused = [name for name, pair in NO_STUDY.items() if _is_refused(*pair)]
    yield gate(
        f"{PREFIX}.bad_input_refused", len(refused), exactly(len(NO_STUDY)),
        note=f"of {', '.join(NO_STUDY)}",
    )  # fmt: skip


def _of_table(file: Path, printed: dict[str, float]) -> Iterator[Gate]:
    if not file.exists():
        for figure, value in printed.items():
            yield not_run(
                f"{PREFIX}.{file.stem}.{figure}", exactly(value), f"{file.name} is not here; set REOS_TEST_DATA"
            )
        return
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    study = ratio_study([float(row["estimate"]) for row in rows], [float(row["sale_price"]) for row in rows])
    for figure, value in printed.items():
        found = study.value(figure)
        yield gate(
            f"{PREFIX}.{file.stem}.{figure}", None if found is None else round(found, DIGITS), exactly(value),
            note=f"{study.n} sales; computed {found}",
        )  # fmt: skip


def _is_refused(assessed: list[float], sold: list[float]) -> bool:
    try:
        ratio_study(assessed, sold)
    except RatioStudyError:
        return True
    return False
