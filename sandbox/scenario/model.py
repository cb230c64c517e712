"""What a scenario's sandbox.yml declares: people, what they are known by, and their lives as states with events.

No line of it is code: delays and amounts are ranges, choices are weights, and every draw is seeded by person and place.
"""

import datetime
import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, model_validator

from contracts.base import Declared, Name, Text

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Range = tuple[float, float]
OWN = ("first_name", "last_name", "name", "email", "phone", "birth_date", "street", "city", "postcode", "country",
       "region", "kind")  # fmt: skip
"""What everybody has without declaring it."""
ARRIVED = "arrived"
"""The state before the first one; no state may bear its name."""


def _as_words(given: Any) -> Any:
    """Keys of weights are words, whatever YAML takes them for; true and false in JSON's words."""
    if not isinstance(given, dict):
        return given
    return {str(key).lower() if isinstance(key, bool) else str(key): value for key, value in given.items()}


Weights = Annotated[dict[str, Weight], BeforeValidator(_as_words), Field(min_length=1)]


class Delay(Declared):
    """A time between two bounds of one unit."""

    seconds: Range | None = None
    minutes: Range | None = None
    hours: Range | None = None
    days: Range | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> "Delay":
        given = [bounds for bounds in (self.seconds, self.minutes, self.hours, self.days) if bounds is not None]
        if len(given) != 1:
            raise ValueError("give one of seconds, minutes, hours, days")
        if not 0 <= given[0][0] <= given[0][1]:
            raise ValueError("the first bound must not be below 0, nor above the second")
        return self

    @property
    def bounds(self) -> Range:
        """The bounds in seconds."""
        units = ((self.seconds, 1), (self.minutes, 60), (self.hours, 3_600), (self.days, 86_400))
        for bounds, seconds in units:
            if bounds is not None:
                return bounds[0] * seconds, bounds[1] * seconds
        raise AssertionError("a delay has a unit")


class Draw(Declared):
    """Where a property's value comes from."""

    person: Name | None = Field(None, description="What the person has: an id of `ids`, a name, an address")
    one_of: Weights | None = Field(None, description="Words, each with its weight")
    between: Range | None = Field(None, description="A number, each as likely as any other")
    around: float | None = Field(None, gt=0, description="A number, of a log-normal distribution with this median")
    spread: float = Field(0.3, gt=0, description="Of `around`: the standard deviation of the logarithm")
    decimals: int = Field(0, ge=0, le=6)
    new: str | None = Field(None, description="An id that all events of one script share, after these letters")

    @model_validator(mode="after")
    def _one_way(self) -> "Draw":
        ways = (self.person, self.one_of, self.between, self.around, self.new)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give one of person, one_of, between, around, new")
        if self.between and self.between[0] > self.between[1]:
            raise ValueError("between: the first bound is above the second")
        return self


Given = str | int | float | bool | Draw


class Branch(Declared):
    """One of several ways to go on."""

    weight: Weight
    tag: Name | None = None
    steps: "tuple[Step, ...]" = ()


class Step(Declared):
    """One thing that happens: an event, a choice, a script, or a change of state."""

    event: Name | None = None
    choose: tuple[Branch, ...] = ()
    play: Name | None = None
    to: Name | None = None
    after: Delay | None = Field(None, description="Since the step before")
    chance: Share = 1.0
    tag: Name | None = Field(None, description="Kinds of people multiply the chance by what they say of it")
    times: tuple[int, int] = (1, 1)
    every: Delay | None = Field(None, description="Between several times")
    channel: Name | None = None
    known: bool | None = Field(None, description="Whether the message says who it is; left out, the channel's share")
    properties: dict[str, Given] = {}
    traits: dict[str, Given] = {}

    @model_validator(mode="after")
    def _one_thing(self) -> "Step":
        if sum((self.event is not None, bool(self.choose), self.play is not None, self.to is not None)) != 1:
            raise ValueError("give one of event, choose, play, to")
        if (self.event is None) != (self.channel is None):
            raise ValueError("an event needs a channel, and nothing else has one")
        if self.event is None and (self.properties or self.traits or self.known is not None):
            raise ValueError("properties, traits and known are an event's")
        if not 0 <= self.times[0] <= self.times[1]:
            raise ValueError("times: the first bound must not be below 0, nor above the second")
        if self.choose and not any(branch.weight for branch in self.choose):
            raise ValueError("choose: some weight must be above 0")
        return self


class Doing(Declared):
    """What happens again and again while somebody is in a state."""

    per_day: float = Field(gt=0, le=100)
    season: Name | None = None
    tag: Name | None = None
    steps: tuple[Step, ...] = Field(min_length=1)


class Way(Declared):
    """A way out of a state, and after what time."""

    to: Name
    weight: Weight = 1.0
    tag: Name | None = None
    after: Delay


class State(Declared):
    """A part of a life. Without a way out it lasts until a script leads on."""

    about: Text
    begins: tuple[Step, ...] = ()
    does: tuple[Doing, ...] = ()
    then: tuple[Way, ...] = ()


class Arrival(Declared):
    """How people come in: in which state, on which days, and what they have already."""

    state: Name
    weight: Weight = 1.0
    since: datetime.date | None = None
    until: datetime.date | None = None
    has: tuple[Name, ...] = Field((), description="Ids that they have from the beginning")


class Dated(Declared):
    """What happens to many people on one day: a payday, a mailing, an outage."""

    name: Name
    days: tuple[datetime.date, ...] = ()
    each_month_on: int | None = Field(None, ge=1, le=28)
    hours: Range = (8, 20)
    states: tuple[Name, ...] = Field(min_length=1)
    where: dict[Name, tuple[str, ...]] = Field({}, description="Only people of whom this holds, such as their region")
    share: Share = 1.0
    tag: Name | None = None
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_days(self) -> "Dated":
        if bool(self.days) == (self.each_month_on is not None):
            raise ValueError("give either `days` or `each_month_on`")
        if not 0 <= self.hours[0] <= self.hours[1] <= 24:
            raise ValueError("hours are two of one day, in order")
        return self


class Id(Declared):
    """What somebody is known by. ``#`` stands for a digit, ``?`` for a hexadecimal one, ``uuid`` for a whole UUID."""

    form: str = Field(min_length=1)
    since: Name | None = Field(None, description="The event from which on they have it; left out, from the beginning")
    lasts_days: int | None = Field(None, ge=1, description="Then it is another one, as a browser's id is")
    shared: Share = Field(0.0, description="Of the second of a pair: how many use that of the first")


class Place(Declared):
    """A town. In the postcode, ``#`` stands for a digit and ``@`` for a letter."""

    city: Text
    postcode: str
    region: str = Field(min_length=1)
    weight: Weight = 1.0


class Kind(Declared):
    """People who are alike: how much more or less likely they do what bears a tag."""

    weight: Weight
    times: dict[Name, float] = {}


class People(Declared):
    """Who there is."""

    count: int = Field(ge=1, description="How many, unless the command says otherwise")
    pairs: Share = Field(0.0, description="Share of people who live with the person before them")
    born: tuple[int, int]
    country: str
    phones: tuple[str, ...] = Field(min_length=1, description="Forms of telephone numbers; # stands for a digit")
    places: tuple[Place, ...] = Field(min_length=1)
    kinds: dict[Name, Kind] = Field(min_length=1)
    ids: dict[Name, Id] = Field(min_length=1)
    arrive: tuple[Arrival, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be(self) -> "People":
        if taken := sorted(set(self.ids) & set(OWN)):
            raise ValueError(f"ids: {', '.join(taken)} is what everybody has; name them otherwise")
        if self.born[0] > self.born[1]:
            raise ValueError("born: the first year is after the second")
        for form in self.phones:
            if not re.fullmatch(r"\+[0-9# ()-]+", form):
                raise ValueError(f"{form} is no form of a telephone number: write it as +44 113 496 0###")
        return self


class Channel(Declared):
    """How messages of a channel are sent: by which source, and what each says of its person."""

    source: Name
    anonymous_id: Name | None = Field(None, description="An id of the person")
    user_id: Name | None = Field(None, description="An id of the person, given where they are known")
    known_share: Share = Field(1.0, description="Of messages that do not say: how many are of somebody known")
    properties: dict[str, Given] = {}
    traits: dict[str, Given] = {}
    typos: Share = Field(0.0, description="Of what a person says of themselves: how much is written down wrongly")


class Late(Declared):
    """Messages that come days after what they tell of."""

    share: Share
    days: Range


class Noise(Declared):
    """What goes wrong on the way: each bad line is one more, and no good line is lost to it."""

    duplicates: Share = 0.0
    truncated: Share = 0.0
    late: Late | None = None


class Scenario(Declared):
    """sandbox.yml."""

    scenario: Name
    about: Text
    seed: int
    zone: str
    first_day: datetime.date
    last_day: datetime.date
    hours: Weights = Field(description="At which hours of the day people do things")
    people: People
    channels: dict[Name, Channel] = Field(min_length=1)
    seasons: dict[Name, dict[int, Weight]] = Field({}, description="By month, how much more or less of it there is")
    scripts: dict[Name, tuple[Step, ...]] = {}
    states: dict[Name, State] = Field(min_length=1)
    calendar: tuple[Dated, ...] = ()
    noise: Noise = Noise()

    @model_validator(mode="after")
    def _can_be(self) -> "Scenario":
        if self.zone not in available_timezones():
            raise ValueError(f"{self.zone} is no time zone; write it as Europe/London")
        if self.first_day >= self.last_day:
            raise ValueError("last_day must be after first_day: the last day is a landing of its own")
        if ARRIVED in self.states:
            raise ValueError(f"{ARRIVED} is where everybody is before the first state")
        if wrong := [hour for hour in self.hours if not (hour.isdecimal() and int(hour) < 24)]:
            raise ValueError(f"hours: {', '.join(wrong)} is no hour from 0 to 23")
        if not any(self.hours.values()):
            raise ValueError("hours: some weight must be above 0")
        return self

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone)
