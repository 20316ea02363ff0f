-- Tenants, and the functions by which every tenant-partitioned table is built and published. Runs as reos_owner.
--
-- Shape of one model, e.g. marts.dim_properties, tenant 'acme-tx' (key 0f3c...):
--   marts.dim_properties                        PARTITION BY LIST (tenant_id), forced RLS: the only thing roles read
--   marts__leaf.dim_properties__<key>           one tenant's partition, itself PARTITION BY LIST: the stable name
--   marts__leaf.dim_properties__<key>__<gen>    the heap of one build
-- The middle level exists for locks: DETACH and ATTACH take ACCESS EXCLUSIVE on *their* parent, so a swap there can make
-- readers of this tenant wait and nobody else. Row-level security of the parent does not exist on leaves, so the wall
-- is that nobody but the owner has USAGE on <schema>__leaf; `tests/tenancy` proves that no grant exists there.
--
-- Write, audit, publish: a build *stages* heaps beside the live ones; tests read the staged heaps; `publish` swaps all
-- staged heaps of one tenant in ONE transaction, or none. A killed build leaves what was served before.
set lock_timeout = '300ms';
set statement_timeout = '60s';

create schema if not exists tenancy;
revoke all on schema tenancy from public;

create table tenancy.tenant (
  tenant_id text primary key check (tenant_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  tenant_name text not null,
  description text not null,          -- the tenant's YAML as it was given
  description_sha256 text not null,
  base_uri text not null,             -- where relative source uris start
  is_active boolean not null default true,
  added_at timestamptz not null default now()
);

-- Analysts: database role -> tenants. Not changeable by the analyst, unlike a setting.
create table tenancy.role_tenant (
  role_name name not null,
  tenant_id text not null references tenancy.tenant on delete cascade,
  primary key (role_name, tenant_id)
);

-- What happened to each (node, tenant) of one invocation: per-tenant results for Dagster, and the block list.
create table tenancy.outcome (
  invocation_id text not null,
  node_id text not null,
  tenant_id text not null,
  is_ok boolean not null,
  severity text not null default 'error' check (severity in ('error', 'warn')),
  stage text,
  row_count bigint,
  duration_ms integer,
  failed_rows bigint,
  error text,
  at timestamptz not null default clock_timestamp(),
  primary key (invocation_id, node_id, tenant_id)
);
create index outcome_latest on tenancy.outcome (tenant_id, node_id, at desc);

-- Heaps that a build has made and nobody reads yet.
create table tenancy.staged (
  invocation_id text not null,
  tenant_id text not null,
  schema_name text not null,
  model_name text not null,
  heap_name text not null,
  row_count bigint not null,
  at timestamptz not null default clock_timestamp(),
  primary key (invocation_id, tenant_id, schema_name, model_name)
);

-- The only place that turns a tenant slug into an identifier (12 hex of md5): no '-', no case, no 63-byte trap.
create function tenancy.leaf_key (tenant text) returns text language sql immutable strict parallel safe
as $$ select substr(md5(tenant), 1, 12) $$;

-- Which tenant the session may see. Unset or '' -> null -> no row.
create function tenancy.current_tenant () returns text language sql stable parallel safe
as $$ select nullif(current_setting('app.tenant_id', true), '') $$;

create function tenancy.role_tenants () returns text[] language sql stable security definer set search_path = pg_catalog
as $$ select coalesce(array_agg(tenant_id), '{}') from tenancy.role_tenant where role_name = session_user $$;

-- The schema of a tenant's analyst views: the slug with '_' for '-' (injective, a slug has no '_'), hashed where too long.
create function tenancy.analyst_schema (tenant text) returns text language sql immutable strict parallel safe
as $$ select 'an_' || case when length(tenant) <= 60 then replace(tenant, '-', '_')
                           else replace(substr(tenant, 1, 46), '-', '_') || '__' || tenancy.leaf_key(tenant) end $$;

create function tenancy.analyst_role (tenant text) returns text language sql immutable strict parallel safe
as $$ select 'reos_an_' || tenancy.leaf_key(tenant) $$;

-- Forced row-level security and the three policies, the same for every relation that carries tenant_id.
create function tenancy.secure (relation regclass, analysts_read boolean default true) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', relation);
  execute format('alter table %s force row level security', relation);
  execute format('create policy owner_all on %s to reos_owner using (true) with check (true)', relation);
  execute format('create policy app_tenant on %s for select to reos_app using (tenant_id = (select tenancy.current_tenant()))', relation);
  execute format('grant select on %s to reos_app', relation);
  if analysts_read then
    execute format('create policy analyst_tenant on %s for select to reos_analyst using (tenant_id = any ((select tenancy.role_tenants())::text[]))', relation);
    execute format('grant select on %s to reos_analyst', relation);
  end if;
end $$;

select tenancy.secure('tenancy.tenant');
select tenancy.secure('tenancy.outcome', false);
select tenancy.secure('tenancy.staged', false);
select tenancy.secure('tenancy.role_tenant', false);

-- A schema whose parents roles may read, and its closed twin for leaves.
create function tenancy.open_schema (p_schema text, analysts_read boolean default true) returns void language plpgsql as $$
begin
  execute format('create schema if not exists %I', p_schema);
  execute format('create schema if not exists %I', p_schema || '__leaf');
  execute format('revoke all on schema %I, %I from public', p_schema, p_schema || '__leaf');
  execute format('grant usage on schema %I to reos_app', p_schema);
  if analysts_read then execute format('grant usage on schema %I to reos_analyst', p_schema); end if;
end $$;

-- Make the parent (once, from the first heap built) and this tenant's middle partition (once per tenant).
-- The middle of a table of records is partitioned by file_no, that of a model by tenant_id: the heap is what a build replaces.
create function tenancy.ensure (p_schema text, p_model text, p_tenant text, p_heap text default null, p_sub_key text default 'tenant_id')
returns regclass language plpgsql as $$
declare
  parent text := format('%I.%I', p_schema, p_model);
  mid text := format('%I.%I', p_schema || '__leaf', p_model || '__' || tenancy.leaf_key(p_tenant));
begin
  if to_regclass(mid) is not null then return to_regclass(mid); end if;
  perform pg_advisory_xact_lock(hashtextextended('tenancy:' || parent, 0));
  if to_regclass(parent) is null then
    execute format('create table %s (like %I.%I) partition by list (tenant_id)', parent, p_schema || '__leaf', p_heap);
    perform tenancy.secure(to_regclass(parent), p_schema = 'marts');
  end if;
  if to_regclass(mid) is null then
    execute format('create table %s (like %s) partition by list (%I)', mid, parent, p_sub_key);
    execute format('alter table %s add constraint tenant_only check (tenant_id = %L)', mid, p_tenant);
    execute format('alter table %s attach partition %s for values in (%L)', parent, mid, p_tenant);
  end if;
  return to_regclass(mid);
end $$;

-- Name of one build's heap. The generation is the invocation's: two builds of one tenant at once never meet on a name.
create function tenancy.heap_name (p_model text, p_tenant text, p_invocation text) returns text language plpgsql immutable as $$
declare n text := p_model || '__' || tenancy.leaf_key(p_tenant) || '__' || substr(md5(p_invocation), 1, 8);
begin
  if length(n) > 63 then raise exception 'model name % is too long: at most 39 characters', p_model; end if;
  return n;
end $$;

-- An empty staged heap with the parent's columns, for a stage that writes by COPY.
create function tenancy.stage_empty (p_schema text, p_model text, p_tenant text, p_invocation text) returns text language plpgsql as $$
declare heap text := tenancy.heap_name(p_model, p_tenant, p_invocation);
begin
  execute format('drop table if exists %I.%I', p_schema || '__leaf', heap);
  execute format('create table %I.%I (like %I.%I including defaults including generated)', p_schema || '__leaf', heap, p_schema, p_model);
  execute format('alter table %I.%I add constraint tenant_only check (tenant_id = %L)', p_schema || '__leaf', heap, p_tenant);
  insert into tenancy.staged values (p_invocation, p_tenant, p_schema, p_model, heap, 0)
  on conflict (invocation_id, tenant_id, schema_name, model_name) do update set heap_name = excluded.heap_name, at = clock_timestamp();
  return heap;
end $$;

-- The contract of a model, held against the heap that was built: [{name, data_type, not_null}], types as format_type writes them.
create function tenancy.contract_breach (p_heap regclass, p_contract jsonb) returns text language sql stable as $$
  with built as (
    select attname::text as name, format_type(atttypid, atttypmod) as data_type from pg_attribute
    where attrelid = p_heap and attnum > 0 and not attisdropped
  ), agreed as (select * from jsonb_to_recordset(p_contract) as c(name text, data_type text))
  select string_agg(case when b.name is null then format('column %s of the contract is not built', a.name)
                         when a.name is null then format('column %s is not in the contract', b.name)
                         else format('column %s is %s, the contract says %s', a.name, b.data_type, a.data_type) end, '; ' order by coalesce(a.name, b.name))
  from built b full join agreed a using (name)
  where a.data_type is distinct from b.data_type $$;

-- Build one tenant's heap. Never raises for bad data: the error is this tenant's result.
create function tenancy.stage (p_schema text, p_model text, p_tenant text, p_invocation text, p_sql text, p_finish text[], p_contract jsonb default null)
returns jsonb language plpgsql as $$
declare
  heap text := tenancy.heap_name(p_model, p_tenant, p_invocation);
  full_name text := format('%I.%I', p_schema || '__leaf', heap);
  n bigint; t0 timestamptz := clock_timestamp(); statement text; breach text;
begin
  begin
    execute 'drop table if exists ' || full_name;
    execute format('create table %s as %s', full_name, tenancy.for_tenant(p_sql, p_tenant, p_invocation));
    get diagnostics n = row_count;
    execute format('alter table %s alter tenant_id set not null, add constraint tenant_only check (tenant_id = %L)', full_name, p_tenant);
    if p_contract is not null then
      breach := tenancy.contract_breach(full_name::regclass, p_contract);
      if breach is not null then raise exception 'contract: %', breach; end if;
    end if;
    foreach statement in array p_finish loop execute format(statement, full_name); end loop;
    execute 'analyze ' || full_name;
    insert into tenancy.staged values (p_invocation, p_tenant, p_schema, p_model, heap, n)
    on conflict (invocation_id, tenant_id, schema_name, model_name) do update set row_count = excluded.row_count, at = clock_timestamp();
  exception when others then
    return jsonb_build_object('ok', false, 'stage', 'build', 'error', sqlerrm, 'code', sqlstate);
  end;
  return jsonb_build_object('ok', true, 'rows', n, 'ms', round(extract(epoch from clock_timestamp() - t0) * 1000));
end $$;

-- A model's SQL for one tenant: the tokens become the tenant, and what this invocation has staged is read instead of
-- what is live, so a model sees its parents' new rows before anybody else does.
create function tenancy.for_tenant (p_sql text, p_tenant text, p_invocation text) returns text language plpgsql stable as $$
declare s record; live text; q text := replace(replace(p_sql, '__TENANTKEY__', tenancy.leaf_key(p_tenant)), '__TENANT__', p_tenant);
begin
  for s in select * from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant loop
    live := format('"%s"."%s__%s"', s.schema_name || '__leaf', s.model_name, tenancy.leaf_key(p_tenant));
    q := replace(q, live, format('"%s"."%s"', s.schema_name || '__leaf', s.heap_name));
  end loop;
  return q;
end $$;

-- Swap everything this invocation staged for the tenant, in the caller's one transaction. Retries on lock timeouts, so a
-- long query of this tenant delays the swap, and the swap delays that tenant's readers by at most p_lock_timeout a try.
create function tenancy.publish (p_tenant text, p_invocation text, p_lock_timeout text default '300ms', p_tries integer default 40)
returns integer language plpgsql as $$
declare s record; mid regclass; old regclass; n integer;
begin
  perform set_config('lock_timeout', p_lock_timeout, true);
  -- Publications of one tenant take turns. Waiting here is not a conflict with readers, so it has its own patience.
  for attempt in 1 .. p_tries loop
    n := 0;
    begin
      perform pg_advisory_xact_lock(hashtextextended('publish:' || p_tenant, 0));
      for s in select * from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant order by schema_name, model_name loop
        mid := tenancy.ensure(s.schema_name, s.model_name, p_tenant, s.heap_name);
        select inhrelid::regclass into old from pg_inherits where inhparent = mid;
        if old is not null and old <> format('%I.%I', s.schema_name || '__leaf', s.heap_name)::regclass then
          execute format('alter table %s detach partition %s', mid, old);
          execute format('drop table %s', old);
        end if;
        execute format('alter table %s attach partition %I.%I for values in (%L)', mid, s.schema_name || '__leaf', s.heap_name, p_tenant);
        n := n + 1;
      end loop;
      delete from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant;
      perform tenancy.refresh_analyst_views(p_tenant);
      return n;
    exception
      when lock_not_available or deadlock_detected then
        if attempt = p_tries then raise; end if;
      when datatype_mismatch or undefined_column then
        raise exception 'the columns of %.% changed; a migration must alter the parent first: %', s.schema_name, s.model_name, sqlerrm
          using errcode = sqlstate;
    end;
    perform pg_sleep(least(0.1 * attempt, 2) * (0.5 + random()));
  end loop;
  return n;
end $$;

-- Put one file's heap of records in place, replacing an earlier reading of the same file.
create function tenancy.attach_file (p_schema text, p_table text, p_tenant text, p_file_no integer, p_invocation text,
                                     p_lock_timeout text default '300ms', p_tries integer default 40) returns void language plpgsql as $$
declare mid regclass; old regclass; heap text; stable_name text := format('%s__%s__f%s', p_table, tenancy.leaf_key(p_tenant), p_file_no);
begin
  perform set_config('lock_timeout', p_lock_timeout, true);
  for attempt in 1 .. p_tries loop
    begin
      perform pg_advisory_xact_lock(hashtextextended('publish:' || p_tenant, 0));
      select heap_name into strict heap from tenancy.staged
       where invocation_id = p_invocation and tenant_id = p_tenant and schema_name = p_schema and model_name = p_table;
      mid := tenancy.ensure(p_schema, p_table, p_tenant, heap, 'file_no');
      old := to_regclass(format('%I.%I', p_schema || '__leaf', stable_name));
      if old is not null then execute format('alter table %s detach partition %s', mid, old); execute format('drop table %s', old); end if;
      execute format('alter table %I.%I rename to %I', p_schema || '__leaf', heap, stable_name);
      execute format('alter table %s attach partition %I.%I for values in (%s)', mid, p_schema || '__leaf', stable_name, p_file_no);
      delete from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant and schema_name = p_schema and model_name = p_table;
      return;
    exception when lock_not_available or deadlock_detected then
      if attempt = p_tries then raise; end if;
    end;
    perform pg_sleep(least(0.1 * attempt, 2) * (0.5 + random()));
  end loop;
end $$;

-- Views with the tenant's literal inside, for analysts: pruned at planning, and bound by the parent's policies as the invoker.
create function tenancy.refresh_analyst_views (p_tenant text) returns void language plpgsql as $$
declare t record; s text := tenancy.analyst_schema(p_tenant);
begin
  if to_regrole(tenancy.analyst_role(p_tenant)) is null then return; end if;
  execute format('create schema if not exists %I', s);
  execute format('grant usage on schema %I to %I', s, tenancy.analyst_role(p_tenant));
  for t in select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'marts' and c.relkind = 'p' and to_regclass(format('%I.%I', s, c.relname)) is null loop
    execute format('create view %I.%I with (security_invoker = true) as select * from marts.%I where tenant_id = %L', s, t.relname, t.relname, p_tenant);
    execute format('grant select on %I.%I to %I', s, t.relname, tenancy.analyst_role(p_tenant));
  end loop;
end $$;

-- Staged heaps whose invocation died. Called by every publication run; a day is longer than any build.
create function tenancy.sweep (p_older_than interval default interval '1 day') returns integer language plpgsql as $$
declare s record; n integer := 0;
begin
  for s in delete from tenancy.staged where at < clock_timestamp() - p_older_than returning schema_name, heap_name loop
    execute format('drop table if exists %I.%I', s.schema_name || '__leaf', s.heap_name);
    n := n + 1;
  end loop;
  return n;
end $$;
