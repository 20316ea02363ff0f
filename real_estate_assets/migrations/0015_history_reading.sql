-- What the platform believed on an earlier day: a mart's rows as of a build, put together from what 0011 recorded.
-- Runs as reos_owner; the functions run as whoever asks, so row-level security decides what there is to see.
--
-- Does not belong here: trust as of a day, which prov.why computes from these rows (0009).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- The publication that was served on a day; null before the first that was recorded, or where the tenant is not the caller's.
create function history.build_at (p_tenant text, p_as_of timestamptz) returns history.build language sql stable as $$
  select * from history.build where tenant_id = p_tenant and published_at <= p_as_of order by published_at desc, build_no desc limit 1 $$;

-- The key and the columns that a mart had in a build; no row where the mart was not there yet.
create function history.shape_at (p_tenant text, p_mart text, p_build integer) returns setof history.shape language sql stable as $$
  select * from history.shape where tenant_id = p_tenant and mart = p_mart and build_no <= p_build order by build_no desc limit 1 $$;

-- A column's cell among the versions of one row, newest first: the newest version that says anything about it.
-- An array goes as text, because Postgres collects arrays of one length only.
create function history.newest_cell (p_column text, p_type text) returns text language sql immutable parallel safe
return format(case when p_type like '%[]' then '(array_agg(v.%1$I::text) filter (where %2$s))[1]::%3$s' else '(array_agg(v.%1$I) filter (where %2$s))[1]' end,
              p_column, format('v.history_changed is null or %L = any (v.history_changed)', p_column), p_type);

-- The rows of a mart as of a build, as a query in parentheses with the mart's own column names and types. p_where: a
-- condition on the key, by which one row is found without reading the others.
create function history.state_of (p_tenant text, p_mart text, p_build integer, p_key text[], p_columns text[], p_where text default 'true')
returns text language plpgsql stable as $$
declare keys text := history.each(p_key, '%I', ', '); merged text; cells text; supports text; prov text := '';
begin
  select string_agg(', ' || history.newest_cell(c, format_type(a.atttypid, a.atttypmod)), '' order by i) into merged
    from unnest(p_columns) with ordinality as u (c, i) join pg_attribute a on a.attname = c and a.attrelid = to_regclass(format('history.%I', p_mart))
   where not history.is_provenance(c);
  select string_agg(case when history.is_support(c) then format(', s%s.evidence_no as %I', i, c)
                         when history.is_provenance(c) then format(', p.%I', c) else format(', found.%I', c) end, '' order by i),
         string_agg(format(' left join (select support_no, evidence_no from history.supports_at(%L, %L, %L, %s)) s%s on s%5$s.support_no = p.%3$I',
                           p_tenant, p_mart, c, p_build, i), '') filter (where history.is_support(c)) into cells, supports
    from unnest(p_columns) with ordinality as u (c, i);
  if exists (select from unnest(p_columns) c where history.is_provenance(c)) then
    prov := format(' left join (select distinct on (%1$s) * from history.%2$I where tenant_id = %3$L and history_build_no <= %4$s and %5$s'
                   ' order by %1$s, history_build_no desc) p using (%1$s)', keys, p_mart || '__prov', p_tenant, p_build, p_where);
  end if;
  return format($sql$(
    with tops as (
      select %1$s, max(history_build_no) as history_top, max(history_build_no) filter (where history_changed is null) as history_base,
             max(history_build_no) filter (where history_is_gone) as history_gone
      from history.%2$I where tenant_id = %3$L and history_build_no <= %4$s and %5$s group by %1$s),
    living as (select * from tops where history_gone is null or history_base > history_gone),
    found as (
      select %1$s%6$s from history.%2$I v join living using (%1$s)
      where v.tenant_id = %3$L and v.history_build_no = history_base and history_top = history_base and %5$s
      union all
      select %1$s%7$s from (
        select v.* from history.%2$I v join living using (%1$s)
        where v.tenant_id = %3$L and v.history_build_no between history_base and %4$s and history_top > history_base and %5$s
        order by %1$s, v.history_build_no desc) v
      group by %1$s)
    select %3$L::text as tenant_id%11$s%8$s from found%9$s%10$s)$sql$,
    keys, p_mart, p_tenant, p_build, p_where,
    history.each(array(select c from unnest(p_columns) with ordinality as u (c, i) where not history.is_provenance(c) order by i), ', v.%I', ''),
    coalesce(merged, ''), coalesce(cells, ''), prov, coalesce(supports, ''), history.each(p_key, ', found.%I', ''));
end $$;

-- One row of a mart as it was served on a day, all its columns; null where it did not exist then, or is not the caller's.
-- p_key names every column of the mart's primary key but tenant_id.
create function history.row_at (p_tenant text, p_mart text, p_key jsonb, p_as_of timestamptz) returns jsonb language plpgsql stable as $$
declare b integer := (history.build_at(p_tenant, p_as_of)).build_no; shape history.shape; matches text; found jsonb;
begin
  select * into shape from history.shape_at(p_tenant, p_mart, b);
  if shape is null then return null; end if;
  if not p_key ?& shape.key_columns then
    raise exception 'a row of % is named by %, not by %', p_mart, array_to_string(shape.key_columns, ', '), p_key using errcode = 'invalid_parameter_value';
  end if;
  select string_agg(format('%I = %L::%s', a.attname, p_key ->> a.attname, format_type(a.atttypid, a.atttypmod)), ' and ') into matches
    from pg_attribute a where a.attrelid = to_regclass(format('history.%I', p_mart)) and a.attname = any (shape.key_columns);
  execute 'select to_jsonb(r) from ' || history.state_of(p_tenant, p_mart, b, shape.key_columns, shape.other_columns, matches) || ' r' into found;
  return found;
end $$;

-- Every row of a mart as it was served on a day.
create function history.rows_at (p_tenant text, p_mart text, p_as_of timestamptz) returns setof jsonb language plpgsql stable as $$
declare shape history.shape;
begin
  select * into shape from history.shape_at(p_tenant, p_mart, (history.build_at(p_tenant, p_as_of)).build_no);
  if shape is null then return; end if;
  return query execute 'select to_jsonb(r) from '
    || history.state_of(p_tenant, p_mart, (history.build_at(p_tenant, p_as_of)).build_no, shape.key_columns, shape.other_columns) || ' r';
end $$;

revoke all on all functions in schema history from public;
grant execute on function
  history.is_provenance (text), history.is_support (text), history.each (text[], text, text), history.newest_cell (text, text),
  history.supports_at (text, text, text, integer), history.build_at (text, timestamptz), history.shape_at (text, text, integer),
  history.state_of (text, text, integer, text[], text[], text), history.row_at (text, text, jsonb, timestamptz),
  history.rows_at (text, text, timestamptz)
to reos_app, reos_analyst;
