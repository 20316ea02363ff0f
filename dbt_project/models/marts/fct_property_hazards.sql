{{ config(indexes=[{'columns': ['peril', 'hazard_score']}]) }}
{%- set weights = var('hazard_weights') %}

with properties as (
  select property_id, county_fips, parcel_number from {{ tenant_ref('int_property_records__ranked') }}
  where property_rank = 1
),

parcels as (
  select county_fips, parcel_number from {{ tenant_ref('int_parcels__located') }}
),

exposures as (
  select * from {{ tenant_ref('int_exposures__scored') }}
),

perils as (
  select * from (values {% for peril in weights %}('{{ peril }}', {{ weights[peril] }}::double precision)
    {{- ', ' if not loop.last }}{% endfor %}) as weighted (peril, weight)
),

by_peril as (
  select
    properties.property_id, perils.peril, perils.weight, exposures.hazard_score,
    case
      when exposures.peril is not null then exposures.null_reason
      when parcels.parcel_number is null then 'no_location'
      else 'no_exposure'
    end as null_reason,
    exposures.annual_probability, exposures.category, exposures.zone_code,
    exposures.zone_subtype, exposures.layer, exposures.resolution, exposures.method,
    exposures.zones_touched, exposures.overlap_share, exposures.is_sliver, exposures.evidence_no,
    exposures.record_no
  from properties
  cross join perils
  left join parcels
    on properties.county_fips = parcels.county_fips and properties.parcel_number = parcels.parcel_number
  left join exposures
    on properties.county_fips = exposures.county_fips and properties.parcel_number = exposures.parcel_number
    and perils.peril = exposures.peril
),

-- One unknown peril makes the whole unknown: leaving it out would rank the unknown below the known.
composite as (
  select
    property_id,
    case when bool_and(hazard_score is not null) then sum(weight * hazard_score) end as hazard_score,
    'unknown_peril: ' || string_agg(peril, ', ' order by peril) filter (where hazard_score is null) as null_reason
  from by_peril
  group by property_id
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    property_id,
    peril,
    hazard_score,
    case when hazard_score is null then null_reason end as null_reason,
    annual_probability,
    category,
    zone_code,
    zone_subtype,
    layer as hazard_layer,
    resolution,
    method as hazard_method,
    zones_touched,
    overlap_share,
    is_sliver,
    {{ evidence_columns('hazard', 'by_peril') }}
  from by_peril
  union all
  select
    '__TENANT__', property_id, 'composite', hazard_score, null_reason, null, null, null, null, null, null,
    'weighted_sum', null, null, null, 0, null
  from composite
)

select * from final
