-- Login roles for analysts. The owner is no superuser and has no CREATEROLE (which in Postgres 15 could grant itself any
-- role), so the two things it may do with roles are these functions, which make and drop only names of one shape.
set lock_timeout = '300ms';
set statement_timeout = '60s';

create function tenancy.create_analyst (p_tenant text, p_password text) returns text
language plpgsql security definer set search_path = pg_catalog as $$
declare r text := tenancy.analyst_role(p_tenant);
begin
  if not exists (select from tenancy.tenant where tenant_id = p_tenant) then raise exception 'no tenant %', p_tenant; end if;
  if to_regrole(r) is null then
    execute format('create role %I login nosuperuser nobypassrls nocreatedb nocreaterole in role reos_analyst', r);
  end if;
  execute format('alter role %I password %L', r, p_password);
  insert into tenancy.role_tenant (role_name, tenant_id) values (r, p_tenant) on conflict do nothing;
  return r;
end $$;

create function tenancy.drop_analyst (p_tenant text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare r text := tenancy.analyst_role(p_tenant);
begin
  if to_regrole(r) is null then return; end if;
  execute format('drop owned by %I', r);
  execute format('drop role %I', r);
exception when dependent_objects_still_exist then
  -- Another database of the cluster still knows the role; there it is dropped with that database's tenant.
  execute format('alter role %I nologin', r);
end $$;

revoke all on function tenancy.create_analyst (text, text), tenancy.drop_analyst (text) from public;
grant execute on function tenancy.create_analyst (text, text), tenancy.drop_analyst (text) to reos_owner;
