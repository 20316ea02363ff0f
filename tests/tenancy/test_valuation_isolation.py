"""A tenant's models, estimates and their trust are its own: for analysts, for the application, in the object store.

That no login gets at foreign rows of any table is tried by `test_isolation_matrix.py`, which finds tables by itself;
here stand the ways that are the valuation's own: its functions, and models that are kept as objects.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from real_estate_assets.stores.model_objects import get_model_bytes, put_model_bytes
from real_estate_assets.stores.object_store import ObjectMissingError, ObjectStore

from .seeding import SHARED_PROPERTY_ID, TENANTS, Estate

HOME, OTHER = TENANTS[0], TENANTS[1]
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)
TRUST = "select count(*) from valuation.trust(%s, %s)"
INPUTS = "select count(*) from valuation.input_trust(%s, %s)"


@pytest.mark.parametrize("asked", [TRUST, INPUTS])
def test_the_trust_of_anothers_estimate_is_not_told(estate: Estate, asked: str) -> None:
    """Both tenants hold an estimate of the same property."""
    with psycopg.connect(estate.analyst_dsn(HOME)) as session:
        assert session.execute(asked, (OTHER, SHARED_PROPERTY_ID)).fetchall() == [(0,)]
    with estate.warehouse.as_app(HOME) as app:
        assert app.execute(asked, (OTHER, SHARED_PROPERTY_ID)).fetchall() == [(0,)]
        held = "select count(*) from valuation.estimate where tenant_id = %s"
        assert app.execute(held, (HOME,)).fetchall() == [(1,)], "there was something to be told of"


def test_nobody_but_the_owner_records_a_model(estate: Estate) -> None:
    for statement in ("delete from valuation.model", "update valuation.model set card = '{}'"):
        with psycopg.connect(estate.analyst_dsn(HOME)) as session, pytest.raises(REFUSED):
            session.execute(statement)
        with estate.warehouse.as_app(HOME) as app, pytest.raises(REFUSED):
            app.execute(statement)


def test_the_same_bytes_of_two_tenants_are_two_objects_and_one_removal_leaves_the_other(tmp_path: Path) -> None:
    stores = {tenant: ObjectStore(tmp_path.as_uri(), tenant) for tenant in (HOME, OTHER)}
    keys = {tenant: put_model_bytes(store, b"trees").key for tenant, store in stores.items()}
    assert stores[HOME].delete_all() == 1
    with pytest.raises(ObjectMissingError):
        get_model_bytes(stores[HOME], keys[HOME])
    assert get_model_bytes(stores[OTHER], keys[OTHER]) == b"trees"
