"""What a reader of online features gets, and what may go wrong.

Belongs here: the row, the state of a tenant's store, the errors. Does not belong here: any store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from real_estate_assets.stores.online_features.wire import Value

UNKNOWN_KEY = "unknown_key"  # the store has no row of this key for this tenant
NOT_SERVED_YET = "not_served_yet"  # the row was written before the feature was added
NOT_RECORDED = "not_recorded"  # the row says nothing about why


class OnlineStoreError(RuntimeError):
    """Online features cannot be read; the message says why and what to do. Never answered with default values."""


class OnlineStoreUnreachableError(OnlineStoreError):
    """The store does not answer within the time allowed."""


class StaleOnlineStoreError(OnlineStoreError):
    """The store holds older features than were asked for, or none at all."""


def how_to_renew(tenant_id: str) -> str:
    """What to do about a store that holds nothing, or not the newest: quick where nothing is wrong with it."""
    return f"bring it up to date: `reos materialize --tenant {tenant_id} --select features --force`"


class UnknownFeatureError(OnlineStoreError):
    """No feature of that name is served for that kind of key."""


@dataclass(frozen=True, slots=True)
class Note:
    """What many rows share: why features are null, and the runs of the materializations that the rows came from."""

    null_reasons: Mapping[str, str] = field(default_factory=dict)
    run_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """The newest features of one key, of one tenant.

    values: every feature asked for, in that order; None is unknown. null_reasons: a code for each None. event_at: the
    day of what is newest about the key; None where the key is unknown. as_of: no feature is older than the warehouse
    had it then.
    """

    tenant_id: str
    key: str
    values: Mapping[str, Value]
    null_reasons: Mapping[str, str]
    event_at: datetime | None
    as_of: datetime
    run_ids: Sequence[str] = ()

    @property
    def is_known(self) -> bool:
        """Whether the store has a row of this key for this tenant."""
        return self.event_at is not None
