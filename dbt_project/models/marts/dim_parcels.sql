{{ config(indexes=[{'columns': ['geom_4326'], 'type': 'gist'}]) }}

with locations as (
  select * from {{ tenant_ref('stg_enrichment__locations') }}
  where location_method = 'parcel_polygon'
),

properties as (
  select county_fips, parcel_number, count(*)::integer as property_count
  from {{ tenant_ref('int_property_records__ranked') }}
  where property_rank = 1
  group by county_fips, parcel_number
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    locations.county_fips,
    locations.parcel_number,
    locations.geom_4326,
    locations.point_4326,
    locations.area_m2 as parcel_area_m2,
    locations.piece_count,
    locations.is_repaired,
    coalesce(properties.property_count, 0) as property_count,
    {{ evidence_columns('parcel_geometry', 'locations') }}
  from locations
  left join properties
    on locations.county_fips = properties.county_fips and locations.parcel_number = properties.parcel_number
)

select * from final
