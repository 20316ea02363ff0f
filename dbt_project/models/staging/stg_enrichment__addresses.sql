select address_raw, address_usps, address_key, status as address_status, reason as address_reason
from {{ tenant_source('enrichment', 'address') }}
