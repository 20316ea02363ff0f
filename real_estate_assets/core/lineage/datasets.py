"""How our things are named in OpenLineage: a namespace for each tenant, one for what is public.

Belongs here: names, and what is said of a source file. Does not belong here: columns (`columns.py`), events
(`events.py`).

A tenant's name stands in its own namespace and nowhere else: whoever gets one tenant's events learns of no other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from real_estate_assets.core.tenants.expressions import AnyExpression

PLATFORM = "reos"
PUBLIC_NAMESPACE = "reos/public"


def tenant_namespace(tenant_id: str | None) -> str:
    """The namespace of a tenant's jobs and datasets; that of public things for None."""
    return PUBLIC_NAMESPACE if tenant_id is None else f"reos/tenants/{tenant_id}"


@dataclass(frozen=True, slots=True)
class FileDataset:
    """A source file as a dataset. columns: the column map it is read by, canonical field -> expression.

    perils: a score file's own columns, peril -> (score column, rating column) of each component.
    """

    namespace: str
    source_name: str
    uri: str
    record_type: str
    sha256: str
    vintage: dt.date | None
    byte_count: int | None
    record_count: int | None
    columns: Mapping[str, AnyExpression]
    perils: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`files/<source>/<name of the file>`: the same for every vintage that bears the name."""
        path = self.uri.split("?", 1)[0].rstrip("/")
        return f"files/{self.source_name}/{path.rpartition('/')[2]}"

    @property
    def address(self) -> str:
        """Where the file came from, without anything that opens doors: no password, no query."""
        parts = urlsplit(self.uri)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        return urlunsplit((parts.scheme, host + port, parts.path, "", ""))


def asset_name(path: Sequence[str]) -> str:
    """A dataset made by a stage: `marts.dim_properties`."""
    return ".".join(path)
