"""The support desk: tickets by e-mail, phone and chat; some follow an error that somebody was shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from sandbox import clock, names
from sandbox.draws import dice, hexadecimal
from sandbox.entries import Entry
from sandbox.visits import late_arrival

if TYPE_CHECKING:
    from sandbox.people import Person
    from sandbox.world import World


@dataclass(frozen=True)
class Ticket:
    """A person's request; `about` is empty unless an error was shown before."""

    person: Person
    opened_at: int
    about: str
    key: str


def support_entries(world: World) -> Iterator[Entry]:
    """Yield the year's ticket lines: opened, resolved."""
    for ticket in _tickets(world):
        chance = dice(world.seed, "ticket", ticket.key)
        requester = _requester(ticket, chance)
        channel = "phone" if requester["email"] is None else chance.choice(("email", "email", "chat"))
        opened: dict[str, object] = {
            "ticket_id": f"T-{hexadecimal(10, world.seed, 'ticket id', ticket.key)}",
            "status": "opened",
            "channel": channel,
            "subject": ticket.about or chance.choice(names.SUBJECTS),
            "requester": requester,
            "created_at": clock.iso_seconds(ticket.opened_at),
            "priority": chance.choice(("low", "normal", "normal", "high")),
            "satisfaction": None,
        }
        lines = [(ticket.opened_at, opened)]
        if chance.random() < 0.9:
            solved_at = ticket.opened_at + int((0.5 + 90 * chance.random() ** 2) * clock.HOUR)
            rating = chance.choice((None, 1, 2, 3, 4, 4, 5, 5))
            solved = {
                "status": "resolved",
                "created_at": clock.iso_seconds(solved_at),
                "satisfaction": rating,
            }
            lines.append((solved_at, {**opened, **solved}))
        for at, payload in lines:
            is_late = chance.random() < 0.02
            received = late_arrival(at, int((1 + 15 * chance.random()) * clock.DAY)) if is_late else at + clock.MINUTE
            yield Entry(received, payload, is_late, _record(requester, ticket.person))


def _record(requester: dict[str, str | None], person: Person) -> tuple[str, str, Person, bool]:
    if requester["email"]:
        return "mailbox", requester["email"], person, person.has_family_mailbox
    return "phone", requester["phone"] or "", person, person.is_phone_shared


def _tickets(world: World) -> Iterator[Ticket]:
    for visit in world.plan.visits:
        chance = dice(world.seed, "complains", visit.key) if visit.has_error else None
        if chance and chance.random() < 0.35:
            at = visit.start + int((0.5 + 20 * chance.random()) * clock.HOUR)
            yield Ticket(visit.person, at, "Error at checkout 😡", f"visit {visit.key}")
    for person in world.people:
        chance = dice(world.seed, "asks", person.number)
        for turn in range(chance.choices((0, 1, 2, 3), (76, 17, 5, 2))[0]):
            day = chance.randrange(365)
            at = clock.YEAR_START + day * clock.DAY + int((8 + 12 * chance.random()) * clock.HOUR)
            yield Ticket(person, at, "", f"person {person.number} {turn}")


def _requester(ticket: Ticket, chance: Random) -> dict[str, str | None]:
    """Whoever calls leaves a number; whoever writes has an address, typed as people type."""
    person = ticket.person
    draw = chance.random()
    email: str | None = person.email if draw < 0.78 else None
    phone: str | None = written_phone(person.phone(ticket.opened_at), chance) if draw > 0.6 else None
    if email and chance.random() < 0.15:
        email = chance.choice((email.upper(), f" {email}"))
    first = person.nickname if chance.random() < 0.4 else person.first_name
    return {
        "name": f"{first} {person.surname(ticket.opened_at)}" if chance.random() < 0.9 else None,
        "email": email,
        "phone": phone,
    }


def written_phone(digits: str, chance: Random) -> str:
    """Write a number in one of the ways people do."""
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return chance.choice(
        (
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"+1 {area} {exchange} {line}",
            f"+1{digits}",
            digits,
        )
    )
