"""What is worth seeing of a published mart at a glance. Belongs here: small reads of `marts.*` as the app role."""

from __future__ import annotations

from real_estate_assets.stores.warehouse.connection import Warehouse


def completeness(warehouse: Warehouse, tenant_id: str, mart: str) -> list[tuple[str, float]]:
    """(column, share of rows in which it is known) of a mart for one tenant, emptiest first.

    Empty for a mart in which the tenant has no row. Raises psycopg.errors.UndefinedTable where there is no such mart.
    """
    from psycopg import sql

    with warehouse.as_app(tenant_id) as connection:
        columns = connection.execute(
            "select attname from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
            (f"marts.{mart}",),
        ).fetchall()
        names = [name for (name,) in columns]
        counts = sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(name)) for name in names)
        statement = sql.SQL("select count(*), {} from {} where tenant_id = {}").format(
            counts, sql.Identifier("marts", mart), sql.Literal(tenant_id)
        )
        total, *known = connection.execute(statement).fetchall()[0]
    shares = [(name, count / total) for name, count in zip(names, known, strict=True)] if total else []
    return sorted(shares, key=lambda share: (share[1], share[0]))


def composite_scores(warehouse: Warehouse, tenant_id: str) -> list[float | None]:
    """The composite hazard score of every property of the tenant, 0 to 1, None where it is unknown."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select hazard_score from marts.fct_property_hazards where tenant_id = %s and peril = 'composite'",
            (tenant_id,),
        ).fetchall()
    return [None if row[0] is None else float(row[0]) for row in rows]
