"""The sensor that tells what the runs read and made, as OpenLineage events.

Belongs here: one round, and how it ends. Does not belong here: what is told (`telling.py`).

It looks at runs that have started or ended, from the daemon: a collector that is dead, slow or wrong delays no run. A
round is bounded: so many runs, so many seconds; what is left over is the next round's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.settings import get_settings

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

    from real_estate_assets.settings import Settings
    from real_estate_assets.stores.warehouse import Warehouse

CHANGES_PER_ROUND = 100
DELIVERY_SECONDS = 20.0


@dg.sensor(
    name="openlineage",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes what each run read and made to <state>/lineage as OpenLineage events, a file a tenant, and "
    "sends them to the collector of REOS_OPENLINEAGE_URL if one is named.",
)
def openlineage(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SkipReason:
    """One round; it asks for no run, so it always ends with what it did."""
    if context.repository_def is None:
        return dg.SkipReason("no code location")
    graph = context.repository_def.asset_graph
    return dg.SkipReason(tell_and_deliver(get_settings(), context.instance, graph, warehouse.get()))


def tell_and_deliver(
    settings: Settings,
    instance: dg.DagsterInstance,
    graph: BaseAssetGraph,
    warehouse: Warehouse,
    *,
    all_changes: bool = False,
) -> str:
    """Write the events of the next runs, or of all; then send what was not sent. Returns what was done, in words."""
    from real_estate_assets.defs.lineage.telling import Teller
    from real_estate_assets.stores.lineage.collector import sender
    from real_estate_assets.stores.lineage.outbox import Outbox, OutboxBusyError

    outbox = Outbox(settings.lineage_dir)
    try:
        with outbox.held():
            teller = Teller(instance, graph, warehouse, settings.references_file)
            written = teller.tell(outbox, CHANGES_PER_ROUND)
            while all_changes and (more := teller.tell(outbox, CHANGES_PER_ROUND)):
                written += more
            said = f"{written} events written"
            if (send := sender(settings)) is not None:
                done = outbox.deliver(send, seconds=DELIVERY_SECONDS)
                said += f", {done.sent} sent, {done.refused} refused, {done.waiting:,} bytes still to be sent"
    except OutboxBusyError as error:
        return str(error)
    return said
