"""Judged messages as the rows of the silver tables."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.event import Event
from contracts.source import Source
from spark_jobs.silver.convert import text
from spark_jobs.silver.validate import path_value

CONFLICT = "conflicting_duplicate: another message with this id landed before, with other content"
EVENT_COLUMNS = (
    "event_id, source, channel, type, event, message_id, record_id, anonymous_id, user_id, occurred_at, sent_at, "
    "landed_at as received_at, properties, traits, context, content_hash, position, part, landing, "
    "contract as contract_version"
)


def with_fate(judged: DataFrame, repeats: DataFrame) -> DataFrame:
    """Add fate (header, kept, duplicate or quarantined), first_position and the conflict's reason.

    Args:
        judged: All messages of the window, with ``reasons``.
        repeats: As of :func:`spark_jobs.silver.dedupe.judge_repeats`; few.
    """
    # An event id begins with its source, so it tells apart equal positions of two sources.
    told = repeats.select("event_id", "position", "part", "first_position", "is_conflict")
    joined = judged.join(F.broadcast(told), ["event_id", "position", "part"], "left")
    fate = (
        F.when(F.col("is_header"), "header")
        .when(F.size("reasons") > 0, "quarantined")
        .when(F.col("is_conflict"), "quarantined")
        .when(F.col("is_conflict").isNotNull(), "duplicate")
        .otherwise("kept")
    )
    reasons = F.when(F.col("is_conflict"), F.array(F.lit(CONFLICT))).otherwise(F.col("reasons"))
    return joined.withColumns({"fate": fate, "reasons": reasons}).drop("is_conflict")


def events(fated: DataFrame) -> DataFrame:
    """silver.events"""
    return fated.where("fate = 'kept'").selectExpr(*[part.strip() for part in EVENT_COLUMNS.split(",")])


def duplicates(fated: DataFrame) -> DataFrame:
    """silver.duplicates"""
    return fated.where("fate = 'duplicate'").select(
        "source", "position", "part", "event_id", "first_position", "landing"
    )


def quarantine(fated: DataFrame, texts: DataFrame) -> DataFrame:
    """silver.quarantine

    Args:
        fated: As of :func:`with_fate`.
        texts: source, position, part, message, undecoded of at least the quarantined messages.
    """
    refused = fated.where("fate = 'quarantined'").select(
        "source",
        "position",
        "part",
        "file",
        "line",
        "reasons",
        "message_id",
        "event",
        F.col("contract_version"),
        "landing",
        F.col("landed_at").alias("received_at"),
    )
    named = texts.select("source", "position", "part", F.col("message").alias("payload"), "undecoded")
    return refused.join(named, ["source", "position", "part"])


def identifiers(kept: DataFrame, sources: Iterable[Source]) -> DataFrame:
    """silver.identifiers

    Args:
        kept: Rows of silver.events.
        sources: The contracts that say where identifiers are.
    """
    parts = []
    for source in sources:
        pairs = F.array(
            *[
                F.struct(F.lit(entry.identifier).alias("identifier"), path_value(entry.path).alias("value"))
                for entry in source.identifiers
            ]
        )
        mine = kept.where((F.col("source") == source.source) & F.col("record_id").isNotNull())
        parts.append(mine.select("record_id", "source", "occurred_at", "position", "landing", F.explode(pairs).alias("i")))
    every = parts[0]
    for part in parts[1:]:
        every = every.unionByName(part)
    return (
        every.where("i.value is not null")
        .groupBy("record_id", "source", F.col("i.identifier").alias("identifier"), F.col("i.value").alias("value"), "landing")
        .agg(
            F.min("occurred_at").alias("first_seen"),
            F.max("occurred_at").alias("last_seen"),
            F.count(F.lit(1)).alias("events"),
            F.min("position").alias("first_position"),
        )
    )


def customer_records(kept: DataFrame) -> DataFrame:
    """silver.customer_records"""

    def trait(*names: str) -> Column:
        return F.coalesce(*[text(F.col("traits")[name]) for name in names])

    def address(*names: str) -> Column:
        nested = [text(F.get_json_object(F.col("traits")["address"], f"$.{name}")) for name in names]
        return F.coalesce(*[text(F.col("traits")[name]) for name in names], *nested)

    whole = trait("name")
    return kept.where("type = 'identify' and size(traits) > 0 and record_id is not null").select(
        "event_id",
        "record_id",
        "source",
        "occurred_at",
        F.coalesce(trait("firstName", "first_name"), F.regexp_extract(whole, r"^(\S+)\s+\S", 1)).alias("first_name"),
        F.coalesce(trait("lastName", "last_name"), F.regexp_extract(whole, r"\s(\S+)$", 1)).alias("last_name"),
        trait("email").alias("email"),
        trait("phone").alias("phone"),
        trait("birthDate", "birthday", "birth_date").alias("birth_date"),
        address("street").alias("street"),
        address("city").alias("city"),
        address("postalCode", "postcode").alias("postcode"),
        address("country").alias("country"),
        trait("loyaltyId", "loyalty_id").alias("loyalty_id"),
        "traits",
        "position",
        "landing",
    )


def consents(kept: DataFrame, dictionary: Iterable[Event]) -> DataFrame:
    """silver.consents: what events say about permission, by the dictionary's ``consent`` entries."""
    fields = ("purpose", "status", "notice_version", "region")
    speaking = sorted((event for event in dictionary if event.consent), key=lambda event: event.event)
    found = {}
    for name in fields:
        column = F.when(F.lit(False), F.lit(None).cast("string"))
        for event in speaking:
            said = getattr(event.consent, name)
            if said is not None:
                column = column.when(
                    F.col("event") == event.event, path_value(said) if "." in said else F.lit(said)
                )
        found[name] = column
    names = [event.event for event in speaking]
    return kept.where(F.col("event").isin(*names) & F.col("record_id").isNotNull()).select(
        "event_id",
        "record_id",
        "source",
        found["purpose"].alias("purpose"),
        found["status"].alias("status"),
        F.col("occurred_at").alias("given_at"),
        found["notice_version"].alias("notice_version"),
        found["region"].alias("region"),
        "position",
        "landing",
        "received_at",
    )

