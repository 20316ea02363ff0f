{# Each parcel's exposure to each peril on the scale of 0 to 1, or why there is no score. A layer that states a percent or a
   percentile is scored by it; a FEMA zone by the seed, by zone and subtype together. #}
{{ config(materialized='ephemeral') }}

with exposures as (
  select * from {{ tenant_ref('stg_enrichment__hazard_exposures') }}
),

scale as (
  select * from {{ ref('hazard_score_scale') }}
),

final as (
  select
    exposures.county_fips, exposures.parcel_number, exposures.peril, exposures.layer, exposures.resolution,
    exposures.method, exposures.zone_code, exposures.category, exposures.zone_subtype, exposures.zones_touched,
    exposures.overlap_share, exposures.is_sliver, exposures.evidence_no, exposures.record_no,
    case
      when exposures.null_reason is null then coalesce(exposures.annual_probability, scale.annual_probability)
    end as annual_probability,
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
    end as null_reason
  from exposures
  left join scale
    on exposures.source_score_pct is null and exposures.peril = scale.peril and exposures.zone_code = scale.fld_zone
    and exposures.zone_subtype is not distinct from scale.zone_subty
)

select * from final
