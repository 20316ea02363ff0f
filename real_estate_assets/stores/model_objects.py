"""The bytes of models: kept once under their sha256 in the tenant's part of the object store, given back only whole.

Belongs here: putting bytes and getting the very same back. Does not belong here: what they mean (`core/valuation`),
whose model is in use (`warehouse/valuation.py`), other objects (`object_store.py`). They go with the tenant's files.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from real_estate_assets.stores.object_store import ObjectStore, StoredObject


def put_model_bytes(store: ObjectStore, content: bytes) -> StoredObject:
    """Stores bytes of a model; equal bytes are one object. Raises ObjectStoreError and its kinds."""
    with tempfile.TemporaryDirectory(prefix="reos-model-") as folder:
        path = Path(folder) / "model"
        path.write_bytes(content)
        return store.put_model(path)


def get_model_bytes(store: ObjectStore, key: str) -> bytes:
    """The bytes under a key that `put_model_bytes` gave.

    Raises ObjectMissingError where they are gone, ObjectConflictError where they are no longer those that were stored:
    a model that cannot be trusted to be itself predicts nothing.
    """
    with tempfile.TemporaryDirectory(prefix="reos-model-") as folder:
        path = Path(folder) / "model"
        store.fetch_to(key, path)
        return path.read_bytes()
