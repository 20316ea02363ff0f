-- Records of tenants' files as read, what was rejected and why, and what the enrichment stages add. Runs as reos_owner.
--
-- raw.<record type> mirrors core/records/fields.py (a test compares them). Every row names its file, its record within the
-- file and the evidence it is supported by. Per tenant one partition, per file one heap: a new file touches no other.
-- rows of a file = accepted + quarantined: accepted is a raw row without an entry in quarantine.record.
set lock_timeout = '300ms';
set statement_timeout = '60s';

select tenancy.open_schema('raw', false), tenancy.open_schema('enrichment', false), tenancy.open_schema('intermediate', false), tenancy.open_schema('marts');

create table raw.property (
  tenant_id text not null,
  file_no integer not null,
  record_no integer not null,
  evidence_no integer not null,
  county_fips text,
  parcel_number text,
  unit_number text,
  account_number text,
  building_number integer,
  address_raw text,
  city text,
  state_or_province text,
  postal_code text,
  fiscal_year integer,
  use_code text,
  use_description text,
  zoning text,
  tax_district text,
  lot_size_sqft double precision,
  assessed_land_value_usd numeric(14,2),
  assessed_improvement_value_usd numeric(14,2),
  assessed_total_value_usd numeric(14,2),
  tax_amount_usd numeric(14,2),
  has_residential_exemption boolean,
  gross_area_sqft double precision,
  living_area_sqft double precision,
  above_grade_area_sqft double precision,
  basement_finished_area_sqft double precision,
  basement_unfinished_area_sqft double precision,
  architectural_style text,
  occupancy text,
  year_built integer,
  year_renovated integer,
  stories double precision,
  units_total integer,
  rooms_total integer,
  bedrooms_total integer,
  bathrooms_full integer,
  bathrooms_half integer,
  bathrooms_total double precision,
  fireplaces_total integer,
  condition_description text,
  condition_score double precision,
  interior_condition_score double precision,
  grade_description text,
  grade_score double precision,
  view_description text,
  view_score double precision,
  is_waterfront boolean,
  heating_type text,
  heating_fuel text,
  has_central_air boolean,
  parking_open_spaces integer,
  parking_covered_spaces integer,
  garage_spaces integer,
  neighborhood_living_area_sqft double precision,
  neighborhood_lot_size_sqft double precision,
  sale_price_usd numeric(14,2),
  sale_date date,
  deed_reference text,
  latitude double precision,
  longitude double precision,
  null_reasons jsonb
) partition by list (tenant_id);
select tenancy.secure('raw.property', false);

create table raw.parcel (
  tenant_id text not null,
  file_no integer not null,
  record_no integer not null,
  evidence_no integer not null,
  county_fips text,
  parcel_number text,
  geom_4326 geometry(Geometry,4326),
  is_repaired boolean,
  null_reasons jsonb
) partition by list (tenant_id);
select tenancy.secure('raw.parcel', false);

create table raw.owner (
  tenant_id text not null,
  file_no integer not null,
  record_no integer not null,
  evidence_no integer not null,
  county_fips text,
  parcel_number text,
  unit_number text,
  account_number text,
  fiscal_year integer,
  owner_name_raw text,
  mailing_address_raw text,
  mailing_city text,
  mailing_state text,
  mailing_postal_code text,
  null_reasons jsonb
) partition by list (tenant_id);
select tenancy.secure('raw.owner', false);

create table raw.hazard_zone (
  tenant_id text not null,
  file_no integer not null,
  record_no integer not null,
  evidence_no integer not null,
  peril text,
  zone_code text,
  category text,
  share_major_pct double precision,
  share_severe_pct double precision,
  geom_4326 geometry(Geometry,4326),
  is_repaired boolean,
  null_reasons jsonb
) partition by list (tenant_id);
select tenancy.secure('raw.hazard_zone', false);

create schema if not exists quarantine;
revoke all on schema quarantine from public;
grant usage on schema quarantine to reos_app;

-- One row a rejected record and rule. `value` is the tenant's own data: under row-level security, never in an event log.
create table quarantine.record (
  tenant_id text not null references tenancy.tenant on delete cascade,
  file_no integer not null,
  record_no integer not null,
  record_type text not null,
  stage text not null check (stage in ('read', 'gate', 'identity')),
  rule text not null,
  column_name text not null default '',
  value text,
  message text not null,
  run_id text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, file_no, record_no, stage, rule, column_name)
);

-- Cells that were made null although the source had something there; the record itself was accepted.
create table quarantine.cell (
  tenant_id text not null references tenancy.tenant on delete cascade,
  file_no integer not null,
  record_no integer not null,
  record_type text not null,
  column_name text not null,
  value text,
  reason text not null check (reason in ('out_of_bounds', 'unparseable')),
  primary key (tenant_id, file_no, record_no, column_name)
);
select tenancy.secure('quarantine.record', false), tenancy.secure('quarantine.cell', false);

create table enrichment.address (
  tenant_id text not null,
  address_raw text not null,
  house_number text,
  street_predirectional text,
  street_name text,
  street_suffix text,
  street_postdirectional text,
  unit_type text,
  unit_number text,
  address_usps text,          -- delivery address line in the form of USPS Publication 28
  address_key text,           -- for comparing two spellings
  status text not null check (status in ('standardized', 'partial', 'unparsed')),
  reason text,
  parser text not null,
  parser_version text not null
) partition by list (tenant_id);

-- Which property each accepted record speaks of.
create table enrichment.identity (
  tenant_id text not null,
  file_no integer not null,
  record_no integer not null,
  property_id uuid not null,
  county_fips text not null,
  parcel_number text not null, -- normal form: upper case, white space squeezed
  unit_number text,
  identity_basis text not null check (identity_basis in ('parcel_unit', 'account', 'parcel_unit_address')),
  is_primary boolean not null  -- the one record that describes the property among this file's records of it
) partition by list (tenant_id);

-- Where a parcel lies: its dissolved polygon, or the coordinates a source states.
create table enrichment.location (
  tenant_id text not null,
  county_fips text not null,
  parcel_number text not null,
  method text not null check (method in ('parcel_polygon', 'source_coordinates')),
  geom_4326 geometry(Geometry, 4326),
  point_4326 geometry(Point, 4326) not null,
  area_m2 double precision,
  piece_count integer not null,
  is_repaired boolean not null,
  evidence_no integer not null,
  record_no integer not null
) partition by list (tenant_id);

-- One row a location and peril: the finest evidence there is, or null with the reason.
create table enrichment.hazard_exposure (
  tenant_id text not null,
  county_fips text not null,
  parcel_number text not null,
  peril text not null check (peril in ('flood', 'wildfire', 'heat')),
  layer text,
  resolution text check (resolution in ('parcel', 'tract', 'county')),
  method text not null,
  zone_code text,
  category text,              -- the source's own words
  zone_subtype text,
  zones_touched integer not null,
  overlap_share double precision check (overlap_share between 0 and 1),
  is_sliver boolean,
  source_score_pct double precision check (source_score_pct between 0 and 100),
  annual_probability double precision check (annual_probability between 0 and 1),
  null_reason text,
  evidence_no integer not null,
  record_no integer
) partition by list (tenant_id);
select tenancy.secure('enrichment.address', false), tenancy.secure('enrichment.identity', false),
       tenancy.secure('enrichment.location', false), tenancy.secure('enrichment.hazard_exposure', false);

-- Public reference layers: no tenant, readable by every role.
create schema if not exists reference;
revoke all on schema reference from public;
grant usage on schema reference to reos_app, reos_analyst;

create table reference.county (
  county_fips text primary key,
  county_name text not null,
  state_fips text not null,
  geom_4326 geometry(Geometry, 4326) not null,
  public_sha256 text not null references prov.public_file,
  record_no integer not null
);
create index county_geom on reference.county using gist (geom_4326);

create table reference.hazard_layer (
  layer text primary key,
  peril text not null,
  resolution text not null,
  coverage_4326 geometry(Geometry, 4326), -- inside it, no polygon means minimal; outside it, unknown
  vintage date,
  public_sha256 text not null references prov.public_file
);

create table reference.hazard_zone (
  layer text not null references reference.hazard_layer on delete cascade,
  record_no integer not null,
  zone_code text not null,
  zone_subtype text,
  category text not null,
  static_bfe_ft double precision,
  geom_4326 geometry(Geometry, 4326) not null,
  primary key (layer, record_no)
);
create index hazard_zone_geom on reference.hazard_zone using gist (geom_4326);

create table reference.county_hazard_score (
  county_fips text not null,
  peril text not null,
  component text not null,          -- the index the score is of, e.g. WFIR, HWAV, IFLD, CFLD
  score_pct double precision,       -- national percentile rank; null where the source says Not Applicable
  rating text,
  vintage date,
  public_sha256 text not null references prov.public_file,
  record_no integer not null,
  primary key (county_fips, component)
);

create table reference.house_price_index (
  county_fips text not null,
  year integer not null,
  index_value double precision,
  annual_change_pct double precision,
  public_sha256 text not null references prov.public_file,
  record_no integer not null,
  primary key (county_fips, year)
);
grant select on all tables in schema reference to reos_app, reos_analyst;
