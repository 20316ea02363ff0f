"""All that Feast is told of one tenant, in one list. Importing this imports Feast, which takes seconds."""

from typing import Any

from feature_repo.entities import market, property_, tenant
from feature_repo.services import services
from feature_repo.views import view


def definitions(tenant_id: str) -> list[Any]:  # as Feast types it: a list of any of a dozen kinds
    """Entities, views and services of a tenant's Feast project."""
    of_property, of_market = view(tenant_id, "property"), view(tenant_id, "market")
    return [tenant, property_, market, of_property, of_market, *services(of_property, of_market)]
