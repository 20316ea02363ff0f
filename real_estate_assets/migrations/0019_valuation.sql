-- What valuation leaves behind: models, how they did out of time, estimates with intervals, ratio studies. Runs as reos_owner.
--
-- A model is a row that is never replaced; its bytes and its backtest stand in the object store under their sha256. What is
-- served (estimates, the present model's backtest, its ratio study, what it cannot learn) is one tenant's partition each,
-- swapped together. A tenant without a model has estimates too: null, each with its reason.
-- Does not belong here: features (0018), and the trust of an estimate as a column: it is computed at read.
set lock_timeout = '300ms';
set statement_timeout = '60s';

select tenancy.open_schema('valuation');

-- model_id: sha256 of the training rows, the settings and the code. Equal id, equal bytes: such a model is not trained again.
create table valuation.model (
  tenant_id text not null references tenancy.tenant on delete cascade,
  model_id text not null check (model_id ~ '^[0-9a-f]{64}$'),
  object_key text not null,               -- of the model's bytes, below the tenant's prefix
  object_sha256 text not null check (object_sha256 ~ '^[0-9a-f]{64}$'),
  backtest_key text not null,             -- of its backtest, so that a model used before is used again whole
  backtest_sha256 text not null check (backtest_sha256 ~ '^[0-9a-f]{64}$'),
  space_key text not null,                -- of the space in which its comparables are found
  space_sha256 text not null check (space_sha256 ~ '^[0-9a-f]{64}$'),
  sale_count integer not null check (sale_count > 0),
  first_sale_date date not null,
  last_sale_date date not null,
  valued_on date not null,                -- the day after the newest sale
  settings jsonb not null,
  filters jsonb not null,                 -- each rule that dropped sales, with how many
  features jsonb not null,                -- [{name, source, weight}]: source is mart.field or null, weights sum to 1
  training_files jsonb not null,          -- [{file_no, sha256, source_name, sale_count}]
  card jsonb not null,                    -- what is known of the model, for people and programs
  code_version text not null,
  run_id text not null,
  made_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, model_id)
);

-- What a tenant's sales came to, one row a tenant: how many are valid, how many are needed, which model they made.
create table valuation.training_set (
  tenant_id text not null,
  offered_count integer not null check (offered_count >= 0),  -- sales of the mart
  sale_count integer not null check (sale_count >= 0),        -- of them valid, and with features by then
  minimum_sales integer not null check (minimum_sales > 0),
  first_sale_date date,
  last_sale_date date,
  filters jsonb not null,
  content_sha256 text not null check (content_sha256 ~ '^[0-9a-f]{64}$'),
  model_id text,                                              -- null: too few sales
  reason text,                                                -- why there is no model
  run_id text not null,
  check ((model_id is null) = (reason is not null))
) partition by list (tenant_id);

-- Every sale that a model predicted before it knew it: what all measured error comes from.
create table valuation.backtest (
  tenant_id text not null,
  model_id text not null,
  sale_id uuid not null,
  property_id uuid not null,
  sale_date date not null,
  sale_price_usd double precision not null check (sale_price_usd > 0),
  predicted_usd double precision not null check (predicted_usd > 0),
  low_usd double precision check (low_usd > 0),               -- null: too few errors before it for an interval
  high_usd double precision,
  difficulty double precision,
  tercile integer check (tercile between 1 and 3),           -- of the predicted value
  is_test boolean not null,                                   -- the newest sales: nothing was chosen by them
  is_calibration boolean not null,
  postal_code text,
  use_code text,
  latitude double precision,
  longitude double precision,
  check (high_usd > low_usd)
) partition by list (tenant_id);

create table valuation.estimate (
  tenant_id text not null,
  property_id uuid not null,
  valued_on date,                                             -- null: the tenant has no valid sale
  estimate_usd double precision check (estimate_usd > 0),
  low_usd double precision check (low_usd > 0),
  high_usd double precision,
  interval_level double precision check (interval_level > 0 and interval_level < 1),
  difficulty double precision,
  tercile integer check (tercile between 1 and 3),
  share_within_10pct double precision check (share_within_10pct between 0 and 1), -- measured out of time, for its like
  null_reason text,
  model_id text,
  feature_event_at timestamptz,                               -- names the feature row, with property_id
  feature_run_ids text[] not null,
  file_no integer,
  evidence_no integer,
  record_no integer,
  unlearnable text[] not null,                                -- traits of it whose effect the sales could not teach
  check ((estimate_usd is null) = (null_reason is not null)),
  check (high_usd > low_usd)
) partition by list (tenant_id);

-- kind 'all' has one stratum. A statistic that cannot be computed is null, with the reason of the row.
create table valuation.ratio_study (
  tenant_id text not null,
  model_id text not null,
  stratum_kind text not null,
  stratum text not null,
  sale_count integer not null check (sale_count >= 0),
  median_ratio double precision, median_ratio_low double precision, median_ratio_high double precision,
  cod double precision, cod_low double precision, cod_high double precision,
  prd double precision, prd_low double precision, prd_high double precision,
  prb double precision, prb_low double precision, prb_high double precision,
  vei double precision, vei_low double precision, vei_high double precision,
  pe10 double precision, pe10_low double precision, pe10_high double precision,
  pe20 double precision, pe20_low double precision, pe20_high double precision,
  reason text
) partition by list (tenant_id);

-- For each hazard and rare trait: how many sales carry it, and whether an effect of it could be told from chance.
create table valuation.learnability (
  tenant_id text not null,
  model_id text,                                              -- null: the tenant has no model
  trait text not null,
  sale_count integer not null check (sale_count >= 0),
  minimum_detectable_effect double precision,                 -- share of the price; null where nothing can be said
  effect double precision,
  effect_low double precision,
  effect_high double precision,
  can_be_learned boolean not null,
  sentence text not null
) partition by list (tenant_id);

select tenancy.secure('valuation.model'), tenancy.secure('valuation.training_set'), tenancy.secure('valuation.backtest'),
       tenancy.secure('valuation.estimate'), tenancy.secure('valuation.ratio_study'), tenancy.secure('valuation.learnability');
