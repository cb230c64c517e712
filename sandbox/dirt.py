"""What goes wrong on the way: each bad line is made from a good one, which stays as it is, and is counted.

A duplicate keeps the id of its original. Every other extra line gets an id of its own, so that no good line
is lost to a bad one. Only the time formats are changed in place, as they are odd but right.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta, timezone
from random import Random
from typing import Any

from sandbox import clock, csv_dirt
from sandbox.draws import hexadecimal
from sandbox.entries import Entry

RATES = {
    "web": 0.002,
    "app": 0.002,
    "shop": 0.0002,
    "crm": 0.001,
    "email": 0.002,
    "support": 0.005,
    "consent": 0.002,
}
RATE_FACTOR = {"exact_duplicate": 3.0}
BATCH_SHARE = {"web": 0.002, "app": 0.006, "email": 0.06}
LONGEST_BATCH = {"web": 5 * clock.MINUTE, "app": 5 * clock.MINUTE, "email": clock.HOUR}
OFFSETS = (timedelta(hours=-5), timedelta(hours=1), timedelta(hours=5, minutes=30), timedelta(hours=9))
FUTURE = {
    "timestamp": "2099-12-31T23:59:59.000Z",
    "created_at": "2099-01-01T00:00:00Z",
    "given_at": "2099-07-04T12:00:00Z",
}
FUTURE_SECONDS = 4_086_000_000
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
Payload = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """Which fields of a JSON source hold its id and its time."""

    key: str
    time: str
    wrong_word: tuple[str, str]  # field and a word that no dictionary has
    wrong_type: tuple[str, Any]
    required: str
    who: tuple[str, ...]


SHAPES = {
    "web": Shape("messageId", "timestamp", ("event", "Mystery Box Opened"), ("price", "cheap"), "product_id",
                 ("anonymousId", "userId")),
    "app": Shape("messageId", "timestamp", ("event", "jackpot_won"), ("price", ["3.99"]), "product_id",
                 ("anonymousId", "userId")),
    "email": Shape("sg_event_id", "timestamp", ("event", "spamreport"), ("timestamp", "yesterday"), "campaign_id",
                   ("email",)),
    "support": Shape("ticket_id", "created_at", ("status", "merged"), ("created_at", {"day": 1}), "created_at",
                     ("requester",)),
    "consent": Shape("consent_id", "given_at", ("purpose", "telepathy"), ("status", 7), "purpose",
                     ("anonymous_id", "user_id")),
}  # fmt: skip


@dataclass(slots=True)
class Line:
    """A finished line: its bytes, when we receive it, and how many messages it holds (0 of a bad line)."""

    received: int
    data: bytes
    messages: int = 1


def soil(source: str, entries: list[Entry], chance: Random, counts: Counter[str]) -> list[Line]:
    """Turn a part's good entries into lines, with bad ones strewn among them.

    Args:
        source: the channel.
        entries: the good entries, in order of receipt.
        chance: dice of this source and part.
        counts: told how many lines of each kind were made.
    """
    counts["late"] += sum(entry.is_late for entry in entries)
    if source in csv_dirt.BREAKERS:
        lines = [Line(entry.received, str(entry.payload).encode()) for entry in entries]
        extra = _extra(source, entries, csv_dirt.BREAKERS[source], chance, counts)
    else:
        shape = SHAPES[source]
        extra = _extra(source, entries, _breakers(shape), chance, counts)
        _reformat_times(shape, entries, chance, counts)
        lines = _packed(source, entries, chance, counts)
    return sorted([*lines, *extra], key=lambda line: line.received)


def encoded(payload: Payload) -> bytes:
    """Return a JSON line as an SDK writes it: no spaces, no escapes for other scripts."""
    return ENCODER.encode(payload).encode()


Breaker = Callable[[Any, Random, str], bytes | None]


def _extra(
    source: str, entries: list[Entry], breakers: dict[str, Breaker], chance: Random, counts: Counter[str]
) -> list[Line]:
    extra = []
    for kind, break_it in breakers.items():
        wanted = int(len(entries) * RATES[source] * RATE_FACTOR.get(kind, 1.0) + chance.random())
        for turn in range(wanted if len(entries) >= 20 else 0):
            # A line fit for this kind of damage is found within a few throws or the damage is left out.
            for _ in range(40):
                entry = entries[chance.randrange(len(entries))]
                fresh = hexadecimal(24, source, kind, turn, chance.random())
                data = break_it(entry.payload, chance, fresh)
                if data is not None:
                    counts[kind] += 1
                    # After the good line, even if that one waits for its batch: the first of an id is the right one.
                    extra.append(Line(entry.received + clock.HOUR, data, 0))
                    break
    return extra


def _breakers(shape: Shape) -> dict[str, Breaker]:
    def changed(payload: Payload, fresh: str | None, **fields: Any) -> Payload:
        copy: Payload = deepcopy(payload)
        copy.update(fields)
        if fresh is not None:
            copy[shape.key] = fresh
        return copy

    def exact_duplicate(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        return encoded(payload)

    def conflicting_duplicate(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        copy = changed(payload, None)
        if "properties" in copy:
            copy["properties"]["corrected"] = True
        elif "traits" in copy or "previousId" in copy:
            return None
        else:
            field = {"sg_event_id": "campaign_id", "ticket_id": "subject", "consent_id": "region"}[shape.key]
            copy[field] = f"{copy[field]}0"
        return encoded(copy)

    def malformed(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        if chance.random() < 0.3:
            return b"<html><head><title>502 Bad Gateway</title></head></html>"
        return encoded(changed(payload, fresh)).replace(b'":', b'"', 1)

    def truncated(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        text = json.dumps(changed(payload, fresh), separators=(",", ":"))
        return text[: chance.randrange(10, len(text) - 2)].encode()

    def unknown_event(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        field, word = shape.wrong_word
        return encoded(changed(payload, fresh, **{field: word})) if field in payload else None

    def wrong_type(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        field, value = shape.wrong_type
        if field in payload:
            return encoded(changed(payload, fresh, **{field: value}))
        if field in payload.get("properties", {}):
            return encoded(changed(payload, fresh, properties={**payload["properties"], field: value}))
        return None

    def missing_property(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        copy = changed(payload, fresh)
        if copy.pop(shape.required, None) is None and copy.get("properties", {}).pop(shape.required, None) is None:
            return None
        return encoded(copy)

    def missing_id(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        copy = changed(payload, fresh)
        for field in (shape.key,) if chance.random() < 0.5 else shape.who:
            copy.pop(field, None)
        return encoded(copy)

    def far_future(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        future: Any = FUTURE_SECONDS if shape.key == "sg_event_id" else FUTURE[shape.time]
        return encoded(changed(payload, fresh, **{shape.time: future}))

    def invalid_utf8(payload: Payload, chance: Random, fresh: str) -> bytes | None:
        return encoded(changed(payload, fresh)).replace(b'":"', b'":"\xe9\xff', 1)

    breakers = (
        exact_duplicate, conflicting_duplicate, malformed, truncated, unknown_event, wrong_type, missing_property,
        missing_id, far_future, invalid_utf8,
    )  # fmt: skip
    return {breaker.__name__: breaker for breaker in breakers}


def _reformat_times(shape: Shape, entries: list[Entry], chance: Random, counts: Counter[str]) -> None:
    """Write some times with another zone's offset or as epoch milliseconds; the instant stays the same."""
    if shape.key == "sg_event_id":
        return
    for entry in entries:
        draw = chance.random()
        if draw > 0.012 or not isinstance(entry.payload, dict):
            continue
        moment = clock.datetime.fromisoformat(entry.payload[shape.time])
        if draw < 0.008:
            # Truncated to a digit of ours, the offset picks itself from the draw.
            zone = timezone(OFFSETS[int(draw / 0.002)])
            text = moment.astimezone(zone).isoformat(timespec="milliseconds")
            entry.payload[shape.time] = text if draw < 0.006 else f"{text[:-3]}{text[-2:]}"
            counts["offset_format"] += 1
        elif shape.key == "messageId":
            entry.payload[shape.time] = round(moment.timestamp() * 1_000)
            counts["epoch_millis"] += 1


def _packed(source: str, entries: list[Entry], chance: Random, counts: Counter[str]) -> list[Line]:
    """Write one line per entry, but put a few neighbours into one request body, as SDKs and webhooks do."""
    lines = []
    place = 0
    while place < len(entries):
        group = entries[place : place + 1]
        if chance.random() < BATCH_SHARE.get(source, 0.0):
            group = _neighbours(source, entries, place)
        payloads = [entry.payload for entry in group]
        received = group[-1].received
        if len(group) == 1:
            lines.append(Line(received, encoded(payloads[0])))  # type: ignore[arg-type]
        elif source == "email":
            counts["array_line"] += 1
            lines.append(Line(received, json.dumps(payloads, ensure_ascii=False).encode(), len(group)))
        else:
            counts["batch_line"] += 1
            lines.append(Line(received, encoded({"batch": payloads, "sentAt": clock.iso(received)}), len(group)))
        place += len(group)
    return lines


def _neighbours(source: str, entries: list[Entry], place: int) -> list[Entry]:
    """Return up to four entries that may share a request: of one device, or any webhooks."""
    group = [entries[place]]
    for entry in entries[place + 1 : place + 4]:
        if entry.received - group[0].received > LONGEST_BATCH[source]:
            break
        if source != "email" and entry.payload["anonymousId"] != group[0].payload["anonymousId"]:  # type: ignore[index]
            break
        group.append(entry)
    return group
