"""Experiments: one YAML each, under contracts/experiments/. What was declared before the start decides afterwards.

Arms are given out by ``contracts.bucketing``. A file stays when its experiment is over: the ledger shows all of them.
"""

import datetime
import hashlib
import json
import math
from typing import Literal

from pydantic import Field, model_validator

from contracts import bucketing
from contracts.base import Declared, Name, Text, Version

Status = Literal["draft", "running", "stopped", "dead"]
HashAttribute = Literal["profile_id", "user_id", "anonymous_id"]
CLOSED: tuple[Status, ...] = ("stopped", "dead")
_NOT_OF_PLAN = {"version", "owner", "status", "why", "stopped_on", "learned"}
"""What may be written while it runs."""


class Metric(Declared):
    """What is counted of a person, in a window of days from their first exposure on.

    Attributes:
        aggregate: How many such events; the sum of a property of theirs; or 1 if there was any, else 0.
        window_days: A person counts once the window is over.
        direction: Which way is better.
        cuped_days: Days before the exposure over which the same is counted, to take out what people differed in already
            (CUPED). Without it nothing is taken out.
    """

    event: Name
    aggregate: Literal["count", "sum", "any"]
    property: Name | None = Field(None, description="Of the event; for a sum only.")
    window_days: int = Field(ge=1, le=366)
    direction: Literal["up", "down"]
    cuped_days: int | None = Field(None, ge=1, le=366)

    @model_validator(mode="after")
    def _sums_a_property(self) -> "Metric":
        if (self.aggregate == "sum") != (self.property is not None):
            raise ValueError("a sum names the property that it sums, and nothing else has one")
        return self


class Guardrail(Metric):
    """A metric that may get worse by so much at most, as a share of the control arm's mean."""

    tolerated_harm: float = Field(gt=0, lt=1)


class Population(Declared):
    """Who takes part.

    Attributes:
        audience: ``everyone``, or the mart of an audience. It says whom to show the experiment to; whoever was shown it
            counts, in the audience or not, since to leave it may be an effect.
        countries: As gold.profiles has them; people of others, or of none that is known, do not count.
    """

    audience: Name = "everyone"
    countries: tuple[str, ...] | None = Field(None, min_length=1)

    @property
    def mart(self) -> str | None:
        """The table of the audience; None for everyone."""
        return None if self.audience == "everyone" else f"gold.{self.audience}"


class Namespace(Declared):
    """A range of a GrowthBook namespace: experiments of one namespace whose ranges do not meet share nobody."""

    name: Name
    start: float = Field(ge=0, lt=1)
    end: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _is_a_range(self) -> "Namespace":
        if self.end <= self.start:
            raise ValueError(f"the range ends at {self.end}, and starts at {self.start}")
        return self

    @property
    def range(self) -> bucketing.Range:
        return self.start, self.end

    def meets(self, other: "Namespace") -> bool:
        """Whether somebody can be in both."""
        return self.name == other.name and self.start < other.end and other.start < self.end


class Stop(Declared):
    """When there is a verdict.

    Attributes:
        rule: ``fixed_horizon``: once, when the last window is over. ``sequential``: on every day, by an interval that
            holds however often one looks.
        tuned_for: For ``sequential``, the people at whose number that interval is narrowest.
    """

    rule: Literal["fixed_horizon", "sequential"]
    tuned_for: int | None = Field(None, ge=100)

    @model_validator(mode="after")
    def _is_tuned(self) -> "Stop":
        if (self.rule == "sequential") != (self.tuned_for is not None):
            raise ValueError("a sequential rule says for how many people it is tuned (tuned_for), a fixed one does not")
        return self


class Experiment(Declared):
    """contracts/experiments/<name>.yml.

    Attributes:
        kind: A ``holdout`` keeps a range of a namespace away from what all others get: its first arm is in the range.
            Exports that name it (``holdouts``) leave that arm out.
        starts_on: First day of exposure, in UTC.
        ends_on: Last day of exposure, as planned; it does not move when the experiment is stopped.
        stopped_on: The day on which a stopped one was stopped, its last of exposure. A fixed horizon that was stopped
            before its end was looked at, so it is decided by the interval that holds at every look.
        exposure: ``logged``: somebody takes part once an `experiment_viewed` says so. ``assigned``: everybody who is
            known takes part from the start, or from their first event.
        arms: Shares that add up to 1; the order is that of GrowthBook's variations, from 0.
        minimum_effect: The smallest change of the primary metric worth finding, as a share of the control arm's mean.
        power: Wanted chance to find it.
        alpha: Accepted chance to find one where there is none.
        at_least: People in each arm before anything is said.
        on_merge: What becomes of a person whose records saw different arms, once they are one person. To ``exclude``
            them is fair to arms of equal shares only: of two records of one person 81 in 100 are both in an arm of
            nine tenths, and 1 in 100 both in one of a tenth, whose people of many records would be gone.
        learned: What came of it, once it is over.
    """

    experiment: Name
    version: Version
    owner: Name
    status: Status
    hypothesis: Text
    why: Text
    kind: Literal["experiment", "holdout"] = "experiment"
    starts_on: datetime.date
    ends_on: datetime.date
    stopped_on: datetime.date | None = None
    seed: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    hash_version: Literal[1, 2] = 2
    hash_attribute: HashAttribute
    exposure: Literal["logged", "assigned"] = "logged"
    population: Population = Population()
    namespace: Namespace | None = None
    coverage: float = Field(1.0, gt=0, le=1)
    arms: dict[Name, float] = Field(min_length=2, max_length=8)
    control: Name
    primary: Metric
    guardrails: dict[Name, Guardrail] = {}
    minimum_effect: float = Field(gt=0, le=10)
    power: float = Field(0.8, ge=0.5, lt=1)
    alpha: float = Field(0.05, gt=0, le=0.2)
    at_least: int = Field(100, ge=30)
    stop: Stop
    on_merge: Literal["exclude", "first_exposure"]
    learned: Text | None = None

    @model_validator(mode="after")
    def _dates_and_arms(self) -> "Experiment":
        if self.ends_on < self.starts_on:
            raise ValueError(f"it ends on {self.ends_on}, before it starts on {self.starts_on}")
        if any(not 0 < weight < 1 for weight in self.arms.values()):
            raise ValueError("an arm has a share between 0 and 1")
        if not math.isclose(sum(self.arms.values()), 1, abs_tol=1e-9):
            raise ValueError(f"the arms add up to {sum(self.arms.values()):g}, not to 1")
        if self.control not in self.arms:
            raise ValueError(f"the control {self.control} is none of the arms: {', '.join(self.arms)}")
        if (self.status == "stopped") != (self.stopped_on is not None):
            raise ValueError("one that is stopped says on which day (stopped_on), and no other does")
        if self.stopped_on is not None and not self.starts_on <= self.stopped_on <= self.ends_on:
            raise ValueError(f"it was stopped on {self.stopped_on}, not between {self.starts_on} and {self.ends_on}")
        if (self.status in CLOSED) != (self.learned is not None):
            raise ValueError("one that is stopped or dead says what was learned, and no other does")
        if self.on_merge == "exclude" and not math.isclose(min(self.arms.values()), max(self.arms.values())):
            raise ValueError("to exclude who saw two arms takes more of a smaller arm: count them by first_exposure")
        if "primary" in self.guardrails:
            raise ValueError("a guardrail is not called primary, which is the name of the first metric")
        return self

    @model_validator(mode="after")
    def _can_be_given_out(self) -> "Experiment":
        if self.exposure == "assigned" and self.hash_attribute != "profile_id":
            raise ValueError("what is assigned to everybody is hashed by profile_id")
        if self.exposure == "assigned" and self.population.audience != "everyone":
            raise ValueError("whom an audience holds may be an effect of it: assign everyone, or log exposures")
        if self.kind == "holdout":
            first = next(iter(self.arms.values()))
            if self.namespace is None or not math.isclose(self.namespace.end - self.namespace.start, first):
                raise ValueError("the first arm of a holdout is a range of a namespace, as long as its share")
            if len(self.arms) != 2 or self.coverage != 1:
                raise ValueError("a holdout has two arms, who is held out and everybody else, and covers all")
        return self

    @property
    def name(self) -> str:
        return self.experiment

    @property
    def last_day(self) -> datetime.date:
        """The last day of exposure."""
        return self.stopped_on or self.ends_on

    @property
    def is_looked_at(self) -> bool:
        """Whether it may end by what was seen, so that only an interval that holds at every look decides."""
        return self.stop.rule == "sequential" or self.last_day < self.ends_on

    @property
    def plan(self) -> str:
        """A hash of all that is to stand before the start: whom, what, how much, until when and by which rule."""
        told = self.model_dump(mode="json", exclude=_NOT_OF_PLAN, exclude_defaults=True)
        told["arms"] = list(self.arms.items())  # their order is that of the hash
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def treatments(self) -> tuple[str, ...]:
        """The arms but the control, in their order."""
        return tuple(arm for arm in self.arms if arm != self.control)

    @property
    def metrics(self) -> dict[str, Metric]:
        """The primary metric, called so, and the guardrails."""
        return {"primary": self.primary, **self.guardrails}

    @property
    def ranges(self) -> tuple[bucketing.Range, ...]:
        """The range of [0, 1) of each arm."""
        return bucketing.ranges(tuple(self.arms.values()), self.coverage)

    def arm_of(self, hashed: str) -> str | None:
        """The arm that an id is in; None if it takes no part."""
        arms = tuple(self.arms)
        if self.namespace is not None:
            is_inside = bucketing.in_namespace(self.namespace.name, hashed, self.namespace.range)
            if self.kind == "holdout":
                return arms[0] if is_inside else arms[1]
            if not is_inside:
                return None
        place = bucketing.chosen(bucketing.bucket(self.seed, hashed, self.hash_version), self.ranges)
        return None if place == bucketing.NOBODY else arms[place]

    def is_on(self, day: datetime.date) -> bool:
        """Whether it takes people in on a day; of one that was stopped, whether it did."""
        return self.status in ("running", "stopped") and self.starts_on <= day <= self.last_day

    def overlaps(self, other: "Experiment") -> bool:
        """Whether both take people in on some day."""
        return self.starts_on <= other.last_day and other.starts_on <= self.last_day
