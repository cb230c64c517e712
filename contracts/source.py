"""Source contracts: what a channel's files look like and how its records become Segment messages.

The envelope is the Segment specification (identify, track, page, screen, group, alias). A source either sends it
(``envelope: segment``) or is mapped to it field by field: paths, constants and named converters, never expressions.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from contracts.base import Declared, Name, RetentionDays, Text, Version
from contracts.event import EventType

RecordKind = Literal["account", "anonymous", "crm", "loyalty", "mailbox", "phone"]
Converter = Literal["text", "joined", "row_hash", "lookup", "iso_time", "local_time", "epoch_seconds"]
EnvelopePath = Annotated[
    str,
    StringConstraints(pattern=r"^(message_id|anonymous_id|user_id|(properties|traits|context)(\.[^.]+)+)$"),
]
"""A field of a message, such as ``user_id``, or a key in one of its maps, such as ``context.device.id``."""


class Format(Declared):
    """How a file is cut into records: one JSON document a line, or CSV with a header line."""

    type: Literal["json", "csv"]
    delimiter: Literal[",", ";", "\t", "|"] = Field(
        ",", description="No letter, digit or backslash: what stands in cells, or what readers take for more than it is"
    )
    columns: tuple[Name, ...] = ()
    optional_columns: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _csv_names_its_columns(self) -> "Format":
        if (self.type == "csv") != bool(self.columns):
            raise ValueError("`columns` names the header of a csv source, and only of one")
        return self


class Limits(Declared):
    """How much one file, line or message may hold; what holds more is set aside or refused, and counted (ADR 15)."""

    max_line_bytes: int = Field(
        1_048_576,
        ge=1_000,
        le=16_777_216,
        description="A longer line is taken out of its file before it is read, kept in _unreadable/, and quarantined "
        "as line_too_long with its size, SHA-256 and beginning",
    )
    max_expanded_bytes: int = Field(
        8_589_934_592,
        ge=1_000,
        description="A .gz or .bz2 that holds more is set aside unread, and quarantined as unreadable_file",
    )
    max_messages_per_line: int = Field(
        10_000,
        ge=1,
        le=100_000,
        description="A list or batch of more messages on one line is not unpacked: batch_too_large",
    )
    max_columns: int = Field(
        1_000, ge=1, le=5_000, description="A first line of CSV with more columns is no header: wrong_header"
    )  # fmt: skip


class Value(Declared):
    """Where one envelope field comes from.

    Converters: ``text`` trims, and an empty text is no value; ``joined`` joins ``fields`` with ``-``; ``row_hash``
    hashes ``fields`` to 16 hex digits; ``lookup`` replaces by ``table`` and leaves an unknown word as it is;
    ``iso_time`` reads ISO 8601 and epochs; ``local_time`` reads a wall-clock time of ``zone``;
    ``epoch_seconds`` reads seconds since 1970.
    """

    field: str | None = None
    fields: tuple[str, ...] = ()
    constant: str | None = None
    convert: Converter = "text"
    table: dict[str, str] = {}
    zone: str | None = None

    @model_validator(mode="after")
    def _has_what_its_converter_needs(self) -> "Value":
        given = [self.field is not None, bool(self.fields), self.constant is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of `field`, `fields`, `constant`")
        if bool(self.fields) != (self.convert in ("joined", "row_hash")):
            raise ValueError("`fields` goes with the converters joined and row_hash")
        if bool(self.table) != (self.convert == "lookup"):
            raise ValueError("`table` goes with the converter lookup")
        if (self.zone is not None) != (self.convert == "local_time"):
            raise ValueError("`zone` goes with the converter local_time")
        if self.zone is not None and not _is_zone(self.zone):
            raise ValueError(f"{self.zone} is no time zone of the IANA database, such as Europe/Vienna")
        return self


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _short_form(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


ValueOrPath = Annotated[Value, BeforeValidator(_short_form, json_schema_input_type=Value | str)]


class Condition(Declared):
    """A mapping serves the records whose ``field`` is one of these words."""

    field: str
    is_one_of: tuple[str, ...] = Field(min_length=1)


class Mapping(Declared):
    """One kind of record of a source, as a Segment message."""

    when: Condition | None = None
    type: EventType
    event: ValueOrPath | None = None
    message_id: ValueOrPath
    timestamp: ValueOrPath
    anonymous_id: ValueOrPath | None = None
    user_id: ValueOrPath | None = None
    properties: dict[str, ValueOrPath] = {}
    traits: dict[str, ValueOrPath] = {}

    def reads(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Each field of a record that the mapping reads, after the place where it says so."""
        if self.when:
            yield ("when", "field"), self.when.field
        single = ("event", "message_id", "timestamp", "anonymous_id", "user_id")
        values: list[tuple[tuple[str, ...], Value | None]] = [((name,), getattr(self, name)) for name in single]
        values += [(("properties", key), value) for key, value in self.properties.items()]
        values += [(("traits", key), value) for key, value in self.traits.items()]
        for place, value in values:
            if value is None:
                continue
            if value.field is not None:
                yield (*place, "field"), value.field
            for number, field in enumerate(value.fields):
                yield (*place, "fields", number), field

    def writes(self) -> set[str]:
        """The paths of a message, of those that may name somebody, to which the mapping gives a value."""
        single = {name for name in ("message_id", "anonymous_id", "user_id") if getattr(self, name) is not None}
        maps = {"properties": self.properties, "traits": self.traits}
        return single | {f"{home}.{key}" for home, values in maps.items() for key in values}


class RecordCandidate(Declared):
    """The record an event speaks of, if ``path`` has a value in the envelope."""

    kind: RecordKind
    path: EnvelopePath


class IdentifierPath(Declared):
    """An identifier that an event ties to its record: one that identity.yml declares."""

    identifier: Name
    path: EnvelopePath


class Source(Declared):
    """One channel's landing folder."""

    source: Name
    version: Version
    channel: Name
    owner: Name
    about: Text
    why: Text
    purpose: Name | None = Field(
        None,
        description="A purpose of consent/purposes.yml, or `operation`: what its messages are for, where that is not "
        "what silver.events is for. Its period bounds theirs.",
    )
    retention_days: RetentionDays = None
    format: Format
    envelope: Literal["segment", "mapped"]
    maps: tuple[Mapping, ...] = ()
    record: tuple[RecordCandidate, ...] = Field(min_length=1)
    record_required: bool = True
    identifiers: tuple[IdentifierPath, ...] = Field(min_length=1)
    clock_tolerance_hours: int = 24
    limits: Limits = Field(Limits(), description="Without it the defaults hold")

    @model_validator(mode="after")
    def _mapped_has_maps(self) -> "Source":
        if (self.envelope == "mapped") != bool(self.maps):
            raise ValueError("`maps` goes with `envelope: mapped`, and only with it")
        if self.envelope == "segment" and self.format.type != "json":
            raise ValueError("a segment envelope is JSON: set `format: {type: json}`")
        return self

    def raw_fields(self) -> tuple[tuple[str, str], ...]:
        """Each identifier with the field of a raw record that gives it as it is, sorted."""
        found = {(entry.identifier, field) for entry in self.identifiers for field in self._raw(entry.path)}
        return tuple(sorted(found))

    def _raw(self, path: str) -> Iterator[str]:
        home, _, key = path.partition(".")
        for mapping in self.maps:
            given = getattr(mapping, home, None)
            value = given.get(key) if isinstance(given, dict) else given
            if value is not None and value.field is not None:
                yield value.field
        if self.envelope == "segment":
            yield {"user_id": "userId", "anonymous_id": "anonymousId", "message_id": "messageId"}.get(path, path)
            if home == "traits":
                yield f"context.{path}"
            if path == "properties.previousId":
                yield "previousId"  # of a call to alias

    def fields(self) -> tuple[str, ...]:
        """Every path that the mappings read, sorted."""
        return tuple(sorted({field for mapping in self.maps for _, field in mapping.reads()}))
