-- New columns of marts that an earlier version has published already. Runs as reos_owner.
--
-- A parent that was never made needs nothing: the first build makes it with the columns of its model. Heaps that stand
-- get the column as null, which says "not recorded yet"; the next build fills it.
set lock_timeout = '300ms';
set statement_timeout = '60s';

do $$
declare c record;
begin
  for c in select * from (values ('dim_properties', 'assessor_checks_failed', 'integer'), ('fct_assessments', 'assessor_checks_failed', 'integer'),
                                 ('agg_market_sales', 'sale_evidence_nos', 'integer[]')) as added (mart, name, type) loop
    continue when to_regclass('marts.' || c.mart) is null;
    execute format('alter table marts.%I add column if not exists %I %s', c.mart, c.name, c.type);
  end loop;
end $$;
