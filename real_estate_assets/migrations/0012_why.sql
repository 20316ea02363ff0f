-- Why does this cell say what it says: one cell's trust with every factor, its evidence, and what else is known of it.
-- Runs as reos_owner; the functions run as whoever asks, so row-level security decides what there is to see.
--
-- The same rules as prov.paths (0009b), followed from one cell in steps of one look-up each: the set-based form answers for
-- thousands of signatures and needs 3 ms to start; this one needs less than that for the whole answer. A test holds the two
-- together on every cell. Does not belong here: the words of the parts of the answer (0012b), sums over marts (0012c).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- What is asked: for whom, as of when, by which constants and which measurement.
create type prov.question as (tenant_id text, as_of timestamptz, model prov.trust_model, calibration prov.calibration);

-- The row as it was served then, as jsonb; null where it did not exist, or is not the caller's.
create function prov.row_at (p_tenant text, p_mart text, p_key jsonb, p_as_of timestamptz) returns jsonb language plpgsql stable as $$
declare key text[] := prov.mart_key(p_mart); found jsonb; conditions text;
begin
  if key is null or p_key is null then return null; end if;
  if not p_key ?& key then
    raise exception 'a row of % is named by %', p_mart, array_to_string(key, ', ') using errcode = 'invalid_parameter_value';
  end if;
  if p_as_of is not null and exists (select from history.build b where b.tenant_id = p_tenant and b.published_at > p_as_of) then
    return history.row_at(p_tenant, p_mart, (select jsonb_object_agg(k, p_key -> k) from unnest(key) k), p_as_of);
  end if;
  select string_agg(format('m.%I = %L', k, p_key ->> k), ' and ') into conditions from unnest(key) k;
  execute format('select to_jsonb(m) from marts.%I m where m.tenant_id = %L and %s', p_mart, p_tenant, conditions) into found;
  return found;
end $$;

-- Evidence of a field group of a row: numbers, or the sha256 of a public file. What the row does not name is evidence 0.
create function prov.refs_of (p_row jsonb, p_group text) returns text[] language sql stable
return case when p_row ? (p_group || '_evidence_no') then array[coalesce(p_row ->> (p_group || '_evidence_no'), '0')]
            when p_row ? (p_group || '_public_sha256') then array[coalesce(p_row ->> (p_group || '_public_sha256'), '0')]
            when jsonb_typeof(p_row -> (p_group || '_evidence_nos')) = 'array' and p_row -> (p_group || '_evidence_nos') <> '[]'
            then translate(p_row ->> (p_group || '_evidence_nos'), '[]', '{}')::text[]
            else '{0}' end;

-- Trust of a cell that rests on evidence itself, with every factor.
create function prov.path_of (
  q prov.question, p_mart text, p_field text, p_group text, p_ages boolean, p_method text, p_ref text, p_measured_as text, p_segment text,
  p_band text, p_mask integer
) returns prov.path language plpgsql stable as $$
declare p prov.path; calibrated integer := (q.calibration).version; made_by text; vintage date; x record;
begin
  p.row_no := 1; p.mart := p_mart; p.field := p_field; p.field_group := p_group; p.segment := p_segment; p.band := p_band; p.measured_as := p_measured_as;
  if length(p_ref) = 64 then p.public_sha256 := p_ref; elsif p_ref ~ '^\d+$' then p.evidence_no := p_ref; made_by := 'unknown'; end if;
  if p.evidence_no is not null then
    select e.method, e.checks_passed, e.checks_total, e.public_sha256, f.source_kind, f.vintage into x
      from prov.evidence e left join prov.source_file f on f.tenant_id = q.tenant_id and f.file_no = e.file_no
     where e.tenant_id = q.tenant_id and e.evidence_no = p.evidence_no;
    if found then
      made_by := x.method; p.checks_passed := x.checks_passed; p.checks_total := x.checks_total; p.public_sha256 := x.public_sha256;
      p.source_kind := x.source_kind; vintage := x.vintage;
    end if;
  end if;
  if p.public_sha256 is not null then
    select f.source_kind, f.vintage into p.source_kind, vintage from prov.public_file f where f.sha256 = p.public_sha256;
  end if;
  p.age_days := (q.as_of at time zone 'UTC')::date - vintage;
  p.is_recalled := prov.rests_on_recalled(q.tenant_id, p.evidence_no, p.public_sha256, q.as_of);
  select a.reliability, a.n, a.basis, a.segment, case when p_ages then s.survival_per_year else 1 end, s.n,
         case when p_ages then s.basis else 'a statement about a dated event does not grow old' end, s.segment,
         r.factor, r.touched, r.failed, r.n, case when p_band is null then 1 else c.estimate end, c.n,
         m.factor, m.n, m.methods
    into p.reliability, p.reliability_n, p.reliability_basis, p.reliability_segment, p.survival_per_year, p.survival_n, p.survival_basis, p.survival_segment,
         p.row_factor, p.row_touched, p.row_failed, p.row_n, p.confidence, p.confidence_n, p.method_factor, p.method_n, p.methods
    from prov.reliability(q.tenant_id, calibrated, p.source_kind, p_measured_as, p_segment, q.as_of) a
    cross join prov.row_factor(q.tenant_id, calibrated, q.model, p.source_kind, p_measured_as, p_mask) r
    cross join lateral (
      select prov.product(coalesce(o.factor, (q.model).unknown_method) order by u.i) as factor, min(o.n) as n,
             jsonb_agg(jsonb_build_object('method', u.method, 'factor', coalesce(o.factor, (q.model).unknown_method), 'n', o.n, 'basis', o.basis) order by u.i) as methods
      from unnest(array_remove(array[p_method, made_by], null)) with ordinality as u (method, i)
      cross join lateral prov.method_factor(q.tenant_id, calibrated, q.model, p.source_kind, u.method, q.as_of) o) m
    left join prov.survival(q.tenant_id, calibrated, p.source_kind, p_measured_as, p_segment, q.as_of) s on p_ages
    left join prov.measured(q.tenant_id, calibrated, 'confidence', p.source_kind, made_by, p_band) c on p_band is not null and c.segment = p_band;
  p.trust := prov.trust(q.model, p.reliability, p.survival_per_year, p.age_days, p.method_factor, p.confidence, p.checks_passed, p.checks_total,
                        p.row_factor, p.is_recalled);
  return p;
end $$;

-- The same path, one method further: a field's own method on top of what it was made from.
create function prov.by_method (q prov.question, p prov.path, p_method text) returns prov.path language plpgsql stable as $$
declare m record;
begin
  select coalesce(f.factor, (q.model).unknown_method) as factor, f.n, f.basis into m
    from prov.method_factor(q.tenant_id, (q.calibration).version, q.model, p.source_kind, p_method, q.as_of) f;
  p.method_factor := m.factor * p.method_factor;
  p.method_n := least(m.n, p.method_n);
  p.methods := jsonb_build_array(jsonb_build_object('method', p_method, 'factor', m.factor, 'n', m.n, 'basis', m.basis)) || p.methods;
  p.trust := prov.trust(q.model, p.reliability, p.survival_per_year, p.age_days, p.method_factor, p.confidence, p.checks_passed, p.checks_total,
                        p.row_factor, p.is_recalled);
  return p;
end $$;

-- Whether the evidence, or anything it was derived from, stands in a file that was recalled then.
create function prov.rests_on_recalled (p_tenant text, p_evidence_no integer, p_public_sha256 text, p_as_of timestamptz) returns boolean language plpgsql stable as $$
begin
  -- Nothing recalled is the rule, and known without a look at the evidence.
  if not exists (select from prov.recall r where r.tenant_id = p_tenant) and not exists (select from prov.public_recall) then return false; end if;
  return exists (
    with recursive origin (evidence_no) as (
      select p_evidence_no
      union
      select i.input_evidence_no from origin o join prov.evidence_input i on i.tenant_id = p_tenant and i.evidence_no = o.evidence_no
    )
    select from origin o left join prov.evidence e on e.tenant_id = p_tenant and e.evidence_no = o.evidence_no
    cross join prov.recall_at(p_tenant, e.file_no, coalesce(e.public_sha256, p_public_sha256), p_as_of));
end $$;

-- All ways from a field of a row down to evidence, each with its trust; the cell's is the least. Rules: prov.paths (0009b).
-- p_group, p_ages: of the field that this one is an input of, for an input that its mart does not show.
create function prov.paths_of (q prov.question, p_mart text, p_field text, p_row jsonb, p_group text default null, p_ages boolean default true)
returns prov.path[] language plpgsql stable as $$
declare f record; found prov.path[] := '{}'; name text; ref text; other jsonb;
begin
  select coalesce(n.field_group, p_group) as field_group, coalesce(n.method, 'copy') as method, coalesce(n.ages, p_ages) as ages,
         coalesce(n.derived_from, '{}') as derived_from,
         exists (select from prov.field_map c where c.mart = p_mart and c.field = coalesce(n.field_group, p_group) || '_checks_failed') as is_checked into f
    from (values (1)) as one (row) left join prov.field_map n on n.mart = p_mart and n.field = p_field;
  if p_mart = 'fct_property_hazards' and p_row ->> 'peril' = 'composite' then
    for other in select * from prov.perils_of(q.tenant_id, p_row, q.as_of) loop
      found := found || prov.further(q, prov.paths_of(q, p_mart, 'hazard_score', other), f.method, format('hazard_score[%s]', other ->> 'peril'), other -> 'hazard_score');
    end loop;
  else
    foreach name in array f.derived_from loop
      continue when p_row -> name = 'null';
      found := found || prov.further(q, case when name like '%.%' then prov.paths_of(q, split_part(name, '.', 1), split_part(name, '.', 2), p_row, f.field_group, f.ages)
                                             else prov.paths_of(q, p_mart, name, p_row, f.field_group, f.ages) end, f.method, name, p_row -> name);
    end loop;
  end if;
  if found <> '{}' then return found; end if;
  foreach ref in array prov.refs_of(p_row, f.field_group) loop
    found := found || prov.path_of(q, p_mart, p_field, f.field_group, f.ages, f.method, ref,
      case when p_mart = 'fct_changes' and p_field ~ '^(old|new)_value' then p_row ->> 'field' else p_field end,
      case when f.field_group = 'assessor' and p_row ? 'use_code' then prov.segment_of(p_row ->> 'use_description', p_row ->> 'use_code') else 'all' end,
      case when (p_row ->> 'zones_touched')::integer > 0 then prov.overlap_band((p_row ->> 'overlap_share')::double precision) end,
      case when f.is_checked then coalesce((p_row ->> (f.field_group || '_checks_failed'))::integer, 0) end);
    found[cardinality(found)].record_no := p_row ->> (f.field_group || '_record_no');
  end loop;
  return found;
end $$;

-- Paths of an input as paths of the field made from it by a method; via: the input of the field that is asked about.
create function prov.further (q prov.question, p_paths prov.path[], p_method text, p_via text, p_value jsonb) returns prov.path[]
language plpgsql stable as $$
declare p prov.path; found prov.path[] := '{}';
begin
  foreach p in array coalesce(p_paths, '{}') loop
    p := prov.by_method(q, p, p_method);
    p.via := p_via;
    p.via_value := p_value;
    found := found || p;
  end loop;
  return found;
end $$;

-- The rows of the single perils that a composite row was computed from: those that have a score.
create function prov.perils_of (p_tenant text, p_composite jsonb, p_as_of timestamptz) returns setof jsonb language plpgsql stable as $$
declare peril text; found jsonb;
begin
  foreach peril in array '{flood,heat,wildfire}'::text[] loop
    found := prov.row_at(p_tenant, 'fct_property_hazards', p_composite || jsonb_build_object('peril', peril), p_as_of);
    if found ->> 'hazard_score' is not null then return next found; end if;
  end loop;
end $$;

-- The whole answer about one cell; keys: docs/trust.md. null: no such row is visible to the caller, and nothing more is said.
create function prov.why (p_tenant text, p_mart text, p_key jsonb, p_field text, p_as_of timestamptz default null) returns jsonb
language plpgsql stable set timezone = 'UTC' set plan_cache_mode = 'force_generic_plan' set jit = off as $$
declare q prov.question; factors jsonb := '[]'; cell_row jsonb; f prov.field_map; paths prov.path[]; best prov.path; built history.build; evidence jsonb; known record;
begin
  if not prov.sees(p_tenant) then return null; end if;
  q.tenant_id := p_tenant;
  q.as_of := coalesce(p_as_of, now());
  select (select m from prov.field_map m where m.mart = p_mart and m.field = p_field) as field,
         (select b from history.build b where b.tenant_id = p_tenant and b.published_at <= q.as_of order by b.published_at desc, b.build_no desc limit 1) as build,
         prov.model_at(q.as_of) as model, prov.calibration_at(p_tenant, q.as_of) as calibration into known;
  f := known.field; built := known.build; q.model := known.model; q.calibration := known.calibration;
  if f.mart is null then
    raise exception 'no mart has a field %.%: prov.field_map lists them', p_mart, p_field using errcode = 'undefined_column';
  end if;
  cell_row := prov.row_at(p_tenant, p_mart, p_key, p_as_of);
  if cell_row is null then return null; end if;
  if f.field_group <> all ('{provenance,tenant}') then
    paths := prov.paths_of(q, p_mart, p_field, cell_row);
    if cell_row -> p_field <> 'null' then
      select p.* into best from unnest(paths) p order by p.trust, p.via, p.evidence_no limit 1;
    end if;
  end if;
  evidence := prov.evidence_of(q, cell_row, paths);
  if best.trust is not null then factors := prov.factors_of(q, best); end if;
  return jsonb_build_object(
    'tenant_id', p_tenant, 'mart', p_mart, 'key', (select jsonb_object_agg(k, cell_row -> k) from unnest(prov.mart_key(p_mart)) k),
    'property_id', cell_row -> 'property_id', 'field', p_field, 'value', cell_row -> p_field,
    'null_reason', case when cell_row -> p_field = 'null' or cell_row -> p_field is null then prov.null_reason(q, f, cell_row) end,
    'as_of', q.as_of, 'field_group', f.field_group, 'trust', best.trust,
    'trust_reason', case when f.field_group = any ('{provenance,tenant}') then 'own_record'
                         when cell_row -> p_field = 'null' or cell_row -> p_field is null then 'no_value'
                         when best.trust is null then 'no_trust_model' end,
    'band', prov.band(q.model, best.trust), 'prior_only', best.trust is not null and (factors #> '{0,detail,prior_only}')::boolean and (factors #> '{1,detail,prior_only}')::boolean,
    'model', jsonb_build_object('version', (q.model).version, 'recorded_at', (q.model).recorded_at),
    'calibration', case when (q.calibration).version is not null
                        then jsonb_build_object('version', (q.calibration).version, 'measured_at', (q.calibration).measured_at) end
  ) || jsonb_build_object(
    'factors', factors,
    'evidence', evidence, 'checks', prov.checks_of(q, best), 'steps', prov.steps_of(p_mart, evidence, paths, built),
    'inputs', prov.inputs_of(q, f, cell_row, paths),
    'rivals', case when p_as_of is null then prov.rivals_of(q, f, cell_row) else '[]' end,
    'build', case when built.build_no is not null
                  then jsonb_build_object('build_no', built.build_no, 'run_id', built.run_id, 'invocation_id', built.invocation_id,
                                          'published_at', built.published_at) end);
end $$;

-- The same for a property: a field of dim_properties, or mart.field of its row in another mart, the newest where it has
-- several (their keys are in other_rows). A hazard is named by its peril: fct_property_hazards.hazard_score[flood].
create function prov.why (p_tenant text, p_property uuid, p_field text, p_as_of timestamptz default null) returns jsonb
language plpgsql stable set timezone = 'UTC' as $$
declare part text[] := regexp_match(p_field, '^(?:([a-z_]+)\.)?([a-z0-9_]+)(?:\[([a-z_]+)\])?$'); keys jsonb; answer jsonb;
begin
  if part is null then
    if not prov.sees(p_tenant) then return null; end if;
    raise exception 'a field is named field, mart.field or mart.field[peril], not %', quote_literal(p_field) using errcode = 'invalid_parameter_value';
  end if;
  part[1] := coalesce(part[1], 'dim_properties');
  if part[1] = 'dim_properties' then return prov.why(p_tenant, part[1], jsonb_build_object('property_id', p_property), part[2], p_as_of); end if;
  if part[3] is not null then
    return prov.why(p_tenant, part[1], jsonb_build_object('property_id', p_property, 'peril', part[3]), part[2], p_as_of);
  end if;
  if not prov.sees(p_tenant) then return null; end if;
  if not exists (select from prov.field_map m where m.mart = part[1] and m.field = 'property_id') then
    raise exception 'rows of % are not named by a property: ask with their key', part[1] using errcode = 'invalid_parameter_value';
  end if;
  keys := prov.keys_of(p_tenant, part[1], p_property, p_as_of);
  answer := prov.why(p_tenant, part[1], keys -> 0, part[2], p_as_of);
  return case when jsonb_array_length(keys) > 1 then answer || jsonb_build_object('other_rows', keys - 0) else answer end;
end $$;

-- Keys of a property's rows in a mart, newest first; null where it has none.
create function prov.keys_of (p_tenant text, p_mart text, p_property uuid, p_as_of timestamptz) returns jsonb language plpgsql stable as $$
declare found jsonb; key text; newest text := case p_mart when 'fct_assessments' then 'm.fiscal_year desc' when 'fct_sales' then 'm.sale_date desc nulls last'
  when 'fct_changes' then 'm.new_vintage desc nulls last' when 'fct_ownership' then 'm.fiscal_year desc nulls last' else 'true' end;
begin
  select string_agg(format('%L, m.%I', k, k), ', ') into key from unnest(prov.mart_key(p_mart)) k;
  if key is null then return null; end if;
  execute format('select jsonb_agg(jsonb_build_object(%s) order by %s, m::text) from %s m where m.tenant_id = %L and m.property_id = %L', key, newest,
                 prov.mart_as_of(p_tenant, p_mart, p_as_of), p_tenant, p_property) into found;
  return found;
end $$;

-- A mart as it was served then, for the from clause of a query: itself, or its rows out of the history.
create function prov.mart_as_of (p_tenant text, p_mart text, p_as_of timestamptz) returns text language plpgsql stable as $$
begin
  if p_as_of is null or not exists (select from history.build b where b.tenant_id = p_tenant and b.published_at > p_as_of) then
    return format('marts.%I', p_mart);
  end if;
  return format('(select (jsonb_populate_record(null::marts.%1$I, r)).* from history.rows_at(%2$L, %1$L, %3$L) r)', p_mart, p_tenant, p_as_of);
end $$;

grant execute on function
  prov.row_at (text, text, jsonb, timestamptz), prov.refs_of (jsonb, text),
  prov.path_of (prov.question, text, text, text, boolean, text, text, text, text, text, integer),
  prov.by_method (prov.question, prov.path, text), prov.rests_on_recalled (text, integer, text, timestamptz),
  prov.paths_of (prov.question, text, text, jsonb, text, boolean),
  prov.further (prov.question, prov.path[], text, text, jsonb), prov.perils_of (text, jsonb, timestamptz),
  prov.why (text, text, jsonb, text, timestamptz), prov.why (text, uuid, text, timestamptz), prov.keys_of (text, text, uuid, timestamptz),
  prov.mart_as_of (text, text, timestamptz)
to reos_app, reos_analyst;
