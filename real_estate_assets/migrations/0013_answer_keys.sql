-- Answers that others published: lists of parcels that a public layer touches, to measure our own join by. Runs as reos_owner.
--
-- A list supports no cell of any mart: it is only ever compared with. It is public, like the layer that it answers for.
-- Does not belong here: the comparison (stores/warehouse/calibration.py) and its result (prov.agreement).
set lock_timeout = '300ms';
set statement_timeout = '60s';

-- One published list. Parcels of the county that it does not name are, by its publisher's word, outside of every zone whose
-- category is in `categories`; so a list answers for all of the layer's ground.
create table reference.answer_list (
  answer_list text primary key,
  layer text not null,                 -- reference.hazard_layer.layer that it answers for; which may be loaded later
  peril text not null,
  county_fips text not null,
  categories text[] not null check (cardinality(categories) > 0), -- zones as reference.hazard_zone.category says them
  vintage date,
  public_sha256 text not null references prov.public_file
);

-- One record of a list. The polygon is the publisher's own: it tells a lot that was renumbered from one that is not listed.
create table reference.answer_key (
  answer_list text not null references reference.answer_list on delete cascade,
  record_no integer not null,
  parcel_number text,                  -- normal form of enrichment.identity; null where the list names no parcel
  geom_4326 geometry(Geometry, 4326) not null,
  public_sha256 text not null references prov.public_file,
  primary key (answer_list, record_no)
);
create index answer_key_geom on reference.answer_key using gist (geom_4326);
create index answer_key_parcel on reference.answer_key (answer_list, parcel_number);
grant select on reference.answer_list, reference.answer_key to reos_app, reos_analyst;
