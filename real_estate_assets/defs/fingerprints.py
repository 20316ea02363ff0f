"""What each (asset, tenant) was made of, and so whether it must be made again.

Belongs here: reading data versions and fingerprints back from the event log, and comparing. Does not belong here: when
to look (`automation.py`, `reos materialize`), nor the work (`per_tenant.py`).

A fingerprint is a hash of the stage's code version and of the data versions of everything it read. Equal fingerprint,
equal result: such an asset-partition is not rebuilt. A stage run by hand rebuilds all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import dagster as dg

DATA_VERSION_TAG = "dagster/data_version"
FINGERPRINT_TAG = "reos/fingerprint"
CODE_VERSION_TAG = "dagster/code_version"


def fingerprint(code_version: str, inputs: Mapping[str, str]) -> str:
    """Sixteen hex digits over a stage's code and its inputs' data versions, in any order."""
    text = "\n".join([code_version, *(f"{name}={inputs[name]}" for name in sorted(inputs))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def latest_materialization(
    instance: dg.DagsterInstance, key: dg.AssetKey, tenant_id: str | None
) -> tuple[int, dict[str, str]] | None:
    """(event number, tags) of the latest materialization of an asset, or of one tenant's partition of it."""
    partitions = None if tenant_id is None else [tenant_id]
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key, asset_partitions=partitions), limit=1)
    for record in found.records:
        materialization = record.asset_materialization
        if materialization is not None:
            return record.storage_id, dict(materialization.tags or {})
    return None


def latest_tag(instance: dg.DagsterInstance, key: dg.AssetKey, tenant_id: str | None, tag: str) -> str | None:
    """A tag of the latest materialization; None if there is none."""
    found = latest_materialization(instance, key, tenant_id)
    return found[1].get(tag) if found else None


def input_versions(
    instance: dg.DagsterInstance,
    upstream: Sequence[dg.AssetKey],
    tenant_id: str,
    *,
    partitioned: Mapping[dg.AssetKey, bool],
) -> dict[str, str]:
    """Data version of every upstream asset for a tenant; 'none' where it was never made.

    partitioned: whether an upstream asset is partitioned by tenant (references are not).
    """
    versions: dict[str, str] = {}
    for key in upstream:
        found = latest_tag(instance, key, tenant_id if partitioned[key] else None, DATA_VERSION_TAG)
        versions[key.to_user_string()] = found or "none"
    return versions
