"""Tables that are written whole: records of a file, a tenant's enrichment, public layers. Old or new, never between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl
import psycopg
import pytest
import shapely
from psycopg import errors

from real_estate_assets.core.records.batch import CellIssue, RecordBatch, Rejection
from real_estate_assets.core.records.fields import FIELDS, RecordType
from real_estate_assets.core.records.parsing import dtype_of
from real_estate_assets.core.records.scalars import family_of
from real_estate_assets.stores.warehouse import Warehouse, enrichment, marts, reference
from real_estate_assets.stores.warehouse.records import load_file
from real_estate_assets.stores.warehouse.reference import HazardLayer, PublicFile
from real_estate_assets.stores.warehouse.tables import insert_rows, publication
from real_estate_assets.stores.warehouse.tenants import add_tenant

# Beside a type's own fields; PARCEL-like types add whether a shape was repaired.
LOCATOR = [("tenant_id", "text"), ("file_no", "integer"), ("record_no", "integer"), ("evidence_no", "integer")]
SHA = "a" * 64
QUARANTINE = ("tenant_id", "file_no", "record_no", "record_type", "stage", "rule", "message", "run_id")


@pytest.fixture
def warehouse(warehouse_db: Any) -> Warehouse:
    """Two tenants, nothing else."""
    opened = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    for tenant in ("acme", "beta"):
        add_tenant(opened, tenant, tenant_name=tenant, description="", base_uri="file:///")
    return opened


def rows_of(warehouse: Warehouse, query: str, tenant: str = "acme") -> list[tuple[Any, ...]]:
    """What the application of a tenant sees."""
    with warehouse.as_app(tenant) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("record_type", FIELDS)
def test_raw_tables_are_the_canonical_fields(record_type: RecordType, warehouse: Warehouse) -> None:
    with warehouse.as_owner() as connection:
        columns = connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
            (f"raw.{record_type}",),
        ).fetchall()
    own = [(field.name, field.pg_type) for field in FIELDS[record_type]]
    assert columns == [*LOCATOR, *own, ("null_reasons", "jsonb")]


def test_rows_enter_a_table_under_row_level_security_with_the_rest_of_the_transaction(warehouse: Warehouse) -> None:
    rows = [("acme", 1, n, "property", "gate", "a rule", "it's\tso\\", "r") for n in range(3)]
    with warehouse.as_owner() as connection, connection.transaction():
        assert insert_rows(connection, "quarantine.record", QUARANTINE, rows) == 3
        assert insert_rows(connection, "quarantine.record", QUARANTINE, iter(())) == 0
    assert rows_of(warehouse, "select record_no, message from quarantine.record order by 1") == [
        (n, "it's\tso\\") for n in range(3)
    ]
    assert rows_of(warehouse, "select * from quarantine.record", "beta") == []
    with warehouse.as_owner() as connection, pytest.raises(errors.ForeignKeyViolation):
        _insert_good_and_bad(connection)
    assert rows_of(warehouse, "select count(*) from quarantine.record") == [(3,)]


def _insert_good_and_bad(connection: Any) -> None:
    good = ("acme", 1, 9, "property", "gate", "a rule", "m", "r")
    with connection.transaction():
        insert_rows(connection, "quarantine.record", QUARANTINE, [good])
        insert_rows(connection, "quarantine.record", QUARANTINE, [("nobody", *good[1:])])


@pytest.mark.parametrize("name", ["record (tenant_id) values ('x'); drop table prov.evidence; --", 'a"b'])
def test_a_name_with_sql_in_it_is_a_name(name: str, warehouse: Warehouse) -> None:
    with warehouse.as_owner() as connection, connection.transaction(), pytest.raises(errors.UndefinedTable):
        insert_rows(connection, f"quarantine.{name.replace('.', '')}", ("tenant_id",), [])
    with pytest.raises(errors.UndefinedColumn), warehouse.as_owner() as connection, connection.transaction():
        insert_rows(connection, "quarantine.record", (name,), [])
    assert rows_of(warehouse, "select count(*) from prov.evidence") == [(0,)]


def address(raw: str) -> tuple[Any, ...]:
    return (raw, *[None] * 9, "unparsed", "no house number", "made", "1")


def addresses(warehouse: Warehouse, tenant: str = "acme") -> list[str]:
    return [raw for (raw,) in rows_of(warehouse, "select address_raw from enrichment.address order by 1", tenant)]


def replace_addresses(warehouse: Warehouse, texts: Iterable[str], run: str, tenant: str = "acme") -> None:
    with publication(warehouse, tenant, run) as to:
        enrichment.stage_addresses(to, (address(text) for text in texts))


def test_a_tenants_table_is_replaced_whole_and_no_other_tenants(warehouse: Warehouse) -> None:
    replace_addresses(warehouse, ["1 ELM ST", "2 ELM ST"], "run 1")
    replace_addresses(warehouse, ["9 OAK ST"], "run 1", "beta")
    replace_addresses(warehouse, ["3 ELM ST"], "run 2")
    assert addresses(warehouse) == ["3 ELM ST"]
    assert addresses(warehouse, "beta") == ["9 OAK ST"]
    replace_addresses(warehouse, [], "run 3")
    assert addresses(warehouse) == []


def test_readers_see_the_old_rows_until_both_tables_are_there(warehouse: Warehouse) -> None:
    replace_addresses(warehouse, ["1 ELM ST"], "run 1")
    with publication(warehouse, "acme", "run 2") as to:
        assert enrichment.stage_addresses(to, [address("2 ELM ST")]) == 1
        assert addresses(warehouse) == ["1 ELM ST"], "staged, and not served"
        assert enrichment.stage_identities(to, []) == 0
    assert addresses(warehouse) == ["2 ELM ST"]
    with warehouse.as_owner() as connection:
        assert connection.execute("select count(*) from tenancy.staged").fetchall() == [(0,)]


def broken() -> Iterator[str]:
    yield "4 ELM ST"
    raise RuntimeError("the source gave up")


def _stage_good_and_bad(warehouse: Warehouse) -> None:
    with publication(warehouse, "acme", "run 3") as to:
        enrichment.stage_identities(to, [])
        enrichment.stage_addresses(to, [("5 ELM ST", *[None] * 9, "a guess", None, "made", "1")])


def test_a_failure_on_the_way_keeps_what_was_served_and_leaves_nothing_staged(warehouse: Warehouse) -> None:
    replace_addresses(warehouse, ["1 ELM ST"], "run 1")
    with pytest.raises(RuntimeError, match="gave up"):
        replace_addresses(warehouse, broken(), "run 2")
    with pytest.raises(errors.CheckViolation):
        _stage_good_and_bad(warehouse)
    assert addresses(warehouse) == ["1 ELM ST"]
    with warehouse.as_owner() as connection:
        assert connection.execute("select count(*) from tenancy.staged").fetchall() == [(0,)]
        heaps = connection.execute(
            "select count(*) from pg_tables where schemaname = 'enrichment__leaf' and tablename like 'address%'"
        ).fetchall()
    assert heaps == [(2,)], "the middle partition and the heap that is served"


def batch(first: int, parcels: Sequence[str], rejected: Sequence[Rejection] = (), lost: int = 0) -> RecordBatch:
    """Records of a roll with a parcel number each; `lost` rows are counted and handed on to nobody."""
    numbers = range(first, first + len(parcels))
    frame = pl.DataFrame(
        {"record_no": numbers, "parcel_number": parcels, "county_fips": "25017", "null_reasons": None}
    ).cast({"record_no": pl.Int32, "null_reasons": pl.String})
    others = [
        pl.lit(None, dtype=dtype_of(family_of(field.pg_type))).alias(field.name)
        for field in FIELDS["property"]
        if field.name not in frame.columns
    ]
    issues = [
        CellIssue(first, "year_built", "0\x00", "out_of_bounds"),
        CellIssue(first, "stories", "-1", "null_marker"),
    ]
    return RecordBatch(frame.with_columns(others), list(rejected), issues, len(parcels) + len(rejected) + lost)


def load(warehouse: Warehouse, batches: Iterable[RecordBatch], *, file_no: int = 1, run_id: str = "r1") -> Any:
    return load_file(
        warehouse, "acme", file_no=file_no, record_type="property", batches=batches, evidence_no=5, run_id=run_id
    )


def parcels(warehouse: Warehouse, file_no: int = 1) -> list[tuple[int, str]]:
    return rows_of(
        warehouse,
        "select record_no, parcel_number from raw.property"
        f" where tenant_id = 'acme' and file_no = {file_no} order by 1",
    )


def test_a_file_is_its_batches_and_every_row_is_accounted_for(warehouse: Warehouse) -> None:
    refused = Rejection(2, None, "a\x00,b", "wrong_cell_count", "2 cells, not 9")
    loaded = load(warehouse, [batch(0, ["1-1", '1"2,']), batch(3, ["", "é\n"], [refused])])
    assert (loaded.rows_in, loaded.readable, loaded.rejected, loaded.cells_nulled) == (5, 4, 1, 4)
    assert parcels(warehouse) == [(0, "1-1"), (1, '1"2,'), (3, ""), (4, "é\n")]
    assert rows_of(warehouse, "select record_no, stage, rule, value from quarantine.record") == [
        (2, "read", "wrong_cell_count", "a\\x00,b")
    ]
    assert rows_of(warehouse, "select record_no, column_name, value from quarantine.cell order by 1") == [
        (0, "year_built", "0\\x00"),
        (3, "year_built", "0\\x00"),
    ], "a marker that the tenant declared is nothing to look into"


def test_another_reading_of_a_file_replaces_its_rows_and_its_refusals_and_no_other_files(warehouse: Warehouse) -> None:
    load(warehouse, [batch(0, ["1-1", "1-2"], [Rejection(2, None, "a", "wrong_cell_count", "m")])])
    load(warehouse, [batch(0, ["2-1"])], file_no=2)
    load(warehouse, [batch(0, ["1-9"])], run_id="r2")
    assert parcels(warehouse) == [(0, "1-9")]
    assert parcels(warehouse, 2) == [(0, "2-1")]
    assert rows_of(warehouse, "select count(*) from quarantine.record") == [(0,)]


def test_a_file_that_breaks_off_keeps_its_earlier_reading(warehouse: Warehouse) -> None:
    def broken_off() -> Iterator[RecordBatch]:
        yield batch(0, ["1-9"])
        raise RuntimeError("cut off in row 1")

    load(warehouse, [batch(0, ["1-1"], [Rejection(1, None, "a", "wrong_cell_count", "m")])])
    with pytest.raises(RuntimeError, match="cut off"):
        load(warehouse, broken_off(), run_id="r2")
    with pytest.raises(ValueError, match="3 rows read, but 1 accepted and 0 rejected"):
        load(warehouse, [batch(0, ["1-9"], lost=2)], run_id="r3")
    assert parcels(warehouse) == [(0, "1-1")]
    assert rows_of(warehouse, "select record_no from quarantine.record") == [(1,)]


def public_file(warehouse: Warehouse, records: int = 2) -> None:
    reference.register(
        warehouse,
        PublicFile(SHA, "made", "fema_nri", "made.csv", "k", dt.date(2025, 1, 1), 7, "none", "csv_row", records),
    )


def hex_ewkb(shape: Any) -> str:
    return str(shapely.to_wkb(shapely.set_srid(shape, 4326), hex=True, include_srid=True))


def county(fips: str, west: float) -> tuple[Any, ...]:
    return (fips, f"county {fips}", fips[:2], hex_ewkb(shapely.box(west, 42, west + 1, 43)), SHA, 0)


def test_the_same_public_file_is_registered_once(warehouse: Warehouse) -> None:
    public_file(warehouse)
    public_file(warehouse, records=3)
    assert rows_of(warehouse, "select sha256, record_count from prov.public_file") == [(SHA, 3)]


def test_a_countys_shape_is_the_union_of_all_asked_for_or_none(warehouse: Warehouse) -> None:
    assert reference.county_shape(warehouse, ["25017"]) is None
    public_file(warehouse)
    assert reference.replace_counties(warehouse, [county("25017", -72), county("25025", -71)]) == 2
    both = reference.county_shape(warehouse, ["25017", "25025", "25017"])
    assert both.equals(shapely.box(-72, 42, -70, 43))
    assert reference.county_shape(warehouse, ["25017", "53033"]) is None, "half the ground would refuse the other half"


def test_readers_of_a_layer_see_all_of_the_old_until_all_of_the_new_is_there(
    warehouse: Warehouse, warehouse_db: Any
) -> None:
    public_file(warehouse)
    reference.replace_counties(warehouse, [county("25017", -72)])

    def arriving() -> Iterator[tuple[Any, ...]]:
        yield county("53033", -122)
        with psycopg.connect(warehouse_db.dsn("app")) as reader:
            seen.append(reader.execute("select county_fips from reference.county").fetchall())
        yield county("53035", -123)

    seen: list[Any] = []
    reference.replace_counties(warehouse, arriving())
    assert seen == [[("25017",)]]
    assert rows_of(warehouse, "select county_fips from reference.county order by 1") == [("53033",), ("53035",)]
    with pytest.raises(errors.UniqueViolation):
        reference.replace_counties(warehouse, [county("25017", -72), county("25017", -72)])
    assert len(rows_of(warehouse, "select from reference.county")) == 2, "a layer with a fault replaces nothing"


def test_a_hazard_layer_and_its_zones_are_replaced_together(warehouse: Warehouse) -> None:
    public_file(warehouse)
    ground = shapely.box(-72, 42, -71, 43)
    made = HazardLayer("nfhl", "flood", "parcel", dt.date(2025, 7, 8), SHA, shapely.to_wkb(ground))
    shape = hex_ewkb(ground)
    zone = (0, "AE", "FLOODWAY", "high", 12.5, shape)
    other = HazardLayer("other", "flood", "tract", None, SHA, None)
    reference.replace_hazard_layer(warehouse, other, [zone])
    assert reference.replace_hazard_layer(warehouse, made, [zone, (1, "X", None, "moderate", None, shape)]) == 2
    assert reference.replace_hazard_layer(warehouse, made, [(0, "VE", None, "high", None, shape)]) == 1
    found, kept = reference.hazard_layers(warehouse)
    assert (found.layer, found.vintage, kept.layer, kept.coverage_wkb) == ("nfhl", dt.date(2025, 7, 8), "other", None)
    assert shapely.from_wkb(found.coverage_wkb).equals(ground)
    assert [zone[:4] for zone in reference.hazard_zones(warehouse, "nfhl")] == [(0, "VE", None, "high")]
    assert len(reference.hazard_zones(warehouse, "other")) == 1


def test_the_worst_of_a_perils_components_speaks_for_a_county(warehouse: Warehouse) -> None:
    def score(fips: str, peril: str, component: str, pct: float | None, record_no: int = 0) -> tuple[Any, ...]:
        return (fips, peril, component, pct, f"{component} rating", dt.date(2025, 12, 1), SHA, record_no)

    public_file(warehouse)
    reference.replace_county_scores(
        warehouse,
        [
            score("25017", "flood", "IFLD", 60.5), score("25017", "flood", "CFLD", 97.25),
            score("53033", "flood", "IFLD", 10.0, 1), score("53033", "flood", "CFLD", None, 1),
            score("53035", "flood", "IFLD", None, 2), score("53035", "flood", "CFLD", None, 2),
            score("25017", "heat", "HWAV", 0.0),
        ],
    )  # fmt: skip
    assert reference.worst_county_scores(warehouse) == [
        ("25017", "flood", "CFLD", 97.25, "CFLD rating", SHA, 0),
        ("53033", "flood", "IFLD", 10.0, "IFLD rating", SHA, 1),
        ("53035", "flood", "CFLD", None, "CFLD rating", SHA, 2),
        ("25017", "heat", "HWAV", 0.0, "HWAV rating", SHA, 0),
    ]


def test_house_prices_and_an_unseeded_scale(warehouse: Warehouse) -> None:
    public_file(warehouse)
    rows = [("25017", 2024, 312.75, 4.5, SHA, 0), ("25017", 2025, None, None, SHA, 1)]
    assert reference.replace_house_price_index(warehouse, rows) == 2
    assert rows_of(warehouse, "select year, index_value from reference.house_price_index order by 1") == [
        (2024, 312.75),
        (2025, None),
    ]
    assert reference.hazard_score_scale(warehouse) == []


def test_a_marts_completeness_is_the_share_of_known_cells_by_column(warehouse: Warehouse) -> None:
    query = (
        "select '__TENANT__'::text as tenant_id, n as always, nullif(n, 1) as mostly, null::text as \"Never, here\""
        " from generate_series(1, 4) n"
    )
    hazards = (
        "select '__TENANT__'::text as tenant_id, peril, hazard_score from (values ('composite', 0.25),"
        " ('composite', null), ('flood', 0.75)) v (peril, hazard_score)"
    )
    with warehouse.as_owner() as connection:
        for mart, model in (("dim_properties", query), ("fct_property_hazards", hazards)):
            staged = connection.execute(
                "select tenancy.stage('marts', %s, 'acme', 'b', %s, '{}')", (mart, model)
            ).fetchall()[0][0]
            assert staged["ok"], staged
        connection.execute("select tenancy.publish('acme', 'b')")
    assert marts.completeness(warehouse, "acme", "dim_properties") == [
        ("Never, here", 0.0), ("mostly", 0.75), ("always", 1.0), ("tenant_id", 1.0),
    ]  # fmt: skip
    assert marts.completeness(warehouse, "beta", "dim_properties") == []
    assert sorted(marts.composite_scores(warehouse, "acme"), key=str) == [0.25, None]
    with pytest.raises(errors.UndefinedTable):
        marts.completeness(warehouse, "acme", "dim_unicorns")
