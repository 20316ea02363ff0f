"""Which file a person means: by number, sha256 or name, and never by guessing."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.stores.warehouse.recall import SHORTEST_SHA, KnownFile, candidates

HEX = "0123456789abcdef"


def known(file_no: int | None, sha256: str, name: str = "roll", uri: str = "in/fy13.csv.gz") -> KnownFile:
    tenant = None if file_no is None else "acme"
    return KnownFile(tenant, file_no, sha256, name, uri, dt.date(2012, 1, 1), None, None)


ROLL_13, ROLL_14 = known(1, "ab" * 32), known(2, "ab" * 31 + "cd", uri="https://x.org/fy14.csv?version=2")
LAYER = known(None, "ef" * 32, "flood", "flood.geojson")
FILES = [ROLL_13, ROLL_14, LAYER]


def test_a_file_is_named_by_number_sha_source_or_file_name() -> None:
    assert candidates(FILES, "2", by_number=True) == [ROLL_14]
    assert candidates(FILES, "efefefef", by_number=False) == [LAYER]
    assert candidates(FILES, "EFEFEFEF", by_number=False) == [LAYER]
    assert candidates(FILES, "flood", by_number=False) == [LAYER]
    assert candidates(FILES, "fy13.csv.gz", by_number=False) == [ROLL_13]
    assert candidates(FILES, "fy14.csv", by_number=False) == [ROLL_14], "without what follows the name in a uri"


def test_what_may_be_several_files_is_several_files() -> None:
    assert candidates(FILES, "roll", by_number=False) == [ROLL_13, ROLL_14]
    assert candidates(FILES, "abababab", by_number=False) == [ROLL_13, ROLL_14]


def test_a_number_without_a_tenant_and_a_short_sha_name_nothing() -> None:
    assert candidates(FILES, "2", by_number=False) == []
    assert candidates(FILES, "efefefe", by_number=False) == []
    assert candidates(FILES, "fy13", by_number=False) == [], "part of a name is no name"


@given(st.text(HEX, min_size=64, max_size=64), st.integers(SHORTEST_SHA, 64))
def test_any_prefix_long_enough_finds_its_file(sha256: str, length: int) -> None:
    mine = known(7, sha256)
    assert mine in candidates([*FILES, mine], sha256[:length], by_number=False)
