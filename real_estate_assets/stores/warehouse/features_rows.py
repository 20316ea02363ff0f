"""Property features of one tenant, computed in the database from what is known, and published.

Belongs here: the row that describes a property as of a day in the columns of the marts (`feature_state`), and the
select list that the registry gives. Does not belong here: what is known when (`features_known.py`), what a feature
means (`core/features`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from real_estate_assets.core.features.registry import Feature, stored
from real_estate_assets.core.records.fields import FIELDS
from real_estate_assets.stores.warehouse import features_known, features_trust

if TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from real_estate_assets.core.features.record import AssetRecord
    from real_estate_assets.stores.warehouse.tables import TablePublication

KEYS = ("property_id", "event_at", "created_at", "market_id")
RECORD = ("null_reasons", "run_ids", "file_no", "record_no", "evidence_no")
_PLACED = frozenset({"latitude", "longitude"})
_NAMED_ELSEWHERE = frozenset({"county_fips", "parcel_number", "latitude", "longitude"})

_STATE: LiteralString = """
create temporary table feature_state on commit drop as
select m.*, {signature} as signature,
       array_remove(array[m.assessor_evidence_no, m.parcel_geometry_evidence_no{peril_evidence}], null) as evidence_nos
from (
  select e.property_id, e.event_on, d.file_no, d.record_no, d.evidence_no as assessor_evidence_no, d.county_fips,
         d.parcel_number,
         {fields}, r.null_reasons, f.not_in_source, {checks} as assessor_checks_failed, {hazards},
         case w.comes_from when 'layer' then p.latitude when 'record' then r.latitude end as latitude,
         case w.comes_from when 'layer' then p.longitude when 'record' then r.longitude end as longitude,
         case w.comes_from when 'layer' then p.latitude when 'record' then r.latitude end as point_4326,
         case w.comes_from when 'layer' then p.evidence_no when 'record' then d.evidence_no
         end as parcel_geometry_evidence_no,
         case when w.comes_from is not null then null when p.known_on > e.event_on then 'known_later' else 'no_record'
         end as place_reason
  from feature_event e
  join feature_record d using (property_id, preference)
  join feature_file f on f.file_no = d.file_no
  join raw.property r on r.tenant_id = %(tenant)s and r.file_no = d.file_no and r.record_no = d.record_no
  left join feature_place p on p.county_fips = d.county_fips and p.parcel_number = d.parcel_number
  left join feature_hazard h on h.property_id = e.property_id
  cross join lateral (
    select case when p.known_on <= e.event_on and not (p.is_stated and d.has_coordinates) then 'layer'
                when d.has_coordinates then 'record' end as comes_from
  ) w
) m"""

_OF_PERIL: LiteralString = """case when h.{p}_known_on > e.event_on then null else h.{p}_score end as {p}_score,
  case when h.{p}_known_on > e.event_on then null else h.{p}_zone end as {p}_zone,
  case when h.{p}_known_on > e.event_on then null else h.{p}_resolution end as {p}_resolution,
  case when h.{p}_known_on > e.event_on then null else nullif(h.{p}_evidence_no, 0) end as {p}_evidence_no,
  case when h.property_id is null then 'no_record' when h.{p}_known_on > e.event_on then 'known_later'
       else h.{p}_reason end as {p}_reason"""

_RUNS: LiteralString = """
create temporary table feature_runs on commit drop as
select s.evidence_nos, array(
         select e.run_id from feature_evidence e where e.evidence_no = any (s.evidence_nos)
         union select unnest(%(run_ids)s::text[]) order by 1
       ) as run_ids
from (select distinct evidence_nos from feature_state) s"""


def stage_property_features(to: TablePublication, tenant_id: str, record: AssetRecord) -> int:
    """Compute all rows of the tenant and stage them. Returns how many.

    Its temporary tables stay until the transaction ends: the market features read them.
    """
    parameters = {
        "tenant": tenant_id,
        "run_ids": list(record.run_ids),
        "trust_mean": record.trust_mean,
        "trust_p10": record.trust_p10,
    }
    features_known.prepare(to.connection, tenant_id, explained_columns())
    to.connection.execute(_state(to.connection), parameters)
    to.connection.execute("analyze feature_state (property_id, event_on, signature, evidence_nos)")
    features_trust.trust_of_rows(to.connection, tenant_id, trusted_columns())
    features_trust.trust_of_sales(to.connection, tenant_id)
    to.connection.execute(_RUNS, parameters)
    columns = [*KEYS, *(f.name for f in stored("property")), *RECORD]
    return to.stage_query("features", "property_features", columns, _rows(), parameters, ["(property_id, event_at)"])


def explained_columns() -> list[str]:
    """Columns of dim_properties that features are computed from, sorted."""
    return sorted({column for f in stored("property") for mart, column in f.columns if mart == "dim_properties"})


def trusted_columns() -> dict[str, str]:
    """Feature of trust -> the column of dim_properties that it speaks of."""
    trusts = [f for f in stored("property") if f.group == "trust"]
    return {f.name: column for f in trusts for mart, column in f.columns if mart == "dim_properties"}


def _state(connection: Any) -> Composed:
    from psycopg import sql

    fields = [field for field in FIELDS["property"] if field.name not in _NAMED_ELSEWHERE]
    checked = [field.name for field in FIELDS["property"] if field.group in ("assessor", "sale")]
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => r.{}").format(sql.Identifier(f"p_{name}"), sql.Identifier(name)) for name in checked
    )
    perils = features_known.PERILS
    return sql.SQL(_STATE).format(
        signature=sql.SQL(features_trust.signature_of(connection, "dim_properties")),
        peril_evidence=sql.SQL("".join(f", m.{peril}_evidence_no" for peril in perils)),
        fields=sql.SQL(", ").join(sql.SQL("r.{}").format(sql.Identifier(field.name)) for field in fields),
        checks=sql.SQL("prov.failed_row_checks({})").format(arguments),
        hazards=sql.SQL(",\n  ").join(sql.SQL(_hazards_of(peril)) for peril in perils),
    )


def _hazards_of(peril: LiteralString) -> LiteralString:
    return _OF_PERIL.replace("{p}", peril)


def _rows() -> Composed:
    """The query of all rows, in the order of the table's columns without the tenant."""
    from psycopg import sql

    values = {feature.name: _value(feature) for feature in stored("property")}
    explained = [f for f in stored("property") if f.source is not None]
    reasons = sql.SQL(", ").join(
        sql.SQL("{}, case when {} is null then {} end").format(sql.Literal(f.name), values[f.name], _reason(f))
        for f in explained
    )
    hazards = sql.SQL("").join(
        sql.SQL(
            " cross join lateral (select s.{0}_score as hazard_score, s.{0}_zone as zone_code,"
            " s.{0}_resolution as resolution, s.{0}_reason as null_reason) fct_property_hazards__{0}".replace(
                "{0}", peril
            )
        )
        for peril in features_known.PERILS
    )
    return sql.SQL(
        "select s.property_id, s.event_on::timestamp at time zone 'UTC', now(),"
        " s.county_fips || coalesce('|' || s.postal_code, ''), {values},"
        " jsonb_strip_nulls(jsonb_build_object({reasons})), u.run_ids, s.file_no, s.record_no, s.assessor_evidence_no"
        " from feature_state s join feature_runs u using (evidence_nos)"
        " left join feature_trust t on t.signature = s.signature and t.event_on = s.event_on"
        " left join feature_sale l on l.evidence_no = s.assessor_evidence_no and l.event_on = s.event_on"
        " cross join lateral (select s.*) dim_properties{hazards}"
    ).format(values=sql.SQL(", ").join(values.values()), reasons=reasons, hazards=hazards)


PG_TYPES: dict[str, LiteralString] = {
    "float": "double precision", "int": "integer", "string": "text", "bool": "boolean", "timestamp": "timestamptz",
}  # fmt: skip
_TRUST_REASONS: dict[str, LiteralString] = {
    "trust_sale": "case when s.sale_price_usd is null then 'no_sale' else 'no_trust_model' end",
    "trust_asset_mean": "'not_recorded'",
    "trust_asset_p10": "'not_recorded'",
}
_SPECIAL: dict[str, LiteralString] = {
    "trust_sale": "case when s.sale_price_usd is not null then l.trust_sale end",
    "trust_asset_mean": "%(trust_mean)s::double precision",
    "trust_asset_p10": "%(trust_p10)s::double precision",
}


def _value(feature: Feature) -> Composable:
    """What the feature's column is filled with: its source, cast to its type."""
    from psycopg import sql

    if feature.source is None:
        return sql.SQL("null::" + PG_TYPES[feature.dtype])
    if feature.name in _SPECIAL:
        return sql.SQL(_SPECIAL[feature.name])
    if feature.group == "trust":
        trusted = sql.Identifier(trusted_columns()[feature.name])
        return sql.SQL("case when s.{} is not null then t.{} end").format(trusted, sql.Identifier(feature.name))
    # The registry is a file of this package, reviewed like this one.
    return sql.SQL("({})::" + PG_TYPES[feature.dtype]).format(sql.SQL(feature.source))


def _reason(feature: Feature) -> Composable:
    """Why a feature that has a source is null in a row."""
    from psycopg import sql

    if feature.name in _PLACED:
        return sql.SQL("s.place_reason")
    if feature.group == "hazard":
        mart = sql.Identifier(feature.columns[0][0])
        return sql.SQL("coalesce({}.null_reason, 'not_at_parcel')").format(mart)
    if feature.group == "trust":
        if feature.name in _TRUST_REASONS:
            return sql.SQL(_TRUST_REASONS[feature.name])
        return sql.SQL("case when s.{} is null then 'value_unknown' else 'no_trust_model' end").format(
            sql.Identifier(trusted_columns()[feature.name])
        )
    asked = sql.SQL(", ").join(
        sql.SQL(
            "case when s.{0} is null"
            " then coalesce(s.null_reasons ->> {1}, s.not_in_source ->> {1}, 'blank_in_source') end"
        ).format(sql.Identifier(column), sql.Literal(column))
        for _, column in feature.columns
    )
    return sql.SQL("coalesce({}, 'blank_in_source')").format(asked)
