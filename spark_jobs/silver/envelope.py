"""Messages as Segment envelopes, whatever channel they came through.

Every parser returns the carried columns of :mod:`spark_jobs.silver.messages` and these: is_header, shape_fault,
type, event, message_id, anonymous_id, user_id, has_time, occurred_at, sent_at, properties, traits,
context, content_hash. The specification of the envelope is Segment's (Spec: Common Fields).
"""

from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructType

from contracts.source import Mapping, Source, Value
from spark_jobs.silver.convert import iso_time, text, value_expression
from spark_jobs.silver.headers import Header, with_cells

TEXT_MAP = "map<string,string>"
FIXED_EVENTS = {
    "identify": "customer_identified",
    "page": "page_viewed",
    "screen": "screen_viewed",
    "group": "group_joined",
    "alias": "id_aliased",
}
_SEGMENT = (
    "type string, event string, name string, category string, messageId string, anonymousId string, userId string, "
    "previousId string, groupId string, timestamp string, originalTimestamp string, sentAt string, "
    f"properties {TEXT_MAP}, traits {TEXT_MAP}, context {TEXT_MAP}, _broken string"
)
_PERMISSIVE = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_broken"}
_NOT_JSON = "malformed_json: the message is not a JSON object"
_WRONG_SHAPE = "wrong_shape: a field that must be an object is something else"


def envelopes_of(messages: DataFrame, source: Source, headers: Sequence[Header]) -> DataFrame:
    """Parse the messages of one source.

    Args:
        messages: As of :func:`spark_jobs.silver.messages.messages_of`.
        source: Its contract.
        headers: The header lines of its files (none for JSON).
    """
    if source.envelope == "segment":
        return _segment(messages)
    if source.format.type == "json":
        parsed = messages.withColumn("r", F.from_json("message", _record_type(source), _PERMISSIVE)).withColumns(
            {"is_header": F.lit(False), "shape_fault": _json_fault(F.col("r._broken"))}
        )
        return _mapped(parsed, source, lambda path: F.col(f"r.{path}"))
    return _mapped(with_cells(messages, source, headers), source, lambda path: F.col(f"cells.{path}"))


def snake_case(name: Column) -> Column:
    """``Product Viewed`` and ``ProductViewed`` as ``product_viewed``."""
    words = F.regexp_replace(F.trim(name), r"([a-z0-9])([A-Z])", "$1_$2")
    return F.regexp_replace(F.regexp_replace(F.lower(words), r"[^\p{L}\p{N}]+", "_"), r"^_+|_+$", "")


def _segment(messages: DataFrame) -> DataFrame:
    parsed = messages.withColumn("r", F.from_json("message", _SEGMENT, _PERMISSIVE))
    kind = F.lower(text(F.col("r.type")))
    name = F.when(kind == "track", snake_case(text(F.col("r.event"))))
    for call, event in FIXED_EVENTS.items():
        name = name.when(kind == call, F.lit(event))
    time_text = F.coalesce(text(F.col("r.timestamp")), text(F.col("r.originalTimestamp")))
    empty = F.create_map().cast(TEXT_MAP)
    # Fields that only some calls have are kept as properties of the same name.
    beside = [("name", F.col("r.name")), ("category", F.col("r.category")), ("groupId", F.col("r.groupId"))]
    beside.append(("previousId", F.col("r.previousId")))
    given = F.coalesce(F.col("r.properties"), empty)
    extra = F.map_filter(
        F.create_map(*[part for key, value in beside for part in (F.lit(key), value)]),
        lambda key, value: value.isNotNull() & ~F.map_contains_key(given, key),
    )
    has_extra = F.coalesce(*[value for _, value in beside]).isNotNull()
    properties = F.when(has_extra, F.map_concat(extra, given)).otherwise(given)
    parsed = parsed.select(
        *_carried(messages),
        F.lit(False).alias("is_header"),
        _json_fault(F.col("r._broken")).alias("shape_fault"),
        kind.alias("type"),
        name.alias("event"),
        text(F.col("r.messageId")).alias("message_id"),
        text(F.col("r.anonymousId")).alias("anonymous_id"),
        text(F.col("r.userId")).alias("user_id"),
        time_text.isNotNull().alias("has_time"),
        iso_time(time_text).alias("occurred_at"),
        iso_time(F.coalesce(F.col("r.sentAt"), F.col("batch_sent_at"))).alias("sent_at"),
        properties.alias("properties"),
        F.coalesce(F.col("r.traits"), empty).alias("traits"),
        F.coalesce(F.col("r.context"), empty).alias("context"),
    )
    # Context and sentAt tell of the delivery, not of the event: a retry may differ in them and still be a repeat.
    said = [F.array_sort(F.map_entries(name)) for name in ("properties", "traits")]
    return parsed.withColumn(
        "content_hash", F.xxhash64("type", "event", "anonymous_id", "user_id", "occurred_at", *said)
    )


def _mapped(parsed: DataFrame, source: Source, field: Callable[[str], Column]) -> DataFrame:
    which = _which(source.maps, field)
    parsed = parsed.withColumn("which", which)

    def chosen(of: Callable[[Mapping], Column | None], type_: str) -> Column:
        result = F.when(F.lit(False), F.lit(None).cast(type_))
        for number, mapping in enumerate(source.maps):
            value = of(mapping)
            if value is not None:
                result = result.when(F.col("which") == number, value.cast(type_))
        return result

    def single(value: Value | None) -> Column | None:
        return None if value is None else value_expression(value, field)

    def mapped(values: dict[str, Value]) -> Column:
        if not values:
            return F.create_map()
        return F.create_map(
            *[part for key, value in values.items() for part in (F.lit(key), value_expression(value, field))]
        )

    said = [field(path) for path in source.fields()]
    raw_time = chosen(lambda m: None if m.timestamp.field is None else text(field(m.timestamp.field)), "string")
    no_mapping = F.lit(f"no_mapping: no mapping of the source {source.source} serves this kind of record")
    return parsed.select(
        *_carried(parsed),
        "is_header",
        F.coalesce("shape_fault", F.when(F.col("which").isNull(), no_mapping)).alias("shape_fault"),
        chosen(lambda m: F.lit(m.type), "string").alias("type"),
        chosen(
            lambda m: F.lit(FIXED_EVENTS[m.type]) if m.event is None else value_expression(m.event, field), "string"
        ).alias("event"),
        chosen(lambda m: single(m.message_id), "string").alias("message_id"),
        chosen(lambda m: single(m.anonymous_id), "string").alias("anonymous_id"),
        chosen(lambda m: single(m.user_id), "string").alias("user_id"),
        raw_time.isNotNull().alias("has_time"),
        chosen(lambda m: single(m.timestamp), "timestamp").alias("occurred_at"),
        F.lit(None).cast("timestamp").alias("sent_at"),
        chosen(lambda m: mapped(m.properties), TEXT_MAP).alias("properties"),
        chosen(lambda m: mapped(m.traits), TEXT_MAP).alias("traits"),
        F.create_map().cast(TEXT_MAP).alias("context"),
        F.xxhash64(*[F.coalesce(cell, F.lit("")) for cell in said]).alias("content_hash"),
    )


def _which(maps: Sequence[Mapping], field: Callable[[str], Column]) -> Column:
    which = F.when(F.lit(False), F.lit(None).cast("int"))
    for number, mapping in enumerate(maps):
        serves = F.lit(True) if mapping.when is None else text(field(mapping.when.field)).isin(*mapping.when.is_one_of)
        which = which.when(serves, F.lit(number))
    return which


def _carried(messages: DataFrame) -> list[str]:
    return [name for name in messages.columns if name not in ("r", "cells", "which", "is_header", "shape_fault")]


def _json_fault(broken: Column) -> Column:
    is_object = F.json_object_keys("message").isNotNull()
    return F.when(broken.isNotNull(), F.when(is_object, F.lit(_WRONG_SHAPE)).otherwise(F.lit(_NOT_JSON)))


def _record_type(source: Source) -> StructType:
    """The JSON fields that a source's mappings read, nested as their paths are, each as text."""
    tree: dict = {}
    for path in source.fields():
        node = tree
        for step in path.split("."):
            node = node.setdefault(step, {})

    def struct(node: dict) -> StructType:
        result = StructType()
        for name, inner in node.items():
            result = result.add(name, struct(inner) if inner else StringType())
        return result

    return struct(tree).add("_broken", StringType())
