"""The event dictionary as Spark SQL: every reason why a message does not fit its contract.

A reason is ``code: explanation``. It names fields and rules, never the value that was found.
"""

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.event import EARLIEST, Event, Property
from contracts.records import HASHED_KINDS
from contracts.source import Source
from spark_jobs.silver.convert import iso_time, path_value, record_id
from spark_jobs.silver.sql import case, coalesce, literal, words

CALLS = ("identify", "track", "page", "screen", "group", "alias")
NO_REASONS = "''"
_DIGITS = r"\d{1,1000}+"
"""As many as JSON takes in a number."""
READABLE = {
    "number": rf"^\s*+([+-]?({_DIGITS}(\.({_DIGITS})?+)?+|\.{_DIGITS})([eE][+-]?{_DIGITS})?+)?+\s*+$",
    "integer": rf"^\s*+([+-]?{_DIGITS}(\.(0{{1,1000}}+)?+)?+)?+\s*+$",
    "boolean": r"^\s*+((?i)true|false)?+\s*+$",
}
"""What a text of each type looks like, blank included. No part takes back what it took (``+``), or a text of a
megabyte would be tried in as many ways as its length squared."""
BEYOND = {"number": "double('Infinity')", "integer": "9223372036854775807D"}
"""From here on a number of each type has no value that readers of the tables could hold."""


def with_verdict(envelopes: DataFrame, source: Source, events: Iterable[Event], pads: DataFrame) -> DataFrame:
    """Add record_id, contract (the event's name and version) and reasons (empty where the message fits).

    An event's former name gives way to its name of today, which counts in content_hash too.

    Args:
        envelopes: As of :func:`spark_jobs.silver.envelope.envelopes_of`.
        source: Its contract.
        events: The whole dictionary.
        pads: The identity key, as of :func:`spark_jobs.silver.keyed.pads_of`.
    """
    dictionary = sorted(events, key=lambda event: event.event)
    here = [event for event in dictionary if source.source in event.sources]
    former = [(f"event = {literal(old)}", literal(event.event)) for event in here for old in event.also_called]
    others = [column for column in envelopes.columns if column not in ("event", "content_hash")]
    named = envelopes.selectExpr(*others, f"{case(former, otherwise='event')} as event", "content_hash")
    # By its name of today, so that a message sent again under the new name repeats the one under the old.
    named = named.withColumn("content_hash", F.expr("xxhash64(content_hash, coalesce(event, ''))"))
    named = _with_record(named, source, pads)
    version = case([(f"event = {literal(e.event)}", literal(f"{e.event} {e.version}")) for e in here])
    found = [_envelope_reasons(source, dictionary, here), _dictionary_reasons(here)]
    told = named.selectExpr(
        "*",
        f"cast({version} as string) as contract",
        "coalesce(line_fault, shape_fault) as unreadable",
    ).selectExpr("*", f"coalesce(unreadable, concat_ws('\\n', {', '.join(found)})) as told")
    return told.selectExpr("*", "if(trim('\\n' from told) = '', cast(array() as array<string>), "
                                "split(trim('\\n' from told), '\\n+')) as reasons")  # fmt: skip


def _with_record(named: DataFrame, source: Source, pads: DataFrame) -> DataFrame:
    """Add record_id. Only where a mailbox or a telephone may name the record is the key joined, and dropped again."""
    who = coalesce([record_id(candidate.kind, path_value(candidate.path)) for candidate in source.record])
    is_hashed = any(candidate.kind in HASHED_KINDS for candidate in source.record)
    keyed = named.crossJoin(F.broadcast(pads)) if is_hashed else named
    return keyed.selectExpr(*named.columns, f"{who} as record_id")


def _envelope_reasons(source: Source, dictionary: list[Event], here: list[Event]) -> str:
    is_known = f"event in ({words(event.event for event in dictionary)})"
    is_mine = f"event in ({words(event.event for event in here)})"
    hours = source.clock_tolerance_hours
    checks = {
        "missing_message_id: the message has no id": "message_id is null",
        "missing_type: the message does not say which Segment call it is": "type is null",
        f"unknown_type: the call is none of {', '.join(CALLS)}": f"type not in ({words(CALLS)})",
        "missing_event: a track call without an event": "type = 'track' and event is null",
        "unknown_event: the event is not in the dictionary": f"event is not null and not {is_known}",
        f"event_not_from_here: {source.source} is none of the event's sources": f"{is_known} and not {is_mine}",
        "missing_timestamp: the message does not say when": "not has_time",
        "unreadable_timestamp: the time cannot be read": "has_time and occurred_at is null",
        f"future_timestamp: the time is more than {hours} hours after the landing": f"occurred_at > landed_at + "
        f"interval {hours} hours",
        f"unlikely_timestamp: the time is before {EARLIEST}": f"occurred_at < timestamp '{EARLIEST.isoformat()}'",
    }
    if source.record_required:
        paths = " or ".join(candidate.path for candidate in source.record)
        checks[f"missing_identity: the message names nobody; it needs {paths}"] = "record_id is null"
    return _told(checks)


def _dictionary_reasons(events: list[Event]) -> str:
    """One branch an event, so that a message is held against its own contract only."""
    branches = []
    for event in events:
        checks: dict[str, str] = {}
        for home, declared in (("properties", event.properties), ("traits", event.traits)):
            for key, rule in declared.items():
                checks.update(_property_checks(f"{home}.{key}", f"{home}[{literal(key)}]", rule))
        if event.deprecated_on is not None:
            late = f"occurred_at >= timestamp {literal(event.deprecated_on.isoformat())}"
            checks[f"deprecated_event: {event.event} is not sent since {event.deprecated_on}"] = late
        if checks:
            branches.append((f"event = {literal(event.event)}", _told(checks)))
    return case(branches, otherwise=NO_REASONS)


def _property_checks(path: str, value: str, rule: Property) -> dict[str, str]:
    """Checks on one property; a blank text counts as absent. Each names the value as seldom as it can: plans grow."""
    checks: dict[str, str] = {}
    if rule.required:
        checks[f"missing_property: {path} is required"] = f"coalesce(trim({value}), '') = ''"
    wrong_type = f"wrong_type: {path} cannot be read as {rule.type}"
    if rule.type in READABLE:
        too_big = f" or abs(try_cast({value} as double)) >= {BEYOND[rule.type]}" if rule.type in BEYOND else ""
        checks[wrong_type] = f"not {value} rlike {literal(READABLE[rule.type])}{too_big}"
    elif rule.type == "string":
        checks[wrong_type] = f"startswith({value}, '{{\"')"  # a JSON object; any other text will do
    elif rule.type == "timestamp":
        checks[wrong_type] = f"{iso_time(value)} is null and trim({value}) <> ''"
    if rule.allowed:
        checks[f"value_not_allowed: {path} is none of {', '.join(rule.allowed)}"] = (
            f"trim({value}) not in ('', {words(rule.allowed)})"
        )
    if rule.minimum is not None:
        checks[f"out_of_range: {path} is below {rule.minimum:g}"] = f"try_cast({value} as double) < {rule.minimum!r}D"
    if rule.maximum is not None:
        checks[f"out_of_range: {path} is above {rule.maximum:g}"] = f"try_cast({value} as double) > {rule.maximum!r}D"
    return checks


def _told(checks: dict[str, str]) -> str:
    """The reasons of all failed checks, one a line. Text, because arrays are filtered by interpretation only."""
    told = ", ".join(f"if({failed}, {literal(' '.join(reason.split()))}, null)" for reason, failed in checks.items())
    return f"concat_ws('\\n', {told})"
