"""The sensor that makes a registered tenant a partition, and an unregistered one none.

Belongs here: the mirror. Does not belong here: registering (`reos tenant`), and what happens to a new partition
(`automation.py`).
"""

import dagster as dg

from real_estate_assets.defs.partitions import TENANTS, tenants
from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.settings import get_settings


def mirror(instance: dg.DagsterInstance, active: set[str]) -> tuple[list[str], list[str]]:
    """Make the partitions equal to the active tenants; returns (added, removed). For commands."""
    known = set(instance.get_dynamic_partitions(TENANTS))
    added, removed = sorted(active - known), sorted(known - active)
    if added:
        instance.add_dynamic_partitions(TENANTS, added)
    for tenant_id in removed:
        instance.delete_dynamic_partition(TENANTS, tenant_id)
    return added, removed


@dg.sensor(
    name="tenant_registry",
    minimum_interval_seconds=get_settings().automation_seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for every registered tenant and removes those of tenants that are gone.",
)
def tenant_registry(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Compare the registry with the partitions."""
    from real_estate_assets.stores.warehouse.tenants import list_tenants

    known = set(context.instance.get_dynamic_partitions(TENANTS))
    active = {tenant.tenant_id for tenant in list_tenants(warehouse.get())}
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if active - known:
        requests.append(tenants.build_add_request(sorted(active - known)))
    if known - active:
        requests.append(tenants.build_delete_request(sorted(known - active)))
    return dg.SensorResult(dynamic_partitions_requests=requests) if requests else dg.SkipReason("registry unchanged")
