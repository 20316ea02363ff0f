"""Files taken back: which file is meant, one row that marks it, and what rests on it.

Belongs here: rows of `prov.recall` and `prov.public_recall`. Does not belong here: trust, which reads 0 by the
database's own functions, and the rebuild, which the stages' fingerprints ask for.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from real_estate_assets.stores.warehouse.connection import Warehouse

SHORTEST_SHA = 8  # digits of a sha256 that may stand for all of it


class RecallError(ValueError):
    """A file cannot be recalled or restored as asked; the message says what to do."""


class UnknownFileError(RecallError):
    """No file goes by that name."""


class AmbiguousFileError(RecallError):
    """Several files go by that name; the message lists them."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A tenant's file, or a public one (tenant_id and file_no are None). `recalled_at` is set while it is recalled."""

    tenant_id: str | None
    file_no: int | None
    sha256: str
    name: str  # of the source, or of the public layer
    uri: str
    vintage: dt.date | None
    recalled_at: dt.datetime | None
    reason: str | None

    @property
    def file_name(self) -> str:
        """The last part of its uri."""
        return PurePosixPath(self.uri.split("?", 1)[0]).name

    def __str__(self) -> str:
        whose = "public" if self.tenant_id is None else f"{self.tenant_id} file {self.file_no}"
        return f"{whose}, {self.name}, {self.file_name}, vintage {self.vintage or 'unknown'}, sha256 {self.sha256[:12]}"


@dataclass(frozen=True, slots=True)
class Impact:
    """Cells of one tenant's mart and field group that rest on a file.

    way: direct (its own records), evidence_input (evidence derived from it), derived (computed from such a cell of
    another group).
    """

    tenant_id: str
    mart: str
    field_group: str
    way: str
    cells: int


@dataclass(frozen=True, slots=True)
class Recall:
    """One recall, open or restored."""

    file: KnownFile
    recalled_at: dt.datetime
    reason: str
    recalled_by: str
    restored_at: dt.datetime | None
    restored_by: str | None


_TENANT_FILE = (
    "f.tenant_id, f.file_no, f.sha256, f.source_name, f.uri, f.vintage, o.recalled_at, o.reason from prov.source_file f"
)
_PUBLIC_FILE = "null, null, f.sha256, f.layer, f.uri, f.vintage, o.recalled_at, o.reason from prov.public_file f"
_TENANT_FILES = (
    f"select {_TENANT_FILE}"
    " left join prov.recall o on o.tenant_id = f.tenant_id and o.file_no = f.file_no and o.restored_at is null"
    " where %(tenant)s::text is null or f.tenant_id = %(tenant)s order by f.tenant_id, f.file_no"
)
_PUBLIC_FILES = (
    f"select {_PUBLIC_FILE}"
    " left join prov.public_recall o on o.sha256 = f.sha256 and o.restored_at is null order by f.layer, f.sha256"
)


def find_file(warehouse: Warehouse, named: str, tenant_id: str | None = None) -> KnownFile:
    """The one file that goes by `named`: a sha256 or its first 8 digits or more, a source's, layer's or file's name, or
    (of a tenant that is named) a file number.

    tenant_id: only files of this tenant. Raises UnknownFileError, AmbiguousFileError.
    """
    with warehouse.as_owner() as connection:
        known = [KnownFile(*row) for row in connection.execute(_TENANT_FILES, {"tenant": tenant_id}).fetchall()]
        if tenant_id is None:
            known += [KnownFile(*row) for row in connection.execute(_PUBLIC_FILES).fetchall()]
    found = candidates(known, named, by_number=tenant_id is not None)
    whose = "" if tenant_id is None else f" of {tenant_id}"
    if not found:
        raise UnknownFileError(
            f"no file{whose} goes by {named!r}: give a sha256, a source, a file name or --tenant and number"
        )
    if len(found) > 1:
        listed = "\n".join(f"  {one}" for one in found)
        raise AmbiguousFileError(
            f"{named!r} may be any of {len(found)} files{whose}; give a longer sha256, or --tenant and the number\n"
            f"{listed}"
        )
    return found[0]


def candidates(known: Sequence[KnownFile], named: str, *, by_number: bool) -> list[KnownFile]:
    """The files that `named` may mean, by the first of these that any file answers to: number, sha256, name."""
    wanted = named.strip()
    if by_number and wanted.isdigit() and len(wanted) < SHORTEST_SHA:
        return [one for one in known if one.file_no == int(wanted)]
    if re.fullmatch(rf"[0-9a-fA-F]{{{SHORTEST_SHA},64}}", wanted):
        by_sha = [one for one in known if one.sha256.startswith(wanted.lower())]
        if by_sha:
            return by_sha
    return [one for one in known if wanted in (one.name, one.file_name, one.uri)]


def mark(warehouse: Warehouse, file: KnownFile, *, reason: str, by: str) -> None:
    """Take a file back: one row. Raises RecallError where it is recalled already, or the reason says nothing."""
    from psycopg import errors

    public = file.tenant_id is None
    with warehouse.as_owner() as connection:
        try:
            if public:
                connection.execute(
                    "insert into prov.public_recall (sha256, reason, recalled_by) values (%s, %s, %s)",
                    (file.sha256, reason.strip(), by),
                )
            else:
                connection.execute(
                    "insert into prov.recall (tenant_id, file_no, reason, recalled_by) values (%s, %s, %s, %s)",
                    (file.tenant_id, file.file_no, reason.strip(), by),
                )
        except errors.UniqueViolation:
            raise RecallError(f"{file} is recalled already. `reos recall --list` says since when and why") from None
        except errors.CheckViolation:
            raise RecallError("a recall needs a reason that somebody else can understand") from None


def restore(warehouse: Warehouse, file: KnownFile, *, by: str) -> None:
    """Close a file's recall, so that it counts again. Raises RecallError where it is not recalled."""
    with warehouse.as_owner() as connection:
        if file.tenant_id is None:
            closed = connection.execute(
                "update prov.public_recall set restored_at = clock_timestamp(), restored_by = %s"
                " where sha256 = %s and restored_at is null",
                (by, file.sha256),
            )
        else:
            closed = connection.execute(
                "update prov.recall set restored_at = clock_timestamp(), restored_by = %s"
                " where tenant_id = %s and file_no = %s and restored_at is null",
                (by, file.tenant_id, file.file_no),
            )
        if closed.rowcount == 0:
            raise RecallError(f"{file} is not recalled: there is nothing to restore")


def impact(warehouse: Warehouse, file: KnownFile) -> list[Impact]:
    """What rests on a file, tenant by tenant: its own tenant, or every tenant for a public file."""
    with warehouse.as_owner() as connection:
        tenants = [file.tenant_id] if file.tenant_id is not None else [
            row[0] for row in connection.execute("select tenant_id from tenancy.tenant order by 1").fetchall()
        ]  # fmt: skip
        found = []
        for tenant_id in tenants:
            rows = connection.execute(
                "select mart, field_group, way, cells from prov.recall_impact(%s, %s, %s)",
                (tenant_id, file.file_no, file.sha256 if file.tenant_id is None else None),
            ).fetchall()
            found += [Impact(str(tenant_id), *row) for row in rows]
    return found


def impact_for(warehouse: Warehouse, tenant_id: str, file: KnownFile) -> list[Impact]:
    """The same as the tenant itself sees it: its own cells and nobody else's."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select mart, field_group, way, cells from prov.recall_impact(%s, %s, %s)",
            (
                tenant_id,
                file.file_no if file.tenant_id == tenant_id else None,
                file.sha256 if file.tenant_id is None else None,
            ),
        ).fetchall()
    return [Impact(tenant_id, *row) for row in rows]


def recalls(warehouse: Warehouse, tenant_id: str | None = None) -> list[Recall]:
    """Every recall, newest first, restored ones too; of one tenant, or of all and of public files."""
    columns = "o.recalled_at, o.reason, o.recalled_by, o.restored_at, o.restored_by"
    of_tenants = (
        f"select {_TENANT_FILE.replace(' from ', f', {columns} from ', 1)}"  # noqa: S608 - only words of this module
        " join prov.recall o on o.tenant_id = f.tenant_id and o.file_no = f.file_no"
        " where %(tenant)s::text is null or f.tenant_id = %(tenant)s"
    )
    public = (
        f"select {_PUBLIC_FILE.replace(' from ', f', {columns} from ', 1)}"  # noqa: S608 - only words of this module
        " join prov.public_recall o on o.sha256 = f.sha256"
    )
    with warehouse.as_owner() as connection:
        rows = connection.execute(of_tenants, {"tenant": tenant_id}).fetchall()
        if tenant_id is None:
            rows += connection.execute(public).fetchall()
    found = [Recall(KnownFile(*row[:8]), *row[8:]) for row in rows]
    return sorted(found, key=lambda one: one.recalled_at, reverse=True)


def open_recalls(warehouse: Warehouse, tenant_id: str) -> list[int]:
    """Numbers of the tenant's files that are recalled now."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select file_no from prov.recall where tenant_id = %s and restored_at is null order by 1", (tenant_id,)
        ).fetchall()
    return [row[0] for row in rows]


def recalled_public(warehouse: Warehouse) -> frozenset[str]:
    """The sha256 of every public file that is recalled now."""
    with warehouse.as_owner() as connection:
        rows = connection.execute("select sha256 from prov.public_recall where restored_at is null").fetchall()
    return frozenset(row[0] for row in rows)


def recalled_layers(warehouse: Warehouse) -> dict[str, list[str]]:
    """The same by the name of the layer that each file stands for."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select f.layer, array_agg(r.sha256 order by r.sha256) from prov.public_recall r"
            " join prov.public_file f using (sha256) where r.restored_at is null group by 1"
        ).fetchall()
    return dict(rows)


def awaiting_rebuild(warehouse: Warehouse, tenant_id: str) -> list[str]:
    """Files recalled or restored since the tenant's marts were last published, as a person reads them."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "with published as (select max(published_at) as at from history.build where tenant_id = %(tenant)s),"
            " changed as ("
            "  select f.source_name || ' file ' || f.file_no as name, r.recalled_at, r.restored_at"
            "  from prov.recall r join prov.source_file f using (tenant_id, file_no) where tenant_id = %(tenant)s"
            "  union all"
            "  select f.layer, r.recalled_at, r.restored_at"
            "  from prov.public_recall r join prov.public_file f using (sha256) where exists ("
            "   select from prov.evidence e where e.tenant_id = %(tenant)s and e.public_sha256 = r.sha256))"
            " select name, restored_at is null from changed, published"
            " where greatest(recalled_at, restored_at) > published.at order by 1",
            {"tenant": tenant_id},
        ).fetchall()
    return [f"{name} {'recalled' if is_open else 'restored'}" for name, is_open in rows]
