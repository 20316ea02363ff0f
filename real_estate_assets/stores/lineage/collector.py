"""One event to an OpenLineage collector over HTTP (Marquez, OpenMetadata, DataHub and others take them).

Belongs here: the request and what its answer means. Does not belong here: trying again (`outbox.py` keeps what was not
sent).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from real_estate_assets.stores.lineage.outbox import Answer

if TYPE_CHECKING:
    from real_estate_assets.settings import Settings

ENDPOINT = "/api/v1/lineage"
_LATER = (408, 425, 429)  # the collector says itself that it is about time, not about the event


def sender(settings: Settings) -> Callable[[bytes], Answer] | None:
    """What sends one event to the collector of the settings; None where none is named."""
    if settings.openlineage_url is None:
        return None
    url = settings.openlineage_url.rstrip("/") + ENDPOINT
    key = settings.openlineage_api_key.get_secret_value() if settings.openlineage_api_key else None
    return lambda body: send(url, body, api_key=key, timeout=settings.openlineage_timeout_seconds)


def send(url: str, body: bytes, *, api_key: str | None, timeout: float) -> Answer:
    """Post one event. Never raises for what the network or the collector does. timeout: seconds to wait for either."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {api_key}"} if api_key else {})}
    try:
        request = Request(url, body, headers, method="POST")  # noqa: S310 - http or https, checked by the settings
        with urlopen(request, timeout=timeout):  # noqa: S310
            return Answer.TAKEN
    except HTTPError as error:
        is_final = 400 <= error.code < 500 and error.code not in _LATER and error.code not in (401, 403, 404)
        return Answer.REFUSED if is_final else Answer.UNREACHED
    except (OSError, HTTPException):
        return Answer.UNREACHED
