-- The auditor reads what marts said before, as it reads what they say now. Runs as reos_owner.
--
-- Does not belong here: what history holds (0011), the auditor's other rights (0010).
set lock_timeout = '300ms';
set statement_timeout = '60s';

grant usage on schema history to reos_auditor;

-- As in 0010, with history: its tables are made with the first publication of a mart.
create or replace function tenancy.secure (relation regclass, analysts_read boolean default true) returns void language plpgsql as $$
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
  if (select relnamespace::regnamespace::text in ('marts', 'prov', 'history') from pg_class where oid = relation) then
    perform tenancy.let_auditor_read(relation);
  end if;
end $$;

do $$
declare r record;
begin
  for r in select c.oid::regclass as relation from pg_class as c
           where c.relnamespace = 'history'::regnamespace and c.relkind in ('r', 'p') and c.relrowsecurity
             and not exists (select from pg_policy as p where p.polrelid = c.oid and p.polname = 'auditor_tenant')
           order by c.oid loop
    perform tenancy.let_auditor_read(r.relation);
  end loop;
end $$;
