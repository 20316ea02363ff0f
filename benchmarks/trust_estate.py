"""Ten tenants with a hundred thousand real properties each, for the benchmarks of trust.

Belongs here: taking one tenant's records out of this clone's demo, repeating them under other keys in a throwaway
cluster, and having dbt build the marts that trust is read from. Does not belong here: what is measured.

Repeated rows keep what decides size and time: the widths, the nulls and their reasons, two vintages of the roll, the
polygons' overlaps. Only parcel number, account number and property differ from one repetition to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.throwaway import throwaway_cluster
from real_estate_assets.settings import Settings, get_settings, process_environment, read_pointer
from real_estate_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from psycopg import Connection

ORIGINAL = "charles-river"  # the demo tenant whose records are repeated
TENANTS, PROPERTIES = 10, 100_000
MODELS = ("+dim_properties", "+fct_property_hazards")
COPIES = {"raw.property": "raw", "enrichment.identity": "enrichment", "enrichment.location": "enrichment",
          "enrichment.hazard_exposure": "enrichment", "enrichment.address": "enrichment"}  # fmt: skip
# Registers that everybody reads come whole, the tenant's own rows for each tenant, parents before children.
PUBLIC = ("prov.method", "prov.public_file")
OWN = ("prov.source_file", "prov.evidence", "prov.evidence_input")
_RECORDS_APART = 1_000_000  # record numbers of two repetitions do not meet


@dataclass(frozen=True)
class Estate:
    """A running throwaway warehouse with `tenants`, each of `properties` properties, published by dbt."""

    settings: Settings
    warehouse: Warehouse
    tenants: tuple[str, ...]
    properties: int


@contextmanager
def built_estate(properties: int = PROPERTIES, tenants: int = TENANTS) -> Iterator[Estate]:
    """Make it, and destroy it at the end. properties: of each tenant. Raises RuntimeError where dbt fails."""
    original = original_warehouse()
    with throwaway_cluster() as cluster:
        settings = cluster.settings
        warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
        names = tuple(f"tenant-{number:02d}" for number in range(tenants))
        _add_registers(settings, warehouse)
        with warehouse.as_owner() as connection:
            _copy_original(original, connection)
            for name in names:
                _add_tenant(warehouse, connection, name, properties)
            connection.execute("drop schema original cascade")
        _build(settings, names)
        _calibrate(warehouse, names)
        yield Estate(settings, warehouse, names, properties)


def original_warehouse() -> Warehouse:
    """This clone's demo as it stands, whatever its version; built where there is none. Raises RuntimeError."""
    from benchmarks.gates.demo import run_demo

    settings = get_settings()
    if settings.warehouse_host is None and read_pointer(settings.state_dir) is None:
        run_demo(process_environment({}))
    warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
    with warehouse.as_owner() as connection:
        counted = connection.execute("select count(*) from raw.property where tenant_id = %s", (ORIGINAL,)).fetchall()
    if not counted[0][0]:
        raise RuntimeError(f"the demo has no records of {ORIGINAL} to take as real rows: run `make demo`")
    return warehouse


def _add_registers(settings: Settings, warehouse: Warehouse) -> None:
    """What people reviewed, as the product loads it: source kinds, priors, the field map, dbt's seeds."""
    from benchmarks.trust_registers import load_registers

    load_registers(settings, warehouse)


def _copy_original(original: Warehouse, connection: Connection[Any]) -> None:
    """The original tenant's rows, into tables of the same names in schema `original`."""
    connection.execute("create schema original")
    with original.as_owner() as source:
        for table in (*PUBLIC, *OWN, *COPIES):
            columns = _common_columns(source, connection, table)
            if not columns:
                continue
            condition = "true" if table in PUBLIC else f"tenant_id = '{ORIGINAL}'"
            names, copied = ", ".join(columns), f"original.{table.replace('.', '__')}"
            connection.execute(f"create table {copied} as select {names} from {table} limit 0")
            _copy(source, f"select {names} from {table} where {condition}", connection, f"{copied} ({names})")
    _number_properties(connection)


def _common_columns(source: Connection[Any], target: Connection[Any], table: str) -> list[str]:
    """Columns that the table has on both sides, in the target's order: the demo may be of an earlier version."""
    query = (
        "select attname::text from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped"
        " order by attnum"
    )
    there = {name for (name,) in source.execute(query, (table,)).fetchall()}
    return [name for (name,) in target.execute(query, (table,)).fetchall() if name in there]


def _copy(source: Connection[Any], query: str, target: Connection[Any], into: str) -> None:
    with (
        source.cursor().copy(f"copy ({query}) to stdout") as reading,
        target.cursor().copy(f"copy {into} from stdin") as writing,
    ):
        for block in reading:
            writing.write(block)


def _number_properties(connection: Connection[Any]) -> None:
    """original.numbered: each property of the original with a number, so that a tenant can take just so many."""
    connection.execute(
        "create table original.numbered as select property_id, (row_number() over (order by property_id) - 1)::integer"
        " as n from original.enrichment__identity group by property_id"
    )
    for table in ("raw__property", "enrichment__identity"):
        connection.execute(f"create index on original.{table} (file_no, record_no); analyze original.{table}")
    for table in PUBLIC:
        copied = f"original.{table.replace('.', '__')}"
        columns = ", ".join(_common_columns(connection, connection, copied))
        connection.execute(f"insert into {table} ({columns}) select {columns} from {copied} on conflict do nothing")


def _add_tenant(warehouse: Warehouse, connection: Connection[Any], tenant_id: str, properties: int) -> None:
    from real_estate_assets.stores.warehouse.tenants import add_tenant

    add_tenant(warehouse, tenant_id, tenant_name=tenant_id, description="made", base_uri="file:///")
    with connection.transaction():
        for table in OWN:
            _repeat_own(connection, table, tenant_id)
        connection.execute(
            "create temp table chosen on commit drop as"
            " select r, property_id, md5(property_id::text || %(tenant)s || r)::uuid as new_id"
            " from original.numbered, generate_series(0, %(n)s / (select count(*)::integer from original.numbered)) r"
            " where r * (select count(*) from original.numbered) + n < %(n)s",
            {"tenant": tenant_id, "n": properties},
        )
        connection.execute("create index on chosen (property_id); analyze chosen")
        for table in COPIES:
            _repeat(connection, table, tenant_id)
        connection.execute("select tenancy.publish(%s, 'made')", (tenant_id,))


def _repeat_own(connection: Connection[Any], table: str, tenant_id: str) -> None:
    copied = f"original.{table.replace('.', '__')}"
    columns = [name for name in _common_columns(connection, connection, copied) if name != "tenant_id"]
    if columns:
        names = ", ".join(columns)
        statement = f"insert into {table} (tenant_id, {names}) select %s, {names} from {copied}"
        connection.execute(statement + " on conflict do nothing", (tenant_id,))


def _repeat(connection: Connection[Any], table: str, tenant_id: str) -> None:
    """Every repetition's rows of one table of records, put in place as the stages do."""
    copied = f"original.{table.replace('.', '__')}"
    columns = _common_columns(connection, connection, copied)
    if table != "raw.property":
        heap = _stage(connection, table, tenant_id, "made")
        connection.execute(f"insert into {heap} ({', '.join(columns)}) {_repeated(table, copied, columns, tenant_id)}")
        connection.execute(f"analyze {heap}")
        return
    for (file_no,) in connection.execute(f"select distinct file_no from {copied} order by 1").fetchall():
        heap = _stage(connection, table, tenant_id, f"made/{file_no}")
        rows = _repeated(table, copied, columns, tenant_id, f"where o.file_no = {file_no}")
        connection.execute(f"insert into {heap} ({', '.join(columns)}) {rows}")
        connection.execute(f"analyze {heap}")
        attach = "select tenancy.attach_file('raw', 'property', %s, %s, %s)"
        connection.execute(attach, (tenant_id, file_no, f"made/{file_no}"))


def _stage(connection: Connection[Any], table: str, tenant_id: str, run: str) -> str:
    schema, name = table.split(".")
    staged = "select tenancy.stage_empty(%s, %s, %s, %s)"
    heap = connection.execute(staged, (schema, name, tenant_id, run)).fetchall()[0][0]
    return f'{schema}__leaf."{heap}"'


# Which repetitions of a row there are: a record follows its property, a place any property that stands on it.
_OF_RECORDS = (
    " join original.enrichment__identity i on i.file_no = o.file_no and i.record_no = o.record_no"
    " join chosen c on c.property_id = i.property_id"
)
_OF_PLACES = (
    " join (select distinct i.county_fips, i.parcel_number, c.r from original.enrichment__identity i"
    " join chosen c on c.property_id = i.property_id) c on c.county_fips = o.county_fips"
    " and c.parcel_number = o.parcel_number"
)


def _repeated(table: str, copied: str, columns: Sequence[str], tenant_id: str, condition: str = "") -> str:
    """The query of a table's rows under the keys of each repetition."""
    changed = {
        "tenant_id": f"'{tenant_id}'",
        "record_no": f"o.record_no + c.r * {_RECORDS_APART}",
        "parcel_number": "o.parcel_number || case when c.r > 0 then 'R' || c.r else '' end",
        "account_number": "o.account_number || case when c.r > 0 then 'R' || c.r else '' end",
        "property_id": "c.new_id",
    }
    if table == "enrichment.address":
        chosen, changed = "", {"tenant_id": f"'{tenant_id}'"}
    elif table in {"raw.property", "enrichment.identity"}:
        chosen = _OF_RECORDS
    else:
        chosen = _OF_PLACES
        changed.pop("record_no")  # the record in the layer's file is the same one
    values = ", ".join(changed.get(name, f"o.{name}") for name in columns)
    return f"select {values} from {copied} o{chosen} {condition}"


def _build(settings: Settings, tenant_ids: Sequence[str]) -> None:
    from real_estate_assets.stores.dbt_process import ensure_manifest, run_dbt

    ensure_manifest(settings)
    # Without the tests: they prove the rows, which are real ones that passed them, and take as long again.
    done = run_dbt(settings, ["run", "--select", *MODELS], tenant_ids=tenant_ids)
    if not done.is_ok:
        raise RuntimeError(f"dbt did not build the estate:\n{done.tail}")


def _calibrate(warehouse: Warehouse, tenant_ids: Sequence[str]) -> None:
    """Measured parameters for every tenant: those of the first, since all repeat the same records."""
    from real_estate_assets.defs.trust.measuring import measure
    from real_estate_assets.stores.warehouse.calibration import write_version

    found = measure(warehouse, tenant_ids[0])
    for tenant_id in tenant_ids:
        write_version(
            warehouse, tenant_id, found.every_parameter, code_version="made", inputs=found.inputs, run_id="made"
        )
    with warehouse.as_owner() as connection:  # as autovacuum does where a cluster lives longer than a benchmark
        for table in (*OWN, "prov.agreement", "prov.row_check", "prov.field_map"):
            connection.execute(f"analyze {table}")
