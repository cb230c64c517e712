"""One person's life: the states that they pass, and the events that come of them, drawn by seed, person and place.

A life depends on nothing else: not on how many people there are, nor on which days are written.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from sandbox.draws import dice, hexadecimal
from sandbox.scenario.model import Delay, Draw, Given, Step
from sandbox.scenario.people import DAY, Person, value_of

if TYPE_CHECKING:
    from sandbox.scenario.model import Arrival, Dated, Doing, Scenario, Way

LONGEST = 400
"""States that one life may have; a scenario that leads in circles without time passing ends here."""
Scalar = str | int | float | bool


@dataclass(frozen=True)
class Happening:
    """An event of a person; times in seconds since 1970.

    Attributes:
        key: Names it among all of the person's.
        is_known: Whether the message says who it is.
        properties, traits: With a draw of what the person has, where it is still to be looked up.
    """

    at: float
    key: str
    event: str
    channel: str
    is_known: bool
    properties: dict[str, Given]
    traits: dict[str, Given]


@dataclass(frozen=True)
class Leaving:
    """A change of state."""

    at: float
    to: str


class Life:
    """Everything that one person does.

    Args:
        scenario: What is declared.
        person: Who.
    """

    def __init__(self, scenario: Scenario, person: Person) -> None:
        self.scenario = scenario
        self.person = person
        self.zone = scenario.clock
        self.end = self._midnight(scenario.last_day + datetime.timedelta(1))
        self.events: list[Happening] = []

    def lived(self) -> list[Happening]:
        """The events until the end of the last day, in their order. Notes on the person since when they have what."""
        arrival, at = self._arrival()
        for name in arrival.has:
            self.person.since[name] = float("-inf")
        here: str | None = arrival.state
        for visit in range(LONGEST):
            if here is None or at >= self.end:
                break
            here, at = self._pass(here, at, visit)
        self.events = sorted((e for e in self.events if e.at < self.end), key=lambda e: (e.at, e.key))
        firsts: dict[str, float] = {}
        for event in self.events:
            firsts.setdefault(event.event, event.at)
        for name, declared in self.scenario.people.ids.items():
            if declared.since in firsts:
                self.person.since.setdefault(name, firsts[declared.since])
        return self.events

    def _dice(self, *keys: object) -> Random:
        return dice(self.scenario.seed, self.person.number, *keys)

    def _midnight(self, day: datetime.date) -> float:
        return datetime.datetime.combine(day, datetime.time(), self.zone).timestamp()

    def _arrival(self) -> tuple[Arrival, float]:
        chance = self._dice("arrival")
        arrivals = self.scenario.people.arrive
        arrival = chance.choices(arrivals, [each.weight for each in arrivals])[0]
        since = self._midnight(arrival.since or self.scenario.first_day)
        until = self._midnight((arrival.until or self.scenario.last_day) + datetime.timedelta(1))
        return arrival, self._at_an_hour(since + chance.random() * (until - since), chance)

    def _pass(self, name: str, begin: float, visit: int) -> tuple[str | None, float]:
        """Live through a state: where it leads, and when; None where nothing does."""
        state = self.scenario.states[name]
        chance = self._dice("state", visit)
        at, leaving = self._play(state.begins, begin, chance, f"{visit}")
        if leaving is not None:
            return leaving.to, max(leaving.at, begin)
        following, end = self._way(state.then, at, chance)
        for start, key, steps in self._doings(name, at, end, visit):
            if start >= end:
                break
            _, leaving = self._play(steps, start, self._dice("doing", visit, key), f"{visit}.{key}")
            if leaving is not None and leaving.at < end:
                following, end = leaving.to, leaving.at
        return following, end

    def _way(self, ways: Sequence[Way], at: float, chance: Random) -> tuple[str | None, float]:
        weights = [way.weight * self.person.factor(way.tag) for way in ways]
        if not any(weights):
            return None, self.end
        way = chance.choices(ways, weights)[0]
        return way.to, at + _seconds(way.after, chance)

    def _doings(self, state: str, begin: float, end: float, visit: int) -> list[tuple[float, str, Sequence[Step]]]:
        """When each thing happens while a state lasts, in order."""
        last = min(end, self.end)
        found: list[tuple[float, str, Sequence[Step]]] = []
        for place, doing in enumerate(self.scenario.states[state].does):
            times = self._times(doing, begin, last, self._dice("times", visit, place))
            found += [(at, f"{place}.{turn}", doing.steps) for turn, at in enumerate(times)]
        for place, dated in enumerate(self.scenario.calendar):
            if state in dated.states and self._holds(dated):
                found += [
                    (at, f"c{place}.{day}", dated.steps) for day, at in self._dates(dated, place) if begin <= at < last
                ]
        return sorted(found, key=lambda item: (item[0], item[1]))

    def _times(self, doing: Doing, begin: float, end: float, chance: Random) -> Iterator[float]:
        """A Poisson process, thinned by the season; the day stays, the hour is one at which people do things."""
        season = self.scenario.seasons.get(doing.season or "", {})
        most = max([1.0, *season.values()])
        rate = doing.per_day * self.person.factor(doing.tag) * most / DAY
        at = begin
        while rate > 0 and (at := at + chance.expovariate(rate)) < end:
            month = datetime.datetime.fromtimestamp(at, self.zone).month
            keeps, moved = chance.random() * most < season.get(month, 1.0), self._at_an_hour(at, chance)
            if keeps and begin <= moved < end:
                yield moved

    def _dates(self, dated: Dated, place: int) -> Iterator[tuple[str, float]]:
        days: Iterable[datetime.date] = dated.days
        if dated.each_month_on is not None:
            first, last = self.scenario.first_day, self.scenario.last_day
            months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
            days = [datetime.date(month // 12, month % 12 + 1, dated.each_month_on) for month in months]
        for day in days:
            chance = self._dice("calendar", place, day)
            if chance.random() < dated.share * self.person.factor(dated.tag):
                yield day.isoformat(), self._midnight(day) + 3_600 * chance.uniform(*dated.hours)

    def _holds(self, dated: Dated) -> bool:
        return all(self.person.told.get(name) in words for name, words in dated.where.items())

    def _at_an_hour(self, at: float, chance: Random) -> float:
        """The same local day, at an hour of the declared ones."""
        hour = chance.choices(list(self.scenario.hours), list(self.scenario.hours.values()))[0]
        day = datetime.datetime.fromtimestamp(at, self.zone).date()
        time = datetime.time(int(hour), chance.randrange(60), chance.randrange(60), chance.randrange(1_000) * 1_000)
        return datetime.datetime.combine(day, time, self.zone).timestamp()

    def _play(
        self, steps: Sequence[Step], at: float, chance: Random, key: str, script: str | None = None
    ) -> tuple[float, Leaving | None]:
        """Do some steps one after the other: when the last is done, and whether they lead to another state."""
        script = script or key
        for place, step in enumerate(steps):
            if chance.random() >= step.chance * self.person.factor(step.tag):
                continue
            here = f"{key}/{place}"
            for turn in range(chance.randint(*step.times)):
                at += _seconds(step.after if turn == 0 else step.every or step.after, chance)
                at, leaving = self._do(step, at, chance, f"{here}*{turn}" if turn else here, script)
                if leaving is not None:
                    return at, leaving
        return at, None

    def _do(self, step: Step, at: float, chance: Random, key: str, script: str) -> tuple[float, Leaving | None]:
        if step.to is not None:
            return at, Leaving(at, step.to)
        if step.play is not None:
            return self._play(self.scenario.scripts[step.play], at, chance, key, f"{script}:{key}")
        if step.choose:
            weights = [branch.weight * self.person.factor(branch.tag) for branch in step.choose]
            branch = chance.choices(step.choose, weights if any(weights) else None)[0]
            return self._play(branch.steps, at, chance, key, script)
        channel = self.scenario.channels[step.channel or ""]
        given = {**channel.properties, **step.properties}, {**channel.traits, **step.traits}
        properties, traits = ({n: self._drawn(v, at, chance, script) for n, v in some.items()} for some in given)
        is_known = chance.random() < channel.known_share
        self.events.append(
            Happening(
                at=at,
                key=key,
                event=step.event or "",
                channel=step.channel or "",
                is_known=is_known if step.known is None else step.known,
                properties=properties,
                traits=traits,
            )
        )
        return at, None

    def _drawn(self, given: Given, at: float, chance: Random, script: str) -> Given:
        """A value; what a person has is looked up later, when it is known since when they have it."""
        if not isinstance(given, Draw) or given.person is not None:
            return given
        if given.one_of is not None:
            return chance.choices(list(given.one_of), list(given.one_of.values()))[0]
        if given.new is not None:
            return given.new + hexadecimal(10, self.scenario.seed, self.person.number, script, given.new)
        if given.between is not None:
            number = chance.uniform(*given.between)
        else:
            number = math.exp(chance.gauss(math.log(given.around or 1.0), given.spread))
        return round(number, given.decimals) if given.decimals else round(number)


def _seconds(delay: Delay | None, chance: Random) -> float:
    return chance.uniform(*delay.bounds) if delay is not None else 0.0


def looked_up(scenario: Scenario, person: Person, given: dict[str, Given], at: float) -> dict[str, Scalar]:
    """Values with what the person has at a time in the place of its name; what they do not have is left out."""
    found = {n: value_of(scenario, person, v.person or "", at) if isinstance(v, Draw) else v for n, v in given.items()}
    return {name: value for name, value in found.items() if value is not None}
