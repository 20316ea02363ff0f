"""The comparables of one property: its model's bytes, the tenant's points and the core's order, brought together.

Belongs here: fetching. Does not belong here: which sale is comparable (`core/valuation/comparables.py`), keeping points
(`vectors`) and bytes (`model_objects.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.valuation.comparables import Comparable
    from real_estate_assets.stores.object_store import ObjectStore
    from real_estate_assets.stores.vectors import VectorStore
    from real_estate_assets.stores.warehouse.valuation import ValuationModel


class OutdatedModelError(RuntimeError):
    """The model was made by another version of this program; the message says what to do."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__(
            f"the model of {tenant_id} was made by another version of this program, which this one cannot read: run"
            f" `reos materialize -t {tenant_id}`"
        )


def comparables_of(
    objects: ObjectStore, vectors: VectorStore, tenant_id: str, model: ValuationModel, row: pl.DataFrame
) -> list[Comparable]:
    """The five sales that are most like a property, best first, all before the model's valuation day.

    row: the one feature row by which the property was valued. Raises VectorStoreError where the model's points are not
    published, ObjectStoreError where its bytes are gone or are not themselves, OutdatedModelError.
    """
    from real_estate_assets.core.valuation.comparables import RETRIEVED, comparables
    from real_estate_assets.core.valuation.comparables_points import SaleModel, candidate, subjects
    from real_estate_assets.core.valuation.comparables_vectors import LeafSpace
    from real_estate_assets.core.valuation.model import Bag
    from real_estate_assets.stores.model_objects import get_model_bytes

    try:
        bag = Bag.from_bytes(get_model_bytes(objects, model.object_key))
    except ValueError as error:
        raise OutdatedModelError(tenant_id) from error
    space = LeafSpace.from_bytes(get_model_bytes(objects, model.space_key))
    day = model.valued_on
    asked, places = subjects(row, SaleModel(bag.base_booster, bag.encoder, space, bag.settings.threads), [day])
    hits = vectors.search(
        tenant_id,
        places[0],
        RETRIEVED,
        before=day,
        without_property=asked[0].property_id,
        version=model.model_id,
    )
    return comparables(asked[0], (candidate(one.key, one.property_id, one.day, one.payload, day) for one in hits))
