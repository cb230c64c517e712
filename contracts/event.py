"""The event dictionary: one YAML an event, under contracts/events/<channel>/."""

import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version
from contracts.table import PrivacyClass

EventType = Literal["track", "identify", "page", "screen", "group", "alias"]
PropertyType = Literal["string", "number", "integer", "boolean", "timestamp", "json"]
EARLIEST = datetime.date(1990, 1, 1)
"""No event is older, and no run stands for an earlier day: such a date is a clock that was never set."""


class Property(Declared):
    """One property or trait.

    A value is of a type if it can be read as one without loss: ``"3"`` is an integer, ``"three"`` is not.
    """

    type: PropertyType = "string"
    about: Text
    required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    privacy: PrivacyClass = "behavioural"


class ConsentEffect(Declared):
    """What an event says about permission; a value of the form ``properties.x`` is taken from the event.

    Without a topic it speaks of the whole purpose. ``until`` ends a pause; a pause without it lasts until a later yes.
    """

    purpose: str
    status: str
    notice_version: str | None = None
    region: str | None = None
    topic: str | None = None
    until: str | None = None


class Example(Declared):
    """A record as the channel sends it. ``record`` is a JSON object or the cells of a CSV row by column."""

    source: Name
    record: dict[str, Any] | None = None
    line: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Example":
        if (self.record is None) == (self.line is None):
            raise ValueError("give either `record` or `line`")
        return self


class AntiExample(Example):
    """A record that must be refused, and the code of the reason silver must give."""

    refused_as: Name


FIXED_EVENTS = {
    "identify": "customer_identified",
    "page": "page_viewed",
    "screen": "screen_viewed",
    "group": "group_joined",
    "alias": "id_aliased",
}
"""What the calls of Segment's envelope are that have no event of their own, where no mapping says otherwise."""


class Event(Declared):
    """One event: who may send it, and what it must carry."""

    event: Name
    version: Version
    owner: Name
    about: Text
    why: Text
    type: EventType = "track"
    sources: tuple[Name, ...] = Field(min_length=1)
    direction: Literal["inbound", "outbound"] = "inbound"
    also_called: tuple[Name, ...] = ()
    properties: dict[str, Property] = {}
    traits: dict[str, Property] = {}
    consent: ConsentEffect | None = None
    deprecated_on: datetime.date | None = None
    examples: tuple[Example, ...] = Field(min_length=1)
    anti_examples: tuple[AntiExample, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        return self.event
