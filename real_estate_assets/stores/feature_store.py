"""A tenant's feature store: Feast, a project of its own, bound to the rows of that tenant.

Belongs here: what Feast does for us (registry, point-in-time join, its own online reading). Does not belong here: which
features there are (`feature_repo/`), writing the online store, and the hot path (`online_features/`). Feast takes
seconds to import: nothing here does until it is used.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from feature_repo.fields import KEYS, TENANT_KEY, VIEWS
from feature_repo.queries import definitions_version
from real_estate_assets.core.features.registry import Entity
from real_estate_assets.settings import Settings
from real_estate_assets.stores.feature_store_config import repo_config
from real_estate_assets.stores.online_features import online_store
from real_estate_assets.stores.online_features.wire import Value

if TYPE_CHECKING:
    import polars as pl
    from feast import FeatureStore


class TenantFeatureStore:
    """Feast for one tenant: `feast` is its own object, for whatever is not here.

    online: Feast's `online_store`; None for what is served.
    """

    def __init__(self, settings: Settings, tenant_id: str, *, online: dict[str, Any] | None = None) -> None:
        self.settings = settings
        self.tenant_id = tenant_id
        self._online = online
        self._feast: FeatureStore | None = None

    def apply(self) -> bool:
        """Make Feast's registry say what `feature_repo/` does. Returns whether there was anything to do.

        Cheap where it is so already: then Feast is not even imported. Touches no online store: those are written whole.
        """
        wanted = definitions_version(self.tenant_id)
        mark = self.settings.online_dir / self.tenant_id / "applied"
        if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
            return False
        with _quiet():
            from feature_repo.definitions import definitions

            self._open(self._online or {"type": "sqlite", "path": ":memory:"}).apply(definitions(self.tenant_id))
        if self._online is None:
            mark.write_text(wanted, encoding="utf-8")
        return True

    def historical(self, entity: Entity, asked: Sequence[tuple[str, datetime]], names: Sequence[str]) -> pl.DataFrame:
        """Features as they were known at a moment: Feast's point-in-time join.

        asked: (key, moment), each any number of times. Returns a row each, in no order, with the columns tenant_id, the
        key, event_timestamp (the moment) and `names`; null where nothing was known yet. Never a value of an event after
        the moment.
        """
        import polars as pl

        if not asked:
            raise ValueError("a point-in-time join needs at least one key and moment")
        refs = [f"{VIEWS[entity]}:{name}" for name in names]
        with _quiet():
            job = self.feast.get_historical_features(
                entity_df=self._asked_sql(entity, asked), features=refs, full_feature_names=False
            )
            found = pl.from_arrow(job.to_arrow())
        assert isinstance(found, pl.DataFrame)  # noqa: S101 - for the type checker: a table, not a column
        # Feast drops the zone of what Postgres sends, which is UTC on these connections.
        return found.with_columns(pl.col(pl.Datetime).dt.replace_time_zone("UTC"))

    def online(self, entity: Entity, keys: Sequence[str], names: Sequence[str]) -> list[dict[str, Value]]:
        """The newest features of keys through Feast's own online reading, in the order asked. For the hot path: the
        thin reader, which answers the same and says why something is null."""
        rows = [{TENANT_KEY: self.tenant_id, KEYS[entity]: key} for key in keys]
        found = self.feast.get_online_features([f"{VIEWS[entity]}:{name}" for name in names], rows).to_dict()
        return [{name: found[name][number] for name in names} for number in range(len(keys))]

    @property
    def feast(self) -> FeatureStore:
        """Feast's own object, applied; made when first used, for the rows served then."""
        if self._feast is None:
            self.apply()
            with _quiet():
                served = self._online or online_store(self.settings, self.tenant_id).feast_config()
                self._feast = self._open(served)
        return self._feast

    def _open(self, online: dict[str, Any]) -> FeatureStore:
        from feast import FeatureStore

        return FeatureStore(config=repo_config(self.settings, self.tenant_id, online))

    def _asked_sql(self, entity: Entity, asked: Sequence[tuple[str, datetime]]) -> str:
        """The keys and moments as a query, because Feast would else make a table of them."""
        from psycopg import sql

        keys, moments = zip(*asked, strict=True)
        text = sql.SQL(
            "select {tenant}::text as {tenant_key}, key as {key}, moment as event_timestamp"
            " from unnest({keys}::text[], {moments}::timestamptz[]) as asked (key, moment)"
        )
        return text.format(
            tenant=sql.Literal(self.tenant_id),
            tenant_key=sql.Identifier(TENANT_KEY),
            key=sql.Identifier(KEYS[entity]),
            keys=sql.Literal(list(keys)),
            moments=sql.Literal(list(moments)),
        ).as_string()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Feast prints its progress in colours and warns of its own habits; what matters is raised."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
