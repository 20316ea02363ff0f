"""Which stages a refresh asks for, for which tenants: a calibration that is out of date makes no mart anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
import pytest

from real_estate_assets.defs import backfills
from real_estate_assets.defs.partitions import TENANTS
from real_estate_assets.defs.stages import PLAN, PlannedStage

# Tenant -> the stages that are out of date for it.
STALE = {
    "files": {"landing", "records", "enrichment", "calibration", "warehouse", "features", "valuation"},
    "rolls": {"records", "enrichment", "calibration", "warehouse", "features", "valuation"},
    "measured": {"calibration"},
    "both": {"calibration", "warehouse", "features", "valuation"},
    "models": {"warehouse", "features", "valuation"},
    "valued": {"valuation"},
    "fresh": set(),
}


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, ...], list[str]]:
    """Stages asked for together -> their tenants."""

    def stale(_: Any, __: Any, planned: PlannedStage, tenant_ids: Sequence[str]) -> list[str]:
        return [tenant for tenant in tenant_ids if planned.name in STALE[tenant]]

    class Registered:
        def __init__(self, tenant_id: str) -> None:
            self.tenant_id = tenant_id

    monkeypatch.setattr(backfills, "stale_tenants", stale)
    monkeypatch.setattr(backfills, "list_tenants", lambda _: [Registered(tenant) for tenant in STALE])
    monkeypatch.setattr(backfills.WarehouseResource, "get", lambda _: None)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(TENANTS, [*STALE, "removed"])
        found = backfills._by_first_stale_stage(instance)
    return {tuple(stage.name for stage in stages): tenants for stages, tenants in found if tenants}


def test_each_tenant_is_asked_for_once_from_its_first_stale_stage(groups: dict[tuple[str, ...], list[str]]) -> None:
    names = [stage.name for stage in PLAN]
    assert groups == {
        ("landing",): ["files"],
        tuple(names[1:]): ["rolls"],
        ("calibration",): ["measured"],
        tuple(names[3:]): ["both"],
        tuple(names[4:]): ["models"],
        ("valuation",): ["valued"],
    }
