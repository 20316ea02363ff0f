"""What the database says, read as an auditor: rows of marts, files, evidence. Reads only; verdicts go through
`minutes`.

Belongs here: SQL and the shape of its answers. Does not belong here: any rule about what a cell should be.
Everything is asked for one tenant, named in the setting `app.tenant_id`, which row-level security holds to.
"""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from ruamel.yaml import YAML

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MappedField:
    """A line of prov.field_map."""

    mart: str
    field: str
    field_group: str
    method: str


@dataclass(frozen=True, slots=True)
class Mart:
    """A mart as the catalog describes it: its key without tenant_id, and its columns' types."""

    name: str
    key: tuple[str, ...]
    types: dict[str, str]


class Ledger:
    """The database as one tenant's auditor sees it."""

    def __init__(self, connection: psycopg.Connection[Any], tenant_id: str) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        connection.execute("select set_config('app.tenant_id', %s, false)", [tenant_id])
        # A plan for no tenant in particular would touch, and lock, every tenant's partition.
        connection.execute("set plan_cache_mode = force_custom_plan")

    def rows(self, statement: str | sql.Composed, parameters: list[Any] | None = None) -> list[Row]:
        """All rows of a statement as dictionaries."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, parameters or []).fetchall()

    def counties(self) -> list[str]:
        """The counties that the tenant's description names."""
        (row,) = self.rows("select description from tenancy.tenant where tenant_id = %s", [self.tenant_id])
        described = YAML(typ="safe", pure=True).load(io.StringIO(row["description"]))
        return [str(county) for county in described.get("county_fips", [])]

    def source_files(self) -> list[Row]:
        """Files in force: read, not stopped by a gate, not replaced, and not recalled before the marts were built.

        A recall takes effect on trust at once and on the marts with the next build: until then dim_source_files still
        lists the file, and the cells that rest on it are audited against it.
        """
        listed = self.rows(LISTED, [self.tenant_id]) if self.mart("dim_source_files") else []
        in_marts = {row["file_no"] for row in listed}
        return [f for f in self.rows(IN_FORCE, [self.tenant_id]) if not f["is_recalled"] or f["file_no"] in in_marts]

    def refused(self) -> dict[int, dict[str, set[int]]]:
        """File -> stage -> numbers of records that were refused there."""
        refused: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        statement = "select file_no, record_no, stage from quarantine.record where tenant_id = %s"
        for row in self.rows(statement, [self.tenant_id]):
            refused[row["file_no"]][row["stage"]].add(row["record_no"])
        return refused

    def evidence(self) -> dict[int, Row]:
        """prov.evidence of the tenant by number."""
        rows = self.rows("select * from prov.evidence where tenant_id = %s", [self.tenant_id])
        return {row["evidence_no"]: row for row in rows}

    def record_index(self, file_no: int) -> Row | None:
        """The sparse index of a file's records; null where none was made."""
        found = self.rows(
            "select every, byte_offsets from prov.record_index where tenant_id = %s and file_no = %s",
            [self.tenant_id, file_no],
        )
        return found[0] if found else None

    def reliabilities(self) -> dict[str, float]:
        """Reviewed reliability by kind of source, the newest version of each."""
        rows = self.rows(
            "select distinct on (source_kind) * from prov.source_registry order by source_kind, version desc"
        )
        return {row["source_kind"]: row["reliability"] for row in rows}

    def public_files(self) -> list[Row]:
        """Public files, newest first; recalled ones last, so that they serve only where nothing else does."""
        return self.rows(
            "select p.*, exists (select from prov.public_recall r where r.sha256 = p.sha256 and r.restored_at is null)"
            " as is_recalled from prov.public_file p order by is_recalled, received_at desc, sha256"
        )

    def seed(self, name: str) -> list[Row]:
        """A reviewed table that ships with the models."""
        return self.rows(sql.SQL("select * from reference.{}").format(sql.Identifier(name)))

    def field_map(self) -> list[MappedField]:
        """Every column of every mart with its group and method."""
        rows = self.rows("select mart, field, field_group, method from prov.field_map order by mart, field")
        return [MappedField(**row) for row in rows]

    def mart(self, name: str) -> Mart | None:
        """A mart's key and types; null where it was never built."""
        columns = self.rows(COLUMNS, [name])
        if not columns:
            return None
        return Mart(name, KEYS[name], {row["attname"]: row["kind"] for row in columns})

    def count(self, mart: Mart) -> int:
        """How many rows of the mart are the tenant's."""
        statement = sql.SQL("select count(*) as rows from marts.{} where tenant_id = %s").format(
            sql.Identifier(mart.name)
        )
        return int(self.rows(statement, [self.tenant_id])[0]["rows"])

    def sample_rows(self, mart: Mart, seed: str, limit: int) -> list[Row]:
        """The first rows of the mart in an order that only the seed and the rows' keys decide."""
        key = sql.SQL(" || '|' || ").join(sql.SQL("coalesce({}::text, '')").format(sql.Identifier(c)) for c in mart.key)
        statement = sql.SQL(
            "select * from marts.{} where tenant_id = %s"
            " order by sha256(convert_to(%s || '|' || {}, 'UTF8')), {} limit %s"
        ).format(sql.Identifier(mart.name), key, sql.SQL(", ").join(sql.Identifier(column) for column in mart.key))
        return self.rows(statement, [self.tenant_id, seed, limit])

    def row_by_key(self, mart: Mart, key: dict[str, Any]) -> Row | None:
        """One row of a mart; null where there is none."""
        condition = sql.SQL(" and ").join(
            sql.SQL("{} = ({})::{}").format(sql.Identifier(c), sql.Placeholder(), sql.SQL(mart.types[c]))
            for c in mart.key
        )
        statement = sql.SQL("select * from marts.{} where tenant_id = %s and ").format(sql.Identifier(mart.name))
        found = self.rows(statement + condition, [self.tenant_id, *(str(key[c]) for c in mart.key)])
        return found[0] if found else None


LISTED = "select file_no from marts.dim_source_files where tenant_id = %s"
IN_FORCE = """
select f.*, exists (
  select from prov.recall r
  where r.tenant_id = f.tenant_id and r.file_no = f.file_no and r.restored_at is null
) as is_recalled
from prov.source_file f
where f.tenant_id = %s and f.is_current and f.read_status = 'read' and f.gate_passed is not false order by f.file_no
"""
COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod) as kind from pg_attribute a
where a.attrelid = to_regclass('marts.' || quote_ident(%s)) and a.attnum > 0 and not a.attisdropped order by a.attnum
"""

# The keys that docs/marts promises.
KEYS: dict[str, tuple[str, ...]] = {
    "agg_market_sales": ("county_fips", "area_kind", "area_code", "sale_month"),
    "dim_owners": ("owner_id",),
    "dim_parcels": ("county_fips", "parcel_number"),
    "dim_properties": ("property_id",),
    "dim_source_files": ("file_no",),
    "fct_assessments": ("property_id", "source_name", "fiscal_year"),
    "fct_changes": ("property_id", "new_file_no", "field"),
    "fct_market_index": ("county_fips", "year"),
    "fct_ownership": ("ownership_id",),
    "fct_property_hazards": ("property_id", "peril"),
    "fct_sales": ("sale_id",),
}
