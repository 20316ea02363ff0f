{{ config(indexes=[{'columns': ['file_no', 'record_no']}]) }}

with properties as (
  select * from {{ tenant_ref('stg_raw__properties') }}
),

identities as (
  select * from {{ tenant_ref('stg_enrichment__identities') }}
),

refused as (
  select * from {{ tenant_ref('stg_quarantine__records') }}
),

final as (
  select
    '__TENANT__'::text as tenant_id, properties.file_no, properties.record_no, properties.evidence_no,
    identities.property_id, identities.county_fips, identities.parcel_number, identities.unit_number,
    identities.identity_basis, identities.is_primary, properties.account_number
  from properties
  inner join identities on properties.file_no = identities.file_no and properties.record_no = identities.record_no
  where not exists (
    select 1 from refused
    where refused.file_no = properties.file_no and refused.record_no = properties.record_no
  )
)

select * from final
