-- The independent auditor's login: reads one tenant at a time as reos_app does, and writes nothing but its verdicts.
-- Runs as reos_owner; the role itself is made with the others (stores/cluster_roles.py, or an administrator once).
--
-- It reads what a mart says and what stands behind it, never raw, enrichment or intermediate: an auditor that started from
-- the platform's own reading would repeat its mistakes. Of the quarantine it sees which records were refused, not what
-- stood in them. Does not belong here: the audit's tables (0007).
set lock_timeout = '300ms';
set statement_timeout = '60s';

do $$ begin
  if to_regrole('reos_auditor') is null then
    raise exception 'the role reos_auditor is missing' using hint = 'Run `reos up`, or let an administrator make it: create role reos_auditor login.';
  end if;
end $$;

grant usage on schema prov, marts, reference, quarantine, tenancy to reos_auditor;
grant execute on function tenancy.current_tenant () to reos_auditor;

-- One tenant's rows of a relation, for the auditor: the same wall as the application's.
create function tenancy.let_auditor_read (relation regclass, columns text[] default null) returns void language plpgsql as $$
begin
  execute format('create policy auditor_tenant on %s for select to reos_auditor using (tenant_id = (select tenancy.current_tenant()))', relation);
  execute format('grant select %s on %s to reos_auditor',
                 '(' || (select string_agg(quote_ident(c), ', ') from unnest(columns) as c) || ')', relation);
end $$;
revoke all on function tenancy.let_auditor_read (regclass, text[]) from public;

-- As in 0002, and marts that a build makes tomorrow, with their history (0011), are open to the auditor from their first day.
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

-- What stands already.
do $$
declare r record;
begin
  for r in select c.oid::regclass as relation, c.relrowsecurity as is_secured from pg_class as c
           where c.relnamespace in ('marts'::regnamespace, 'prov'::regnamespace) and c.relkind in ('r', 'p', 'v')
           order by c.oid loop
    if r.is_secured then perform tenancy.let_auditor_read(r.relation);
    else execute format('grant select on %s to reos_auditor', r.relation); end if;
  end loop;
end $$;
select tenancy.let_auditor_read('tenancy.tenant'),
       tenancy.let_auditor_read('quarantine.record', array['tenant_id', 'file_no', 'record_no', 'record_type', 'stage', 'rule', 'column_name']);
grant select on all tables in schema reference to reos_auditor;

-- The one thing it writes: verdicts on the tenant it was opened for, once written never changed.
create policy auditor_verdict on prov.audit_run for insert to reos_auditor with check (tenant_id = (select tenancy.current_tenant()));
create policy auditor_verdict on prov.audit_cell for insert to reos_auditor with check (tenant_id = (select tenancy.current_tenant()));
create policy auditor_verdict on prov.audit_method for insert to reos_auditor with check (tenant_id = (select tenancy.current_tenant()));
grant insert on prov.audit_run, prov.audit_cell, prov.audit_method to reos_auditor;
