"""Judged messages as the rows of the silver tables."""

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.event import EARLIEST, Event
from contracts.source import Source
from spark_jobs.silver.convert import iso_time, path_value, text
from spark_jobs.silver.sql import case, coalesce, literal, words

CONFLICT = "conflicting_duplicate: another message with this id landed before, with other content"
NOTICE_VERSION = r"^[\p{L}\p{N}_][\p{L}\p{N}_ .:/+-]{0,99}$"
EVENT_COLUMNS = (
    *("event_id", "source", "channel", "type", "event", "message_id", "record_id", "anonymous_id", "user_id"),
    *("occurred_at", "sent_at", "landed_at as received_at", "properties", "traits", "context", "content_hash"),
    *("position", "part", "landing", "contract as contract_version"),
)


IDENTIFIES = "type = 'identify'"
"""Which messages may tell of a customer record."""
ACCEPTED = "not is_erased and not is_header and size(reasons) = 0"
"""Which judged messages fit their contract, before their ids are compared."""


def with_fate(judged: DataFrame, repeats: DataFrame) -> DataFrame:
    """Add fate (erased, header, kept, duplicate or quarantined), first_position and the conflict's reason.

    Args:
        judged: All messages of the window, with ``reasons``.
        repeats: As of :func:`spark_jobs.silver.dedupe.judge_repeats`; few.
    """
    # An event id begins with its source, so it tells apart equal positions of two sources.
    fate = case(
        [
            ("is_erased", "'erased'"),
            ("is_header", "'header'"),
            ("size(reasons) > 0 or is_conflict", "'quarantined'"),
            ("is_conflict is not null", "'duplicate'"),
        ],
        otherwise="'kept'",
    )
    reasons = f"if(is_conflict, array({literal(CONFLICT)}), reasons) as reasons"
    joined = judged.join(F.broadcast(repeats), ["event_id", "position", "part"], "left")
    others = [column for column in joined.columns if column not in ("reasons", "is_conflict")]
    return joined.selectExpr(*others, f"{fate} as fate", reasons)


def events(fated: DataFrame) -> DataFrame:
    """The rows of silver.events."""
    return fated.where("fate = 'kept'").selectExpr(*EVENT_COLUMNS)


def duplicates(fated: DataFrame) -> DataFrame:
    """The rows of silver.duplicates."""
    return fated.where("fate = 'duplicate'").select(
        "source", "position", "part", "event_id", "first_position", "landing"
    )


def quarantine(fated: DataFrame) -> DataFrame:
    """The rows of silver.quarantine; the payload of a conflict is not known here and left empty."""
    return fated.where("fate = 'quarantined'").selectExpr(
        *("source", "position", "part", "file", "line", "payload", "undecoded", "reasons", "message_id", "event"),
        *("contract_version", "landing", "landed_at as received_at"),
    )


def identifiers(kept: DataFrame, sources: Iterable[Source]) -> DataFrame:
    """The rows of silver.identifiers.

    Args:
        kept: Rows of silver.events.
        sources: The contracts that say where identifiers are.
    """
    carried = ("record_id", "source", "occurred_at", "position", "landing")
    pairs = [
        (
            f"source = {literal(source.source)}",
            "array("
            + ", ".join(
                f"struct({literal(entry.identifier)} as identifier, {path_value(entry.path)} as value)"
                for entry in source.identifiers
            )
            + ")",
        )
        for source in sources
        if source.identifiers
    ]
    found = kept.where("record_id is not null").selectExpr(*carried, f"inline({case(pairs)})")
    return (
        found.where("value is not null")
        .groupBy("record_id", "source", "identifier", "value", "landing")
        .agg(
            F.min("occurred_at").alias("first_seen"),
            F.max("occurred_at").alias("last_seen"),
            F.count(F.lit(1)).alias("events"),
            F.min("position").alias("first_position"),
        )
    )


def customer_records(kept: DataFrame) -> DataFrame:
    """The rows of silver.customer_records."""

    def trait(*names: str) -> str:
        return coalesce([text(f"traits[{literal(key)}]") for key in names])

    def address(*names: str) -> str:
        nested = [text(f"get_json_object(traits['address'], {literal(f'$.{key}')})") for key in names]
        return coalesce([trait(*names), *nested])

    whole = trait("name")
    first = text(f"regexp_extract({whole}, '^(\\\\S+)\\\\s+\\\\S', 1)")
    last = text(f"regexp_extract({whole}, '\\\\s(\\\\S+)$', 1)")
    return kept.where(f"{IDENTIFIES} and size(traits) > 0 and record_id is not null").selectExpr(
        "event_id",
        "record_id",
        "source",
        "occurred_at",
        f"coalesce({trait('firstName', 'first_name')}, {first}) as first_name",
        f"coalesce({trait('lastName', 'last_name')}, {last}) as last_name",
        f"{trait('email')} as email",
        f"{trait('phone')} as phone",
        f"{trait('birthDate', 'birthday', 'birth_date')} as birth_date",
        f"{address('street')} as street",
        f"{address('city')} as city",
        f"{address('postalCode', 'postcode')} as postcode",
        f"{address('country')} as country",
        f"{trait('loyaltyId', 'loyalty_id')} as loyalty_id",
        "traits",
        "position",
        "landing",
    )


def speaks(dictionary: Iterable[Event]) -> str:
    """Which messages say something about permission, by the dictionary's ``consent`` entries."""
    return f"event in ({words(event.event for event in _speaking(dictionary))})"


def _speaking(dictionary: Iterable[Event]) -> list[Event]:
    return sorted((event for event in dictionary if event.consent), key=lambda event: event.event)


def consents(kept: DataFrame, dictionary: Iterable[Event]) -> DataFrame:
    """The rows of silver.consents: what events say about permission, by the dictionary's ``consent`` entries."""
    speaking = _speaking(dictionary)

    def told(field: str) -> str:
        branches = []
        for event in speaking:
            value = getattr(event.consent, field)
            if value is not None:
                is_path = value.startswith(("properties.", "traits.", "context."))
                branches.append((f"event = {literal(event.event)}", path_value(value) if is_path else literal(value)))
        return f"cast({case(branches)} as string)"

    # It stands on every row that the consent lets go out, so it is a word or none: no formula, no markup, no essay.
    notice = f"if({told('notice_version')} rlike {literal(NOTICE_VERSION)}, {told('notice_version')}, null)"
    # The year 0 is a time to Spark, and to readers in Python none.
    years = f"timestamp {literal(EARLIEST.isoformat())} and timestamp '9999-12-31'"
    until = f"if({iso_time(told('until'))} between {years}, {iso_time(told('until'))}, null)"
    return kept.where(f"{speaks(speaking)} and record_id is not null").selectExpr(
        "event_id",
        "record_id",
        "source",
        f"{told('purpose')} as purpose",
        f"{told('status')} as status",
        "occurred_at as given_at",
        f"{notice} as notice_version",
        f"{told('region')} as region",
        f"{told('topic')} as topic",
        f"{until} as until_at",
        "position",
        "landing",
        "received_at",
    )
