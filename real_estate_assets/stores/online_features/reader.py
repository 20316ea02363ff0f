"""Reading a tenant's online features on the hot path: one round trip, no Feast, no Postgres.

Belongs here: the reader's interface and what it promises. Does not belong here: kinds of stores, and their format.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from real_estate_assets.core.features.registry import Entity
from real_estate_assets.stores.online_features.backend import Reading, StoredRow
from real_estate_assets.stores.online_features.plan import NO_NOTE, Plan, make_plan
from real_estate_assets.stores.online_features.rows import FeatureRow, Note, StaleOnlineStoreError, how_to_renew
from real_estate_assets.stores.online_features.state import OnlineState

NOTES_KEPT = 10_000  # a note never changes, its name says what is in it; hundreds are usual


class OnlineFeatures:
    """The newest features of one tenant's properties and markets.

    Every method raises OnlineStoreUnreachableError where the store does not answer in time, StaleOnlineStoreError where
    nothing was materialized for the tenant (or there is no such tenant) or where it is older than `not_older_than`, and
    UnknownFeatureError. A key that is not there is a row with all features None and the reason `unknown_key`.
    """

    def __init__(self, tenant_id: str, store: Reading) -> None:
        self.tenant_id = tenant_id
        self._store = store
        self._plans: dict[tuple[Entity, tuple[str, ...] | None], Plan] = {}
        self._notes: dict[str, Note] = {}
        self._served: tuple[OnlineState | None, dict[str, frozenset[str]]] = (None, {})

    def state(self) -> OnlineState:
        """What is served, and as of when."""
        return self._checked(self._store.state(), None)

    def read(
        self, property_ids: Sequence[str], names: Sequence[str] | None = None, *,
        on: date | None = None, not_older_than: datetime | None = None,
    ) -> list[FeatureRow]:  # fmt: skip
        """The features of properties, in the order asked. names: None for all; on: the day of `property_age`, today."""
        plan = self._plan("property", names)
        return self._read([(plan, key) for key in property_ids], on, not_older_than)

    def read_market(
        self, market_ids: Sequence[str], names: Sequence[str] | None = None, *,
        not_older_than: datetime | None = None,
    ) -> list[FeatureRow]:  # fmt: skip
        """The features of markets, in the order asked. A property's market is its feature `market_of_property`."""
        plan = self._plan("market", names)
        return self._read([(plan, key) for key in market_ids], None, not_older_than)

    def read_with_market(
        self, keys: Sequence[tuple[str, str]], names: Sequence[str] | None = None,
        market_names: Sequence[str] | None = None, *, on: date | None = None, not_older_than: datetime | None = None,
    ) -> list[tuple[FeatureRow, FeatureRow]]:  # fmt: skip
        """(property, market) rows of (property id, market id) pairs, all in one round trip."""
        plans = self._plan("property", names), self._plan("market", market_names)
        rows = self._read(
            [(plan, key) for pair in keys for plan, key in zip(plans, pair, strict=True)], on, not_older_than
        )
        return list(zip(rows[::2], rows[1::2], strict=True))

    def _read(
        self, asked: Sequence[tuple[Plan, str]], on: date | None, not_older_than: datetime | None
    ) -> list[FeatureRow]:
        day = on or datetime.now(UTC).date()
        rows, state = self._store.fetch([(plan.wanted, key) for plan, key in asked])
        state = self._checked(state, not_older_than)
        served = self._names_served(state)
        made = [(plan, key, row, *plan.values(key, row, day)) for (plan, key), row in zip(asked, rows, strict=True)]
        self._learn({note for *_, note in made if note is not None and note not in self._notes})
        return [
            plan.row(
                self.tenant_id, key, row, values, self._note(note, row), state.as_of, served[plan.wanted.entity]
            )
            for plan, key, row, values, note in made
        ]  # fmt: skip

    def _plan(self, entity: Entity, names: Sequence[str] | None) -> Plan:
        asked = (entity, None if names is None else tuple(names))
        plan = self._plans.get(asked)
        if plan is None:
            plan = self._plans[asked] = make_plan(*asked)
        return plan

    def _names_served(self, state: OnlineState) -> dict[str, frozenset[str]]:
        if self._served[0] is not state:
            self._served = (state, {entity: frozenset(names) for entity, names in state.names.items()})
        return self._served[1]

    def _learn(self, names: set[str]) -> None:
        if names:
            if len(self._notes) > NOTES_KEPT:
                self._notes.clear()
            self._notes.update(self._store.notes(sorted(names)))

    def _note(self, name: str | None, row: StoredRow) -> Note:
        return NO_NOTE if name is None or row.event_at is None else self._notes.get(name, NO_NOTE)

    def _checked(self, state: OnlineState | None, not_older_than: datetime | None) -> OnlineState:
        if state is None:
            raise StaleOnlineStoreError(
                f"no online features of {self.tenant_id}: there is no such tenant, or its features were never"
                f" materialized here; {how_to_renew(self.tenant_id)}"
            )
        if not_older_than is not None and state.as_of < not_older_than:
            raise StaleOnlineStoreError(
                f"the online features of {self.tenant_id} are as of {state.as_of:%Y-%m-%d %H:%M:%S} UTC, older than"
                f" {not_older_than:%Y-%m-%d %H:%M:%S} as asked; {how_to_renew(self.tenant_id)}"
            )
        return state
