"""Tenants whose places no fine layer covers, or who bring a layer of their own: built from nothing, then asked.

Belongs here: two small tenants, their files and descriptions, and what their hazards must say. They are built by the
product's own command in a state directory that is gone afterwards. Does not belong here: the demo's tenants.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.line import Gate, gate, not_run
from benchmarks.report import ROOT
from benchmarks.throwaway import environment_of, state_folder
from real_estate_assets.settings import Settings, get_settings

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse import Warehouse

PREFIX = "spine.hazards"
BUILD_SECONDS = 900
# No layer of the demo speaks of Florida: its flood zones are those of Cambridge, its county scores MA and WA only.
MIAMI = """
tenant: biscayne
name: Biscayne Holdings
county_fips: ["12086"]
sources:
  - name: places
    kind: sales_file
    record_type: property
    format: csv
    encoding: utf-8
    crs: EPSG:4326
    licence: CC0-1.0
    origin: made for this gate
    columns: {parcel_number: parcel, latitude: lat, longitude: lon}
    files: [{uri: places.csv, vintage: 2020-01-01}]
"""
PLACES = "parcel,lat,lon\n01-0001,25.7743,-80.1937\n01-0002,25.7907,-80.1300\n01-0003,25.7617,-80.1918\n"
TRACT_LAYERS = {"flood": "floodtracts_53.geojson", "wildfire": "firetracts_53.geojson", "heat": "heattracts_53.geojson"}
TRACTS = """
tenant: cascade
name: Cascade Homes
county_fips: ["53033"]
sources:
  - name: sales
    kind: sales_file
    record_type: property
    format: csv
    encoding: ascii
    crs: EPSG:4326
    licence: CC0-1.0
    origin: King County Department of Assessments, public record
    columns: {parcel_number: id, latitude: lat, longitude: long}
    files: [{uri: kc_house_data.csv.gz, vintage: 2015-05-27}]
"""
TRACT_SOURCE = """
  - name: {peril}_tracts
    kind: hazard_tract_layer
    record_type: hazard_zone
    format: geojson
    crs: EPSG:4326
    licence: CC-BY-NC-SA-4.0
    origin: First Street Foundation
    columns: {{peril: {{constant: {peril}}}, zone_code: geoid, share_major_pct: pct_major}}
    files: [{{uri: {file}, vintage: 2022-01-01}}]
"""
HAZARDS = "select peril, resolution, hazard_score, null_reason from marts.fct_property_hazards where tenant_id = %s"


def lines() -> Iterator[Gate]:
    """Unknown is null with a reason; a tenant's own tracts are used at their resolution."""
    tracts = get_settings().test_data_dir / "firststreet"
    has_tracts = all((tracts / file).exists() for file in TRACT_LAYERS.values())
    with state_folder() as state:
        warehouse = _build(state, tracts if has_tracts else None)
        yield from _unknown(warehouse)
        if has_tracts:
            yield from _tracts(warehouse)
            return
    why = "First Street's tracts are not here; set REOS_TEST_DATA to the folder of the test data"
    yield not_run(f"{PREFIX}.tracts.share_at_tract_resolution", at_least(0.99), why)
    yield not_run(f"{PREFIX}.tracts.perils", exactly(len(TRACT_LAYERS)), why)


def _build(state: Path, tracts: Path | None) -> Warehouse:
    """Bring up a platform in an empty folder, register the tenants and build them."""
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.tenants import add_tenant

    reos(state, "up")
    settings = Settings(environment="test", state_dir=state)
    warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
    inbox = state / "inbox"
    inbox.mkdir()
    (inbox / "places.csv").write_text(PLACES)
    add_tenant(warehouse, "biscayne", tenant_name="Biscayne", description=MIAMI, base_uri=inbox.as_uri())
    if tracts is not None:
        shutil.copyfile(ROOT / "demo" / "data" / "kc_house_data.csv.gz", inbox / "kc_house_data.csv.gz")
        sources = ""
        for peril, file in TRACT_LAYERS.items():
            shutil.copyfile(tracts / file, inbox / file)
            sources += TRACT_SOURCE.format(peril=peril, file=file)
        description = TRACTS.rstrip() + sources
        add_tenant(warehouse, "cascade", tenant_name="Cascade", description=description, base_uri=inbox.as_uri())
    reos(state, "materialize")
    return warehouse


def reos(state: Path, command: str) -> None:
    """Run a command of the product in a state directory. Raises RuntimeError with its last lines."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("reos")), command],
        cwd=ROOT,
        env=environment_of(state),
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_SECONDS,
    )
    if done.returncode != 0:
        raise RuntimeError(f"`reos {command}` ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")


def _unknown(warehouse: Warehouse) -> Iterator[Gate]:
    with warehouse.as_app("biscayne") as connection:
        rows = connection.execute(HAZARDS, ("biscayne",)).fetchall()
    invented = [row for row in rows if row[2] is not None]
    unexplained = [row for row in rows if row[2] is None and not row[3]]
    reasons = ", ".join(sorted({str(row[3]) for row in rows}))
    places = PLACES.count("\n") - 1
    yield gate(
        f"{PREFIX}.unmapped.rows", len(rows), exactly(4 * places), note="a row a place and peril, and the composite"
    )
    yield gate(f"{PREFIX}.unmapped.scores_invented", len(invented), at_most(0), note=reasons)
    yield gate(f"{PREFIX}.unmapped.nulls_without_reason", len(unexplained), at_most(0))


def _tracts(warehouse: Warehouse) -> Iterator[Gate]:
    with warehouse.as_app("cascade") as connection:
        rows = connection.execute(HAZARDS, ("cascade",)).fetchall()
    perils = [row for row in rows if row[0] != "composite"]
    at_tract = [row for row in perils if row[1] == "tract" and row[2] is not None]
    share = len(at_tract) / len(perils) if perils else None
    yield gate(
        f"{PREFIX}.tracts.share_at_tract_resolution", share, at_least(0.99), note=f"of {len(perils):,} exposures"
    )
    yield gate(f"{PREFIX}.tracts.perils", len({row[0] for row in at_tract}), exactly(len(TRACT_LAYERS)))
