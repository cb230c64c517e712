"""Hypotheses as declared under contracts/hypotheses: a claim about people that the data can refute.

A comparison is of people who chose for themselves: a difference that holds is an association. What causes it, an
experiment tells.
"""

import datetime
from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text
from contracts.condition import Doers
from contracts.metric import FEWEST_SHOWN

Verdict = Literal["holds", "refuted", "not_enough_people", "not_judged_yet"]


class Comparison(Declared):
    """The metric among these people of the population, less the metric among those.

    Attributes:
        those: The others; without it, everybody else of the population.
    """

    these: Doers
    those: Doers | None = None


class Claimed(Declared):
    """The metric, or the difference of the comparison, is at least or at most this, in the metric's unit."""

    direction: Literal["at_least", "at_most"]
    threshold: float

    @property
    def text(self) -> str:
        return f"{self.direction.replace('_', ' ')} {self.threshold:g}"


class Answer(Declared):
    """What the owner says to a refuted claim: when, by the lake's calendar, who, and what follows from it."""

    answered_on: datetime.date
    by: Name
    text: Text


class Hypothesis(Declared):
    """contracts/hypotheses/<name>.yml."""

    hypothesis: Name
    claim: Text
    owner: Name
    why: Text
    metric: Name
    population: Doers = Doers()
    compare: Comparison | None = None
    claimed: Claimed
    refuted_if: Text
    judged_on: datetime.date
    minimum_people: int = Field(ge=FEWEST_SHOWN, description="Of the population; of a comparison, on each side")
    answer: Answer | None = None

    @model_validator(mode="after")
    def _an_answer_follows_a_verdict(self) -> "Hypothesis":
        if self.answer and self.answer.answered_on < self.judged_on:
            raise ValueError(f"it is answered on {self.answer.answered_on}, before it is judged, on {self.judged_on}")
        return self
