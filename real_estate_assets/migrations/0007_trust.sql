-- What trust is computed from: the model, reviewed priors, measured agreement, recalls, audits. Runs as reos_owner.
--
-- Rows are versions: a change is a new row with its own time, and a question about an earlier day is answered by the rows
-- that were there on that day. A recall is one row; nothing is rewritten.
-- Does not belong here: trust itself. It is computed at read by the functions of 0008 and stored nowhere.
set lock_timeout = '300ms';
set statement_timeout = '60s';

alter table prov.source_registry add column recorded_at timestamptz not null default now();
alter table prov.source_registry alter column recorded_at set default clock_timestamp();

-- Whether a field's value grows old (a condition does; a sale of 2014 stays a sale of 2014).
alter table prov.field_map add column ages boolean not null default true;

-- The constants of the formula, reviewed and versioned. Seeded from core/provenance/trust_model.yaml.
create table prov.trust_model (
  version integer primary key check (version > 0),
  unknown_reliability double precision not null check (unknown_reliability between 0 and 1),
  unknown_half_life_days double precision not null check (unknown_half_life_days > 0),
  unknown_age_days double precision not null check (unknown_age_days >= 0),
  unknown_method double precision not null check (unknown_method between 0 and 1),
  unknown_confidence double precision not null check (unknown_confidence between 0 and 1),
  no_check_factor double precision not null check (no_check_factor between 0 and 1),
  failed_check_factor double precision not null check (failed_check_factor between 0 and 1),
  prior_weight double precision not null check (prior_weight > 0),            -- pseudo-observations of a prior
  minimum_n integer not null check (minimum_n > 0),                           -- below: 'prior only'
  solid_from double precision not null check (solid_from between 0 and 1),
  weak_below double precision not null check (weak_below between 0 and 1),
  alarm_difference double precision not null check (alarm_difference between 0 and 1),
  reason text not null,
  reviewed_by text not null,
  reviewed_on date not null,
  recorded_at timestamptz not null default clock_timestamp()
);

-- How likely a field's value is still right a year later, where no two vintages have been compared yet.
create table prov.survival_prior (
  field text not null,
  version integer not null,
  survival_per_year double precision not null check (survival_per_year between 0 and 1),
  reason text not null,
  reviewed_by text not null,
  reviewed_on date not null,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (field, version)
);

-- What a method does to the chance of being right. Null: nothing is known, which counts as low.
create table prov.method_prior (
  method text not null,
  version integer not null,
  factor double precision check (factor between 0 and 1),
  reason text not null,
  reviewed_by text not null,
  reviewed_on date not null,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (method, version)
);

-- Checks of single records. bit: its place in a mart's failed-checks mask; null for a gate rule, whose failing rows reach no mart.
create table prov.row_check (
  check_name text primary key,
  bit integer unique check (bit between 0 and 30),
  description text not null,
  fields text[] not null
);

-- One measurement of a tenant's files against each other: a complete set of parameters, never changed.
create table prov.calibration (
  tenant_id text not null references tenancy.tenant on delete cascade,
  version integer not null check (version > 0),
  run_id text not null,
  code_version text not null,
  inputs jsonb not null,               -- the pairs compared: files by number and sha256, years between them
  measured_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, version)
);

-- kind: stability (a source with its own next vintage), independent (two sources that do not know of each other),
-- row_check (segment = the check that failed), confidence (segment = overlap band), method (field = the method's name).
create table prov.agreement (
  tenant_id text not null,
  version integer not null,
  kind text not null check (kind in ('stability', 'independent', 'row_check', 'confidence', 'method')),
  source_kind text not null,
  field text not null,
  segment text not null,               -- 'all', or a part of the properties
  n bigint not null check (n >= 0),
  agree bigint not null check (agree between 0 and n),
  years double precision check (years > 0), -- between the vintages compared; null where time plays no part
  estimate double precision not null check (estimate between 0 and 1), -- survival per year, reliability, or factor
  prior double precision,              -- what was expected before this measurement
  against text not null,               -- what it was compared with
  primary key (tenant_id, version, kind, source_kind, field, segment),
  foreign key (tenant_id, version) references prov.calibration on delete cascade
);

-- A file taken back: one row. Restoring closes it; a second recall is a second row.
create table prov.recall (
  tenant_id text not null,
  file_no integer not null,
  recalled_at timestamptz not null default clock_timestamp(),
  reason text not null check (length(trim(reason)) >= 3),
  recalled_by text not null,
  restored_at timestamptz check (restored_at >= recalled_at),
  restored_by text,
  primary key (tenant_id, file_no, recalled_at),
  foreign key (tenant_id, file_no) references prov.source_file on delete cascade
);
create unique index recall_open on prov.recall (tenant_id, file_no) where restored_at is null;

-- The same for a public file: every tenant reads it, each sees its own cells that it touches.
create table prov.public_recall (
  sha256 text not null references prov.public_file,
  recalled_at timestamptz not null default clock_timestamp(),
  reason text not null check (length(trim(reason)) >= 3),
  recalled_by text not null,
  restored_at timestamptz check (restored_at >= recalled_at),
  restored_by text,
  primary key (sha256, recalled_at)
);
create unique index public_recall_open on prov.public_recall (sha256) where restored_at is null;

-- The independent auditor's verdicts. audit_no counts per tenant.
create table prov.audit_run (
  tenant_id text not null references tenancy.tenant on delete cascade,
  audit_no integer not null check (audit_no > 0),
  seed text not null,
  auditor_sha256 text not null check (auditor_sha256 ~ '^[0-9a-f]{64}$'),
  started_at timestamptz not null,
  finished_at timestamptz not null default clock_timestamp(),
  cells integer not null,
  matched integer not null,
  mismatched integer not null,
  not_audited integer not null,
  audited_by text not null default session_user,
  primary key (tenant_id, audit_no),
  check (cells = matched + mismatched + not_audited)
);

create table prov.audit_cell (
  tenant_id text not null,
  audit_no integer not null,
  cell_no integer not null,
  mart text not null,
  row_key jsonb not null,
  field text not null,
  field_group text not null,
  method text not null,
  verdict text not null check (verdict in ('match', 'mismatch', 'not_audited')),
  expected text,                       -- what the auditor derived; null unless it differs
  found text,                          -- what the mart says; null unless it differs
  what text,                           -- what differs, or why it was not audited
  primary key (tenant_id, audit_no, cell_no),
  foreign key (tenant_id, audit_no) references prov.audit_run on delete cascade
);

create table prov.audit_method (
  tenant_id text not null,
  audit_no integer not null,
  method text not null,
  field_group text not null,
  cells integer not null,              -- match and mismatch: what was audited
  matched integer not null check (matched between 0 and cells),
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, audit_no, method, field_group),
  foreign key (tenant_id, audit_no) references prov.audit_run on delete cascade
);

select tenancy.secure('prov.calibration'), tenancy.secure('prov.agreement'), tenancy.secure('prov.recall'),
       tenancy.secure('prov.audit_run'), tenancy.secure('prov.audit_cell'), tenancy.secure('prov.audit_method');
grant select on prov.trust_model, prov.survival_prior, prov.method_prior, prov.row_check, prov.public_recall to reos_app, reos_analyst;
