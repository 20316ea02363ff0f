"""What calibration reads and writes: records of two vintages, lots and their polygons, answers of others; its versions.

Belongs here: statements on `raw`, `enrichment`, `reference` and the measured tables of `prov`. Does not belong here:
what counts as agreement and what follows from it (`core/provenance`), nor what people reviewed (`registry.py`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from real_estate_assets.core.records.fields import FIELDS
from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.tables import insert_rows

if TYPE_CHECKING:
    import polars as pl
    from psycopg.sql import SQL, Composed

# A lot that a list does not name, but half of whose ground lies under lots that it does name, was numbered anew since:
# whose number it was then, nobody can say, so it is left out and counted.
RENUMBERED_FROM = 0.5
# What two sources write in two ways and mean as one: an address by the platform's own key, a deed without white space.
COMMON_FORMS: Mapping[str, LiteralString] = {
    "address_raw": "coalesce(a.address_key, r.address_raw)",
    "deed_reference": r"regexp_replace(r.deed_reference, '\s', '', 'g')",
}
AGREEMENT_COLUMNS = (
    "tenant_id", "version", "kind", "source_kind", "field", "segment", "n", "agree", "years", "estimate", "prior",
    "against",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HazardAnswer:
    """How often our hazard of a place agrees with published lists, for one method and overlap band.

    renumbered: places left out because their number is not the list's; not counted in n.
    """

    source_kind: str
    method: str
    band: str
    n: int
    agree: int
    renumbered: int
    lists: Sequence[str]


@dataclass(frozen=True, slots=True)
class Calibration:
    """One version: a complete set of parameters. inputs: what was compared, as JSON."""

    version: int
    code_version: str
    inputs: Mapping[str, Any]


def property_records(warehouse: Warehouse, tenant_id: str, file_no: int, fields: Sequence[str]) -> pl.DataFrame:
    """One row a property of one file: the accepted record that describes it.

    Columns: property_id, county_fips, parcel_number, unit_number ('' without one), segment, failed_checks (bit mask,
    null where none fails), then `fields`, typed as in `raw.property` (money as floats) and in their COMMON_FORMS.
    """
    import polars as pl
    from psycopg import sql

    types = {"text": pl.String, "integer": pl.Int64, "boolean": pl.Boolean, "date": pl.Date}
    pg_types = {field.name: field.pg_type for field in FIELDS["property"]}
    selected = sql.SQL(", ").join(_as_csv(name, pg_types[name]) for name in fields)
    query = sql.SQL(
        "copy (select i.property_id, i.county_fips, i.parcel_number, coalesce(i.unit_number, ''),"
        " prov.segment_of(r.use_description, r.use_code), {checks}, {fields}"
        " from enrichment.identity i join raw.property r on r.file_no = i.file_no and r.record_no = i.record_no"
        " left join enrichment.address a on a.tenant_id = {tenant} and a.address_raw = r.address_raw"
        " where i.tenant_id = {tenant} and r.tenant_id = {tenant} and i.file_no = {file} and r.file_no = {file}"
        " and i.is_primary order by i.record_no) to stdout (format csv)"
    ).format(
        checks=_failed_checks(), fields=selected, tenant=sql.Literal(tenant_id), file=sql.Literal(file_no)
    )  # fmt: skip
    schema: dict[str, Any] = {
        **dict.fromkeys(("property_id", "county_fips", "parcel_number", "unit_number", "segment"), pl.String),
        "failed_checks": pl.Int64,
        **{name: types.get(pg_types[name], pl.Float64) for name in fields},
    }
    text = io.BytesIO()
    with warehouse.as_owner() as connection, connection.cursor().copy(query) as copy:
        for block in copy:
            text.write(block)
    if not text.tell():
        return pl.DataFrame(schema=schema)
    text.seek(0)
    frame = pl.read_csv(text, has_header=False, schema=schema)
    return frame.with_columns(pl.col("unit_number").fill_null(""))


def _as_csv(name: str, pg_type: str) -> Composed | SQL:
    """A column as polars reads it from text: a boolean as a word, what has a common form in that."""
    from psycopg import sql

    if name in COMMON_FORMS:
        return sql.SQL(COMMON_FORMS[name])
    column = sql.SQL("r.{}").format(sql.Identifier(name))
    if pg_type != "boolean":
        return column
    return sql.SQL("case when {} then 'true' when not {} then 'false' end").format(column, column)


def _failed_checks() -> Composed:
    from psycopg import sql

    arguments = sql.SQL(", ").join(
        sql.SQL("{} => r.{}").format(sql.Identifier(f"p_{field.name}"), sql.Identifier(field.name))
        for field in FIELDS["property"]
        if field.group in ("assessor", "sale")
    )
    return sql.SQL("prov.failed_row_checks({})").format(arguments)


def field_tolerances(warehouse: Warehouse) -> list[dict[str, str]]:
    """The seed's rows as text: field, comparison, tolerance."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select field, comparison, tolerance::text from reference.field_tolerance order by field"
        ).fetchall()
    return [dict(zip(("field", "comparison", "tolerance"), row, strict=True)) for row in rows]


def answer_files(warehouse: Warehouse) -> dict[str, str]:
    """Published list, or the layer that it answers for -> sha256 of the public file."""
    with warehouse.as_owner() as connection:
        return dict(
            connection.execute(
                "select answer_list, public_sha256 from reference.answer_list union"
                " select layer, public_sha256 from reference.hazard_layer order by 1"
            ).fetchall()
        )


def lot_areas(warehouse: Warehouse, tenant_id: str, file_no: int) -> pl.DataFrame:
    """Lots of one file that are one property and one parcel of the parcel layer.

    Columns: segment, stated_sqft (the record's lot size), drawn_sqft (the area of its polygon, on the ellipsoid).
    """
    import polars as pl

    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select prov.segment_of(r.use_description, r.use_code), r.lot_size_sqft,"
            " l.area_m2 / (0.3048 * 0.3048)"
            " from (select county_fips, parcel_number, min(record_no) as record_no from enrichment.identity"
            "        where tenant_id = %(tenant)s and file_no = %(file)s group by county_fips, parcel_number"
            "       having count(distinct property_id) = 1) i"
            " join raw.property r on r.tenant_id = %(tenant)s and r.file_no = %(file)s and r.record_no = i.record_no"
            " join enrichment.location l on l.tenant_id = %(tenant)s and l.county_fips = i.county_fips"
            "  and l.parcel_number = i.parcel_number and l.method = 'parcel_polygon'"
            " where r.lot_size_sqft > 0 and l.area_m2 > 0 order by r.record_no",
            {"tenant": tenant_id, "file": file_no},
        ).fetchall()
    return pl.DataFrame(
        rows, schema={"segment": pl.String, "stated_sqft": pl.Float64, "drawn_sqft": pl.Float64}, orient="row"
    )


def hazard_answers(warehouse: Warehouse, tenant_id: str) -> list[HazardAnswer]:
    """How the tenant's hazards agree with the published lists that answer for their layers.

    A place agrees when every list that can be asked about it says the same as its category: it is listed if and only if
    its category is one of the list's. A list can be asked where it names the place's number, or its polygons cover less
    than half (RENUMBERED_FROM) of the place's ground.
    """
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "with claimed as ("
            "  select a.answer_list, f.source_kind, 'hazard_' || e.method as method,"
            "    prov.overlap_band(e.overlap_share) as band, e.county_fips, e.parcel_number,"
            "    e.category = any (a.categories) as is_claimed, l.geom_4326,"
            "    exists (select from reference.answer_key k where k.answer_list = a.answer_list"
            "      and k.parcel_number = e.parcel_number) as is_listed"
            "  from enrichment.hazard_exposure e"
            "  join reference.answer_list a on (a.layer, a.peril, a.county_fips) = (e.layer, e.peril, e.county_fips)"
            "  join reference.hazard_layer h on h.layer = e.layer join prov.public_file f on f.sha256 = h.public_sha256"
            "  join enrichment.location l on l.tenant_id = %(tenant)s and l.county_fips = e.county_fips"
            "    and l.parcel_number = e.parcel_number and l.method = 'parcel_polygon'"
            "  where e.tenant_id = %(tenant)s and e.category is not null),"
            " compared as ("
            "  select *, is_listed or coalesce((select sum(st_area(st_intersection(k.geom_4326, claimed.geom_4326)))"
            "     from reference.answer_key k where k.answer_list = claimed.answer_list"
            "      and st_intersects(k.geom_4326, claimed.geom_4326)), 0)"
            "     < %(renumbered)s * st_area(geom_4326) as can_be_asked from claimed),"
            " places as ("
            "  select source_kind, method, band, county_fips, parcel_number,"
            "    bool_and(is_claimed = is_listed) filter (where can_be_asked) as agrees from compared"
            "  group by source_kind, method, band, county_fips, parcel_number)"
            " select source_kind, method, band, count(agrees), count(*) filter (where agrees),"
            "  count(*) filter (where agrees is null),"
            "  (select array_agg(distinct answer_list order by answer_list) from claimed)"
            " from places group by source_kind, method, band order by source_kind, method, band",
            {"tenant": tenant_id, "renumbered": RENUMBERED_FROM},
        ).fetchall()
    return [HazardAnswer(*row) for row in rows]


def newest(warehouse: Warehouse, tenant_id: str) -> Calibration | None:
    """The newest version of the tenant; None before the first."""
    with warehouse.as_owner() as connection:
        return _newest(connection, tenant_id)


def _newest(connection: Any, tenant_id: str) -> Calibration | None:
    row = connection.execute(
        "select version, code_version, inputs from prov.calibration where tenant_id = %s order by version desc limit 1",
        (tenant_id,),
    ).fetchone()
    return None if row is None else Calibration(*row)


def write_version(
    warehouse: Warehouse,
    tenant_id: str,
    rows: Sequence[Sequence[Any]],
    *,
    code_version: str,
    inputs: Mapping[str, Any],
    run_id: str,
) -> tuple[int, bool]:
    """(version, whether it is new) of a set of parameters, written whole or not at all.

    rows: in the order of AGREEMENT_COLUMNS after `version`. Equal inputs and code give the version that is there: a
    version says when something was learned, not when it was looked at.
    """
    from psycopg.types.json import Jsonb

    with warehouse.as_owner() as connection, connection.transaction():
        there = _newest(connection, tenant_id)
        if there is not None and (there.code_version, there.inputs) == (code_version, dict(inputs)):
            return there.version, False
        version = there.version + 1 if there else 1
        connection.execute(
            "insert into prov.calibration (tenant_id, version, run_id, code_version, inputs)"
            " values (%s, %s, %s, %s, %s)",
            (tenant_id, version, run_id, code_version, Jsonb(dict(inputs))),
        )
        insert_rows(connection, "prov.agreement", AGREEMENT_COLUMNS, ((tenant_id, version, *row) for row in rows))
    return version, True
