"""Attribution: which touchpoints share the credit for which outcomes, and by what settings; contracts/attribution.yml.

A touchpoint counts for the first outcome of its person that follows it within the lookback: an outcome ends a journey,
and what came before it counts for no later one. Touchpoints that no outcome follows are journeys without one, cut so
that none is longer than the lookback; those for which the lookback is not over yet count for nothing.
"""

import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version

MODELS = ("first", "last", "linear", "time_decay", "position", "markov", "shapley")
"""The models, simplest first."""
NO_TOUCHPOINT = "no_touchpoint"
"""Orders that no touchpoint came before within the lookback."""
NO_PERSON = "no_person"
"""Orders that name nobody."""
NOT_YET = "not_yet"
"""Orders of after the run's date, which count for nothing yet."""
OTHER = "other"
"""What few people did, told together."""
RESERVED = ("all", "none", "open", OTHER, NO_TOUCHPOINT, NO_PERSON, NOT_YET)
"""Names in the tables that no channel may have."""
MOST_CHANNELS = 12
"""Shapley values are computed over all sets of channels, of which there are 2 to the power of their number."""
MOST_SHAPES = 1000
"""How many combinations of shapes the media mix tries at most."""

Share = Annotated[float, Field(ge=0, le=1)]


class Outcome(Declared):
    """What credit is given for: the rows of a mart, and the columns that say whose, when and how much."""

    table: Literal["gold.orders"]
    person: Name
    at: Name
    value: Name


class TouchChannel(Declared):
    """Touchpoints that are one channel to attribution: of gold.touchpoints, by channel, direction and kind.

    Attributes:
        campaigns: Whether the events carry a campaign_id, by which the credit is told apart too.
    """

    about: Text
    channel: Name
    direction: Literal["inbound", "outbound"]
    kinds: tuple[Name, ...] = Field(min_length=1)
    campaigns: bool = False


class Position(Declared):
    """What the first and the last touchpoint get; those between share the rest. Of two, these two share all."""

    first: Share
    last: Share

    @model_validator(mode="after")
    def _at_most_all(self) -> "Position":
        if self.first + self.last > 1:
            raise ValueError(f"first and last get {self.first + self.last:g} of the credit: let them get 1 at most")
        return self


class MediaMix(Declared):
    """How sales by week and region are set against what was sent there.

    Attributes:
        channels: The media: channels that are sent, whatever the person does.
        region: A column of gold.profiles that says where a person is.
        people_at_least: Regions with fewer people are one region, ``elsewhere``.
        weeks_at_least: With fewer weeks nothing is said.
        holdout_weeks: The last weeks, which are predicted from those before to tell how well it predicts.
        adstock: Shares of a week's effect that last into the next, of which the best fitting is taken.
        saturation: How much less the average exposure does than it would without saturation, s in x / (1 + s x / mean);
            0 is none. The best fitting is taken.
        collinear_above: A channel whose variance inflation factor is above it is told as not known.
    """

    channels: tuple[Name, ...] = Field(min_length=1)
    region: Name
    people_at_least: int = Field(20, ge=5)
    weeks_at_least: int = Field(30, ge=20)
    holdout_weeks: int = Field(8, ge=4)
    adstock: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(min_length=1)
    saturation: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    collinear_above: float = Field(10, gt=1)

    @model_validator(mode="after")
    def _can_be_tried(self) -> "MediaMix":
        shapes = (len(self.adstock) * len(self.saturation)) ** len(self.channels)
        if shapes > MOST_SHAPES:
            raise ValueError(
                f"{shapes} combinations of adstock and saturation over {len(self.channels)} channels: "
                f"declare fewer values, {MOST_SHAPES} combinations at most"
            )
        if self.holdout_weeks * 2 > self.weeks_at_least:
            raise ValueError(f"holdout_weeks is over half of weeks_at_least, {self.weeks_at_least}: hold fewer out")
        return self


class ExperimentLift(Declared):
    """An experiment in which an arm got a channel that its control did not; its primary metric is the outcome's value.

    The arm is everybody whom the channel reaches, and their windows are the days over which channels are credited, so
    that what was measured and what models credit are of the same people and days. Who became known only after the first
    day has a window of their own.

    Attributes:
        arm: That got the channel. What it added is its difference to the control over the people of the arm.
        since: The first day of the experiment.
        until: The last day of the windows that begin with it.
    """

    channel: Name
    arm: Name
    method: Literal["holdout", "ghost_ad", "geo"]
    since: datetime.date
    until: datetime.date

    @model_validator(mode="after")
    def _is_in_order(self) -> "ExperimentLift":
        if self.until < self.since:
            raise ValueError(f"until, {self.until}, is before since, {self.since}")
        return self


class Attribution(Declared):
    """contracts/attribution.yml.

    Attributes:
        experiments: Those that measure what a channel adds, by their names.
    """

    version: Version
    owner: Name
    why: Text
    outcome: Outcome
    lookback_days: int = Field(ge=1, le=366)
    half_life_days: float = Field(gt=0, le=366)
    position: Position
    channels: dict[Name, TouchChannel] = Field(min_length=1, max_length=MOST_CHANNELS)
    media_mix: MediaMix | None = None
    experiments: dict[Name, ExperimentLift] = {}

    @model_validator(mode="after")
    def _channels_are_told_apart(self) -> "Attribution":
        whose: dict[tuple[str, str, str], str] = {}
        for name, channel in self.channels.items():
            if name in RESERVED:
                raise ValueError(f"channels.{name}: the tables mean something else by it; name it otherwise")
            for kind in channel.kinds:
                other = whose.setdefault((channel.channel, channel.direction, kind), name)
                if other != name:
                    raise ValueError(
                        f"channels.{name}: {kind} of {channel.channel} is {other} already: leave it to one"
                    )
        for name, experiment in self.experiments.items():
            if experiment.channel not in self.channels:
                raise ValueError(
                    f"experiments.{name}: {experiment.channel} is no channel; use: {', '.join(self.channels)}"
                )
        for name in self.media_mix.channels if self.media_mix else ():
            if name not in self.channels:
                raise ValueError(f"media_mix.channels: {name} is no channel; use: {', '.join(self.channels)}")
            if self.channels[name].direction != "outbound":
                raise ValueError(
                    f"media_mix.channels: {name} is inbound, so that who buys more is in it more: name what is sent"
                )
        return self
