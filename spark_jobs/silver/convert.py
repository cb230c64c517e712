"""The named converters of source contracts, and how text becomes time, as Spark SQL.

Each takes SQL of text and gives SQL; what cannot be converted becomes null and is refused later, by name.
"""

from collections.abc import Callable

from contracts.plain import plain_sql
from contracts.records import DIGITS, HASHED_KINDS
from contracts.source import Value
from spark_jobs.silver.keyed import keyed_hash
from spark_jobs.silver.sql import case, literal

TIME_LENGTH = 100
"""No time is written longer, blanks included. The patterns below may be slow by the square of a text's length."""


def text(value: str) -> str:
    """Trimmed; a text of nothing but blanks is no value."""
    return f"nullif(trim({value}), '')"


def iso_time(value: str) -> str:
    """ISO 8601 with any offset (none means UTC), or seconds or milliseconds since 1970."""
    # Spark reads +02:00 but not +0200. Most times end in Z, which is sooner seen than a pattern is searched.
    with_colon = rf"regexp_replace({value}, '([+-]\\d{{2}})(\\d{{2}})\\s*$', '$1:$2')"
    moment = f"try_cast(if(endswith({value}, 'Z'), {value}, {with_colon}) as timestamp)"
    return case(
        [
            (_is_too_long(value), "null"),
            (rf"{value} rlike '^\\s*\\d{{4}}-\\d{{2}}-\\d{{2}}'", moment),
            (rf"{value} rlike '^\\s*\\d{{13}}\\s*$'", f"timestamp_millis(try_cast({value} as bigint))"),
            (rf"{value} rlike '^\\s*\\d{{9,10}}\\s*$'", f"timestamp_seconds(try_cast({value} as bigint))"),
        ]
    )


def epoch_seconds(value: str) -> str:
    """Seconds since 1970, fractions allowed, from 1970 to the year 2999."""
    micros = f"timestamp_micros(cast(try_cast({value} as double) * 1000000 as bigint))"
    return f"if(try_cast({value} as double) between 0 and 32503680000, {micros}, null)"


def local_time(value: str, zone: str) -> str:
    """A wall-clock time of ``zone``; an hour that the clocks pass twice is read as its first passing.

    A time that names its own offset is taken at its word.
    """
    has_offset = rf"{value} rlike ':\\d{{2}}.*(Z|[+-]\\d{{2}}:?\\d{{2}})\\s*$'"
    moment = f"to_utc_timestamp(try_cast({value} as timestamp), {literal(zone)})"
    local = rf"if({value} rlike '^\\s*\\d{{4}}-\\d{{2}}-\\d{{2}}', {moment}, null)"
    return case([(_is_too_long(value), "null"), (has_offset, iso_time(value))], otherwise=local)


def _is_too_long(value: str) -> str:
    return f"length({value}) > {TIME_LENGTH}"


def value_sql(value: Value, field: Callable[[str], str]) -> str:
    """What a contract's :class:`Value` says, over the fields of a record."""
    if value.constant is not None:
        return literal(value.constant)
    if value.convert == "joined":
        parts = [text(field(path)) for path in value.fields]
        is_whole = " and ".join(f"{part} is not null" for part in parts)
        return f"if({is_whole}, concat_ws('-', {', '.join(parts)}), null)"
    if value.convert == "row_hash":
        cells = ", ".join(f"coalesce(trim({field(path)}), '')" for path in value.fields)
        # The unit separator cannot be mistaken for a cell's own text.
        return f"substring(sha2(concat_ws('\\u001f', {cells}), 256), 1, 16)"
    cell = field(value.field or "")
    if value.convert == "iso_time":
        return iso_time(cell)
    if value.convert == "epoch_seconds":
        return epoch_seconds(cell)
    if value.convert == "local_time":
        return local_time(cell, value.zone or "UTC")
    if value.convert == "lookup":
        branches = [(f"{text(cell)} = {literal(word)}", literal(meaning)) for word, meaning in value.table.items()]
        return case(branches, otherwise=text(cell))
    return text(cell)


def record_id(kind: str, value: str) -> str:
    """The record id of ``kind`` for a value; the Spark twin of :func:`contracts.records.record_id`.

    That of a kind which is hashed is an expression over the columns of :func:`spark_jobs.silver.keyed.pads_of`, too.
    """
    cleaned = text(value)
    prefix = literal(f"{kind}:")
    if kind not in HASHED_KINDS:
        return f"concat({prefix}, {cleaned})"
    if kind == "mailbox":
        named = f"lower({cleaned})"
    else:
        number = text(plain_sql(value))
        digits = f"nullif(regexp_replace({number}, '[^0-9]', ''), '')"
        named = f"concat(if({number} like '+%', '+', ''), {digits})"
    return f"concat({prefix}, substring({keyed_hash(literal(kind), named)}, 1, {DIGITS}))"


def path_value(path: str) -> str:
    """The value at a path such as ``user_id``, ``traits.email`` or ``context.device.id`` of an envelope."""
    head, _, rest = path.partition(".")
    if not rest:
        return text(head)
    key, _, inner = rest.partition(".")
    value = f"{head}[{literal(key)}]"
    return text(f"get_json_object({value}, {literal(f'$.{inner}')})" if inner else value)
