"""A whole platform for one test module: database, object store, Dagster instance, small public layers, made tenants.

Belongs here: what the tests of stages and of the spine share. Does not belong here: any assertion. Nothing is replaced
by something easier: Postgres, dbt, the object store and the assets are the product's own; only the files are small.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from real_estate_assets.settings import Settings, get_settings
from real_estate_assets.stores.warehouse import Warehouse, tenants

WEST, SOUTH, STEP = -71.11, 42.36, 0.001  # of the made city, in degrees: inside the made Middlesex County
COUNTY = "25017"
ROWS = 30


def square(number: int) -> list[list[list[float]]]:
    """The ring of parcel `number`: a street of squares of about 50 m, from west to east, ten a row."""
    x, y = WEST + STEP * (number % 10), SOUTH + STEP * (number // 10)
    side = STEP / 2
    return [[[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]]


def feature_collection(features: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
    """GeoJSON bytes of (properties, geometry) pairs."""
    listed = [{"type": "Feature", "properties": f["properties"], "geometry": f["geometry"]} for f in features]
    return json.dumps({"type": "FeatureCollection", "features": listed, **more}).encode()


def polygon(properties: Mapping[str, Any], rings: Any) -> dict[str, Any]:
    """One feature with a polygon."""
    return {"properties": dict(properties), "geometry": {"type": "Polygon", "coordinates": rings}}


def box(west: float, south: float, east: float, north: float) -> list[list[list[float]]]:
    """The ring of a rectangle in degrees."""
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def parcel_layer(rows: int = ROWS, **more: Any) -> bytes:
    """A layer of `rows` parcels, P0 .. Pn."""
    return feature_collection([polygon({"ML": f"P{i}"}, square(i)) for i in range(rows)], **more)


HEADER = ["PID", "ML", "Unit", "Address", "Land", "Bldg", "Total", "Area", "Living", "Built", "SaleDate", "SalePrice"]


def roll_rows(rows: int = ROWS, raise_by: int = 0) -> list[list[Any]]:
    """Rows of an assessor's roll; `raise_by` dollars are added to every building."""
    return [
        [
            f"A{i}",
            f"P{i}",
            "",
            f"{100 + i} Main Street",
            100_000 + i,
            200_000 + raise_by,
            300_000 + raise_by + i,
            5_000,
            1_500 + i,
            1950 + i % 60,
            f"{1 + i % 28:02d}/06/2012",
            400_000 + i,
        ]
        for i in range(rows)
    ]


def csv_bytes(
    rows: Sequence[Sequence[Any]],
    header: Sequence[str] = HEADER,
    *,
    end: str = "\n",
    encoding: str = "utf-8",
    errors: str = "strict",
) -> bytes:
    """Delimited text with the given line ends."""
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([header, *rows])
    return text.getvalue().encode(encoding, errors)


ROLL_COLUMNS = {
    "account_number": "PID",
    "parcel_number": "ML",
    "unit_number": "Unit",
    "address_raw": "Address",
    "city": {"constant": "CAMBRIDGE"},
    "state_or_province": {"constant": "MA"},
    "fiscal_year": {"constant": 2013},
    "assessed_land_value_usd": "Land",
    "assessed_improvement_value_usd": "Bldg",
    "assessed_total_value_usd": "Total",
    "lot_size_sqft": "Area",
    "living_area_sqft": "Living",
    "year_built": "Built",
    "sale_date": {"column": "SaleDate", "date": "%d/%m/%Y"},
    "sale_price_usd": "SalePrice",
}


def roll_source(*files: Any, **more: Any) -> dict[str, Any]:
    """The description of a source of rolls. Files are uris or entries."""
    return {
        "name": "roll",
        "kind": "assessor_roll",
        "record_type": "property",
        "format": "csv",
        "licence": "CC0-1.0",
        "origin": "made for a test",
        "columns": ROLL_COLUMNS,
        "files": [_entry(f) for f in files],
        **more,
    }


def parcel_source(*files: Any, **more: Any) -> dict[str, Any]:
    """The description of a source of parcel layers."""
    return {
        "name": "parcels",
        "kind": "parcel_layer",
        "record_type": "parcel",
        "format": "geojson",
        "crs": "EPSG:4326",
        "licence": "CC0-1.0",
        "origin": "made for a test",
        "columns": {"parcel_number": "ML"},
        "files": [_entry(f) for f in files],
        **more,
    }


def _entry(file: Any) -> dict[str, Any]:
    return file if isinstance(file, dict) else {"uri": file, "vintage": "2012-01-01"}


def describe(tenant_id: str, *sources: Mapping[str, Any], **more: Any) -> str:
    """A tenant's description; JSON is YAML."""
    return json.dumps(
        {"tenant": tenant_id, "name": f"The {tenant_id} company", "county_fips": [COUNTY], "sources": sources, **more},
        indent=1,
    )


def write_references(folder: Path) -> Path:
    """Small public layers around the made city, and their description. Returns the description's path."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = box(-71.3, 42.2, -70.9, 42.6)
    counties = [
        polygon({"GEO_ID": f"0500000US{COUNTY}", "NAME": "Middlesex"}, inside),
        polygon({"GEO_ID": "0500000US53033", "NAME": "King"}, box(-122.6, 47.0, -121.0, 47.9)),
    ]
    zone = {"fld_zone": "AE", "zone_subty": None, "static_bfe": -9999}
    (folder / "counties.geojson").write_bytes(feature_collection(counties))
    (folder / "zones.geojson").write_bytes(
        feature_collection([polygon(zone, box(WEST - 0.01, SOUTH - 0.01, WEST + 0.0022, SOUTH + 0.01))])
    )
    (folder / "boundary.geojson").write_bytes(
        feature_collection([polygon({"GlobalID": "1"}, box(-71.2, 42.3, -71.0, 42.45))])
    )
    scores = [[COUNTY, "Middlesex", 20.5, "Low", 40.1, "Moderate", 60.0, "High", 30.0, "Low"]]
    names = [
        "STCOFIPS",
        "COUNTY",
        "WFIR_RISKS",
        "WFIR_RISKR",
        "HWAV_RISKS",
        "HWAV_RISKR",
        "IFLD_RISKS",
        "IFLD_RISKR",
        "CFLD_RISKS",
        "CFLD_RISKR",
    ]
    (folder / "scores.csv").write_bytes(csv_bytes(scores, names))
    prices = [[COUNTY, year, 100 + year - 2000, 1.0] for year in range(2000, 2018)]
    (folder / "prices.csv").write_bytes(csv_bytes(prices, ["FIPS", "Year", "HPI", "Change"]))
    path = folder / "references.yaml"
    path.write_text(json.dumps({"references": _references()}, indent=1))
    return path


def _references() -> list[dict[str, Any]]:
    def layer(name: str, kind: str, uri: str, columns: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "kind": kind,
            "uri": uri,
            "format": uri.rsplit(".", 1)[1],
            "licence": "CC0-1.0",
            "origin": "made for a test",
            "columns": columns,
            **more,
        }

    zone_columns = {
        "zone_code": "fld_zone",
        "zone_subtype": "zone_subty",
        "base_flood_elevation_ft": {"column": "static_bfe", "nulls": [-9999]},
    }
    price_columns = {"county_fips": "FIPS", "year": "Year", "annual_change_pct": "Change", "index_2000": "HPI"}
    perils = {
        "wildfire": [{"hazard": "WFIR", "score_pct": "WFIR_RISKS", "rating": "WFIR_RISKR"}],
        "heat": [{"hazard": "HWAV", "score_pct": "HWAV_RISKS", "rating": "HWAV_RISKR"}],
        "flood": [
            {"hazard": "IFLD", "score_pct": "IFLD_RISKS", "rating": "IFLD_RISKR"},
            {"hazard": "CFLD", "score_pct": "CFLD_RISKS", "rating": "CFLD_RISKR"},
        ],
    }
    return [
        layer(
            "flood",
            "fema_nfhl",
            "zones.geojson",
            zone_columns,
            crs="EPSG:4326",
            peril="flood",
            resolution="parcel",
            coverage="boundary",
            vintage="2010-01-01",
        ),
        layer("boundary", "municipal_boundary", "boundary.geojson", {"feature_id": "GlobalID"}, crs="EPSG:4326"),
        layer(
            "counties",
            "census_counties",
            "counties.geojson",
            {"county_fips": {"column": "GEO_ID", "regex": r"US(\d{5})$"}, "county_name": "NAME"},
            crs="EPSG:4326",
        ),
        layer(
            "scores",
            "fema_nri",
            "scores.csv",
            {"county_fips": "STCOFIPS", "county_name": "COUNTY"},
            resolution="county",
            perils=perils,
        ),
        layer("prices", "fhfa_hpi", "prices.csv", price_columns),
    ]


@dataclass
class Platform:
    """The platform under test. Files of a tenant stand in `inbox/<tenant>`."""

    settings: Settings
    instance: dg.DagsterInstance
    warehouse: Warehouse
    inbox: Path

    def put(self, tenant_id: str, files: Mapping[str, bytes]) -> Path:
        """Write files where the tenant's description looks for them."""
        folder = self.inbox / tenant_id
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder

    def add(
        self, tenant_id: str, sources: Sequence[Mapping[str, Any]], files: Mapping[str, bytes], **more: Any
    ) -> None:
        """Register a tenant, or change its description, and put its files in place."""
        base = self.put(tenant_id, files).as_uri()
        text = describe(tenant_id, *sources, **more)
        known = {t.tenant_id for t in tenants.list_tenants(self.warehouse, include_inactive=True)}
        change = tenants.update_tenant if tenant_id in known else tenants.add_tenant
        change(self.warehouse, tenant_id, tenant_name=tenant_id, description=text, base_uri=base)

    def run(self, *tenant_ids: str, stages: Sequence[str] = (), force: bool = False) -> list[Any]:
        """What `reos materialize` does; returns its runs."""
        from real_estate_assets.cli.running import run_all
        from real_estate_assets.defs.stages import PLAN
        from real_estate_assets.defs.tenants.registry import mirror

        mirror(self.instance, {t.tenant_id for t in tenants.list_tenants(self.warehouse)})
        chosen = list(tenant_ids) or list(self.instance.get_dynamic_partitions("tenants"))
        planned = tuple(p for p in PLAN if not stages or p.name in stages)
        return list(run_all(self.instance, self.warehouse, chosen, stages=planned, force=force))

    def inbox_files(self, tenant_id: str) -> set[str]:
        """Names of what the tenant has delivered."""
        return {path.name for path in (self.inbox / tenant_id).iterdir()}

    def run_only(self, stage: str, *tenant_ids: str, force: bool = False) -> dict[str, str]:
        """One stage, without public layers before it; returns what failed: tenant -> error."""
        from real_estate_assets.cli.running import run_stage
        from real_estate_assets.defs.stages import PLAN
        from real_estate_assets.defs.tenants.registry import mirror

        mirror(self.instance, {t.tenant_id for t in tenants.list_tenants(self.warehouse)})
        planned = next(p for p in PLAN if p.name == stage)
        runs = run_stage(self.instance, self.warehouse, planned, list(tenant_ids), force=force)
        return {tenant: error for run in runs for tenant, error in run.failed.items()}

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows, as the owner."""
        with self.warehouse.as_owner() as connection:
            return connection.execute(statement, parameters).fetchall()

    def one(self, statement: str, *parameters: Any) -> Any:
        """The first cell."""
        return self.query(statement, *parameters)[0][0]

    def materializations(self, key: str, tenant_id: str) -> list[dict[str, str]]:
        """Tags of every materialization event of an asset-partition, newest first."""
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(key.split("/")), asset_partitions=[tenant_id])
        records = self.instance.fetch_materializations(wanted, limit=100).records
        return [dict(r.asset_materialization.tags or {}) for r in records if r.asset_materialization is not None]

    def latest(self, key: str, tenant_id: str) -> dict[str, Any]:
        """Metadata values of the latest materialization of an asset-partition."""
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(key.split("/")), asset_partitions=[tenant_id])
        event = self.instance.fetch_materializations(wanted, limit=1).records[0].asset_materialization
        return {} if event is None else {name: value.value for name, value in event.metadata.items()}

    def history(self, tenant_id: str) -> dict[str, tuple[int, str | None]]:
        """Asset -> (number of materializations, latest data version) of one tenant."""
        from real_estate_assets.defs.stages import PLAN

        keys = [key.to_user_string() for planned in PLAN for key in planned.keys]
        events = {key: self.materializations(key, tenant_id) for key in keys}
        return {k: (len(e), e[0].get("dagster/data_version") if e else None) for k, e in events.items()}

    def error(self, tenant_id: str, node: str) -> str | None:
        """The latest outcome's error of a stage for a tenant; None = it succeeded."""
        from real_estate_assets.stores.warehouse import outcomes

        return next(o.error for o in outcomes.latest(self.warehouse, tenant_id) if o.node_id == node)


def environment_of(settings: Settings, references: Path) -> dict[str, str]:
    """The variables by which any process finds this platform."""
    return {
        "REOS_ENVIRONMENT": "test",
        "REOS_STATE_DIR": str(settings.state_dir),
        "REOS_WAREHOUSE_DATABASE": settings.warehouse_database,
        "REOS_OBJECT_STORE_URL": (references.parent.parent / "objects").as_uri(),
        "REOS_REFERENCES_FILE": str(references),
    }


@contextmanager
def platform(settings: Settings, folder: Path, instance: dg.DagsterInstance | None = None) -> Iterator[Platform]:
    """A platform on a migrated database, in this process' environment; everything is undone at the end."""
    from real_estate_assets.stores.dbt_process import ensure_manifest

    references = write_references(folder / "references")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of(settings, references).items():
            patch.setenv(name, value)
        get_settings.cache_clear()
        own = get_settings()
        ensure_manifest(own)
        with instance or dg.DagsterInstance.ephemeral() as opened:
            yield Platform(own, opened, Warehouse(own.dsn("owner"), own.dsn("app")), folder / "inbox")
    get_settings.cache_clear()
    shutil.rmtree(folder, ignore_errors=True)


def packed(content: bytes) -> bytes:
    """gzip of bytes, the same every time."""
    return gzip.compress(content, mtime=0)
