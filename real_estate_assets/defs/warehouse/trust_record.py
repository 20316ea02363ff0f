"""What a materialization of a mart records about trust: figures by field group, a picture, what is weak, how it moved.

Belongs here: metadata only, computed by the database at the time of the materialization and kept with that time, so
that anybody can compute it again (`reos audit --trust`). Does not belong here: trust itself; nothing of it is kept in a
mart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.pictures import bar_table, counted_histogram, markdown_table
from real_estate_assets.core.plots import blocks, trend
from real_estate_assets.stores.warehouse.trust_summary import trust_of_mart

if TYPE_CHECKING:
    from real_estate_assets.core.provenance.mart_trust import MartTrust
    from real_estate_assets.stores.warehouse import Warehouse

BUILDS = 20  # of a trend
WEAK_FIELDS = 8  # that are named
# Names of the figures in the event log; the trend reads them back.
MEAN, SOLID_SHARE, WEAK_SHARE, AS_OF = "trust_mean", "trust_share_solid", "trust_share_weak", "trust_as_of"


def trust_record(
    warehouse: Warehouse, instance: dg.DagsterInstance, tenant_id: str, key: dg.AssetKey, as_of: dt.datetime
) -> dict[str, Any]:
    """The trust of one mart for one tenant as of a time; empty where the mart claims nothing, or is no mart."""
    if key.path[0] != "marts":
        return {}
    found = trust_of_mart(warehouse, tenant_id, key.path[-1], as_of)
    if found is None:
        return {}
    figures = _figures(found)
    metadata = {
        **figures,
        AS_OF: dg.MetadataValue.text(as_of.isoformat()),
        "trust_cells": found.whole.cells,
        "trust": dg.MetadataValue.md(
            counted_histogram(found.whole.histogram, "trust of the cells that claim something")
        ),
        "trust_by_group": dg.MetadataValue.md(_by_group(found)),
        "trust_trend": dg.MetadataValue.md(_trend(instance, tenant_id, key, figures)),
    }
    if found.weak_fields:
        header = ("fields with most cells under the model's weak_below", "weak cells")
        metadata["trust_weak"] = dg.MetadataValue.md(bar_table(found.weak_fields[:WEAK_FIELDS], header))
    return metadata


def _figures(found: MartTrust) -> dict[str, float]:
    """Plain numbers, which the UI plots over tenants: of the mart, and of each group's mean and lowest tenth."""
    whole = found.whole
    figures = {
        MEAN: whole.mean,
        "trust_p10": whole.p10,
        SOLID_SHARE: whole.solid / whole.cells,
        WEAK_SHARE: whole.weak / whole.cells,
    }
    for name, group in found.groups.items():
        figures[f"trust_mean {name}"] = group.mean
        figures[f"trust_p10 {name}"] = group.p10
    return {name: round(value, 4) for name, value in figures.items()}


def _by_group(found: MartTrust) -> str:
    rows = [
        (
            name,
            f"{group.cells:,}",
            f"{group.mean:.2f}",
            f"{group.p10:.2f}",
            blocks(group.histogram),
            *(f"{part / group.cells:.0%}" for part in (group.solid, group.mixed, group.weak)),
            f"{group.unclaimed:,}",
        )
        for name, group in found.groups.items()
    ]
    header = ("field group", "cells", "mean", "p10", "from 0 to 1", "solid", "mixed", "weak", "null")
    return markdown_table(rows, header)


def _trend(
    instance: dg.DagsterInstance, tenant_id: str, key: dg.AssetKey, figures: Mapping[str, float]
) -> str:  # fmt: skip
    """Mean and share of solid cells over the tenant's builds of the mart, as the event log has them, and this one."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[tenant_id])
    earlier = []
    for record in reversed(instance.fetch_materializations(wanted, limit=BUILDS - 1).records):
        metadata = record.asset_materialization.metadata if record.asset_materialization else {}
        if MEAN in metadata and SOLID_SHARE in metadata:
            earlier.append((_number(metadata[MEAN]), _number(metadata[SOLID_SHARE])))
    builds = [*earlier, (figures[MEAN], figures[SOLID_SHARE])]
    return trend([mean for mean, _ in builds], [solid for _, solid in builds], "mean trust by build")


def _number(value: dg.MetadataValue[Any]) -> float:
    return float(value.value)
