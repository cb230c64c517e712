"""The named converters of source contracts, and how text becomes time, as Spark expressions.

Each takes text columns and gives one; what cannot be converted becomes null and is refused later, by name.
"""

from collections.abc import Callable, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.source import Value


def text(value: Column) -> Column:
    """Trimmed; a text of nothing but blanks is no value."""
    trimmed = F.trim(value)
    return F.when(trimmed != "", trimmed)


def iso_time(value: Column) -> Column:
    """ISO 8601 with any offset (none means UTC), or seconds or milliseconds since 1970."""
    cleaned = text(value)
    colonless = F.regexp_replace(cleaned, r"([+-]\d{2})(\d{2})$", "$1:$2")
    return (
        F.when(cleaned.rlike(r"^\d{13}$"), F.timestamp_millis(cleaned.try_cast("bigint")))
        .when(cleaned.rlike(r"^\d{9,10}$"), F.timestamp_seconds(cleaned.try_cast("bigint")))
        .when(cleaned.rlike(r"^\d{4}-\d{2}-\d{2}"), F.coalesce(cleaned.try_cast("timestamp"), colonless.try_cast("timestamp")))
    )


def epoch_seconds(value: Column) -> Column:
    """Seconds since 1970, fractions allowed, from 1970 to the year 2999."""
    seconds = text(value).try_cast("double")
    return F.when(seconds.between(0, 32_503_680_000), F.timestamp_micros((seconds * 1_000_000).cast("bigint")))


def local_time(value: Column, zone: str) -> Column:
    """A wall-clock time of ``zone``; an hour that the clocks pass twice is read as its first passing."""
    cleaned = text(value)
    return F.when(cleaned.rlike(r"^\d{4}-\d{2}-\d{2}"), F.to_utc_timestamp(cleaned.try_cast("timestamp"), zone))


def value_expression(value: Value, field: Callable[[str], Column]) -> Column:
    """What a contract's :class:`Value` says, over the fields of a record."""
    if value.constant is not None:
        return F.lit(value.constant)
    if value.convert == "joined":
        parts = [text(field(name)) for name in value.fields]
        return F.when(_all_present(parts), F.concat_ws("-", *parts))
    if value.convert == "row_hash":
        cells = [F.coalesce(F.trim(field(name)), F.lit("")) for name in value.fields]
        # The unit separator cannot be mistaken for a cell's own text.
        return F.substring(F.sha2(F.concat_ws("\x1f", *cells), 256), 1, 16)
    assert value.field is not None  # the model holds it
    cell = field(value.field)
    if value.convert == "iso_time":
        return iso_time(cell)
    if value.convert == "epoch_seconds":
        return epoch_seconds(cell)
    if value.convert == "local_time":
        return local_time(cell, str(value.zone))
    if value.convert == "lookup":
        return _lookup(text(cell), value.table)
    return text(cell)


def hashed(kind: str, value: Column) -> Column:
    """The record id of ``kind`` for a value; the Spark twin of :func:`contracts.records.record_id`."""
    cleaned = text(value)
    if kind == "mailbox":
        digest = F.sha2(F.lower(cleaned), 256)
    elif kind == "phone":
        plus = F.when(cleaned.startswith("+"), F.lit("+")).otherwise(F.lit(""))
        digest = F.sha2(F.concat(plus, F.regexp_replace(cleaned, "[^0-9]", "")), 256)
    else:
        return F.concat(F.lit(f"{kind}:"), cleaned)
    return F.concat(F.lit(f"{kind}:"), F.substring(digest, 1, 16))


def _lookup(cell: Column, table: Mapping[str, str]) -> Column:
    result = F.when(F.lit(False), F.lit(None).cast("string"))
    for word, meaning in table.items():
        result = result.when(cell == word, F.lit(meaning))
    return result.otherwise(cell)


def _all_present(parts: list[Column]) -> Column:
    present = parts[0].isNotNull()
    for part in parts[1:]:
        present = present & part.isNotNull()
    return present
