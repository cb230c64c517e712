"""Whether what journeys declare can be: stages that are reached, gates that close, events that somebody emits."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from contracts.base import problem_at
from contracts.errors import Problem
from contracts.event import Event
from contracts.journey import START, Example, Journey
from contracts.signal import Occurrence, Scalar, Signal, Test, as_number, as_text, mentioned, same
from contracts.source import Value
from contracts.table import RESTRICTED
from contracts.walk import steps, walk

Loaded = Mapping[str, Mapping[Path, Any]]
_NUMBERS = ("number", "integer")


def problems_of_journeys(loaded: Loaded) -> Iterator[Problem]:
    """Everything that cannot be, in signals and journeys."""
    events: dict[str, Event] = {event.event: event for event in loaded["event"].values()}
    emitted = _emitted(loaded)
    signals: dict[str, Signal] = {}
    for path, declared in loaded["signals"].items():
        signals |= declared.signals
        for name, signal in declared.signals.items():
            for number, occurrence in enumerate(signal.any_):
                yield from _wrong_occurrence(path, ("signals", name, "any", number), occurrence, events, emitted)
                if any(_can_be_both(occurrence, other) for other in signal.any_[:number]):
                    what = f"one {occurrence.event} can be this and an earlier way, and would count twice"
                    yield problem_at(path, ("signals", name, "any", number), what)
    for path, journey in loaded["journey"].items():
        unknown = list(_unknown_signals(path, journey, signals))
        yield from unknown
        yield from _unknown_names(path, journey, loaded)
        named = list(_wrong_stages(path, journey))
        yield from named
        if unknown or named:
            continue  # what follows goes by names
        yield from _without_subject(path, journey, signals)
        states = _states(journey)
        yield from _unreachable(path, journey, states)
        yield from _gates(path, journey, states)
        yield from _overlaps(path, journey, signals)
        yield from _quiet_overlaps(path, journey)
        yield from _examples(path, journey, signals, events)


def _emitted(loaded: Loaded) -> set[str]:
    """The events that a source really sends: by name in an envelope, or by one of its mappings."""
    events = loaded["event"].values()
    called = {name: event.event for event in events for name in (event.event, *event.also_called)}
    found: set[str] = set()
    for source in loaded["source"].values():
        words = [mapped_to(mapping.event) for mapping in source.maps] or [None]
        if None in words:
            found |= {event.event for event in events if source.source in event.sources}
        found |= {called[name] for some in words for name in some or () if name in called}
    return found


def mapped_to(value: Value | None) -> tuple[str, ...] | None:
    """The names of events that a mapping gives; None where the records decide."""
    if value is None or (value.constant is None and not value.table):
        return None
    return (value.constant,) if value.constant is not None else tuple(value.table.values())


def _wrong_occurrence(
    path: Path, at: tuple[str | int, ...], occurrence: Occurrence, events: Mapping[str, Event], emitted: set[str]
) -> Iterator[Problem]:
    event = events.get(occurrence.event)
    if event is None:
        yield problem_at(path, (*at, "event"), f"{occurrence.event} is no event", sorted(events))
        return
    if occurrence.event not in emitted:
        yield problem_at(path, (*at, "event"), f"no source emits {occurrence.event}", sorted(emitted))
    for word in ("once_per", "subject", "value", "via"):
        name = getattr(occurrence, word)
        if name is not None and name not in event.properties:
            yield problem_at(path, (*at, word), f"{event.event} has no property {name}", sorted(event.properties))
        elif word == "value" and name is not None and event.properties[name].type not in _NUMBERS:
            yield problem_at(path, (*at, word), f"{name} of {event.event} is no number")
        elif word in ("subject", "via") and name is not None and event.properties[name].privacy in RESTRICTED:
            what = f"{name} of {event.event} is {event.properties[name].privacy} data, which no mart for analysts holds"
            yield problem_at(path, (*at, word), what)
    for name, test in occurrence.where.items():
        declared = event.properties.get(name)
        if declared is None:
            yield problem_at(
                path, (*at, "where", name), f"{event.event} has no property {name}", sorted(event.properties)
            )
        elif test.is_numeric and declared.type not in _NUMBERS:
            yield problem_at(path, (*at, "where", name), f"{name} of {event.event} is no number, and has no size")
        elif test.mentions and declared.type != "string":
            yield problem_at(path, (*at, "where", name), f"{name} of {event.event} is no text, and mentions nothing")
        elif not _can_hold(test, declared):
            yield problem_at(path, (*at, "where", name), f"{event.event} allows no {name} that meets this")


def _can_hold(test: Test, declared: Any) -> bool:
    """Whether some value that the dictionary allows meets a test."""
    if test.given is False:
        return not declared.required
    if test.mentions and not _can_mention(test, test.words or declared.allowed):
        return False
    if test.words and declared.allowed:
        return any(same(allowed, word) for allowed in declared.allowed for word in test.words)
    low, high = _bounds(test)
    low = max(low, declared.minimum if declared.minimum is not None else low)
    high = min(high, declared.maximum if declared.maximum is not None else high)
    if test.words:
        numbers = [as_number(word) for word in test.words]
        return any(number is None or (low <= number <= high and test.holds(number)) for number in numbers)
    return low < high or (low == high and test.holds(low))  # where the bounds meet, only if both take the point itself


def _can_mention(test: Test, values: Iterable[Scalar]) -> bool:
    """Whether one of the values that there are has what a test looks for; where any text may be, it can."""
    known = [as_text(value) for value in values]
    return not test.mentions or not known or any(mentioned(test.mentions, text) for text in known)


def _bounds(test: Test) -> tuple[float, float]:
    lows = [bound for bound in (test.at_least, test.above) if bound is not None]
    highs = [bound for bound in (test.at_most, test.below) if bound is not None]
    return max(lows, default=float("-inf")), min(highs, default=float("inf"))


def _unknown_signals(path: Path, journey: Journey, signals: Mapping[str, Signal]) -> Iterator[Problem]:
    for at, name in _named_signals(journey):
        if name not in signals:
            yield problem_at(path, at, f"{name} is no signal", sorted(signals))


def _named_signals(journey: Journey) -> Iterator[tuple[tuple[str | int, ...], str]]:
    yield ("value_signal",), journey.value_signal
    for n, stage in enumerate(journey.stages):
        for ways in ("enters", "exits"):
            for k, turning in enumerate(getattr(stage, ways)):
                for word in ("by", "without"):
                    for i, name in enumerate(getattr(turning, word)):
                        yield ("stages", n, ways, k, word, i), name
    groups: dict[str, Iterable[str]] = {
        "moments": ("starts_on", "resolved_by"), "handoffs": ("kept_when", "lost_when"),
        "friction": ("signal", "then", "after"), "indicators": ("signal",),
    }  # fmt: skip
    for group, words in groups.items():
        for n, item in enumerate(getattr(journey, group)):
            for word in words:
                given = getattr(item, word)
                for i, name in enumerate((given,) if isinstance(given, str) else given):
                    yield (group, n, word, i) if not isinstance(given, str) else (group, n, word), name
    for n, persona in enumerate(journey.personas):
        for i, behaviour in enumerate(persona.behaves):
            yield ("personas", n, "behaves", i, "signal"), behaviour.signal
    for word in ("content", "unhappy"):
        for i, name in enumerate(getattr(journey.voice, word) if journey.voice else ()):
            yield ("voice", word, i), name


def _without_subject(path: Path, journey: Journey, signals: Mapping[str, Signal]) -> Iterator[Problem]:
    """What must be of one subject can never be where a signal names none."""
    named: list[tuple[tuple[str | int, ...], str]] = []
    for n, moment in enumerate(journey.moments):
        if moment.of_one_subject:
            named += [(("moments", n, "starts_on"), name) for name in moment.starts_on]
            named += [(("moments", n, "resolved_by"), name) for name in moment.resolved_by]
    named += [
        (("friction", n, "signal"), item.signal) for n, item in enumerate(journey.friction) if item.of_one_subject
    ]
    for at, name in named:
        for occurrence in signals[name].any_:
            if occurrence.subject is None:
                yield problem_at(
                    path, at, f"{name} names no subject of {occurrence.event}, and of_one_subject asks for one"
                )


def _unknown_names(path: Path, journey: Journey, loaded: Loaded) -> Iterator[Problem]:
    """Channels that no source has, personas that nobody declared, names that two things have."""
    channels = sorted({source.channel for source in loaded["source"].values()})
    personas = [persona.persona for persona in journey.personas]
    for n, stage in enumerate(journey.stages):
        for channel in stage.channels:
            if channel not in channels:
                yield problem_at(path, ("stages", n, "channels", channel), f"{channel} is no channel", channels)
        for i, name in enumerate(stage.personas):
            if name not in personas:
                yield problem_at(path, ("stages", n, "personas", i), f"{name} is no persona", personas)
    for n, handoff in enumerate(journey.handoffs):
        for word, channel in (("from", handoff.from_), ("to", handoff.to)):
            if channel not in channels:
                yield problem_at(path, ("handoffs", n, word), f"{channel} is no channel", channels)
    groups = {"stages": "stage", "moments": "moment", "handoffs": "handoff", "friction": "friction",
              "personas": "persona", "indicators": "indicator"}  # fmt: skip
    for group, word in groups.items():
        seen: set[str] = set()
        for n, item in enumerate(getattr(journey, group)):
            name = getattr(item, word)
            if name in seen:
                yield problem_at(path, (group, n, word), f"{name} is declared twice")
            seen.add(name)


def _wrong_stages(path: Path, journey: Journey) -> Iterator[Problem]:
    known = (START, *journey.names)
    for n, stage in enumerate(journey.stages):
        if stage.stage == START:
            yield problem_at(path, ("stages", n, "stage"), f"{START} is where everybody is before the first stage")
        for k, entering in enumerate(stage.enters):
            for i, source in enumerate(entering.from_ or ()):
                if source not in known or source == stage.stage:
                    what = f"{source} is no other stage"
                    yield problem_at(path, ("stages", n, "enters", k, "from", i), what, known)
        for k, leaving in enumerate(stage.exits):
            if leaving.to not in journey.names or leaving.to == stage.stage:
                yield problem_at(
                    path, ("stages", n, "exits", k, "to"), f"{leaving.to} is no other stage", journey.names
                )
        if stage.gate and (stage.gate.to not in journey.names or stage.gate.to == stage.stage):
            yield problem_at(path, ("stages", n, "gate", "to"), f"{stage.gate.to} is no other stage", journey.names)
    for n, indicator in enumerate(journey.indicators):
        for word in ("from_stage", "outcome"):
            if getattr(indicator, word) not in journey.names:
                what = f"{getattr(indicator, word)} is no stage"
                yield problem_at(path, ("indicators", n, word), what, journey.names)


State = tuple[str, frozenset[str]]
"""A stage, and the quiet times that may come: one follows only where a signal was heard that it goes by."""
_FOLLOWED_QUIETS = 8
"""Each may have begun or not, so with many there are more states than can be gone through: then all have begun."""


def _states(journey: Journey) -> dict[State, set[State]]:
    """Where a person can be, and where from there by one signal or quiet time."""
    leads = {(source, signal): to for source, signal, to in journey.transitions()}
    quiets = {name: set(way.turning.without) for name, way in journey.quiets()}
    begun = {signal: {name for name, minded in quiets.items() if signal in minded} for signal in journey.signals()}
    found: dict[State, set[State]] = {}
    waiting: list[State] = [(START, frozenset(quiets) if len(quiets) > _FOLLOWED_QUIETS else frozenset())]
    while waiting:
        here = stage, may_come = waiting.pop()
        if here not in found:
            heard = {(leads.get((stage, signal), stage), may_come | begun[signal]) for signal in begun}
            quiet = {(leads.get((stage, name), stage), may_come) for name in may_come}
            found[here] = heard | quiet
            waiting += found[here]
    return found


def _reached(states: Mapping[State, set[State]], begin: str) -> set[str]:
    """The stages to which something leads from one, in any number of steps."""
    passed = {state for state in states if state[0] == begin}
    waiting = list(passed)
    while waiting:
        following = states[waiting.pop()] - passed
        passed |= following
        waiting += following
    return {stage for stage, _ in passed} - {begin}


def _unreachable(path: Path, journey: Journey, states: Mapping[State, set[State]]) -> Iterator[Problem]:
    reached = _reached(states, START)
    for n, stage in enumerate(journey.stages):
        if stage.stage not in reached:
            yield problem_at(path, ("stages", n, "enters"), f"no event can reach {stage.stage}")


def _gates(path: Path, journey: Journey, states: Mapping[State, set[State]]) -> Iterator[Problem]:
    """A gate is closed by a way from its stage to what it leads to; a stage without any way out never ends."""
    for n, stage in enumerate(journey.stages):
        out = _reached(states, stage.stage)
        if not out and not stage.is_end:
            what = f"nothing leads out of {stage.stage}: its gate never closes"
            yield problem_at(path, ("stages", n, "stage"), f"{what}; if that is meant, say is_end: true")
        elif stage.gate and stage.gate.to not in out:
            what = f"the gate from {stage.stage} to {stage.gate.to} never closes: nothing leads there"
            yield problem_at(path, ("stages", n, "gate"), what, sorted(out))


def _overlaps(path: Path, journey: Journey, signals: Mapping[str, Signal]) -> Iterator[Problem]:
    """From one stage, one event must end in one stage, in whichever order its signals are taken."""
    leads = {(source, signal): to for source, signal, to in journey.transitions()}
    lead: dict[str, list[tuple[str, str]]] = {}
    for source, signal, to in journey.transitions():
        if signal in signals:
            lead.setdefault(source, []).append((signal, to))
    told: set[tuple[str, str, str, str]] = set()
    for source, ways in sorted(lead.items()):
        for (one, to), (other, elsewhere) in combinations(sorted(set(ways)), 2):
            first, second = sorted((to, elsewhere), key=journey.names.index)
            is_settled = leads.get((to, other), to) == leads.get((elsewhere, one), elsewhere)
            if to == elsewhere or (one != other and (is_settled or not _meet(signals[one], signals[other]))):
                continue
            key = (one, other, first, second)
            if key not in told:
                told.add(key)
                by = one if one == other else f"{one} and {other}, which one event can be,"
                n = journey.names.index(second)
                what = f"from {source}, {by} lead to {first} and to {second}: which of them counts is not declared"
                yield problem_at(path, ("stages", n, "enters"), what)


def _meet(one: Signal, other: Signal) -> bool:
    """Whether one event can be an occurrence of both signals."""
    return any(_can_be_both(a, b) for a in one.any_ for b in other.any_)


def _can_be_both(one: Occurrence, other: Occurrence) -> bool:
    """Whether one event can be both, as far as their words tell."""
    return one.event == other.event and all(
        _agree(one.where[name], other.where[name]) for name in set(one.where) & set(other.where)
    )


def _quiet_overlaps(path: Path, journey: Journey) -> Iterator[Problem]:
    """Of two quiet times from one stage that the same signals end, the longer is never over first."""
    for (_, one), (_, other) in combinations(journey.quiets(), 2):
        shared = [name for name in one.sources if name in other.sources]
        sooner, later = sorted((one, other), key=lambda way: (way.turning.after_days or 0, journey.names.index(way.to)))
        early, late = sooner.turning, later.turning
        if not shared or sooner.to == later.to or not set(early.without) & set(late.without):
            continue
        n = journey.names.index(later.to)
        if early.after_days == late.after_days:
            what = f"from {shared[0]}, the same days without a signal lead to {sooner.to} and to {later.to}"
            yield problem_at(path, ("stages", n, "enters"), f"{what}: which of them counts is not declared")
        elif set(early.without) <= set(late.without):
            what = f"from {shared[0]}, {sooner.to} is entered after fewer days without the same signals"
            yield problem_at(path, ("stages", n, "enters"), f"{what}: {later.to} is never entered so")


def _agree(one: Test, other: Test) -> bool:
    """Whether one value can meet both tests, as far as their words tell."""
    if (one.given is False) != (other.given is False):
        return False
    if one.words and other.words and not any(same(a, b) for a in one.words for b in other.words):
        return False
    if not _can_mention(one, other.words) or not _can_mention(other, one.words):
        return False
    (low, high), (lower, higher) = _bounds(one), _bounds(other)
    bottom, top = max(low, lower), min(high, higher)
    if bottom == top:  # they touch: only where both take the point itself
        return all(test.holds(bottom) for test in (one, other) if test.is_numeric)
    return bottom < top


def _examples(
    path: Path, journey: Journey, signals: Mapping[str, Signal], events: Mapping[str, Event]
) -> Iterator[Problem]:
    for n, example in enumerate(journey.examples):
        unknown = [(k, event.event) for k, event in enumerate(example.events) if event.event not in events]
        for k, name in unknown:
            yield problem_at(path, ("examples", n, "events", k, "event"), f"{name} is no event", sorted(events))
        if not unknown:
            yield from _example(path, n, journey, signals, example)


def _example(
    path: Path, n: int, journey: Journey, signals: Mapping[str, Signal], example: Example
) -> Iterator[Problem]:
    spells = walk(journey, steps(example.events, signals, journey.signals()), example.until)
    came = [(spell.stage, spell.entered_at) for spell in spells]
    wanted = [(spell.stage, spell.entered) for spell in example.stages]
    if came != wanted:
        told = ", ".join(f"{stage} at {at:%Y-%m-%d %H:%M}" for stage, at in came) or "no stage"
        yield problem_at(path, ("examples", n, "stages"), f"the events lead to: {told}")
