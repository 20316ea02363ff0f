-- Tenants, who may see what, and how one tenant's new table is made beside the one that is served. Runs as reos_owner.
--
-- Shape of one model, e.g. marts.dim_properties, tenant 'acme-tx' (key 0f3c...):
--   marts.dim_properties                        PARTITION BY LIST (tenant_id), forced RLS: the only thing roles read
--   marts__leaf.dim_properties__<key>           one tenant's partition, itself PARTITION BY LIST: the stable name
--   marts__leaf.dim_properties__<key>__<gen>    the heap of one build
-- The middle level exists for locks: DETACH and ATTACH take ACCESS EXCLUSIVE on *their* parent, so a swap there can make
-- readers of this tenant wait and nobody else. Row-level security of the parent does not exist on leaves, so the wall
-- is that nobody but the owner has USAGE on <schema>__leaf; `tests/tenancy` proves that no grant exists there.
--
-- Locks between our own transactions are row locks on tables that only the owner may change, never advisory locks: any
-- login, an analyst's too, may take any advisory lock and would so hold up another tenant's publication.
-- Does not belong here: putting the new tables in place of the old (0003), login roles (0004).
set lock_timeout = '300ms';
set statement_timeout = '60s';

create schema if not exists tenancy;
revoke all on schema tenancy from public;
-- What the owner makes later is closed until it is opened: PUBLIC may otherwise execute every new function.
alter default privileges revoke execute on functions from public;

create table tenancy.tenant (
  tenant_id text primary key check (tenant_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  tenant_name text not null,
  description text not null,          -- the tenant's YAML as it was given
  description_sha256 text not null,
  base_uri text not null,             -- where relative source uris start
  is_active boolean not null default true, -- false: served as it stands, built no more
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
  tenant_id text not null references tenancy.tenant on delete cascade,
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

-- Heaps that a build has made and nobody reads yet. Never a heap that is attached: publishing deletes the row.
create table tenancy.staged (
  invocation_id text not null,
  tenant_id text not null references tenancy.tenant on delete cascade,
  schema_name text not null,
  model_name text not null,
  heap_name text not null,
  row_count bigint not null,
  at timestamptz not null default clock_timestamp(),
  reads jsonb not null default '{}', -- live leaves the model read -> the heaps they had: publishing refuses what went stale
  primary key (invocation_id, tenant_id, schema_name, model_name)
);

-- Models whose parent was made here. Inserting the row makes the first builds of many tenants take turns.
create table tenancy.model (schema_name text not null, model_name text not null, primary key (schema_name, model_name));

-- The only place that turns a tenant slug into an identifier (12 hex of md5): no '-', no case, no 63-byte trap.
create function tenancy.leaf_key (tenant text) returns text language sql immutable strict parallel safe
return substr(md5(tenant), 1, 12);

-- The schema of a tenant's analyst views: the slug with '_' for '-' (injective, a slug has no '_'), hashed where too long.
create function tenancy.analyst_schema (tenant text) returns text language sql immutable strict parallel safe
return 'an_' || case when length(tenant) <= 60 then replace(tenant, '-', '_')
                     else replace(substr(tenant, 1, 46), '-', '_') || '__' || tenancy.leaf_key(tenant) end;

-- Roles belong to the cluster, tenants to a database: the same slug in two databases must not share a login.
create function tenancy.analyst_role (tenant text) returns text language sql stable strict parallel safe
return 'reos_an_' || substr(md5(current_database() || '/' || tenant), 1, 12);

-- Twelve hex digits can be made to collide by somebody who chooses slugs; then one tenant's table would be another's.
create unique index tenant_leaf_key on tenancy.tenant (tenancy.leaf_key(tenant_id));
create unique index tenant_analyst_schema on tenancy.tenant (tenancy.analyst_schema(tenant_id));

-- Which tenant the session may see. Unset or '' -> null -> no row.
create function tenancy.current_tenant () returns text language sql stable parallel safe
return nullif(current_setting('app.tenant_id', true), '');

-- The tenant whose model or test the owner runs just now (stage, test_all); null = the owner at large.
create function tenancy.build_tenant () returns text language sql stable parallel safe
return nullif(current_setting('app.build_tenant', true), '');

create function tenancy.role_tenants () returns text[] language sql stable security definer set search_path = pg_catalog, pg_temp
return (select coalesce(array_agg(tenant_id), '{}') from tenancy.role_tenant where role_name = session_user);

-- Forced row-level security and the three policies, the same for every relation that carries tenant_id. The owner is
-- bound too while it builds: a model or a test that names a parent instead of the leaf meets its own tenant's rows only.
create function tenancy.secure (relation regclass, analysts_read boolean default true) returns void language plpgsql as $$
declare own_build text := '(select tenancy.build_tenant()) is null or tenant_id = (select tenancy.build_tenant())';
begin
  execute format('alter table %s enable row level security', relation);
  execute format('alter table %s force row level security', relation);
  execute format('create policy owner_all on %s to reos_owner using (%s) with check (%s)', relation, own_build, own_build);
  execute format('create policy app_tenant on %s for select to reos_app using (tenant_id = (select tenancy.current_tenant()))', relation);
  execute format('grant select on %s to reos_app', relation);
  if analysts_read then
    execute format('create policy analyst_tenant on %s for select to reos_analyst'
                   ' using (tenant_id = any ((select tenancy.role_tenants())::text[]))', relation);
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
  if to_regclass(parent) is null then
    -- Waits for another tenant that is making the same parent, until that one commits or gives up.
    insert into tenancy.model values (p_schema, p_model) on conflict do nothing;
  end if;
  -- Asked of pg_class: to_regclass answers from a cache that does not yet know what the other one made meanwhile.
  if not exists (select from pg_class where relname = p_model and relnamespace = p_schema::regnamespace) then
    execute format('create table %s (like %I.%I) partition by list (tenant_id)', parent, p_schema || '__leaf', p_heap);
    perform tenancy.secure(to_regclass(parent), p_schema = 'marts');
  end if;
  begin
    execute format('create table %s (like %s including constraints) partition by list (%I)', mid, parent, p_sub_key);
    execute format('alter table %s add constraint tenant_only check (tenant_id = %L)', mid, p_tenant);
    execute format('alter table %s attach partition %s for values in (%L)', parent, mid, p_tenant);
  exception when duplicate_table or duplicate_object or unique_violation then
    null; -- another run of this tenant made it meanwhile: Postgres let us wait until that one had committed
  end;
  return mid::regclass;
end $$;

-- Name of one build's heap. The generation is the invocation's: two builds of one tenant at once do not meet on a name.
create function tenancy.heap_name (p_model text, p_tenant text, p_invocation text) returns text language plpgsql immutable as $$
declare n text := p_model || '__' || tenancy.leaf_key(p_tenant) || '__' || substr(md5(p_invocation), 1, 8);
begin
  if p_model !~ '^[a-z][a-z0-9_]*$' then raise exception 'model name % may hold a-z, 0-9 and _ only', quote_literal(p_model); end if;
  if length(n) > 63 then raise exception 'model name % is too long: at most 39 characters', p_model; end if;
  return n;
end $$;

-- A free name for the heap that this invocation is about to stage. An earlier try of the same invocation is dropped when it
-- is still staged; when it is already published, dropping it would empty the tenant, so the new heap gets another name.
-- The key-share lock makes removing a tenant wait for this build, and this build refuse a tenant on its way out.
create function tenancy.new_heap (p_schema text, p_model text, p_tenant text, p_invocation text) returns text language plpgsql as $$
declare heap text; again integer := 0;
begin
  perform from tenancy.tenant where tenant_id = p_tenant and is_active for key share;
  if not found then raise exception 'there is no active tenant %', quote_literal(p_tenant); end if;
  delete from tenancy.staged where invocation_id = p_invocation and tenant_id = p_tenant and schema_name = p_schema and model_name = p_model
  returning heap_name into heap;
  if heap is not null then execute format('drop table if exists %I.%I', p_schema || '__leaf', heap); end if;
  heap := tenancy.heap_name(p_model, p_tenant, p_invocation);
  while to_regclass(format('%I.%I', p_schema || '__leaf', heap)) is not null loop
    again := again + 1;
    heap := tenancy.heap_name(p_model, p_tenant, p_invocation || '#' || again);
  end loop;
  return heap;
end $$;

-- An empty staged heap with the parent's columns, for a stage that writes by COPY.
create function tenancy.stage_empty (p_schema text, p_model text, p_tenant text, p_invocation text) returns text language plpgsql as $$
declare heap text := tenancy.new_heap(p_schema, p_model, p_tenant, p_invocation);
begin
  execute format('create table %I.%I (like %I.%I including defaults including generated including constraints)',
                 p_schema || '__leaf', heap, p_schema, p_model);
  execute format('alter table %I.%I add constraint tenant_only check (tenant_id = %L)', p_schema || '__leaf', heap, p_tenant);
  insert into tenancy.staged values (p_invocation, p_tenant, p_schema, p_model, heap, 0);
  return heap;
end $$;

-- The heaps that a leaf has now, in a form that can be compared later.
create function tenancy.heaps_of (p_leaf text) returns jsonb language sql stable
return (select coalesce(jsonb_agg(inhrelid::bigint order by inhrelid), '[]') from pg_inherits where inhparent = to_regclass(p_leaf));

-- The tenant's live leaves that a statement names, each with its heaps.
create function tenancy.leaves_read (p_sql text, p_tenant text) returns jsonb language sql stable
return (select coalesce(jsonb_object_agg(leaf, tenancy.heaps_of(leaf)), '{}') from (
  select distinct found[1] as leaf from
    regexp_matches(p_sql, '("[a-z0-9_]+__leaf"\."[a-z0-9_]+__' || tenancy.leaf_key(p_tenant) || '")', 'g') as found) named);

-- The contract of a model, held against the heap that was built: [{name, data_type}], types as format_type writes them.
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

-- Build one tenant's heap. Never raises for bad data: the error is this tenant's result.
create function tenancy.stage (p_schema text, p_model text, p_tenant text, p_invocation text, p_sql text, p_finish text[], p_contract jsonb default null)
returns jsonb language plpgsql as $$
declare heap text; full_name text; n bigint; t0 timestamptz := clock_timestamp(); statement text; breach text; q text; reads jsonb;
begin
  begin
    heap := tenancy.new_heap(p_schema, p_model, p_tenant, p_invocation);
    full_name := format('%I.%I', p_schema || '__leaf', heap);
    q := tenancy.for_tenant(p_sql, p_tenant, p_invocation);
    reads := tenancy.leaves_read(q, p_tenant); -- before the statement: a swap in between is seen as stale, never missed
    perform set_config('app.build_tenant', p_tenant, true);
    execute format('create table %s as %s', full_name, q);
    get diagnostics n = row_count;
    execute format('alter table %s alter tenant_id set not null, add constraint tenant_only check (tenant_id = %L)', full_name, p_tenant);
    if p_contract is not null then
      breach := tenancy.contract_breach(full_name::regclass, p_contract);
      if breach is not null then raise exception 'contract: %', breach; end if;
    end if;
    foreach statement in array coalesce(p_finish, '{}') loop execute format(statement, full_name); end loop;
    execute 'analyze ' || full_name;
    insert into tenancy.staged (invocation_id, tenant_id, schema_name, model_name, heap_name, row_count, reads)
    values (p_invocation, p_tenant, p_schema, p_model, heap, n, reads);
    perform set_config('app.build_tenant', '', true);
  exception when others then -- not a cancelled statement, which Postgres leaves out of `others`
    return jsonb_build_object('ok', false, 'stage', 'build', 'error', sqlerrm, 'code', sqlstate);
  end;
  return jsonb_build_object('ok', true, 'rows', n, 'ms', round(extract(epoch from clock_timestamp() - t0) * 1000));
end $$;
