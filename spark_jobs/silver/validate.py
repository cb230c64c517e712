"""The event dictionary as Spark expressions: every reason why a message does not fit its contract.

A reason is ``code: explanation``. It names fields and rules, never the value that was found.
"""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.event import Event, Property
from contracts.source import RecordCandidate, Source
from spark_jobs.silver.convert import hashed, iso_time, text

CALLS = ("identify", "track", "page", "screen", "group", "alias")
EARLIEST = "1990-01-01"


def with_verdict(envelopes: DataFrame, source: Source, events: Iterable[Event]) -> DataFrame:
    """Add record_id, contract (the event's name and version) and reasons (empty where the message fits).

    Args:
        envelopes: As of :func:`spark_jobs.silver.envelope.envelopes_of`.
        source: Its contract.
        events: The whole dictionary.
    """
    dictionary = sorted(events, key=lambda event: event.event)
    here = [event for event in dictionary if source.source in event.sources]
    named = _by_former_name(envelopes, here).withColumn("record_id", _record_id(source.record))
    unreadable = F.coalesce("line_fault", "shape_fault")
    reasons = F.when(unreadable.isNotNull(), F.array(unreadable)).otherwise(
        F.concat(_envelope_reasons(source, dictionary, here), _dictionary_reasons(here))
    )
    return named.withColumns({"contract": _contract(here), "reasons": reasons})


def path_value(path: str) -> Column:
    """The value at a path such as ``user_id``, ``traits.email`` or ``context.device.id`` of an envelope."""
    head, _, rest = path.partition(".")
    if not rest:
        return text(F.col(head))
    key, _, inner = rest.partition(".")
    value = F.col(head)[key]
    return text(F.get_json_object(value, f"$.{inner}") if inner else value)


def _by_former_name(envelopes: DataFrame, events: list[Event]) -> DataFrame:
    former = {name: event.event for event in events for name in event.also_called}
    if not former:
        return envelopes
    known = F.create_map(*[F.lit(part) for pair in sorted(former.items()) for part in pair])
    return envelopes.withColumn("event", F.coalesce(known[F.col("event")], F.col("event")))


def _record_id(candidates: Iterable[RecordCandidate]) -> Column:
    return F.coalesce(*[hashed(candidate.kind, path_value(candidate.path)) for candidate in candidates])


def _contract(events: list[Event]) -> Column:
    versions = F.create_map(*[F.lit(part) for event in events for part in (event.event, f"{event.event} {event.version}")])
    return versions[F.col("event")]


def _envelope_reasons(source: Source, dictionary: list[Event], here: list[Event]) -> Column:
    names, mine = [event.event for event in dictionary], [event.event for event in here]
    event, kind, time = F.col("event"), F.col("type"), F.col("occurred_at")
    is_known = event.isin(*names)
    checks = {
        "missing_message_id: the message has no id": F.col("message_id").isNull(),
        "missing_type: the message does not say which Segment call it is": kind.isNull(),
        f"unknown_type: the call is none of {', '.join(CALLS)}": ~kind.isin(*CALLS),
        "missing_event: a track call without an event": (kind == "track") & event.isNull(),
        "unknown_event: the event is not in the dictionary": event.isNotNull() & ~is_known,
        f"event_not_from_here: the dictionary does not let {source.source} send this event": is_known
        & ~event.isin(*mine),
        "missing_timestamp: the message does not say when": ~F.col("has_time"),
        "unreadable_timestamp: the time cannot be read": F.col("has_time") & time.isNull(),
        f"future_timestamp: the time lies more than {source.clock_tolerance_hours} hours after the landing": time
        > F.col("landed_at") + F.expr(f"interval {source.clock_tolerance_hours} hours"),
        f"unlikely_timestamp: the time lies before {EARLIEST}": time < F.lit(EARLIEST).cast("timestamp"),
    }
    if source.record_required:
        paths = " or ".join(candidate.path for candidate in source.record)
        checks[f"missing_identity: the message names nobody; it needs {paths}"] = F.col("record_id").isNull()
    return _told(checks)


def _dictionary_reasons(events: list[Event]) -> Column:
    """One branch an event, so that a message is held against its own contract only."""
    reasons = F.when(F.lit(False), F.array().cast("array<string>"))
    for event in events:
        checks: dict[str, Column] = {}
        for home, declared in (("properties", event.properties), ("traits", event.traits)):
            for name, rule in declared.items():
                checks.update(_property_checks(f"{home}.{name}", F.col(home)[name], rule))
        if event.deprecated_on is not None:
            late = F.col("occurred_at") >= F.lit(event.deprecated_on.isoformat()).cast("timestamp")
            checks[f"deprecated_event: {event.event} is not sent since {event.deprecated_on}"] = late
        if checks:
            reasons = reasons.when(F.col("event") == event.event, _told(checks))
    return reasons.otherwise(F.array().cast("array<string>"))


def _property_checks(path: str, raw: Column, rule: Property) -> dict[str, Column]:
    value = text(raw)
    checks: dict[str, Column] = {}
    if rule.required:
        checks[f"missing_property: {path} is required"] = value.isNull()
    readable = _is_readable(value, rule.type)
    if readable is not None:
        checks[f"wrong_type: {path} cannot be read as {rule.type}"] = value.isNotNull() & ~readable
    if rule.allowed:
        checks[f"value_not_allowed: {path} is none of {', '.join(rule.allowed)}"] = ~value.isin(*rule.allowed)
    number = value.try_cast("double")
    if rule.minimum is not None:
        checks[f"out_of_range: {path} is below {rule.minimum:g}"] = number < rule.minimum
    if rule.maximum is not None:
        checks[f"out_of_range: {path} is above {rule.maximum:g}"] = number > rule.maximum
    return checks


def _is_readable(value: Column, type_: str) -> Column | None:
    """Whether a text can be read as a type without loss; None where every text can."""
    number = value.try_cast("double")
    # Java reads "1d" and "NaN" as numbers; JSON and people do not.
    is_number = number.isNotNull() & F.right(value, F.lit(1)).between("0", "9")
    if type_ == "number":
        return is_number
    if type_ == "integer":
        return is_number & (number == F.floor(number))
    if type_ == "boolean":
        return F.lower(value).isin("true", "false")
    if type_ == "timestamp":
        return iso_time(value).isNotNull()
    if type_ == "string":
        return ~value.startswith('{"')
    return None


def _told(checks: dict[str, Column]) -> Column:
    return F.array_compact(F.array(*[F.when(failed, F.lit(reason)) for reason, failed in checks.items()]))
