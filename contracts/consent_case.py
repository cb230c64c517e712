"""Cases of the consent policy: who said what, and what it must come to. Tables of them lie in contracts/consent/cases.

`clew policy check` runs them by the rules in Python; tests run the same cases in DuckDB and in Spark.
"""

import datetime
from collections.abc import Iterator

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text
from contracts.permission import Decision, Moment, Person, decide
from contracts.purpose import Policy, Rule, Settled, Statement, Status


class Said(Declared):
    """A statement of a case, in as few words as it needs."""

    event: Name | None = Field(None, description="Its name in this case; without it `s1`, `s2` and so on.")
    record: Name = "account"
    status: Status
    given_at: datetime.datetime
    known_since: datetime.datetime | None = Field(None, description="When it landed; without it, when it was given.")
    notice: str | None = "2017-1"
    region: str | None = "US-NY"
    topic: Name | None = None
    until: datetime.datetime | None = None


class Case(Declared):
    """What one person said of one purpose, and what it comes to on a day."""

    about: Text
    purpose: Name
    as_of: datetime.date
    known_at: datetime.date | None = None
    heeds_later_refusals: bool = Field(False, description="As a run decides: a refusal dated later counts already.")
    birth_date: datetime.date | None = None
    country: str | None = None
    statements: tuple[Said, ...] = ()
    status: Settled
    may_use: bool
    rule: Rule
    decided_by: Name | None = Field(None, description="The statement that decides; left out, it is not checked.")
    jurisdiction: Name | None = Field(None, description="Left out, it is not checked.")
    ends_at: datetime.datetime | None = Field(None, description="Left out, it is not checked.")
    topics_refused: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _names_agree(self) -> "Case":
        names = [said.event_id for said in self.said]
        if len(set(names)) < len(names):
            raise ValueError("two statements have one name")
        if self.decided_by is not None and self.decided_by not in names:
            raise ValueError(f"decided_by: {self.decided_by} is none of the statements: {', '.join(names) or 'none'}")
        return self

    @property
    def person(self) -> Person:
        return Person(self.birth_date, self.country)

    @property
    def moment(self) -> Moment:
        return Moment(self.as_of, self.known_at, self.heeds_later_refusals)

    @property
    def said(self) -> tuple[Statement, ...]:
        """The statements as the policy takes them."""
        return tuple(
            Statement(
                event_id=one.event or f"s{number}",
                record=one.record,
                status=one.status,
                given_at=one.given_at,
                known_since=one.known_since or one.given_at,
                notice_version=one.notice,
                region=one.region,
                topic=one.topic,
                until=one.until,
            )
            for number, one in enumerate(self.statements, 1)
        )


class CaseTable(Declared):
    """A table of cases about one subject."""

    about: Text
    cases: tuple[Case, ...] = Field(min_length=1)


def differences(policy: Policy, case: Case) -> Iterator[str]:
    """What a case expects and the policy does not do, in words; nothing where they agree."""
    if case.purpose not in policy.purposes:
        yield f"{case.purpose} is no purpose (allowed: {', '.join(policy.purposes)})"
        return
    found = decide(policy, case.purpose, case.person, case.said, case.moment)
    for name, expected, came in expectations(case, found):
        if expected != came:
            yield f"{name} is {_word(came)}, and the case expects {_word(expected)}"


def expectations(case: Case, found: Decision) -> Iterator[tuple[str, object, object]]:
    """What a case checks: the name of each part, what it expects of it, and what came."""
    yield "status", case.status, found.status
    yield "may_use", case.may_use, found.may_use
    yield "rule", case.rule, found.rule
    yield "topics_refused", case.topics_refused, found.topics_refused
    if case.decided_by is not None:
        yield "decided_by", case.decided_by, found.statement.event_id if found.statement else None
    if case.jurisdiction is not None:
        yield "jurisdiction", case.jurisdiction, found.jurisdiction
    if case.ends_at is not None:
        yield "ends_at", case.ends_at, found.ends_at


def _word(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None | ():
            return "nothing"
        case tuple():
            return ", ".join(map(str, value))
    return str(value)
