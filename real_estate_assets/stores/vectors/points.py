"""What is put into a vector store and what comes out of it, and the checks that hold for every engine.

Belongs here: kinds of vectors, points, hits, publications, the ids and the sealing of what a point carries, and the
errors. Does not belong here: any engine (`edge.py`, `server.py`), or what a vector means (`core/valuation`).

A caller never gives a point's id, and never its tenant: both are made here, so that no caller can write over another
tenant's point or label its own as another's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from real_estate_assets.stores.object_keys import ObjectKeyError, owner_prefix

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Distance = Literal["euclid", "cosine"]
Payload = Mapping[str, Any]

_NAMESPACE = uuid.UUID("6a1f8c52-5f0e-5d57-9c43-3f7f4b9a2d10")  # one fixed value: a point's id never depends on when
_EPOCH = date(1970, 1, 1)
_LONGEST_VERSION = 200


class VectorStoreError(RuntimeError):
    """The store refused or could not be reached; the message says for which tenant and kind, and what to do."""


class NothingPublishedError(VectorStoreError):
    """Nothing of this kind was ever published for this tenant."""


class VersionMissingError(VectorStoreError):
    """The asked version is not, or no longer, published: vectors of one model say nothing to those of another."""


class ForeignVectorError(VectorStoreError):
    """A point carries another tenant's name. Nothing of it is given out."""


class VectorStoreBusyError(VectorStoreError):
    """Another process is publishing the same kind for the same tenant, and did not finish in time."""


class VectorServerUnreachableError(VectorStoreError):
    """The vector server did not answer within its time."""


@dataclass(frozen=True, slots=True)
class VectorKind:
    """What one space of vectors holds. name: a-z and '_', part of folder and collection names; dimensions: of each
    vector; distance: by which near is near."""

    name: str
    dimensions: int
    distance: Distance


COMPARABLE_SALES = VectorKind("comparable_sales", 64, "euclid")


@dataclass(frozen=True, slots=True)
class VectorPoints:
    """Points of one tenant, one position each in every field.

    keys: unique within the publication (a sale id); property_ids: whose point it is; days: the date the filter `before`
    looks at; vectors: (n, dimensions), finite; payloads: JSON objects, given back with each hit.
    """

    keys: Sequence[str]
    property_ids: Sequence[str]
    days: Sequence[date]
    vectors: npt.NDArray[np.float32]
    payloads: Sequence[Payload]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Hit:
    """One found point. distance: in the kind's own measure, 0 is equal; payload: as it was published."""

    key: str
    property_id: str
    day: date
    distance: float
    payload: Payload


@dataclass(frozen=True, slots=True)
class Publication:
    """One complete set of points. version: what the publisher called it (a model's id); build: when it was begun, in
    milliseconds, growing; points: how many."""

    version: str
    build: int
    points: int

    @property
    def published_at(self) -> datetime:
        """When its building began."""
        return datetime.fromtimestamp(self.build / 1000, UTC)

    def as_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {"version": self.version, "build": self.build, "points": self.points}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError for anything but what `as_json` wrote."""
        return cls(str(stored["version"]), int(stored["build"]), int(stored["points"]))


def checked_tenant(tenant_id: str) -> str:
    """The tenant itself. Raises VectorStoreError unless it is a slug: it becomes part of paths and filters."""
    try:
        owner_prefix(tenant_id)
    except ObjectKeyError as error:
        raise VectorStoreError(str(error)) from error
    if not isinstance(tenant_id, str):
        raise VectorStoreError(f"vectors belong to a tenant, not to {tenant_id!r}")
    return tenant_id


def checked_points(kind: VectorKind, version: str, points: VectorPoints) -> None:
    """Raises ValueError for fields of unequal length, repeated keys, wrong dimensions, or numbers not finite."""
    import numpy as np

    if not 0 < len(version) <= _LONGEST_VERSION:
        raise ValueError(f"a version is 1 to {_LONGEST_VERSION} characters, not {len(version)}")
    lengths = {len(points.keys), len(points.property_ids), len(points.days), len(points.payloads), len(points.vectors)}
    if len(lengths) != 1:
        raise ValueError(f"keys, properties, days, payloads and vectors differ in number: {sorted(lengths)}")
    if len(set(points.keys)) != len(points.keys):
        raise ValueError("a key stands twice among the points")
    if points.vectors.ndim != 2 or points.vectors.shape[1] != kind.dimensions:
        raise ValueError(f"{kind.name} has {kind.dimensions} dimensions, not vectors of shape {points.vectors.shape}")
    broken = np.flatnonzero(~np.isfinite(points.vectors).all(axis=1))
    if broken.size:
        raise ValueError(f"{broken.size} vectors are not finite, the first that of {points.keys[int(broken[0])]!r}")


def checked_query(kind: VectorKind, vector: npt.ArrayLike, limit: int) -> list[float]:
    """The vector as a list. Raises ValueError for another shape, a number that is not finite, a limit below 1."""
    import numpy as np

    asked = np.asarray(vector, dtype=np.float32)
    if asked.shape != (kind.dimensions,) or not np.isfinite(asked).all():
        raise ValueError(f"a vector of {kind.name} is {kind.dimensions} finite numbers, not of shape {asked.shape}")
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    found: list[float] = asked.tolist()
    return found


def point_id(tenant_id: str, build: int, key: str) -> uuid.UUID:
    """The id of a point. The tenant's length stands before it: `a|b` + `c` is never `a` + `b|c`."""
    return uuid.uuid5(_NAMESPACE, f"{len(tenant_id)}:{tenant_id}|{build}|{key}")


def day_number(day: date) -> int:
    """Days since 1970-01-01: what engines compare."""
    return (day - _EPOCH).days


def sealed(tenant_id: str, build: int, points: VectorPoints, number: int) -> dict[str, Any]:
    """What is stored with point `number`.

    The payload is kept as text: engines read numbers to within their last bit only, and what is found must be what was
    published. Raises ForeignVectorError where it names another tenant, ValueError where it is no JSON.
    """
    payload = points.payloads[number]
    named = payload.get("tenant_id", tenant_id)
    if named != tenant_id:
        raise ForeignVectorError(f"{points.keys[number]!r} is given for {tenant_id} and names {named!r}: not published")
    return {
        "tenant_id": tenant_id,
        "build": build,
        "key": points.keys[number],
        "property_id": points.property_ids[number],
        "day": day_number(points.days[number]),
        "data": json.dumps(dict(payload), allow_nan=False, separators=(",", ":")),
    }


def opened(tenant_id: str, kind: VectorKind, stored: Payload | None, score: float) -> Hit:
    """A hit of what was stored, and of what the engine calls its score. Raises ForeignVectorError where another
    tenant's name stands in it, VectorStoreError for what `sealed` did not write."""
    if stored is None or stored.get("tenant_id") != tenant_id:
        raise ForeignVectorError(
            f"a point that is not {tenant_id}'s was found for it: nothing is given out. Publish {tenant_id} again, "
            "and look into who writes to the store."
        )
    distance = 1.0 - score if kind.distance == "cosine" else score  # of cosine, engines tell the likeness
    try:
        day = date.fromordinal(_EPOCH.toordinal() + int(stored["day"]))
        return Hit(str(stored["key"]), str(stored["property_id"]), day, float(distance), json.loads(stored["data"]))
    except (KeyError, TypeError, ValueError) as error:
        raise VectorStoreError(
            f"a point of {tenant_id} was published by another version of this program, or around it ({error!r}): "
            f"remove the vectors of {kind.name} and materialize the tenant's valuation again."
        ) from error


def chosen(tenant_id: str, kind: VectorKind, kept: Sequence[Publication], version: str | None) -> Publication:
    """The newest of the kept publications, or the newest of the asked version.

    Raises NothingPublishedError, VersionMissingError.
    """
    if not kept:
        raise NothingPublishedError(f"no {kind.name} of {tenant_id} were published yet: materialize its valuation.")
    for publication in kept:
        if version is None or publication.version == version:
            return publication
    raise VersionMissingError(
        f"{kind.name} of {tenant_id} are published as {', '.join(one.version for one in kept)}, not as {version}: "
        "the model is older or newer than the vectors. Materialize the tenant's valuation."
    )
