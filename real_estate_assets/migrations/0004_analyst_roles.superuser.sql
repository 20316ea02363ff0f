-- What needs the superuser: login roles for analysts, and closing what PostGIS leaves open.
-- The owner is no superuser and has no CREATEROLE (which in Postgres 15 could grant itself any role), so the two things it
-- may do with roles are these functions, which make and drop only names of one shape.
--
-- They run as the superuser, so they touch nothing that the owner may change: no table (a trigger or a rule on it would run
-- as the superuser) and no function of the owner's. That is why their callers in 0003 look up tenants and names.
set lock_timeout = '300ms';
set statement_timeout = '60s';

create function tenancy.make_analyst_role (p_role text, p_verifier text, p_schema text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_role !~ '^reos_an_[0-9a-f]{12}$' then raise exception 'not the name of an analyst role: %', quote_literal(p_role); end if;
  if p_schema !~ '^an_[a-z0-9_]+$' then raise exception 'not the name of an analyst schema: %', quote_literal(p_schema); end if;
  if to_regrole(p_role) is null then
    execute format('create role %I', p_role);
  end if;
  execute format('alter role %I login nosuperuser nobypassrls nocreatedb nocreaterole noreplication connection limit 20', p_role);
  execute format('grant reos_analyst to %I', p_role);
  execute format('alter role %I password %L', p_role, p_verifier);
  -- Comforts and seat belts, not walls: an analyst may set them otherwise. Grants and policies are the wall.
  execute format('alter role %I in database %I set search_path = %I, reference, public', p_role, current_database(), p_schema);
  execute format('alter role %I set default_transaction_read_only = on', p_role);
  execute format('alter role %I set statement_timeout = ''15min''', p_role);
  -- An open transaction keeps its locks, and a publication of the tenants it has read waits for them.
  execute format('alter role %I set idle_in_transaction_session_timeout = ''5min''', p_role);
end $$;

create function tenancy.drop_analyst_role (p_role text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_role !~ '^reos_an_[0-9a-f]{12}$' then raise exception 'not the name of an analyst role: %', quote_literal(p_role); end if;
  if to_regrole(p_role) is null then return; end if;
  perform pg_terminate_backend(pid) from pg_stat_activity where usename = p_role;
  execute format('drop owned by %I', p_role);
  execute format('drop role %I', p_role);
end $$;

revoke all on function tenancy.make_analyst_role (text, text, text), tenancy.drop_analyst_role (text) from public;
grant execute on function tenancy.make_analyst_role (text, text, text), tenancy.drop_analyst_role (text) to reos_owner;

-- Plans made for no tenant in particular would touch every tenant's partition: 2,008 locks for one row (measured).
alter role reos_app set plan_cache_mode = force_custom_plan;
alter role reos_app set idle_in_transaction_session_timeout = '1min';

-- PostGIS reads planner statistics of any table for anybody who knows its name or oid, without asking for a privilege: the
-- extent and a two-dimensional histogram of another tenant's parcels (seen, with leaves closed to the role).
revoke execute on function
  public.st_estimatedextent (text, text), public.st_estimatedextent (text, text, text), public.st_estimatedextent (text, text, text, boolean),
  public._postgis_stats (regclass, text, text), public._postgis_selectivity (regclass, text, public.geometry, text),
  public._postgis_join_selectivity (regclass, text, regclass, text, text), public._postgis_index_extent (regclass, text)
from public;
grant execute on function
  public.st_estimatedextent (text, text), public.st_estimatedextent (text, text, text), public.st_estimatedextent (text, text, text, boolean)
to reos_owner;
