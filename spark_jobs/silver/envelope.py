"""Messages as Segment envelopes, whatever channel they came through.

Every parser returns the carried columns of :mod:`spark_jobs.silver.messages` and these: is_header, shape_fault,
type, event, message_id, anonymous_id, user_id, has_time, occurred_at, sent_at, properties, traits, context,
content_hash. The specification of the envelope is Segment's (Spec: Common Fields).
"""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.event import EARLIEST, FIXED_EVENTS
from contracts.source import Mapping, Source, Value
from spark_jobs.silver.convert import iso_time, text, value_sql
from spark_jobs.silver.headers import Header, with_cells
from spark_jobs.silver.messages import STRICT
from spark_jobs.silver.sql import case, literal, name

TEXT_MAP = "map<string,string>"
EMPTY_MAP = f"cast(map() as {TEXT_MAP})"
_SEGMENT = (
    "type string, event string, name string, category string, messageId string, anonymousId string, userId string, "
    "previousId string, groupId string, timestamp string, originalTimestamp string, sentAt string, "
    f"properties {TEXT_MAP}, traits {TEXT_MAP}, context {TEXT_MAP}, _broken string"
)
_BESIDE = ("name", "category", "groupId", "previousId")
"""Fields that only some calls have; they are kept as properties of the same name."""
_EMPTY_LISTS = " or ".join(
    f"get_json_object(message, '$.{field}') = '[]'" for field in ("properties", "traits", "context")
)
_WITH_OBJECTS = (
    f"if(contains(message, '[]') and coalesce({_EMPTY_LISTS}, false), "
    r"""regexp_replace(message, '"(properties|traits|context)"\\s*:\\s*\\[\\]', '"$1":{}'), message)"""
)
"""A Segment message in which an empty list, PHP's empty object, is an object."""
_OPTIONS = f"map('mode', 'PERMISSIVE', 'columnNameOfCorruptRecord', '_broken', {STRICT})"
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = rf"(\\\\)|{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}"
"""Half of an emoji's escape, such as senders leave where they cut a text; ``$1`` steps over escaped backslashes."""
_AS_READ = f"regexp_replace(message, {literal(_HALF)}, '$1?')"
"""The message with ``?`` for each half, as from_json has it."""
# A variant takes no key twice, at any depth; nor half an emoji, which is no reason to refuse.
_IS_SOUND = f"(try_parse_json(message) is not null or try_parse_json({_AS_READ}) is not null)"
_JSON_FAULT = case(
    [
        (
            f"r._broken is not null and json_object_keys(message) is not null and {_IS_SOUND}",
            "'wrong_shape: a field that must be an object is something else'",
        ),
        (
            "r._broken is not null and json_object_keys(message) is not null",
            "'malformed_json: the message is not JSON throughout, or gives a key twice'",
        ),
        ("r._broken is not null", "'malformed_json: the message is not a JSON object'"),
        (f"not {_IS_SOUND}", "'malformed_json: the message gives a key twice'"),
    ],
)


def envelopes_of(messages: DataFrame, source: Source, headers: Sequence[Header]) -> DataFrame:
    """Parse the messages of one source.

    Args:
        messages: As of :func:`spark_jobs.silver.messages.messages_of`.
        source: Its contract.
        headers: The header lines of its files (none for JSON).
    """
    if source.format.type == "csv":
        return _mapped(with_cells(messages, source, headers), source, messages.columns, "cells")
    json, schema = (_WITH_OBJECTS, _SEGMENT) if source.envelope == "segment" else ("message", _record_ddl(source))
    parsed = messages.selectExpr("*", f"from_json({json}, {literal(schema)}, {_OPTIONS}) as r").selectExpr(
        "*", "false as is_header", f"{_JSON_FAULT} as shape_fault"
    )
    if source.envelope == "segment":
        return _segment(parsed, messages.columns)
    return _mapped(parsed, source, messages.columns, "r")


def snake_case(value: str) -> str:
    """``Product Viewed`` and ``ProductViewed`` as ``product_viewed``."""
    words = f"lower(regexp_replace(trim({value}), '([a-z0-9])([A-Z])', '$1_$2'))"
    return f"trim(both '_' from regexp_replace({words}, '[^\\\\p{{L}}\\\\p{{N}}]+', '_'))"


def _segment(parsed: DataFrame, carried: Sequence[str]) -> DataFrame:
    fixed = [(f"type = {literal(call)}", literal(event)) for call, event in FIXED_EVENTS.items()]
    event = case([("type = 'track'", f"nullif({snake_case('r.event')}, '')"), *fixed])
    # Each by itself: Spark interprets what filters a map, and runs this as code.
    is_new = {field: f"r.{field} is not null and not map_contains_key(given, {literal(field)})" for field in _BESIDE}
    extra = ", ".join(f"if({new}, map({literal(field)}, r.{field}), {EMPTY_MAP})" for field, new in is_new.items())
    has_extra = f"coalesce({', '.join(f'r.{field}' for field in _BESIDE)}) is not null"
    # Two steps: what is used more than once is computed in the first, or the plan would hold it many times over.
    raw = parsed.selectExpr("*", "coalesce(line_fault, shape_fault) is null as is_fit").selectExpr(
        *carried,
        "is_header",
        "shape_fault",
        "r",
        f"lower({text('r.type')}) as type",
        f"coalesce({text('r.timestamp')}, {text('r.originalTimestamp')}) as time_text",
        "coalesce(r.sentAt, batch_sent_at) as sent_text",
        # Maps of a message that is refused are left out: Spark stops at joining one that has a key twice.
        f"coalesce(if(is_fit, r.properties, null), {EMPTY_MAP}) as given",
        f"coalesce(if(is_fit, r.context, null), {EMPTY_MAP}) as own_context",
        f"coalesce(if(is_fit, r.traits, null), {EMPTY_MAP}) as traits",
    )
    envelopes = raw.selectExpr(
        *carried,
        "is_header",
        "shape_fault",
        "type",
        f"{event} as event",
        f"{text('r.messageId')} as message_id",
        f"{text('r.anonymousId')} as anonymous_id",
        f"{text('r.userId')} as user_id",
        "time_text is not null as has_time",
        f"{iso_time('time_text')} as occurred_at",
        f"{iso_time('sent_text')} as sent_at",
        f"if({has_extra}, map_concat(given, {extra}), given) as properties",
        "traits",
        # What a batch says of all its messages holds where a message does not say otherwise itself.
        "if(batch_context is null or line_fault is not null, own_context, map_concat(map_filter(batch_context, "
        "(k, v) -> not map_contains_key(own_context, k)), own_context)) as context",
    )
    # It says nothing of the event, so it is no reason to refuse one; but many readers cannot hold the year 0.
    years = f"timestamp {literal(EARLIEST.isoformat())} and timestamp '9999-01-01'"
    envelopes = envelopes.withColumn("sent_at", F.expr(f"if(sent_at between {years}, sent_at, null)"))
    # Context and sentAt tell of the delivery, not of the event: a retry may differ in them and still be a repeat.
    return envelopes.selectExpr(
        "*",
        # xxhash64 passes over nulls, so each field has a place holder that keeps it in its place.
        "xxhash64(type, coalesce(anonymous_id, ''), '|', coalesce(user_id, ''), '|', occurred_at, "
        "sort_array(map_entries(properties)), '|', sort_array(map_entries(traits))) as content_hash",
    )


def _mapped(parsed: DataFrame, source: Source, carried: Sequence[str], root: str) -> DataFrame:
    def field(path: str) -> str:
        return name(root, *path.split("."))

    def chosen(of: Callable[[Mapping], str | None], type_: str = "string") -> str:
        values = [(number, of(mapping)) for number, mapping in enumerate(source.maps)]
        branches = [(f"which = {number}", value) for number, value in values if value is not None]
        return f"cast({case(branches)} as {type_})"

    def single(of: Callable[[Mapping], Value | None]) -> str:
        def sql(mapping: Mapping) -> str | None:
            value = of(mapping)
            return None if value is None else value_sql(value, field)

        return chosen(sql)

    def mapped(values: dict[str, Value]) -> str:
        return f"map({', '.join(f'{literal(key)}, {value_sql(value, field)}' for key, value in values.items())})"

    raw_time = chosen(lambda m: None if m.timestamp.field is None else text(field(m.timestamp.field)))
    no_mapping = literal(f"no_mapping: no mapping of the source {source.source} serves this kind of record")
    said = ", ".join(f"coalesce({field(path)}, '')" for path in source.fields())
    return parsed.selectExpr("*", f"{_which(source.maps, field)} as which").selectExpr(
        *carried,
        "is_header",
        f"coalesce(shape_fault, if(which is null, {no_mapping}, null)) as shape_fault",
        f"{chosen(lambda m: literal(m.type))} as type",
        f"{chosen(lambda m: value_sql(m.event, field) if m.event else literal(FIXED_EVENTS[m.type]))} as event",
        f"{single(lambda m: m.message_id)} as message_id",
        f"{single(lambda m: m.anonymous_id)} as anonymous_id",
        f"{single(lambda m: m.user_id)} as user_id",
        f"{raw_time} is not null as has_time",
        f"{chosen(lambda m: value_sql(m.timestamp, field), 'timestamp')} as occurred_at",
        "cast(null as timestamp) as sent_at",
        f"{chosen(lambda m: mapped(m.properties), TEXT_MAP)} as properties",
        f"{chosen(lambda m: mapped(m.traits), TEXT_MAP)} as traits",
        f"{EMPTY_MAP} as context",
        f"xxhash64({said}) as content_hash",
    )


def _which(maps: Sequence[Mapping], field: Callable[[str], str]) -> str:
    """The number of the mapping that serves a record."""
    branches = []
    for number, mapping in enumerate(maps):
        served = ", ".join(literal(word) for word in mapping.when.is_one_of) if mapping.when else ""
        when = f"{text(field(mapping.when.field))} in ({served})" if mapping.when else "true"
        branches.append((when, str(number)))
    return case(branches)


def _record_ddl(source: Source) -> str:
    """The JSON fields that a source's mappings read, nested as their paths are, each as text."""
    tree: dict = {}
    for path in source.fields():
        node = tree
        for step in path.split("."):
            node = node.setdefault(step, {})

    def ddl(node: dict, between: str) -> str:
        fields = ((key, f"struct<{ddl(inner, ':')}>" if inner else "string") for key, inner in node.items())
        return ", ".join(f"{name(key)}{between} {type_}" for key, type_ in fields)

    return f"{ddl(tree, '')}, _broken string"
