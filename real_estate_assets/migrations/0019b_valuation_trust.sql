-- Trust of an estimate, computed when it is asked for. Runs as reos_owner; the functions run as whoever asks.
--
-- An estimate is as good as two things: how often estimates like it were within 10 % of the price (measured out of time,
-- valuation.estimate.share_within_10pct), and whether what it was computed from is right (the trust of its input cells now).
-- Trust is their product: the chance that an independent look finds the inputs right and the price within 10 %.
-- Does not belong here: the trust of a cell (0009b) and the formula behind it (0009).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- The cells of marts that a property's estimate was computed from: weight is the feature's share of what the model gained by
-- its features; trust null: the cell is null, claims nothing, and its being unknown is part of the measured error.
-- No row: no estimate, or none that the caller may see.
create function valuation.input_trust (p_tenant text, p_property uuid, p_as_of timestamptz default now())
returns table (feature text, mart text, field text, weight double precision, trust double precision)
language plpgsql stable set plan_cache_mode = 'force_generic_plan' set jit = off as $$
declare q prov.question; u record; cell_row jsonb; known jsonb := '{}';
begin
  if not prov.sees(p_tenant) then return; end if;
  q.tenant_id := p_tenant; q.as_of := p_as_of; q.model := prov.model_at(p_as_of); q.calibration := prov.calibration_at(p_tenant, p_as_of);
  -- A source is mart.field of the property's row, or mart.field[peril] of its row of that peril.
  for u in
    select i ->> 'name' as name, (i ->> 'weight')::double precision as weight, s.part[1] as mart, s.part[2] as field,
           jsonb_strip_nulls(jsonb_build_object('property_id', p_property, 'peril', s.part[3])) as key
      from valuation.estimate e join valuation.model d on d.tenant_id = p_tenant and d.model_id = e.model_id
      cross join jsonb_array_elements(d.features) i
      cross join regexp_match(i ->> 'source', '^([a-z_]+)\.([a-z0-9_]+)(?:\[([a-z_]+)\])?$') as s (part)
     where e.tenant_id = p_tenant and e.property_id = p_property and e.estimate_usd is not null and s.part is not null
  loop
    if not known ? (u.mart || u.key) then
      known := known || jsonb_build_object(u.mart || u.key, case when prov.mart_key(u.mart) = array(select jsonb_object_keys(u.key) order by 1 desc)
                                                                 then prov.row_at(p_tenant, u.mart, u.key, null) end);
    end if;
    cell_row := known -> (u.mart || u.key);
    feature := u.name; mart := u.mart; field := u.field; weight := u.weight; trust := null;
    if jsonb_typeof(cell_row -> u.field) <> 'null' then
      trust := (select min(p.trust) from unnest(prov.paths_of(q, u.mart, u.field, cell_row)) p);
    end if;
    return next;
  end loop;
end $$;

-- Whether a file that the model was trained on was recalled then.
create function valuation.rests_on_recalled (p_tenant text, p_model text, p_as_of timestamptz) returns boolean language plpgsql stable as $$
begin
  return exists (
    select from valuation.model d cross join jsonb_array_elements(d.training_files) f
    cross join prov.recall_at(p_tenant, (f ->> 'file_no')::integer, null, p_as_of)
    where d.tenant_id = p_tenant and d.model_id = p_model);
end $$;

-- Trust of a property's estimate with its two factors. inputs: mean trust of the known input cells, weighed as above; null
-- where no input is a cell of a mart. No row: no estimate, or none that the caller may see.
create function valuation.trust (p_tenant text, p_property uuid, p_as_of timestamptz default now())
returns table (trust double precision, share_within_10pct double precision, inputs double precision, is_recalled boolean)
language plpgsql stable as $$
begin
  return query
    select case when r.is_recalled then 0 else e.share_within_10pct * i.inputs end, e.share_within_10pct, i.inputs, r.is_recalled
      from valuation.estimate e
      cross join lateral (select sum(t.trust * t.weight) / nullif(sum(t.weight) filter (where t.trust is not null), 0) as inputs
                          from valuation.input_trust(p_tenant, p_property, p_as_of) t) i
      cross join lateral (select valuation.rests_on_recalled(p_tenant, e.model_id, p_as_of) as is_recalled) r
     where e.tenant_id = p_tenant and e.property_id = p_property and e.estimate_usd is not null and prov.sees(p_tenant);
end $$;

revoke all on all functions in schema valuation from public;
grant execute on function valuation.input_trust (text, uuid, timestamptz), valuation.rests_on_recalled (text, text, timestamptz),
  valuation.trust (text, uuid, timestamptz) to reos_app, reos_analyst;
