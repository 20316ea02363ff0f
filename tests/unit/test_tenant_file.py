"""A tenant file is read whole or refused whole, with every fault's line and the nearest allowed word."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.records.fields import FIELDS
from real_estate_assets.core.tenants import (
    Source,
    SourceFileEntry,
    TenantFile,
    TenantFileError,
    config_sha256,
    parse_tenant_file,
    read_source_entry,
    source_entry,
)
from real_estate_assets.core.tenants.expressions import EXPRESSION_KINDS
from real_estate_assets.core.tenants.model import SOURCE_KINDS
from real_estate_assets.core.tenants.sums import parse_sum
from real_estate_assets.core.tenants.units import UNIT_NAMES
from real_estate_assets.core.tenants.yaml_text import read_yaml

GOOD = r"""tenant: charles-river
name: Charles River Assessors
county_fips: ["25017"]
sources:
  - name: assessor_roll
    kind: assessor_roll
    record_type: property
    format: csv
    encoding: ascii
    licence: PDDL-1.0
    origin: https://example.org/roll
    null_markers: ["NULL"]
    columns:
      parcel_number: ML
      unit_number: {column: Location, regex: '#\s*(.+)$'}
      fiscal_year: {constant: 2014}
      sale_date: {column: SaleDate, date: "%m/%d/%Y", nulls: ["1/1/1900"]}
      gross_area_sqft: {column: GrossArea, nulls: [0, -1], min: 1, max: 5000000}
      bathrooms_total: {sum: "Full + 0.5*Half"}
      condition_score: {column: Cond, values: {"Poor": 1, "Good": 4, "?": null}}
      lot_size_sqft: {column: LandM2, unit: {from: m2, to: sqft}}
      is_waterfront: {column: waterfront, values: {"0": false, "1": true}}
      heating_type: {first: [HeatA, {column: HeatB}]}
    files:
      - uri: tax_fy14.csv.gz
        vintage: 2013-01-01
        columns: {fiscal_year: {constant: 2015}, heating_type: null}
      - uri: s3://bucket/tax_fy15.csv
        awaited: true
        encoding: latin-1
        null_markers: []
"""


def faults(text: str) -> list[str]:
    with pytest.raises(TenantFileError) as caught:
        parse_tenant_file(text, name="t.yaml")
    assert str(caught.value) == "\n".join(caught.value.lines())
    return caught.value.lines()


def line_of(words: str) -> int:
    return next(i + 1 for i, line in enumerate(GOOD.splitlines()) if words in line)


def test_a_good_file_is_read() -> None:
    tenant = parse_tenant_file(GOOD, name="t.yaml")
    assert tenant.county_fips == ("25017",)
    (source,) = tenant.sources
    first, second = source.files
    assert source.layout(first).columns["fiscal_year"].constant == "2015"  # type: ignore[union-attr]
    assert "heating_type" not in source.layout(first).columns
    assert source.layout(first).null_markers == ("NULL",)
    assert source.layout(second).columns["fiscal_year"].constant == "2014"  # type: ignore[union-attr]
    assert source.layout(second).encoding == "latin-1"
    assert source.layout(second).null_markers == ()
    assert second.awaited
    assert second.vintage is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    encoding:", "    encodng:", "'encodng' is not a word of this place; did you mean 'encoding'?"),
        ("kind: assessor_roll", "kind: asessor_rol", "'asessor_rol' is not allowed; did you mean 'assessor_roll'?"),
        ("record_type: property", "record_type: proprty", "did you mean 'property'?"),
        ("format: csv", "format: xls", "'xls' is not allowed; "),
        ("regex: '#", "regx: '#", "unit_number.regx: 'regx' is not a word of this place; did you mean 'regex'?"),
        ("{column: Cond", "{colum: Cond", "'colum' does not start an expression; did you mean 'column'?"),
        ("to: sqft", "too: sqft", "unit.too: 'too' is not a word of this place; did you mean 'to'?"),
        ("      parcel_number: ML", "      parcel_numbr: ML", "field of property; did you mean 'parcel_number'?"),
        ("%m/%d/%Y", "%m/%d/%q", "'%q' in the date format"),
        ("%m/%d/%Y", "%m/%Y", "must have exactly one day, it has 0"),
        ("#\\s*(.+)$", "#\\s*(.+$", "does not compile"),
        ("#\\s*(.+)$", "#\\s*.+$", "has no group"),
        ("#\\s*(.+)$", "(?=x)(.+)$", "does not compile (look-around"),
        ("Full + 0.5*Half", "Full + __import__('os')", "is not part of a sum"),
        ("Full + 0.5*Half", "Full + 0.5 Half", "expected + or - but found 'Half'"),
        ("Full + 0.5*Half", "1 + 2", "names no column"),
        ("min: 1, max", "min: x, max", "'x' is not a number"),
        ("min: 1, max: 5000000", "min: 9, max: 1", "min 9 is above max 1"),
        ("to: sqft", "to: acre", "must end 'to: sqft'"),
        ("from: m2, to: sqft", "from: m, to: sqft", "they do not convert"),
        ("constant: 2014", "constant: 20x4", "fiscal_year is integer: '20x4' is not a whole number"),
        ('"Good": 4', '"Good": four', "'four' is not a number"),
        ('"1": true', '"1": maybe', "neither true nor false"),
        ("unit_number: {column: Location, ", 'unit_number: {column: Location, date: "%Y%m%d", ', "'date' is for dates"),
        ("bathrooms_total: {sum", "zoning: {sum", "a sum is a number, but zoning is text"),
        ("bathrooms_total: {sum", "tax_amount_usd: {unit: {from: kusd, to: usd}, sum", "a sum of money has no 'unit'"),
        ("vintage: 2013-01-01", "vintage: 2013-02-31", "vintage"),
        ("uri: tax_fy14", "uri: ../other/tax_fy14", "leads out of the tenant's data folder"),
        ("uri: tax_fy14", "uri: /etc/tax_fy14", "is not a relative path"),
        ("uri: tax_fy14.csv.gz", "uri: file:///etc/passwd", "'file://' is not read"),
        ("encoding: ascii", "encoding: utf-16", "cannot be read line by line"),
        ("encoding: ascii", "encoding: klingon", "is not known"),
        ("    encoding: ascii", "    encoding: ascii\n    crs: EPSG:99999", "the CRS 'EPSG:99999' is not known"),
        ("    licence: PDDL-1.0\n", "", "sources[0].licence: is missing"),
        ("name: assessor_roll", "name: Assessor Roll", "does not have the form"),
        ("      heating_type", "      latitude: lat\n      heating_type", "latitude and longitude come together"),
        ("      heating_type", "      latitude: a\n      longitude: b\n      heating_type", "'crs' must say in which"),
        ('county_fips: ["25017"]', 'county_fips: ["25017", "25021"]', "county_fips must be mapped"),
        ('county_fips: ["25017"]', 'county_fips: ["2501"]', "does not have the form"),
        ("      parcel_number: ML\n", "", "no record could be told apart"),
        ("record_type: property", "record_type: parcel", "needs a geometry, which csv has not"),
        ("s3://bucket/tax_fy15.csv", "tax_fy14.csv.gz", "names the file 'tax_fy14.csv.gz' twice"),
    ],
)  # fmt: skip
def test_one_fault_is_named_with_its_line(old: str, new: str, says: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    lines = faults(text)
    assert any(says in line for line in lines), lines
    assert all(line.startswith("t.yaml:") for line in lines)


@pytest.mark.parametrize(
    ("old", "new"),
    [("encoding:", "encodng:"), ("regex: '#", "regx: '#"), ("to: sqft", "too: sqft"), ("awaited:", "awaitd:")],
)
def test_an_unknown_word_has_the_line_it_stands_in(old: str, new: str) -> None:
    (line,) = {int(line.split(":")[1]) for line in faults(GOOD.replace(old, new, 1))}
    assert line == line_of(old)


def test_all_faults_are_named_not_the_first_alone() -> None:
    text = GOOD.replace("encoding:", "encodng:").replace("regex:", "regx:").replace("sale_date:", "sale_dat:")
    text = text.replace("uri: tax", "uri: ../tax").replace("tenant: charles-river", "tenant: Charles River")
    lines = faults(text)
    for word in ("encodng", "regx", "sale_dat", "../tax", "a tenant's slug"):
        assert any(word in line for line in lines) or word == "sale_dat", lines
    assert [int(line.split(":")[1]) for line in lines] == sorted(int(line.split(":")[1]) for line in lines)


def test_faults_of_a_map_are_named_beside_faults_of_another_part() -> None:
    text = GOOD.replace("tenant: charles-river", "tenant: Charles").replace("sale_date:", "sale_dat:")
    assert [line for line in faults(text) if "sale_dat'" in line]
    assert [line for line in faults(text) if "slug" in line]


@pytest.mark.parametrize(
    "slug",
    [
        "x'; drop table tenancy.tenant; --",
        'a"b',
        "a b",
        "Ä",
        "-a",
        "a" * 64,
        "",
        "a/b",
        "../b",
        "A",
        "a\0b",
        "a\nb",
        "'a'",
    ],
)
def test_a_slug_with_anything_else_is_refused_clearly(slug: str) -> None:
    lines = faults(GOOD.replace("tenant: charles-river", f"tenant: {json.dumps(slug)}"))
    assert any("slug has 1 to 63 of a-z, 0-9" in line for line in lines) or slug == "a\0b"


@given(st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=63).filter(lambda s: s[0] != "-"))
def test_every_proper_slug_is_taken(slug: str) -> None:
    assert parse_tenant_file(GOOD.replace("charles-river", f'"{slug}"'), name="t").tenant == slug


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("- 1", "is empty or no mapping"),
        ("a: [", "is not valid YAML"),
        ("tenant: a\ntenant: b", "'tenant' stands twice (first in line 1)"),
        ("a: &x [1]\nb: *x", "anchors and aliases"),
        ("tenant: !!python/object/apply:os.system ['true']", "the tag"),
        ("a: 1\n---\nb: 2", "has a second document"),
        ("a: " + "[" * 50 + "]" * 50, "nested too deeply"),
        ("a: " + "x" * 1_000_001, "at most 1,000,000"),
        ("{a: b}: c", "a key must be one word"),
        ("a: \0", "is not valid YAML"),
    ],
)
def test_yaml_itself_is_refused_where_it_is_more_than_plain_words(text: str, says: str) -> None:
    assert any(says in line for line in faults(text))


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    assert read_yaml(bomb).data is None
    assert "anchors and aliases" in faults(bomb)[0]


@given(st.text(max_size=200) | st.text("ab:-[]{}&*!|>#'\" \n\t", max_size=60))
def test_no_text_at_all_raises_anything_but_the_tenant_files_own_error(text: str) -> None:
    with pytest.raises(TenantFileError):
        parse_tenant_file(text, name="t.yaml")


def test_duplicate_keys_in_a_column_map_are_refused() -> None:
    text = GOOD.replace("      fiscal_year:", "      parcel_number: XX\n      fiscal_year:")
    assert any(
        f"'parcel_number' stands twice (first in line {line_of('parcel_number: ML')})" in f for f in faults(text)
    )


def changed(old: str, new: str) -> tuple[str, str]:
    """Fingerprints of the first file's entry before and after a change of the text."""

    def first(tenant: TenantFile) -> str:
        return config_sha256(tenant.sources[0], tenant.sources[0].files[0])

    assert old in GOOD
    return (
        first(parse_tenant_file(GOOD, name="t")),
        first(parse_tenant_file(GOOD.replace(old, new, 1), name="t")),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5*Half", "0.25*Half"),
        ("constant: 2015", "constant: 2016"),
        ("encoding: ascii", "encoding: latin-1"),
        ("2013-01-01", "2014-01-01"),
        ('null_markers: ["NULL"]', 'null_markers: ["NULL", "-"]'),
        ("kind: assessor_roll", "kind: sales_file"),
    ],
)
def test_what_changes_the_reading_changes_the_fingerprint(old: str, new: str) -> None:
    before, after = changed(old, new)
    assert before != after


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("licence: PDDL-1.0", "licence: CC0"),
        ("origin: https://example.org/roll", "origin: elsewhere"),
        ("name: Charles River Assessors", "name: Another Name"),
        ("encoding: latin-1", "encoding: cp1252"),  # of the other file
        (
            "unit_number: {column: Location, regex: '#\\s*(.+)$'}",
            "unit_number: {regex: '#\\s*(.+)$', column: Location}",
        ),
        ("uri: tax_fy14.csv.gz", "uri: moved/tax_fy14.csv.gz"),
        ("parcel_number: ML", "parcel_number: {column: ML}"),
    ],
)
def test_what_does_not_change_the_reading_keeps_the_fingerprint(old: str, new: str) -> None:
    before, after = changed(old, new)
    assert before == after


def test_a_written_down_entry_reads_as_it_did() -> None:
    source = parse_tenant_file(GOOD, name="t").sources[0]
    for file in source.files:
        again, same = read_source_entry(json.loads(json.dumps(source_entry(source, file))))
        assert same == file
        assert again.layout(same) == source.layout(file)
        assert config_sha256(again, same) == config_sha256(source, file)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a + 0.5*b", [("1", "a"), ("0.5", "b")]),
        ("-a-b", [("-1", "a"), ("-1", "b")]),
        ("2 * `Odd Name (sq ft)` + 3", [("2", "Odd Name (sq ft)"), ("3", None)]),
    ],
)
def test_sums_are_taken_apart(text: str, terms: list[tuple[str, str | None]]) -> None:
    assert [(str(weight), column) for weight, column in parse_sum(text).terms] == terms


@pytest.mark.parametrize(
    "text",
    ["", "a +", "a b", "*a", "2*3", "a**b", "(a)", "a/b", "f(a)", "a.b", "lambda: 0", "a" * 301, "+".join("a" * 13)],
)
def test_nothing_but_the_grammar_of_sums_is_taken(text: str) -> None:
    with pytest.raises(ValueError):
        parse_sum(text)


def test_patterns_take_linear_time() -> None:
    """The classic pattern that hangs a backtracking engine is finished at once."""
    import polars as pl

    expression = parse_tenant_file(GOOD.replace("#\\s*(.+)$", "^((a+)+)$"), name="t").sources[0].columns["unit_number"]
    pattern = expression.regex  # type: ignore[union-attr]
    assert pl.Series(["a" * 50_000 + "b"]).str.extract(pattern, 1).to_list() == [None]


def test_the_nearest_word_may_be_none() -> None:
    check: Callable[[str], list[str]] = faults
    assert any("allowed: " in line for line in check(GOOD.replace("    encoding:", "    zzzzzzzzzz:")))


DOCS = Path(__file__).resolve().parents[2] / "docs" / "tenant_file.md"


def test_the_example_of_the_documentation_is_a_tenant_file() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(parse_tenant_file(example, name="tenant_file.md").sources) == 2


def test_the_documentation_names_every_word_of_the_grammar() -> None:
    text = DOCS.read_text(encoding="utf-8")
    words = {name for model in (TenantFile, Source, SourceFileEntry) for name in model.model_fields}
    words |= {name for model in EXPRESSION_KINDS.values() for name in model.model_fields}
    words |= {*SOURCE_KINDS, *get_args(UNIT_NAMES), *FIELDS}
    assert not [word for word in words if not re.search(rf"\b{word}\b", text)]
