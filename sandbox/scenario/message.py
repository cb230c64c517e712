"""An event as the record that its source sends: the source's mapping, read backwards."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Mapping as Mappings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from contracts.event import Event
from contracts.source import Mapping, Source, Value
from sandbox import clock
from sandbox.draws import hexadecimal

if TYPE_CHECKING:
    from sandbox.scenario.life import Scalar

ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Message:
    """What a source is to say of one event.

    Attributes:
        number: Names the message; what stands in its id.
        at: Milliseconds since 1970.
    """

    number: str
    at: int
    event: Event
    anonymous_id: str | None
    user_id: str | None
    properties: Mappings[str, Scalar]
    traits: Mappings[str, Scalar]

    def value_at(self, path: str) -> str | None:
        """What stands at a path of the envelope."""
        home, _, key = path.partition(".")
        found: Any = getattr(self, home, None)
        if isinstance(found, dict):
            found = found.get(key)
        return None if found is None else _text(found)


def header_of(source: Source) -> bytes | None:
    """The first line of a CSV file; None where the source sends JSON."""
    if source.format.type != "csv":
        return None
    return _csv((*source.format.columns, *source.format.optional_columns), source.format.delimiter)


def line_of(source: Source, message: Message) -> bytes:
    """The line that the source sends."""
    if source.envelope == "segment":
        return ENCODER.encode(_segment(message)).encode()
    record = _mapped(serving(source, message.event), message)
    if source.format.type == "json":
        return ENCODER.encode(record).encode()
    columns = (*source.format.columns, *source.format.optional_columns)
    return _csv([_text(record[name]) if name in record else "" for name in columns], source.format.delimiter)


def serving(source: Source, event: Event) -> Mapping:
    """The mapping of a source that gives an event.

    Raises:
        LookupError: If none does.
    """
    for mapping in source.maps:
        if mapping.type == event.type and (mapping.event is None or event.event in _named(mapping.event)):
            return mapping
    raise LookupError(f"no mapping of the source {source.source} gives {event.event}")


def unplaced(source: Source, event: Event, properties: Mappings[str, Any], traits: Mappings[str, Any]) -> list[str]:
    """The properties and traits for which a source's mapping of an event has no place."""
    if source.envelope == "segment":
        return []
    mapping = serving(source, event)
    places = {f"properties.{name}" for name in mapping.properties} | {f"traits.{name}" for name in mapping.traits}
    wanted = [*(f"properties.{name}" for name in properties), *(f"traits.{name}" for name in traits)]
    return [name for name in wanted if name not in places]


def _named(value: Value) -> set[str]:
    return {value.constant} if value.constant is not None else set(value.table.values())


def _segment(message: Message) -> dict[str, Any]:
    kind = message.event.type
    found: dict[str, Any] = {"type": kind}
    if kind == "track":
        found["event"] = message.event.event
    found["messageId"] = message.number
    if message.anonymous_id is not None:
        found["anonymousId"] = message.anonymous_id
    if message.user_id is not None:
        found["userId"] = message.user_id
    found |= {"timestamp": clock.iso(message.at), "sentAt": clock.iso(message.at + clock.SECOND)}
    for name, given in (("properties", message.properties), ("traits", message.traits)):
        if given:
            found[name] = dict(given)
    return found


def _mapped(mapping: Mapping, message: Message) -> dict[str, Any]:
    record: dict[str, Any] = {}
    if mapping.when is not None:
        _put(record, mapping.when.field, mapping.when.is_one_of[0])
    if mapping.event is not None:
        _place(record, mapping.event, message.event.event)
    _put(record, mapping.timestamp.field, _time(mapping.timestamp, message.at))
    for value, given in ((mapping.anonymous_id, message.anonymous_id), (mapping.user_id, message.user_id)):
        if value is not None:
            _place(record, value, given)
    for places, all_given in ((mapping.properties, message.properties), (mapping.traits, message.traits)):
        for name, value in places.items():
            _place(record, value, all_given.get(name))
    if mapping.message_id.convert != "row_hash":
        for field in (mapping.message_id.field, *mapping.message_id.fields):
            if field is not None and _get(record, field) is None:
                _put(record, field, message.number)
    return record


def _place(record: dict[str, Any], value: Value, given: Scalar | None) -> None:
    """Put a value where a mapping would read it; a word that it looks up, as the word that it is looked up by."""
    if value.field is None:
        return
    if given is not None and value.convert == "lookup":
        given = next((word for word, meant in value.table.items() if meant == given), given)
    if _get(record, value.field) is None:
        _put(record, value.field, given)


def _time(value: Value, at: int) -> str | int:
    if value.convert == "epoch_seconds":
        return at // clock.SECOND
    if value.convert == "local_time":
        moment = datetime.datetime.fromtimestamp(at / clock.SECOND, ZoneInfo(value.zone or "UTC"))
        return f"{moment:%Y-%m-%d %H:%M:%S}"
    return clock.iso(at)


def _put(record: dict[str, Any], path: str | None, value: Any) -> None:
    *homes, name = (path or "").split(".")
    for home in homes:
        record = record.setdefault(home, {})
    record[name] = value


def _get(record: dict[str, Any], path: str) -> Any:
    found: Any = record
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _csv(cells: list[str] | tuple[str, ...], delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(cells)
    return out.getvalue().encode()


def _text(value: Scalar | None) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def number_of_message(seed: int, person: int, key: str) -> str:
    """An id for a message: the same for the same event of the same person."""
    return hexadecimal(20, seed, "message", person, key)
