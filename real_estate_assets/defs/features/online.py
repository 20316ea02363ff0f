"""The part of the stage `features` that makes `features/online`: the newest rows, where applications read them.

Belongs here: the asset's key and words, and what its event says. Does not belong here: the stage it is part of
(`assets.py`), and how rows are written (`stores/online_features`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.defs.stage_events import AssetResult
from real_estate_assets.settings import get_settings

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse import Warehouse

ONLINE = dg.AssetKey(["features", "online"])
DESCRIPTION = (
    "Grain: one property or market, its newest row of features. In SQLite or Redis, in Feast's own format; each null"
    " has a reason, each row the runs it came from."
)


def serve_online(
    warehouse: Warehouse, tenant_id: str, failed_checks: Sequence[str], tell: Callable[[str], None] = lambda _: None
) -> AssetResult:
    """Bring the tenant's online features up to date with `features.*`, which must be published and checked before.

    Writes nothing where the content is what is served already, nor where a blocking check failed: then applications go
    on reading what they did. Raises OnlineStoreUnreachableError.
    """
    if failed_checks:
        return _kept(tenant_id, failed_checks)
    from real_estate_assets.stores.online_features.materializing import materialize

    settings = get_settings()
    done = materialize(settings, warehouse, tenant_id, tell=tell)
    metadata: dict[str, Any] = {
        "store": settings.online_store,
        "properties": done.rows["property"],
        "markets": done.rows["market"],
        "rows_written": 0 if done.seconds is None else sum(done.rows.values()),
        "as_of": dg.MetadataValue.timestamp(done.state.as_of),
    }
    if done.rows_per_second is not None:
        metadata["rows_per_second"] = round(done.rows_per_second)
    return AssetResult(ONLINE, sum(done.rows.values()), metadata, data_version=done.state.version)


def _kept(tenant_id: str, failed_checks: Sequence[str]) -> AssetResult:
    from real_estate_assets.stores.online_features import online_store

    state = online_store(get_settings(), tenant_id).state()
    metadata = {"kept_because_these_checks_failed": ", ".join(failed_checks), "rows_written": 0}
    if state is None:
        return AssetResult(ONLINE, 0, metadata)
    return AssetResult(ONLINE, sum(state.rows.values()), metadata, data_version=state.version)
