r"""How a text is read in which words are looked for: as it is, and without the escapes of JSON and of links.

``ann@example.com`` is ``ann\u0040example.com`` in JSON of some senders, ``ann%40example.com`` in a link, and behind a
line end ``\nann@example.com``. An erasure asks DuckDB, what lands again Spark, and the proof searches bytes: all three
read alike, and tests hold them together. What an escape is and what is none, nobody can tell of a text that is no JSON;
so the text as it is stays beside the one without.
"""

import re

from contracts.plain import plain_sql

_CODE = "[0-9abcefABCEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
"""A letter's code in JSON; halves of a pair stay as they are, and so do the letter 0 and the backslash."""
_LEFT = ("0000", "005c", "005C")
_BEFORE = r"\\{1,8}"
"""Backslashes before an escape, several where JSON stands in JSON. Without a bound to their number, a megabyte of them
would be looked through anew from each."""
_BLANKS = rf"{_BEFORE}[nrtbf]"
_OTHERS = ((r"\/", "/"), ("%40", "@"), ("%2B", "+"), ("%2b", "+"))
_MARKS = ("\\", "%")
"""Without any of these a text has no escape."""


def spark_sql(text: str) -> str:
    """SQL of Spark."""
    code = "substr(s, 1, 4)"
    letter = f"concat(decode(unhex({code}), 'UTF-16BE'), substr(s, 5))"
    is_code = f"s rlike '^({_CODE})' and {code} not in {_LEFT}"
    # In one pass: letter after letter, each would be looked for in all of the text.
    part = rf"case when i = 0 then s when {is_code} then {letter} else concat('\\u', s) end"
    read = f"array_join(transform(split({text}, '{_doubled(_BEFORE)}u'), (s, i) -> {part}), '')"
    read = f"regexp_replace({read}, '{_doubled(_BLANKS)}', ' ')"
    for escape, sign in _OTHERS:
        read = f"replace({read}, '{_doubled(escape)}', '{sign}')"
    has_any = " or ".join(f"contains({text}, '{_doubled(mark)}')" for mark in _MARKS)
    return plain_sql(f"if({has_any}, concat({text}, ' ', {read}), {text})")


def duckdb_sql(text: str) -> str:
    """SQL of DuckDB."""
    code = "substr(s, 1, 4)"
    letter = f"chr(coalesce(TRY_CAST('0x' || {code} AS INTEGER), 32)) || substr(s, 5)"
    is_code = f"regexp_matches(s, '^({_CODE})') AND {code} NOT IN {_LEFT}"
    part = rf"CASE WHEN i = 1 THEN s WHEN {is_code} THEN {letter} ELSE '\u' || s END"
    read = f"array_to_string(list_transform(string_split_regex({text}, '{_BEFORE}u'), lambda s, i: {part}), '')"
    read = f"regexp_replace({read}, '{_BLANKS}', ' ', 'g')"
    for escape, sign in _OTHERS:
        read = f"replace({read}, '{escape}', '{sign}')"
    has_any = " OR ".join(f"contains({text}, '{mark}')" for mark in _MARKS)
    return plain_sql(f"CASE WHEN {has_any} THEN {text} || ' ' || {read} ELSE {text} END")


_ESCAPED, _BLANK = re.compile(rf"{_BEFORE}u({_CODE})".encode()), re.compile(_BLANKS.encode())


def of_bytes(content: bytes) -> bytes:
    """Of bytes, but for letters of other widths, which are read word by word."""
    if not any(mark.encode() in content for mark in _MARKS):
        return content
    read = _BLANK.sub(b" ", _ESCAPED.sub(_letter, content))
    for escape, sign in _OTHERS:
        read = read.replace(escape.encode(), sign.encode())
    return content + b" " + read


def _letter(found: re.Match[bytes]) -> bytes:
    code = found[1].decode()
    return found[0] if code in _LEFT else chr(int(code, 16)).encode()


def _doubled(text: str) -> str:
    """Backslashes as a literal of Spark's SQL has them."""
    return text.replace("\\", "\\\\")
