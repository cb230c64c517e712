"""Purposes and the consent policy: what data may be used for, where, by whom, and which statement counts.

Declared in contracts/consent/purposes.yml. The version of that file is the policy version that exported rows name.
``contracts.permission`` decides by it over one person, ``contracts.permission_sql`` over all of them in SQL.
"""

import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Declared, Name, Text, Version
from contracts.table import PrivacyClass

Answer = Literal["granted", "denied", "withdrawn"]
Status = Literal["granted", "denied", "withdrawn", "snoozed"]
"""What an event can say: an answer, or a pause until a day."""

Settled = Literal[
    "granted",
    "denied",
    "withdrawn",
    "snoozed",
    "expired",
    "too_young",
    "age_unknown",
    "jurisdiction",
    "no_consent_known",
]
"""What a person's statements on a purpose come to."""

Rule = Literal[
    "latest",
    "strictest",
    "snooze",
    "expires_after_days",
    "minimum_age",
    "unknown_age",
    "allowed_in",
    "notice",
    "default",
]
"""Which rule of the purpose decided: how contradictions settle, or the one that keeps a yes from counting."""

STRICTEST_FIRST: tuple[Answer, ...] = ("withdrawn", "denied", "granted")
MAX_DAYS = 36_500
"""A hundred years: what is to hold for longer needs no number."""
REFUSALS: tuple[Answer, ...] = ("withdrawn", "denied")
KEEPS_AWAY: tuple[Settled, ...] = ("withdrawn", "denied", "snoozed")
"""What a person wants for themselves, and so for every address that they read. The other reasons are about the yes."""

LegalBasis = Literal["consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interest"]
"""The words of Art. 6 (1) GDPR."""

UNKNOWN, ELSEWHERE = "unknown", "elsewhere"
IMPLIED: dict[str, str] = {UNKNOWN: "no place is known", ELSEWHERE: "a place that no jurisdiction lists"}
"""Jurisdictions that need no declaration."""


Place = Annotated[str, StringConstraints(pattern=r"^[A-Z]([A-Z -]*[A-Z])?$")]
ALL_TOPICS = "all"
"""What a destination is about that sends what is of any topic; who refuses one of them gets none of it."""


class Jurisdiction(Declared):
    """A place with rules of its own."""

    about: Text
    places: tuple[Place, ...] = Field(
        min_length=1,
        description="What banners and addresses call it, in capitals. `US` is also `US-NY`; the longest match counts.",
    )


class Override(Declared):
    """What holds for a purpose in one jurisdiction, in place of what it declares for all."""

    minimum_age: int | None = Field(None, ge=0, le=120)
    unknown_age: Literal["refuse", "allow"] | None = None
    expires_after_days: int | None = Field(None, ge=1, le=MAX_DAYS)


class Limits(Declared):
    """What holds for a purpose in a jurisdiction."""

    is_allowed: bool
    minimum_age: int | None
    unknown_age: Literal["refuse", "allow"]
    expires_after_days: int | None


class Purpose(Declared):
    """One use of personal data that a person can allow or refuse."""

    about: Text
    owner: Name
    legal_basis: LegalBasis = Field(description="The words of Art. 6 (1) GDPR. A yes is needed whatever it is.")
    uses: tuple[PrivacyClass, ...] = Field(min_length=1, description="Classes of data that it may use.")
    destinations: tuple[Name, ...] = Field(description="Exports that may get them for it; none if it stays inside.")
    default: Literal["no"] = Field(description="What holds when the person has said nothing. Only `no` is possible.")
    across: Literal["latest", "strictest"] = Field(
        description="What settles statements of several records of one person that contradict each other: the last "
        "word of all, or the strictest of their last words."
    )
    allowed_in: tuple[Name, ...] = Field(
        min_length=1, description="Jurisdictions, `unknown` and `elsewhere`; a yes given in any other does not count."
    )
    minimum_age: int | None = Field(
        None, ge=0, le=120, description="Years that a person must have on the day of a yes; a younger one's is none."
    )
    unknown_age: Literal["refuse", "allow"] = Field(
        "refuse", description="What a yes is worth where no birth date is known; only with a minimum age."
    )
    expires_after_days: int | None = Field(
        None,
        ge=1,
        le=MAX_DAYS,
        description="So many days after it was given a yes counts no more. A refusal does not expire.",
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        description="So many days data that are for this purpose only are kept, at most: messages of sources, rows of "
        "tables and folders of exports that name it. Without it their own periods hold alone.",
    )
    overrides: dict[Name, Override] = Field({}, description="By jurisdiction.")
    topics: dict[Name, Text] = Field({}, description="Parts of it that a person can refuse or pause alone.")
    used_by: Text

    @model_validator(mode="after")
    def _fits_its_basis(self) -> "Purpose":
        problems = []
        ages = [self.minimum_age, *(one.minimum_age for one in self.overrides.values())]
        if self.legal_basis == "consent" and self.minimum_age is None:
            problems.append("legal_basis: consent needs minimum_age, since a child cannot give it alone (Art. 8 GDPR)")
        if self.legal_basis != "consent" and self.expires_after_days is not None:
            problems.append(f"expires_after_days: only a consent expires, and the legal basis is {self.legal_basis}")
        if all(age is None for age in ages) and "unknown_age" in self.model_fields_set:
            problems.append("unknown_age says nothing without minimum_age")
        if ALL_TOPICS in self.topics:
            problems.append(f"topics.{ALL_TOPICS}: exports say so of every topic; take another name")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def limits(self, jurisdiction: str) -> Limits:
        """What holds in one jurisdiction."""
        own = self.overrides.get(jurisdiction, Override())
        told = {name: getattr(own, name) for name in own.model_fields_set}
        return Limits(
            is_allowed=jurisdiction in self.allowed_in,
            minimum_age=told.get("minimum_age", self.minimum_age),
            unknown_age=told.get("unknown_age") or self.unknown_age,
            expires_after_days=told.get("expires_after_days", self.expires_after_days),
        )


class Policy(Declared):
    """The consent policy: jurisdictions, purposes, and how statements settle."""

    version: Version
    owner: Name
    why: Text
    settle: Literal["latest_then_strictest"] = Field(
        description="Of what one record said, the statement given last counts. Of several given at the same instant, "
        "the strictest counts: withdrawn before denied before granted. Of equals, the one with the least event id is "
        "named as evidence. A pause is no answer: it lies over a yes until its end, or until a later yes."
    )
    jurisdiction_from: tuple[Literal["region", "country"], ...] = Field(
        min_length=1,
        description="The place of a statement: the first of these that is known, of the region that the event names "
        "and the country of the person's address.",
    )
    age_from: Literal["youngest_birth_date"] = Field(
        description="The birth date of a person, of which records may say several: the one that makes them youngest."
    )
    jurisdictions: dict[Name, Jurisdiction] = Field(min_length=1)
    purposes: dict[Name, Purpose] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_agree(self) -> "Policy":
        problems = [
            f"jurisdictions.{name}: {about}, and need not be declared; take another name"
            for name, about in IMPLIED.items()
            if name in self.jurisdictions
        ]
        claimed: dict[str, str] = {}
        for name, made in self.jurisdictions.items():
            for place in made.places:
                if claimed.setdefault(place, name) != name:
                    problems.append(f"jurisdictions.{name}.places: {place} is already a place of {claimed[place]}")
        for name, purpose in self.purposes.items():
            for field in ("allowed_in", "overrides"):
                for place in getattr(purpose, field):
                    if place not in self.every_jurisdiction:
                        known = ", ".join(self.every_jurisdiction)
                        problems.append(f"purposes.{name}.{field}: {place} is no jurisdiction (allowed: {known})")
            for place in purpose.overrides:
                if place in self.every_jurisdiction and place not in purpose.allowed_in:
                    problems.append(f"purposes.{name}.overrides: {place} is not in allowed_in, so nothing holds there")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def every_jurisdiction(self) -> tuple[str, ...]:
        """The declared ones and the implied."""
        return (*self.jurisdictions, *IMPLIED)

    @property
    def places(self) -> list[tuple[str, str]]:
        """Each place with its jurisdiction, the longest place first."""
        found = [(place, name) for name, made in self.jurisdictions.items() for place in made.places]
        return sorted(found, key=lambda pair: (-len(pair[0]), pair[0]))

    def jurisdiction_of(self, place: str | None) -> str:
        """The jurisdiction of a place, as a banner or an address names it."""
        told = (place or "").strip(" ").upper()
        if not told:
            return UNKNOWN
        return next((name for known, name in self.places if told == known or told.startswith(f"{known}-")), ELSEWHERE)


class Statement(Declared):
    """What a person said of one purpose, once, by one record."""

    event_id: str
    record: str
    status: Status
    given_at: datetime.datetime
    known_since: datetime.datetime | None = None
    notice_version: str | None = None
    region: str | None = None
    topic: Name | None = None
    until: datetime.datetime | None = None

    @model_validator(mode="after")
    def _times_have_a_zone(self) -> "Statement":
        for name in ("given_at", "known_since", "until"):
            value = getattr(self, name)
            if value is not None and value.tzinfo is None:
                raise ValueError(f"{name}: write the zone of the time, as in 2017-03-01T10:00:00Z")
        return self

    @property
    def said_at(self) -> datetime.datetime:
        """When it was said. A yes was said no later than it was known, however far ahead the sender's clock is."""
        if self.status != "granted":
            return self.given_at
        return min(self.given_at, self.known_since or self.given_at)
