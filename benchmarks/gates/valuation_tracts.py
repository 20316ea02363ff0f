"""A tenant whose sales can teach the effect of a hazard: King County's, with First Street's tracts as its own layers.

Belongs here: building it, and what is said of each hazard. Does not belong here: how an effect is measured
(`core/valuation/learnability.py`). The tracts are test data, which the product never ships.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bounds import at_least, exactly
from benchmarks.gates.elsewhere import TRACT_LAYERS, TRACT_SOURCE
from benchmarks.gates.line import Gate, gate, not_run
from benchmarks.gates.valuation_elsewhere import valued_elsewhere
from benchmarks.report import ROOT
from real_estate_assets.settings import get_settings

PREFIX = "valuation.learnability"
TENANT = "cascade"
_TOLD = "select trait, sale_count, can_be_learned, sentence from valuation.learnability where tenant_id = {tenant}"


def lines() -> Iterator[Gate]:
    """What the sales teach of each peril; `not run` where the tracts are not here."""
    folder = get_settings().test_data_dir / "firststreet"
    files = {name: folder / name for name in TRACT_LAYERS.values()}
    if missing := [name for name, path in files.items() if not path.exists()]:
        why = f"{', '.join(missing)} not found in {folder}; set REOS_TEST_DATA to the test data's folder"
        yield not_run(f"{PREFIX}.tract_hazards_learned", at_least(1), why)
        return
    described = (ROOT / "demo" / "tenants" / "puget-sound.yaml").read_text(encoding="utf-8")
    layers = "".join(TRACT_SOURCE.format(peril=peril, file=file) for peril, file in TRACT_LAYERS.items())
    description = described.replace("tenant: puget-sound", f"tenant: {TENANT}").rstrip() + "\n" + layers
    sales = "kc_house_data.csv.gz"
    with valued_elsewhere(TENANT, description, {**files, sales: ROOT / "demo" / "data" / sales}) as demo:
        told = [row for row in demo.ask(TENANT, _TOLD) if any(peril in row[0] for peril in TRACT_LAYERS)]
    learned = sum(row[2] for row in told)
    yield gate(f"{PREFIX}.tract_hazards", len(told), exactly(len(TRACT_LAYERS)), note="each is told of")
    yield gate(f"{PREFIX}.tract_hazards_learned", learned, at_least(1), note=" ".join(row[3] for row in told))
