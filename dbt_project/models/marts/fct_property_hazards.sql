{{ config(indexes=[{'columns': ['peril', 'hazard_score']}]) }}
{%- set weights = var('hazard_weights') %}

with properties as (
  select property_id, county_fips, parcel_number from {{ tenant_ref('int_property_records__ranked') }}
  where property_rank = 1
),

locations as (
  select county_fips, parcel_number from {{ tenant_ref('stg_enrichment__locations') }}
),

exposures as (
  select * from {{ tenant_ref('stg_enrichment__hazard_exposures') }}
),

scale as (
  select * from {{ ref('hazard_score_scale') }}
),

perils as (
  select * from (values {% for peril in weights %}('{{ peril }}', {{ weights[peril] }}::double precision)
    {{- ', ' if not loop.last }}{% endfor %}) as weighted (peril, weight)
),

-- A layer that states a percent or a percentile is scored by it; a FEMA zone by the seed, by zone and subtype together.
scored_places as (
  select
    exposures.*,
    case
      when exposures.null_reason is not null then null
      else coalesce(exposures.source_score_pct / 100, scale.score)
    end as hazard_score,
    case
      when exposures.null_reason is not null then exposures.null_reason
      when coalesce(exposures.source_score_pct, scale.score) is not null then null
      when scale.peril is not null then 'zone_undetermined'
      when exposures.zone_code is not null then 'zone_not_on_scale'
      else 'not_scored_by_source'
    end as score_null_reason,
    coalesce(exposures.annual_probability, scale.annual_probability) as scale_annual_probability
  from exposures
  left join scale
    on exposures.source_score_pct is null and exposures.peril = scale.peril and exposures.zone_code = scale.fld_zone
    and exposures.zone_subtype is not distinct from scale.zone_subty
),

by_peril as (
  select
    properties.property_id, perils.peril, perils.weight, scored_places.hazard_score,
    case
      when scored_places.peril is not null then scored_places.score_null_reason
      when locations.parcel_number is null then 'no_location'
      else 'no_exposure'
    end as null_reason,
    scored_places.scale_annual_probability as annual_probability, scored_places.category, scored_places.zone_code,
    scored_places.zone_subtype, scored_places.layer, scored_places.resolution, scored_places.method,
    scored_places.zones_touched, scored_places.overlap_share, scored_places.is_sliver, scored_places.evidence_no,
    scored_places.record_no
  from properties
  cross join perils
  left join locations
    on properties.county_fips = locations.county_fips and properties.parcel_number = locations.parcel_number
  left join scored_places
    on properties.county_fips = scored_places.county_fips and properties.parcel_number = scored_places.parcel_number
    and perils.peril = scored_places.peril
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
