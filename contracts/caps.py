"""Caps: how often a person may be handed to destinations of a channel within a window of days.

Declared in contracts/consent/caps.yml. A delivery is one row of one export, whatever the destination then does with it;
it counts on the date of the release that it is of.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version
from contracts.export import Channel

REACHING: tuple[Channel, ...] = ("email", "ads", "sms", "push", "post", "phone")
"""The channels by which a destination reaches people."""


class Cap(Declared):
    """At most so many deliveries of a person within so many days, the day of the delivery among them.

    Attributes:
        channels: Which deliveries count, and which are refused; without it those of every channel that reaches people.
        purposes: Likewise; without it those for every purpose.
    """

    channels: tuple[Channel, ...] = Field(REACHING, min_length=1)
    purposes: tuple[Name, ...] | None = Field(None, min_length=1)
    at_most: int = Field(ge=1)
    days: int = Field(ge=1, le=366)
    why: Text

    def counts(self, channel: str, purpose: str) -> bool:
        """Whether a delivery by this channel and for this purpose counts, and is refused once there are enough."""
        return channel in self.channels and (self.purposes is None or purpose in self.purposes)


class Past(Declared):
    """A delivery, so many days before."""

    channel: Channel
    purpose: Name
    days_ago: int = Field(ge=0)


class CapExample(Declared):
    """What a person got, and one delivery more, which is allowed."""

    about: Text
    delivered: tuple[Past, ...]
    channel: Channel
    purpose: Name


class CapAntiExample(CapExample):
    """The same, which is refused: by which cap, and after how many days it is allowed again."""

    capped_by: Name
    again_in_days: int = Field(ge=1)


@dataclass(frozen=True)
class Breach:
    """The cap that one delivery more would break, and the first day on which it would not."""

    cap: str
    until: datetime.date


class Caps(Declared):
    """contracts/consent/caps.yml."""

    version: Version
    owner: Name
    why: Text
    caps: dict[Name, Cap] = Field(min_length=1)
    examples: tuple[CapExample, ...] = Field(min_length=1)
    anti_examples: tuple[CapAntiExample, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _examples_hold(self) -> "Caps":
        day = datetime.date(2017, 12, 31)
        for group in ("examples", "anti_examples"):
            for number, case in enumerate(getattr(self, group)):
                got = [(past.channel, past.purpose, day - datetime.timedelta(past.days_ago)) for past in case.delivered]
                found = breach(self.caps, got, case.channel, case.purpose, day)
                told = f"{found.cap}, again in {(found.until - day).days} days" if found else "allowed"
                wanted = "allowed"
                if isinstance(case, CapAntiExample):
                    wanted = f"{case.capped_by}, again in {case.again_in_days} days"
                if told != wanted:
                    raise ValueError(f"{group}.{number} is {told}, but says {wanted}: correct one of them")
        return self

    def of(self, channel: str, purpose: str) -> dict[str, Cap]:
        """The caps by which deliveries of a channel and a purpose are counted and refused."""
        return {name: cap for name, cap in self.caps.items() if cap.counts(channel, purpose)}


def breach(
    caps: dict[str, Cap],
    delivered: Iterable[tuple[str, str, datetime.date]],
    channel: str,
    purpose: str,
    day: datetime.date,
) -> Breach | None:
    """The cap that one delivery more on a day would break; of several the one that lasts longest.

    A delivery of a later day counts as one of an earlier day does, since any window must hold.

    Args:
        caps: By name.
        delivered: Channel, purpose and date of what the person got.
        channel: Of the one more.
        purpose: Of the one more.
        day: Of the one more.
    """
    got = list(delivered)
    found = []
    for name, cap in caps.items():
        if not cap.counts(channel, purpose):
            continue
        counted = [on for by, for_what, on in got if cap.counts(by, for_what) and abs((on - day).days) < cap.days]
        if len(counted) >= cap.at_most:
            nearest = sorted(counted, reverse=True)[cap.at_most - 1]
            found.append(Breach(name, nearest + datetime.timedelta(cap.days)))
    return min(found, key=lambda item: (-item.until.toordinal(), item.cap), default=None)
