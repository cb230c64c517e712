"""Measured lifts: what a channel or campaign was found to add, by experiment or comparison; contracts/lifts/*.yml."""

import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version

Method = Literal["holdout", "ghost_ad", "geo", "matched"]
METHODS: tuple[Method, ...] = ("holdout", "ghost_ad", "geo", "matched")
"""How it was measured; of several measurements of one thing the method named first counts."""


class Lift(Declared):
    """Value that would not have come without a channel, in a period, with the interval of the measurement.

    Attributes:
        channel: A channel of contracts/attribution.yml.
        campaign: Of the channel; without it the whole channel was measured.
        since: First day of the period.
        until: Its last day.
        incremental_value: In the unit of the outcome's value.
        low: Lower end of the interval.
        high: Its upper end.
        level: Of the interval.
        source: Where the measurement is described.
    """

    lift: Name
    version: Version
    owner: Name
    about: Text
    channel: Name
    campaign: str | None = Field(None, min_length=1)
    method: Method
    since: datetime.date
    until: datetime.date
    incremental_value: Decimal = Field(decimal_places=2)
    low: Decimal = Field(decimal_places=2)
    high: Decimal = Field(decimal_places=2)
    level: float = Field(0.95, gt=0.5, lt=1)
    source: Text

    @model_validator(mode="after")
    def _is_in_order(self) -> "Lift":
        if self.until < self.since:
            raise ValueError(f"until, {self.until}, is before since, {self.since}")
        if not self.low <= self.incremental_value <= self.high:
            raise ValueError(
                f"incremental_value, {self.incremental_value}, is not between low, {self.low}, and high, {self.high}"
            )
        return self
