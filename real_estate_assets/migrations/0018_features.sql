-- Features: what is known of each property and each market as of a day, for models and for serving. Runs as reos_owner.
--
-- One row a property (or market) and day on which something about it became known, never changed by what became known later.
-- The columns beside the keys are those of core/features/registry.yaml, in its order (a test compares), and are documented
-- there alone. Per tenant one partition, replaced whole. Does not belong here: how they are computed (stores/warehouse).
set lock_timeout = '300ms';
set statement_timeout = '60s';

select tenancy.open_schema('features');

create table features.property_features (
  tenant_id text not null,
  property_id uuid not null,
  event_at timestamptz not null,       -- the source's own date of what became known, at midnight UTC
  created_at timestamptz not null,     -- when the row was computed: a feature store prefers the later of two rows of one event
  market_id text not null,             -- county, or county|postal code: the market of the row
  parcel_id text,
  lot_size_sqft double precision,
  lot_frontage_ft double precision,
  latitude double precision,
  longitude double precision,
  zoning text,
  school_district_rating double precision,
  walk_score double precision,
  transit_score double precision,
  crime_score double precision,
  postal_code text,
  view_score double precision,
  is_waterfront boolean,
  neighborhood_living_area_sqft double precision,
  neighborhood_lot_size_sqft double precision,
  building_sqft double precision,
  above_grade_area_sqft double precision,
  basement_sqft double precision,
  attic_sqft double precision,
  bedrooms integer,
  bathrooms double precision,
  rooms_total integer,
  units_total integer,
  stories double precision,
  year_built integer,
  renovation_year integer,
  condition_score double precision,
  interior_condition_score double precision,
  quality_grade text,
  grade_score double precision,
  use_code text,
  garage_spaces integer,
  pool boolean,
  fireplace integer,
  foundation_type text,
  exterior_material text,
  roof_material text,
  heating_type text,
  roof_age integer,
  hvac_age integer,
  water_heater_age integer,
  assessment_value double precision,
  tax_amount_annual double precision,
  hoa_fee_monthly double precision,
  days_on_market integer,
  list_price_per_sqft double precision,
  list_price double precision,
  price_change_count integer,
  price_change_pct double precision,
  flood_zone text,
  flood_hazard_score double precision,
  wildfire_hazard_score double precision,
  heat_hazard_score double precision,
  composite_hazard_score double precision,
  trust_living_area double precision,
  trust_year_built double precision,
  trust_condition double precision,
  trust_location double precision,
  trust_sale double precision,
  trust_asset_mean double precision,
  trust_asset_p10 double precision,
  null_reasons jsonb not null,         -- {feature: code} of the null features that have a source; the others' stand in the registry
  run_ids text[] not null,             -- Dagster runs of the materializations that the row came from
  file_no integer not null,            -- the record that describes the property as of the event ...
  record_no integer not null,
  evidence_no integer not null         -- ... and the evidence that it was read under
) partition by list (tenant_id);

create table features.market_features (
  tenant_id text not null,
  market_id text not null,
  event_at timestamptz not null,       -- every value is of sales strictly before
  created_at timestamptz not null,
  price_trend_30d double precision,
  price_trend_90d double precision,
  price_trend_365d double precision,
  median_price double precision,
  price_per_sqft_market double precision,
  inventory_level double precision,
  median_dom double precision,
  sales_volume_30d integer,
  absorption_rate double precision,
  new_listings_30d integer,
  pending_ratio double precision,
  market_temperature double precision,
  months_of_supply double precision,
  mortgage_rate double precision,
  regime_index double precision,
  null_reasons jsonb not null,
  run_ids text[] not null
) partition by list (tenant_id);

select tenancy.secure('features.property_features'), tenancy.secure('features.market_features');
