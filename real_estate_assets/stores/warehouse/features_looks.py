"""What is worth knowing of a tenant's feature rows at a glance, and what must be true of them whatever they say.

Belongs here: counts over `features.*`, asked in other words than the rows were computed in. Does not belong here: what
a person is shown of them (`defs/features/pictures.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from real_estate_assets.core.features.registry import Entity, Feature, features, stored

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from real_estate_assets.stores.warehouse.connection import Warehouse


@dataclass(frozen=True, slots=True)
class Filled:
    """One feature in the newest row of each of the tenant's properties or markets.

    one_value: several of them know it, and all know the same.
    """

    name: str
    rows: int
    known: int
    one_value: bool

    @property
    def share(self) -> float:
        """Of the rows in which it is known, 0 where there is no row."""
        return self.known / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class MartComparison:
    """The newest row of each property against dim_properties.

    missing: properties without a row; other_record: described by a later sale of the same file than the mart takes;
    unlike: feature -> rows of the same record with another value.
    """

    properties: int
    missing: int
    other_record: int
    unlike: dict[str, int]


def filled(warehouse: Warehouse, tenant_id: str, entity: Entity) -> list[Filled]:
    """How often each feature of the registry is known, in its order; one computed on demand as what it is made of."""
    from psycopg import sql

    columns = stored(entity)
    key = sql.Identifier(f"{entity}_id")
    counts = sql.SQL(", ").join(
        sql.SQL("count({0}), count({0}) > 1 and min({0}::text) = max({0}::text)").format(sql.Identifier(f.name))
        for f in columns
    )
    newest = sql.SQL(
        "select count(*), {counts} from (select distinct on ({key}) * from {table} where tenant_id = {tenant}"
        " order by {key}, event_at desc) n"
    ).format(counts=counts, key=key, table=_table(entity), tenant=sql.Literal(tenant_id))
    with warehouse.as_app(tenant_id) as connection:
        rows, *found = connection.execute(newest).fetchall()[0]
    known = {f.name: Filled(f.name, rows, *found[2 * i : 2 * i + 2]) for i, f in enumerate(columns)}
    return [_filled(feature, known, rows) for feature in features() if feature.entity == entity]


def _filled(feature: Feature, known: dict[str, Filled], rows: int) -> Filled:
    if feature.is_key:
        return Filled(feature.name, rows, rows, one_value=False)
    if feature.on_demand:
        basis = next(f for f in stored(feature.entity) if not f.is_key and f.columns == feature.columns)
        return Filled(feature.name, rows, known[basis.name].known, known[basis.name].one_value)
    return known[feature.name]


def rows_by_year(warehouse: Warehouse, tenant_id: str) -> list[tuple[str, int]]:
    """(year of the event, rows) of the tenant's properties, by year."""
    with warehouse.as_app(tenant_id) as connection:
        return connection.execute(
            "select to_char(event_at at time zone 'UTC', 'YYYY'), count(*) from features.property_features"
            " where tenant_id = %s group by 1 order by 1",
            (tenant_id,),
        ).fetchall()


def unexplained(warehouse: Warehouse, tenant_id: str, entity: Entity) -> dict[str, int]:
    """Feature -> rows in which it is null without a reason, has a value and a reason, or a value without a source."""
    from psycopg import sql

    columns = stored(entity)
    wrong = sql.SQL(", ").join(
        sql.SQL("count(*) filter (where ({0} is null) <> (null_reasons ? {1}))").format(
            sql.Identifier(f.name), sql.Literal(f.name)
        )
        if f.source is not None
        else sql.SQL("count({})").format(sql.Identifier(f.name))
        for f in columns
    )
    statement = sql.SQL("select {} from {} where tenant_id = {}").format(wrong, _table(entity), sql.Literal(tenant_id))
    with warehouse.as_app(tenant_id) as connection:
        counts = connection.execute(statement).fetchall()[0]
    return {f.name: count for f, count in zip(columns, counts, strict=True) if count}


# A row's record must be of a file no younger than the row, or of a sale on its day or before.
_RECORDS_LATER: LiteralString = """
select count(*) from features.property_features r
join (select file_no, source_kind, coalesce(vintage, (received_at at time zone 'UTC')::date) as known_on
      from prov.source_file where tenant_id = %(tenant)s) s using (file_no)
join raw.property p on p.tenant_id = %(tenant)s and p.file_no = r.file_no and p.record_no = r.record_no
where r.tenant_id = %(tenant)s
  and case when s.source_kind = 'sales_file' then least(s.known_on, p.sale_date) else s.known_on end
      > (r.event_at at time zone 'UTC')::date"""
# A score must be of a layer no younger than the row.
_LAYERS_LATER: LiteralString = """
with layers as (
  select m.property_id, m.peril,
         coalesce(f.vintage, p.vintage, (coalesce(f.received_at, p.received_at) at time zone 'UTC')::date) as known_on
  from marts.fct_property_hazards m
  join prov.evidence e on e.tenant_id = %(tenant)s and e.evidence_no = m.hazard_evidence_no
  left join prov.source_file f on f.tenant_id = %(tenant)s and f.file_no = e.file_no
  left join prov.public_file p on p.sha256 = e.public_sha256
  where m.tenant_id = %(tenant)s and m.hazard_evidence_no <> 0
),
scores as (
  select r.property_id, (r.event_at at time zone 'UTC')::date as event_on, v.peril
  from features.property_features r
  cross join lateral (values ('flood', flood_hazard_score), ('wildfire', wildfire_hazard_score),
                             ('heat', heat_hazard_score)) as v (peril, score)
  where r.tenant_id = %(tenant)s and v.score is not null
)
select s.peril, count(*) from scores s join layers using (property_id, peril) where known_on > event_on group by 1"""


def known_later(warehouse: Warehouse, tenant_id: str) -> dict[str, int]:
    """What -> rows that hold something which became known only after their event: nothing, where all is well."""
    tenant = {"tenant": tenant_id}
    with warehouse.as_owner() as connection:
        found = dict(connection.execute(_LAYERS_LATER, tenant).fetchall())
        records: int = connection.execute(_RECORDS_LATER, tenant).fetchall()[0][0]
    return {**({"record": records} if records else {}), **found}


def against_mart(warehouse: Warehouse, tenant_id: str) -> MartComparison:
    """The newest rows against dim_properties, feature by feature where a feature is a column of it."""
    copied = {f.name: column for f in stored("property") if (column := _copied(f)) is not None}
    with warehouse.as_app(tenant_id) as connection:
        total, missing, other, *unlike = connection.execute(_comparison(copied), {"tenant": tenant_id}).fetchall()[0]
    return MartComparison(total, missing, other, {n: k for n, k in zip(copied, unlike, strict=True) if k})


def _copied(feature: Feature) -> str | None:
    """The column of dim_properties that the feature repeats; None where it is computed."""
    if len(feature.columns) != 1 or feature.source != ".".join(feature.columns[0]):
        return None
    mart, column = feature.columns[0]
    return column if mart == "dim_properties" else None


def _comparison(copied: dict[str, str]) -> Composed:
    from psycopg import sql

    unlike = sql.SQL(", ").join(
        sql.SQL("count(*) filter (where n.same and n.{} is distinct from n.{})").format(
            sql.Identifier(name), sql.Identifier(f"mart {column}")
        )
        for name, column in copied.items()
    )
    columns = sql.SQL(", ").join(
        sql.SQL("r.{}, d.{} as {}").format(
            sql.Identifier(name), sql.Identifier(column), sql.Identifier(f"mart {column}")
        )
        for name, column in copied.items()
    )
    return sql.SQL(
        "select count(*), count(*) filter (where n.is_missing),"
        " count(*) filter (where not n.is_missing and not n.same), {unlike}"
        " from (select distinct on (d.property_id) r.property_id is null as is_missing,"
        " r.evidence_no = d.assessor_evidence_no and r.record_no = d.assessor_record_no as same, {columns}"
        " from marts.dim_properties d left join features.property_features r"
        " on r.tenant_id = %(tenant)s and r.property_id = d.property_id"
        " where d.tenant_id = %(tenant)s order by d.property_id, r.event_at desc) n"
    ).format(unlike=unlike, columns=columns)


def _table(entity: Entity) -> Any:
    from psycopg import sql

    return sql.Identifier("features", f"{entity}_features")
