"""Conditions on columns, windows of days and populations: what a metric or a hypothesis counts, without any SQL.

A declaration names a column, an operator of a short list and a value. What runs is compiled from that: names are held
to a pattern and to the columns that there are, and values are bound, so that no text of a declaration is ever SQL.
"""

import datetime
from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text

Op = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not_in", "is_given", "is_missing"]
"""``!=`` and ``not_in`` do not take a row without a value, as in SQL; ``is_missing`` takes these alone."""
Scalar = bool | int | float | datetime.date | str
OF_LINK = ("link_kind", "link_probability")
"""Columns of the event that a row names, which a condition may ask of every such row, as ``event.link_kind``."""
TABLE = r"^(gold|ops)\.[a-z][a-z0-9_]*$"
COLUMN = r"^(event\.)?[a-z][a-z0-9_]*$"


class Condition(Declared):
    """What a column must be; ``event.link_kind`` and ``event.link_probability`` are of the event a row names."""

    column: str = Field(pattern=COLUMN)
    op: Op
    value: Scalar | tuple[Scalar, ...] | None = None

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> "Condition":
        if self.op in ("is_given", "is_missing"):
            if self.value is not None:
                raise ValueError(f"{self.op} takes no value")
        elif self.op in ("in", "not_in"):
            if not isinstance(self.value, tuple) or not self.value:
                raise ValueError(f"{self.op} takes a list of values")
        elif self.value is None or isinstance(self.value, tuple):
            raise ValueError(f"{self.op} takes one value")
        return self

    @property
    def values(self) -> tuple[Scalar, ...]:
        """Every value that it compares with."""
        if self.value is None:
            return ()
        return self.value if isinstance(self.value, tuple) else (self.value,)

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.values))
        return " ".join(filter(None, (self.column, self.op.replace("_", " "), shown)))


class Rows(Declared):
    """Rows of a table that meet conditions, within a window of days that ends with the run's date.

    Attributes:
        time: The column by which the window is cut; without it rows of any time count.
        days: Length of the window; without it everything up to its end counts.
        ended_days_ago: The window ends so many days before the run's date ends.
    """

    table: str = Field(pattern=TABLE)
    filter: tuple[Condition, ...] = ()
    time: Name | None = None
    days: int | None = Field(None, ge=1, le=3660)
    ended_days_ago: int = Field(0, ge=0, le=3660)

    @model_validator(mode="after")
    def _a_window_has_a_clock(self) -> "Rows":
        if self.time is None and (self.days is not None or self.ended_days_ago):
            raise ValueError("a window of days needs the column of time that it is cut by: give time")
        return self


class Did(Rows):
    """People of whom there are at least so many of these rows."""

    at_least: int = Field(1, ge=1)


class Population(Declared):
    """People, by what is known of them: all conditions hold, on columns of gold.profiles; without any, everybody.

    Attributes:
        audience: A mart ``audience_…`` that they must be in.
    """

    conditions: tuple[Condition, ...] = ()
    audience: str | None = Field(None, pattern=r"^audience_[a-z0-9_]+$")


class Doers(Population):
    """People also by what they did, or did not do."""

    did: tuple[Did, ...] = ()
    did_not: tuple[Did, ...] = ()
    about: Text | None = None
