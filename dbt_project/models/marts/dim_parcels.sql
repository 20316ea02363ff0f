{{ config(indexes=[{'columns': ['geom_4326'], 'type': 'gist'}]) }}

with parcels as (
  select * from {{ tenant_ref('int_parcels__located') }}
  where location_method = 'parcel_polygon'
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    county_fips,
    parcel_number,
    geom_4326,
    point_4326,
    area_m2 as parcel_area_m2,
    piece_count,
    is_repaired,
    property_count,
    {{ evidence_columns('parcel_geometry', 'parcels') }}
  from parcels
)

select * from final
