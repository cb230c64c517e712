"""The values of a column of Arrow as the texts that a search compares: numbers, dates and times in their plain form."""

import datetime
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from contracts.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("string", "large_string", "string_view")
"""Types of text; delta-rs writes the last one where it merges."""
_WHOLE = 2.0**63
"""Below it, a double without a fraction is written as the whole number that it is, not as 1.8e+10."""
_TIME = re.compile(r"(?!\+?[0-9]{5,}$)[0-9TtZz:. +-]*[0-9][0-9TtZz:. +-]*")
"""All that a date or a time is written with, in whole or in part; more digits in a row are a number."""


def may_be_time(value: str) -> bool:
    """Whether a value can stand in a column of dates or times at all: writing all of those out takes time."""
    return _TIME.fullmatch(value) is not None


def time_forms(value: str) -> tuple[str, ...]:
    """A value, and, if it is a time with a zone, the form in UTC that columns of times are written out in."""
    try:
        told = datetime.datetime.fromisoformat(value)
    except ValueError:
        return (value,)
    if told.tzinfo is None:
        return (value,)
    whole, _, fraction = told.astimezone(datetime.UTC).isoformat().removesuffix("+00:00").partition(".")
    return (value, f"{whole}.{fraction.rstrip('0')}Z" if fraction else f"{whole}Z")


def leaves(column: "pa.Array", times: bool) -> Iterator["pa.Array"]:
    """The texts in a column, however deep, each once.

    Args:
        column: Of any type that Parquet has.
        times: Dates and times, too.

    Raises:
        DataError: If values of its type cannot be read as text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from leaves(column.dictionary, times)
    elif pa.types.is_map(kind):
        yield from leaves(column.keys, times)
        yield from leaves(column.items, times)
    elif is_one_of(kind, ("list", "large_list", "list_view", "large_list_view", "fixed_size_list")):
        yield from leaves(column.flatten(), times)
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from leaves(part, times)
    elif is_one_of(kind, TEXTS):
        yield pc.unique(column.cast(pa.large_string()))
    elif is_one_of(kind, ("binary", "large_binary", "binary_view", "fixed_size_binary")):
        yield pc.unique(column.cast(pa.large_binary()))
    elif is_one_of(kind, ("integer", "decimal", "duration")):
        yield pc.unique(column).cast(pa.string())
    elif pa.types.is_floating(kind):
        yield from _numbers(pc.unique(column))
    elif is_one_of(kind, ("date", "timestamp", "time")):
        yield from _times(pc.unique(column)) if times else ()
    elif not is_one_of(kind, ("boolean", "null")):
        # Read as it lies, a compressed page would seem to hold nothing.
        raise DataError(
            f"a column of type {kind} cannot be searched, so nothing is proved",
            "Parquet",
            "report it as a fault of Clew",
        )


def is_one_of(kind: "pa.DataType", names: Iterable[str]) -> bool:
    """Whether a type is one of those that pyarrow calls by these names."""
    import pyarrow as pa

    return any(getattr(pa.types, f"is_{name}")(kind) for name in names)


def _numbers(column: "pa.Array") -> Iterator["pa.Array"]:
    """Numbers with a fraction as they are written, and those without one as whole numbers: a telephone may be one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
    yield column.cast(pa.string())
    is_whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), _WHOLE))
    yield column.filter(is_whole).cast(pa.int64()).cast(pa.string())


def _times(column: "pa.Array") -> Iterator["pa.Array"]:
    """Dates and times in ISO 8601, in UTC where they have a zone: with T and with a blank, without idle zeros."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    told = column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        told = pc.replace_substring_regex(told, r"(\.[0-9]*?)0+(Z?)$", r"\1\2")
        told = pc.replace_substring_regex(told, r"\.(Z?)$", r"\1")
        yield pc.replace_substring(told, " ", "T")
    yield told
