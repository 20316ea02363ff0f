select
  file_no, record_no, evidence_no, county_fips, parcel_number as parcel_number_raw, account_number, fiscal_year,
  owner_name_raw, mailing_address_raw, mailing_city, mailing_state, mailing_postal_code
from {{ tenant_source('raw', 'owner') }}
