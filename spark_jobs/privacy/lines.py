"""A line of bronze with some of its messages replaced by tombstones; the other messages stay as they were sent."""

import json
from collections.abc import Collection

from lakehouse.errors import DataError

_DECODER = json.JSONDecoder(parse_constant=lambda word: _refuse(word))
_BLANK = " \t\r\n"
BATCH = "batch"


def redacted(line: str, is_csv: bool, parts: Collection[int], messages: int, mark: str, where: str) -> str:
    """The line without some of its messages.

    Args:
        line: As it landed.
        is_csv: Whether it is one message, whatever it holds.
        parts: Which messages go, from 0.
        messages: How many it holds, by what silver made of it.
        mark: The tombstone.
        where: Names the line in an error.

    Raises:
        DataError: If the messages that stay cannot be told from those that go.
    """
    text = line.rstrip("\r").lstrip("\ufeff")
    spans = [] if is_csv else _messages(text)
    if len(spans) != messages:
        if len(parts) < messages:
            raise DataError(
                f"a line of {messages} messages is read as {len(spans) or 1}, so one person's cannot be taken out",
                where,
                "report it as a fault of spark_jobs.privacy, with the shape of the line and without its values",
            )
        return mark if messages == 1 else _list([mark] * messages)
    if spans == [(0, len(text))]:
        return mark
    kept = [mark if part in parts else text[begin:end] for part, (begin, end) in enumerate(spans)]
    if all(message == mark or _is_tombstone(message) for message in kept):
        # What a batch says of all its messages goes with the last of them.
        return '{"batch":' + _list(kept) + "}" if text.lstrip(_BLANK).startswith("{") else _list(kept)
    for part in sorted(parts, reverse=True):
        begin, end = spans[part]
        text = text[:begin] + mark + text[end:]
    return text


def _list(messages: list[str]) -> str:
    return f"[{','.join(messages)}]"


def _is_tombstone(message: str) -> bool:
    from lakehouse.tombstones import BEGINNING

    return message.startswith(BEGINNING)


def _messages(text: str) -> list[tuple[int, int]]:
    """Where each message of a line begins and ends: the elements of a list, or of a batch; else the line itself."""
    try:
        start = _skip(text, 0)
        whole, end = _DECODER.raw_decode(text, start)
        if _skip(text, end) != len(text):
            return [(0, len(text))]
        if isinstance(whole, list) and whole:
            return _elements(text, start)
        if isinstance(whole, dict) and isinstance(whole.get(BATCH), list) and whole[BATCH]:
            return _elements(text, _value_of(text, start, BATCH))
    except (ValueError, RecursionError):
        pass
    return [(0, len(text))]


def _elements(text: str, at: int) -> list[tuple[int, int]]:
    """The spans of the elements of the list that begins at ``at``."""
    spans = []
    at += 1
    while True:
        begin = _skip(text, at)
        _, end = _DECODER.raw_decode(text, begin)
        spans.append((begin, end))
        at = _skip(text, end)
        if text[at] == "]":
            return spans
        at += 1


def _value_of(text: str, at: int, wanted: str) -> int:
    """Where the value of a key of the object that begins at ``at`` begins."""
    at += 1
    while True:
        key, end = _DECODER.raw_decode(text, _skip(text, at))
        begin = _skip(text, _skip(text, end) + 1)
        if key == wanted:
            return begin
        _, end = _DECODER.raw_decode(text, begin)
        at = _skip(text, end) + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _refuse(word: str) -> None:
    raise ValueError(word)
