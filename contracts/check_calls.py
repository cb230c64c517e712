"""What the check says of events that come by a call of their own, such as identify."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.base import problem_at
from contracts.check_journeys import mapped_to
from contracts.errors import Problem
from contracts.event import FIXED_EVENTS, Event
from contracts.source import Source


def problems_of_calls(loaded: Mapping[str, Mapping[Path, Any]]) -> Iterator[Problem]:
    """Events under a name by which no message of their type ever comes."""
    sources: dict[str, Source] = {source.source: source for source in loaded["source"].values()}
    for path, event in loaded["event"].items():
        fixed = FIXED_EVENTS.get(event.type, event.event)
        if event.event != fixed and not any(_names(sources[one], event) for one in event.sources if one in sources):
            what = f"a message of type {event.type} is {fixed} where no mapping of its source names another event"
            yield problem_at(path, ("event",), f"{what}: {event.event} never comes", [fixed])


def _names(source: Source, event: Event) -> bool:
    """Whether a mapping of a source gives the event's name, or takes names from the records."""
    told = [mapped_to(mapping.event) for mapping in source.maps if mapping.event is not None]
    return any(words is None or {event.event, *event.also_called} & set(words) for words in told)
