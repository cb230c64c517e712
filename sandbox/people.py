"""The synthetic people: one to three in each real household, with all that the channels may know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import TypeVar

from sandbox import clock, names
from sandbox.draws import dice, hexadecimal
from sandbox.real import Household

Held = TypeVar("Held")
PEOPLE_PER_HOUSEHOLD = 4  # room in the numbering, not a count
# A prime above the greatest person number: multiplying by another number is then a one-to-one shuffle.
SHUFFLE = 10_007
PHONE_SHUFFLE = 6_000_011
EXCHANGES = [
    number for number in range(200, 1_000) if number % 100 != 11 and number not in (555, 700, 950, 958, 959, 976)
]
TWINS, MARRIAGES = 0.03, 0.06  # of the households with two people or more
FREED_ON = clock.start_of(date(2017, 4, 3))
REUSED_FROM = clock.start_of(date(2017, 7, 5))
BIRTH_YEARS = {
    "19-24": (1993, 1998),
    "25-34": (1983, 1992),
    "35-44": (1973, 1982),
    "45-54": (1963, 1972),
    "55-64": (1953, 1962),
    "65+": (1931, 1952),
}


@dataclass(frozen=True)
class Address:
    """Where somebody lives."""

    street: str
    city: str
    postcode: str


@dataclass
class Person:
    """One human, and the truth about them."""

    number: int
    household: int
    place: int
    first_name: str
    last_name: str
    birth_date: date
    email: str
    has_family_mailbox: bool
    phones: list[tuple[int, str]]  # (valid from, ten digits)
    addresses: list[tuple[int, Address]]  # (valid from, address)
    card: str | None
    user_id: str | None
    account_from: int
    has_web: bool
    has_app: bool
    age_band: str
    income_band: str
    household_size: str
    is_phone_shared: bool = False
    is_kiosk_user: bool = False
    is_twin: bool = False
    name_before: str = ""  # the last name until married_at; empty for those who did not marry in the year
    married_at: int = 0
    nickname: str = field(init=False)

    def __post_init__(self) -> None:
        """Look up the name that friends use."""
        self.nickname = names.NICKNAMES.get(self.first_name, self.first_name)

    @property
    def person_id(self) -> str:
        """Return the id under which the truth knows this person."""
        return f"p{self.household:04d}-{self.place}"

    def changes(self) -> list[int]:
        """Return when something that is told of the person changed; 0 is what was always so."""
        return [since for since, _ in (*self.addresses, *self.phones)] + [self.married_at]

    def surname(self, at: int) -> str:
        """Return the last name held at an instant."""
        return self.name_before if self.name_before and at < self.married_at else self.last_name

    def phone(self, at: int) -> str:
        """Return the number held at an instant."""
        return _valid(self.phones, at)

    def address(self, at: int) -> Address:
        """Return the address lived at at an instant."""
        return _valid(self.addresses, at)


def build(households: Sequence[Household], seed: int) -> list[Person]:
    """Return everybody who lives in the households, in their order.

    Args:
        households: the real households, in sample order; neighbours in that order may recycle a phone number.
        seed: the world's seed.
    """
    people: list[Person] = []
    for number, household in enumerate(households):
        members = _members(household, seed)
        if number % 2 and dice(seed, "recycled", household.number).random() < 0.12:
            _recycle(_first_of(people), members[0])
        _make_twins(members, seed)
        _marry(members, seed)
        people.extend(members)
    return people


def _first_of(people: list[Person]) -> Person:
    household = people[-1].household
    return next(person for person in reversed(people) if person.household == household and person.place == 0)


def _recycle(former: Person, later: Person) -> None:
    """The former holder gives the number back in spring; the later one gets it in summer."""
    number = former.phones[0][1]
    if len(former.phones) == 1 and len(later.phones) == 1:
        former.phones.append((FREED_ON, phone_number(former.number, 1, number[:3])))
        later.phones.append((REUSED_FROM, number))
        former.is_phone_shared = later.is_phone_shared = True


def _make_twins(members: list[Person], seed: int) -> None:
    """Now and then the last two of a household were born on one day: children of one parent, or grown up."""
    if len(members) < 2 or dice(seed, "twins", members[0].household).random() >= TWINS:
        return
    elder, younger = members[-2:]
    born = younger.birth_date if len(members) > 2 else elder.birth_date
    elder.birth_date = younger.birth_date = born
    younger.last_name = elder.last_name
    elder.is_twin = younger.is_twin = True


def _marry(members: list[Person], seed: int) -> None:
    """Now and then the second of a household took the family's name during the year."""
    for person in members[1:2]:
        chance = dice(seed, "marriage", person.number)
        if chance.random() < MARRIAGES and person.last_name == members[0].last_name and not person.is_twin:
            person.name_before = chance.choice([name for name, _ in names.FAMILY_NAMES if name != person.last_name])
            person.married_at = clock.YEAR_START + chance.randrange(30, 330) * clock.DAY


def phone_number(person: int, slot: int, area: str) -> str:
    """Return ten digits that no other person and slot gets."""
    shuffled = ((person * 3 + slot) * 2_654_435 + 12_345) % PHONE_SHUFFLE
    return f"{area}{EXCHANGES[shuffled // 10_000]}{shuffled % 10_000:04d}"


def _size(household: Household, chance: Random) -> int:
    adults = 2 if household.composition.startswith("2") else 1
    if household.composition.endswith("Adult Kids") or household.composition.endswith("Adults Kids"):
        return adults + (chance.random() < 0.45)
    if household.composition:
        return adults
    return chance.choices((1, 2, 3), (45, 40, 15))[0]


def _members(household: Household, seed: int) -> list[Person]:
    chance = dice(seed, "household", household.number)
    family = chance.choice(names.FAMILY_NAMES)
    city, first_code, areas = chance.choice(names.CITIES)
    homes = [_home(chance, city, first_code)]
    moved_on = 0
    if chance.random() < 0.12:
        other, other_code, _ = chance.choice(names.CITIES)
        homes.append(_home(chance, other, other_code))
        moved_on = clock.YEAR_START + chance.randrange(20, 330) * clock.DAY
    addresses = [(0, homes[0])] + [(moved_on, home) for home in homes[1:]]
    size = _size(household, chance)
    has_family_mailbox = size > 1 and chance.random() < 0.18
    has_landline = size > 1 and chance.random() < 0.12
    family_suffix = _suffix(household.number * PEOPLE_PER_HOUSEHOLD)
    family_mailbox = f"the.{family[1]}s{family_suffix}@{chance.choice(names.MAIL_DOMAINS)}"
    members: list[Person] = []
    for place in range(size):
        number = household.number * PEOPLE_PER_HOUSEHOLD + place
        first = _first_name(chance, members)
        last = family
        if place == 1 and household.marital_status != "Married" and chance.random() < 0.5:
            last = chance.choice(names.FAMILY_NAMES)
        is_child = place == 2 or (place == 1 and household.composition.startswith("1"))
        own_mailbox = _mailbox(chance, first[1], last[1], number)
        has_account = chance.random() < (0.75 if place == 0 else 0.55)
        before = chance.random() < 0.55
        mobile = phone_number(number, 0, chance.choice(areas))
        joined = clock.YEAR_START + int(chance.random() * 350 * clock.DAY)
        shares_phone = has_landline and place > 0
        members.append(
            Person(
                number=number,
                household=household.number,
                place=place,
                first_name=first[0],
                last_name=last[0],
                birth_date=_birth_date(chance, household.age, is_child),
                email=family_mailbox if has_family_mailbox else own_mailbox,
                has_family_mailbox=has_family_mailbox,
                phones=[members[0].phones[0]] if shares_phone else [(0, mobile)],
                addresses=list(addresses),
                card=_card(number) if place == 0 or chance.random() < 0.5 else None,
                user_id=f"usr_{hexadecimal(12, seed, 'user', number)}" if has_account else None,
                account_from=0 if before else joined,
                has_web=has_account or chance.random() < 0.7,
                has_app=has_account and chance.random() < 0.5,
                age_band=household.age,
                income_band=household.income,
                household_size=household.size,
                is_phone_shared=shares_phone,
                is_kiosk_user=has_account and chance.random() < 0.12,
            )
        )
        if shares_phone:
            members[0].is_phone_shared = True
    return members


def _first_name(chance: Random, members: list[Person]) -> tuple[str, str]:
    """Now and then the third member has the first one's name, as a son may have his father's."""
    if len(members) == 2 and chance.random() < 0.05:
        return next(name for name in names.FIRST_NAMES if name[0] == members[0].first_name)
    taken = {member.first_name for member in members}
    while True:
        name = chance.choice(names.FIRST_NAMES)
        if name[0] not in taken:
            return name


def _home(chance: Random, city: str, first_code: int) -> Address:
    street = f"{chance.randrange(1, 900)} {chance.choice(names.STREETS)}"
    if chance.random() < 0.35:
        street += f", Apt {chance.randrange(1, 30)}{chance.choice('ABCDEF')}"
    return Address(street, city, f"{first_code + chance.randrange(20):05d}")


def _birth_date(chance: Random, age: str, is_child: bool) -> date:
    first, last = (1997, 2001) if is_child else BIRTH_YEARS.get(age, (1940, 1996))
    return date(chance.randint(first, last), chance.randint(1, 12), chance.randint(1, 28))


def _suffix(number: int) -> str:
    return str(number * 7_919 % SHUFFLE)


def _mailbox(chance: Random, first: str, last: str, number: int) -> str:
    """Return an address of one's own: the number at its end is nobody else's."""
    shape = chance.randrange(4)
    name = (f"{first}.{last}", f"{first[0]}{last}", f"{first}_{last[0]}", f"{last}{first}")[shape]
    return f"{name}{_suffix(number)}@{chance.choice(names.MAIL_DOMAINS)}"


def _card(number: int) -> str:
    return f"44{number * 6_151 % SHUFFLE:05d}{number * 97 % 89:02d}"


def _valid(history: list[tuple[int, Held]], at: int) -> Held:
    held = history[0][1]
    for since, value in history:
        if since <= at:
            held = value
    return held
