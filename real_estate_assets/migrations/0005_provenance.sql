-- Evidence: which file, read how, by which run, supports which field group. Runs as reos_owner.
--
-- Numbers are per tenant and small, never database-wide, so that a tenant can move to another cell; public files are named
-- by their sha256, the same in every cell. Nothing here is updated but a file's reading status and (later) its recall.
-- Does not belong here: trust, which is computed at read from these rows and never stored.
set lock_timeout = '300ms';
set statement_timeout = '60s';

create schema if not exists prov;
revoke all on schema prov from public;
grant usage on schema prov to reos_app, reos_analyst;

-- Whose turn it is to work on a tenant's stages (stores/warehouse/turns.py): the row is locked, never changed.
create table tenancy.turn (tenant_id text primary key references tenancy.tenant on delete cascade);
select tenancy.secure('tenancy.turn', false);
revoke select on tenancy.turn from reos_app;

-- Reviewed, versioned: a change is a new version, never an update. Seeded from core/provenance/source_registry.yaml.
create table prov.source_registry (
  source_kind text not null,
  version integer not null,
  reliability double precision not null check (reliability between 0 and 1),
  reason text not null,
  licence text not null,
  cadence text not null,
  reviewed_by text not null,
  reviewed_on date not null,
  primary key (source_kind, version)
);

create table prov.source_file (
  tenant_id text not null references tenancy.tenant on delete cascade,
  file_no integer not null check (file_no > 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  source_name text not null,
  source_kind text not null,
  uri text not null,
  object_key text not null,
  vintage date,                        -- the source's own date; null = unknown
  received_at timestamptz not null default clock_timestamp(),
  byte_count bigint not null,
  record_type text not null,
  source_format text not null,
  licence text not null,
  locator_kind text not null,          -- csv_row or feature_index
  source_entry jsonb not null,         -- the reviewed entry of the tenant's YAML that the file is read by
  source_entry_sha256 text not null,
  record_count integer,                -- null until read
  read_status text not null default 'landed' check (read_status in ('landed', 'read', 'refused')),
  read_error text,
  read_by text,                        -- code version of the reader that produced record_count
  gate_passed boolean,                 -- null until gated; false blocks the tenant's publication
  gate_report jsonb,                   -- the gate's verdict, rule by rule: counts and locators, never values
  evidence_no integer,                 -- the evidence under which the file's records were read
  is_current boolean not null default true, -- false: replaced before it passed, taken back, or described no more; kept, and not read
  primary key (tenant_id, file_no),
  unique (tenant_id, source_name, sha256)
);

-- Byte offset of every n-th record of a csv file, so that one record can be found without reading the file.
create table prov.record_index (
  tenant_id text not null,
  file_no integer not null,
  every integer not null,
  byte_offsets bigint[] not null,
  primary key (tenant_id, file_no),
  foreign key (tenant_id, file_no) references prov.source_file on delete cascade
);

create table prov.public_file (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  layer text not null,
  source_kind text not null,
  uri text not null,
  object_key text not null,
  vintage date,
  received_at timestamptz not null default clock_timestamp(),
  byte_count bigint not null,
  licence text not null,
  locator_kind text not null,
  record_count integer
);

create table prov.method (
  method text not null,
  code_version text not null,
  description text not null,
  factor double precision check (factor between 0 and 1), -- null until measured
  basis text not null,
  primary key (method, code_version)
);

create table prov.evidence (
  tenant_id text not null references tenancy.tenant on delete cascade,
  evidence_no integer not null check (evidence_no >= 0), -- 0 is the tenant's explicit 'no record' evidence
  file_no integer,
  public_sha256 text references prov.public_file,
  method text not null,
  code_version text not null,
  run_id text not null,
  field_group text not null,
  checks_passed integer not null default 0,
  checks_total integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, evidence_no),
  foreign key (tenant_id, file_no) references prov.source_file on delete cascade,
  foreign key (method, code_version) references prov.method,
  check (file_no is null or public_sha256 is null)
);

create table prov.evidence_input (
  tenant_id text not null,
  evidence_no integer not null,
  input_evidence_no integer not null,
  primary key (tenant_id, evidence_no, input_evidence_no),
  foreign key (tenant_id, evidence_no) references prov.evidence on delete cascade,
  foreign key (tenant_id, input_evidence_no) references prov.evidence on delete cascade
);

-- Which field group, and so which evidence columns, a mart's field belongs to. Written from dbt's manifest, not by hand.
create table prov.field_map (
  mart text not null,
  field text not null,
  field_group text not null,
  method text not null,
  derived_from text[],
  primary key (mart, field)
);

select tenancy.secure('prov.source_file'), tenancy.secure('prov.record_index'), tenancy.secure('prov.evidence'), tenancy.secure('prov.evidence_input');
grant select on prov.source_registry, prov.public_file, prov.method, prov.field_map to reos_app, reos_analyst;

-- The number of a tenant's file or evidence row: the next of this tenant, under a lock, so that numbers are dense and small.
create function prov.next_file_no (p_tenant text) returns integer language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('prov.source_file:' || p_tenant, 0));
  return (select coalesce(max(file_no), 0) + 1 from prov.source_file where tenant_id = p_tenant);
end $$;

create function prov.next_evidence_no (p_tenant text) returns integer language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('prov.evidence:' || p_tenant, 0));
  return (select coalesce(max(evidence_no), 0) + 1 from prov.evidence where tenant_id = p_tenant);
end $$;

revoke all on all functions in schema prov from public;
