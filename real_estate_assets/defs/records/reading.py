"""What the records stage does for one tenant: read each new file, gate it, keep the verdict.

Belongs here: the order of these steps and their accounting. Does not belong here: parsing (`stores/source_reader`),
rules (`expectations/`), Dagster (`assets.py`).

A file is read again only when its bytes are new, its reviewed entry changed, or the reader's code did.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.records.batch import UnreadableFile
from real_estate_assets.core.tenants import read_source_entry
from real_estate_assets.stores.warehouse import evidence, quarantine
from real_estate_assets.stores.warehouse.evidence import Method, SourceFile

if TYPE_CHECKING:
    from real_estate_assets.core.gates.outcomes import GateResult
    from real_estate_assets.stores.object_store import ObjectStore
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.records import Loaded

FIELD_GROUP = {"property": "assessor", "parcel": "parcel_geometry", "owner": "owner", "hazard_zone": "hazard"}


@dataclass(frozen=True)
class FileReading:
    """One file after this stage. `error` is set when the file as a whole cannot be read; then the counts are zero."""

    file_no: int
    record_type: str
    uri: str
    vintage: str
    version: str  # of its bytes, of the entry it is read by, and of its arrival
    rows_in: int
    accepted: int
    quarantined: int
    was_read_now: bool
    gate_passed: bool
    report: dict[str, Any]
    error: str | None = None

    @property
    def is_accounted_for(self) -> bool:
        """Rows in = accepted + quarantined."""
        return self.rows_in == self.accepted + self.quarantined


def read_method(code_version: str) -> Method:
    """Reading copies and casts: what the source states is what the cell says."""
    return Method(
        "read_and_cast",
        code_version,
        "Column map of the tenant's description applied to one record.",
        "lossless by construction",
    )


def read_files(
    warehouse: Warehouse, store: ObjectStore, tenant_id: str, *, code_version: str, run_id: str
) -> list[FileReading]:
    """Read and gate every file of the tenant that needs it; report all of them. An unreadable file stops no other."""
    readings = []
    for file in evidence.files(warehouse, tenant_id):
        if file.read_status == "read" and file.read_by == code_version and file.gate_passed is not None:
            readings.append(_known(warehouse, file))
            continue
        try:
            readings.append(_read_one(warehouse, store, file, code_version=code_version, run_id=run_id))
        except UnreadableFile as error:
            evidence.mark_refused(warehouse, tenant_id, file.file_no, error=error.message, read_by=code_version)
            readings.append(
                _reading(file, (0, 0, 0), was_read_now=True, gate_passed=False, report={}, error=error.message)
            )
    if any(reading.was_read_now for reading in readings):
        quarantine.refresh_statistics(warehouse)
    return readings


def _read_one(
    warehouse: Warehouse, store: ObjectStore, file: SourceFile, *, code_version: str, run_id: str
) -> FileReading:
    from real_estate_assets.stores import gates

    tenant_id, file_no = file.tenant_id, file.file_no
    evidence_no = evidence.add_evidence(
        warehouse,
        tenant_id,
        read_method(code_version),
        run_id=run_id,
        field_group=FIELD_GROUP[file.record_type],
        file_no=file_no,
    )
    loaded = _load(warehouse, store, file, evidence_no=evidence_no, run_id=run_id)
    evidence.mark_read(
        warehouse, tenant_id, file_no, record_count=loaded.rows_in, evidence_no=evidence_no, read_by=code_version
    )
    source, _ = read_source_entry(file.source_entry)
    verdict = gates.run_gate(warehouse, tenant_id, file_no, source.record_type, run_id=run_id)
    report = {**_report(verdict), "rings_repaired": loaded.repaired, "cells_nulled": loaded.cells_nulled}
    evidence.save_gate(warehouse, tenant_id, file_no, passed=verdict.passed, report=report)
    evidence.record_checks(warehouse, tenant_id, evidence_no, passed=verdict.checks_passed, total=verdict.checks_total)
    return _reading(file, verdict.account, was_read_now=True, gate_passed=verdict.passed, report=report)


def _load(warehouse: Warehouse, store: ObjectStore, file: SourceFile, *, evidence_no: int, run_id: str) -> Loaded:
    """The file's records and, for a csv, where each of them stands in it. Raises UnreadableFile."""
    from real_estate_assets.stores.source_reader import build_record_index, open_records
    from real_estate_assets.stores.warehouse import records, reference

    source, entry = read_source_entry(file.source_entry)
    county_fips = tenant_counties(warehouse, file.tenant_id)
    with _spooled(store, file) as path:
        batches = open_records(
            path, source, entry, county_fips=county_fips, counties=reference.county_shape(warehouse, county_fips)
        )
        loaded = records.load_file(
            warehouse, file.tenant_id, file_no=file.file_no, record_type=source.record_type, batches=batches,
            evidence_no=evidence_no, run_id=run_id,
        )  # fmt: skip
        if source.layout(entry).format == "csv":
            index = build_record_index(path, source, entry)
            evidence.save_record_index(warehouse, file.tenant_id, file.file_no, index.every, index.offsets)
    return loaded


def _report(verdict: GateResult) -> dict[str, Any]:
    """The verdict as it is stored: messages with counts and locators, no values."""
    return {
        "batch_failures": {o.rule.name: o.message for o in verdict.blocking},
        "row_failures": {o.rule.name: o.message for o in verdict.quarantining},
        "warnings": {o.rule.name: o.message for o in verdict.warnings},
    }


def _known(warehouse: Warehouse, file: SourceFile) -> FileReading:
    counts = quarantine.account(warehouse, file.tenant_id, file.file_no)
    return _reading(file, counts, was_read_now=False, gate_passed=bool(file.gate_passed), report=file.gate_report or {})


def _reading(
    file: SourceFile,
    counts: tuple[int, int, int],
    *,
    was_read_now: bool,
    gate_passed: bool,
    report: dict[str, Any],
    error: str | None = None,
) -> FileReading:
    """counts: rows in, accepted, quarantined."""
    vintage = file.vintage.isoformat() if file.vintage else "unknown"
    version = f"{file.sha256}/{file.source_entry_sha256}/{file.received_at.timestamp()}"
    return FileReading(
        file.file_no, file.record_type, file.uri, vintage, version, *counts, was_read_now, gate_passed, report, error
    )


def tenant_counties(warehouse: Warehouse, tenant_id: str) -> list[str]:
    """The counties the tenant declared."""
    from real_estate_assets.core.tenants import parse_tenant_file
    from real_estate_assets.stores.warehouse.tenants import get_tenant

    return list(parse_tenant_file(get_tenant(warehouse, tenant_id).description, name=f"{tenant_id}.yaml").county_fips)


@contextmanager
def _spooled(store: ObjectStore, file: SourceFile) -> Iterator[Path]:
    """The landed bytes as a local file under the name the source gave it (its ending says how it is packed)."""
    with tempfile.TemporaryDirectory(prefix="reos-read-") as folder:
        path = Path(folder) / PurePosixPath(file.uri.rsplit("?", 1)[0]).name
        store.fetch_to(file.object_key, path)
        yield path
