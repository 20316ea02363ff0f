"""Comparables of a tenant: its training sales as points in the space of its model's leaves, under the model's id.

Belongs here: publishing, and what is told of it. Does not belong here: points and their meaning (`core/valuation`), the
store (`stores/vectors`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from real_estate_assets.defs.valuation.gathering import Gathered
    from real_estate_assets.defs.valuation.modelling import Modelled
    from real_estate_assets.stores.vectors import VectorStore


def publish_comparables(
    vectors: VectorStore, tenant_id: str, gathered: Gathered, modelled: Modelled
) -> tuple[int, bool]:
    """(points, whether they were published now). A model whose points are the newest publication keeps them."""
    from real_estate_assets.core.valuation.comparables_points import SaleModel, sale_points
    from real_estate_assets.stores.vectors import VectorPoints

    record = modelled.record
    newest = next(iter(vectors.kept(tenant_id)), None)
    if newest is not None and newest.version == record.model_id:
        return newest.points, False
    model = SaleModel(modelled.bag.base_booster, modelled.bag.encoder, modelled.space, modelled.bag.settings.threads)
    points = sale_points(gathered.training, model, record.valued_on)
    return vectors.publish(tenant_id, record.model_id, VectorPoints(*points)).points, True
