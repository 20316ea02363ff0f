"""Where Redis is: the one address of the settings, for our own client and in the form Feast wants.

Belongs here: turning `redis_url` into either. Does not belong here: any command.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from real_estate_assets.settings import Settings, SettingsError

if TYPE_CHECKING:
    from redis import Redis


def open_redis(settings: Settings) -> Redis:
    """A client that never waits longer than `online_timeout_seconds` for a connection or an answer.

    Connects when first used. No retries, whatever redis-py's own default is: they would multiply the wait.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    seconds = settings.online_timeout_seconds
    return Redis.from_url(
        _url(settings), socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0)
    )


def connection_string(settings: Settings) -> str:
    """`host:port,name=value,...`, as Feast's Redis store splits it: at commas, then JSON where it can be.

    So a password is written as JSON (1234 would become a number, null no password at all), with its commas escaped.
    """
    url = urlsplit(_url(settings))
    parts = [f"{url.hostname}:{url.port or 6379}", f"db={url.path.strip('/') or 0}"]
    if url.scheme == "rediss":
        parts.append("ssl=true")
    for name, value in (("username", url.username), ("password", url.password)):
        if value:
            parts.append(f"{name}={_escaped(unquote(value))}")
    seconds = settings.online_timeout_seconds
    parts += [f"socket_connect_timeout={seconds}", "socket_timeout=60"]  # writing a batch takes longer than reading
    return ",".join(parts)


def _escaped(value: str) -> str:
    return json.dumps(value).replace(",", "\\u002c")


def _url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise SettingsError("no Redis: set REOS_REDIS_URL, or REOS_ONLINE_STORE=sqlite.")
    return settings.redis_url.get_secret_value()
