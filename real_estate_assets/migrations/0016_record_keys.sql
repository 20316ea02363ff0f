-- One record of a file found by its number, without reading the file. Runs as reos_owner.
--
-- prov.why looks at the records behind a cell and at those that lost to it. Without an index that is a scan of each file's
-- heap: half of the answer's time at 10,000 records a file, nearly all of it at 100,000. Indexes of the parents: a file's
-- heap gets its own when it is put in place (10 ms for 27,000 records). Does not belong here: what is read by it (0012).
set lock_timeout = '300ms';
set statement_timeout = '60s';

do $$
declare parent regclass;
begin
  for parent in select c.oid from pg_class c where c.relnamespace = 'raw'::regnamespace and c.relkind = 'p' loop
    execute format('create index on %s (record_no)', parent);
  end loop;
end $$;
