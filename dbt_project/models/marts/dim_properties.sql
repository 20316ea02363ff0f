{{ config(indexes=[
  {'columns': ['county_fips', 'parcel_number']}, {'columns': ['postal_code']}, {'columns': ['point_4326'], 'type': 'gist'}
]) }}
{%- set fields = assessor_fields() + ['account_number'] %}

with records as (
  select * from {{ tenant_ref('int_property_records__joined') }}
  where property_rank = 1
),

-- Materialized: inlined, the object would be made again for every field of every record (50 s instead of 1).
source_files as materialized (
  select file_no, {{ not_in_source(fields, 'mapped_fields') }} as not_in_source
  from {{ tenant_ref('int_source_files__described') }}
),

addresses as (
  select * from {{ tenant_ref('int_addresses__standardized') }}
),

parcels as (
  select * from {{ tenant_ref('int_parcels__located') }}
),

described as (
  select records.*, source_files.not_in_source
  from records
  inner join source_files on records.file_no = source_files.file_no
),

located as (
  select
    described.*, addresses.address_usps, addresses.address_status, addresses.address_reason,
    parcels.point_4326, parcels.area_m2, parcels.location_method,
    parcels.evidence_no as location_evidence_no, parcels.record_no as location_record_no,
    {{ null_reasons(fields, 'described') }} as field_null_reasons
  from described
  left join addresses on described.address_raw = addresses.address_raw
  left join parcels
    on described.county_fips = parcels.county_fips and described.parcel_number = parcels.parcel_number
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    property_id,
    county_fips,
    parcel_number,
    unit_number,
    account_number,
    identity_basis,
    address_usps,
    address_status,
    {% for field in assessor_fields() -%}
    {{ field }},
    {% endfor -%}
    st_y(point_4326) as latitude,
    st_x(point_4326) as longitude,
    point_4326,
    area_m2 as parcel_area_m2,
    location_method,
    source_name as assessor_source_name,
    source_kind as assessor_source_kind,
    vintage as assessor_vintage,
    is_in_newest_vintage,
    record_count,
    file_record_count as building_count,
    -- A missing place, polygon or address form is explained like a missing value.
    field_null_reasons || jsonb_strip_nulls(jsonb_build_object(
      'address_usps', case when address_usps is null
        then coalesce(address_reason, field_null_reasons ->> 'address_raw', 'not_standardized') end,
      'latitude', case when point_4326 is null then 'no_record' end,
      'longitude', case when point_4326 is null then 'no_record' end,
      'point_4326', case when point_4326 is null then 'no_record' end,
      'location_method', case when point_4326 is null then 'no_record' end,
      'parcel_area_m2', case
        when point_4326 is null then 'no_record'
        when area_m2 is null then 'not_in_source'
      end,
      'assessor_vintage', case when vintage is null then 'not_in_source' end
    )) as null_reasons,
    assessor_checks_failed,
    evidence_no as assessor_evidence_no,
    record_no as assessor_record_no,
    coalesce(location_evidence_no, 0) as parcel_geometry_evidence_no,
    location_record_no as parcel_geometry_record_no
  from located
)

select * from final
