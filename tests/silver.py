"""Literal silver tables for tests of identity on a lake: one event a record, in the order of writing. No JVM."""

import datetime
from typing import Any

from lakehouse.lake import Lake

Person = tuple[str, str, dict[str, Any]]
"""A record id, its source, and what it says: identifiers and attributes by name."""


def at(day: int) -> datetime.datetime:
    """Midnight, so many days after the first of 2017."""
    return datetime.datetime(2017, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=day)


def write_silver(lake: Lake, people: list[Person]) -> None:
    """Replace silver: the first person landed first, and was seen on day 1 only, the second on day 2, and so on."""
    events, identifiers, customers = [], [], []
    for number, (record, source, said) in enumerate(people, start=1):
        event = {"event_id": f"{source}:{number}", "source": source, "record_id": record, "occurred_at": at(number),
                 "position": number, "landing": 1}  # fmt: skip
        events.append(
            event
            | {"channel": source, "type": "identify", "event": "customer_identified", "message_id": str(number),
               "received_at": at(number), "properties": [], "traits": [], "context": [], "content_hash": number,
               "part": 0, "contract_version": "1-0-0"}
        )  # fmt: skip
        for name in ("email", "phone", "loyalty_id", "anonymous_id"):
            if name in said:
                identifiers.append(
                    {"record_id": record, "source": source, "identifier": name, "value": said[name], "landing": 1,
                     "first_seen": at(number), "last_seen": at(number), "events": 1, "first_position": number}
                )  # fmt: skip
        if "first_name" in said:
            customers.append(event | said | {"traits": []})
    lake.overwrite("silver.events", events)
    lake.overwrite("silver.identifiers", identifiers)
    lake.overwrite("silver.customer_records", customers)
