-- What every mart said before: written by each publication, asked by date (history.row_at). Runs as reos_owner.
--
-- Values and what supported them are kept apart, because a new file gives every row other evidence and few rows other values:
--   history.<mart>        the cells of a row that changed with a build; a row that is new in whole, one that vanished as gone
--   history.<mart>__prov  its record numbers and supports, for rows whose record moved
--   history.support       a support is the rows whose evidence changes together: its evidence number, by build
-- Rows are only ever added, so a build that changed nothing adds its line in history.build and nothing else.
-- Per tenant one partition in history__leaf, in the same way as marts. A mart without a unique index has no history.
-- Does not belong here: the marts, whose publication calls history.record before it takes the first lock of a swap.
set lock_timeout = '300ms';
set statement_timeout = '60s';

select tenancy.open_schema('history');
grant usage on schema history to reos_auditor;

-- One publication of a tenant's marts. heaps: mart -> the heap that stands for it after this build, carried on from build
-- to build: while the served heap is the recorded one, a new heap is compared with it and not with the whole history.
create table history.build (
  tenant_id text not null references tenancy.tenant on delete cascade,
  build_no integer not null check (build_no > 0),
  invocation_id text not null,
  run_id text,                         -- of Dagster; null: dbt was called by hand
  published_at timestamptz not null default clock_timestamp(),
  marts text[] not null,               -- what this publication brought
  heaps jsonb not null,
  primary key (tenant_id, build_no)
);
create index build_when on history.build (tenant_id, published_at desc);

-- Which columns a mart had, from a build on; the key's first.
create table history.shape (
  tenant_id text not null,
  mart text not null,
  build_no integer not null,
  key_columns text[] not null,
  other_columns text[] not null,
  primary key (tenant_id, mart, build_no),
  foreign key (tenant_id, build_no) references history.build on delete cascade
);

create table history.support (
  tenant_id text not null,
  mart text not null,
  field text not null,
  support_no integer not null,
  build_no integer not null,
  evidence_no integer not null,
  primary key (tenant_id, mart, field, support_no, build_no),
  foreign key (tenant_id, build_no) references history.build on delete cascade
);
select tenancy.secure('history.build'), tenancy.secure('history.shape'), tenancy.secure('history.support');

-- Columns that say where a row's cells come from, by their name.
create function history.is_provenance (p_column text) returns boolean language sql immutable strict parallel safe
return p_column ~ '_(evidence_no|record_no|record_nos|evidence_nos|public_sha256)$';

create function history.is_support (p_column text) returns boolean language sql immutable strict parallel safe
return p_column ~ '_evidence_no$';

-- The primary key of a heap without tenant_id, from its unique index; null where it has none.
create function history.key_of (p_heap regclass) returns text[] language sql stable as $$
  select array_agg(a.attname::text order by k.place) from (
    select indrelid, indkey from pg_index
    where indrelid = p_heap and indisunique and indpred is null and indexprs is null order by indexrelid limit 1) i
  cross join lateral unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and a.attname <> 'tenant_id' $$;

create function history.columns_of (p_heap regclass, p_key text[]) returns text[] language sql stable as $$
  select coalesce(array_agg(attname::text order by attnum), '{}') from pg_attribute
  where attrelid = p_heap and attnum > 0 and not attisdropped and attname <> 'tenant_id' and attname::text <> all (p_key) $$;

-- format() over a list of columns: each(array['a', 'b'], 'n.%1$I', ', ') = 'n.a, n.b'.
create function history.each (p_columns text[], p_format text, p_between text) returns text language sql immutable parallel safe
return (select coalesce(string_agg(format(p_format, c), p_between order by i), '') from unnest(p_columns) with ordinality as u (c, i));

-- A parent with the columns of a heap, made once and widened when a mart got a column; and the tenant's partition.
-- Columns are never taken away: older builds had them.
create function history.ensure (p_table text, p_tenant text, p_heap regclass, p_key text[], p_columns text[], p_own text) returns text
language plpgsql as $$
declare leaf text := format('history__leaf.%I', p_table || '__' || tenancy.leaf_key(p_tenant)); c record;
begin
  if to_regclass(format('history.%I', p_table)) is null then
    insert into tenancy.model values ('history', p_table) on conflict do nothing; -- waits for another tenant that is making it
  end if;
  if not exists (select from pg_class where relname = p_table and relnamespace = 'history'::regnamespace) then
    execute format('create table history.%I (tenant_id text not null, history_build_no integer not null%s) partition by list (tenant_id)', p_table, p_own);
    perform tenancy.secure(format('history.%I', p_table)::regclass);
  end if;
  for c in select h.attname, format_type(h.atttypid, h.atttypmod) as type, have.type as old_type from pg_attribute h
           left join lateral (select format_type(atttypid, atttypmod) as type from pg_attribute p
             where p.attrelid = format('history.%I', p_table)::regclass and p.attname = h.attname and not p.attisdropped) have on true
           where h.attrelid = p_heap and h.attname::text = any (p_key || p_columns)
             and have.type is distinct from format_type(h.atttypid, h.atttypmod) order by h.attnum loop
    perform set_config('lock_timeout', '2s', true); -- these two would make readers of every tenant's history wait
    if c.old_type is null then
      execute format('alter table history.%I add column %I %s', p_table, c.attname, c.type);
    else
      execute format('alter table history.%1$I alter column %2$I type %3$s using %2$I::%3$s', p_table, c.attname, c.type);
    end if;
  end loop;
  perform set_config('lock_timeout', '1min', true);
  if to_regclass(leaf) is null then
    execute format('create table %s (like history.%I, constraint tenant_only check (tenant_id = %L))', leaf, p_table, p_tenant);
    execute format('create unique index on %s (%s, history_build_no)', leaf, history.each(p_key, '%I', ', '));
    execute format('alter table history.%I attach partition %s for values in (%L)', p_table, leaf, p_tenant);
  end if;
  return leaf;
end $$;

-- Whether any of these cells differs between n and o. Compared byte by byte, which asks nothing of a type and costs least: a
-- geometry is not rebuilt, nor a jsonb read.
create function history.differ (p_columns text[]) returns text language sql immutable parallel safe
return case when p_columns = '{}' then 'false'
            else format('record_image_ne(row(%s), row(%s))', history.each(p_columns, 'n.%I', ', '), history.each(p_columns, 'o.%I', ', ')) end;

-- The values of one mart: one row a row that is new, changed or gone. A changed row holds its changed cells and their names.
create function history.record_values (p_leaf text, p_tenant text, p_build integer, p_new text, p_old text, p_key text[], p_columns text[])
returns bigint language plpgsql as $$
declare n bigint;
begin
  execute format($sql$
    insert into %1$s (tenant_id, history_build_no, history_changed, history_is_gone, %2$s%3$s)
    select %4$L, %5$s,
      case when n.tenant_id is null then '{}' when o.tenant_id is not null then array_remove(array[%6$s]::text[], null) end,
      n.tenant_id is null, %7$s%8$s
    from %9$s n full join %10$s o on %11$s
    where n.tenant_id is null or o.tenant_id is null or %12$s $sql$,
    p_leaf, history.each(p_key, '%I', ', '), history.each(p_columns, ', %I', ''), p_tenant, p_build,
    history.each(p_columns, 'case when record_image_ne(row(n.%1$I), row(o.%1$I)) then %1$L end', ', '),
    history.each(p_key, 'coalesce(n.%1$I, o.%1$I)', ', '),
    history.each(p_columns, ', case when o.tenant_id is null or record_image_ne(row(n.%1$I), row(o.%1$I)) then n.%1$I end', ''),
    p_new, p_old, history.each(p_key, 'n.%1$I = o.%1$I', ' and '),
    history.differ(p_columns));
  get diagnostics n = row_count;
  return n;
end $$;

-- How a mart's new rows differ from its old ones, in one pass: {joined, changed, moved, strays: rows that are in both, whose
-- values differ, whose record differs, whose evidence did not go the way of the others; moves: {column: {old evidence: new}}
-- by majority}. Where a whole file was read anew all rows go one way, and then the supports move instead of the rows.
create function history.compare (p_new text, p_old text, p_key text[], p_values text[], p_records text[], p_supports text[]) returns jsonb
language plpgsql as $$
declare found jsonb;
begin
  execute format($sql$
    with pairs as materialized (
      select %1$scount(*) as joined, count(*) filter (where %2$s) as changed, count(*) filter (where %3$s) as moved
      from %4$s n join %5$s o on %6$s %7$s)
    select jsonb_build_object('joined', coalesce(sum(joined), 0), 'changed', coalesce(sum(changed), 0), 'moved', coalesce(sum(moved), 0),
                              'strays', false%8$s, 'moves', jsonb_build_object(%9$s)) from pairs $sql$,
    history.each(p_supports, 'o.%1$I as %1$I, n.%1$I as "now %1$s", ', ''), history.differ(p_values), history.differ(p_records),
    p_new, p_old, history.each(p_key, 'n.%1$I = o.%1$I', ' and '),
    case when p_supports <> '{}' then 'group by ' || history.each(p_supports, 'o.%1$I, n.%1$I', ', ') else '' end,
    history.each(p_supports, ' or (select count(distinct coalesce(%1$I, -1)) <> count(distinct (%1$I, "now %1$s")) from pairs)', ''),
    history.each(p_supports, $each$%1$L, (select coalesce(jsonb_object_agg(was, is_now) filter (where was <> is_now), '{}') from (
      select distinct on (%1$I) %1$I as was, "now %1$s" as is_now from pairs where %1$I is not null and "now %1$s" is not null
      group by %1$I, "now %1$s" order by %1$I, sum(joined) desc, "now %1$s") winner)$each$, ', ')) into found;
  return found;
end $$;

-- Let a column's supports follow their evidence, and give evidence that is new in a heap a support. Returns evidence -> support.
create function history.move_supports (p_tenant text, p_mart text, p_build integer, p_new text, p_field text, p_moves jsonb) returns jsonb
language plpgsql as $$
declare fresh integer;
begin
  insert into history.support
  select tenant_id, mart, field, support_no, p_build, (p_moves ->> evidence_no::text)::integer
    from history.supports_at(p_tenant, p_mart, p_field, p_build) where p_moves ? evidence_no::text;
  select coalesce(max(support_no), 0) into fresh from history.support where tenant_id = p_tenant and mart = p_mart and field = p_field;
  execute format($sql$
    insert into history.support
    select $1, $2, $3, $4 + row_number() over (order by e), $5, e from (
      select distinct %I as e from %s except select evidence_no from history.supports_at($1, $2, $3, $5)) unsupported
    where e is not null $sql$, p_field, p_new) using p_tenant, p_mart, p_field, fresh, p_build;
  return (select jsonb_object_agg(evidence_no, support_no) from (
    select evidence_no, min(support_no) as support_no from history.supports_at(p_tenant, p_mart, p_field, p_build) group by 1) s);
end $$;

-- The supports of a column as of a build.
create function history.supports_at (p_tenant text, p_mart text, p_field text, p_build integer) returns setof history.support language sql stable as $$
  select distinct on (support_no) * from history.support
  where tenant_id = p_tenant and mart = p_mart and field = p_field and build_no <= p_build order by support_no, build_no desc $$;

-- What supports the rows of one mart: rows that are new, whose record moved, or whose evidence did not go the way of the others.
create function history.record_provenance (p_leaf text, p_tenant text, p_mart text, p_build integer, p_new text, p_old text, p_key text[],
                                           p_columns text[], p_moves jsonb, p_any_row boolean) returns bigint language plpgsql as $$
declare n bigint := 0; field text; supports jsonb; cells text[] := '{}'; differs text[] := '{}';
begin
  foreach field in array p_columns loop
    if history.is_support(field) then
      supports := history.move_supports(p_tenant, p_mart, p_build, p_new, field, p_moves -> field);
      cells := cells || format('(%L::jsonb ->> n.%I::text)::integer', supports, field);
      differs := differs || format('n.%1$I is distinct from coalesce((%2$L::jsonb ->> o.%1$I::text)::integer, o.%1$I)', field, p_moves -> field);
    else
      cells := cells || format('n.%I', field);
      differs := differs || history.differ(array[field]);
    end if;
  end loop;
  if not p_any_row then return 0; end if;
  execute format($sql$
    insert into %1$s (tenant_id, history_build_no, %2$s, %3$s) select %4$L, %5$s, %6$s, %7$s
    from %8$s n left join %9$s o on %10$s where o.tenant_id is null or %11$s $sql$,
    p_leaf, history.each(p_key, '%I', ', '), history.each(p_columns, '%I', ', '), p_tenant, p_build,
    history.each(p_key, 'n.%I', ', '), array_to_string(cells, ', '), p_new, p_old,
    history.each(p_key, 'n.%1$I = o.%1$I', ' and '), array_to_string(differs, ' or '));
  get diagnostics n = row_count;
  return n;
end $$;

-- One mart of a publication: p_heap is staged, p_served stands until the swap (null: none). p_known: p_served is what the
-- build before recorded; else the history itself says what there was.
create function history.record_mart (p_tenant text, p_mart text, p_build integer, p_heap regclass, p_served regclass, p_known boolean) returns bigint
language plpgsql as $$
declare key text[] := history.key_of(p_heap); columns text[] := history.columns_of(p_heap, key); leaf text; prov_leaf text; old text; n bigint := 0;
  of_values text[] := array(select c from unnest(columns) with ordinality as u (c, i) where not history.is_provenance(c) order by i);
  of_prov text[] := array(select c from unnest(columns) with ordinality as u (c, i) where history.is_provenance(c) order by i);
  supports text[] := array(select c from unnest(of_prov) c where history.is_support(c)); new_rows bigint; old_rows bigint; found jsonb;
begin
  leaf := history.ensure(p_mart, p_tenant, p_heap, key, of_values, ', history_changed text[], history_is_gone boolean not null');
  if of_prov <> '{}' then prov_leaf := history.ensure(p_mart || '__prov', p_tenant, p_heap, key, of_prov, ''); end if;
  old := case when p_known then p_served::text else history.state_of(p_tenant, p_mart, p_build - 1, key, columns) end;
  found := history.compare(p_heap::text, old, key, of_values, array(select unnest(of_prov) except select unnest(supports)), supports);
  execute format('select (select count(*) from %s), (select count(*) from %s o)', p_heap, old) into new_rows, old_rows;
  if (found -> 'changed')::bigint > 0 or (found -> 'joined')::bigint < greatest(new_rows, old_rows) then
    n := history.record_values(leaf, p_tenant, p_build, p_heap::text, old, key, of_values);
  end if;
  if of_prov <> '{}' then
    n := n + history.record_provenance(prov_leaf, p_tenant, p_mart, p_build, p_heap::text, old, key, of_prov, found -> 'moves',
      (found -> 'moved')::bigint > 0 or (found -> 'joined')::bigint < new_rows or (found -> 'strays')::boolean);
  end if;
  insert into history.shape
  select p_tenant, p_mart, p_build, key, columns where not exists (
    select from history.shape_at(p_tenant, p_mart, p_build) s where s.key_columns = key and s.other_columns = columns);
  return n;
end $$;

-- The marts with a key that an invocation staged, each with the heap that is served until the swap.
create function history.staged_marts (p_tenant text, p_invocation text) returns table (model_name text, heap_name text, heap regclass, served regclass, served_name text)
language sql stable as $$
  select s.model_name, s.heap_name, h.heap, i.inhrelid::regclass, c.relname::text
    from tenancy.staged s
    cross join lateral (select to_regclass(format('marts__leaf.%I', s.heap_name)) as heap) h
    left join pg_inherits i on i.inhparent = to_regclass(format('marts__leaf.%I', s.model_name || '__' || tenancy.leaf_key(p_tenant)))
    left join pg_class c on c.oid = i.inhrelid
   where s.invocation_id = p_invocation and s.tenant_id = p_tenant and s.schema_name = 'marts' and history.key_of(h.heap) is not null $$;

-- Everything an invocation staged for the tenant's marts. Returns the build's number, or null where no mart with a key is among it.
create function history.record (p_tenant text, p_invocation text) returns integer language plpgsql as $$
declare s record; last history.build := history.build_at(p_tenant, 'infinity'); b integer := coalesce(last.build_no, 0) + 1;
begin
  insert into history.build (tenant_id, build_no, invocation_id, run_id, marts, heaps)
  select p_tenant, b, p_invocation, nullif(current_setting('app.run_id', true), ''), array_agg(model_name order by model_name),
         coalesce(last.heaps, '{}') || jsonb_object_agg(model_name, heap_name)
    from history.staged_marts(p_tenant, p_invocation) having count(*) > 0;
  if not found then return null; end if;
  perform set_config('work_mem', '64MB', true); -- rows are wide: what does not fit is written out and read again
  for s in select * from history.staged_marts(p_tenant, p_invocation) order by model_name loop
    perform history.record_mart(p_tenant, s.model_name, b, s.heap, s.served, coalesce(last.heaps ->> s.model_name = s.served_name, false));
  end loop;
  return b;
end $$;

-- Swap everything this invocation staged for the tenant, in the caller's one transaction. Retries on lock timeouts, so a
-- long query of this tenant delays the swap, and the swap delays that tenant's readers by at most p_lock_timeout a try.
-- The history is written before the first try, once: it holds no lock that a reader of the marts would notice.
create or replace function tenancy.publish (p_tenant text, p_invocation text, p_lock_timeout text default '300ms', p_tries integer default 40)
returns integer language plpgsql as $$
declare s record; n integer; b integer;
begin
  perform tenancy.take_turn(p_tenant);
  perform tenancy.refuse_stale(p_tenant, p_invocation);
  perform tenancy.refuse_changed_columns(p_tenant, p_invocation);
  b := history.record(p_tenant, p_invocation);
  perform set_config('lock_timeout', p_lock_timeout, true);
  for attempt in 1 .. p_tries loop
    n := 0;
    begin
      for s in select * from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant order by schema_name, model_name loop
        perform tenancy.swap(s.schema_name, s.model_name, p_tenant, s.heap_name);
        n := n + 1;
      end loop;
      delete from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant;
      perform tenancy.refresh_analyst_views(p_tenant);
      update history.build set published_at = clock_timestamp() where tenant_id = p_tenant and build_no = b;
      return n;
    exception when lock_not_available or deadlock_detected then
      -- The block's locks are released here; the turn, taken outside it, is kept.
      if attempt = p_tries then
        raise exception 'tenant % is read by a long transaction (%): nothing is published, the next run tries again',
          p_tenant, tenancy.holders(p_tenant) using errcode = 'lock_not_available';
      end if;
    end;
    perform pg_sleep(least(0.1 * attempt, 2) * (0.5 + random()));
  end loop;
  raise exception 'p_tries must be at least 1, not %', p_tries;
end $$;
revoke all on all functions in schema history from public;
