{# One row an accepted owner record, with the key by which spellings of one owner meet. Light on purpose: punctuation, case,
   spaces and the words for a legal form. Two owners who differ in more than that stay two. #}
with owners as (
  select * from {{ tenant_ref('stg_raw__owners') }}
),

refused as (
  select * from {{ tenant_ref('stg_quarantine__records') }}
),

source_files as (
  select * from {{ tenant_ref('int_source_files__described') }}
),

keyed as (
  select owners.*, source_files.source_name, source_files.vintage, {{ owner_key('owners.owner_name_raw') }} as owner_key
  from owners
  inner join source_files on owners.file_no = source_files.file_no
  where owners.owner_name_raw is not null and not exists (
    select 1 from refused
    where refused.file_no = owners.file_no and refused.record_no = owners.record_no
  )
),

final as (
  select
    '__TENANT__'::text as tenant_id, md5('__TENANT__|' || owner_key)::uuid as owner_id, owner_key, file_no, record_no,
    evidence_no, county_fips, upper(regexp_replace(trim(parcel_number_raw), '\s+', ' ', 'g')) as parcel_number,
    account_number, fiscal_year, owner_name_raw, mailing_address_raw, mailing_city, mailing_state, mailing_postal_code,
    source_name, vintage
  from keyed
  where owner_key <> ''
)

select * from final
