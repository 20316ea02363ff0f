{{ config(indexes=[{'columns': ['owner_id']}, {'columns': ['property_id']}]) }}

with owners as (
  select * from {{ tenant_ref('int_owners__normalized') }}
),

records as (
  select * from {{ tenant_ref('int_records__accepted') }}
),

ranked as (
  select * from {{ tenant_ref('int_property_records__ranked') }}
),

-- The account as the source numbers it names the property; the newest record of an account says which one.
accounts as (
  select distinct on (records.county_fips, records.account_number)
    records.county_fips, records.account_number, records.property_id
  from records
  inner join ranked on records.property_id = ranked.property_id and records.file_no = ranked.file_no
  where records.account_number is not null
  order by
    records.county_fips, records.account_number, ranked.vintage desc nulls last, records.file_no desc,
    records.record_no
),

stated as (
  select distinct on (owners.owner_id, owners.county_fips, owners.account_number, owners.parcel_number)
    owners.*
  from owners
  order by
    owners.owner_id, owners.county_fips, owners.account_number, owners.parcel_number,
    owners.vintage desc nulls last, owners.file_no desc, owners.record_no
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    md5(concat_ws(
      '|', stated.owner_id, coalesce(stated.county_fips, ''), coalesce(stated.account_number, ''),
      coalesce(stated.parcel_number, '')
    ))::uuid as ownership_id,
    stated.owner_id,
    accounts.property_id,
    stated.county_fips,
    stated.account_number,
    stated.parcel_number,
    stated.owner_name_raw,
    stated.fiscal_year,
    stated.vintage as owner_vintage,
    stated.source_name,
    case
      when accounts.property_id is not null then null
      when stated.account_number is null then 'no_account_number'
      else 'account_not_found'
    end as property_null_reason,
    {{ evidence_columns('owner', 'stated') }}
  from stated
  left join accounts on stated.county_fips = accounts.county_fips and stated.account_number = accounts.account_number
)

select * from final
