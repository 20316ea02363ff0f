-- The parts of the answer of prov.why (0012) as JSON: factors, evidence, checks, steps, inputs, rivals, the reason of a null.
-- Runs as reos_owner.
--
-- Does not belong here: what is computed (0009, 0009b, 0012). Two functions run as the owner, because no login reads the
-- records: what else was said of a cell, and what the reader wrote down about an empty one. Each asks first who is calling.
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- Factors of a path; their product is its trust.
create function prov.factors_of (q prov.question, p prov.path) returns jsonb language sql stable
return jsonb_build_array(
  jsonb_build_object('name', 'reliability', 'value', coalesce(p.reliability, (q.model).unknown_reliability), 'n', p.reliability_n, 'basis', p.reliability_basis,
    'detail', jsonb_build_object('source_kind', p.source_kind, 'segment', p.reliability_segment, 'prior_only',
      not prov.is_measured(q.tenant_id, (q.calibration).version, q.model, 'independent', p.source_kind, p.measured_as, p.segment))),
  jsonb_build_object('name', 'persistence', 'value', prov.persistence(q.model, p.survival_per_year, p.age_days), 'n', p.survival_n, 'basis', p.survival_basis,
    'detail', jsonb_build_object('survival_per_year', p.survival_per_year, 'age_days', p.age_days, 'segment', p.survival_segment,
                                 'prior_only',
      p.survival_n is not null and not prov.is_measured(q.tenant_id, (q.calibration).version, q.model, 'stability', p.source_kind, p.measured_as, p.segment))),
  jsonb_build_object('name', 'method', 'value', p.method_factor, 'n', p.method_n, 'basis', p.methods -> -1 ->> 'basis', 'detail', jsonb_build_object('methods', p.methods)),
  jsonb_build_object('name', 'confidence', 'value', coalesce(p.confidence, (q.model).unknown_confidence), 'n', p.confidence_n,
    'basis', case when p.band is null then 'the value comes without a confidence of its own'
                  when p.confidence is not null then 'measured for this share of the lot, relative to the best'
                  else 'nothing has been measured for this share of the lot' end,
    'detail', case when p.band is null then '{}' else jsonb_build_object('overlap_band', p.band) end),
  jsonb_build_object('name', 'partition_checks', 'value', prov.partition_factor(p.checks_passed, p.checks_total), 'n', coalesce(p.checks_total, 0),
    'basis', case when p.checks_total > 0 then format('%s of %s checks of the file passed', p.checks_passed, p.checks_total) else 'no check of the file is recorded' end,
    'detail', jsonb_build_object('passed', coalesce(p.checks_passed, 0), 'total', coalesce(p.checks_total, 0))),
  jsonb_build_object('name', 'row_checks', 'value', coalesce(p.row_factor, (q.model).no_check_factor), 'n', p.row_n,
    'basis', case when p.row_touched = 0 then 'no check of single records touches the field'
                  else format('%s of %s checks that touch the field failed', cardinality(p.row_failed), p.row_touched) end,
    'detail', jsonb_build_object('touched', p.row_touched, 'failed', to_jsonb(p.row_failed))),
  jsonb_build_object('name', 'recall', 'value', case when p.is_recalled then 0 else 1 end, 'n', null,
    'basis', case when p.is_recalled then 'a file below the cell was recalled' else 'no file below the cell is recalled' end, 'detail', '{}'::jsonb));

-- A file as received.
create function prov.file_json (f prov.source_file, p prov.public_file) returns jsonb language sql stable
return case
  when f.file_no is not null then jsonb_build_object(
    'scope', 'tenant', 'file_no', f.file_no, 'sha256', f.sha256, 'uri', f.uri, 'name', f.source_name, 'source_kind', f.source_kind, 'vintage', f.vintage,
    'received_at', f.received_at, 'licence', f.licence, 'object_key', f.object_key, 'locator_kind', f.locator_kind, 'byte_count', f.byte_count,
    'record_type', f.record_type)
  when p.sha256 is not null then jsonb_build_object(
    'scope', 'public', 'file_no', null, 'sha256', p.sha256, 'uri', p.uri, 'name', p.layer, 'source_kind', p.source_kind, 'vintage', p.vintage,
    'received_at', p.received_at, 'licence', p.licence, 'object_key', p.object_key, 'locator_kind', p.locator_kind, 'byte_count', p.byte_count,
    'record_type', null)
end;

-- What an evidence was derived from, through all steps.
create function prov.evidence_inputs (p_tenant text, p_evidence_no integer) returns jsonb language plpgsql stable as $$
begin
  return (
    with recursive below (evidence_no) as (
      select i.input_evidence_no from prov.evidence_input i where i.tenant_id = p_tenant and i.evidence_no = p_evidence_no
      union
      select i.input_evidence_no from below b join prov.evidence_input i on i.tenant_id = p_tenant and i.evidence_no = b.evidence_no
    )
    select coalesce(jsonb_agg(jsonb_build_object(
      'evidence_no', e.evidence_no, 'group', e.field_group, 'method', e.method, 'code_version', e.code_version, 'run_id', e.run_id,
      'created_at', e.created_at, 'file', prov.file_json(f, p)) order by e.evidence_no), '[]')
    from below b join prov.evidence e on e.tenant_id = p_tenant and e.evidence_no = b.evidence_no
    left join prov.source_file f on f.tenant_id = p_tenant and f.file_no = e.file_no
    left join prov.public_file p on p.sha256 = e.public_sha256);
end $$;

-- The evidence below a cell, that of its own field group first.
create function prov.evidence_of (q prov.question, p_row jsonb, p_paths prov.path[]) returns jsonb language plpgsql stable as $$
begin
  if p_paths is null then return '[]'; end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'evidence_no', d.evidence_no, 'group', d.field_group, 'record_no', coalesce(to_jsonb(d.record_no), p_row -> (d.field_group || '_record_no')),
      'run_id', e.run_id, 'created_at', e.created_at,
      'method', e.method, 'code_version', e.code_version, 'method_description', m.description, 'checks_passed', coalesce(e.checks_passed, 0),
      'checks_total', coalesce(e.checks_total, 0), 'is_recalled', d.is_recalled,
      'recall_reason', case when d.is_recalled then prov.recall_reason(q.tenant_id, d.evidence_no, d.public_sha256, q.as_of) end,
      'file', prov.file_json(f, p), 'inputs', case when exists (select from prov.evidence_input i where i.tenant_id = q.tenant_id and i.evidence_no = e.evidence_no)
                     then prov.evidence_inputs(q.tenant_id, e.evidence_no) else '[]' end
    ) order by d.i), '[]')
    from (select distinct on (u.evidence_no, u.public_sha256, u.field_group) u.*, u.ordinality as i from unnest(p_paths) with ordinality u
          order by u.evidence_no, u.public_sha256, u.field_group, u.ordinality) d
    left join prov.evidence e on e.tenant_id = q.tenant_id and e.evidence_no = d.evidence_no
    left join prov.method m on m.method = e.method and m.code_version = e.code_version
    left join prov.source_file f on f.tenant_id = q.tenant_id and f.file_no = e.file_no
    left join prov.public_file p on p.sha256 = d.public_sha256);
end $$;

-- Why an evidence counts as recalled: the words of the recall of its file, or of one below.
create function prov.recall_reason (p_tenant text, p_evidence_no integer, p_public_sha256 text, p_as_of timestamptz) returns text language plpgsql stable as $$
begin
  return (
    with recursive origin (evidence_no, depth) as (
      select p_evidence_no, 0
      union
      select i.input_evidence_no, o.depth + 1 from origin o join prov.evidence_input i on i.tenant_id = p_tenant and i.evidence_no = o.evidence_no
    )
    select r.reason from origin o left join prov.evidence e on e.tenant_id = p_tenant and e.evidence_no = o.evidence_no
    cross join prov.recall_at(p_tenant, e.file_no, coalesce(e.public_sha256, p_public_sha256), p_as_of) as r (reason)
    order by o.depth, o.evidence_no limit 1);
end $$;

-- What the gate said of the file, and the checks of single records that touch the field.
create function prov.checks_of (q prov.question, p prov.path) returns jsonb language plpgsql stable as $$
begin
  if p.trust is null then return '{"partition": [], "row": []}'; end if;
  return jsonb_build_object(
    'partition', (
      select coalesce(jsonb_agg(jsonb_build_object('rule', r.key, 'column', null, 'passed', false, 'level', g.key, 'told', r.value) order by g.key, r.key), '[]')
      from prov.evidence e join prov.source_file f on f.tenant_id = e.tenant_id and f.file_no = e.file_no
      cross join jsonb_each(f.gate_report) g cross join jsonb_each_text(case when jsonb_typeof(g.value) = 'object' then g.value else '{}' end) r
      where e.tenant_id = q.tenant_id and e.evidence_no = p.evidence_no),
    'row', (
      select coalesce(jsonb_agg(jsonb_build_object('name', c.check_name, 'description', c.description, 'passed', c.check_name <> all (p.row_failed))
                                order by c.check_name), '[]')
      from prov.row_check c
      where p.field = any (c.fields) and p.row_touched > 0
        and (c.bit is null or exists (select from prov.field_map m where m.mart = p.mart and m.field = p.field_group || '_checks_failed'))));
end $$;

-- What was done, from the file to the mart. Where no row says when and by whom, both are null.
create function prov.steps_of (p_mart text, p_evidence jsonb, p_paths prov.path[], p_build history.build) returns jsonb language plpgsql stable as $$
begin
  return (
    with evidence (e) as (
      select e from jsonb_array_elements(p_evidence) e
      union all
      select i from jsonb_array_elements(p_evidence) e cross join jsonb_array_elements(e -> 'inputs') i
    ),
    step (place, step, what, code_version, run_id, at) as (
      select 1, 'landed', e #>> '{file,uri}', null, null, e #>> '{file,received_at}' from evidence where e -> 'file' <> 'null'
      union
      select k.place, k.step, e ->> 'method', e ->> 'code_version', e ->> 'run_id', e ->> 'created_at' from evidence
      cross join lateral (select case when e ->> 'method' = 'read_and_cast' then 2 when e ->> 'group' = 'parcel_geometry' then 5 else 6 end,
                                 case when e ->> 'method' = 'read_and_cast' then 'read' when e ->> 'group' = 'parcel_geometry' then 'located' else 'joined' end
                         ) k (place, step)
      where (e ->> 'evidence_no')::integer > 0
      union
      select k.place, k.step, k.method, null, null, null from unnest(p_paths) u cross join jsonb_array_elements(u.methods) m
      join (values (3, 'identified', 'identity'), (4, 'standardized', 'address_standard'), (7, 'scored', 'hazard_scale')) k (place, step, method)
        on k.method = m ->> 'method'
      union all
      select k.place, k.step, k.what, null, p_build.run_id, k.at
      from (values (8, 'built', p_mart, null), (9, 'published', format('build %s', p_build.build_no), to_jsonb(p_build.published_at) #>> '{}')) k (place, step, what, at)
      where p_build.build_no is not null
    )
    select coalesce(jsonb_agg(jsonb_build_object('step', s.step, 'what', s.what, 'code_version', s.code_version, 'run_id', s.run_id, 'at', s.at)
                              order by s.place, s.at::timestamptz, s.what, s.run_id), '[]') from step s);
end $$;

-- The cells that a derived cell was computed from, each with its own trust: without the derived field's method. One that is
-- null claims nothing and has none.
create function prov.inputs_of (q prov.question, f prov.field_map, p_row jsonb, p_paths prov.path[]) returns jsonb language plpgsql stable as $$
begin
  if p_paths[1].via is null then return '[]'; end if;
  return (
    select jsonb_agg(jsonb_build_object('mart', coalesce(substring(i.name from '^(.+)\.'), f.mart), 'field', substring(i.name from '[^.]+$'),
                                        'value', i.value, 'trust', i.trust, 'evidence_no', i.evidence_no) order by i.name)
    from (
      select distinct on (u.via) u.via as name, u.via_value as value, u.evidence_no,
             prov.trust(q.model, u.reliability, u.survival_per_year, u.age_days, m.factor, u.confidence, u.checks_passed, u.checks_total, u.row_factor,
                        u.is_recalled) as trust
      from unnest(p_paths) u
      cross join lateral (select prov.product((x ->> 'factor')::double precision order by o) as factor
                          from jsonb_array_elements(u.methods) with ordinality as y (x, o) where o > 1) m
      order by u.via, trust, u.evidence_no) i)
    || (select coalesce(jsonb_agg(jsonb_build_object('mart', f.mart, 'field', d, 'value', null, 'trust', null, 'evidence_no', null) order by d), '[]')
        from unnest(f.derived_from) d where p_row -> d = 'null' and not p_paths[1].via like '%[%');
end $$;

grant execute on function
  prov.factors_of (prov.question, prov.path), prov.file_json (prov.source_file, prov.public_file), prov.evidence_inputs (text, integer),
  prov.evidence_of (prov.question, jsonb, prov.path[]), prov.recall_reason (text, integer, text, timestamptz),
  prov.checks_of (prov.question, prov.path), prov.steps_of (text, jsonb, prov.path[], history.build),
  prov.inputs_of (prov.question, prov.field_map, jsonb, prov.path[])
to reos_app, reos_analyst;
