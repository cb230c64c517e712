"""Signals as Spark SQL: what decides whether an event is an occurrence of one.

Events keep their properties as a map from name to text.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.signal import Occurrence, Scalar, Signal, Test, as_text, mention


def literal(value: Scalar) -> str:
    """A word of a contract as a text of Spark SQL."""
    return "'" + as_text(value).replace("\\", "\\\\").replace("'", "''") + "'"


def condition(where: Mapping[str, Test]) -> str:
    """The tests of an occurrence over ``properties``; never null."""
    return " and ".join(part for name, test in where.items() for part in _parts(name, test)) or "true"


def by_event(signals: Mapping[str, Signal]) -> list[dict[str, Any]]:
    """Per event, every signal that it may be, with its ``condition, once_per, amount, subject, via`` as SQL."""
    found: dict[str, list[dict[str, str]]] = {}
    for name, signal in signals.items():
        for occurrence in signal.any_:
            found.setdefault(occurrence.event, []).append({"signal": name, **_hit(occurrence)})
    return [{"event": event, "hits": _merged(hits)} for event, hits in sorted(found.items())]


def _hit(occurrence: Occurrence) -> dict[str, str]:
    return {
        "condition": condition(occurrence.where),
        "once_per": _property(occurrence.once_per),
        "amount": f"try_cast({_property(occurrence.value)} as decimal(18, 2))" if occurrence.value else "null",
        "subject": _property(occurrence.subject),
        "via": _property(occurrence.via),
    }


def _merged(hits: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(hits, key=lambda hit: (hit["signal"], hit["condition"]))


def _property(name: str | None) -> str:
    return f"properties['{name}']" if name else "null"


def _parts(name: str, test: Test) -> Iterable[str]:
    value = _property(name)
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
