"""What Dagster's event log says of the marts that features are computed from.

Belongs here: reading runs and recorded trust. Does not belong here: how trust came to be recorded
(`defs/warehouse/trust_record.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dagster as dg

from real_estate_assets.core.features.record import AssetRecord
from real_estate_assets.defs.warehouse.trust_record import MEAN

P10 = "trust_p10"  # beside MEAN in what a mart's materialization records


def asset_record(
    instance: dg.DagsterInstance, tenant_id: str, inputs: Iterable[dg.AssetKey], trusted: dg.AssetKey
) -> AssetRecord:
    """Of the latest materializations of a tenant's inputs: their runs, and the trust that `trusted` recorded."""
    latest = {key: _latest(instance, tenant_id, key) for key in inputs}
    runs = {found.run_id for found in latest.values() if found is not None}
    found = latest.get(trusted)
    metadata = {} if found is None or found.asset_materialization is None else found.asset_materialization.metadata
    return AssetRecord(sorted(runs), _number(metadata.get(MEAN)), _number(metadata.get(P10)))


def _latest(instance: dg.DagsterInstance, tenant_id: str, key: dg.AssetKey) -> Any:
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[tenant_id])
    return next(iter(instance.fetch_materializations(wanted, limit=1).records), None)


def _number(value: dg.MetadataValue[Any] | None) -> float | None:
    return None if value is None else float(value.value)
