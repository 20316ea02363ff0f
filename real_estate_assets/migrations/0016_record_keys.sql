-- One record of a file found by its number, without reading the file. Runs as reos_owner.
--
-- prov.why looks at the records behind a cell and at those that lost to it. Without an index that is a scan of each file's
-- heap: half of the answer's time at 10,000 records a file, nearly all of it at 100,000. Making the index costs 10 ms for
-- 27,000 records. Does not belong here: what is read by it (0012).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- As in 0003, and the heap gets its index before anybody reads it.
create or replace function tenancy.attach_file (p_schema text, p_table text, p_tenant text, p_file_no integer, p_invocation text,
                                                p_lock_timeout text default '300ms', p_tries integer default 40) returns void language plpgsql as $$
declare mid regclass; old regclass; heap text; stable_name text := format('%s__%s__f%s', p_table, tenancy.leaf_key(p_tenant), p_file_no);
begin
  perform tenancy.take_turn(p_tenant);
  perform set_config('lock_timeout', p_lock_timeout, true);
  select heap_name into heap from tenancy.staged
   where invocation_id = p_invocation and tenant_id = p_tenant and schema_name = p_schema and model_name = p_table;
  if not found then raise exception 'nothing is staged for %.% of tenant % by %', p_schema, p_table, p_tenant, p_invocation; end if;
  execute format('create index on %I.%I (record_no)', p_schema || '__leaf', heap);
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

-- The files that are in place already.
do $$
declare h regclass;
begin
  for h in select c.oid from pg_class c where c.relnamespace = 'raw__leaf'::regnamespace and c.relkind = 'r' and c.relname ~ '__f[0-9]+$' loop
    execute format('create index on %s (record_no)', h);
  end loop;
end $$;
