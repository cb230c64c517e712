"""Reading a scenario's sandbox.yml, and whether what it names is there: its own names, and those of the contracts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.base import load_yaml, problem_at
from contracts.catalog import Contracts
from contracts.errors import ContractError, Problem
from sandbox.scenario.message import unplaced
from sandbox.scenario.model import OWN, Draw, Scenario, Step

FILE, CONTRACTS = "sandbox.yml", "contracts"
Place = tuple[str | int, ...]


def read_scenario(folder: Path) -> tuple[Scenario, Contracts]:
    """A scenario and its contracts.

    Args:
        folder: With sandbox.yml and contracts/.

    Raises:
        ContractError: With every problem of sandbox.yml, each with line and field.
    """
    path, contracts = folder / FILE, Contracts(folder / CONTRACTS)
    scenario = load_yaml(path, Scenario)
    problems = list(problems_of(path, scenario, contracts))
    if problems:
        plural = "s" if len(problems) != 1 else ""
        what = f"{len(problems)} problem{plural} in {path.name} of the scenario {scenario.scenario}"
        raise ContractError(what, do="correct what is named", problems=problems)
    return scenario, contracts


def problems_of(path: Path, scenario: Scenario, contracts: Contracts) -> Iterator[Problem]:
    """Names that nothing declares, and messages that a source could not send."""
    check = _Check(path, scenario, contracts)
    yield from check.people()
    yield from check.channels()
    yield from check.states()
    for at, steps in _all_steps(scenario):
        for number, step in enumerate(steps):
            yield from check.step((*at, number), step)
    yield from check.circles()


class _Check:
    def __init__(self, path: Path, scenario: Scenario, contracts: Contracts) -> None:
        self.path, self.scenario, self.contracts = path, scenario, contracts
        self.known_of_people = sorted({*OWN, *scenario.people.ids})
        self.tags = sorted(set(_tags(scenario)))

    def _problem(self, at: Place, what: str, allowed: Sequence[str] = ()) -> Problem:
        return problem_at(self.path, at, what, sorted(allowed))

    def _known(
        self, at: Place, name: str | None, known: Mapping[str, Any] | Sequence[str], kind: str
    ) -> Iterator[Problem]:
        if name is not None and name not in known:
            yield self._problem(at, f"{name} is no {kind}", tuple(known))

    def people(self) -> Iterator[Problem]:
        declared = self.scenario.people
        for name, each in declared.ids.items():
            at: Place = ("people", "ids", name, "since")
            yield from self._known(at, each.since, self.contracts.events, "event")
        for name, kind in declared.kinds.items():
            for tag in kind.times:
                if tag not in self.tags:
                    yield self._problem(
                        ("people", "kinds", name, "times", tag), f"nothing bears the tag {tag}", self.tags
                    )
        for number, arrival in enumerate(declared.arrive):
            here: Place = ("people", "arrive", number)
            yield from self._known((*here, "state"), arrival.state, self.scenario.states, "state")
            for place, name in enumerate(arrival.has):
                yield from self._known((*here, "has", place), name, declared.ids, "id")

    def channels(self) -> Iterator[Problem]:
        for name, channel in self.scenario.channels.items():
            at: Place = ("channels", name)
            yield from self._known((*at, "source"), channel.source, self.contracts.sources, "source")
            for word in ("anonymous_id", "user_id"):
                yield from self._known((*at, word), getattr(channel, word), self.scenario.people.ids, "id")
            for group in ("properties", "traits"):
                yield from self._draws((*at, group), getattr(channel, group))

    def states(self) -> Iterator[Problem]:
        for name, state in self.scenario.states.items():
            for number, doing in enumerate(state.does):
                at: Place = ("states", name, "does", number, "season")
                yield from self._known(at, doing.season, self.scenario.seasons, "season")
            for number, way in enumerate(state.then):
                yield from self._known(("states", name, "then", number, "to"), way.to, self.scenario.states, "state")
        for number, dated in enumerate(self.scenario.calendar):
            for place, name in enumerate(dated.states):
                at = ("calendar", number, "states", place)
                yield from self._known(at, name, self.scenario.states, "state")
            for name in dated.where:
                yield from self._known(("calendar", number, "where", name), name, OWN, "word of what everybody has")

    def step(self, at: Place, step: Step) -> Iterator[Problem]:
        yield from self._known((*at, "play"), step.play, self.scenario.scripts, "script")
        yield from self._known((*at, "to"), step.to, self.scenario.states, "state")
        for number, branch in enumerate(step.choose):
            for place, inner in enumerate(branch.steps):
                yield from self.step((*at, "choose", number, "steps", place), inner)
        if step.event is not None:
            yield from self._event(at, step)

    def _event(self, at: Place, step: Step) -> Iterator[Problem]:
        yield from self._draws((*at, "properties"), step.properties)
        yield from self._draws((*at, "traits"), step.traits)
        event = self.contracts.events.get(step.event or "")
        channel = self.scenario.channels.get(step.channel or "")
        if event is None:
            yield self._problem((*at, "event"), f"{step.event} is no event", tuple(self.contracts.events))
        if channel is None:
            yield self._problem((*at, "channel"), f"{step.channel} is no channel", tuple(self.scenario.channels))
        if event is None or channel is None or channel.source not in self.contracts.sources:
            return
        if channel.source not in event.sources:
            what = f"{channel.source}, by which {step.channel} sends, does not send {event.event}"
            yield self._problem((*at, "channel"), what, event.sources)
            return
        properties, traits = channel.properties | step.properties, channel.traits | step.traits
        for group, given, declared in (("properties", properties, event.properties), ("traits", traits, event.traits)):
            for name in given:
                if name not in declared and name in getattr(step, group):
                    yield self._problem((*at, group, name), f"{event.event} has no such word", tuple(declared))
        try:
            lost = unplaced(self.contracts.sources[channel.source], event, properties, traits)
        except LookupError as error:
            yield self._problem((*at, "event"), str(error))
            return
        for name in lost:
            yield self._problem((*at, *name.split(".")), f"the source {channel.source} has no place for {name}")

    def _draws(self, at: Place, given: Mapping[str, Any]) -> Iterator[Problem]:
        for name, value in given.items():
            if isinstance(value, Draw):
                yield from self._known(
                    (*at, name, "person"), value.person, self.known_of_people, "word of what a person has"
                )

    def circles(self) -> Iterator[Problem]:
        """A script that plays itself would never end."""
        plays = {name: set(_played(steps)) for name, steps in self.scenario.scripts.items()}
        for name in plays:
            reached, open_scripts = set[str](), [name]
            while open_scripts:
                following = plays.get(open_scripts.pop(), set()) - reached
                reached |= following
                open_scripts += sorted(following)
            if name in reached:
                yield self._problem(("scripts", name), f"{name} plays itself, and would never end")


def _all_steps(scenario: Scenario) -> Iterator[tuple[Place, Sequence[Step]]]:
    for name, steps in scenario.scripts.items():
        yield ("scripts", name), steps
    for name, state in scenario.states.items():
        yield ("states", name, "begins"), state.begins
        for number, doing in enumerate(state.does):
            yield ("states", name, "does", number, "steps"), doing.steps
    for number, dated in enumerate(scenario.calendar):
        yield ("calendar", number, "steps"), dated.steps


def _played(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.play is not None:
            yield step.play
        for branch in step.choose:
            yield from _played(branch.steps)


def _tags(scenario: Scenario) -> Iterator[str]:
    groups: list[Sequence[Any]] = [steps for _, steps in _all_steps(scenario)]
    groups += [state.does for state in scenario.states.values()]
    groups += [state.then for state in scenario.states.values()]
    groups.append(scenario.calendar)
    while groups:
        for item in groups.pop():
            if item.tag is not None:
                yield item.tag
            if isinstance(item, Step):
                groups.append(item.choose)
            groups.append(getattr(item, "steps", ()))
