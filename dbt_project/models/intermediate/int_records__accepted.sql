{{ config(indexes=[{'columns': ['file_no', 'record_no']}]) }}

with identities as (
  select * from {{ tenant_ref('stg_enrichment__identities') }}
),

properties as (
  select * from {{ tenant_ref('stg_raw__properties') }}
),

refused as (
  select * from {{ tenant_ref('stg_quarantine__records') }}
),

source_files as (
  select * from {{ tenant_ref('stg_prov__source_files') }}
),

source_kinds as (
  select * from {{ tenant_ref('stg_prov__source_kinds') }}
),

final as (
  select
    '__TENANT__'::text as tenant_id, properties.file_no, properties.record_no, properties.evidence_no,
    identities.property_id, identities.county_fips, identities.parcel_number, identities.unit_number,
    identities.identity_basis, identities.is_primary, properties.account_number, properties.fiscal_year,
    source_files.source_name, source_files.source_kind, source_files.vintage,
    -- A kind that nobody reviewed is trusted least: provenance.md's value for the unknown.
    coalesce(source_kinds.reliability, 0.2) as source_reliability
  from properties
  join identities on properties.file_no = identities.file_no and properties.record_no = identities.record_no
  join source_files on properties.file_no = source_files.file_no
  left join source_kinds on source_files.source_kind = source_kinds.source_kind
  where not exists (
    select 1 from refused where refused.file_no = properties.file_no and refused.record_no = properties.record_no
  )
)

select * from final
