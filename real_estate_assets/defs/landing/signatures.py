"""What a tenant's sources look like from outside, without reading them: to see that something may have changed.

Belongs here: one signature a file. Does not belong here: content (a sha256 is landing's business).
"""

from __future__ import annotations

from real_estate_assets.core.tenants import TenantFileError, parse_tenant_file
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.recall import open_recalls
from real_estate_assets.stores.warehouse.tenants import Tenant, get_tenant


def landing_inputs(warehouse: Warehouse, tenant_id: str) -> dict[str, str]:
    """What landing is made of for a tenant: its description, its files from outside, and which of them are recalled.

    A recall is no change of any file, and yet everything after landing is to be made without it, from what is left.
    """
    recalled = ",".join(map(str, open_recalls(warehouse, tenant_id)))
    return source_signatures(get_tenant(warehouse, tenant_id)) | ({"recalled": recalled} if recalled else {})


def source_signatures(tenant: Tenant) -> dict[str, str]:
    """Size and time (or entity tag) of every file the tenant describes, by source and uri; 'missing' where none is.

    A description that cannot be read has no files: landing says what is wrong with it, for this tenant alone.
    """
    from real_estate_assets.stores.source_uri import signature

    own = {"description": tenant.description_sha256, "registered": str(tenant.added_at.timestamp())}
    try:
        description = parse_tenant_file(tenant.description, name=f"{tenant.tenant_id}.yaml")
    except TenantFileError:
        return own
    signatures = {f"{s.name}/{f.uri}": signature(f.uri, tenant.base_uri) for s in description.sources for f in s.files}
    return {**own, **signatures}
