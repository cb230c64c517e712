"""Bronze lines as messages: a line that holds several (a Segment batch, a webhook's array) gives one row for each."""

from pyspark.sql import DataFrame

from contracts.source import Limits, Source
from spark_jobs.bronze import long_lines, unreadable
from spark_jobs.silver.convert import TIME_LENGTH
from spark_jobs.silver.sql import case, literal, repeats

COPIED_LINES = 100
"""What is said once of a batch may come to so many of the longest lines when it is copied to each of its messages."""
CARRIED = ("position", "file", "line", "landing", "landed_at", "undecoded")
STRICT = "'allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false'"
"""JSON as its specification has it."""
_ARRAY = f"from_json(payload, 'array<string>', map({STRICT}))"
_BATCH = (
    f"from_json(payload, 'struct<batch: array<string>, sentAt: string, context: map<string,string>>', map({STRICT}))"
)
# from_json reads the first value of a text and passes over what follows, so the end of the line is put to the proof:
# with one more value after it the line must be a list of two, with two more a list of three. (One proof alone would
# let pass `{…},{…}]`, which closes the list itself; a line without that bracket needs no second proof.)
_IS_WHOLE = (
    "coalesce(json_array_length(concat('[', payload, ',0]')), 0) = 2 "
    "and (not contains(payload, ']') or coalesce(json_array_length(concat('[', payload, ',0,0]')), 0) = 3)"
)
_OPENS = "left(trim(leading ' \\t\\r' from payload), 1)"
_NAMES_BATCH = "contains(payload, '\"batch\"')"
_NOTICE = literal('{"' + unreadable.MARK)
_LONG_LINE = literal('{"' + long_lines.MARK)
_LINE_FAULT = case(
    [
        ("undecoded is not null", "'not_utf8: the bytes of the line are not UTF-8'"),
        ("trim(message) = ''", "'blank_line: the line holds nothing'"),
        (
            f"startswith(message, {_NOTICE})",
            "'unreadable_file: a file could not be read; it is in the _unreadable folder'",
        ),
        (
            f"startswith(message, {_LONG_LINE})",
            "'line_too_long: the line has more bytes than the source allows; it is in the _unreadable folder'",
        ),
        ("not is_whole", "'malformed_json: the line is not one JSON value, or is nested more than 1,000 deep'"),
        ("is_crowd", "'batch_too_large: it holds more messages than a line of the source may'"),
        ("is_flood", "'batch_too_large: its context, copied to each of its messages, would be more than is allowed'"),
        ("is_empty_batch", "'empty_batch: the line holds a list without messages'"),
        (repeats("map_keys(batch_context)"), "'malformed_json: the context of the batch gives a key twice'"),
        ("message is null", "'blank_line: the list holds a null'"),
    ],
)


def messages_of(bronze: DataFrame, source: Source) -> DataFrame:
    """One row per message of each line.

    Args:
        bronze: A bronze table, or some rows of it.
        source: Its contract.

    Returns:
        The carried bronze columns, part (from 0), message (text), batch_sent_at (text), line_fault (text);
        batch_context (a map): what a batch says of all its messages.
    """
    # A byte order mark belongs to the file, a carriage return to the line end of another system.
    payload = "trim(leading '\\ufeff' from trim(trailing '\\r' from payload))"
    lines = bronze.selectExpr(*CARRIED, f"{payload} as payload")
    if source.format.type == "csv":
        nothing = ["null as batch_sent_at", "cast(null as map<string,string>) as batch_context"]
        sound = ["true as is_whole", "false as is_empty_batch", "false as is_crowd", "false as is_flood"]
        unpacked = lines.selectExpr(*CARRIED, *nothing, *sound, "0 as part", "payload as message")
    else:
        unpacked = _unpack(lines, source.limits)
    return unpacked.selectExpr(
        *CARRIED,
        "part",
        "message",
        "cast(batch_sent_at as string) as batch_sent_at",
        "batch_context",
        f"{_LINE_FAULT} as line_fault",
    )


def _unpack(lines: DataFrame, limits: Limits) -> DataFrame:
    # An object that gives a key twice may give two batches; it stays one message, which is refused for it.
    is_batch = f"opens = '{{' and {_NAMES_BATCH} and not {repeats('json_object_keys(payload)')}"
    # Counted before they are unpacked: Spark holds all rows that one line gives in memory at once.
    counted = case(
        [
            ("not is_whole", "0"),
            ("opens = '['", "json_array_length(payload)"),
            ("is_batch", "json_array_length(get_json_object(payload, '$.batch'))"),
        ],
        otherwise="0",
    )
    is_crowd = f"coalesce({counted}, 0) > {limits.max_messages_per_line}"
    several = f"case when not is_whole or is_crowd then null when opens = '[' then {_ARRAY} else batch.batch end"
    # What is no list after all (a broken array, a property named "batch") stays one message too; and so does a line of
    # a few megabytes of which a million copies of its context would be made.
    max_bytes = COPIED_LINES * limits.max_line_bytes
    is_flood = f"batch.context is not null and cast(size(several) as bigint) * length(payload) > {max_bytes}"
    copied = "length(get_json_object(payload, '$.context'))"
    flood = f"coalesce(if({is_flood}, cast(size(several) as bigint) * {copied} > {max_bytes}, false), false)"
    return (
        lines.selectExpr(*CARRIED, "payload", f"{_IS_WHOLE} as is_whole", f"{_OPENS} as opens")
        .selectExpr("*", f"is_whole and {is_batch} as is_batch")
        .selectExpr("*", f"{is_crowd} as is_crowd")
        .selectExpr("*", f"if(is_batch and not is_crowd, {_BATCH}, null) as batch")
        .selectExpr("*", f"{several} as several")
        .selectExpr("*", f"{flood} as is_flood")
        # Apart from the next step, whose rows Spark makes one a message: what a column of it is computed from would be
        # in each of them, the whole list too.
        .selectExpr(
            *CARRIED,
            "payload",
            "several",
            "is_whole",
            f"left(batch.sentAt, {TIME_LENGTH}) as batch_sent_at",
            "batch.context as batch_context",
            "is_crowd",
            "is_flood",
            "coalesce(size(several) = 0, false) as is_empty_batch",
        )
        .selectExpr(
            *CARRIED,
            "is_whole",
            "batch_sent_at",
            "batch_context",
            "is_crowd",
            "is_flood",
            "is_empty_batch",
            "posexplode(if(size(several) > 0 and not is_flood, several, array(payload))) as (part, message)",
        )
    )
