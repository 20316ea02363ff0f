select county_fips, year, index_value, annual_change_pct, public_sha256, record_no
from {{ source('reference', 'house_price_index') }}
