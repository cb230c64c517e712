"""How a journey's stages follow from what one person did: the definition, in Python, for one person at a time.

`clew check` runs the examples of contracts/journeys through it; the dbt models compute the same for everybody, and a
test holds the two together.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from contracts.journey import START, ExampleEvent, Journey
from contracts.signal import Occurrence, Signal


@dataclass(frozen=True, order=True)
class Step:
    """A signal at a time. Steps of one instant go by position, then event, then signal; a quiet time comes first."""

    at: datetime.datetime
    position: int
    event_id: str
    signal: str


@dataclass(frozen=True)
class Spell:
    """A time in a stage."""

    stage: str
    entered_at: datetime.datetime
    event_id: str
    signal: str


def steps(events: Iterable[ExampleEvent], signals: Mapping[str, Signal], used: Iterable[str]) -> list[Step]:
    """The occurrences of some signals in what one person did, in order; events are numbered as they come."""
    found: dict[tuple[str, str], Step] = {}
    for number, event in enumerate(events, 1):
        for name in used:
            for occurrence in signals[name].any_:
                if is_one(occurrence, event.event, event.properties):
                    step = Step(event.at, number, f"e{number}", name)
                    once = event.properties.get(occurrence.once_per) if occurrence.once_per else None
                    key = (name, step.event_id if once is None else str(once))
                    found[key] = min(found.get(key, step), step)
    return sorted(found.values())


def is_one(occurrence: Occurrence, event: str, properties: Mapping[str, Any]) -> bool:
    """Whether an event is what an occurrence says."""
    return occurrence.event == event and all(
        test.holds(properties.get(name)) for name, test in occurrence.where.items()
    )


def walk(journey: Journey, given: Iterable[Step], until: datetime.date) -> list[Spell]:
    """The stages of one person, by the signals given until the end of a day (UTC).

    Of stages entered in one instant only the last counts, and who is there already has not entered anew.
    """
    end = datetime.datetime.combine(until + datetime.timedelta(1), datetime.time(), datetime.UTC)
    happened = [step for step in given if step.at < end]
    to = {(source, signal): stage for source, signal, stage in journey.transitions()}
    stage = START
    spells: list[Spell] = []
    for step in sorted([*happened, *_quiet_times(journey, happened, end)]):
        following = to.get((stage, step.signal))
        if following is None:
            continue
        stage = following
        if spells and spells[-1].entered_at == step.at:
            spells.pop()
        if spells and spells[-1].stage == stage:
            continue  # left and entered again in one instant
        spells.append(Spell(stage, step.at, step.event_id, step.signal))
    return spells


def _quiet_times(journey: Journey, given: list[Step], end: datetime.datetime) -> Iterable[Step]:
    for name, way in journey.quiets():
        last = sorted((step for step in given if step.signal in way.turning.without), key=attrgetter("at", "position"))
        for step, following in zip(last, (*last[1:], None), strict=False):
            over = step.at + datetime.timedelta(days=way.turning.after_days or 0)
            if over < (following.at if following else end):
                yield Step(over, -1, step.event_id, name)
