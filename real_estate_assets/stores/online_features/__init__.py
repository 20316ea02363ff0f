"""Online features: the newest features of each property and market, read in well under a millisecond.

Belongs here: the reader, and the two kinds of store that it reads (`on_sqlite.py` for one machine, `on_redis.py`), both
in Feast's own format, held to one set of tests. Does not belong here: Feast, which writes them
(`stores/feature_store*`), and where features come from (`stores/warehouse/features*`).
"""

from real_estate_assets.settings import Settings
from real_estate_assets.stores.online_features.backend import Publishing
from real_estate_assets.stores.online_features.reader import OnlineFeatures
from real_estate_assets.stores.online_features.rows import (
    FeatureRow,
    OnlineStoreError,
    OnlineStoreUnreachableError,
    StaleOnlineStoreError,
    UnknownFeatureError,
)

__all__ = [
    "FeatureRow",
    "OnlineFeatures",
    "OnlineStoreError",
    "OnlineStoreUnreachableError",
    "StaleOnlineStoreError",
    "UnknownFeatureError",
    "forget_tenant",
    "online_store",
    "open_online_features",
]


def open_online_features(settings: Settings, tenant_id: str) -> OnlineFeatures:
    """A reader of one tenant's online features; connects when first asked, and is cheap to ask again.

    Raises ValueError where `tenant_id` cannot name a tenant.
    """
    return OnlineFeatures(tenant_id, online_store(settings, tenant_id))


def online_store(settings: Settings, tenant_id: str) -> Publishing:
    """The tenant's store as the settings choose its kind, for a materialization."""
    if settings.online_store == "redis":
        from real_estate_assets.stores.online_features.on_redis import RedisOnline

        return RedisOnline(settings, tenant_id)
    from real_estate_assets.stores.online_features.on_sqlite import SqliteOnline

    return SqliteOnline(settings, tenant_id)


def forget_tenant(settings: Settings, tenant_id: str) -> bool:
    """Take away everything that online stores hold of a tenant; returns whether there was anything.

    The files of this machine in any case, and Redis where one is set. Raises OnlineStoreUnreachableError.
    """
    from real_estate_assets.stores.online_features.on_redis import RedisOnline
    from real_estate_assets.stores.online_features.on_sqlite import SqliteOnline

    in_redis = settings.redis_url is not None and RedisOnline(settings, tenant_id).forget()
    return SqliteOnline(settings, tenant_id).forget() or in_redis
