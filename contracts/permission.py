"""What one person's statements come to, by the policy: the rules in Python, with why each statement did not decide.

``contracts.permission_sql`` says the same in SQL for all people at once; the tables of contracts/consent/cases
hold the two together.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.purpose import REFUSALS, STRICTEST_FIRST, UNKNOWN, Limits, Policy, Purpose, Rule, Settled, Statement

FOREVER = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Moment:
    """A day, and by whose knowledge it is seen.

    Attributes:
        day: What holds at the end of this day (UTC).
        known_at: By what had landed by the end of this day; None is all that is known now.
        heeds_later_refusals: Whether a refusal dated after the day counts already. A run does so: what a person is
            known to refuse is not used, whatever day the run stands for.
    """

    day: datetime.date
    known_at: datetime.date | None = None
    heeds_later_refusals: bool = False

    @property
    def start(self) -> datetime.datetime:
        """The first instant of the day. A pause that ends within the day lasts through it: an export may come first."""
        return _end_of(self.day) - datetime.timedelta(days=1)

    @property
    def end(self) -> datetime.datetime:
        """The first instant after the day."""
        return _end_of(self.day)


@dataclass(frozen=True)
class Person:
    """What the policy needs to know of a person."""

    birth_date: datetime.date | None = None
    country: str | None = None


@dataclass(frozen=True)
class Decision:
    """What a person's statements on one purpose come to.

    Attributes:
        status: What they come to.
        may_use: Whether the purpose may use data of this person.
        rule: Which rule decided.
        statement: The statement that decided; None if nothing was said.
        jurisdiction: Where it was said.
        ends_at: When the yes expires, or the pause ends; None if never.
        topics_refused: Topics that the person refuses or pauses, sorted.
        overruled: Every other statement on this purpose, newest first, with why it did not decide.
    """

    status: Settled
    may_use: bool
    rule: Rule
    statement: Statement | None
    jurisdiction: str
    ends_at: datetime.datetime | None
    topics_refused: tuple[str, ...]
    overruled: tuple[tuple[Statement, str], ...]


def decide(policy: Policy, purpose: str, person: Person, statements: Iterable[Statement], moment: Moment) -> Decision:
    """Settle what a person said of one purpose. The order of the statements never matters.

    Args:
        policy: The rules.
        purpose: One of its purposes.
        person: Whose statements they are.
        statements: All statements of that person's records on that purpose.
        moment: The day to decide for.
    """
    rules = policy.purposes[purpose]
    ordered = sorted(statements, key=_later_first)
    unheard = {id(said): why for said in ordered if (why := _unheard(said, moment))}
    heard = [said for said in ordered if id(said) not in unheard]
    whole = _Settling([said for said in heard if said.topic is None], policy, rules, person, moment)
    status, rule, statement, ends_at = whole.outcome()
    topics = sorted({said.topic for said in heard if said.topic in rules.topics})
    refused = tuple(
        topic
        for topic in topics
        if _Settling([said for said in heard if said.topic == topic], policy, rules, person, moment).is_refused
    )
    overruled = tuple(
        (said, unheard.get(id(said)) or whole.why_not(said, statement)) for said in ordered if said is not statement
    )
    may_use = status == "granted" and rule != "notice"
    where = policy.jurisdiction_of(_place(policy, statement, person)) if statement else _home(policy, person)
    return Decision(status, may_use, rule, statement, where, ends_at, refused, overruled)


class _Settling:
    """The statements on one purpose, or on one topic of it."""

    def __init__(self, heard: list[Statement], policy: Policy, rules: Purpose, person: Person, moment: Moment) -> None:
        self.policy, self.rules, self.person, self.moment = policy, rules, person, moment
        answers = [said for said in heard if said.status != "snoozed"]
        self.last_words: dict[str, Statement] = {}
        for said in answers:  # newest first
            self.last_words.setdefault(said.record, said)
        self.winner = min(self.last_words.values(), key=self._rank, default=None)
        pauses = [said for said in heard if said.status == "snoozed" and self._is_paused(said)]
        self.pause = min(pauses, key=lambda s: (-_until(s).timestamp(), *_later_first(s)), default=None)

    @property
    def is_refused(self) -> bool:
        return bool(self.pause) or (self.winner is not None and self.winner.status in REFUSALS)

    def outcome(self) -> tuple[Settled, Rule, Statement | None, datetime.datetime | None]:
        """Status, rule, the statement that decides and when it ends; the first of the rules that holds."""
        said = self.winner
        if said is not None and said.status in REFUSALS:
            return said.status, self.rules.across, said, None
        if self.pause is not None:
            return "snoozed", "snooze", self.pause, self.pause.until
        if said is None:
            return "no_consent_known", "default", None, None
        limits, ends_at = self._limits(said), self._expires_at(said)
        if not limits.is_allowed:
            return "jurisdiction", "allowed_in", said, ends_at
        if limits.minimum_age is not None:
            born = self.person.birth_date
            if born is None and limits.unknown_age == "refuse":
                return "age_unknown", "unknown_age", said, ends_at
            if born is not None and birthday(born, limits.minimum_age) > said.said_at.astimezone(datetime.UTC).date():
                return "too_young", "minimum_age", said, ends_at
        if self._is_expired(said):
            return "expired", "expires_after_days", said, ends_at
        return "granted", self.rules.across if said.notice_version is not None else "notice", said, ends_at

    def why_not(self, said: Statement, decided: Statement | None) -> str:
        """Why a statement that was heard did not decide."""
        if said.topic is not None:
            return f"it is about the topic {said.topic} only"
        if said.status == "snoozed":
            if said.until is not None and said.until <= self.moment.start:
                return "the pause is over"
            if not self._is_paused(said):
                return "a later yes lifted the pause"
            return "the pause adds nothing to a refusal" if decided is self.winner else "another pause lasts longer"
        if self.last_words[said.record] is not said:
            return "the same record said something later, or stricter at that instant"
        if said is self.winner:
            return "a pause lies over it"
        if self._is_expired(said):
            return "it has expired, and another record's word stands"
        if self.rules.across == "strictest" and self.winner and self.winner.status != said.status:
            return "another record of this person is stricter, and the strictest counts"
        return "another record of this person said something later, or stricter at that instant"

    def _rank(self, said: Statement) -> tuple[int, float, int, str]:
        """Of several records' last words the least of this decides."""
        strictness = 0
        if self.rules.across == "strictest":
            strictness = STRICTEST_FIRST.index(said.status) + self._is_expired(said)  # type: ignore[arg-type]
        return (strictness, *_later_first(said))

    def _is_paused(self, said: Statement) -> bool:
        """Whether a pause lasts still, and no answer came after it: of that record if strict, else of any."""
        if said.until is not None and said.until <= self.moment.start:
            return False
        answer = self.last_words.get(said.record) if self.rules.across == "strictest" else self.winner
        return answer is None or answer.said_at <= said.given_at

    def _limits(self, said: Statement) -> Limits:
        return self.rules.limits(self.policy.jurisdiction_of(_place(self.policy, said, self.person)))

    def _expires_at(self, said: Statement) -> datetime.datetime | None:
        days = self._limits(said).expires_after_days
        return None if days is None or said.status in REFUSALS else said.said_at + datetime.timedelta(days=days)

    def _is_expired(self, said: Statement) -> bool:
        ends_at = self._expires_at(said)
        return ends_at is not None and ends_at <= self.moment.end


def birthday(born: datetime.date, age: int) -> datetime.date:
    """The day on which somebody is so many years old; of 29 February in other years 28 February, as SQL has it."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return born.replace(year=born.year + age, day=28)


def _unheard(said: Statement, moment: Moment) -> str | None:
    """Why a statement is not even heard."""
    if said.said_at >= moment.end and not (moment.heeds_later_refusals and said.status in REFUSALS):
        return "it was given after that day"
    if moment.known_at is not None and (said.known_since or said.given_at) >= _end_of(moment.known_at):
        return "it landed later, so it was not known then"
    return None


def _later_first(said: Statement) -> tuple[float, int, str]:
    order = (*STRICTEST_FIRST, "snoozed")
    return (-said.said_at.timestamp(), order.index(said.status), said.event_id)


def _until(said: Statement) -> datetime.datetime:
    return said.until or FOREVER


def _place(policy: Policy, said: Statement, person: Person) -> str | None:
    told = {"region": said.region, "country": person.country}
    return next((place for name in policy.jurisdiction_from if (place := (told[name] or "").strip(" "))), None)


def _home(policy: Policy, person: Person) -> str:
    """Where a person who said nothing is."""
    return policy.jurisdiction_of(person.country) if "country" in policy.jurisdiction_from else UNKNOWN


def _end_of(day: datetime.date) -> datetime.datetime:
    if day == datetime.date.max:
        return datetime.datetime.max.replace(tzinfo=datetime.UTC)
    return datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), datetime.UTC)
