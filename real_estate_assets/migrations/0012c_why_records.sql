-- What the records say beside the mart: why a cell is null, and what other records say of the same cell. Runs as reos_owner.
--
-- No login may read raw records. The two functions marked "security definer" read them as the owner, only for a tenant that
-- the login itself may see (prov.may_read), and give back one word or one field of one property.
-- Does not belong here: trust.
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- Whether the login of this session may see the tenant. Asked of session_user, which no setting changes: an analyst who sets
-- app.tenant_id gets nothing by it. For functions that run as the owner, where row-level security does not hold the caller.
create function prov.may_read (p_tenant text) returns boolean language plpgsql stable as $$
begin
  return coalesce(p_tenant = tenancy.current_tenant() and pg_has_role(session_user, 'reos_app', 'member')
                  or pg_has_role(session_user, 'reos_owner', 'member') or p_tenant = any (tenancy.role_tenants()), false);
end $$;

-- What the reader wrote down about an empty cell of a record: null_marker, out_of_bounds, unparseable; null: nothing.
create function prov.reason_in_record (p_tenant text, p_evidence_no integer, p_record_no integer, p_field text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare f prov.source_file; reason text;
begin
  if not prov.may_read(p_tenant) then return null; end if;
  select s.* into f from prov.evidence e join prov.source_file s on s.tenant_id = e.tenant_id and s.file_no = e.file_no
   where e.tenant_id = p_tenant and e.evidence_no = p_evidence_no;
  if f.file_no is null or f.record_type <> all ('{property,owner,parcel}') then return null; end if;
  execute format('select r.null_reasons ->> %L from raw.%I r where r.tenant_id = %L and r.file_no = %s and r.record_no = %L::integer',
                 p_field, f.record_type, p_tenant, f.file_no, p_record_no) into reason;
  return reason;
end $$;

-- What the property's other records say of a field: those that describe it less well, best first. A record that is silent
-- is no rival. mask: its failed row checks, where any touches the field. Read from the tenant's own leaves, which plan three times faster than the parents.
create function prov.rival_records (p_tenant text, p_property uuid, p_field text)
returns table (value jsonb, source_name text, source_kind text, vintage date, file_no integer, record_no integer, evidence_no integer,
               use_description text, use_code text, mask integer)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare ranked text; k record; said raw.property; is_checked boolean;
begin
  if not prov.may_read(p_tenant) then return; end if;
  ranked := format('intermediate__leaf.%I', 'int_property_records__ranked__' || tenancy.leaf_key(p_tenant));
  if to_regclass(ranked) is null then return; end if;
  is_checked := exists (select from prov.row_check c where c.bit is not null and p_field = any (c.fields));
  for k in execute format('select k.* from %s k where k.tenant_id = %L and k.property_id = %L and k.property_rank > 1 order by k.property_rank',
                          ranked, p_tenant, p_property) loop
    execute format('select r.* from raw__leaf.%I r where r.tenant_id = %L and r.record_no = %s',
                   format('property__%s__f%s', tenancy.leaf_key(p_tenant), k.file_no), p_tenant, k.record_no) into said;
    value := to_jsonb(said) -> p_field;
    continue when value is null or value = 'null';
    source_name := k.source_name; source_kind := k.source_kind; vintage := k.vintage; file_no := k.file_no; record_no := k.record_no;
    evidence_no := said.evidence_no; use_description := said.use_description; use_code := said.use_code;
    if is_checked then
      mask := prov.failed_row_checks(
        p_address_raw => said.address_raw, p_city => said.city, p_state_or_province => said.state_or_province, p_postal_code => said.postal_code,
        p_fiscal_year => said.fiscal_year, p_use_code => said.use_code, p_use_description => said.use_description, p_zoning => said.zoning,
        p_tax_district => said.tax_district, p_lot_size_sqft => said.lot_size_sqft, p_assessed_land_value_usd => said.assessed_land_value_usd,
        p_assessed_improvement_value_usd => said.assessed_improvement_value_usd, p_assessed_total_value_usd => said.assessed_total_value_usd,
        p_tax_amount_usd => said.tax_amount_usd, p_has_residential_exemption => said.has_residential_exemption, p_gross_area_sqft => said.gross_area_sqft,
        p_living_area_sqft => said.living_area_sqft, p_above_grade_area_sqft => said.above_grade_area_sqft,
        p_basement_finished_area_sqft => said.basement_finished_area_sqft, p_basement_unfinished_area_sqft => said.basement_unfinished_area_sqft,
        p_architectural_style => said.architectural_style, p_occupancy => said.occupancy, p_year_built => said.year_built,
        p_year_renovated => said.year_renovated, p_stories => said.stories, p_units_total => said.units_total, p_rooms_total => said.rooms_total,
        p_bedrooms_total => said.bedrooms_total, p_bathrooms_full => said.bathrooms_full, p_bathrooms_half => said.bathrooms_half,
        p_bathrooms_total => said.bathrooms_total, p_fireplaces_total => said.fireplaces_total, p_condition_description => said.condition_description,
        p_condition_score => said.condition_score, p_interior_condition_score => said.interior_condition_score, p_grade_description => said.grade_description,
        p_grade_score => said.grade_score, p_view_description => said.view_description, p_view_score => said.view_score,
        p_is_waterfront => said.is_waterfront, p_heating_type => said.heating_type, p_heating_fuel => said.heating_fuel,
        p_has_central_air => said.has_central_air, p_parking_open_spaces => said.parking_open_spaces, p_parking_covered_spaces => said.parking_covered_spaces,
        p_garage_spaces => said.garage_spaces, p_neighborhood_living_area_sqft => said.neighborhood_living_area_sqft,
        p_neighborhood_lot_size_sqft => said.neighborhood_lot_size_sqft, p_sale_price_usd => said.sale_price_usd, p_sale_date => said.sale_date,
        p_deed_reference => said.deed_reference);
    end if;
    return next;
  end loop;
end $$;

-- Rivals of a cell of dim_properties, with the trust that the cell would have if they stood there.
create function prov.rivals_of (q prov.question, f prov.field_map, p_row jsonb) returns jsonb language plpgsql stable as $$
declare r record; found jsonb := '[]'; p prov.path; own_kind text := p_row ->> 'assessor_source_kind';
begin
  if f.mart <> 'dim_properties' or f.field_group <> 'assessor' or f.derived_from is not null and f.derived_from <> '{}'
    or (p_row ->> 'record_count')::integer = 1 then return found; end if;
  for r in select * from prov.rival_records(q.tenant_id, (p_row ->> 'property_id')::uuid, f.field) loop
    p := prov.path_of(q, f.mart, f.field, f.field_group, f.ages, f.method, r.evidence_no::text, f.field,
                      prov.segment_of(r.use_description, r.use_code), null, coalesce(r.mask, 0));
    found := found || jsonb_build_object(
      'value', r.value, 'source_name', r.source_name, 'source_kind', r.source_kind, 'vintage', r.vintage, 'file_no', r.file_no, 'record_no', r.record_no,
      'trust', p.trust, 'lost_because', case
        when r.source_kind <> own_kind and prov.prior_reliability(r.source_kind, q.as_of) < prov.prior_reliability(own_kind, q.as_of)
        then 'less reliable kind of source'
        when r.vintage is null then 'vintage unknown'
        when r.vintage < (p_row ->> 'assessor_vintage')::date then 'older vintage'
        else 'another file of the same vintage came later' end);
  end loop;
  return found;
end $$;

create function prov.prior_reliability (p_source_kind text, p_as_of timestamptz) returns double precision language plpgsql stable as $$
begin
  return (select r.reliability from prov.source_registry r where r.source_kind = p_source_kind and r.recorded_at <= p_as_of order by r.version desc limit 1);
end $$;

-- Why a cell is null: what the mart says of it, else what can be told from its inputs, the record and the evidence.
create function prov.null_reason (q prov.question, f prov.field_map, p_row jsonb) returns text language plpgsql stable as $$
declare unknown text;
begin
  if p_row -> 'null_reasons' ? f.field then return p_row -> 'null_reasons' ->> f.field; end if;
  if f.field like '%\_checks\_failed' then return 'none_failed'; end if;
  if f.field in ('null_reason', 'property_null_reason') then return 'not_applicable'; end if;
  if f.field_group = any ('{provenance,tenant}') then
    return case when f.field like '%vintage' then 'not_in_source' else 'no_record' end;
  end if;
  if f.mart = 'fct_property_hazards' then
    return coalesce(p_row ->> 'null_reason', case when p_row ->> 'peril' = 'composite' then 'computed_from_perils' else 'not_in_source' end);
  end if;
  if f.mart = 'fct_ownership' and f.field = 'property_id' then return p_row ->> 'property_null_reason'; end if;
  if f.mart = 'fct_changes' then return prov.reason_of_change(f.field, p_row); end if;
  if f.field = 'previous_sale_date' then return 'no_earlier_sale'; end if;
  if f.field = 'is_resale_within_12_months' and p_row -> 'validity_reasons' ? 'earlier_sales_unknown' then return 'earlier_sales_unknown'; end if;
  select string_agg(d, ', ' order by d) into unknown from unnest(f.derived_from) d where p_row -> d = 'null';
  if unknown is not null then return 'unknown_input: ' || unknown; end if;
  if f.field_group = 'aggregate' then return 'no_sale_gives_it'; end if;
  if cardinality(f.derived_from) > 0 then return 'not_computable'; end if;
  return prov.reason_of_record(q.tenant_id, f, p_row);
end $$;

-- Of a field of a change: which side has none, or that a word is no number.
create function prov.reason_of_change (p_field text, p_row jsonb) returns text language sql immutable
return case
  when p_row ->> 'field' = 'property' then 'whole_property'
  when p_field like 'old\_value%' and p_row ->> 'change_kind' = 'appeared' then 'absent_before'
  when p_field like 'new\_value%' and p_row ->> 'change_kind' = 'disappeared' then 'absent_after'
  when p_field like '%\_number' then 'not_a_number'
  when p_field like '%vintage' then 'not_in_source'
  when p_row -> 'old_value_number' = 'null' or p_row -> 'new_value_number' = 'null' then 'not_a_number'
  when (p_row ->> 'old_value_number')::double precision = 0 then 'was_zero'
  else 'no_record' end;

-- Of a cell that copies a record's: what the reader says, else whether its file has such a column at all.
create function prov.reason_of_record (p_tenant text, f prov.field_map, p_row jsonb) returns text language plpgsql stable as $$
declare evidence integer := p_row ->> (f.field_group || '_evidence_no'); record_no integer := p_row ->> (f.field_group || '_record_no');
  columns jsonb; named text := case f.field when 'owner_name' then 'owner_name_raw' else f.field end;
begin
  if p_row ? (f.field_group || '_public_sha256') then return 'blank_in_source'; end if;
  if coalesce(evidence, 0) = 0 or record_no is null then return 'no_record'; end if;
  select s.source_entry -> 'columns' into columns from prov.evidence e join prov.source_file s on s.tenant_id = e.tenant_id and s.file_no = e.file_no
   where e.tenant_id = p_tenant and e.evidence_no = evidence;
  return coalesce(prov.reason_in_record(p_tenant, evidence, record_no, named),
                  case when columns is null then 'no_record' when columns ? named then 'blank_in_source' else 'not_in_source' end);
end $$;

grant execute on function
  prov.may_read (text), prov.reason_in_record (text, integer, integer, text), prov.rival_records (text, uuid, text),
  prov.rivals_of (prov.question, prov.field_map, jsonb), prov.prior_reliability (text, timestamptz),
  prov.null_reason (prov.question, prov.field_map, jsonb), prov.reason_of_change (text, jsonb), prov.reason_of_record (text, prov.field_map, jsonb)
to reos_app, reos_analyst;
