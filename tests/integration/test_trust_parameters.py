"""What calibration predicts is what the database says: Python and SQL read the same parameters to one answer."""

from __future__ import annotations

from typing import Any

import polars as pl
import psycopg
import pytest

from real_estate_assets.core.provenance.agreement import COUNTS
from real_estate_assets.core.provenance.calibration import (
    Parameter,
    VintagePair,
    row_check_parameters,
    stability_parameters,
)
from real_estate_assets.core.provenance.prediction import predicted
from real_estate_assets.core.provenance.row_checks import row_checks
from real_estate_assets.core.provenance.survival_priors import newest_survivals
from real_estate_assets.core.provenance.trust_model import newest_model
from real_estate_assets.defs.reference.trust_registers import trust_registers
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.calibration import write_version
from real_estate_assets.stores.warehouse.registry import append_reviewed, replace_row_checks
from real_estate_assets.stores.warehouse.tenants import add_tenant

TENANT, KIND = "acme", "assessor_roll"
BITS = {check.check_name: 1 << check.bit for check in row_checks()}
SUM, PER_SQFT = "assessed_total_is_the_sum_of_its_parts", "improvement_value_per_sqft_is_usual"
TOTAL, STORIES, ZONING = "assessed_total_value_usd", "stories", "zoning"
# field, segment, failed, n, agree
SEEN = [
    (TOTAL, "CONDO|NEW", "", 40, 10), (TOTAL, "CONDO|OLD", "", 300, 30), (TOTAL, "HOUSE", "", 500, 400),
    (TOTAL, "HOUSE", PER_SQFT, 90, 20), (STORIES, "HOUSE", "", 500, 499),
]  # fmt: skip
ASKED = [
    *SEEN, (TOTAL, "NEVER SEEN", "", 1, 1), (TOTAL, "CONDO|NEVER SEEN", "", 1, 1), (TOTAL, "HOUSE", SUM, 1, 1),
    (TOTAL, "HOUSE", f"{SUM}, {PER_SQFT}", 1, 1), (ZONING, "HOUSE", "", 1, 1), ("unheard_of", "HOUSE", "", 1, 1),
]  # fmt: skip
PERSISTENCE = """
select prov.persistence(m,
         (select survival_per_year from prov.survival(%(t)s, %(v)s, %(k)s, %(f)s, %(s)s, now())), %(days)s)
       * coalesce((select factor from prov.row_factor(%(t)s, %(v)s, m, %(k)s, %(f)s, %(mask)s)), 1)
from (select (prov.model_at(now())).*) m
"""


def frame(rows: list[tuple[str, str, str, int, int]]) -> pl.DataFrame:
    kinds = {name: pl.String if name in ("field", "segment", "failed") else pl.Int64 for name in COUNTS}
    return pl.DataFrame([(*row, 0, 0) for row in rows], schema=kinds, orient="row")


@pytest.fixture(scope="module")
def parameters() -> list[Parameter]:
    pairs = [VintagePair(KIND, 2.0, "the roll after", frame(SEEN))]
    stability = stability_parameters(pairs, newest_survivals(), newest_model())
    return [*stability, *row_check_parameters(pairs, stability, newest_survivals(), newest_model())]


@pytest.fixture(scope="module")
def calibrated(module_warehouse_db: Any, parameters: list[Parameter]) -> tuple[Any, int]:
    """The database with what people reviewed and one measured version."""
    warehouse = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    add_tenant(warehouse, TENANT, tenant_name=TENANT, description="", base_uri="file:///")
    registers = trust_registers()
    append_reviewed(warehouse, registers.versions)
    replace_row_checks(warehouse, registers.checks)
    version, _ = write_version(warehouse, TENANT, parameters, code_version="1", inputs={}, run_id="made")
    return module_warehouse_db, version


@pytest.mark.parametrize(("field", "segment", "failed", "n", "agree"), ASKED)
def test_persistence_is_one_figure_in_python_and_in_sql(
    calibrated: tuple[Any, int], parameters: list[Parameter], field: str, segment: str, failed: str, n: int, agree: int
) -> None:
    database, version = calibrated
    asked = frame([(field, segment, failed, n, agree)])
    expected = predicted(asked, 3.0, parameters, KIND, newest_survivals(), newest_model())["persistence"].item()
    mask = sum(BITS[name] for name in failed.split(", ") if name)
    known = {"t": TENANT, "v": version, "k": KIND, "f": field, "s": segment, "days": 3.0 * 365.25, "mask": mask}
    with psycopg.connect(database.dsn("owner")) as owner:
        found = owner.execute(PERSISTENCE, known).fetchall()[0][0]
    assert found == pytest.approx(expected, rel=1e-9)
