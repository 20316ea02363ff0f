with owners as (
  select * from {{ tenant_ref('int_owners__normalized') }}
),

newest as (
  select distinct on (owner_id) *
  from owners
  order by owner_id, vintage desc nulls last, file_no desc, record_no
),

spellings as (
  select
    owner_id, array_agg(distinct owner_name_raw) as name_variants,
    count(distinct coalesce(account_number, parcel_number, ''))::integer as account_count
  from owners
  group by owner_id
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    newest.owner_id,
    newest.owner_name_raw as owner_name,
    newest.owner_key,
    spellings.name_variants,
    newest.mailing_address_raw,
    newest.mailing_city,
    newest.mailing_state,
    newest.mailing_postal_code,
    spellings.account_count,
    {{ evidence_columns('owner', 'newest') }}
  from newest
  inner join spellings on newest.owner_id = spellings.owner_id
)

select * from final
