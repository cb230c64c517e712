"""Where OpenLineage events go: a file of the day beside the lake, or an endpoint, if one is set."""

import datetime
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from lakehouse.settings import Settings

FOLDER = "lineage"
TIMEOUT_SECONDS = 2.0


def deliver(settings: "Settings", events: Sequence["RunEvent"]) -> str | None:
    """Keep events in the file of the day, or send them to the endpoint that the settings name.

    Returns:
        Why they were not kept, or None.
    """
    if settings.openlineage == "file":
        return _to_file(settings, events)
    return _to_endpoint(settings, events)


def _to_file(settings: "Settings", events: Sequence["RunEvent"]) -> str | None:
    """One line an event, all in one write: lines of several processes do not mix."""
    from openlineage.client.serde import Serde

    day = datetime.datetime.now(datetime.UTC).date()
    path = settings.state / FOLDER / f"{day}.ndjson"
    text = "".join(f"{Serde.to_json(event)}\n" for event in events).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.write(text)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


def _to_endpoint(settings: "Settings", events: Sequence["RunEvent"]) -> str | None:
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    config: dict = {"url": settings.openlineage, "timeout": TIMEOUT_SECONDS, "retry": {"total": 0}}
    if settings.openlineage_secret is not None:
        config["auth"] = {"type": "api_key", "apiKey": settings.openlineage_secret.get_secret_value()}
    transport = HttpTransport(HttpConfig.from_dict(config))
    try:
        for event in events:
            transport.emit(event)
    except OSError as error:  # what requests raises is an OSError
        return f"the endpoint does not take them: {type(error).__name__}"
    finally:
        transport.close()
    return None
