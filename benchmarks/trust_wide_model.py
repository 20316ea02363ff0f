"""A mart of forty fields in three field groups, with its provenance and without.

Belongs here: the SQL of both, and their staging through `tenancy.stage`, as dbt stages a model. Does not belong here:
how often, and what is measured of it.

Forty fields that the demo's rolls, parcels and flood layer fill as they do in real life. Without provenance the row is
these fields and its key, and no explanation of nulls: the barest there is, so that what provenance adds weighs most.
"""

from __future__ import annotations

from collections.abc import Mapping
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
_OF_THE_ROLL = (
    "address_raw", "city", "state_or_province", "fiscal_year", "use_code", "use_description", "lot_size_sqft",
    "assessed_land_value_usd", "assessed_improvement_value_usd", "assessed_total_value_usd", "gross_area_sqft",
    "living_area_sqft", "architectural_style", "occupancy", "year_built", "stories", "sale_price_usd", "sale_date",
    "deed_reference", "bedrooms_total", "bathrooms_full", "units_total", "tax_amount_usd",
)  # fmt: skip


def model_sql(*, with_provenance: bool) -> str:
    """What dbt would hand to `tenancy.stage`, the tenant's tokens still inside."""
    columns = [column for group in FIELDS.values() for column in group]
    if with_provenance:
        columns += [one.replace("{checks_failed}", checks_failed("records")) for one in PROVENANCE]
    record_fields = ", ".join(f"property.{name}" for name in _OF_THE_ROLL)
    sources = _SOURCES.replace("{record_fields}", record_fields)
    return f"select '__TENANT__'::text as tenant_id, records.property_id, {', '.join(columns)} {sources}"


def checks_failed(relation: str) -> str:
    """The mask of the checks that a record failed, null where it failed none: one bit a check, as the marts have it."""
    checks = (
        "occupancy is null", "architectural_style is null", "year_built not between 1630 and fiscal_year + 1",
        "gross_area_sqft not between 100 and 2000000", "assessed_total_value_usd <= 0",
        "assessed_land_value_usd + assessed_improvement_value_usd <> assessed_total_value_usd",
        "sale_date > current_date", "stories not between 0.5 and 60", "lot_size_sqft <= 0", "use_code is null",
    )  # fmt: skip
    terms = []
    for bit, check in enumerate(checks):
        qualified = " ".join(f"{relation}.{word}" if word in _OF_THE_ROLL else word for word in check.split())
        terms.append(f"case when {qualified} then {1 << bit} else 0 end")
    return f"nullif({' + '.join(terms)}, 0)"


def stage(connection: Connection[Any], tenant_id: str, *, with_provenance: bool) -> str:
    """Stage the mart of one tenant and return the heap's name. Raises RuntimeError with Postgres' own words."""
    invocation = f"wide/{with_provenance}"
    done = connection.execute(
        "select tenancy.stage('marts', %s, %s, %s, %s, %s)",
        (NAME, tenant_id, invocation, model_sql(with_provenance=with_provenance), list(KEY_INDEX)),
    ).fetchall()[0][0]
    if not done["ok"]:
        raise RuntimeError(f"the wide mart of {tenant_id} was not staged: {done['error']}")
    heap = connection.execute(
        "select heap_name from tenancy.staged where invocation_id = %s and tenant_id = %s and model_name = %s",
        (invocation, tenant_id, NAME),
    ).fetchall()[0][0]
    return f'marts__leaf."{heap}"'


def discard(connection: Connection[Any], tenant_id: str) -> None:
    """Drop what was staged of it: nobody reads it."""
    for with_provenance in (True, False):
        connection.execute("select tenancy.discard(%s, %s)", (tenant_id, f"wide/{with_provenance}"))
