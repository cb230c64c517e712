"""Signals as Spark SQL: what decides whether an event is an occurrence of one.

Events keep their properties as a map from name to text.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.signal import Occurrence, Scalar, Signal, Test, as_text, mention

_NAMED = ("once_per", "value", "subject", "via")


def literal(value: Scalar) -> str:
    """A word of a contract as a text of Spark SQL."""
    return "'" + as_text(value).replace("\\", "\\\\").replace("'", "''") + "'"


def condition(where: Mapping[str, Test]) -> str:
    """The tests of an occurrence over ``properties``; never null."""
    return " and ".join(part for name, test in where.items() for part in _parts(name, test)) or "true"


def hits(signals: Mapping[str, Signal]) -> list[dict[str, Any]]:
    """Every signal that an event may be: its number, and the names of the properties that say more of it.

    Returns:
        ``hit, event, signal, once_per, value, subject, via``, in an order that the signals alone give.
    """
    found = [
        {"event": occurrence.event, "signal": name, **{column: getattr(occurrence, column) for column in _NAMED}}
        for name, occurrence in _numbered(signals)
    ]
    return [{"hit": number, **row} for number, row in enumerate(found, 1)]


def conditions(signals: Mapping[str, Signal]) -> list[dict[str, Any]]:
    """The tests over ``properties`` as SQL, by the number of the hit; of those that have any."""
    found = enumerate((condition(occurrence.where) for _, occurrence in _numbered(signals)), 1)
    return [{"hit": number, "condition": tests} for number, tests in found if tests != "true"]


def _numbered(signals: Mapping[str, Signal]) -> list[tuple[str, Occurrence]]:
    found = [(name, occurrence) for name, signal in signals.items() for occurrence in signal.any_]
    return sorted(found, key=lambda hit: (hit[1].event, hit[0], condition(hit[1].where)))


def _parts(name: str, test: Test) -> Iterable[str]:
    value = f"properties['{name}']"
    if test.given is not None:
        yield f"{value} is {'not null' if test.given else 'null'}"
    if test.is_ is not None:
        yield _is_one_of(value, (test.is_,))
    if test.one_of:
        yield _is_one_of(value, test.one_of)
    if test.mentions:
        yield f"coalesce({value} rlike {literal('(?iuU)' + mention(test.mentions))}, false)"
    for sign, bound in ((">=", test.at_least), ("<=", test.at_most), (">", test.above), ("<", test.below)):
        if bound is not None:
            yield f"coalesce(try_cast({value} as double) {sign} {bound!r}, false)"


def _is_one_of(value: str, words: tuple[Scalar, ...]) -> str:
    numbers = [float(word) for word in words if isinstance(word, int | float) and not isinstance(word, bool)]
    texts = [literal(word) for word in words if isinstance(word, str | bool)]
    parts = [f"{value} in ({', '.join(texts)})"] if texts else []
    parts += [f"try_cast({value} as double) in ({', '.join(map(repr, numbers))})"] if numbers else []
    return f"coalesce({' or '.join(parts)}, false)"
