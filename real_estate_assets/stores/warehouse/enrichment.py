"""What the enrichment stages read and write: addresses, identities, locations, hazard exposures of one tenant.

Belongs here: the statements on `raw` and `enrichment`, each with the tenant's literal. Does not belong here: how an
address is standardized, a property identified or a hazard assessed (`core/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.records import REJECTION_COLUMNS
from real_estate_assets.stores.warehouse.tables import TablePublication, insert_rows

ADDRESS_COLUMNS = (
    "address_raw", "house_number", "street_predirectional", "street_name", "street_suffix", "street_postdirectional",
    "unit_type", "unit_number", "address_usps", "address_key", "status", "reason", "parser", "parser_version",
)  # fmt: skip
IDENTITY_COLUMNS = (
    "file_no", "record_no", "property_id", "county_fips", "parcel_number", "unit_number", "identity_basis",
    "is_primary",
)  # fmt: skip
LOCATION_COLUMNS = (
    "county_fips", "parcel_number", "method", "geom_4326", "point_4326", "area_m2", "piece_count", "is_repaired",
    "evidence_no", "record_no",
)  # fmt: skip
EXPOSURE_COLUMNS = (
    "county_fips", "parcel_number", "peril", "layer", "resolution", "method", "zone_code", "category", "zone_subtype",
    "zones_touched", "overlap_share", "is_sliver", "source_score_pct", "annual_probability", "null_reason",
    "evidence_no", "record_no",
)  # fmt: skip


def _accepted(columns: LiteralString, table: LiteralString, condition: LiteralString = "") -> LiteralString:
    """A query of one file's records that nobody refused, in record order. Parameters: tenant, file."""
    return (
        f"select {columns} from raw.{table} r"  # noqa: S608 - LiteralString: only words of this module come in
        f" where tenant_id = %(tenant)s and file_no = %(file)s {condition} and {_NOT_REFUSED} order by record_no"
    )


# Entries of stage 'identity' are what this stage itself decides, anew each time; `r` is the raw table's alias.
_NOT_REFUSED: LiteralString = (
    "not exists (select from quarantine.record q where q.tenant_id = %(tenant)s and q.file_no = r.file_no"
    " and q.record_no = r.record_no and q.stage <> 'identity')"
)


@dataclass(frozen=True, slots=True)
class IdentityInput:
    """The identifying parts of one accepted record of a file."""

    record_no: int
    county_fips: str | None
    parcel_number: str | None
    unit_number: str | None
    account_number: str | None
    building_number: int | None
    address_raw: str | None
    evidence_no: int


def distinct_addresses(warehouse: Warehouse, tenant_id: str) -> list[str]:
    """Every distinct address text of the tenant's accepted property records, sorted."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select distinct address_raw from raw.property r"  # noqa: S608 - the condition is this module's own
            f" where tenant_id = %(tenant)s and address_raw is not null and {_NOT_REFUSED} order by 1",
            {"tenant": tenant_id},
        ).fetchall()
    return [row[0] for row in rows]


def identity_inputs(warehouse: Warehouse, tenant_id: str, file_no: int) -> list[IdentityInput]:
    """The identifying parts of one property file's accepted records, in record order."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            _accepted(
                "record_no, county_fips, parcel_number, unit_number, account_number, building_number, address_raw,"
                " evidence_no",
                "property",
            ),
            {"tenant": tenant_id, "file": file_no},
        ).fetchall()
    return [IdentityInput(*row) for row in rows]


def replace_identity_rejections(
    warehouse: Warehouse, tenant_id: str, rows: Iterable[tuple[int, int, str, str, str | None, str]], *, run_id: str
) -> int:
    """Replace the tenant's quarantine entries of stage 'identity'; returns how many.

    rows: (file_no, record_no, rule, column, value, message).
    """
    entries = (
        (tenant_id, file_no, record_no, "property", "identity", rule, column, value, message, run_id)
        for file_no, record_no, rule, column, value, message in rows
    )
    with warehouse.as_owner() as connection, connection.transaction():
        connection.execute("delete from quarantine.record where tenant_id = %s and stage = 'identity'", (tenant_id,))
        return insert_rows(connection, "quarantine.record", REJECTION_COLUMNS, entries)


def parcel_pieces(warehouse: Warehouse, tenant_id: str, file_no: int) -> list[tuple[str, str, int, bool, int, bytes]]:
    """(county_fips, parcel_number, record_no, is_repaired, evidence_no, wkb) of one parcel file's accepted records."""
    with warehouse.as_owner() as connection:
        return connection.execute(
            _accepted(
                "county_fips, parcel_number, record_no, coalesce(is_repaired, false), evidence_no,"
                " st_asbinary(geom_4326)",
                "parcel",
            ),
            {"tenant": tenant_id, "file": file_no},
        ).fetchall()


def source_coordinates(
    warehouse: Warehouse, tenant_id: str, file_no: int
) -> list[tuple[str, str, int, int, float, float]]:
    """Coordinates, in degrees, of one property file's accepted records that state both of them and a parcel number.

    (county_fips, parcel_number, record_no, evidence_no, longitude, latitude), in record order.
    """
    with warehouse.as_owner() as connection:
        return connection.execute(
            _accepted(
                "county_fips, parcel_number, record_no, evidence_no, longitude, latitude",
                "property",
                "and parcel_number is not null and longitude is not null and latitude is not null",
            ),
            {"tenant": tenant_id, "file": file_no},
        ).fetchall()


def locations(warehouse: Warehouse, tenant_id: str) -> list[tuple[str, str, bytes | None, float, float]]:
    """(county_fips, parcel_number, wkb or None, longitude, latitude) of every location of the tenant."""
    with warehouse.as_owner() as connection:
        return connection.execute(
            "select county_fips, parcel_number, st_asbinary(geom_4326), st_x(point_4326), st_y(point_4326)"
            " from enrichment.location where tenant_id = %s order by 1, 2",
            (tenant_id,),
        ).fetchall()


def tenant_hazard_zones(warehouse: Warehouse, tenant_id: str, file_no: int) -> list[dict[str, Any]]:
    """The zones of one hazard file that the tenant brought: its own layer, for its own properties only.

    Keys: record_no, evidence_no, peril, zone_code, category, share_major_pct, share_severe_pct, wkb; in record order.
    """
    from psycopg.rows import dict_row

    query = _accepted(
        "record_no, evidence_no, peril, zone_code, category, share_major_pct, share_severe_pct,"
        " st_asbinary(geom_4326) as wkb",
        "hazard_zone",
    )
    with warehouse.as_owner() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"tenant": tenant_id, "file": file_no}).fetchall()


def stage_addresses(to: TablePublication, rows: Iterable[Sequence[Any]]) -> int:
    """Replace the tenant's standardized addresses; rows in the order of ADDRESS_COLUMNS."""
    return to.stage("enrichment", "address", ADDRESS_COLUMNS, rows, ["(address_raw)"])


def stage_identities(to: TablePublication, rows: Iterable[Sequence[Any]]) -> int:
    """Replace which property each record speaks of; rows in the order of IDENTITY_COLUMNS."""
    return to.stage("enrichment", "identity", IDENTITY_COLUMNS, rows, ["(file_no, record_no)", "(property_id)"])


def stage_locations(to: TablePublication, rows: Iterable[Sequence[Any]]) -> int:
    """Replace the tenant's locations; rows in the order of LOCATION_COLUMNS, geometries as hex EWKB."""
    return to.stage(
        "enrichment", "location", LOCATION_COLUMNS, rows, ["(county_fips, parcel_number)", "using gist (geom_4326)"]
    )


def stage_exposures(to: TablePublication, rows: Iterable[Sequence[Any]]) -> int:
    """Replace the tenant's hazard exposures; rows in the order of EXPOSURE_COLUMNS."""
    return to.stage("enrichment", "hazard_exposure", EXPOSURE_COLUMNS, rows, ["(county_fips, parcel_number)"])
