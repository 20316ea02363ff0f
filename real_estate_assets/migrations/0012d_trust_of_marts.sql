-- Trust of whole marts: every cell, sums by field group, the rows to look at first. Runs as reos_owner; the functions run as
-- whoever asks, so row-level security decides whose rows are counted.
--
-- One statement a mart. Rows with one signature and the same nulls are one question: a tenant's 4 million cells are some
-- thousand of them. Nothing is kept: the next call asks again.
-- Does not belong here: the answer about one cell (0012).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- A query of the rows of a mart as they were served then: row_key, signature, is_null (one boolean a field of p_fields).
create function prov.rows_sql (p_tenant text, p_mart text, p_as_of timestamptz, p_fields text[]) returns text language plpgsql stable as $$
declare key text; nulls text; rest text; signature text := prov.signature_sql(p_mart);
begin
  select string_agg(format('%L, m.%I', k, k), ', ') into key from unnest(prov.mart_key(p_mart)) k;
  select string_agg(format('m.%I is null', c), ', ' order by i) into nulls from unnest(p_fields) with ordinality as u (c, i);
  rest := format(' from %s m where m.tenant_id = %L', prov.mart_as_of(p_tenant, p_mart, p_as_of), p_tenant);
  -- A composite rests on the scores of its perils: they become part of its signature.
  return format('select jsonb_build_object(%s) as row_key, %s as signature, array[%s] as is_null', key,
      case when p_mart = 'fct_property_hazards' then format('case when m.peril = ''composite'' and c.perils is not null'
        ' then jsonb_build_object(''of'', ''hazard_score'', ''rows'', c.perils) else %s end', signature) else signature end, nulls)
    || case when p_mart = 'fct_property_hazards' then
         replace(rest, ' m where', format(' m left join (select m.property_id, jsonb_agg(%s order by m.peril) as perils%s and m.peril <> ''composite'''
                                          ' and m.hazard_score is not null group by m.property_id) c on c.property_id = m.property_id where', signature, rest))
       else rest end;
end $$;

-- The fields of a mart that can make a claim, with their group, in one order for everything below.
create function prov.claims_of (p_mart text) returns table (field text, field_group text) language sql stable
begin atomic
  select f.field, f.field_group from prov.field_map f where f.mart = p_mart order by f.field;
end;

-- Rows that are alike: how many there are of a signature and a pattern of nulls, and the trust of each of the fields (in the
-- order of claims_of; null where the field is null or the platform's own record).
create function prov.alike_sql (p_tenant text, p_mart text, p_as_of timestamptz, p_fields text[]) returns text language sql stable
return format($sql$
  rows as materialized (%s),
  alike as materialized (select signature, is_null, count(*) as n, row_number() over () as no from rows group by signature, is_null),
  signatures as materialized (select signature, row_number() over () as no from (select distinct signature from alike) d),
  known as materialized (
    select p.row_no, p.root, min(p.trust) as trust
    from prov.paths(%L, %L, %L, (select jsonb_agg(signature order by no) from signatures)) p group by p.row_no, p.root),
  trusts as materialized (
    select s.signature, array_agg(k.trust order by u.i) as trust from signatures s cross join unnest(%L::text[]) with ordinality as u (field, i)
    left join known k on k.row_no = s.no and k.root = u.field group by s.signature)
$sql$, prov.rows_sql(p_tenant, p_mart, p_as_of, p_fields), p_tenant, p_mart, coalesce(p_as_of, now()), p_fields);

-- Trust of every cell, null where the cell is null or the platform's own record.
create function prov.trust_cells (p_tenant text, p_mart text, p_as_of timestamptz default null)
returns table (row_key jsonb, field text, trust double precision) language plpgsql stable set plan_cache_mode = 'force_generic_plan' set jit = off as $$
declare fields text[] := array(select c.field from prov.claims_of(p_mart) c);
begin
  if not prov.sees(p_tenant) or to_regclass(format('marts.%I', p_mart)) is null then return; end if;
  return query execute 'with ' || prov.alike_sql(p_tenant, p_mart, p_as_of, fields) || format($sql$
    select r.row_key, u.field, case when not r.is_null[u.i] then t.trust[u.i] end
    from rows r join trusts t using (signature) cross join unnest(%L::text[]) with ordinality as u (field, i)$sql$, fields);
end $$;

-- By field group: cells (null ones among them), mean and tenth percentile of trust, cells by band and by tenths of trust.
-- Only what has a trust is in the figures; cells = null_cells + solid + mixed + weak, but for the platform's own record.
create function prov.trust_summary (p_tenant text, p_mart text, p_as_of timestamptz default null)
returns table (field_group text, cells bigint, null_cells bigint, trust_mean double precision, trust_p10 double precision, solid bigint, mixed bigint,
               weak bigint, histogram integer[])
language plpgsql stable set plan_cache_mode = 'force_generic_plan' set jit = off as $$
declare fields text[] := array(select c.field from prov.claims_of(p_mart) c); groups text[] := array(select c.field_group from prov.claims_of(p_mart) c);
begin
  if not prov.sees(p_tenant) or to_regclass(format('marts.%I', p_mart)) is null then return; end if;
  return query execute 'with ' || prov.alike_sql(p_tenant, p_mart, p_as_of, fields) || format($sql$,
    cell as materialized (
      select u.field_group, a.is_null[u.i] as is_null, case when not a.is_null[u.i] then t.trust[u.i] end as trust, sum(a.n)::bigint as n
      from alike a join trusts t using (signature) cross join unnest(%L::text[]) with ordinality as u (field_group, i) group by 1, 2, 3),
    ranked as (select c.*, prov.band(prov.model_at(%L), c.trust) as band, sum(c.n) over (partition by c.field_group order by c.trust) as up_to,
                      sum(c.n) over (partition by c.field_group) as of_all from cell c where c.trust is not null),
    tenths as (select r.field_group, array_agg(coalesce(h.n, 0)::integer order by d) as histogram
               from (select distinct field_group from cell) r cross join generate_series(0, 9) d
               left join lateral (select sum(x.n)::bigint as n from ranked x where x.field_group = r.field_group and least(floor(x.trust * 10), 9) = d) h on true
               group by r.field_group)
    select c.field_group, sum(c.n)::bigint, coalesce(sum(c.n) filter (where c.is_null), 0)::bigint,
           (select sum(r.trust * r.n) / sum(r.n) from ranked r where r.field_group = c.field_group),
           (select min(r.trust) from ranked r where r.field_group = c.field_group and r.up_to >= r.of_all * 0.1),
           coalesce((select sum(r.n) from ranked r where r.field_group = c.field_group and r.band = 'solid'), 0)::bigint,
           coalesce((select sum(r.n) from ranked r where r.field_group = c.field_group and r.band = 'mixed'), 0)::bigint,
           coalesce((select sum(r.n) from ranked r where r.field_group = c.field_group and r.band = 'weak'), 0)::bigint, min(h.histogram)
    from cell c join tenths h using (field_group) group by c.field_group order by c.field_group$sql$, groups, coalesce(p_as_of, now()));
end $$;

-- Rows with cells whose trust is below p_below, the least trusted first. fields: those cells.
create function prov.low_trust (p_tenant text, p_mart text, p_below double precision default null, p_as_of timestamptz default null,
                                p_limit integer default 100)
returns table (row_key jsonb, fields text[], trust_min double precision) language plpgsql stable set plan_cache_mode = 'force_generic_plan' set jit = off as $$
declare names text[] := array(select c.field from prov.claims_of(p_mart) c); below double precision := coalesce(p_below, (prov.model_at(coalesce(p_as_of, now()))).weak_below);
begin
  if not prov.sees(p_tenant) or to_regclass(format('marts.%I', p_mart)) is null then return; end if;
  return query execute 'with ' || prov.alike_sql(p_tenant, p_mart, p_as_of, names) || format($sql$,
    low as materialized (
      select a.signature, a.is_null, array_agg(u.field order by t.trust[u.i], u.field) as fields, min(t.trust[u.i]) as trust_min
      from alike a join trusts t using (signature) cross join unnest(%L::text[]) with ordinality as u (field, i)
      where not a.is_null[u.i] and t.trust[u.i] < %L group by a.no, a.signature, a.is_null)
    select r.row_key, l.fields, l.trust_min from rows r join low l using (signature, is_null) order by l.trust_min, r.row_key limit %L$sql$,
    names, below, p_limit);
end $$;

grant execute on function
  prov.rows_sql (text, text, timestamptz, text[]), prov.claims_of (text), prov.alike_sql (text, text, timestamptz, text[]),
  prov.trust_cells (text, text, timestamptz), prov.trust_summary (text, text, timestamptz),
  prov.low_trust (text, text, double precision, timestamptz, integer)
to reos_app, reos_analyst;
