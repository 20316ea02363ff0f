"""What stages decide before anything is stored: which file wins a place, how rows are shaped, what is told of files."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.identity import Identities
from real_estate_assets.defs.enrichment.exposing import BASES, _rating
from real_estate_assets.defs.enrichment.identifying import Identified
from real_estate_assets.defs.enrichment.locating import Location, _newest_first, rows
from real_estate_assets.defs.records.assets import BATCH_RULES, ROW_RULES, _asset, _verdicts
from real_estate_assets.defs.records.assets import RECORDS as KEYS
from real_estate_assets.defs.records.reading import FileReading
from real_estate_assets.stores.warehouse.enrichment import ADDRESS_COLUMNS, LOCATION_COLUMNS
from real_estate_assets.stores.warehouse.evidence import SourceFile

VINTAGES = st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))


def landed(file_no: int, vintage: dt.date | None) -> SourceFile:
    unused: Any = None
    return SourceFile(
        tenant_id="acme", file_no=file_no, sha256="0" * 64, source_name="parcels", source_kind="parcel_layer",
        uri="p.geojson", object_key="k", vintage=vintage, received_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        byte_count=1, record_type="parcel", source_entry={}, source_entry_sha256="", record_count=unused,
        read_status="read", read_error=unused, read_by=unused, gate_passed=True, gate_report=unused,
        evidence_no=unused,
    )  # fmt: skip


@given(st.lists(VINTAGES, max_size=8))
def test_the_newest_vintage_comes_first_then_the_latest_file_and_the_undated_last(
    vintages: list[dt.date | None],
) -> None:
    files = sorted((landed(n, vintage) for n, vintage in enumerate(vintages, 1)), key=_newest_first)
    dated = [file.vintage for file in files if file.vintage is not None]
    assert dated == sorted(dated, reverse=True)
    assert [file.vintage for file in files[len(dated) :]] == [None] * (len(files) - len(dated))
    for one, next_one in pairwise(files):
        assert one.vintage != next_one.vintage or one.file_no > next_one.file_no


def location(number: int, polygon: Any) -> Location:
    return Location(("25017", f"P-{number}"), "parcel_polygon", polygon, -71.1, 42.4, None, 1, False, 7, number)


def test_locations_become_rows_of_the_table_with_shapes_that_know_their_reference_system() -> None:
    square = shapely.box(-71.11, 42.36, -71.1, 42.37)
    made = [dict(zip(LOCATION_COLUMNS, row, strict=True)) for row in rows([location(1, square), location(2, None)])]
    assert [row["parcel_number"] for row in made] == ["P-1", "P-2"]
    assert shapely.from_wkb(made[0]["geom_4326"]).equals(square)
    assert made[1]["geom_4326"] is None
    for row in made:
        point = shapely.from_wkb(row["point_4326"])
        assert (point.x, point.y) == (-71.1, 42.4)
        assert shapely.get_srid(point) == 4326
    assert list(rows([])) == []


def test_addresses_become_rows_of_the_table_and_are_counted_by_how_far_they_were_understood() -> None:
    from real_estate_assets.core.addresses import standardize

    texts = ["795 MASSACHUSETTS AVE", "no such thing"]
    identified = Identified(dict(zip(texts, standardize(texts), strict=True)))
    made = [dict(zip(ADDRESS_COLUMNS, row, strict=True)) for row in identified.address_rows()]
    assert [row["address_raw"] for row in made] == texts
    assert made[0]["house_number"] == "795"
    counts = identified.address_counts()
    assert sum(counts.values()) == 2
    assert {status: sum(row["status"] == status for row in made) for status in counts} == counts


def test_a_countys_rating_names_the_hazard_it_is_of() -> None:
    assert _rating("CFLD", "Relatively High") == "CFLD: Relatively High"
    assert _rating("CFLD", None) is None


def test_every_way_of_exposing_states_its_basis() -> None:
    from real_estate_assets.core.hazards.layers import METHODS

    assert set(BASES) == set(METHODS)
    assert all(len(basis.split()) > 3 for basis in BASES.values())


def reading(file_no: int, *, rows_in: int, accepted: int, quarantined: int, **more: Any) -> FileReading:
    given: dict[str, Any] = {
        "record_type": "property", "uri": f"roll_{file_no}.csv", "vintage": "unknown", "version": f"v{file_no}",
        "was_read_now": True, "gate_passed": True, "report": {}, **more,
    }  # fmt: skip
    return FileReading(file_no=file_no, rows_in=rows_in, accepted=accepted, quarantined=quarantined, **given)


def test_an_asset_counts_its_files_rows_and_changes_its_version_with_the_files() -> None:
    one, two = (reading(n, rows_in=10, accepted=8, quarantined=2) for n in (1, 2))
    asset = _asset(KEYS["property"], [one, two])
    assert (asset.row_count, asset.metadata["rows_in"], asset.metadata["quarantined"]) == (16, 20, 4)
    again = _asset(KEYS["property"], [reading(1, rows_in=10, accepted=8, quarantined=2, was_read_now=False), two])
    assert again.data_version == asset.data_version, "reading the same again is no change"
    for changed in ({"version": "v3"}, {"gate_passed": False}):
        other = reading(2, rows_in=10, accepted=8, quarantined=2, **changed)
        assert _asset(KEYS["property"], [one, other]).data_version != asset.data_version
    assert _asset(KEYS["property"], [one]).data_version != asset.data_version


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, []),
        ({"accepted": 8, "quarantined": 2}, [ROW_RULES]),
        ({"gate_passed": False, "report": {"batch_failures": {"row_count": "too few"}}}, [BATCH_RULES]),
        ({"accepted": 9}, ["every_row_is_accounted_for"]),
    ],
)
def test_a_files_verdicts_are_the_three_checks_of_its_asset(changes: dict[str, Any], failed: list[str]) -> None:
    given = {"rows_in": 10, "accepted": 10, "quarantined": 0, **changes}
    verdicts = _verdicts(KEYS["property"], [reading(1, **given)])
    assert [verdict.name for verdict in verdicts if not verdict.passed] == failed
    assert {verdict.name for verdict in verdicts if not verdict.is_blocking} == {ROW_RULES}


def test_an_identity_that_cannot_be_given_leaves_no_row() -> None:
    from real_estate_assets.core.identity import FileRecords, assign_property_ids
    from real_estate_assets.defs.enrichment.identifying import _identity_rows
    from real_estate_assets.stores.warehouse.enrichment import IDENTITY_COLUMNS, IdentityInput

    inputs = [
        IdentityInput(0, "25017", "1-2", "3", None, None, None, 5),
        IdentityInput(1, "25017", None, None, None, None, None, 5),
    ]
    outcome: Identities = assign_property_ids(
        FileRecords([0, 1], ["25017"] * 2, ["1-2", None], ["3", None], [None] * 2, [None] * 2, [None] * 2),
        repeats_are_events=False,
    )
    made = [dict(zip(IDENTITY_COLUMNS, row, strict=True)) for row in _identity_rows(9, inputs, outcome)]
    assert [(row["file_no"], row["record_no"], row["identity_basis"]) for row in made] == [(9, 0, "parcel_unit")]
    assert [rejection[0] for rejection in outcome.rejections] == [1]
