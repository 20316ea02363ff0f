select
  county_fips, parcel_number, peril, layer, resolution, method, zone_code, category, zone_subtype, zones_touched,
  overlap_share, is_sliver, source_score_pct, annual_probability, null_reason, evidence_no, record_no
from {{ tenant_source('enrichment', 'hazard_exposure') }}
