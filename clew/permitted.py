"""Whether a purpose may use a person's data, and everybody's: the policy over what a release, or a past day, knows."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clew.commands.profile import REDIRECTS, profiles_meant
from clew.handed import tables_read, told_of
from clew.past import profiles_meant_then
from clew.who import the_one
from clew.workspace import read
from contracts.errors import DataError, UsageError
from contracts.permission import Decision, Moment, Person, decide
from contracts.purpose import Policy, Purpose, Rule, Statement
from identity import past
from lakehouse.consent import NOW, READ, Known, people_sql, state_sql, statements_sql
from rights.who import Who, parse

if TYPE_CHECKING:
    from clew.workspace import Reading
    from contracts import Contracts

STATE = "gold.consent_state"
Days = tuple[datetime.date | None, datetime.date | None]
"""The day asked for, and the day by whose knowledge; None for the release's date, and for all that is known."""


@dataclass(frozen=True)
class Answer:
    """What the policy says of one person and purpose, and why."""

    read: str
    release: int | None
    profile_id: str
    redirected_from: str | None
    purpose: str
    as_of: datetime.date | None
    known_at: datetime.date | None
    policy_version: str
    rule_says: str
    decision: Decision
    released: dict[str, Any] | None
    destination: dict[str, Any] | None

    def row(self, said: Statement) -> tuple[Any, ...]:
        """A statement as a row of a table."""
        until = f" until {said.until:%Y-%m-%d}" if said.until else ""
        return (
            said.event_id,
            said.record,
            f"{said.status}{until}",
            said.given_at,
            said.known_since,
            said.notice_version or "",
            said.region or "",
            said.topic or "",
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        decision = self.decision
        return {
            "profile_id": self.profile_id,
            "redirected_from": self.redirected_from,
            "purpose": self.purpose,
            "release": self.release or "live",
            "asked": {"as_of": self.as_of, "known_at": self.known_at},
            "policy_version": self.policy_version,
            "may_use": decision.may_use,
            "status": decision.status,
            "rule": decision.rule,
            "rule_says": self.rule_says,
            "jurisdiction": decision.jurisdiction,
            "ends_at": decision.ends_at,
            "topics_refused": list(decision.topics_refused),
            "decided_by": _told(decision.statement) if decision.statement else None,
            "overruled": [{**_told(said), "why": why} for said, why in decision.overruled],
            "released": self.released,
            "destination": self.destination,
        }


@dataclass(frozen=True)
class Everybody:
    """What everybody's statements come to: counts, or a row a person and purpose."""

    read: str
    release: int | None
    as_of: datetime.date
    known_at: datetime.date | None
    policy_version: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "release": self.release or "live",
            "as_of": self.as_of,
            "known_at": self.known_at,
            "policy_version": self.policy_version,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
        }


def answer(who: str, purpose: str, destination: str | None, days: Days, release: str) -> Answer:
    """Decide over one person.

    Args:
        who: As ``clew profile`` takes it.
        purpose: A purpose of the policy.
        destination: An export of that purpose, or None.
        days: The day asked for, and the day by whose knowledge.
        release: Which release to read.

    Raises:
        UsageError: If there is no such purpose or destination, or the destination serves another purpose.
        DataError: If nobody, or more than one, was meant.
    """
    contracts = _contracts_with(purpose)
    policy = contracts.policy
    _check_destination(policy, purpose, destination)
    asked = parse(who)
    extra = () if destination is None else tables_read()
    names = ("gold.profiles", "gold.profile_identifiers", REDIRECTS, STATE, "identity.identifiers", *past.READ)
    reading = read(release, only=(*names, *READ, *extra))
    _require(reading, (*READ, STATE))
    moment = _moment(reading, days)
    profile_id, records = _person(reading, asked, days)
    statements, person = _said(reading, _known(reading, contracts, days), moment, profile_id, records, purpose)
    decision = decide(policy, purpose, person, statements, moment)
    released = None if days[0] else _released(reading, profile_id, purpose)
    return Answer(
        read=reading.name,
        release=reading.release,
        profile_id=profile_id,
        redirected_from=who if asked.is_profile_id and who != profile_id else None,
        purpose=purpose,
        as_of=days[0],
        known_at=days[1],
        policy_version=policy.version,
        rule_says=_rule_says(policy.purposes[purpose], decision),
        decision=decision,
        released=released,
        destination=told_of(reading, destination, profile_id, records, decision, is_past=days[0] is not None)
        if destination
        else None,
    )


def everybody(purpose: str | None, days: Days, release: str, *, people: bool) -> Everybody:
    """Decide over everybody.

    Args:
        purpose: Only this purpose; None for all.
        days: As for ``answer``.
        release: Which release to read.
        people: A row a person, else counts.

    Raises:
        UsageError: If there is no such purpose.
    """
    contracts = _contracts_with(purpose)
    policy = contracts.policy
    reading = read(release, only=(*READ, *past.READ))
    _require(reading, READ)
    moment = _moment(reading, days)
    state = state_sql(policy, moment, _known(reading, contracts, days))
    chosen = "" if purpose is None else f"WHERE purpose = '{purpose}'"
    sql = f"SELECT * FROM ({state}) {chosen} ORDER BY profile_id, purpose"
    if not people:
        sql = f"""SELECT purpose, status, rule, may_use, count(*) AS people FROM ({state}) {chosen}
                  GROUP BY ALL ORDER BY purpose, people DESC, status, rule"""
    cursor = reading.connection.execute(sql)
    columns = tuple(column[0] for column in cursor.description or ())
    return Everybody(reading.name, reading.release, moment.day, days[1], policy.version, columns, cursor.fetchall())


def _contracts_with(purpose: str | None) -> "Contracts":
    from clew.workspace import settings
    from contracts import Contracts

    contracts = Contracts(settings().contracts)
    if purpose is not None and purpose not in contracts.policy.purposes:
        known = ", ".join(contracts.policy.purposes)
        raise UsageError(f"there is no purpose {purpose}", "contracts/consent/purposes.yml", f"use one of: {known}")
    return contracts


def _check_destination(policy: Policy, purpose: str, destination: str | None) -> None:
    if destination is None or destination in policy.purposes[purpose].destinations:
        return
    may = ", ".join(policy.purposes[purpose].destinations) or "none"
    raise UsageError(
        f"the policy lets {purpose} hand nothing to {destination}",
        f"contracts/consent/purposes.yml, purposes.{purpose}.destinations",
        f"ask about one of its destinations: {may}",
    )


def _require(reading: "Reading", tables: Sequence[str]) -> None:
    for table in tables:
        if table not in reading.tables:
            raise DataError(f"{table} is not there yet", reading.name, "make it: clew run")


def _moment(reading: "Reading", days: Days) -> Moment:
    """A past day is seen as it was; the release's date as a run sees it, which uses nothing that was refused since."""
    from clew.workspace import newest_date

    if days[0] is not None:
        return Moment(days[0], days[1])
    return Moment(reading.as_of or newest_date(), heeds_later_refusals=True)


def _known(reading: "Reading", contracts: "Contracts", days: Days) -> Known:
    """Who was who on a past day, of what age and from where, by what was known then or is known now."""
    if days[0] is None:
        return NOW
    _require(reading, past.READ)
    moment = past.Moment(days[0], days[1] or datetime.date.max)
    return past.known(reading.connection, moment, contracts.identity.attributes)


def _person(reading: "Reading", who: Who, days: Days) -> tuple[str, list[str]]:
    """The profile that was meant, and its records."""
    if days[0] is None:
        found = the_one(profiles_meant(reading, who), who, reading)
        rows = reading.rows("SELECT record_id FROM identity.assignments WHERE profile_id = ?", [found])
        return found, [row["record_id"] for row in rows]
    moment = past.Moment(days[0], days[1] or datetime.date.max)
    profiles = profiles_meant_then(reading, who, moment)
    if not profiles:
        known = f"known on {days[1]}" if days[1] else "known now"
        raise DataError(f"no profile had this {who.noun} on {days[0]}, as {known}", reading.name, "name a later day")
    found = the_one(profiles, who, reading)
    return found, [row["record_id"] for row in past.members(reading.connection, moment, found)]


def _said(
    reading: "Reading", known: Known, moment: Moment, profile_id: str, records: list[str], purpose: str
) -> tuple[list[Statement], Person]:
    mine = "(SELECT record_id, $profile AS profile_id FROM (SELECT unnest($records::VARCHAR[]) AS record_id))"
    given = {"profile": profile_id, "records": records}
    rows = reading.connection.execute(
        f"""SELECT event_id, record_id, status, given_at, received_at, notice_version, region, topic, until_at
            FROM {statements_sql(moment, mine)} WHERE purpose = $purpose""",
        {**given, "purpose": purpose},
    ).fetchall()
    names = ("event_id", "record", "status", "given_at", "known_since", "notice_version", "region", "topic", "until")
    statements = [Statement.model_validate(dict(zip(names, row, strict=True))) for row in rows]
    people = people_sql(replace(known, assignments=mine))
    facts = reading.connection.execute(f"SELECT birth_date, country FROM {people}", given).fetchall()
    return statements, Person(*facts[0]) if facts else Person()


def _released(reading: "Reading", profile_id: str, purpose: str) -> dict[str, Any] | None:
    rows = reading.rows(
        f"""SELECT status, may_use, rule, event_id, policy_version FROM {STATE}
            WHERE profile_id = ? AND purpose = ?""",
        [profile_id, purpose],
    )
    return rows[0] if rows else None


def _rule_says(purpose: Purpose, decision: Decision) -> str:
    """The rule that decided, in a sentence."""
    limits = purpose.limits(decision.jurisdiction)
    said: dict[Rule, str] = {
        "latest": "the last word of all records of the person counts",
        "strictest": "of the last words of the person's records the strictest counts",
        "snooze": "a pause lies over a yes until it ends or a later yes lifts it",
        "expires_after_days": f"a yes counts for {limits.expires_after_days} days here",
        "minimum_age": f"a yes counts from the age of {limits.minimum_age} here, on the day it was given",
        "unknown_age": "a yes counts here only of somebody whose age is known",
        "allowed_in": f"the purpose is allowed in {', '.join(purpose.allowed_in)} only",
        "notice": "a yes that cannot name the notice shown is no permission",
        "default": "nothing was said, and that means no",
    }
    return said[decision.rule]


def _told(said: Statement) -> dict[str, Any]:
    return {
        "event_id": said.event_id,
        "record_id": said.record,
        "status": said.status,
        "given_at": said.given_at,
        "known_since": said.known_since,
        "notice_version": said.notice_version,
        "region": said.region,
        "topic": said.topic,
        "until": said.until,
    }
