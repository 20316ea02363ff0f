"""Rows: as many as the files have, each of them accepted or quarantined.

Belongs here: counting a delivered file anew, without the platform's reader, and asking the warehouse where its rows
went. Does not belong here: whether a row was rightly refused (tests of the readers and the gates say that).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bounds import exactly
from benchmarks.gates.demo import Demo
from benchmarks.gates.line import Gate, gate
from benchmarks.report import ROOT

PREFIX = "spine.rows"
DATA = ROOT / "demo" / "data"
# What others counted in these files, before this project read them.
ROLLS = {"fy2013": ("tax_fy13.csv.gz", 27_424), "fy2014": ("tax_fy14.csv.gz", 27_528)}
KING_COUNTY_SALES, KING_COUNTY_PROPERTIES = 21_613, 21_436

# A row refused while reading stands in quarantine only; one refused later stands among the raw ones too.
_READ = """
select count(*) from (
  select record_no from raw.{type} where tenant_id = {tenant} and file_no = %(file_no)s
  union select record_no from quarantine.record where tenant_id = {tenant} and file_no = %(file_no)s and stage = 'read'
) as records
"""
_ACCOUNT = """
with refused as (
  select distinct record_no from quarantine.record where tenant_id = {tenant} and file_no = %(file_no)s
)
select (select count(*) from raw.{type} as raw where tenant_id = {tenant} and file_no = %(file_no)s
        and not exists (select from refused where refused.record_no = raw.record_no)), (select count(*) from refused)
"""


def lines(demo: Demo) -> Iterator[Gate]:
    """Known counts of three files, then the account of every file that a demo tenant delivered."""
    for year, (name, rows) in ROLLS.items():
        yield gate(f"{PREFIX}.read.{year}", _read(demo, "charles-river", name), exactly(rows))
    yield gate(
        f"{PREFIX}.read.king_county_sales",
        _read(demo, "puget-sound", "kc_house_data.csv.gz"),
        exactly(KING_COUNTY_SALES),
    )
    counted = "select count(*) from marts.fct_sales where tenant_id = {tenant}"
    yield gate(f"{PREFIX}.published.king_county_sales", demo.number("puget-sound", counted), exactly(KING_COUNTY_SALES))
    counted = "select count(distinct property_id) from marts.fct_sales where tenant_id = {tenant}"
    properties = demo.number("puget-sound", counted)
    yield gate(f"{PREFIX}.published.king_county_properties", properties, exactly(KING_COUNTY_PROPERTIES))
    for tenant_id, names in deliveries().items():
        for name in names:
            yield _account(demo, tenant_id, name)


def deliveries() -> dict[str, list[str]]:
    """Every file that each demo tenant hands in, over all deliveries."""
    from ruamel.yaml import YAML

    delivered: dict[str, list[str]] = {}
    for one in YAML(typ="safe").load((ROOT / "demo" / "delivery.yaml").read_text(encoding="utf-8"))["deliveries"]:
        for tenant_id, names in one["tenants"].items():
            delivered.setdefault(tenant_id, []).extend(names)
    return delivered


def _read(demo: Demo, tenant_id: str, name: str) -> int | None:
    file = _file(demo, tenant_id, name)
    if file is None:
        return None
    file_no, record_type = file
    counted: int = demo.ask(tenant_id, _READ.replace("{type}", record_type), {"file_no": file_no})[0][0]
    return counted


def _account(demo: Demo, tenant_id: str, name: str) -> Gate:
    line, must = f"{PREFIX}.accounted.{tenant_id}.{name.split('.')[0]}", exactly(rows_of(DATA / name))
    file = _file(demo, tenant_id, name)
    if file is None:
        return gate(line, None, must)
    file_no, record_type = file
    query = _ACCOUNT.replace("{type}", record_type)
    accepted, quarantined = demo.ask(tenant_id, query, {"file_no": file_no})[0]
    return gate(line, accepted + quarantined, must, note=f"{accepted:,} accepted, {quarantined:,} quarantined")


def _file(demo: Demo, tenant_id: str, name: str) -> tuple[int, str] | None:
    """(file_no, record type) of a tenant's file by its name; None where it has not been read."""
    query = (
        "select file_no, record_type from prov.source_file"
        " where tenant_id = {tenant} and uri like %(name)s and read_status = 'read' order by file_no desc limit 1"
    )
    found = demo.ask(tenant_id, query, {"name": f"%{name}"})
    return found[0] if found else None


def rows_of(path: Path) -> int:
    """Rows of a packed csv file without its header and blank lines, or features of a packed TopoJSON, counted anew."""
    if path.name.endswith(".topojson.gz"):
        with gzip.open(path) as packed:
            return sum(len(layer["geometries"]) for layer in json.load(packed)["objects"].values())
    with gzip.open(path) as packed:
        text = io.TextIOWrapper(packed, encoding="utf-8-sig", newline="")
        return sum(bool(row) for row in csv.reader(text)) - 1
