"""The tenant's model: found again where it exists, else trained; with its backtest, its bytes under their own hash.

Belongs here: identity, reuse, and the record of a model. Does not belong here: how a model is trained
(`core/valuation`), what it is made of (`gathering.py`), what is said of it (`card.py`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.valuation.settings import ValuationSettings
from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.valuation.card import model_card
from real_estate_assets.defs.valuation.gathering import Gathered
from real_estate_assets.defs.valuation.inputs import model_inputs
from real_estate_assets.defs.valuation.studying import study, with_strata
from real_estate_assets.defs.valuation.traits import learned_of
from real_estate_assets.stores.model_objects import get_model_bytes, put_model_bytes
from real_estate_assets.stores.warehouse import Warehouse, valuation

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.valuation.comparables_vectors import LeafSpace
    from real_estate_assets.core.valuation.model import Bag
    from real_estate_assets.stores.object_store import ObjectStore, StoredObject
    from real_estate_assets.stores.warehouse.valuation import ValuationModel

LIBRARIES = ("xgboost", "numpy", "scikit-learn")  # another version may give other bytes from the same sales


@dataclass(frozen=True)
class Modelled:
    """A model in use. is_new: this run trained it; learned: what the sales can teach of each trait, as rows."""

    record: ValuationModel
    bag: Bag
    backtest: pl.DataFrame
    space: LeafSpace
    learned: list[dict[str, Any]]
    is_new: bool


def model_id(gathered: Gathered, settings: ValuationSettings) -> str:
    """sha256 of all that decides a model's bytes: its sales, the settings, the code, the libraries."""
    parts = [
        gathered.content_sha256,
        settings.model_dump_json(),
        code_version("valuation_model"),
        *(f"{name}=={metadata.version(name)}" for name in LIBRARIES),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def model_of(
    warehouse: Warehouse,
    store: ObjectStore,
    tenant_id: str,
    gathered: Gathered,
    settings: ValuationSettings,
    run_id: str,
) -> Modelled:
    """The tenant's model of these sales. Raises ObjectStoreError where stored bytes are gone or are not themselves."""
    wanted = model_id(gathered, settings)
    there = valuation.find_model(warehouse, tenant_id, wanted)
    if there is None:
        return _trained(warehouse, store, tenant_id, gathered, settings, wanted, run_id)
    return _found_again(store, there)


def _found_again(store: ObjectStore, record: ValuationModel) -> Modelled:
    import polars as pl

    from real_estate_assets.core.valuation.comparables_vectors import LeafSpace
    from real_estate_assets.core.valuation.model import Bag

    backtest = pl.read_ipc(io.BytesIO(get_model_bytes(store, record.backtest_key)))
    bag = Bag.from_bytes(get_model_bytes(store, record.object_key))
    space = LeafSpace.from_bytes(get_model_bytes(store, record.space_key))
    return Modelled(record, bag, backtest, space, list(record.card["learnability"]), is_new=False)


def _trained(
    warehouse: Warehouse,
    store: ObjectStore,
    tenant_id: str,
    gathered: Gathered,
    settings: ValuationSettings,
    wanted: str,
    run_id: str,
) -> Modelled:
    """Bytes first, the record last: a run that dies between leaves bytes that nobody names."""
    from real_estate_assets.core.valuation.backtest import walk_forward
    from real_estate_assets.core.valuation.comparables_points import sale_space
    from real_estate_assets.core.valuation.history import sale_history
    from real_estate_assets.core.valuation.model import fit

    history = sale_history(gathered.training, settings)
    backtest = walk_forward(gathered.training, settings, history)
    bag = fit(gathered.training, settings, history)
    learned = learned_of(gathered.training, gathered.traits, settings, history)
    space = sale_space(gathered.training, bag.base_booster, bag.encoder, settings.threads)
    stored = [put_model_bytes(store, content) for content in (bag.to_bytes(), _ipc(backtest), space.to_bytes())]
    record = replace(
        _record(gathered, settings, wanted, run_id, stored),
        features=model_inputs(bag),
        training_files=valuation.training_files(warehouse, tenant_id, gathered.sale_counts),
    )
    studied = study(wanted, with_strata(backtest, gathered.training))
    record = replace(record, card=model_card(record, studied, learned, bag.encoder.dropped))
    valuation.add_model(warehouse, tenant_id, record)
    return Modelled(record, bag, backtest, space, learned, is_new=True)


def _record(
    gathered: Gathered, settings: ValuationSettings, wanted: str, run_id: str, stored: Sequence[StoredObject]
) -> ValuationModel:
    first, last, valued_on = gathered.first_sale_date, gathered.last_sale_date, gathered.valued_on
    if first is None or last is None or valued_on is None:
        raise ValueError("a model without a sale")
    model, backtest, space = stored
    return valuation.ValuationModel(
        model_id=wanted,
        object_key=model.key,
        object_sha256=model.sha256,
        backtest_key=backtest.key,
        backtest_sha256=backtest.sha256,
        space_key=space.key,
        space_sha256=space.sha256,
        sale_count=gathered.sale_count,
        first_sale_date=first,
        last_sale_date=last,
        valued_on=valued_on,
        settings=settings.model_dump(mode="json"),
        filters=gathered.filters,
        features=[],
        training_files=[],
        card={},
        code_version=code_version("valuation_model"),
        run_id=run_id,
    )


def _ipc(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_ipc(content)
    return content.getvalue()
