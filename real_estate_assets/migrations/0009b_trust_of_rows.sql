-- Trust of the cells of rows: what of a row bears on its trust, and every way from a cell to the evidence below it.
-- Runs as reos_owner.
--
-- A row's *signature* holds what its trust depends on and nothing else: the evidence of its field groups, the segment, the
-- failed checks, the overlap band, which inputs are null. Rows with one signature have one trust a field, so a mart of a
-- million rows is a few hundred questions, and the answer about one cell (0012) asks the very same function.
-- Does not belong here: sums and lists over marts (0012b).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- The columns that name a row of a mart within its tenant, as its primary key has them (a test compares).
create function prov.mart_key (p_mart text) returns text[] language sql immutable parallel safe
return case p_mart
  when 'agg_market_sales' then '{county_fips,area_kind,area_code,sale_month}'::text[]
  when 'dim_owners' then '{owner_id}'::text[]
  when 'dim_parcels' then '{county_fips,parcel_number}'::text[]
  when 'dim_properties' then '{property_id}'::text[]
  when 'dim_source_files' then '{file_no}'::text[]
  when 'fct_assessments' then '{property_id,source_name,fiscal_year}'::text[]
  when 'fct_changes' then '{property_id,new_file_no,field}'::text[]
  when 'fct_market_index' then '{county_fips,year}'::text[]
  when 'fct_ownership' then '{ownership_id}'::text[]
  when 'fct_property_hazards' then '{property_id,peril}'::text[]
  when 'fct_sales' then '{sale_id}'::text[]
end;

-- What stands for a signature while it is computed from a row m of the mart: SQL text. Keys of the object:
--   e: group -> evidence numbers (or sha256 of a public file) that support it     s: group -> segment    b: group -> overlap band
--   x: group -> mask of failed checks, where rows of this mart are checked one by one
--   n: fields that are null though others were computed from them    a: field -> the field it is a value of, where a cell names it
create function prov.signature_sql (p_mart text) returns text language sql stable
begin atomic
  with fields as (select f.* from prov.field_map f where f.mart = p_mart),
  supports as (
    select m[1] as field_group, m[2] as kind, f.field from fields f
    cross join regexp_match(f.field, '^(.+)_(evidence_no|evidence_nos|public_sha256|checks_failed)$') m
    where f.field_group = 'provenance' and m is not null
  ),
  inputs as (select distinct f.field from fields f join fields d on f.field = any (d.derived_from))
  select 'jsonb_strip_nulls(jsonb_build_object(''e'', jsonb_build_object(' || coalesce((
           select string_agg(format(case kind when 'evidence_nos' then '%L, coalesce(to_jsonb(m.%I), ''[0]'')'
                                              else '%L, jsonb_build_array(coalesce(m.%I::text, ''0''))' end, field_group, field), ', ' order by field)
           from supports where kind <> 'checks_failed'), '') || ')'
      || coalesce((select ', ''x'', jsonb_build_object(' || string_agg(format('%L, coalesce(m.%I, 0)', field_group, field), ', ' order by field) || ')'
                   from supports where kind = 'checks_failed' having count(*) > 0), '')
      || coalesce((select format(', ''s'', jsonb_build_object(%L, prov.segment_of(m.use_description, m.use_code))', min(field_group))
                   from fields where field in ('use_description', 'use_code') having count(*) = 2), '')
      || coalesce((select format(', ''b'', case when m.zones_touched > 0 then jsonb_build_object(%L, prov.overlap_band(m.overlap_share)) end', min(field_group))
                   from fields where field in ('overlap_share', 'zones_touched') having count(*) = 2), '')
      || coalesce((select ', ''n'', nullif(to_jsonb(array_remove(array[' || string_agg(format('case when m.%I is null then %L end', field, field), ', ' order by field)
                          || '], null)), ''[]'')' from inputs having count(*) > 0), '')
      || case when p_mart = 'fct_changes' then ', ''a'', jsonb_build_object(''old_value'', m.field, ''new_value'', m.field,'
                                               ' ''old_value_number'', m.field, ''new_value_number'', m.field)' else '' end
      || '))';
end;

-- One way from a cell down to evidence: the cell that rests on evidence itself, the methods passed on the way, the factors.
create type prov.path as (
  row_no integer, root text, via text, mart text, field text, field_group text, evidence_no integer, public_sha256 text,
  source_kind text, age_days double precision, segment text,
  reliability double precision, reliability_n bigint, reliability_basis text, reliability_segment text,
  survival_per_year double precision, survival_n bigint, survival_basis text, survival_segment text,
  method_factor double precision, method_n bigint, methods jsonb, band text, confidence double precision, confidence_n bigint,
  checks_passed integer, checks_total integer, row_factor double precision, row_touched integer, row_failed text[], row_n bigint,
  is_recalled boolean, trust double precision, record_no integer, via_value jsonb, measured_as text
);

-- The cells with evidence of their own that the asked fields (null: all that make a claim) of rows with these signatures rest
-- on: signatures are a jsonb array, rows numbered from 1. A derived cell goes down through its inputs; an input that is null
-- claims nothing and is left out; where none claims, the cell rests on its own evidence. A row that was computed from other
-- rows (signature: rows, of) rests on the cell named `of` of each of them. An input that its mart does not show is a column
-- of the same record. root: the asked field; via: its input on this way; methods: of the fields passed, the root's first.
create function prov.resting_on (p_mart text, p_signatures jsonb, p_fields text[])
returns table (row_no integer, root text, via text, mart text, field text, field_group text, ages boolean, methods text[], ref text, measured_as text,
               segment text, band text, mask integer) language sql stable
begin atomic
  with recursive
  given as (select r.i::integer as row_no, r.s from jsonb_array_elements(p_signatures) with ordinality as r (s, i)),
  asked as (select f.* from prov.field_map f
            where f.mart = p_mart and f.field_group <> all ('{provenance,tenant}') and (p_fields is null or f.field = any (p_fields))),
  step (row_no, root, via, mart, field, field_group, ages, methods, s, inputs) as (
    select g.row_no, f.field, null::text, f.mart, f.field, f.field_group, f.ages, array[f.method], g.s,
           array(select i from unnest(f.derived_from) i where not coalesce(g.s -> 'n', '[]') ? i)
    from given g cross join asked f where not g.s ? 'rows'
    union all
    select g.row_no, f.field, g.s ->> 'of', h.mart, h.field, h.field_group, h.ages, array[f.method, h.method], r.s,
           array(select i from unnest(h.derived_from) i where not coalesce(r.s -> 'n', '[]') ? i)
    from given g cross join asked f cross join jsonb_array_elements(g.s -> 'rows') as r (s)
    join prov.field_map h on h.mart = p_mart and h.field = g.s ->> 'of'
    union all
    select p.row_no, p.root, coalesce(p.via, i.name), n.mart, n.field, coalesce(f.field_group, p.field_group), coalesce(f.ages, p.ages),
           p.methods || coalesce(f.method, 'copy'), p.s,
           array(select d from unnest(f.derived_from) d where not coalesce(p.s -> 'n', '[]') ? d)
    from step p cross join unnest(p.inputs) as i (name)
    cross join lateral (select case when i.name like '%.%' then split_part(i.name, '.', 1) else p.mart end as mart,
                               case when i.name like '%.%' then split_part(i.name, '.', 2) else i.name end as field) n
    left join prov.field_map f on f.mart = n.mart and f.field = n.field
    where cardinality(p.methods) < 12 -- fields derived from each other in a circle end here instead of never
  )
  select p.row_no, p.root, p.via, p.mart, p.field, p.field_group, p.ages, p.methods, r.ref, coalesce(p.s -> 'a' ->> p.field, p.field) as measured_as,
         coalesce(p.s -> 's' ->> p.field_group, 'all') as segment, p.s -> 'b' ->> p.field_group as band, (p.s -> 'x' ->> p.field_group)::integer as mask
  from step p
  cross join jsonb_array_elements_text(coalesce(nullif(p.s -> 'e' -> p.field_group, '[]'), '["0"]')) as r (ref)
  where p.inputs = '{}';
end;

-- What is recorded of evidence, as of a time: numbers, or the sha256 of public files. What is not there is unknown.
create function prov.facts_of (p_tenant text, p_as_of timestamptz, p_refs text[])
returns table (ref text, evidence_no integer, public_sha256 text, source_kind text, age_days double precision, method text, checks_passed integer,
               checks_total integer, is_recalled boolean) language sql stable
begin atomic
  with recursive
  ref as (select r.ref, case when r.ref ~ '^[0-9]{1,9}$' then r.ref::integer end as evidence_no, case when length(r.ref) = 64 then r.ref end as public_sha256
          from unnest(p_refs) as r (ref)),
  origin (ref, evidence_no, public_sha256) as (
    select * from ref
    union
    select o.ref, i.input_evidence_no, null from origin o join prov.evidence_input i on i.tenant_id = p_tenant and i.evidence_no = o.evidence_no
  ),
  recalled as (
    select distinct o.ref from origin o left join prov.evidence e on e.tenant_id = p_tenant and e.evidence_no = o.evidence_no
    cross join prov.recall_at(p_tenant, e.file_no, coalesce(e.public_sha256, o.public_sha256), p_as_of)
  )
  select r.ref, r.evidence_no, coalesce(e.public_sha256, r.public_sha256) as public_sha256, coalesce(f.source_kind, p.source_kind) as source_kind,
         ((p_as_of at time zone 'UTC')::date - coalesce(f.vintage, p.vintage))::double precision as age_days,
         case when r.evidence_no is not null then coalesce(e.method, 'unknown') end as method, e.checks_passed, e.checks_total,
         exists (select from recalled x where x.ref = r.ref) as is_recalled
  from ref r left join prov.evidence e on e.tenant_id = p_tenant and e.evidence_no = r.evidence_no
  left join prov.source_file f on f.tenant_id = p_tenant and f.file_no = e.file_no
  left join prov.public_file p on p.sha256 = coalesce(e.public_sha256, r.public_sha256);
end;

-- All ways from the asked fields of rows with these signatures down to evidence, each with its factors. The trust of a cell
-- is the least over its ways: a derived cell is its method times the least of its inputs, and so on down.
create function prov.paths (p_tenant text, p_mart text, p_as_of timestamptz, p_signatures jsonb, p_fields text[] default null)
returns setof prov.path language plpgsql stable as $$
declare model prov.trust_model := prov.model_at(p_as_of); measured integer := (prov.calibration_at(p_tenant, p_as_of)).version;
begin
  return query with
  cell as materialized (select * from prov.resting_on(p_mart, p_signatures, p_fields)),
  fact as materialized (select * from prov.facts_of(p_tenant, p_as_of, array(select distinct c.ref from cell c))),
  known as materialized (
    select d.*, a.reliability, a.n as reliability_n, a.basis as reliability_basis, a.segment as reliability_segment,
           case when d.ages then s.survival_per_year else 1 end as survival_per_year, case when d.ages then s.n end as survival_n,
           case when d.ages then s.basis else 'a statement about a dated event does not grow old' end as survival_basis, s.segment as survival_segment
    from (select distinct f.source_kind, c.measured_as, c.segment, c.ages from cell c join fact f using (ref)) d
    cross join lateral prov.reliability(p_tenant, measured, d.source_kind, d.measured_as, d.segment, p_as_of) a
    left join lateral prov.survival(p_tenant, measured, d.source_kind, d.measured_as, d.segment, p_as_of) s on d.ages
  ),
  way as materialized (
    select d.methods, d.source_kind, d.method, prov.product(coalesce(m.factor, model.unknown_method) order by u.i) as factor, min(m.n) as n,
           jsonb_agg(jsonb_build_object('method', u.method, 'factor', coalesce(m.factor, model.unknown_method), 'n', m.n, 'basis', m.basis) order by u.i) as detail
    from (select distinct c.methods, f.source_kind, f.method from cell c join fact f using (ref)) d
    cross join unnest(d.methods || array_remove(array[d.method], null)) with ordinality as u (method, i)
    cross join lateral prov.method_factor(p_tenant, measured, model, d.source_kind, u.method, p_as_of) m
    group by d.methods, d.source_kind, d.method
  ),
  checked as materialized (
    select d.*, r.* from (select distinct f.source_kind, c.measured_as, c.mask from cell c join fact f using (ref)) d
    cross join lateral prov.row_factor(p_tenant, measured, model, d.source_kind, d.measured_as, d.mask) r
  ),
  sure as materialized (
    select d.*, case when d.band is null then 1 else m.estimate end as confidence, m.n
    from (select distinct f.source_kind, f.method, c.band from cell c join fact f using (ref)) d
    left join lateral prov.measured(p_tenant, measured, 'confidence', d.source_kind, d.method, d.band) m on m.segment = d.band
  )
  select c.row_no, c.root, c.via, c.mart, c.field, c.field_group, f.evidence_no, f.public_sha256, f.source_kind, f.age_days, c.segment,
         k.reliability, k.reliability_n, k.reliability_basis, k.reliability_segment, k.survival_per_year, k.survival_n, k.survival_basis, k.survival_segment,
         w.factor, w.n, w.detail, c.band, u.confidence, u.n, f.checks_passed, f.checks_total, r.factor, r.touched, r.failed, r.n, f.is_recalled,
         prov.trust(model, k.reliability, k.survival_per_year, f.age_days, w.factor, u.confidence, f.checks_passed, f.checks_total, r.factor, f.is_recalled), null::integer, null::jsonb, c.measured_as
  from cell c join fact f using (ref)
  join known k on k.source_kind is not distinct from f.source_kind and k.measured_as = c.measured_as and k.segment = c.segment and k.ages = c.ages
  join way w on w.methods = c.methods and w.source_kind is not distinct from f.source_kind and w.method is not distinct from f.method
  join checked r on r.source_kind is not distinct from f.source_kind and r.measured_as = c.measured_as and r.mask is not distinct from c.mask
  join sure u on u.source_kind is not distinct from f.source_kind and u.method is not distinct from f.method and u.band is not distinct from c.band;
end $$;

grant execute on function prov.mart_key (text), prov.signature_sql (text), prov.resting_on (text, jsonb, text[]),
  prov.facts_of (text, timestamptz, text[]), prov.paths (text, text, timestamptz, jsonb, text[]) to reos_app, reos_analyst;
