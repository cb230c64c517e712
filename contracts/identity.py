"""The identity contract: which values identify a person, how strongly, and what a profile may hold."""

import datetime
import re
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version


class BlockedValue(Declared):
    """A value that never identifies, in its standard form."""

    value: str = Field(min_length=1)
    why: Text


class BlockedPattern(Declared):
    """A regular expression over standard forms; what matches it whole never identifies."""

    name: Name
    pattern: str = Field(min_length=1)
    why: Text

    @model_validator(mode="after")
    def _compiles(self) -> "BlockedPattern":
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return self


class Good(Declared):
    """A value as sent, and its standard form."""

    raw: str
    standard: str


class Bad(Declared):
    """A value as sent, and a part of the reason for which it does not identify."""

    raw: str
    reason: Text


class BetweenLogins(Declared):
    """Visits on a value that several accounts used in turn belong to the account that logged in last.

    Attributes:
        reliability: How probable it is that a visit between two log-ins is of the first of them.
        stops_above: With more accounts than this on a value, everybody uses it, and a log-in says nothing of the next
            visit.
    """

    reliability: float = Field(gt=0, lt=1)
    stops_above: int = Field(ge=2)
    why: Text


class IdentifierRule(Declared):
    """How one kind of identifier links records.

    Attributes:
        standard: The function in identity/standardise.py that makes the standard form.
        priority: 1 is the strongest; stronger edges join first.
        reliability: How probable it is that two records which share a value, under these rules, are one
            person.
        one_person: Every record that holds a value is of the same person, whatever else the records say.
        limit_per_profile: How many values one profile may hold; a union that would pass it is refused.
        stops_identifying_above: With more people than this found on a value, the value links nothing.
        holders_above: With more records than this on a value, the value links nothing; for kiosks without
            log-ins.
        gap_days: A value unseen for longer than this may have changed hands; across the gap it links only
            records whose names say they are one person. None: the value never changes hands.
        still_held: The part of the time between two people on a value in which it is still taken to be the first
            one's: a number rests before it is given to another, and its new holder uses it before they tell us who
            they are.
        infers: A shared value says that one device was used and not who used it, so links by it are *inferred*.
        names_visitor: A value seen in a browser names its visitor, as a log-in does: a browser or an account in which
            such values are of several people speaks for none of them.
        between_logins: How visits are stitched to log-ins where several accounts use a value; None: they are not.
        plus_tags: For e-mail, whether ``name+tag@`` is the mailbox ``name@`` (drop) or another (keep).
    """

    standard: Literal["email", "phone", "code", "device"]
    priority: int = Field(ge=1, le=99)
    reliability: float = Field(gt=0, lt=1)
    one_person: bool = False
    limit_per_profile: int | None = Field(default=None, ge=1)
    stops_identifying_above: int | None = Field(default=None, ge=1)
    holders_above: int | None = Field(default=None, ge=2)
    gap_days: int | None = Field(default=None, ge=0)
    still_held: float = Field(default=0.25, ge=0, le=1)
    infers: bool = False
    names_visitor: bool = False
    between_logins: BetweenLogins | None = None
    plus_tags: Literal["keep", "drop"] | None = None
    why: Text
    blocked_values: tuple[BlockedValue, ...] = ()
    blocked_patterns: tuple[BlockedPattern, ...] = ()
    examples: tuple[Good, ...] = Field(min_length=1)
    anti_examples: tuple[Bad, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "IdentifierRule":
        if (self.plus_tags is not None) != (self.standard == "email"):
            raise ValueError("plus_tags is required for the standard email, and for no other")
        if self.one_person and self.stops_identifying_above is not None:
            raise ValueError("a one_person value has one person on it: leave out stops_identifying_above")
        if self.one_person and self.gap_days is not None:
            raise ValueError("a one_person value never changes hands: leave out gap_days")
        if self.one_person and self.infers:
            raise ValueError("a one_person value says who it is: leave out infers")
        if self.between_logins and self.standard != "device":
            raise ValueError("between_logins is for what logs in: the standard device, and no other")
        return self


class AttributeRule(Declared):
    """An attribute of which a person has one: profiles that contradict each other in it are not joined."""

    why: Text


class PlaceholderDate(Declared):
    """A birth date that forms fill in by themselves."""

    value: datetime.date
    why: Text


class Attributes(Declared):
    """The attributes that keep two people apart, where declared, and the birth dates that mean nothing."""

    first_name: AttributeRule | None = None
    birth_date: AttributeRule | None = None
    placeholder_birth_dates: tuple[PlaceholderDate, ...] = ()
    oldest_birth_date: datetime.date


class Probabilistic(Declared):
    """The model in use and its two thresholds, in match weights (log2 of the odds)."""

    model: str = Field(pattern=r"^[a-z0-9-]+$")
    link_weight: float
    review_weight: float
    why: Text

    @model_validator(mode="after")
    def _review_below_link(self) -> "Probabilistic":
        if self.review_weight >= self.link_weight:
            raise ValueError("review_weight must be below link_weight: between them a person decides")
        return self


class Decisions(Declared):
    """How surely a steward's decision joins two records. No rule and no model overrules it."""

    reliability: float = Field(gt=0, lt=1)
    why: Text


class ValueOf(Declared):
    """A property of an event, a number, that says how much the event was worth."""

    event: Name
    property: Name


class Review(Declared):
    """What makes a question to a steward worth more than another: the sum of these properties."""

    value_of: tuple[ValueOf, ...] = Field(min_length=1)
    why: Text


class IdentityRules(Declared):
    """contracts/identity.yml."""

    version: Version
    owner: Name
    why: Text
    phone_region: str = Field(pattern=r"^[A-Z]{2}$")
    identifiers: dict[Name, IdentifierRule] = Field(min_length=1)
    attributes: Attributes
    decisions: Decisions
    probabilistic: Probabilistic
    review: Review | None = None

    @model_validator(mode="after")
    def _stronger_means_more_reliable(self) -> "IdentityRules":
        ranked = sorted(self.identifiers.items(), key=lambda item: item[1].priority)
        for (strong, first), (weak, second) in pairwise(ranked):
            if first.priority == second.priority:
                raise ValueError(f"{strong} and {weak} have the same priority {first.priority}")
            if second.reliability > first.reliability:
                raise ValueError(f"{weak} comes after {strong} but is declared more reliable")
        return self

    @property
    def one_person(self) -> tuple[str, ...]:
        """Identifiers whose values have one person each."""
        return tuple(name for name, rule in self.identifiers.items() if rule.one_person)

    @property
    def exclusive(self) -> tuple[str, ...]:
        """Identifiers of which a person has one, and which have one person: two values mean two people."""
        return tuple(name for name, rule in self.identifiers.items() if rule.one_person and rule.limit_per_profile == 1)
