"""Delimited text: one grammar, found by arithmetic or byte by byte with the same result; nothing is lost."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from real_estate_assets.core.records import blocks, delimited
from real_estate_assets.core.records.batch import RecordBatch, UnreadableFile
from real_estate_assets.core.records.blocks import BlockScanner, RecordBlock
from real_estate_assets.core.records.text_frames import TextColumns, frame_of_block
from real_estate_assets.core.tenants import Source, SourceFileEntry
from real_estate_assets.stores.source_reader import build_record_index, open_records, read_record_text

HEADER = b"k,b,c\n"
# Mostly the bytes that decide something, so that short texts meet every rule.
mangled = st.lists(
    st.sampled_from(
        [b"x", b"yy", b",", b",", b'"', b'"', b'""', b"\n", b"\n", b"\r\n", b"\r", b" ", b"\0", b"\xc3\xa9", b"\xff"]
    ),
    max_size=60,
).map(b"".join)
patiently = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def spans(data: bytes, chunk: int = 7) -> list[tuple[int, int, str | None]]:
    """Every record's place in the file and its fault."""
    scanner = BlockScanner(pieces(data, chunk), ",")
    scanner.header()
    return [
        (block.offset + int(start), block.offset + int(end), block.faults.get(i))
        for block in scanner.blocks()
        for i, (start, end) in enumerate(zip(block.starts, block.ends, strict=True))
    ]


def source(columns: dict[str, object] | None = None, **changes: object) -> tuple[Source, SourceFileEntry]:
    described = {
        "name": "roll",
        "kind": "assessor_roll",
        "record_type": "property",
        "format": "csv",
        "licence": "CC0",
        "origin": "a test",
        "columns": columns or {"parcel_number": "k", "use_code": "b", "zoning": "c"},
        "files": [{"uri": "roll.csv"}],
        **changes,
    }
    whole = Source.model_validate(described)
    return whole, whole.files[0]


def read(path: Path, data: bytes, batch_rows: int = 50_000, **changes: object) -> list[RecordBatch]:
    path.write_bytes(data)
    described, file = source(**changes)  # type: ignore[arg-type]
    return list(open_records(path, described, file, county_fips=["25017"], batch_rows=batch_rows))


def rows(batches: list[RecordBatch]) -> list[tuple[object, ...]]:
    return [row for b in batches for row in b.accepted.select("parcel_number", "use_code", "zoning").rows()]


@given(body=mangled, chunk=st.sampled_from([1, 3, 1000]))
@example(body=b'1,"a\nb",c,d\n2,3,4\n', chunk=7)
@example(body=b'1,"a\n2,3,4\n5,"h",6\n', chunk=7)
@example(body=b'1,"a\n2,3,4\n', chunk=7)
@patiently
def test_arithmetic_finds_the_records_that_the_grammar_defines(
    body: bytes, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = HEADER + body
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "clean_block", lambda *args, **kwargs: None)
        by_grammar = spans(data)
    assert spans(data, chunk) == by_grammar
    for size in (1, 16, 64):
        with monkeypatch.context() as patch:
            patch.setattr(blocks, "BLOCK_BYTES", size)
            patch.setattr(blocks, "PART_BYTES", max(size // 4, 1))
            assert spans(data, chunk) == by_grammar


@given(body=mangled)
@patiently
def test_a_long_record_ends_at_the_same_place_however_the_file_is_cut(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for module in (blocks, delimited):
            patch.setattr(module, "MAX_RECORD_BYTES", 24)
        whole = spans(HEADER + body, 1000)
        patch.setattr(blocks, "BLOCK_BYTES", 8)
        patch.setattr(blocks, "PART_BYTES", 4)
        assert spans(HEADER + body, 1) == whole


@given(body=mangled)
@patiently
def test_records_cover_every_byte_but_blanks_and_line_ends(body: bytes) -> None:
    data = HEADER + body
    end = len(HEADER)
    for start, stop, _ in spans(data):
        assert not data[end:start].strip(b" \r\n")
        assert stop > start
        end = stop
    assert not data[end:].strip(b" \r\n")


@given(body=mangled)
@patiently
def test_a_clean_block_reads_the_same_row_by_row(body: bytes) -> None:
    scanner = BlockScanner([HEADER + body], ",")
    scanner.header()
    columns = TextColumns("t.csv", {0: "k", 2: "c"}, ("k", "b", "c"), "utf-8", ",")
    for block in scanner.blocks():
        careful = RecordBlock(block.data, block.offset, block.starts, block.ends, False, False, block.faults)
        at_once, one_by_one = frame_of_block(block, 5, columns), frame_of_block(careful, 5, columns)
        assert at_once.texts.rows() == one_by_one.texts.rows()
        assert at_once.record_nos.to_list() == one_by_one.record_nos.to_list()
        assert at_once.rejected == one_by_one.rejected


@given(record=mangled.filter(bool), delimiter=st.sampled_from([b",", b";"]))
@patiently
def test_pythons_csv_module_cuts_a_record_as_our_grammar_does(record: bytes, delimiter: bytes) -> None:
    grammar = delimited.RecordGrammar(delimiter)
    span = grammar.next_span(record, 0, is_last=True)
    if span is not None and span.fault is None and b"\0" not in record:
        text = record[span.start : span.end].decode("latin-1")
        assert next(csv.reader([text], delimiter=delimiter.decode())) == [
            piece.decode("latin-1") for piece in grammar.cells(record[span.start : span.end])
        ]


cell = st.text(st.sampled_from('ab ,"\n\ré;'), max_size=8).filter(lambda text: text == text.strip("\n"))


@given(
    table=st.lists(st.tuples(cell.map(lambda t: "k" + t), cell, cell), max_size=12),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@patiently
def test_what_pythons_own_writer_writes_is_read_back(
    table: list[tuple[str, str, str]], line_end: str, quoting: int
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # the writer then quotes only those line ends that are its own
        line_end = "\r\n"
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=quoting).writerows([("k", "b", "c"), *table])
    scanner = BlockScanner([text.getvalue().encode()], ",")
    scanner.header()
    columns = TextColumns("t.csv", {0: "k", 1: "b", 2: "c"}, ("k", "b", "c"), "utf-8", ",")
    found = [row for block in scanner.blocks() for row in frame_of_block(block, 0, columns).texts.rows()]
    assert found == table


@given(body=mangled, batch_rows=st.sampled_from([1, 2, 50]))
@example(body=b"a,b,c\n", batch_rows=1)
@patiently
def test_rows_in_are_rows_accepted_and_rows_refused(
    body: bytes, batch_rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mangled")
    try:
        batches = read(folder / "roll.csv", HEADER + body, batch_rows)
    except UnreadableFile as error:
        assert error.code == "empty_file"  # noqa: PT017
        assert not spans(HEADER + body)
        return
    numbers: list[int] = []
    for batch in batches:
        assert batch.rows_in == batch.accepted.height + len(batch.rejected) <= batch_rows
        numbers += [*batch.accepted["record_no"].to_list(), *(r.record_no for r in batch.rejected)]
    assert sorted(numbers) == list(range(len(spans(HEADER + body))))


@given(body=mangled)
@patiently
def test_a_record_is_found_again_by_its_number(body: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("located") / "roll.csv"
    data = HEADER + body
    path.write_bytes(data)
    described, file = source()
    index = build_record_index(path, described, file)
    places = spans(data)
    assert index.records == len(places)
    for number, (start, end, _) in enumerate(places):
        assert read_record_text(path, described, file, number) == data[start:end]
        assert read_record_text(path, described, file, number, index=index) == data[start:end]
    with pytest.raises(IndexError):
        read_record_text(path, described, file, len(places), index=index)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n \r\n"])
def test_the_index_agrees_with_the_rows_over_many_blocks(
    line_end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10_000)
    body = [b"%d,b,c" % i if i % 7 else b'%d,"two\nlines, and a ""quote""",c' % i for i in range(5_000)]
    body[3_001] = b"3001,too few"
    path = tmp_path / "roll.csv"
    batches = read(path, b"\xef\xbb\xbf" + line_end.join([HEADER.strip(), *body, b""]), batch_rows=999)
    described, file = source()
    index = build_record_index(path, described, file)
    data = path.read_bytes()
    assert (index.every, index.records, len(index.offsets)) == (1024, 5_000, 5)
    for i, offset in enumerate(index.offsets):
        assert data[offset:].startswith(b"%d," % (i * 1024))
    for batch in batches:
        for number, parcel in batch.accepted.select("record_no", "parcel_number").rows()[::211]:
            assert parcel == str(number)
            assert read_record_text(path, described, file, number, index=index) == body[number]
    assert [(r.record_no, r.rule) for b in batches for r in b.rejected] == [(3_001, "wrong_cell_count")]


@pytest.mark.parametrize(
    ("body", "accepted", "refused"),
    [
        (b"1,2,3\n\n4,5,6\n\n", 2, []),
        (b"1,2,3\n4,5", 1, [(1, "wrong_cell_count")]),
        (b"1,2,3,4\n5,6,7\n", 1, [(0, "wrong_cell_count")]),
        (b"1,2,3\n4,\0,6\n7,8,9\n", 2, [(1, "nul_byte")]),
        (b"1,2,3\n4,\xe9,6\n7,8,9\n", 2, [(1, "undecodable_text")]),
        (b'1,"a\nb",3\n4,5,6\n', 2, []),
        (b'1,"stray,3\n4,5,6\n7,"8",9\n', 2, [(0, "unclosed_quote")]),
        (b'1,"stray,3\n4,5,6\n', 1, [(0, "unclosed_quote")]),
        (b'1,"never\nclosed', 0, [(0, "unclosed_quote")]),
        (b'1,"a\nb",c,d\n4,5,6\n', 1, [(0, "wrong_cell_count")]),
        (b'1,5" pipe,3\n', 1, []),
        (b",,\n1,2,3\n", 2, []),
    ],
)
def test_a_broken_row_is_refused_and_the_others_go_on(
    body: bytes, accepted: int, refused: list[tuple[int, str]], tmp_path: Path
) -> None:
    batches = read(tmp_path / "roll.csv", HEADER + body)
    assert sum(b.accepted.height for b in batches) == accepted
    rejections = [r for b in batches for r in b.rejected]
    assert [(r.record_no, r.rule) for r in rejections] == refused
    for r in rejections:
        assert r.message.startswith(f"roll.csv, record {r.record_no} ")
        assert "\0" not in r.value


def test_a_refused_row_names_the_column_at_fault(tmp_path: Path) -> None:
    (batch,) = read(tmp_path / "roll.csv", HEADER + b"1,\xe9t\xe9,3\n", encoding="ascii")
    (rejection,) = batch.rejected
    assert rejection.column == "b"
    assert "is not ascii in column 'b'; declare the encoding" in rejection.message


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", "empty_file", "is empty"),
        (b"\xef\xbb\xbf\n\n", "empty_file", "is empty"),
        (b"k,b,c\n", "empty_file", "has no records"),
        (b"k,b,C\n1,2,3\n", "missing_column", "column 'c' (for zoning) is not in the header; did you mean 'C'?"),
        (b"k;b;c\n1;2;3\n", "missing_column", "column 'k'"),
        (b"k,b,c,b\n1,2,3,4\n", "duplicate_column", "column 'b' more than once"),
        ("k,b,c\n1,2,3\n".encode("utf-16"), "not_text", "UTF-16"),
        (b"k,b,c\xff\n1,2,3\n", "not_text", "not utf-8"),
        (b"k,\0,c\n1,2,3\n", "not_text", "zero bytes"),
        (b"PK\x03\x04rest", "wrong_format", "zip archive"),
        (b"\x1f\x8brest", "wrong_format", "gzip archive"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, code: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path / "roll.csv", data)
    assert caught.value.code == code
    assert caught.value.message.startswith("roll.csv: ")
    assert says in caught.value.message


def test_bytes_without_a_line_end_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_LINE_BYTES", 1 << 20)
    with pytest.raises(UnreadableFile, match="no line ends within 1 MB"):
        read(tmp_path / "roll.csv", HEADER + b"x" * (6 << 20))


def test_a_single_column_is_a_table_too(tmp_path: Path) -> None:
    (batch,) = read(tmp_path / "roll.csv", b"k\n1\n\n2\n", columns={"parcel_number": "k"})
    assert batch.accepted["parcel_number"].to_list() == ["1", "2"]


@pytest.mark.parametrize(("encoding", "text"), [("latin-1", "Café"), ("cp1252", "“Café”"), ("utf-8", "Café 日本")])
def test_the_declared_encoding_is_used(encoding: str, text: str, tmp_path: Path) -> None:
    data = f'k,b,c\n1,{text},3\n2,"{text}\n",3\n'.encode(encoding)
    assert rows(read(tmp_path / "roll.csv", data, encoding=encoding)) == [("1", text, "3"), ("2", f"{text}\n", "3")]


def test_utf8_that_is_declared_as_something_else_is_found_out(tmp_path: Path) -> None:
    data = "k,b,c\n1,Café,x\n2,São Paulo,x\n3,Zürich,x\n".encode()
    with pytest.raises(UnreadableFile, match="is declared latin-1, but the first 3 characters") as caught:
        read(tmp_path / "roll.csv", data, encoding="latin-1")
    assert caught.value.code == "not_text"
    assert rows(read(tmp_path / "roll.csv", data, encoding="utf-8"))[1] == ("2", "São Paulo", "x")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(delimiter: str, tmp_path: Path) -> None:
    data = delimiter.join("kbc") + "\n" + delimiter.join(["1", '"a,b"', ""]) + "\n"
    assert rows(read(tmp_path / "roll.csv", data.encode(), delimiter=delimiter)) == [("1", "a,b", None)]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roll.csv"
    path.write_bytes(HEADER + b"1,2,3\n" * 1_000)
    described, file = source()
    batches = open_records(path, described, file, county_fips=["25017"], batch_rows=100)
    next(batches)
    with path.open("ab") as stream:
        stream.write(b"4,5,6\n")
    with pytest.raises(UnreadableFile) as caught:
        list(batches)
    assert caught.value.code == "changed_while_read"


def test_batches_have_every_canonical_field_typed(tmp_path: Path) -> None:
    (batch,) = read(tmp_path / "roll.csv", HEADER + b"1,2,3\n")
    schema = batch.accepted.schema
    assert schema["record_no"] == pl.Int64
    assert schema["sale_price_usd"] == pl.Decimal(14, 2)
    assert schema["sale_date"] == pl.Date
    assert schema["year_built"] == pl.Int32
    assert batch.accepted["county_fips"].to_list() == ["25017"]
    assert batch.accepted.columns[0] == "record_no"
    assert batch.accepted.columns[-1] == "null_reasons"
    assert np.all(np.array(batch.accepted["sale_price_usd"].is_null()))
