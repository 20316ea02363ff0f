"""The auditor's own readers: csv by RFC 4180, GeoJSON, TopoJSON, archives, fingerprints."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.csv_file import CsvFile
from auditor.feature_file import read_features
from auditor.objects import StoredFile, UnreadableFileError, read_stored

CELL = st.text(alphabet='aZ0é,;"\n\r \t', max_size=6)


class TestCsv:
    @given(st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=8), st.sampled_from(["\n", "\r\n", "\r"]))
    def test_reads_what_a_writer_wrote_record_by_record(self, rows: list[list[str]], end: str) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
        content = text.getvalue().encode()
        file = CsvFile(b"\xef\xbb\xbf" + content, "utf-8-sig")
        assert file.header == ["a", "b"]
        assert list(file.records()) == rows
        assert [file.record(number) for number in range(len(file))] == rows

    def test_line_ends_of_carriage_returns_alone_and_no_end_at_all(self) -> None:
        file = CsvFile(b"a,b\r1,2\r3,4")
        assert list(file.records()) == [["1", "2"], ["3", "4"]]
        assert file.byte_offset(1) == 8

    def test_blank_lines_are_no_records_and_a_line_of_commas_is_one(self) -> None:
        file = CsvFile(b"a,b\r\n\r\n1,2\r\n\r\n,\r\n")
        assert list(file.records()) == [["1", "2"], ["", ""]]

    def test_a_quote_inside_a_bare_cell_is_a_sign_like_any_other(self) -> None:
        assert CsvFile(b'a,b\n5" pipe,2\nx,y\n').record(0) == ['5" pipe', "2"]

    def test_other_delimiters_and_encodings(self) -> None:
        assert CsvFile("a;b\né;1,5\n".encode("latin-1"), "latin-1", ";").record(0) == ["é", "1,5"]

    def test_there_is_no_record_before_the_first_or_behind_the_last(self) -> None:
        file = CsvFile(b"a\n1\n")
        for number in (-1, 1):
            with pytest.raises(IndexError):
                file.record(number)


class TestFeatures:
    def test_topojson_puts_arcs_together_forwards_and_backwards(self) -> None:
        document = {
            "transform": {"scale": [0.5, 0.5], "translate": [10, 20]},
            "arcs": [[[0, 0], [2, 0], [0, 2]], [[0, 0], [0, 2], [2, 0]]],
            "objects": {
                "lots": {
                    "geometries": [
                        {"type": "Polygon", "properties": {"ML": "1"}, "arcs": [[0, ~1]]},
                        {"type": None, "properties": {"ML": "2"}},
                    ]
                }
            },
        }
        square, nothing = read_features(json.dumps(document).encode(), "topojson", "lots")
        assert square.properties == {"ML": "1"}
        assert square.geometry == {
            "type": "Polygon",
            "coordinates": [[[10, 20], [11, 20], [11, 21], [10, 21], [10, 20]]],
        }
        assert nothing.geometry is None

    def test_geojson_keeps_file_order_and_features_without_a_shape(self) -> None:
        document = {"features": [{"properties": {"a": 1}, "geometry": None}, {"properties": None, "geometry": None}]}
        read = read_features(b"\xef\xbb\xbf" + json.dumps(document).encode(), "geojson")
        assert [f.properties for f in read] == [{"a": 1}, {}]


class TestStoredFiles:
    @staticmethod
    def stored(packed: bytes, sha256: str | None = None) -> tuple[bytes, StoredFile]:
        return packed, StoredFile("t", "key", sha256 or hashlib.sha256(packed).hexdigest(), len(packed), "roll.csv")

    @pytest.mark.parametrize("form", ["plain", "gzip", "zip"])
    def test_archives_are_unpacked(self, form: str) -> None:
        packed = b"a,b\n"
        if form == "gzip":
            packed = gzip.compress(packed)
        elif form == "zip":
            box = io.BytesIO()
            with zipfile.ZipFile(box, "w") as archive:
                archive.writestr("roll.csv", packed)
            packed = box.getvalue()
        content, file = self.stored(packed)
        assert read_stored(lambda *_: io.BytesIO(content), file) == b"a,b\n"

    def test_other_bytes_than_recorded_are_refused_with_both_fingerprints(self) -> None:
        content, file = self.stored(b"a,b\n1,2\n")
        flipped = bytes([content[0] ^ 1]) + content[1:]
        with pytest.raises(UnreadableFileError, match=f"sha256 {hashlib.sha256(flipped).hexdigest()}.*{file.sha256}"):
            read_stored(lambda *_: io.BytesIO(flipped), file)

    def test_a_store_that_fails_and_a_broken_archive_are_told_by_the_files_name(self) -> None:
        def missing(*_: object) -> io.BytesIO:
            raise FileNotFoundError("key")

        with pytest.raises(UnreadableFileError, match=r"roll\.csv: cannot be read"):
            read_stored(missing, self.stored(b"")[1])
        content, file = self.stored(b"\x1f\x8bnothing")
        with pytest.raises(UnreadableFileError, match=r"roll\.csv: cannot be unpacked"):
            read_stored(lambda *_: io.BytesIO(content), file)
