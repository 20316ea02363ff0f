-- What can be told about a record from the record alone: which part of the properties it belongs to, which checks it fails.
-- Runs as reos_owner.
--
-- Calibration counts by these functions and trust is looked up by them, so that what was measured and what is applied is
-- the same. All are single expressions over columns: Postgres inlines them. An unknown value fails no check.
-- Names, descriptions and fields of the checks stand in core/provenance/row_checks.yaml; a test holds the bits together.
-- A check's predicate never changes once released: it gets a new name and a new bit. Does not belong here: what a failed
-- check does to trust, which is measured.
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- The part of the properties whose values are kept up in the same way: its use. Parents are found by cutting at '|'.
create function prov.segment_of (p_use_description text, p_use_code text) returns text language sql immutable parallel safe
return coalesce(
  nullif(upper(replace(regexp_replace(trim(coalesce(nullif(trim(p_use_description), ''), p_use_code)), '\s+', ' ', 'g'), '|', '/')), ''),
  'no use');

-- How much of a lot a zone covers, as the answer keys were counted by. A lower bound belongs to its band.
create function prov.overlap_band (p_overlap_share double precision) returns text language sql immutable parallel safe
return case
  when p_overlap_share is null then 'no overlap measured'
  when p_overlap_share < 0.001 then '0-0.001'
  when p_overlap_share < 0.01 then '0.001-0.01'
  when p_overlap_share < 0.1 then '0.01-0.1'
  when p_overlap_share < 0.5 then '0.1-0.5'
  else '0.5-1' end;

-- A word that stands where a source knows nothing. 'None' is not among them: no heating is a fact. The first character is
-- looked at first, since the pattern alone took a fifth of a mart's build: blank * - . ? N T U X n t u x, or no ASCII at all.
create function prov.is_filler_word (p_text text) returns boolean language sql immutable parallel safe
return (ascii(p_text) = any ('{9,10,11,12,13,32,42,45,46,63,78,84,85,88,110,116,117,120}') or ascii(p_text) > 127)
   and p_text ~* '^\s*(unknown|unk|not available|n/a|na|null|tbd|to be determined|[?.*-]+|x{3,})\s*$';

-- One bit a failed check, null where none fails.
create function prov.failed_row_checks (
  p_address_raw text default null,
  p_city text default null,
  p_state_or_province text default null,
  p_postal_code text default null,
  p_fiscal_year integer default null,
  p_use_code text default null,
  p_use_description text default null,
  p_zoning text default null,
  p_tax_district text default null,
  p_lot_size_sqft double precision default null,
  p_assessed_land_value_usd numeric default null,
  p_assessed_improvement_value_usd numeric default null,
  p_assessed_total_value_usd numeric default null,
  p_tax_amount_usd numeric default null,
  p_has_residential_exemption boolean default null,
  p_gross_area_sqft double precision default null,
  p_living_area_sqft double precision default null,
  p_above_grade_area_sqft double precision default null,
  p_basement_finished_area_sqft double precision default null,
  p_basement_unfinished_area_sqft double precision default null,
  p_architectural_style text default null,
  p_occupancy text default null,
  p_year_built integer default null,
  p_year_renovated integer default null,
  p_stories double precision default null,
  p_units_total integer default null,
  p_rooms_total integer default null,
  p_bedrooms_total integer default null,
  p_bathrooms_full integer default null,
  p_bathrooms_half integer default null,
  p_bathrooms_total double precision default null,
  p_fireplaces_total integer default null,
  p_condition_description text default null,
  p_condition_score double precision default null,
  p_interior_condition_score double precision default null,
  p_grade_description text default null,
  p_grade_score double precision default null,
  p_view_description text default null,
  p_view_score double precision default null,
  p_is_waterfront boolean default null,
  p_heating_type text default null,
  p_heating_fuel text default null,
  p_has_central_air boolean default null,
  p_parking_open_spaces integer default null,
  p_parking_covered_spaces integer default null,
  p_garage_spaces integer default null,
  p_neighborhood_living_area_sqft double precision default null,
  p_neighborhood_lot_size_sqft double precision default null,
  p_sale_price_usd numeric default null,
  p_sale_date date default null,
  p_deed_reference text default null
) returns integer language sql immutable parallel safe
return nullif(
  -- assessed_total_is_the_sum_of_its_parts
  case when abs(p_assessed_total_value_usd - p_assessed_land_value_usd - p_assessed_improvement_value_usd)
            > greatest(1, 0.01 * p_assessed_total_value_usd) then 1 << 0 else 0 end
  -- living_area_not_above_gross_area
  | case when p_living_area_sqft > p_gross_area_sqft then 1 << 1 else 0 end
  -- renovated_after_built
  | case when p_year_renovated < p_year_built then 1 << 2 else 0 end
  -- bedrooms_are_usual
  | case when p_bedrooms_total > 20 then 1 << 3 else 0 end
  -- improvement_value_per_sqft_is_usual
  | case when p_assessed_improvement_value_usd > 0
           and p_assessed_improvement_value_usd::bigint / nullif(coalesce(p_living_area_sqft, p_gross_area_sqft), 0) not between 20 and 3000
         then 1 << 4 else 0 end
  -- building_area_is_usual
  | case when coalesce(p_living_area_sqft, p_gross_area_sqft, p_above_grade_area_sqft) < 100 then 1 << 5 else 0 end
  -- lot_size_is_usual
  | case when p_lot_size_sqft < 200 then 1 << 6 else 0 end
  -- building_fits_its_lot: a basement and an attic beside the stories
  | case when p_gross_area_sqft > p_lot_size_sqft * (p_stories + 2) then 1 << 7 else 0 end
  -- year_built_is_usual
  | case when p_year_built < 1700 or p_year_built > p_fiscal_year + 1 then 1 << 8 else 0 end
  -- rooms_fit_the_area: 70 square feet is the least a habitable room may have
  | case when p_bedrooms_total > p_rooms_total
           or p_bedrooms_total::bigint * 70 > coalesce(p_living_area_sqft, p_gross_area_sqft) then 1 << 9 else 0 end
  -- bathrooms_add_up
  | case when p_bathrooms_total <> p_bathrooms_full + 0.5 * p_bathrooms_half
           or (p_bathrooms_total = 0 and p_bedrooms_total > 0) then 1 << 10 else 0 end
  -- units_fit_the_area
  | case when p_units_total > 1 and coalesce(p_gross_area_sqft, p_living_area_sqft) < 100 * p_units_total::bigint
         then 1 << 11 else 0 end
  -- scores_are_on_their_scale
  | case when p_condition_score not between 1 and 5 or p_interior_condition_score not between 1 and 5
           or p_view_score not between 0 and 4 or p_grade_score < 0 then 1 << 12 else 0 end
  -- waterfront_has_a_view
  | case when p_is_waterfront and p_view_score = 0 then 1 << 13 else 0 end
  -- building_facts_have_a_building
  | case when p_assessed_improvement_value_usd = 0
           and (p_rooms_total > 0 or p_fireplaces_total > 0 or p_has_central_air or p_heating_type is not null
                or p_heating_fuel is not null) then 1 << 14 else 0 end
  -- basement_fits_the_building
  | case when coalesce(p_basement_finished_area_sqft, 0) + coalesce(p_basement_unfinished_area_sqft, 0)
              > 2 * coalesce(p_gross_area_sqft, p_living_area_sqft, p_above_grade_area_sqft) then 1 << 15 else 0 end
  -- parking_fits_the_units
  | case when greatest(p_parking_open_spaces, p_parking_covered_spaces, p_garage_spaces) > 10 * p_units_total::bigint
         then 1 << 16 else 0 end
  -- tax_fits_the_value
  | case when p_tax_amount_usd > 0.1 * p_assessed_total_value_usd
           or (p_has_residential_exemption and p_tax_amount_usd > 0 and p_assessed_total_value_usd is null) then 1 << 17 else 0 end
  -- sale_date_is_a_working_day: on 1 January no deed is recorded; there it stands for an unknown day
  | case when (extract(month from p_sale_date) = 1 and extract(day from p_sale_date) = 1) or p_sale_date < date '1700-01-01'
         then 1 << 18 else 0 end
  -- deed_reference_names_a_page
  | case when ascii(p_deed_reference) not between 49 and 57 and p_deed_reference !~ '[1-9]' then 1 << 19 else 0 end
  -- address_has_a_number
  | case when ascii(p_address_raw) not between 48 and 57 and p_address_raw !~ '[0-9]' then 1 << 20 else 0 end
  -- place_is_written_in_full
  | case when p_state_or_province !~ '^[A-Za-z]{2}$' or p_postal_code !~ '^[0-9]{5}(-?[0-9]{4})?$'
           or prov.is_filler_word(p_city) then 1 << 21 else 0 end
  -- use_is_named
  | case when prov.is_filler_word(p_use_code) or prov.is_filler_word(p_use_description) or prov.is_filler_word(p_zoning)
           or prov.is_filler_word(p_tax_district) then 1 << 22 else 0 end
  -- building_words_say_something
  | case when prov.is_filler_word(p_architectural_style) or prov.is_filler_word(p_occupancy)
           or prov.is_filler_word(p_condition_description) or prov.is_filler_word(p_grade_description)
           or prov.is_filler_word(p_view_description) or prov.is_filler_word(p_heating_type)
           or prov.is_filler_word(p_heating_fuel) then 1 << 23 else 0 end
  -- neighbors_are_comparable
  | case when p_neighborhood_living_area_sqft not between p_living_area_sqft / 10 and p_living_area_sqft * 10
           or p_neighborhood_lot_size_sqft <= 0 then 1 << 24 else 0 end
  -- price_fits_the_value: a sale's price against the value the same office puts on the property
  | case when p_sale_price_usd > 20 * p_assessed_total_value_usd then 1 << 25 else 0 end
, 0);

revoke all on function prov.segment_of (text, text), prov.overlap_band (double precision), prov.is_filler_word (text) from public;
grant execute on function prov.segment_of (text, text), prov.overlap_band (double precision), prov.is_filler_word (text) to reos_app, reos_analyst;

-- Its list of arguments is long: found by name, so that it stands once.
do $$
begin
  execute format('revoke all on function %s from public', 'prov.failed_row_checks'::regproc::oid::regprocedure);
  execute format('grant execute on function %s to reos_app, reos_analyst', 'prov.failed_row_checks'::regproc::oid::regprocedure);
end $$;
