"""Public reference layers: replaced whole, read by every tenant's stages.

Belongs here: statements on `reference.*` and `prov.public_file`. Does not belong here: what a publisher's columns mean
(`core/references`), nor layers that a tenant brought, which are the tenant's own records.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.tables import copy_rows

if TYPE_CHECKING:
    from psycopg.sql import Identifier


@dataclass(frozen=True, slots=True)
class PublicFile:
    """One public file as received; its sha256 is its identity in every cell."""

    sha256: str
    layer: str
    source_kind: str
    uri: str
    object_key: str
    vintage: dt.date | None
    byte_count: int
    licence: str
    locator_kind: str
    record_count: int


@dataclass(frozen=True, slots=True)
class HazardLayer:
    """A layer of zones and, as WKB, the ground it covers: inside it, no zone means minimal."""

    layer: str
    peril: str
    resolution: str
    vintage: dt.date | None
    public_sha256: str
    coverage_wkb: bytes | None


@dataclass(frozen=True, slots=True)
class AnswerList:
    """A published list of the parcels of a county that some zones of a layer touch."""

    answer_list: str
    layer: str
    peril: str
    county_fips: str
    categories: Sequence[str]
    vintage: dt.date | None
    public_sha256: str


def register(warehouse: Warehouse, file: PublicFile) -> None:
    """Record a public file; the same bytes again change nothing but the number of records read from it."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "insert into prov.public_file (sha256, layer, source_kind, uri, object_key, vintage, byte_count, licence,"
            " locator_kind, record_count) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (sha256) do update set record_count = excluded.record_count",
            dataclasses.astuple(file),
        )


def forget_file(warehouse: Warehouse, sha256: str) -> None:
    """Take the rows of a recalled file out of every layer. The file itself stays known, and its bytes kept."""
    from psycopg import sql

    with warehouse.as_owner() as connection, connection.transaction():
        for table in ("county", "hazard_layer", "county_hazard_score", "house_price_index", "answer_list"):
            connection.execute(
                sql.SQL("delete from {} where public_sha256 = {}").format(_table(table), sql.Literal(sha256))
            )


def replace_counties(warehouse: Warehouse, rows: Iterable[Sequence[Any]]) -> int:
    """Replace the counties; returns how many. rows: (county_fips, county_name, state_fips, hex WKB, public_sha256,
    record_no).
    """
    columns = ("county_fips", "county_name", "state_fips", "geom_4326", "public_sha256", "record_no")
    return _replace(warehouse, "county", columns, rows)


def replace_house_price_index(warehouse: Warehouse, rows: Iterable[Sequence[Any]]) -> int:
    """Replace the index, base 2000 = 100; returns how many rows. rows: (county_fips, year, index_value,
    annual_change_pct, public_sha256, record_no).
    """
    columns = ("county_fips", "year", "index_value", "annual_change_pct", "public_sha256", "record_no")
    return _replace(warehouse, "house_price_index", columns, rows)


def replace_county_scores(warehouse: Warehouse, rows: Iterable[Sequence[Any]]) -> int:
    """Replace the counties' percentile ranks; returns how many rows. rows: (county_fips, peril, component, score_pct,
    rating, vintage, public_sha256, record_no).
    """
    columns = ("county_fips", "peril", "component", "score_pct", "rating", "vintage", "public_sha256", "record_no")
    return _replace(warehouse, "county_hazard_score", columns, rows)


def replace_hazard_layer(warehouse: Warehouse, layer: HazardLayer, zones: Iterable[Sequence[Any]]) -> int:
    """Replace one layer and its zones in one transaction. Returns how many zones.

    zones: (record_no, zone_code, zone_subtype, category, static_bfe_ft, hex WKB).
    """
    with warehouse.as_owner() as connection, connection.transaction():
        connection.execute("delete from reference.hazard_layer where layer = %s", (layer.layer,))
        connection.execute(
            "insert into reference.hazard_layer (layer, peril, resolution, vintage, public_sha256, coverage_4326)"
            " values (%s, %s, %s, %s, %s, st_setsrid(%s::geometry, 4326))",
            (layer.layer, layer.peril, layer.resolution, layer.vintage, layer.public_sha256, layer.coverage_wkb),
        )
        columns = ("layer", "record_no", "zone_code", "zone_subtype", "category", "static_bfe_ft", "geom_4326")
        return copy_rows(connection, _table("hazard_zone"), columns, ((layer.layer, *zone) for zone in zones))


def replace_answer_list(warehouse: Warehouse, answers: AnswerList, rows: Iterable[Sequence[Any]]) -> int:
    """Replace one published list in one transaction. Returns how many records.

    rows: (record_no, parcel number in normal form or None, hex WKB).
    """
    with warehouse.as_owner() as connection, connection.transaction():
        connection.execute("delete from reference.answer_list where answer_list = %s", (answers.answer_list,))
        connection.execute(
            "insert into reference.answer_list (answer_list, layer, peril, county_fips, categories, vintage,"
            " public_sha256) values (%s, %s, %s, %s, %s, %s, %s)",
            (
                answers.answer_list,
                answers.layer,
                answers.peril,
                answers.county_fips,
                list(answers.categories),
                answers.vintage,
                answers.public_sha256,
            ),
        )
        columns = ("answer_list", "public_sha256", "record_no", "parcel_number", "geom_4326")
        own = ((answers.answer_list, answers.public_sha256, *row) for row in rows)
        return copy_rows(connection, _table("answer_key"), columns, own)


def county_shape(warehouse: Warehouse, county_fips: Sequence[str]) -> Any | None:
    """The union of the given counties as one shapely geometry.

    None where the county layer is not loaded or lacks one of them: half a county's ground would refuse the other half.
    """
    import shapely

    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select st_asbinary(geom_4326) from reference.county where county_fips = any (%s)", (list(county_fips),)
        ).fetchall()
    if len(rows) != len(set(county_fips)):
        return None
    return shapely.union_all([shapely.from_wkb(row[0]) for row in rows])


def hazard_layers(warehouse: Warehouse) -> list[HazardLayer]:
    """All layers of zones, by name."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select layer, peril, resolution, vintage, public_sha256, st_asbinary(coverage_4326)"
            " from reference.hazard_layer order by layer"
        ).fetchall()
    return [HazardLayer(*row) for row in rows]


def hazard_zones(warehouse: Warehouse, layer: str) -> list[tuple[int, str, str | None, str, bytes]]:
    """(record_no, zone_code, zone_subtype, category, wkb) of one layer's zones, in file order."""
    with warehouse.as_owner() as connection:
        return connection.execute(
            "select record_no, zone_code, zone_subtype, category, st_asbinary(geom_4326)"
            " from reference.hazard_zone where layer = %s order by record_no",
            (layer,),
        ).fetchall()


def worst_county_scores(warehouse: Warehouse) -> list[tuple[str, str, str, float | None, str | None, str, int]]:
    """(county_fips, peril, component, score_pct, rating, public_sha256, record_no): one row a county and peril.

    Where a peril has several components (river and coastal flood), the one with the highest rank counts: ranks of two
    hazards do not add up, and an averaged one would hide a coast.
    """
    with warehouse.as_owner() as connection:
        return connection.execute(
            "select distinct on (peril, county_fips)"
            " county_fips, peril, component, score_pct, rating, public_sha256, record_no"
            " from reference.county_hazard_score order by peril, county_fips, score_pct desc nulls last, component"
        ).fetchall()


def hazard_score_scale(warehouse: Warehouse) -> list[dict[str, str | None]]:
    """The seed's rows as text, as `FloodScale.from_rows` reads them. Empty before the seeds were loaded."""
    with warehouse.as_owner() as connection:
        if connection.execute("select to_regclass('reference.hazard_score_scale')").fetchall()[0][0] is None:
            return []
        rows = connection.execute(
            "select peril, layer_kind, fld_zone, zone_subty, score::text, annual_probability::text, reason"
            " from reference.hazard_score_scale"
        ).fetchall()
    names = ("peril", "layer_kind", "fld_zone", "zone_subty", "score", "annual_probability", "reason")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _replace(warehouse: Warehouse, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    from psycopg import sql

    with warehouse.as_owner() as connection, connection.transaction():
        # Not truncate: readers must see old or new, never nothing.
        connection.execute(sql.SQL("delete from {}").format(_table(table)))
        return copy_rows(connection, _table(table), columns, rows)


def _table(name: str) -> Identifier:
    from psycopg import sql

    return sql.Identifier("reference", name)
