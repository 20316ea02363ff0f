select
  county_fips, parcel_number, method as location_method, geom_4326, point_4326, area_m2, piece_count, is_repaired,
  evidence_no, record_no
from {{ tenant_source('enrichment', 'location') }}
