"""What is known of each property of one tenant, and since when: temporary tables that its features are computed from.

Belongs here: the days on which something became known, and which record describes the property on each of them. Does
not belong here: the features' values (`features_rows.py`).

The rule is that of dim_properties (int_property_records__ranked): the newest vintage of the most reliable source,
whole; here among what was known by a day, and of a house sold twice the later sale. A record is known at its file's own
date; a record of a sales file at its sale, as it describes the house that was sold. A hazard and a polygon are known at
their layer's own date. A file without a date is known since it was received.

The tables live as long as the caller's transaction:
  feature_evidence  evidence_no, file_no, run_id, known_on
  feature_file      file_no, how far it may be believed, known_on, {column: not_in_source}
  feature_record    property_id, file_no, record_no, event_on, preference (1 = describes the property once all is known)
  feature_place     county_fips, parcel_number, latitude, longitude, known_on, is_stated (by a record, not by a polygon)
  feature_hazard    property_id; of each peril score, zone, resolution, reason, evidence, known_on
  feature_event     property_id, event_on, preference of the record that describes it then
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

PERILS: tuple[LiteralString, ...] = ("flood", "wildfire", "heat", "composite")

EVIDENCE: LiteralString = """
create temporary table feature_evidence on commit drop as
select e.evidence_no, e.file_no, e.run_id,
       coalesce(f.vintage, p.vintage, (coalesce(f.received_at, p.received_at) at time zone 'UTC')::date) as known_on
from prov.evidence e
left join prov.source_file f on f.tenant_id = e.tenant_id and f.file_no = e.file_no
left join prov.public_file p on p.sha256 = e.public_sha256
where e.tenant_id = %(tenant)s"""

# An object a file, made once: made for every cell of every record it would take longer than all the rest.
FILES: LiteralString = """
create temporary table feature_file on commit drop as
select f.file_no, f.source_kind, f.source_reliability, f.vintage,
       coalesce(f.vintage, (f.received_at at time zone 'UTC')::date) as known_on,
       (select coalesce(jsonb_object_agg(c, 'not_in_source'), '{}') from unnest(%(columns)s::text[]) c
        where not c = any (f.mapped_fields)) as not_in_source
from intermediate.int_source_files__described f
where f.tenant_id = %(tenant)s and f.record_type = 'property'"""

# A sale dated after its own file cannot be what the file says of the house: such a record is known at the file's date.
RECORDS: LiteralString = """
create temporary table feature_record on commit drop as
with dated as (
  select a.property_id, a.file_no, a.record_no, a.evidence_no, a.county_fips, a.parcel_number, a.is_primary,
         f.source_reliability, f.vintage,
         case when f.source_kind = 'sales_file' and r.sale_date <= f.known_on then r.sale_date else f.known_on
         end as event_on,
         f.source_kind = 'sales_file' and r.sale_date is not null as is_sale,
         r.latitude is not null and r.longitude is not null as has_coordinates
  from intermediate.int_records__accepted a
  join feature_file f using (file_no)
  join raw.property r on r.tenant_id = %(tenant)s and r.file_no = a.file_no and r.record_no = a.record_no
  where a.tenant_id = %(tenant)s
)
select *, row_number() over (
         partition by property_id
         order by source_reliability desc, vintage desc nulls last, file_no desc, event_on desc, is_primary desc,
                  record_no
       )::integer as preference
from dated where is_primary or is_sale"""

# Coordinates that a record states come with it, whatever the file's date; a polygon comes with its layer.
PLACES: LiteralString = """
create temporary table feature_place on commit drop as
select l.county_fips, l.parcel_number, st_y(l.point_4326) as latitude, st_x(l.point_4326) as longitude, l.evidence_no,
       e.known_on, l.method = 'source_coordinates' as is_stated
from enrichment.location l left join feature_evidence e using (evidence_no)
where l.tenant_id = %(tenant)s"""

HAZARDS: LiteralString = """
create temporary table feature_hazard on commit drop as
with dated as (
  select h.property_id, h.peril, h.hazard_score, h.null_reason, h.zone_code, h.resolution, h.hazard_evidence_no,
         greatest(e.known_on, case when not (p.is_stated and d.has_coordinates) then p.known_on end) as known_on
  from marts.fct_property_hazards h
  left join feature_record d on d.property_id = h.property_id and d.preference = 1
  left join feature_place p using (county_fips, parcel_number)
  left join feature_evidence e on e.evidence_no = h.hazard_evidence_no and h.hazard_evidence_no <> 0
  where h.tenant_id = %(tenant)s
),
perils as (select property_id, max(known_on) as composite_known_on,
{columns}
  from dated group by property_id)
select * from perils"""

# The running minimum is the preferred record of those known by then; days on which only a layer became known have none.
EVENTS: LiteralString = """
create temporary table feature_event on commit drop as
with first as (select property_id, min(event_on) as event_on from feature_record group by property_id),
layer as (
  select d.property_id, p.known_on from feature_record d
  join feature_place p using (county_fips, parcel_number)
  where d.preference = 1 and not (p.is_stated and d.has_coordinates)
  union
  select h.property_id, k.known_on from feature_hazard h
  cross join unnest(array[flood_known_on, wildfire_known_on, heat_known_on]) as k (known_on)
),
day as (
  select property_id, event_on, preference from feature_record
  union all
  select l.property_id, l.known_on, null from layer l join first using (property_id) where l.known_on > first.event_on
)
select property_id, event_on, min(min(preference)) over (partition by property_id order by event_on) as preference
from day group by property_id, event_on"""

_OF_PERIL: LiteralString = """
    max(hazard_score) filter (where peril = '{p}') as {p}_score,
    max(zone_code) filter (where peril = '{p}') as {p}_zone,
    max(resolution) filter (where peril = '{p}') as {p}_resolution,
    max(null_reason) filter (where peril = '{p}') as {p}_reason,
    max(hazard_evidence_no) filter (where peril = '{p}') as {p}_evidence_no"""
_SINCE: LiteralString = ", max(known_on) filter (where peril = '{p}') as {p}_known_on"


def prepare(connection: Any, tenant_id: str, columns: Sequence[str]) -> None:
    """Make the temporary tables. columns: those of dim_properties whose absence from a file is to be explained."""
    parameters = {"tenant": tenant_id, "columns": list(columns)}
    connection.execute(EVIDENCE, parameters)
    connection.execute(FILES, parameters)
    connection.execute(RECORDS, parameters)
    connection.execute(PLACES, parameters)
    connection.execute("analyze feature_record, feature_place")
    connection.execute(HAZARDS.replace("{columns}", _hazard_columns()), parameters)
    connection.execute("analyze feature_hazard")
    connection.execute(EVENTS)
    connection.execute("analyze feature_event")


def _hazard_columns() -> LiteralString:
    found: LiteralString = ""
    for peril in PERILS:
        since: LiteralString = "" if peril == "composite" else _SINCE.replace("{p}", peril)
        found += ("," if found else "") + _OF_PERIL.replace("{p}", peril) + since
    return found
