-- The loops over tenants that dbt calls: build every tenant's heap of one model, run one test for every tenant, publish.
-- One CALL a node keeps dbt's own cost fixed (3.3 s) instead of per tenant. Runs as reos_owner.
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- The first upstream node whose LATEST outcome, of whatever invocation, failed: a later run of this node alone stays blocked.
create function tenancy.blocked_by (p_tenant text, p_upstream text[]) returns text language sql stable as $$
  select min(node_id) from (
    select distinct on (node_id) node_id, is_ok, severity from tenancy.outcome
    where tenant_id = p_tenant and node_id = any (p_upstream) order by node_id, at desc) latest
  where not is_ok and severity = 'error' $$;

-- One model, all tenants. Called outside a transaction block; commits after every tenant, so locks are short, progress is
-- visible, and one tenant's error is that tenant's outcome.
create procedure tenancy.stage_all (p_invocation text, p_node text, p_upstream text[], p_schema text, p_model text,
                                    p_tenants text[], p_sql text, p_finish text[], p_contract jsonb) language plpgsql as $$
declare t text; r jsonb; cause text;
begin
  -- A commit costs one fsync (2.4 ms measured). Asynchronous until the last tenant, whose commit flushes them all.
  perform set_config('synchronous_commit', 'off', false);
  foreach t in array p_tenants loop
    cause := tenancy.blocked_by(t, p_upstream);
    if cause is not null then
      r := jsonb_build_object('ok', false, 'stage', 'blocked', 'error', cause);
    else
      r := tenancy.stage(p_schema, p_model, t, p_invocation, p_sql, p_finish, p_contract);
    end if;
    insert into tenancy.outcome (invocation_id, node_id, tenant_id, is_ok, stage, row_count, duration_ms, error)
    values (p_invocation, p_node, t, (r ->> 'ok')::boolean, r ->> 'stage', (r ->> 'rows')::bigint, (r ->> 'ms')::integer, r ->> 'error');
    if t = p_tenants[array_upper(p_tenants, 1)] then perform set_config('synchronous_commit', 'on', false); end if;
    commit;
  end loop;
end $$;

-- One dbt test, all tenants that are not blocked already.
create procedure tenancy.test_all (p_invocation text, p_node text, p_upstream text[], p_tenants text[], p_sql text, p_severity text)
language plpgsql as $$
declare t text; n bigint; err text; t0 timestamptz;
begin
  perform set_config('synchronous_commit', 'off', false);
  foreach t in array p_tenants loop
    continue when tenancy.blocked_by(t, p_upstream) is not null;
    n := null; err := null; t0 := clock_timestamp();
    begin
      execute tenancy.for_tenant(p_sql, t, p_invocation) into n;
    exception when others then err := sqlerrm;
    end;
    insert into tenancy.outcome (invocation_id, node_id, tenant_id, is_ok, severity, stage, failed_rows, duration_ms, error)
    values (p_invocation, p_node, t, coalesce(n, 1) = 0, p_severity, 'test', n, round(extract(epoch from clock_timestamp() - t0) * 1000), err);
    if t = p_tenants[array_upper(p_tenants, 1)] then perform set_config('synchronous_commit', 'on', false); end if;
    commit;
  end loop;
end $$;

-- Publish what an invocation staged: a tenant with any failed node of error severity keeps what was served before.
create procedure tenancy.publish_all (p_invocation text, p_tenants text[]) language plpgsql as $$
declare t text; cause text; n integer; t0 timestamptz;
begin
  perform tenancy.sweep();
  commit;
  foreach t in array p_tenants loop
    n := null; t0 := clock_timestamp();
    select min(node_id || coalesce(': ' || error, '')) into cause from tenancy.outcome
     where invocation_id = p_invocation and tenant_id = t and not is_ok and severity = 'error' and stage is distinct from 'blocked';
    if cause is null then
      begin
        n := tenancy.publish(t, p_invocation);
      exception when others then cause := sqlerrm;
      end;
    end if;
    insert into tenancy.outcome (invocation_id, node_id, tenant_id, is_ok, stage, row_count, duration_ms, error)
    values (p_invocation, 'publish', t, cause is null, 'publish', n, round(extract(epoch from clock_timestamp() - t0) * 1000), cause)
    on conflict (invocation_id, node_id, tenant_id) do update
      set is_ok = excluded.is_ok, row_count = excluded.row_count, duration_ms = excluded.duration_ms, error = excluded.error, at = clock_timestamp();
    commit;
  end loop;
end $$;

-- Everything a tenant has in this database, removed. The object store and Dagster are the caller's.
create procedure tenancy.drop_tenant (p_tenant text) language plpgsql as $$
declare r record;
begin
  for r in select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname like '%\_\_leaf' and c.relkind in ('r', 'p')
             and c.relname ~ ('__' || tenancy.leaf_key(p_tenant) || '(__[0-9a-f]{8}|__f[0-9]+)?$')
           order by c.relkind desc loop
    -- The parent's lock is needed to detach the middle partition: short, and tried again by the caller on a timeout.
    perform set_config('lock_timeout', '300ms', true);
    execute format('drop table if exists %I.%I cascade', r.nspname, r.relname);
    commit;
  end loop;
  execute format('drop schema if exists %I cascade', tenancy.analyst_schema(p_tenant));
  for r in select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
           where c.relkind = 'r' and n.nspname in ('prov', 'quarantine', 'tenancy') and c.relname not in ('tenant') loop
    execute format('delete from %I.%I where tenant_id = %L', r.nspname, r.relname, p_tenant);
  end loop;
  delete from tenancy.tenant where tenant_id = p_tenant;
end $$;

revoke all on all functions in schema tenancy from public;
revoke all on all procedures in schema tenancy from public;
grant usage on schema tenancy to reos_app, reos_analyst;
grant execute on function tenancy.current_tenant (), tenancy.role_tenants (), tenancy.analyst_role (text), tenancy.analyst_schema (text), tenancy.leaf_key (text)
to reos_app, reos_analyst;
