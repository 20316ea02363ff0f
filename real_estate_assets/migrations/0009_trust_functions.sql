-- Trust: the formula, and what it is fed with as of a time. Runs as reos_owner.
--
-- Trust is an estimate of the chance that an independent look today agrees with a cell (docs/trust.md). It is computed when
-- it is asked for, from recorded evidence and versioned parameters, and stored nowhere. Everything is read as it was known
-- at p_as_of, so that an old question gets the old answer.
-- Functions that give back rows are SQL, which Postgres puts into the caller's plan; those that give back one value from a
-- table are PL/pgSQL, which keeps its plan for the session: an SQL function that cannot be inlined is planned at every call.
-- Does not belong here: which rows and fields are asked about (0009b), the full answer about one cell (0012).
set lock_timeout = '300ms';
set statement_timeout = '60s';

create aggregate prov.product (double precision) (sfunc = float8mul, stype = double precision, initcond = '1');

-- Survival over an age, S ^ years. Through the logarithm, and 0 where it is less than e ^ -100: Postgres raises an error
-- where a power or a product is too small for a double (a half-life of weeks, an age of centuries).
create function prov.persistence (p_model prov.trust_model, p_survival_per_year double precision, p_age_days double precision)
returns double precision language sql immutable parallel safe
return case
  when coalesce(p_age_days, p_model.unknown_age_days) < 1e-9 then 1 -- a moment is no age, and its product would underflow
  when p_survival_per_year = 0 then 0
  when coalesce(p_age_days, p_model.unknown_age_days) * coalesce(ln(p_survival_per_year) / 365.25, ln(0.5) / p_model.unknown_half_life_days) < -100 then 0
  else exp(coalesce(p_age_days, p_model.unknown_age_days) * coalesce(ln(p_survival_per_year) / 365.25, ln(0.5) / p_model.unknown_half_life_days)) end;

-- Share of a file's checks that passed, with half a check on either side: no check at all is a half.
create function prov.partition_factor (p_passed integer, p_total integer) returns double precision language sql immutable parallel safe
return (coalesce(p_passed, 0) + 0.5::double precision) / (coalesce(p_total, 0) + 1);

-- The formula: the only place where the factors are multiplied. null means unknown, and unknown counts as the model says: low.
create function prov.trust (
  p_model prov.trust_model, p_reliability double precision, p_survival_per_year double precision, p_age_days double precision,
  p_method_factor double precision, p_confidence double precision, p_checks_passed integer, p_checks_total integer,
  p_row_factor double precision, p_is_recalled boolean
) returns double precision language sql immutable parallel safe
return case when p_model.version is null then null
            when p_is_recalled then 0
            else least(1, greatest(0, coalesce(p_reliability, p_model.unknown_reliability)
                                      * prov.persistence(p_model, p_survival_per_year, p_age_days)
                                      * coalesce(p_method_factor, p_model.unknown_method)
                                      * coalesce(p_confidence, p_model.unknown_confidence)
                                      * prov.partition_factor(p_checks_passed, p_checks_total)
                                      * coalesce(p_row_factor, p_model.no_check_factor))) end;

create function prov.band (p_model prov.trust_model, p_trust double precision) returns text language sql immutable parallel safe
return case when p_trust >= p_model.solid_from then 'solid' when p_trust < p_model.weak_below then 'weak' when p_trust is not null then 'mixed' end;

-- The constants as they stood; null before the first.
create function prov.model_at (p_as_of timestamptz) returns prov.trust_model language plpgsql stable as $$
begin return (select m from prov.trust_model m where m.recorded_at <= p_as_of order by m.version desc limit 1); end $$;

-- The tenant's newest measurement by then; null where nothing had been measured.
create function prov.calibration_at (p_tenant text, p_as_of timestamptz) returns prov.calibration language plpgsql stable as $$
begin return (select c from prov.calibration c where c.tenant_id = p_tenant and c.measured_at <= p_as_of order by c.version desc limit 1); end $$;

-- From the part of the properties to the whole: 'CONDOMINIUM|750-999 sqft', 'CONDOMINIUM', 'all'.
create function prov.segments (p_segment text) returns text[] language sql immutable parallel safe
return array[p_segment, split_part(p_segment, '|', 1), 'all'];

-- The measurement of the smallest part of the properties for which there is one. No row: not measured. Inlined.
create function prov.measured (p_tenant text, p_version integer, p_kind text, p_source_kind text, p_field text, p_segment text)
returns setof prov.agreement language sql stable
begin atomic
  select a.* from prov.agreement a
  where a.tenant_id = p_tenant and a.version = p_version and a.kind = p_kind and a.source_kind = any (array[p_source_kind, 'all'])
    and a.field = p_field and a.segment = any (prov.segments(p_segment))
  order by array_position(prov.segments(p_segment), a.segment), a.source_kind = 'all' limit 1;
end;

-- Whether a field was measured often enough to speak of more than its prior, in the part of the properties or in one around
-- it: what was counted in a small part is drawn towards the whole, so it rests on both.
create function prov.is_measured (p_tenant text, p_version integer, p_model prov.trust_model, p_kind text, p_source_kind text, p_field text, p_segment text)
returns boolean language sql stable
return exists (
  select from prov.agreement a
  where a.tenant_id = p_tenant and a.version = p_version and a.kind = p_kind and a.source_kind = any (array[p_source_kind, 'all'])
    and a.field = p_field and a.segment = any (prov.segments(p_segment)) and a.n >= p_model.minimum_n);

-- A method's factor: measured against an answer key, else the reviewed prior with the tenant's audits counted into it.
-- No prior and no audit: factor null, which the formula counts as unknown.
create function prov.method_factor (p_tenant text, p_version integer, p_model prov.trust_model, p_source_kind text, p_method text, p_as_of timestamptz)
returns table (factor double precision, n bigint, basis text) language sql stable
begin atomic
  select coalesce(m.estimate, case when a.cells > 0
                                   then (a.matched + p_model.prior_weight * coalesce(p.factor, p_model.unknown_method)) / (a.cells + p_model.prior_weight)
                                   else p.factor end),
         coalesce(m.n, a.cells, 0),
         case when m.n is not null then 'measured against ' || m.against
              when a.cells > 0 then format('%s of %s audited cells match; before: %s', a.matched, a.cells, coalesce(p.reason, 'unknown'))
              else coalesce(p.reason, 'no prior has been reviewed and nothing measured') end
  from (values (1)) as one (row)
  left join prov.measured(p_tenant, p_version, 'method', p_source_kind, p_method, 'all') m on true
  left join lateral (select r.factor, r.reason from prov.method_prior r
                     where r.method = p_method and r.recorded_at <= p_as_of order by r.version desc limit 1) p on true
  left join lateral (select sum(c.cells)::bigint as cells, sum(c.matched)::bigint as matched from prov.audit_method c
                     where c.tenant_id = p_tenant and c.method = p_method and c.at <= p_as_of) a on true;
end;

-- How likely a value is still right a year later: measured between vintages, else the field's reviewed prior, else null.
create function prov.survival (p_tenant text, p_version integer, p_source_kind text, p_field text, p_segment text, p_as_of timestamptz)
returns table (survival_per_year double precision, n bigint, basis text, segment text) language sql stable
begin atomic
  select coalesce(m.estimate, p.survival_per_year), coalesce(m.n, 0),
         case when m.n is not null then 'measured against ' || m.against else coalesce(p.reason, 'unknown half-life') end, m.segment
  from (values (1)) as one (row)
  left join prov.measured(p_tenant, p_version, 'stability', p_source_kind, p_field, p_segment) m on true
  left join lateral (select r.survival_per_year, r.reason from prov.survival_prior r
                     where r.field = p_field and r.recorded_at <= p_as_of order by r.version desc limit 1) p on true;
end;

-- How far a kind of source may be believed about a field: measured by an independent source, else the reviewed prior, else null.
create function prov.reliability (p_tenant text, p_version integer, p_source_kind text, p_field text, p_segment text, p_as_of timestamptz)
returns table (reliability double precision, n bigint, basis text, segment text) language sql stable
begin atomic
  select coalesce(m.estimate, p.reliability), coalesce(m.n, 0),
         case when m.n is not null then 'measured against ' || m.against else coalesce(p.reason, 'nobody has reviewed this kind of source') end, m.segment
  from (values (1)) as one (row)
  left join prov.measured(p_tenant, p_version, 'independent', p_source_kind, p_field, p_segment) m on true
  left join lateral (select r.reliability, r.reason from prov.source_registry r
                     where r.source_kind = p_source_kind and r.recorded_at <= p_as_of order by r.version desc limit 1) p on true;
end;

-- What the row's failed checks do to a field: the product of their measured factors; null where no check touches the field.
-- p_mask null: this kind of row is not checked one by one, so only the gate's checks (bit null) have been passed.
create function prov.row_factor (p_tenant text, p_version integer, p_model prov.trust_model, p_source_kind text, p_field text, p_mask integer)
returns table (factor double precision, touched integer, failed text[], n bigint) language sql stable
begin atomic
  select case when count(*) > 0 then prov.product(case when t.is_failed then coalesce(m.estimate, p_model.failed_check_factor) end order by t.check_name) end,
         count(*)::integer, coalesce(array_agg(t.check_name order by t.check_name) filter (where t.is_failed), '{}'),
         coalesce(min(coalesce(m.n, 0)) filter (where t.is_failed), 0)
  from (select c.check_name, coalesce((p_mask >> c.bit) & 1, 0) = 1 as is_failed from prov.row_check c
        where p_field = any (c.fields) and (c.bit is null or p_mask is not null)) t
  left join lateral prov.measured(p_tenant, p_version, 'row_check', p_source_kind, p_field, t.check_name) m on t.is_failed and m.segment = t.check_name;
end;

-- The recall of a file that was open then: its reason; no row: none.
create function prov.recall_at (p_tenant text, p_file_no integer, p_public_sha256 text, p_as_of timestamptz) returns setof text language sql stable
begin atomic
  (select r.reason from prov.recall r
   where r.tenant_id = p_tenant and r.file_no = p_file_no and r.recalled_at <= p_as_of and (r.restored_at is null or r.restored_at > p_as_of)
   union all
   select r.reason from prov.public_recall r
   where r.sha256 = p_public_sha256 and r.recalled_at <= p_as_of and (r.restored_at is null or r.restored_at > p_as_of)) limit 1;
end;

-- Every evidence of the tenant that a recalled file supports, through whatever was derived from it.
create function prov.recalled_evidence (p_tenant text, p_as_of timestamptz default now()) returns setof integer language sql stable
begin atomic
  with recursive recalled as (
    select e.evidence_no from prov.evidence e
    where e.tenant_id = p_tenant and exists (select from prov.recall_at(p_tenant, e.file_no, e.public_sha256, p_as_of))
    union
    select i.evidence_no from recalled r join prov.evidence_input i on i.tenant_id = p_tenant and i.input_evidence_no = r.evidence_no
  )
  select evidence_no from recalled order by evidence_no;
end;

-- The calling login may see the tenant: as the application bound to it, as its analyst, or as the owner.
create function prov.sees (p_tenant text) returns boolean language plpgsql stable as $$
begin return exists (select from tenancy.tenant t where t.tenant_id = p_tenant); end $$;

grant execute on function
  prov.persistence (prov.trust_model, double precision, double precision), prov.partition_factor (integer, integer),
  prov.trust (prov.trust_model, double precision, double precision, double precision, double precision, double precision, integer, integer,
              double precision, boolean),
  prov.band (prov.trust_model, double precision), prov.model_at (timestamptz), prov.calibration_at (text, timestamptz), prov.segments (text),
  prov.measured (text, integer, text, text, text, text), prov.is_measured (text, integer, prov.trust_model, text, text, text, text),
  prov.method_factor (text, integer, prov.trust_model, text, text, timestamptz),
  prov.survival (text, integer, text, text, text, timestamptz), prov.reliability (text, integer, text, text, text, timestamptz),
  prov.row_factor (text, integer, prov.trust_model, text, text, integer), prov.recall_at (text, integer, text, timestamptz),
  prov.recalled_evidence (text, timestamptz), prov.sees (text), prov.product (double precision)
to reos_app, reos_analyst;
