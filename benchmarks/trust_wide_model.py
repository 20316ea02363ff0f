"""A mart of forty fields in three field groups, with its provenance and without.

Belongs here: the SQL of both, and their staging through `tenancy.stage`, as dbt stages a model. Does not belong here:
how often, and what is measured of it.

Forty fields that the demo's rolls, parcels and flood layer fill as they do in real life. Without provenance the row is
these fields and its key, and no explanation of nulls: the barest there is, so that what provenance adds weighs most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

NAME = "wide"
KEY_INDEX = ("alter table %s alter property_id set not null", "create unique index on %s (property_id)")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "assessor": (
        "records.county_fips", "records.parcel_number", "records.unit_number", "records.identity_basis",
        "records.address_raw", "records.city", "records.state_or_province", "records.fiscal_year", "records.use_code",
        "records.use_description", "records.lot_size_sqft", "records.assessed_land_value_usd",
        "records.assessed_improvement_value_usd", "records.assessed_total_value_usd", "records.gross_area_sqft",
        "records.architectural_style", "records.occupancy", "records.year_built", "records.stories",
        "records.sale_date", "records.deed_reference", "records.record_count", "records.file_record_count",
    ),
    "parcel_geometry": (
        "st_y(parcels.point_4326) as latitude", "st_x(parcels.point_4326) as longitude",
        "parcels.area_m2 as parcel_area_m2", "parcels.method as location_method", "parcels.piece_count",
        "parcels.is_repaired", "parcels.property_count",
    ),
    "hazard": (
        "flood.hazard_score", "flood.null_reason", "flood.annual_probability", "flood.category", "flood.zone_code",
        "flood.zone_subtype", "flood.layer as hazard_layer", "flood.resolution", "flood.method as hazard_method",
        "flood.zones_touched",
    ),
}  # fmt: skip
# Which file and record support each group, which checks the record failed, and the overlap that a join rests on.
PROVENANCE = (
    "records.evidence_no as assessor_evidence_no", "records.record_no as assessor_record_no",
    "coalesce(parcels.evidence_no, 0) as parcel_geometry_evidence_no",
    "parcels.record_no as parcel_geometry_record_no", "coalesce(flood.evidence_no, 0) as hazard_evidence_no",
    "flood.record_no as hazard_record_no", "{checks_failed} as assessor_checks_failed", "flood.overlap_share",
)  # fmt: skip
_SOURCES = """
from (
  select ranked.*, {record_fields}
  from "intermediate__leaf"."int_property_records__ranked____TENANTKEY__" as ranked
  inner join "raw__leaf"."property____TENANTKEY__" as property
    on ranked.file_no = property.file_no and ranked.record_no = property.record_no
  where ranked.property_rank = 1
) as records
left join (
  select location.*, counted.property_count
  from "enrichment__leaf"."location____TENANTKEY__" as location
  inner join (
    select county_fips, parcel_number, count(*)::integer as property_count
    from "intermediate__leaf"."int_property_records__ranked____TENANTKEY__"
    where property_rank = 1 group by county_fips, parcel_number
  ) as counted using (county_fips, parcel_number)
) as parcels on records.county_fips = parcels.county_fips and records.parcel_number = parcels.parcel_number
left join (
  select exposure.*, scale.score as hazard_score
  from "enrichment__leaf"."hazard_exposure____TENANTKEY__" as exposure
  left join "reference"."hazard_score_scale" as scale
    on exposure.peril = scale.peril and exposure.zone_code = scale.fld_zone
    and exposure.zone_subtype is not distinct from scale.zone_subty
  where exposure.peril = 'flood'
) as flood on records.county_fips = flood.county_fips and records.parcel_number = flood.parcel_number
"""
_CHECKED = "select proargnames from pg_proc where oid = 'prov.failed_row_checks'::regproc"


def model_sql(checked: Sequence[str], *, with_provenance: bool) -> str:
    """What dbt would hand to `tenancy.stage`, the tenant's tokens still inside. checked: fields the row checks take."""
    columns = [column for group in FIELDS.values() for column in group]
    if with_provenance:
        columns += [one.replace("{checks_failed}", _failed_checks(checked)) for one in PROVENANCE]
    sources = _SOURCES.replace("{record_fields}", ", ".join(f"property.{name}" for name in checked))
    return f"select '__TENANT__'::text as tenant_id, records.property_id, {', '.join(columns)} {sources}"


def _failed_checks(checked: Sequence[str]) -> str:
    """The product's mask of failed checks, of the fields that the mart shows; the others are null to it."""
    shown = [column.removeprefix("records.") for column in FIELDS["assessor"]]
    return f"prov.failed_row_checks({', '.join(f'p_{name} => records.{name}' for name in checked if name in shown)})"


def checked_fields(connection: Connection[Any]) -> list[str]:
    """The fields of a record that the product's row checks look at, as the function names its arguments."""
    names: list[str] = connection.execute(_CHECKED).fetchall()[0][0]
    return [name.removeprefix("p_") for name in names]


def stage(connection: Connection[Any], tenant_id: str, *, with_provenance: bool) -> str:
    """Stage the mart of one tenant and return the heap's name. Raises RuntimeError with Postgres' own words."""
    sql = model_sql(checked_fields(connection), with_provenance=with_provenance)
    return stage_sql(connection, tenant_id, NAME, sql, KEY_INDEX, with_provenance=with_provenance)


def stage_sql(
    connection: Connection[Any], tenant_id: str, mart: str, sql: str, finish: Sequence[str], *, with_provenance: bool
) -> str:
    """Stage any model's SQL, as dbt does. Raises RuntimeError with Postgres' own words."""
    invocation = _invocation(with_provenance)
    done = connection.execute(
        "select tenancy.stage('marts', %s, %s, %s, %s, %s)", (mart, tenant_id, invocation, sql, list(finish))
    ).fetchall()[0][0]
    if not done["ok"]:
        raise RuntimeError(f"{mart} of {tenant_id} was not staged: {done['error']}")
    heap = connection.execute(
        "select heap_name from tenancy.staged where invocation_id = %s and tenant_id = %s and model_name = %s",
        (invocation, tenant_id, mart),
    ).fetchall()[0][0]
    return f'marts__leaf."{heap}"'


def discard(connection: Connection[Any], tenant_id: str) -> None:
    """Drop what was staged of it: nobody reads it."""
    for with_provenance in (True, False):
        connection.execute("select tenancy.discard(%s, %s)", (tenant_id, _invocation(with_provenance)))


def _invocation(with_provenance: bool) -> str:
    return f"trust/{'with' if with_provenance else 'without'}"
