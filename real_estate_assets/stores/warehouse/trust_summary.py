"""The trust of a whole mart, asked of the database: how often each of its fields has which trust.

Belongs here: the call of `prov.trust_counts` and the bands of that day. Does not belong here: how trust is computed
(SQL, once), what the counts sum up to (`core/provenance/mart_trust.py`), the answer about one cell (`why.py`).
"""

from __future__ import annotations

import datetime as dt

from real_estate_assets.core.provenance.mart_trust import MartTrust, TrustCount, mart_trust
from real_estate_assets.stores.warehouse.connection import Warehouse


def now(warehouse: Warehouse) -> dt.datetime:
    """The database's own time: what was written until then is what an answer as of then rests on."""
    with warehouse.as_owner() as connection:
        found: dt.datetime = connection.execute("select clock_timestamp()").fetchall()[0][0]
    return found


def trust_of_mart(warehouse: Warehouse, tenant_id: str, mart: str, as_of: dt.datetime) -> MartTrust | None:
    """The figures of one mart for one tenant, as of a time.

    None where it has no row, or none of its cells claims anything, or nobody had reviewed a trust model by then.
    """
    with warehouse.as_app(tenant_id) as connection:
        bands = connection.execute(
            "select solid_from, weak_below from prov.trust_model where recorded_at <= %s order by version desc limit 1",
            (as_of,),
        ).fetchone()
        if bands is None:
            return None
        rows = connection.execute(
            "select field_group, field, trust, cells from prov.trust_counts(%s, %s, %s)", (tenant_id, mart, as_of)
        ).fetchall()
    return mart_trust((TrustCount(*row) for row in rows), solid_from=bands[0], weak_below=bands[1])
