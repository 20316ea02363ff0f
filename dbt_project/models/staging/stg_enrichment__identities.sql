select file_no, record_no, property_id, county_fips, parcel_number, unit_number, identity_basis, is_primary
from {{ tenant_source('enrichment', 'identity') }}
