"""Whether what costs speak of is declared: channels, journeys, and the frictions and stages of those."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.base import problem_at
from contracts.costs import Costs, Improvement
from contracts.errors import Problem
from contracts.journey import START, Journey


def problems_of_costs(loaded: Mapping[str, Mapping[Path, Any]]) -> Iterator[Problem]:
    """Every name in costs that nothing declares."""
    channels = sorted({source.channel for source in loaded["source"].values()})
    journeys: dict[str, Journey] = {journey.journey: journey for journey in loaded["journey"].values()}
    for path, costs in loaded["costs"].items():
        declared: Costs = costs
        for channel in declared.contacts:
            if channel not in channels:
                yield problem_at(path, ("contacts", channel), f"{channel} is no channel", channels)
        for number, improvement in enumerate(declared.improvements):
            yield from _of_improvement(path, number, improvement, journeys, channels)


def _of_improvement(
    path: Path, number: int, improvement: Improvement, journeys: Mapping[str, Journey], channels: list[str]
) -> Iterator[Problem]:
    at = ("improvements", number)
    journey = journeys.get(improvement.journey)
    if journey is None:
        yield problem_at(path, (*at, "journey"), f"{improvement.journey} is no journey", sorted(journeys))
        return
    frictions = [friction.friction for friction in journey.friction]
    for word, kind, known in (
        ("removes", f"friction of {journey.journey}", frictions),
        ("stages", f"stage of {journey.journey}", [START, *journey.names]),
        ("channels", "channel", channels),
    ):
        for place, name in enumerate(getattr(improvement, word) or ()):
            if name not in known:
                yield problem_at(path, (*at, word, place), f"{name} is no {kind}", known)
