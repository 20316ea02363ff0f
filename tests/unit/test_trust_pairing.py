"""Which files are compared with which, in which fields: and what is left alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from real_estate_assets.defs.trust.pairing import Pair, later_looks, property_files, successive
from real_estate_assets.stores.warehouse.evidence import SourceFile

COMPARABLE = ("lot_size_sqft", "year_built", "city", "fiscal_year", "sale_date")
COLUMNS: dict[str, Any] = {
    "lot_size_sqft": {"column": "Land"},
    "year_built": {"column": "Built"},
    "city": {"constant": "CAMBRIDGE"},
    "fiscal_year": {"column": "Year"},
    "sale_date": None,
    "zoning": {"column": "Zone"},
}


def file(number: int, year: int | None, **changes: Any) -> SourceFile:
    """A property file that was read and passed its gate, of 1 January of a year."""
    values: dict[str, Any] = {
        **dict.fromkeys(SourceFile.__slots__),
        "file_no": number,
        "source_name": "roll",
        "source_kind": "assessor_roll",
        "record_type": "property",
        "vintage": year and dt.date(year, 1, 1),
        "read_status": "read",
        "gate_passed": True,
        "source_entry": {"columns": COLUMNS, "files": [{"columns": {}}]},
        **changes,
    }
    return SourceFile(**values)


def numbers(pairs: Any) -> list[tuple[int, int]]:
    return [(pair.older.file_no, pair.newer.file_no) for pair in pairs]


def test_each_vintage_meets_its_next_in_the_fields_that_both_files_state() -> None:
    own = {"files": [{"columns": {"sale_date": {"column": "Sold"}, "year_built": None}}], "columns": COLUMNS}
    files = property_files([file(3, 2014, source_entry=own), file(1, 2012), file(2, 2013)])
    pairs = list(successive(files, COMPARABLE))
    assert numbers(pairs) == [(1, 2), (2, 3)]
    assert pairs[0].fields == ("lot_size_sqft", "year_built"), (
        "no constant, no fiscal year, nothing without a tolerance"
    )
    assert pairs[1].fields == ("lot_size_sqft",), "a file's own null takes a column away"
    assert abs(pairs[0].years - 1) < 0.01
    assert isinstance(pairs[0], Pair)
    assert pairs[0].against == "roll of 2013-01-01, file 2"


def test_what_does_not_speak_or_has_no_date_is_left_alone() -> None:
    silent = [
        file(1, 2012, read_status="refused"),
        file(2, 2013, gate_passed=False),
        file(3, None),
        file(4, 2014, record_type="parcel"),
    ]
    assert property_files(silent) == []
    same_day = property_files([file(1, 2012), file(2, 2012)])
    assert numbers(successive(same_day, COMPARABLE)) == [], "no time lies between them"


def test_a_later_look_is_the_same_offices_newest_file_of_another_source() -> None:
    database = {"source_name": "database", "source_kind": "property_database"}
    sales = {"source_name": "sales", "source_kind": "sales_file"}
    files = property_files([file(1, 2012), file(2, 2013), file(3, 2024, **database), file(4, 2020, **sales)])
    assert numbers(later_looks(files, COMPARABLE)) == [(2, 3)], "sales are another office's, and never the older roll"
    assert numbers(successive(files, COMPARABLE)) == [(1, 2)]
