"""Journeys: the stages that people pass, moments that matter, handoffs and friction, declared over signals.

One YAML a journey, under contracts/journeys. What it says is computed for everybody, and can turn out wrong: `clew
check` looks for stages that nothing reaches and gates that never close, its examples are tests, and the gate warns of
signals that never come.
"""

import datetime
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from contracts.base import Declared, Name, Text

Lifecycle = Literal["discovery", "onboarding", "value", "expansion", "advocacy", "lapse"]
START = "start"
"""Where everybody is before the first stage."""
MOST_DAYS = 3660
"""No time that is declared is longer: ten years, which every engine can add to any day."""


class Turning(Declared):
    """What turns a journey: a signal, or days without one."""

    by: tuple[Name, ...] = ()
    after_days: int | None = Field(
        None, ge=1, le=MOST_DAYS, description="Days since the last of `without`, if there was one"
    )
    without: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> "Turning":
        if bool(self.by) == (self.after_days is not None):
            raise ValueError("give either `by`, or `after_days` with `without`")
        if (self.after_days is None) != (not self.without):
            raise ValueError("`after_days` and `without` go together")
        return self


class Entering(Turning):
    """One way into a stage."""

    from_: tuple[Name, ...] | None = Field(
        None, alias="from", description="Stages from which it leads here, or `start`; left out: see the stage"
    )


class Leaving(Turning):
    """One way out of a stage, where that is rather said there than at the stage it leads to."""

    to: Name = Field(description="The stage that it leads to")


class Gate(Declared):
    """What a person in a stage should reach next, and by when."""

    to: Name
    within_days: int = Field(ge=1, le=MOST_DAYS)


class Stage(Declared):
    """One stage. By default it is entered from `start` and from every stage declared before it that is no lapse.

    A lapse is by default entered from every stage that is no lapse. A stage ends where another is entered from it, by
    the other's `enters` or by its own `exits`.
    """

    stage: Name
    lifecycle: Lifecycle
    owner: Name
    goal: Text
    enters: tuple[Entering, ...] = ()
    exits: tuple[Leaving, ...] = ()
    gate: Gate | None = None
    is_end: bool = Field(False, description="Nothing need lead out of it")
    channels: dict[Name, Text] = {}
    personas: tuple[Name, ...] = ()


class Moment(Declared):
    """A moment that matters: what opens it, what resolves it and by when, and how it is recovered."""

    moment: Name
    owner: Name
    about: Text
    starts_on: tuple[Name, ...] = Field(min_length=1)
    resolved_by: tuple[Name, ...] = Field(min_length=1)
    of_one_subject: bool = Field(False, description="What resolves it must be about the same subject")
    once: bool = Field(False, description="Only the first of a person counts")
    within_hours: float = Field(gt=0, le=24 * MOST_DAYS)
    recovery_hours: float = Field(
        0, ge=0, le=24 * MOST_DAYS, description="Resolved so long after the deadline, it counts as recovered"
    )
    risks: tuple[Text, ...] = Field(min_length=1)
    depends_on: tuple[Text, ...] = Field(min_length=1, description="Systems and processes behind the stage")
    recovery: Text
    guardrails: tuple[Text, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _starts_and_ends_differ(self) -> "Moment":
        if both := sorted(set(self.starts_on) & set(self.resolved_by)):
            raise ValueError(f"{', '.join(both)} cannot both open and resolve it")
        return self


class Handoff(Declared):
    """A change of channel that the business arranges, and what shows that the person had to begin anew."""

    handoff: Name
    owner: Name
    from_: Name = Field(alias="from")
    to: Name
    within_hours: float = Field(gt=0, le=24 * MOST_DAYS)
    kept_when: tuple[Name, ...] = Field((), description="Signals after the change that say: it went on from there")
    lost_when: tuple[Name, ...] = Field((), description="Signals after it that say: the person had to begin anew")

    @model_validator(mode="after")
    def _two_channels(self) -> "Handoff":
        if self.from_ == self.to:
            raise ValueError("a handoff leads to another channel")
        if not (self.kept_when or self.lost_when):
            raise ValueError("say by kept_when, lost_when or both how it is seen whether the context was kept")
        if both := sorted(set(self.kept_when) & set(self.lost_when)):
            raise ValueError(f"{', '.join(both)} cannot say both that the context was kept and that it was lost")
        return self


class Friction(Declared):
    """A sign that something is harder than it should be.

    ``happened``: `signal` occurs. ``repeated``: it occurs `times` times within the time, or so often about one subject
    if `of_one_subject`, as rage clicks do on one button. ``followed``: `then` comes
    within the time after it. ``not_followed``: `then` does not come within the time after it. ``slow``: `then` comes,
    but later than the time, however much later. ``two_channels``: it occurs in two channels within the time.
    ``back_and_forth``: three contacts within the time of which the first and the third, but not the second, are in one
    channel. With `after` only those signals count before which one of these came within the time: an error is no cart
    that is left where nothing was in it.
    """

    friction: Name
    about: Text
    pattern: Literal["happened", "repeated", "followed", "not_followed", "slow", "two_channels", "back_and_forth"]
    signal: Name
    then: tuple[Name, ...] = ()
    after: tuple[Name, ...] = Field((), description="One of these must have come within the time before the signal")
    times: int = Field(2, ge=2, le=20)
    of_one_subject: bool = Field(False, description="What is repeated must be about the same subject")
    minutes: float | None = Field(None, gt=0, le=24 * 60 * MOST_DAYS)
    weight: float = Field(gt=0, description="Effort of one occurrence; 1 is about that of filling in a form anew")

    @model_validator(mode="after")
    def _pattern_has_its_words(self) -> "Friction":
        if (self.pattern in ("followed", "not_followed", "slow")) != bool(self.then):
            raise ValueError("`then` is for followed, not_followed and slow, which need it")
        if (self.pattern == "happened") != (self.minutes is None):
            raise ValueError("every pattern but happened needs `minutes`")
        if self.after and self.pattern in ("happened", "back_and_forth"):
            raise ValueError("`after` is not for happened, which has no time, nor for back_and_forth")
        if self.of_one_subject and self.pattern != "repeated":
            raise ValueError("`of_one_subject` is for repeated")
        return self


class Behaviour(Declared):
    """How often a person gave a signal in the days before the run's date."""

    signal: Name
    days: int = Field(ge=1, le=MOST_DAYS)
    at_least: int | None = Field(None, ge=1)
    at_most: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Behaviour":
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"nobody does it {self.at_least} times at least and {self.at_most} at most")
        return self


class Persona(Declared):
    """People who behave alike; who fits several has the first, and who fits none has none."""

    persona: Name
    about: Text
    behaves: tuple[Behaviour, ...] = Field(min_length=1)


class Indicator(Declared):
    """An early sign that is held to foretell an outcome; tested, not believed."""

    indicator: Name
    claim: Text
    from_stage: Name = Field(description="Days count from the first entry of this stage")
    signal: Name
    within_days: int = Field(ge=1, le=MOST_DAYS)
    outcome: Name = Field(description="A stage")
    outcome_within_days: int = Field(ge=1, le=MOST_DAYS, description="Counted from the end of the early days")


class Voice(Declared):
    """What people say: signals that say they are content, and signals that say they are not."""

    content: tuple[Name, ...] = Field(min_length=1)
    unhappy: tuple[Name, ...] = Field(min_length=1)


class ExampleEvent(Declared):
    """One event of an example."""

    at: AwareDatetime
    event: Name
    channel: Name | None = None
    properties: dict[str, str | int | float | bool] = {}


class ExampleSpell(Declared):
    """A stage that the example must pass, in order."""

    stage: Name
    entered: AwareDatetime


class Example(Declared):
    """A whole journey: what one person did, and the stages that must come of it."""

    example: Text
    until: datetime.date = Field(lt=datetime.date(9000, 1, 1))
    events: tuple[ExampleEvent, ...] = Field(min_length=1)
    stages: tuple[ExampleSpell, ...]


class Journey(Declared):
    """One journey of one kind of person."""

    journey: Name
    about: Text
    owner: Name
    value_signal: Name = Field(description="The signal at which the person first has what they came for")
    stages: tuple[Stage, ...] = Field(min_length=2)
    moments: tuple[Moment, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    friction: tuple[Friction, ...] = ()
    personas: tuple[Persona, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    voice: Voice | None = None
    examples: tuple[Example, ...] = Field(min_length=1)

    @property
    def names(self) -> tuple[str, ...]:
        """The stages, in their order."""
        return tuple(stage.stage for stage in self.stages)

    def ways(self) -> list["Way"]:
        """Every way from stages into one: those that the stages say to be entered by, then those by which they end."""
        entering = [
            Way(stage.stage, self._sources_of(stage, turning), turning)
            for stage in self.stages
            for turning in stage.enters
        ]
        leaving = [Way(turning.to, (stage.stage,), turning) for stage in self.stages for turning in stage.exits]
        return entering + leaving

    def _sources_of(self, stage: Stage, entering: Entering) -> tuple[str, ...]:
        if entering.from_ is not None:
            return entering.from_
        if stage.lifecycle == "lapse":
            return tuple(other.stage for other in self.stages if other.lifecycle != "lapse")
        before = self.stages[: self.names.index(stage.stage)]
        return (START, *(other.stage for other in before if other.lifecycle != "lapse"))

    def transitions(self) -> list[tuple[str, str, str]]:
        """Every (stage, signal, next stage); a quiet time is the signal ``quiet.<number>``."""
        quiet = {id(way.turning): name for name, way in self.quiets()}
        return [
            (source, signal, way.to)
            for way in self.ways()
            for source in way.sources
            for signal in (way.turning.by or (quiet[id(way.turning)],))
        ]

    def quiets(self) -> list[tuple[str, "Way"]]:
        """Every way by days without a signal, with the name that it has among the signals."""
        found = [way for way in self.ways() if way.turning.after_days]
        return [(f"quiet.{number}", way) for number, way in enumerate(found, 1)]

    def signals(self) -> list[str]:
        """Every signal that decides the stages, sorted."""
        return sorted({name for way in self.ways() for name in (*way.turning.by, *way.turning.without)})


@dataclass(frozen=True)
class Way:
    """From which stages (or ``start``) what leads to which stage."""

    to: str
    sources: tuple[str, ...]
    turning: Turning
