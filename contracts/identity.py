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


class MailDomain(Declared):
    """A provider of mailboxes that have other spellings than their own.

    Attributes:
        domain: As the standard form has it.
        also: Its other names.
        ignores_dots: Whether ``a.b@`` and ``ab@`` are one mailbox there.
    """

    domain: str = Field(min_length=3)
    also: tuple[str, ...] = ()
    ignores_dots: bool = False
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
        stops_identifying_above: With more people than this found on a value, the value links nothing. On a one_person
            value only those count whose first names and birth dates both contradict each other.
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
        domains: For e-mail, where a mailbox has other spellings than its own.
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
    domains: tuple[MailDomain, ...] = ()
    why: Text
    blocked_values: tuple[BlockedValue, ...] = ()
    blocked_patterns: tuple[BlockedPattern, ...] = ()
    examples: tuple[Good, ...] = Field(min_length=1)
    anti_examples: tuple[Bad, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "IdentifierRule":
        if (self.plus_tags is not None) != (self.standard == "email"):
            raise ValueError("plus_tags is required for the standard email, and for no other")
        if self.domains and self.standard != "email":
            raise ValueError("domains are those of mailboxes: the standard email, and no other")
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


class Crowd(Declared):
    """From when on a value that records give of themselves is a filler, which speaks for nobody.

    Attributes:
        stops_identifying_above: With more people than this found on a value.
        holders_above: With more records than this on a value; None: however many.
    """

    stops_identifying_above: int = Field(ge=1)
    holders_above: int | None = Field(default=None, ge=2)
    why: Text


class Placeholders(Declared):
    """How fillers are found from the data, where declared.

    Attributes:
        name: First and last name with one birth date or, where none is given, one address. How many people it takes is
            told by their accounts and cards, and by how many mailboxes and phones a profile may hold.
        birth_date: Counted are the different names on a day; a day is held against the days around it, so that the
            limit holds in a lake of any size.
        address: Street and postcode. Counted are the different names, and people by what they hold, as for a name.
    """

    name: Crowd | None = None
    birth_date: Crowd | None = None
    address: Crowd | None = None


class NameLikeness(Declared):
    """From which likeness on (Jaro-Winkler, 0 to 1) two spellings are of one name; below it they are two names.

    Attributes:
        first_name, last_name: In one script.
        across_scripts: Of first names, one of them written over into Latin letters.
    """

    first_name: float = Field(gt=0, le=1)
    last_name: float = Field(gt=0, le=1)
    across_scripts: float = Field(gt=0, le=1)
    why: Text


class Attributes(Declared):
    """The attributes that keep two people apart, where declared, and what in attributes means nothing."""

    first_name: AttributeRule | None = None
    birth_date: AttributeRule | None = None
    placeholders: Placeholders = Placeholders()
    name_likeness: NameLikeness
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


class Visits(Declared):
    """Which identifiers tell whose a visit was.

    Attributes:
        browser: The id of the browser in which a visit took place; a record of an anonymous visitor is named by it.
        account: Who was logged in there.
    """

    browser: Name
    account: Name
    why: Text


class Linking(Declared):
    """The purpose by which a person refuses that their records are put together.

    Only a refusal is obeyed; where nothing is said, evidence joins. A statement is of the record that made it and of
    the browser in which it was made; of several, the last counts, and at one instant the strictest. A record whose
    statement is denied or withdrawn stands alone, and so do all records that would be one profile with it. Neither a
    rule, a model nor a steward overrules it.
    """

    purpose: Name
    why: Text


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
    visits: Visits | None = None
    attributes: Attributes
    linking: Linking | None = None
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

    @model_validator(mode="after")
    def _visits_have_a_browser_and_an_account(self) -> "IdentityRules":
        if self.visits is None:
            asking = [name for name, rule in self.identifiers.items() if rule.between_logins or rule.names_visitor]
            if asking:
                raise ValueError(
                    "between_logins and names_visitor need visits, which says what names the browser and what the "
                    f"account; they are declared of {', '.join(asking)}"
                )
            return self
        for role, name in (("browser", self.visits.browser), ("account", self.visits.account)):
            if name not in self.identifiers:
                raise ValueError(
                    f"visits.{role} is {name}, for which there is no identifier; there are: "
                    f"{', '.join(self.identifiers)}"
                )
        if self.identifiers[self.visits.browser].standard != "device":
            raise ValueError(f"visits.browser is {self.visits.browser}, which is not of the standard device")
        if not self.identifiers[self.visits.account].one_person:
            raise ValueError(f"visits.account is {self.visits.account}, which is not one_person: it would not say who")
        if self.visits.browser == self.visits.account:
            raise ValueError("visits.browser and visits.account are one identifier: name two")
        return self

    @property
    def words(self) -> dict[str, str]:
        """How people name identifiers, before a colon: ``loyalty`` is loyalty_id, and ``account`` is user_id."""
        short = {name.removesuffix("_id"): name for name in self.identifiers}
        own = {"account": "user_id"} if "user_id" in self.identifiers else {}
        return own | short | {name: name for name in self.identifiers}

    @property
    def mail_domains(self) -> tuple[MailDomain, ...]:
        """The providers of mailboxes that have other spellings than their own."""
        return tuple(domain for rule in self.identifiers.values() for domain in rule.domains)

    @property
    def one_person(self) -> tuple[str, ...]:
        """Identifiers whose values have one person each."""
        return tuple(name for name, rule in self.identifiers.items() if rule.one_person)

    @property
    def exclusive(self) -> tuple[str, ...]:
        """Identifiers of which a person has one, and which have one person: two values mean two people."""
        return tuple(name for name, rule in self.identifiers.items() if rule.one_person and rule.limit_per_profile == 1)
