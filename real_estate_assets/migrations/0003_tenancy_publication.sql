-- Putting new tables in place of the old, the loops over tenants that dbt calls, and what removing a tenant needs.
-- Runs as reos_owner.
--
-- Write, audit, publish: a build *stages* heaps beside the live ones (0002); tests read the staged heaps; `publish` swaps
-- all staged heaps of one tenant in ONE transaction, or none. A killed build leaves what was served before.
-- One CALL a dbt node keeps dbt's own cost fixed (3.3 s) instead of per tenant.
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- Publications of one tenant take turns, until the transaction's end. Deactivating the tenant waits for its turn too.
create function tenancy.take_turn (p_tenant text) returns void language plpgsql as $$
begin
  -- A turn lasts as long as the other's patience with readers (about 75 s); readers are not concerned by this wait.
  perform set_config('lock_timeout', '5min', true);
  perform from tenancy.tenant where tenant_id = p_tenant and is_active for no key update;
  if not found then raise exception 'there is no active tenant %', quote_literal(p_tenant); end if;
end $$;

-- Raises when a leaf that a staged model was built from has got other heaps since: what is served stays of one piece.
create function tenancy.refuse_stale (p_tenant text, p_invocation text) returns void language plpgsql as $$
declare changed text;
begin
  select string_agg(format('%s was built from %s', s.model_name, r.key), '; ' order by s.model_name, r.key) into changed
    from tenancy.staged s cross join lateral jsonb_each(s.reads) r
   where s.invocation_id = p_invocation and s.tenant_id = p_tenant and tenancy.heaps_of(r.key) <> r.value;
  if changed is not null then
    raise exception 'another run published meanwhile (%), so nothing of this one is published: build again', changed
      using errcode = 'serialization_failure';
  end if;
end $$;

-- How a heap's columns differ from those of the parent it is to stand under; null when attaching it will work.
create function tenancy.column_changes (p_parent regclass, p_heap regclass) returns text language sql stable as $$
  with p as (select attname, format_type(atttypid, atttypmod) as type, attnotnull from pg_attribute
             where attrelid = p_parent and attnum > 0 and not attisdropped),
       h as (select attname, format_type(atttypid, atttypmod) as type, attnotnull from pg_attribute
             where attrelid = p_heap and attnum > 0 and not attisdropped)
  select string_agg(case when p.attname is null then format('new column %I %s', attname, h.type)
                         when h.attname is null then format('column %I is gone', attname)
                         when h.type <> p.type then format('column %I is %s and was %s', attname, h.type, p.type)
                         else format('column %I may be null and was not', attname) end, '; ' order by attname)
  from p full join h using (attname)
  where h.type is distinct from p.type or (p.attnotnull and not h.attnotnull) $$;

create function tenancy.refuse_changed_columns (p_tenant text, p_invocation text) returns void language plpgsql as $$
declare s record; changes text;
begin
  for s in select schema_name, model_name, format('%I.%I', schema_name, model_name) as parent,
                  format('%I.%I', schema_name || '__leaf', heap_name) as heap
           from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant order by 1, 2 loop
    continue when to_regclass(s.parent) is null;
    changes := tenancy.column_changes(s.parent::regclass, s.heap::regclass);
    if changes is not null then
      raise exception 'the columns of % changed (%): a migration must alter the parent first, e.g. alter table % add column ...',
        s.parent, changes, s.parent using errcode = 'datatype_mismatch';
    end if;
  end loop;
end $$;

-- One staged heap in place of the live one.
create function tenancy.swap (p_schema text, p_model text, p_tenant text, p_heap text) returns void language plpgsql as $$
declare mid regclass := tenancy.ensure(p_schema, p_model, p_tenant, p_heap); old regclass;
begin
  for old in select inhrelid::regclass from pg_inherits where inhparent = mid loop
    execute format('alter table %s detach partition %s', mid, old);
    execute format('drop table %s', old);
  end loop;
  execute format('alter table %s attach partition %I.%I for values in (%L)', mid, p_schema || '__leaf', p_heap, p_tenant);
end $$;

-- Who has locks on a tenant's leaves, for the message when patience ran out.
create function tenancy.holders (p_tenant text) returns text language sql stable as $$
  select coalesce(string_agg(distinct format('pid %s, %s, since %s', a.pid, a.usename, to_char(a.xact_start, 'HH24:MI:SS')), '; '), 'gone by now')
  from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
  join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'relation' and l.granted and l.database = (select oid from pg_database where datname = current_database())
    and n.nspname like '%\_\_leaf' and c.relname ~ ('__' || tenancy.leaf_key(p_tenant)) and a.pid <> pg_backend_pid() $$;

-- Swap everything this invocation staged for the tenant, in the caller's one transaction. Retries on lock timeouts, so a
-- long query of this tenant delays the swap, and the swap delays that tenant's readers by at most p_lock_timeout a try.
create function tenancy.publish (p_tenant text, p_invocation text, p_lock_timeout text default '300ms', p_tries integer default 40)
returns integer language plpgsql as $$
declare s record; n integer;
begin
  perform tenancy.take_turn(p_tenant);
  perform tenancy.refuse_stale(p_tenant, p_invocation);
  perform tenancy.refuse_changed_columns(p_tenant, p_invocation);
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

-- Put one file's heap of records in place, replacing an earlier reading of the same file.
create function tenancy.attach_file (p_schema text, p_table text, p_tenant text, p_file_no integer, p_invocation text,
                                     p_lock_timeout text default '300ms', p_tries integer default 40) returns void language plpgsql as $$
declare mid regclass; old regclass; heap text; stable_name text := format('%s__%s__f%s', p_table, tenancy.leaf_key(p_tenant), p_file_no);
begin
  perform tenancy.take_turn(p_tenant);
  perform set_config('lock_timeout', p_lock_timeout, true);
  select heap_name into heap from tenancy.staged
   where invocation_id = p_invocation and tenant_id = p_tenant and schema_name = p_schema and model_name = p_table;
  if not found then raise exception 'nothing is staged for %.% of tenant % by %', p_schema, p_table, p_tenant, p_invocation; end if;
  for attempt in 1 .. p_tries loop
    begin
      mid := tenancy.ensure(p_schema, p_table, p_tenant, heap, 'file_no');
      old := to_regclass(format('%I.%I', p_schema || '__leaf', stable_name));
      if old is not null then execute format('alter table %s detach partition %s', mid, old); execute format('drop table %s', old); end if;
      execute format('alter table %I.%I rename to %I', p_schema || '__leaf', heap, stable_name);
      execute format('alter table %s attach partition %I.%I for values in (%s)', mid, p_schema || '__leaf', stable_name, p_file_no);
      delete from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant and schema_name = p_schema and model_name = p_table;
      return;
    exception when lock_not_available or deadlock_detected then
      if attempt = p_tries then
        raise exception 'tenant % is read by a long transaction (%): file % is not put in place, the next run tries again',
          p_tenant, tenancy.holders(p_tenant), p_file_no using errcode = 'lock_not_available';
      end if;
    end;
    perform pg_sleep(least(0.1 * attempt, 2) * (0.5 + random()));
  end loop;
end $$;

-- Views with the tenant's literal inside, for analysts: pruned at planning, and bound by the parent's policies as the
-- invoker. A view whose mart got other columns by a migration is made again.
create function tenancy.refresh_analyst_views (p_tenant text) returns void language plpgsql as $$
declare t record; s text := tenancy.analyst_schema(p_tenant);
begin
  if to_regrole(tenancy.analyst_role(p_tenant)) is null then return; end if;
  if to_regnamespace(s) is null then
    execute format('create schema %I', s);
    execute format('grant usage on schema %I to %I', s, tenancy.analyst_role(p_tenant));
  end if;
  for t in select c.oid::regclass as mart, c.relname, to_regclass(format('%I.%I', s, c.relname)) as made
           from pg_class c where c.relnamespace = 'marts'::regnamespace and c.relkind = 'p' loop
    if t.made is not null then
      continue when tenancy.column_changes(t.made, t.mart) is null;
      execute format('drop view %s', t.made);
    end if;
    execute format('create view %I.%I with (security_invoker = true) as select * from %s where tenant_id = %L', s, t.relname, t.mart, p_tenant);
    execute format('grant select on %I.%I to %I', s, t.relname, tenancy.analyst_role(p_tenant));
  end loop;
end $$;

-- Drop what an invocation has staged for a tenant.
create function tenancy.discard (p_tenant text, p_invocation text) returns integer language plpgsql as $$
declare s record; n integer := 0;
begin
  for s in delete from tenancy.staged where tenant_id = p_tenant and invocation_id = p_invocation returning schema_name, heap_name loop
    execute format('drop table if exists %I.%I', s.schema_name || '__leaf', s.heap_name);
    n := n + 1;
  end loop;
  return n;
end $$;

-- Staged heaps whose invocation died. Called by every publication run; a day is longer than any build.
create function tenancy.sweep (p_older_than interval default interval '1 day') returns integer language plpgsql as $$
declare s record; n integer := 0;
begin
  perform set_config('lock_timeout', '300ms', true);
  for s in select distinct tenant_id, invocation_id from tenancy.staged where at < clock_timestamp() - p_older_than loop
    begin
      n := n + tenancy.discard(s.tenant_id, s.invocation_id);
    exception when lock_not_available or deadlock_detected then
      continue; -- somebody reads it, or sweeps it too: the next sweep
    end;
  end loop;
  return n;
end $$;

-- The first upstream node whose LATEST outcome, of whatever invocation, failed: a later run of this node alone stays blocked.
create function tenancy.blocked_by (p_tenant text, p_upstream text[]) returns text language sql stable as $$
  select min(latest.node_id) from unnest(p_upstream) as u (node_id)
  cross join lateral (select o.node_id, o.is_ok, o.severity from tenancy.outcome o
                      where o.tenant_id = p_tenant and o.node_id = u.node_id order by o.at desc limit 1) latest
  where not latest.is_ok and latest.severity = 'error' $$;

-- One node's result for one tenant; a retry of the same invocation replaces its own. Nothing for a tenant removed meanwhile.
create function tenancy.record_outcome (p_invocation text, p_node text, p_tenant text, p_severity text, p_stage text, r jsonb)
returns void language sql as $$
  insert into tenancy.outcome as o (invocation_id, node_id, tenant_id, is_ok, severity, stage, row_count, duration_ms, failed_rows, error)
  select p_invocation, p_node, tenant_id, (r ->> 'ok')::boolean, p_severity, coalesce(p_stage, r ->> 'stage'),
         (r ->> 'rows')::bigint, (r ->> 'ms')::integer, (r ->> 'failed')::bigint, r ->> 'error'
    from tenancy.tenant where tenant_id = p_tenant for key share
  on conflict (invocation_id, node_id, tenant_id) do update
     set is_ok = excluded.is_ok, severity = excluded.severity, stage = excluded.stage, row_count = excluded.row_count,
         duration_ms = excluded.duration_ms, failed_rows = excluded.failed_rows, error = excluded.error, at = clock_timestamp() $$;

-- One model, all tenants. Called outside a transaction block; commits after every tenant, so locks are short, progress is
-- visible, and one tenant's error is that tenant's outcome.
create procedure tenancy.stage_all (p_invocation text, p_node text, p_upstream text[], p_schema text, p_model text,
                                    p_tenants text[], p_sql text, p_finish text[], p_contract jsonb) language plpgsql as $$
declare t text; r jsonb; cause text;
begin
  foreach t in array p_tenants loop
    -- A commit costs one fsync (2.4 ms measured): asynchronous until the last tenant, whose commit flushes them all.
    if t <> p_tenants[array_upper(p_tenants, 1)] then perform set_config('synchronous_commit', 'off', true); end if;
    cause := tenancy.blocked_by(t, p_upstream);
    if cause is not null then
      r := jsonb_build_object('ok', false, 'stage', 'blocked', 'error', cause);
    else
      r := tenancy.stage(p_schema, p_model, t, p_invocation, p_sql, p_finish, p_contract);
    end if;
    perform tenancy.record_outcome(p_invocation, p_node, t, 'error', null, r);
    commit;
  end loop;
end $$;

-- One dbt test, all tenants that are not blocked already.
create procedure tenancy.test_all (p_invocation text, p_node text, p_upstream text[], p_tenants text[], p_sql text, p_severity text)
language plpgsql as $$
declare t text; n bigint; err text; t0 timestamptz;
begin
  foreach t in array p_tenants loop
    if t <> p_tenants[array_upper(p_tenants, 1)] then perform set_config('synchronous_commit', 'off', true); end if;
    continue when tenancy.blocked_by(t, p_upstream) is not null;
    n := null; err := null; t0 := clock_timestamp();
    begin
      perform set_config('app.build_tenant', t, true);
      execute tenancy.for_tenant(p_sql, t, p_invocation) into n;
      perform set_config('app.build_tenant', '', true);
    exception when others then err := sqlerrm;
    end;
    perform tenancy.record_outcome(p_invocation, p_node, t, p_severity, 'test', jsonb_build_object(
      'ok', coalesce(n = 0, false), 'failed', n, 'error', err, 'ms', round(extract(epoch from clock_timestamp() - t0) * 1000)));
    commit;
  end loop;
end $$;

-- One tenant's turn in publish_all: {ok, rows, ms, error, busy}.
create function tenancy.try_publish (p_tenant text, p_invocation text, p_tries integer) returns jsonb language plpgsql as $$
declare cause text; n integer; is_busy boolean := false; t0 timestamptz := clock_timestamp();
begin
  -- A blocked node counts: its siblings' new tables beside its old one would be of two builds.
  select node_id || coalesce(': ' || error, '') into cause from tenancy.outcome
   where invocation_id = p_invocation and tenant_id = p_tenant and not is_ok and severity = 'error' and node_id <> 'publish'
   order by stage = 'blocked', node_id limit 1;
  if cause is null then
    begin
      n := tenancy.publish(p_tenant, p_invocation, p_tries => p_tries);
    exception
      when lock_not_available then cause := sqlerrm; is_busy := true;
      when others then cause := sqlerrm;
    end;
  end if;
  return jsonb_build_object('ok', cause is null, 'rows', n, 'error', cause, 'busy', is_busy,
                            'ms', round(extract(epoch from clock_timestamp() - t0) * 1000));
end $$;

-- Publish what an invocation staged: a tenant with any failed node of error severity keeps what was served before. A tenant
-- that is being read is left for a second, patient round, so that its reader delays no other tenant.
create procedure tenancy.publish_all (p_invocation text, p_tenants text[]) language plpgsql as $$
declare t text; r jsonb; waiting text[] := p_tenants; busy text[]; earlier text;
begin
  perform tenancy.sweep();
  commit;
  for round in 1 .. 2 loop
    busy := '{}';
    foreach t in array waiting loop
      r := tenancy.try_publish(t, p_invocation, case round when 1 then 2 else 40 end);
      if round = 1 and (r ->> 'busy')::boolean then
        busy := busy || t;
      else
        perform tenancy.record_outcome(p_invocation, 'publish', t, 'error', 'publish', r);
      end if;
      commit;
      continue when (r ->> 'ok')::boolean;
      -- What was refused stays for a look, but only the newest: a tenant that fails all day must not fill the disk.
      for earlier in select invocation_id from tenancy.outcome where tenant_id = t and node_id = 'publish' and not is_ok
                       and invocation_id <> p_invocation and exists (select from tenancy.staged s where s.tenant_id = t and s.invocation_id = outcome.invocation_id) loop
        perform tenancy.discard(t, earlier);
      end loop;
      commit;
    end loop;
    waiting := busy;
  end loop;
end $$;

-- A tenant's login for analysts; the role itself is made by a superuser's function (0004). p_verifier: a SCRAM verifier
-- made by the client, so that the password never reaches the server. Returns the role's name.
create function tenancy.create_analyst (p_tenant text, p_verifier text) returns text language plpgsql as $$
declare r text := tenancy.analyst_role(p_tenant);
begin
  insert into tenancy.role_tenant (role_name, tenant_id) values (r, p_tenant) on conflict do nothing;
  perform tenancy.make_analyst_role(r, p_verifier, tenancy.analyst_schema(p_tenant));
  perform tenancy.refresh_analyst_views(p_tenant);
  return r;
end $$;

create function tenancy.drop_analyst (p_tenant text) returns void language plpgsql as $$
begin
  execute format('drop schema if exists %I cascade', tenancy.analyst_schema(p_tenant));
  perform tenancy.drop_analyst_role(tenancy.analyst_role(p_tenant));
  delete from tenancy.role_tenant where role_name = tenancy.analyst_role(p_tenant);
end $$;

-- A tenant's relations: middle partitions with their parent, then heaps that hang nowhere. Removing a tenant detaches the
-- former CONCURRENTLY, which no function may do: a plain DROP would lock the parent, and so every tenant's readers.
create function tenancy.leaves_of (p_tenant text) returns table (leaf text, parent text, is_pending boolean) language sql stable as $$
  select c.oid::regclass::text, i.inhparent::regclass::text, coalesce(i.inhdetachpending, false)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_inherits i on i.inhrelid = c.oid
  where n.nspname like '%\_\_leaf' and c.relkind in ('r', 'p') and not exists (
      select from pg_inherits above join pg_class m on m.oid = above.inhparent join pg_namespace mn on mn.oid = m.relnamespace
      where above.inhrelid = c.oid and mn.nspname like '%\_\_leaf')
    and c.relname ~ ('__' || tenancy.leaf_key(p_tenant) || '(__[0-9a-f]{8}|__f[0-9]+)?$')
  order by i.inhparent is null, 1 $$;

-- Every row of the tenant outside the leaves, in every table that has tenant_id; its registration last. Returns how many.
create function tenancy.forget_rows (p_tenant text) returns bigint language plpgsql as $$
declare r regclass; n bigint; total bigint := 0; shared regclass[];
begin
  select array_agg(c.oid::regclass order by c.oid = 'tenancy.tenant'::regclass, c.oid) into shared
    from pg_class c join pg_namespace s on s.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
   where c.relkind = 'r' and s.nspname not like '%\_\_leaf' and s.nspname not like 'pg\_%';
  foreach r in array shared loop -- counted first: foreign keys cascade
    execute format('select count(*) from %s where tenant_id = %L', r, p_tenant) into n;
    total := total + n;
  end loop;
  foreach r in array shared loop execute format('delete from %s where tenant_id = %L', r, p_tenant); end loop;
  return total;
end $$;

revoke all on all functions in schema tenancy from public;
revoke all on all procedures in schema tenancy from public;
grant usage on schema tenancy to reos_app, reos_analyst;
grant execute on function tenancy.current_tenant (), tenancy.role_tenants (), tenancy.analyst_role (text), tenancy.analyst_schema (text), tenancy.leaf_key (text)
to reos_app, reos_analyst;
