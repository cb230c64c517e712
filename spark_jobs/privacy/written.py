r"""How a text is read in which words are looked for: without the escapes of JSON and of links.

``ann@example.com`` is ``ann\u0040example.com`` in JSON of some senders, and ``ann%40example.com`` in a link. An erasure
asks DuckDB, what lands again Spark, and the proof searches bytes: all three read alike, and a test holds them together.
"""

import re

from contracts.plain import plain_sql

_CODE = "[0-9abcefABCEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
"""A letter's code in JSON; halves of a pair stay as they are, and so do the letter 0 and the backslash."""
_CODES = rf"\\+u({_CODE})"
_LEFT = "('0000', '005c', '005C')"
_OTHERS = ((r"\/", "/"), ("%40", "@"), ("%2B", "+"), ("%2b", "+"))
_ESCAPED = re.compile(_CODES.encode())


def spark_sql(text: str) -> str:
    """SQL of Spark."""
    pattern = _CODES.replace("\\", "\\\\")
    codes = f"filter(array_distinct(regexp_extract_all({text}, '{pattern}', 1)), c -> c not in {_LEFT})"
    letter = r"concat('\\', decode(unhex(c), 'UTF-16BE'))"  # the backslash, lest a dollar names a group
    read = rf"aggregate({codes}, {text}, (t, c) -> regexp_replace(t, concat('\\\\+u', c), {letter}))"
    return _others(plain_sql(f"if(contains({text}, '\\\\u'), {read}, {text})"), r"'\\/'")


def duckdb_sql(text: str) -> str:
    """SQL of DuckDB."""
    codes = f"list_filter(list_distinct(regexp_extract_all({text}, '{_CODES}', 1)), lambda c: c NOT IN {_LEFT})"
    letter = "chr(CAST('0x' || c AS INTEGER))"
    read = rf"list_reduce({codes}, lambda t, c: regexp_replace(t, '\\+u' || c, {letter}, 'g'), {text})"
    return _others(plain_sql(f"CASE WHEN contains({text}, '\\u') THEN {read} ELSE {text} END"), r"'\/'")


def of_bytes(content: bytes) -> bytes:
    """Of bytes, but for letters of other widths, which are read word by word."""
    if b"\\u" in content:
        content = _ESCAPED.sub(_letter, content)
    for escape, sign in _OTHERS:
        content = content.replace(escape.encode(), sign.encode())
    return content


def _letter(found: re.Match[bytes]) -> bytes:
    return found[0] if found[1].decode() in _LEFT else chr(int(found[1], 16)).encode()


def _others(text: str, slash: str) -> str:
    for escape, sign in _OTHERS:
        text = f"replace({text}, {slash if sign == '/' else repr(escape)}, '{sign}')"
    return text
