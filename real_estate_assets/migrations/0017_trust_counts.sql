-- How the trust of a mart's cells is distributed, field by field: what every figure of a whole mart is counted from.
-- Runs as reos_owner; the function runs as whoever asks, so row-level security decides whose rows are counted.
--
-- One statement a mart, like its neighbours of 0012d: means, percentiles, bands and the weakest fields are then sums over a
-- few thousand lines instead of a statement each. Does not belong here: those sums (core/provenance/mart_trust.py).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- trust is null where a cell makes no claim or is the platform's own record.
create function prov.trust_counts (p_tenant text, p_mart text, p_as_of timestamptz default null)
returns table (field_group text, field text, trust double precision, cells bigint)
language plpgsql stable set plan_cache_mode = 'force_generic_plan' set jit = off as $$
declare fields text[] := array(select c.field from prov.claims_of(p_mart) c); groups text[] := array(select c.field_group from prov.claims_of(p_mart) c);
begin
  if not prov.sees(p_tenant) or to_regclass(format('marts.%I', p_mart)) is null then return; end if;
  return query execute 'with ' || prov.alike_sql(p_tenant, p_mart, p_as_of, fields) || format($sql$
    select u.field_group, u.field, case when not a.is_null[u.i] then t.trust[u.i] end, sum(a.n)::bigint
    from alike a join trusts t using (signature) cross join unnest(%L::text[], %L::text[]) with ordinality as u (field, field_group, i)
    group by 1, 2, 3$sql$, fields, groups);
end $$;

revoke all on function prov.trust_counts (text, text, timestamptz) from public;
grant execute on function prov.trust_counts (text, text, timestamptz) to reos_app, reos_analyst;
