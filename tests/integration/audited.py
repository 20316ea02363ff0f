"""A small made tenant to audit: two vintages of a roll, owners, parcels, public layers; and audits of all its cells.

Belongs here: what the tests of the auditor share. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import auditor
from auditor import Summary
from real_estate_assets.defs.trust.auditing import run_audit
from tests.made_platform import (
    ROWS,
    STEP,
    WEST,
    Platform,
    box,
    csv_bytes,
    feature_collection,
    parcel_layer,
    parcel_source,
    polygon,
    roll_rows,
    roll_source,
)

TENANT = "harbor"
ALL = 10**9  # more cells than there are: every cell of every mart
OWNERS = ["Acme Holdings, L.L.C.", "ACME HOLDINGS LLC", "CAMBRIDGE CITY OF", "City of Cambridge", "The Birch Company"]


def deliver(platform: Platform) -> None:
    """Register the tenant with two vintages of its roll and build it."""
    owners = [[f"A{i}", f"P{i}", OWNERS[i % len(OWNERS)], f"{i} Long Wharf"] for i in range(ROWS)]
    older, newer = (
        {"uri": f"fy{year}.csv", "vintage": f"20{year - 1}-01-01", "columns": _year(year)} for year in (13, 14)
    )
    sources = [roll_source(older, newer), parcel_source("parcels.geojson"), _owner_source(), _tract_source()]
    files = {
        "fy13.csv": csv_bytes(roll_rows()),
        "fy14.csv": csv_bytes(roll_rows(ROWS - 2, raise_by=50_000), end="\r\n"),
        "parcels.geojson": parcel_layer(),
        "heat.geojson": _tracts(),
        "owners.csv": csv_bytes(owners, ["PID", "ML", "Owner", "Street"]),
    }
    platform.add(TENANT, sources, files)
    failed = [run.failed for run in platform.run() if run.failed]
    if failed:
        raise AssertionError(failed)


def _year(two_digits: int) -> dict[str, Any]:
    return {"fiscal_year": {"constant": 2000 + two_digits}}


def _owner_source() -> dict[str, Any]:
    return {
        "name": "owners",
        "kind": "company_owners",
        "record_type": "owner",
        "format": "csv",
        "licence": "CC0-1.0",
        "origin": "made for a test",
        "columns": {
            "account_number": "PID",
            "parcel_number": "ML",
            "owner_name_raw": "Owner",
            "mailing_address_raw": "Street",
        },
        "files": [{"uri": "owners.csv", "vintage": "2013-01-01"}],
    }


def _tract_source() -> dict[str, Any]:
    return {
        "name": "heat_tracts",
        "kind": "hazard_tract_layer",
        "record_type": "hazard_zone",
        "format": "geojson",
        "crs": "EPSG:4326",
        "licence": "CC0-1.0",
        "origin": "made for a test",
        "columns": {"peril": {"constant": "heat"}, "zone_code": "GEOID", "share_major_pct": "pct", "category": "words"},
        "files": [{"uri": "heat.geojson", "vintage": "2013-01-01"}],
    }


def _tracts() -> bytes:
    """Two tracts side by side over the made city; of the eastern one the layer says nothing."""
    middle = WEST + 4.8 * STEP
    return feature_collection(
        [
            polygon({"GEOID": "25017000100", "pct": 12.5, "words": "some"}, box(WEST - 0.01, 42.3, middle, 42.4)),
            polygon({"GEOID": "25017000200", "pct": None, "words": None}, box(middle, 42.3, WEST + 0.02, 42.4)),
        ]
    )


def audit(platform: Platform, cells: int = ALL, seed: str = "test", *, record: bool = False) -> Summary:
    """Audits the tenant as the auditor's own login."""
    return run_audit(platform.settings, [TENANT], seed=seed, cells=cells, record=record)


def wrong(summary: Summary) -> set[tuple[str, str, str]]:
    """(mart, field, key) of each cell that is wrong."""
    return {
        (found.mart, found.field, "|".join(found.row_key.values()))
        for tenant in summary.tenants
        for found in tenant.findings
        if found.verdict == auditor.MISMATCH
    }


@contextmanager
def altered(path: Path, at: int) -> Iterator[None]:
    """One bit of a stored file flipped, and put right again."""
    whole = path.read_bytes()
    mode = path.stat().st_mode
    path.chmod(0o600)
    try:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        yield
    finally:
        path.write_bytes(whole)
        path.chmod(mode)
