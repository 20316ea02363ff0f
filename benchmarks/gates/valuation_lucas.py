"""Another county, from a description alone: Lucas County, Ohio, its coordinates in metres and its stories in words.

Belongs here: building it and asking for the promises of accuracy. Does not belong here: those promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.gates.line import Gate, not_run
from benchmarks.gates.valuation_accuracy import LUCAS, lines_of
from benchmarks.gates.valuation_elsewhere import valued_elsewhere
from real_estate_assets.settings import get_settings

PREFIX = "valuation.accuracy.lucas"


def lines() -> Iterator[Gate]:
    """The lines of the tenant's newest sales; `not run` where the file is not here."""
    path = get_settings().test_data_dir / "lucas" / "lucas_house.csv"
    if not path.exists():
        yield not_run(
            f"{PREFIX}.mdape", LUCAS.mdape[0], f"{path} is not here; set REOS_TEST_DATA to the test data's folder"
        )
        return
    description = Path(__file__).with_name("lucas.yaml").read_text(encoding="utf-8")
    with valued_elsewhere(LUCAS.tenant_id, description, {path.name: path}) as demo:
        yield from lines_of(demo, LUCAS)
