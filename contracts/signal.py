"""Signals: what journeys, moments, friction and metrics go by, each a condition over events of the dictionary.

A signal has a name that the business uses (``bought``), and says which events, with which properties, mean it. It is
declared once, in contracts/signals.yml; no SQL is written there.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Declared, Name, Text

Scalar = str | int | float | bool
Word = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True, pattern=r"^[^\x00-\x1f]+$")]


class Test(Declared):
    """What a property must be; of several words all must hold. A property that is not given meets none but ``given``.

    Numbers are compared as numbers, anything else as text. ``mentions`` looks for words within what somebody wrote,
    such as a ticket's subject, in whatever case; that they stand there is all that a signal tells of the text.
    """

    is_: Scalar | None = Field(None, alias="is")
    one_of: tuple[Scalar, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    mentions: tuple[Word, ...] = Field((), description="Whole words or phrases, one of which the text has")
    given: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Test":
        says = bool(self.words or self.mentions or self.is_numeric)
        if not says and self.given is None:
            raise ValueError(
                "say what the property must be: is, one_of, at_least, at_most, above, below, mentions or given"
            )
        if self.given is False and says:
            raise ValueError("a property that is not given can be nothing else")
        return self

    @property
    def words(self) -> tuple[Scalar, ...]:
        """The values of which the property must be one; empty where any will do."""
        return ((self.is_,) if self.is_ is not None else ()) + self.one_of

    @property
    def is_numeric(self) -> bool:
        """Whether it compares by size, which only numbers have."""
        return any(bound is not None for bound in (self.at_least, self.at_most, self.above, self.below))

    def holds(self, value: Any) -> bool:
        """Whether a value, as the event has it, meets the test."""
        if value is None:
            return self.given is False
        if self.given is False:
            return False
        if self.is_ is not None and not same(value, self.is_):
            return False
        if self.one_of and not any(same(value, word) for word in self.one_of):
            return False
        if self.mentions and not mentioned(self.mentions, as_text(value)):
            return False
        return self._within(value)

    def _within(self, value: Any) -> bool:
        if not self.is_numeric:
            return True
        number = as_number(value)
        if number is None:
            return False
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )


def as_number(value: Any) -> float | None:
    """A value as a number; None where it is none."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def as_text(value: Any) -> str:
    """A value as silver keeps it: booleans in JSON's words."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def same(value: Any, word: Scalar) -> bool:
    """Whether a value is what a contract says: as a number where the contract gives a number, else as text."""
    if isinstance(word, int | float) and not isinstance(word, bool):
        return as_number(value) == float(word)
    return as_text(value) == as_text(word)


_SIGNS = re.compile(r"([!-/:-@[-`{-~])")


def mention(words: Iterable[str]) -> str:
    """A pattern that finds one of some words where no letter or digit goes on; Python and Java read it alike."""
    escaped = "|".join(_SIGNS.sub(r"\\\1", word) for word in words)
    return rf"(?<!\w)(?:{escaped})(?!\w)"


def mentioned(words: Iterable[str], text: str) -> bool:
    """Whether a text has one of some words, in whatever case."""
    return re.search(mention(words), text, re.IGNORECASE) is not None


class Occurrence(Declared):
    """One way in which a signal occurs."""

    event: Name
    where: dict[Name, Test] = {}
    once_per: Name | None = Field(
        None, description="A property: events of one person that share its value are one occurrence, at the first"
    )
    value: Name | None = Field(
        None, description="A number of the event that says how much it is worth, such as a price"
    )
    subject: Name | None = Field(None, description="A property that says what it is about, such as a ticket's number")
    via: Name | None = Field(
        None, description="A property that names the channel, where the source stands for several, as a desk's does"
    )


class Signal(Declared):
    """Something that a person does or meets, in the words of the business."""

    about: Text
    any_: tuple[Occurrence, ...] = Field(alias="any", min_length=1)

    @model_validator(mode="after")
    def _each_event_once(self) -> "Signal":
        seen: list[tuple[str, dict[str, Test]]] = []
        for occurrence in self.any_:
            if (occurrence.event, occurrence.where) in seen:
                raise ValueError(f"{occurrence.event} with the same condition is named twice")
            seen.append((occurrence.event, occurrence.where))
        return self


class Signals(Declared):
    """All signals of one contracts folder."""

    signals: dict[Name, Signal] = Field(min_length=1)
