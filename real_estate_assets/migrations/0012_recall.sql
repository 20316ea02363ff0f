-- Recalls: whether a file counts, and which cells rest on it. Runs as reos_owner.
--
-- A recall is one row of prov.recall or prov.public_recall (0007). Nothing is rewritten: trust reads 0 at once, because it
-- is computed at read, and a rebuild leaves the file out, because whoever lists a tenant's files asks prov.is_recalled.
-- Does not belong here: trust (0009), and the rebuild, which the fingerprints of the stages ask for.
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- Whether a tenant's file is taken back now.
create function prov.is_recalled (p_tenant text, p_file_no integer) returns boolean language sql stable parallel safe
return exists (select from prov.recall r where r.tenant_id = p_tenant and r.file_no = p_file_no and r.restored_at is null);

-- The evidence of a tenant that rests on a file: its own, and what was derived from that, however far.
create function prov.supported_by (p_tenant text, p_file_no integer, p_public_sha256 text) returns table (evidence_no integer, is_direct boolean)
language sql stable as $$
  with recursive own as (
    select e.evidence_no from prov.evidence e
    where e.tenant_id = p_tenant and (e.file_no = p_file_no or e.public_sha256 = p_public_sha256)),
  found as (
    select o.evidence_no from own o
    union
    select i.evidence_no from found f join prov.evidence_input i on i.tenant_id = p_tenant and i.input_evidence_no = f.evidence_no)
  select f.evidence_no, exists (select from own o where o.evidence_no = f.evidence_no) from found f $$;

-- For every field of a mart the groups that it rests on: its own first, then those of what it was computed from, however far.
create function prov.groups_of (p_mart text) returns table (field text, own_group text, groups text[]) language sql stable as $$
  with recursive inputs as (
    select m.field as root, m.mart, m.field, m.field_group, 0 as depth from prov.field_map m where m.mart = p_mart
    union
    select i.root, n.mart, n.field, n.field_group, i.depth + 1
    from inputs i join prov.field_map m on m.mart = i.mart and m.field = i.field
    cross join unnest(m.derived_from) as d (name)
    join prov.field_map n on n.mart = case when d.name like '%.%' then split_part(d.name, '.', 1) else i.mart end
                         and n.field = case when d.name like '%.%' then split_part(d.name, '.', 2) else d.name end
    where i.depth < 12) -- fields derived from each other in a circle end here instead of never
  select root, min(field_group) filter (where depth = 0), array_agg(distinct field_group) from inputs group by root $$;

-- The columns by which a row names what supports a group, with the test of one of them against the evidence ($1 own, $2
-- derived) and the sha256 ($3) of a file.
create function prov.supports_of (p_mart text) returns table (field_group text, is_direct text, is_derived text) language sql stable as $$
  select found[1],
         format(case found[2] when 'evidence_nos' then '%I && $1' when 'evidence_no' then '%I = any ($1)' else '%I = $3' end, m.field),
         format(case found[2] when 'evidence_nos' then '%I && $2' when 'evidence_no' then '%I = any ($2)' else 'false' end, m.field)
  from prov.field_map m cross join regexp_match(m.field, '^(.+)_(evidence_no|evidence_nos|public_sha256)$') found
  where m.mart = p_mart and m.field_group = 'provenance' and found is not null $$;

-- What of one mart rests on a file: {"group": {"direct": cells, "evidence_input": cells, "derived": cells}}; cells that are
-- null claim nothing and are not counted, and a cell that rests on it in two ways is counted once, by the nearest.
create function prov.recall_counts (p_tenant text, p_mart text, p_own integer[], p_derived integer[], p_public_sha256 text)
returns jsonb language plpgsql stable as $$
declare counts text; touched text; found jsonb;
begin
  select string_agg(is_direct || ' or ' || is_derived, ' or ') into touched from prov.supports_of(p_mart);
  select string_agg(format('%L, jsonb_build_object(''direct'', %s, ''evidence_input'', %s, ''derived'', %s)', own_group, direct, by_input, derived), ', ')
    into counts from (
    select g.own_group,
           string_agg(format('count(%I) filter (where %s)', g.field, coalesce(own.is_direct, 'false')), ' + ') as direct,
           string_agg(format('count(%I) filter (where not coalesce(%s, false) and %s)', g.field, coalesce(own.is_direct, 'false'), coalesce(own.is_derived, 'false')), ' + ') as by_input,
           string_agg(format('count(%I) filter (where not coalesce(%s, false) and (%s))', g.field,
                             coalesce(own.is_direct || ' or ' || own.is_derived, 'false'), coalesce(others.touched, 'false')), ' + ') as derived
    from prov.groups_of(p_mart) g
    left join prov.supports_of(p_mart) own on own.field_group = g.own_group
    left join lateral (select string_agg(s.is_direct || ' or ' || s.is_derived, ' or ') as touched from prov.supports_of(p_mart) s
                       where s.field_group = any (g.groups) and s.field_group <> g.own_group) others on true
    where g.own_group <> all ('{provenance,tenant}') and exists (select from prov.supports_of(p_mart) s where s.field_group = any (g.groups))
    group by g.own_group) by_group;
  if counts is null or to_regclass(format('marts.%I', p_mart)) is null then return '{}'; end if;
  execute format('select jsonb_build_object(%s) from marts.%I where tenant_id = %L and (%s)', counts, p_mart, p_tenant, touched)
    into found using p_own, p_derived, p_public_sha256;
  return found;
end $$;

-- How many cells of a tenant rest on a file, by mart, field group and way: direct (the file's own records), evidence_input
-- (evidence that was derived from it), derived (computed from such a cell of another group). p_file_no: a file of the
-- tenant; p_public_sha256: a public one. Whoever asks sees their own tenants' cells and no others.
create function prov.recall_impact (p_tenant text, p_file_no integer, p_public_sha256 text default null)
returns table (mart text, field_group text, way text, cells bigint) language plpgsql stable as $$
declare own integer[]; derived integer[];
begin
  select coalesce(array_agg(s.evidence_no) filter (where s.is_direct), '{}'), coalesce(array_agg(s.evidence_no) filter (where not s.is_direct), '{}')
    into own, derived from prov.supported_by(p_tenant, p_file_no, p_public_sha256) s;
  return query select m.mart, g.key, w.key, w.value::bigint from (select distinct f.mart from prov.field_map f) m
    cross join lateral jsonb_each(prov.recall_counts(p_tenant, m.mart, own, derived, p_public_sha256)) g
    cross join lateral jsonb_each_text(g.value) w
    where w.value <> '0' order by m.mart, g.key, w.key;
end $$;

grant execute on function
  prov.is_recalled (text, integer), prov.supported_by (text, integer, text), prov.groups_of (text), prov.supports_of (text),
  prov.recall_counts (text, text, integer[], integer[], text), prov.recall_impact (text, integer, text)
to reos_app, reos_analyst;
