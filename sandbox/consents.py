"""The consent banner: what people allowed, on which notice, and what they took back later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from sandbox import clock
from sandbox.draws import dice, uuid
from sandbox.entries import Entry
from sandbox.visits import late_arrival

if TYPE_CHECKING:
    from sandbox.people import Person
    from sandbox.world import World

NOTICE_CHANGED = clock.start_of(date(2017, 6, 1))
BANNER_PURPOSES = (("measurement", 0.8), ("personalisation", 0.6), ("advertising", 0.5))
ACCOUNT_PURPOSES = (
    ("service", 0.97),
    ("email_marketing", 0.65),
    ("advertising", 0.5),
    ("identity_linking", 0.85),
    ("personalisation", 0.7),
    ("measurement", 0.9),
)
WITHDRAWABLE = ("email_marketing", "advertising", "personalisation", "identity_linking", "measurement")
ABROAD = ((0.02, "DE"), (0.03, "US-CA"), (0.035, "CA-ON"))
"""Of people so many, each share counting those before it, answer the banner of another region."""
REGIONS = {"0": "US-NJ", "06": "US-CT", "02": "US-MA", "19": "US-PA"}


class Statement(NamedTuple):
    """What is said once; times in milliseconds."""

    at: int
    purpose: str
    status: str
    topic: str | None = None
    until: int | None = None


def consent_entries(world: World) -> Iterator[Entry]:
    """Yield the year's statements; those given before the year come in its first file."""
    for anonymous_id, visit in world.plan.first_seen.items():
        chance = dice(world.seed, "banner", anonymous_id)
        if visit.channel != "web" or visit.device.is_shared or chance.random() > 0.4:
            continue
        at = visit.start + chance.randrange(2, 30) * clock.SECOND
        statements = [
            Statement(at + place, purpose, "granted" if chance.random() < share else "denied")
            for place, (purpose, share) in enumerate(BANNER_PURPOSES)
        ]
        yield from _entries(world, statements, visit.person, anonymous_id, None)
    for person in world.people:
        if person.user_id:
            chance = dice(world.seed, "account consents", person.number)
            said = [*_account(person, chance), *_later(person, dice(world.seed, "pauses", person.number))]
            yield from _entries(world, said, person, None, person.user_id)


def _account(person: Person, chance: Random) -> Iterator[Statement]:
    opened = person.account_from or clock.YEAR_START - int(chance.random() * 400 * clock.DAY)
    granted = []
    for place, (purpose, share) in enumerate(ACCOUNT_PURPOSES):
        is_asked = purpose in ("email_marketing", "advertising", "identity_linking") or chance.random() < 0.5
        if is_asked:
            status = "granted" if chance.random() < share else "denied"
            granted += [purpose] if status == "granted" else []
            yield Statement(opened + 20 * clock.SECOND + place, purpose, status)
    if granted and chance.random() < 0.16:
        purpose = chance.choice([purpose for purpose in WITHDRAWABLE if purpose in granted] or granted)
        share = 1.0 if chance.random() < 0.15 else chance.random()
        begin = max(opened + clock.HOUR, clock.YEAR_START)
        last_noon = clock.LAST_DAY_START + 12 * clock.HOUR
        at = begin + int(share * max(0, last_noon - begin)) + int(chance.random() * 6 * clock.HOUR)
        yield Statement(at, purpose, "withdrawn")
        if share < 0.6 and chance.random() < 0.25:
            yield Statement(at + int((1 + 60 * chance.random()) * clock.DAY), purpose, "granted")


def _later(person: Person, chance: Random) -> Iterator[Statement]:
    """What the preference centre asks since this year: pauses, topics, and a purpose of its own."""
    begin = max((person.account_from or 0) + clock.DAY, clock.YEAR_START)
    at = begin + int(chance.random() * max(0, clock.LAST_DAY_START - begin))
    if chance.random() < 0.3:
        yield Statement(at, "research", "granted" if chance.random() < 0.5 else "denied")
    if chance.random() < 0.08:
        topic = "offers" if chance.random() < 0.4 else None
        yield Statement(
            at + clock.HOUR, "email_marketing", "snoozed", topic, at + int(90 * chance.random() * clock.DAY)
        )
    if chance.random() < 0.05:
        yield Statement(at + 2 * clock.HOUR, "email_marketing", "denied", "recipes")


def _entries(
    world: World,
    statements: list[Statement],
    person: Person,
    anonymous_id: str | None,
    user_id: str | None,
) -> Iterator[Entry]:
    record = ("account", user_id, person, False) if user_id else ("anonymous", anonymous_id or "", person, False)
    for turn, (at, purpose, status, topic, until) in enumerate(statements):
        key = (anonymous_id or user_id, turn)
        chance = dice(world.seed, "statement", *key)
        received = max(at + chance.randrange(200, 4_000), clock.YEAR_START + at % clock.DAY)
        is_late = chance.random() < 0.01 and at > clock.YEAR_START
        if is_late:
            received = late_arrival(at, int((1 + 25 * chance.random()) * clock.DAY))
        payload: dict[str, object] = {
            "consent_id": uuid(world.seed, "consent", *key),
            "purpose": purpose,
            "status": status,
            "notice_version": "2016-1" if at < NOTICE_CHANGED else "2017-2",
            "region": _region(world, person, at),
            "anonymous_id": anonymous_id,
            "user_id": user_id,
            "given_at": clock.iso(at),
        }
        if topic:
            payload["topic"] = topic
        if until:
            payload["until"] = clock.iso(until)
        yield Entry(received, payload, is_late, record)


def _region(world: World, person: Person, at: int) -> str:
    drawn = dice(world.seed, "abroad", person.number).random()
    if abroad := next((region for share, region in ABROAD if drawn < share), None):
        return abroad
    postcode = person.address(at).postcode
    return next(
        (region for start, region in sorted(REGIONS.items(), reverse=True) if postcode.startswith(start)),
        "US-NY",
    )
