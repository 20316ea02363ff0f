"""What a materialization of a mart records about trust: figures by field group, a picture, what is weak, how it moved.

Belongs here: metadata only, computed by the database at the time of the materialization and kept with that time, so
that anybody can compute it again (`reos audit --trust`). Does not belong here: trust itself; nothing of it is kept in a
mart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.pictures import counted_histogram, markdown_table
from real_estate_assets.core.plots import blocks, trend
from real_estate_assets.stores.warehouse import trust_summary as store

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.trust_summary import GroupTrust

BUILDS = 20  # of a trend
# Names of the figures in the event log; the trend reads them back.
MEAN, SOLID_SHARE, WEAK_SHARE, AS_OF = "trust_mean", "trust_share_solid", "trust_share_weak", "trust_as_of"


def trust_record(
    warehouse: Warehouse, instance: dg.DagsterInstance, tenant_id: str, key: dg.AssetKey, as_of: dt.datetime
) -> dict[str, Any]:
    """The trust of one mart for one tenant as of a time; empty where the mart claims nothing, or is no mart."""
    if key.path[0] != "marts":
        return {}
    mart = key.path[-1]
    groups = [group for group in store.trust_summary(warehouse, tenant_id, mart, as_of) if group.trusted]
    if not groups:
        return {}
    figures = _figures(groups)
    cells = sum(group.trusted for group in groups)
    tenths = [sum(counts) for counts in zip(*(group.histogram for group in groups), strict=True)]
    weak = store.weak_fields(warehouse, tenant_id, mart, as_of) if figures[WEAK_SHARE] else []
    return {
        **figures,
        AS_OF: dg.MetadataValue.text(as_of.isoformat()),
        "trust_cells": cells,
        "trust": dg.MetadataValue.md(counted_histogram(tenths, "trust of the cells that claim something")),
        "trust_by_group": dg.MetadataValue.md(_by_group(groups)),
        "trust_weak": dg.MetadataValue.md(
            markdown_table(
                [(one.field, f"{one.cells:,}", _key(one.row_key)) for one in weak],
                ("fields with most cells under the model's weak_below", "weak cells", "least trusted of their rows"),
            )
        ),
        "trust_trend": dg.MetadataValue.md(_trend(instance, tenant_id, key, figures)),
    }


def _figures(groups: Sequence[GroupTrust]) -> dict[str, float]:
    """Plain numbers, which the UI plots over tenants: of the mart, and of each group's mean and tenth percentile."""
    cells = sum(group.trusted for group in groups)
    figures = {
        MEAN: sum((group.trust_mean or 0.0) * group.trusted for group in groups) / cells,
        SOLID_SHARE: sum(group.solid for group in groups) / cells,
        WEAK_SHARE: sum(group.weak for group in groups) / cells,
    }
    for group in groups:
        figures[f"trust_mean {group.field_group}"] = group.trust_mean or 0.0
        figures[f"trust_p10 {group.field_group}"] = group.trust_p10 or 0.0
    return {name: round(value, 4) for name, value in figures.items()}


def _by_group(groups: Sequence[GroupTrust]) -> str:
    rows = [
        (
            group.field_group,
            f"{group.trusted:,}",
            f"{group.trust_mean or 0:.2f}",
            f"{group.trust_p10 or 0:.2f}",
            blocks(group.histogram),
            *(f"{part / group.trusted:.0%}" for part in (group.solid, group.mixed, group.weak)),
            f"{group.null_cells:,}",
        )
        for group in groups
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


def _key(row_key: Mapping[str, Any]) -> str:
    return ", ".join(str(value) for name, value in row_key.items() if name != "tenant_id")
