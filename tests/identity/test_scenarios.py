"""Shapes that identity graphs take, each a few literal records, in every order of arrival.

A scenario is laid out once for each order in which its records can land, with values of its own each time, and all
are resolved together: the records of each profile must be the same in every order, and its id that of the record
which landed first. Then each scenario is resolved once more with the model beside the shared values.
"""

import itertools
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.assign import profile_id
from identity.model import compared_people, load_model
from identity.resolution import resolved
from identity.score import probabilistic_edges

KEY = b"a key for tests"
PHONE, OTHER_PHONE = "(212) 736-5000", "(212) 736-5001"
HOME = {"street": "12 Oak Street", "city": "Albany", "postcode": "12207"}
ANN = {"first_name": "Ann", "last_name": "Lee", "birth_date": "1984-03-09"}
BORIS = {"first_name": "Boris", "last_name": "Ek", "birth_date": "1979-11-21"}


@dataclass
class Scenario:
    """Records as ``Town.record`` takes them, and which of them are one person."""

    name: str
    records: list[tuple]
    people: list[set[str]]
    decisions: list[tuple[str, str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return self.name


def said(record_id, day=0, until=None, **values):
    return record_id, day, until, values


SCENARIOS = [
    Scenario(
        "a chain of four values is one person",
        [
            said("mailbox:1", email="ann@mail.net"),
            said("account:u1", email="ann@mail.net", phone=PHONE),
            said("crm:1", phone=PHONE, loyalty_id="44001"),
            said("loyalty:44001"),
        ],
        [{"mailbox:1", "account:u1", "crm:1", "loyalty:44001"}],
    ),
    Scenario(
        "a fan of devices around one account is one person",
        [said("account:u1", 5, anonymous_id=["a1", "a2", "a3"]), *(said(f"anonymous:a{n}", n) for n in (1, 2, 3))],
        [{"account:u1", "anonymous:a1", "anonymous:a2", "anonymous:a3"}],
    ),
    Scenario(
        "a fan of records around one card is one person",
        [said("loyalty:44001"), *(said(f"crm:{n}", n, loyalty_id="44001", **ANN) for n in (1, 2, 3))],
        [{"loyalty:44001", "crm:1", "crm:2", "crm:3"}],
    ),
    Scenario(
        "a diamond is one person",
        [
            said("crm:1", email="ann@mail.net", phone=PHONE),
            said("mailbox:1", email="ann@mail.net", device_id="d-1"),
            said("phone:1", phone=PHONE, device_id="d-2"),
            said("account:u1", device_id=["d-1", "d-2"]),
        ],
        [{"crm:1", "mailbox:1", "phone:1", "account:u1"}],
    ),
    Scenario(
        "a late bridge joins two profiles that do not contradict each other",
        [
            said("crm:1", email="ann@mail.net", **ANN),
            said("mailbox:1", email="ann@mail.net"),
            said("phone:1", phone=PHONE),
            said("account:u1", 300, email="ann@mail.net", phone=PHONE),
        ],
        [{"crm:1", "mailbox:1", "phone:1", "account:u1"}],
    ),
    Scenario(
        "a late bridge between two names goes by its stronger value",
        [
            said("crm:1", email="ann@mail.net", **ANN),
            said("crm:2", phone=PHONE, **BORIS),
            said("account:u1", 300, email="ann@mail.net", phone=PHONE),
        ],
        [{"crm:1", "account:u1"}, {"crm:2"}],
    ),
    Scenario(
        "a late bridge never joins two accounts",
        [
            said("account:u1", email="ann@mail.net"),
            said("account:u2", email="ann@post.org"),
            said("crm:1", 300, email="ann@mail.net", phone=PHONE),
            said("crm:2", 300, email="ann@post.org", phone=PHONE),
        ],
        [{"account:u1", "crm:1"}, {"account:u2", "crm:2"}],
    ),
    Scenario(
        "a card that two accounts gave is of the account with the firmer claim, never of both",
        [
            said("loyalty:44001"),
            said("account:u1", 1, loyalty_id="44001"),
            said("account:u2", 2, loyalty_id="44001"),
        ],
        [{"loyalty:44001", "account:u1"}, {"account:u2"}],
    ),
    Scenario(
        "a recycled phone links calls to the tenant of their day",
        [
            said("crm:1", 0, 90, phone=PHONE, **ANN),
            said("crm:2", 190, 300, phone=PHONE, **BORIS),
            said("phone:then", 40, phone=PHONE),
            said("phone:now", 250, phone=PHONE),
        ],
        [{"crm:1", "phone:then"}, {"crm:2", "phone:now"}],
    ),
    Scenario(
        "a caller who called under both tenants is nobody's",
        [
            said("crm:1", 0, 90, phone=PHONE, **ANN),
            said("crm:2", 190, 300, phone=PHONE, **BORIS),
            said("phone:both", 40, 250, phone=PHONE),
        ],
        [{"crm:1"}, {"crm:2"}, {"phone:both"}],
    ),
    Scenario(
        "a namesake on a number unseen for six years is another person by the birth date",
        [
            said("crm:1", 0, phone=PHONE, **ANN),
            said("crm:2", 2200, phone=PHONE, **(ANN | {"birth_date": "1961-08-30"})),
            said("phone:1", 10, phone=PHONE),
        ],
        [{"crm:1", "phone:1"}, {"crm:2"}],
    ),
    Scenario(
        "two accounts on one browser stay two people, and the visits are given to neither",
        [
            said("anonymous:a1", 0, 30),
            said("account:u1", 0, 5, anonymous_id="a1"),
            said("account:u2", 10, 20, anonymous_id="a1"),
        ],
        [{"anonymous:a1"}, {"account:u1"}, {"account:u2"}],
    ),
    Scenario(
        "two accounts on one tablet stay two people, each with its own browser",
        [
            said("account:u1", 0, 5, device_id="d-1", anonymous_id="a1"),
            said("account:u2", 10, 20, device_id="d-1", anonymous_id="a2"),
            said("anonymous:a1", 0, 3, device_id="d-1"),
            said("anonymous:a2", 10, 12, device_id="d-1"),
        ],
        [{"account:u1", "anonymous:a1"}, {"account:u2", "anonymous:a2"}],
    ),
    Scenario(
        "an order ties a browser in which nobody logged in to the card that was shown for it",
        [said("anonymous:a1", order_id="70001"), said("loyalty:44001", 1, order_id=["70001", "70002"])],
        [{"anonymous:a1", "loyalty:44001"}],
    ),
    Scenario(
        "orders tie an account to its card and to the browser of a visit without log-in",
        [
            said("account:u1", order_id="70001"),
            said("loyalty:44001", 1, order_id=["70001", "70002"]),
            said("anonymous:a1", order_id="70002"),
        ],
        [{"account:u1", "loyalty:44001", "anonymous:a1"}],
    ),
    Scenario(
        "a browser in which two customers ordered is neither's, nor that of the account that logged in there",
        [
            said("anonymous:a1", order_id=["70001", "70002"]),
            said("loyalty:44001", order_id="70001"),
            said("loyalty:44002", order_id="70002"),
            said("account:u1", anonymous_id="a1"),
        ],
        [{"anonymous:a1"}, {"loyalty:44001"}, {"loyalty:44002"}, {"account:u1"}],
    ),
    Scenario(
        "a browser of one account in which another's card ordered is neither's",
        [
            said("anonymous:a1", order_id="70001"),
            said("account:u1", anonymous_id="a1", loyalty_id="44001"),
            said("loyalty:44002", order_id="70001"),
        ],
        [{"anonymous:a1"}, {"account:u1"}, {"loyalty:44002"}],
    ),
    Scenario(
        "a browser of two accounts is nobody's by an order either",
        [
            said("anonymous:a1", order_id="70001"),
            said("account:u1", anonymous_id="a1"),
            said("account:u2", anonymous_id="a1"),
            said("loyalty:44001", order_id="70001"),
        ],
        [{"anonymous:a1"}, {"account:u1"}, {"account:u2"}, {"loyalty:44001"}],
    ),
    Scenario(
        "a browser in two spellings in which two customers ordered is neither's",
        [
            said("anonymous:a1b", order_id="70001"),
            said("anonymous:A1B", order_id="70002"),
            said("loyalty:44001", order_id="70001"),
            said("loyalty:44002", order_id="70002"),
        ],
        [{"anonymous:a1b"}, {"anonymous:A1B"}, {"loyalty:44001"}, {"loyalty:44002"}],
    ),
    Scenario(
        "an order that was collected with another's card is of neither",
        [
            said("account:u1", order_id="70001", loyalty_id="44001"),
            said("loyalty:44001"),
            said("loyalty:44002", order_id="70001"),
            said("anonymous:a1", order_id="70001"),
        ],
        [{"account:u1", "loyalty:44001"}, {"loyalty:44002"}, {"anonymous:a1"}],
    ),
    Scenario(
        "an account whose orders two customers collected is neither's by them",
        [
            said("account:u1", order_id=["70001", "70002"]),
            said("loyalty:44001", order_id="70001"),
            said("loyalty:44002", order_id="70002"),
        ],
        [{"account:u1"}, {"loyalty:44001"}, {"loyalty:44002"}],
    ),
    Scenario(
        "a card with which the orders of two accounts were collected is neither's by them",
        [
            said("loyalty:44001", order_id=["70001", "70002"]),
            said("account:u1", order_id="70001"),
            said("account:u2", order_id="70002"),
        ],
        [{"loyalty:44001"}, {"account:u1"}, {"account:u2"}],
    ),
    Scenario(
        "an order number that comes again after a year is of another order",
        [said("anonymous:a1", order_id="70001"), said("loyalty:44001", 365, order_id="70001")],
        [{"anonymous:a1"}, {"loyalty:44001"}],
    ),
    Scenario(
        "twins with one phone, one address and one birth date are two people",
        [
            said("crm:1", phone=PHONE, **ANN, **HOME),
            said("crm:2", phone=PHONE, **(ANN | {"first_name": "Beth"}), **HOME),
        ],
        [{"crm:1"}, {"crm:2"}],
    ),
    Scenario(
        "twins whose names are alike are two people by their cards",
        [
            said("crm:1", phone=PHONE, loyalty_id="44001", **(ANN | {"first_name": "Maria"}), **HOME),
            said("crm:2", phone=PHONE, loyalty_id="44002", **(ANN | {"first_name": "Marie"}), **HOME),
        ],
        [{"crm:1"}, {"crm:2"}],
    ),
    Scenario(
        "a marriage changes the last name and not the person",
        [
            said("crm:1", email="ann@mail.net", phone=PHONE, **ANN, **HOME),
            said("crm:2", 900, email="ann@mail.net", phone=PHONE, **(ANN | {"last_name": "Park"}), **HOME),
        ],
        [{"crm:1", "crm:2"}],
    ),
    Scenario(
        "a husband who writes from his wife's mailbox stays himself after she took his name",
        [
            said("crm:1", email="ann@mail.net", **ANN),
            said("crm:2", 900, email="ann@mail.net", **(ANN | {"last_name": "Ek"})),
            said("crm:3", 900, email="ann@mail.net", **BORIS),
        ],
        [{"crm:1", "crm:2"}, {"crm:3"}],
    ),
    Scenario(
        "father and son of one name and one landline are two people by the birth date",
        [
            said("crm:1", phone=PHONE, **(ANN | {"first_name": "Jim", "birth_date": "1950-01-02"}), **HOME),
            said("crm:2", phone=PHONE, **(ANN | {"first_name": "Jim", "birth_date": "1981-07-30"}), **HOME),
        ],
        [{"crm:1"}, {"crm:2"}],
    ),
    Scenario(
        "a birth date that a form filled in keeps nobody apart",
        [
            said("crm:1", email="ann@mail.net", **(ANN | {"birth_date": "1900-01-01"})),
            said("crm:2", email="ann@mail.net", **ANN),
        ],
        [{"crm:1", "crm:2"}],
    ),
    Scenario(
        "a name in two scripts is one person on one mailbox",
        [
            said("crm:1", email="anna@mail.net", first_name="Анна", last_name="Ли"),
            said("crm:2", email="anna@mail.net", first_name="Anna", last_name="Li"),
        ],
        [{"crm:1", "crm:2"}],
    ),
    Scenario(
        "an initial between two names joins one of them and never both",
        [
            said("crm:1", email="e1@mail.net", first_name="Ann", last_name="Lee"),
            said("crm:2", email=["e1@mail.net", "e2@mail.net"], first_name="A.", last_name="Lee"),
            said("crm:3", email="e2@mail.net", first_name="Alice", last_name="Lee"),
        ],
        [{"crm:1", "crm:2"}, {"crm:3"}],
    ),
    Scenario(
        "many initials between two names join them no more than one",
        [
            said("crm:1", email="e1@mail.net", first_name="Ann", last_name="Lee"),
            *(said(f"crm:{n}", email=["e1@mail.net", "e2@mail.net"], first_name="A.") for n in (2, 3)),
            said("crm:4", email="e2@mail.net", first_name="Alice", last_name="Lee"),
        ],
        [{"crm:1", "crm:2", "crm:3"}, {"crm:4"}],
    ),
    Scenario(
        "birth dates that drift digit by digit from record to record are not one person's",
        [
            said("crm:1", email="e1@mail.net", birth_date="1950-01-02"),
            said("crm:2", email=["e1@mail.net", "e2@mail.net"], birth_date="1950-02-02"),
            said("crm:3", email=["e2@mail.net", "e3@mail.net"], birth_date="1950-02-12"),
            said("crm:4", email="e3@mail.net", birth_date="1951-02-12"),
        ],
        [{"crm:1", "crm:2"}, {"crm:3", "crm:4"}],
    ),
    Scenario(
        "one slip of the hand does not split a profile whose other records agree",
        [
            *(said(f"crm:{n}", email="e1@mail.net", phone=PHONE, birth_date="1950-01-02") for n in (1, 2)),
            said("crm:3", email="e1@mail.net", birth_date="1950-01-03"),
            said("crm:4", phone=PHONE, birth_date="1950-02-02"),
        ],
        [{"crm:1", "crm:2", "crm:3", "crm:4"}],
    ),
    Scenario(
        "calls go to the account that had the number at their time, though nobody gave a name",
        [
            said("account:u1", 0, 90, phone=PHONE),
            said("account:u2", 190, 300, phone=PHONE),
            said("phone:b", 20, phone=PHONE),
            said("phone:c", 250, phone=PHONE),
        ],
        [{"account:u1", "phone:b"}, {"account:u2", "phone:c"}],
    ),
    Scenario(
        "an account without a name is of whoever had the number at its time",
        [
            said("crm:1", 0, 90, phone=PHONE, **ANN),
            said("crm:2", 190, 300, phone=PHONE, **BORIS),
            said("account:u1", 20, phone=PHONE),
            said("account:u2", 250, phone=PHONE),
        ],
        [{"crm:1", "account:u1"}, {"crm:2", "account:u2"}],
    ),
    Scenario(
        "a call between two tenancies is nobody's",
        [
            said("crm:1", 0, 90, phone=PHONE, **ANN),
            said("crm:2", 190, 300, phone=PHONE, **BORIS),
            said("phone:1", 140, phone=PHONE),
        ],
        [{"crm:1"}, {"crm:2"}, {"phone:1"}],
    ),
    Scenario(
        "a new holder of a number of whom only the last name is known is somebody else",
        [
            said("crm:1", 0, 90, phone=PHONE, **ANN),
            said("crm:2", 190, 300, phone=PHONE, last_name="Ek"),
            said("phone:1", 250, phone=PHONE),
        ],
        [{"crm:1"}, {"crm:2", "phone:1"}],
    ),
    Scenario(
        "a last name alone that agrees is the same person",
        [said("crm:1", email="ann@mail.net", **ANN), said("crm:2", email="ann@mail.net", last_name="Lee")],
        [{"crm:1", "crm:2"}],
    ),
    Scenario(
        "a namesake without a birth date between two with different ones is neither for sure",
        [
            said("crm:1", 0, 90, phone=PHONE, first_name="Jim", last_name="Lee", birth_date="1950-01-02"),
            said("crm:2", 10, 90, phone=PHONE, first_name="Jim", last_name="Lee", birth_date="1981-07-30"),
            said("crm:3", 5, 90, phone=PHONE, first_name="Jim", last_name="Lee"),
        ],
        [{"crm:1"}, {"crm:2"}, {"crm:3"}],
    ),
    Scenario(
        "a steward's unlink splits at the weakest edge, whatever else joins the two",
        [
            said("crm:1", email="ann@mail.net", loyalty_id="44001"),
            said("loyalty:44001"),
            said("mailbox:1", email="ann@mail.net"),
            said("phone:1", phone=PHONE),
            said("account:u1", email="ann@mail.net", phone=PHONE),
        ],
        [{"crm:1", "loyalty:44001", "mailbox:1", "account:u1"}, {"phone:1"}],
        [("unlink", "loyalty:44001", "phone:1")],
    ),
    Scenario(
        "a steward's link joins what contradicts itself",
        [said("crm:1", **ANN), said("crm:2", **BORIS), said("mailbox:1", email="x@mail.net")],
        [{"crm:1", "crm:2"}, {"mailbox:1"}],
        [("link", "crm:1", "crm:2")],
    ),
]


def of_world(text: str, number: int) -> str:
    """A record id or a value as it is in another world, where nobody shares it with this one."""
    if digits := re.fullmatch(r"\(212\) 736-(\d{4})", text):
        return f"(212) 736-{int(digits[1]) + 10 * number:04}"
    return f"w{number}.{text}" if "@" in text else f"{text}w{number}"


def add(town, scenario, number, order):
    """Lay a scenario out in a world of its own, its records landing in the order given."""
    identifiers = set(town.rules.identifiers)

    def value(name, raw):
        if name not in identifiers:
            return raw
        return [of_world(item, number) for item in raw] if isinstance(raw, list) else of_world(raw, number)

    for record_id, day, until, values in order:
        own = {name: value(name, raw) for name, raw in values.items()}
        town.record(of_world(record_id, number), day, until, **own)
    for action, one, other in scenario.decisions:
        town.decide(action, of_world(one, number), of_world(other, number))


def ids(resolution):
    return {row["record_id"]: row["profile_id"] for row in resolution.assignments.to_pylist()}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_every_order_of_arrival_gives_the_same_people_and_each_the_id_of_its_founder(scenario, new_town):
    town = new_town()
    orders = list(itertools.permutations(scenario.records))
    for number, order in enumerate(orders):
        add(town, scenario, number, order)
    of_record = ids(town.resolve())
    assert len(of_record) == len(orders) * len(scenario.records)
    for number, order in enumerate(orders):
        arrival = [record_id for record_id, *_ in order]
        for person in scenario.people:
            founder = next(record_id for record_id in arrival if record_id in person)
            found = {of_record[of_world(record_id, number)] for record_id in person}
            assert found == {profile_id(KEY, of_world(founder, number))}, arrival
    assert len(set(of_record.values())) == len(orders) * len(scenario.people)


NAMED = [scenario for scenario in SCENARIOS if "first_name" in str(scenario.records) and not scenario.decisions]


@pytest.mark.parametrize("scenario", NAMED, ids=str)
def test_the_model_beside_the_shared_values_changes_none_of_these_people(scenario, new_town, profiles_of):
    town = new_town()
    for record_id, day, until, values in scenario.records:
        town.record(record_id, day, until, **values)
    nodes = town.nodes()
    model, least = load_model(town.rules.probabilistic.model), town.rules.probabilistic.review_weight
    scored = probabilistic_edges(compared_people(nodes.records), model, least)
    people = {frozenset(person) for person in scenario.people}
    assert profiles_of(resolved(nodes, scored, (), town.rules, KEY).assignments) == people


def test_the_part_that_a_late_bridge_brings_in_keeps_its_id_if_it_is_the_elder(new_town):
    """The bridge may land first, last or between: the id is that of the record that landed first, and no other."""
    elder = [("crm:1", {"email": "ann@mail.net"}), ("mailbox:1", {"email": "ann@mail.net"})]
    younger = [("phone:1", {"phone": PHONE})]
    bridge = ("account:u1", {"email": "ann@mail.net", "phone": PHONE})

    def of_record(records):
        town = new_town()
        for record_id, values in records:
            town.record(record_id, **values)
        return ids(town.resolve())

    before, after = of_record(elder + younger), of_record([*elder, *younger, bridge])
    assert before["crm:1"] == before["mailbox:1"] != before["phone:1"]
    assert set(after.values()) == {before["crm:1"]}


@pytest.mark.parametrize("landing", [range(6), reversed(range(6))], ids=["forwards", "backwards"])
def test_a_customer_entered_six_times_with_everything_the_same_is_one_person(town, landing):
    for number in landing:
        town.record(f"crm:{number}", email="ann@mail.net", phone=PHONE, **ANN, **HOME)
    assert len(town.profiles()) == 1


@pytest.mark.parametrize(("last_names", "people"), [(2, 1), (4, 2)])
def test_a_couple_that_shares_a_mailbox_under_several_last_names_is_no_crowd(town, last_names, people):
    """Ann before and after her marriage; and Boris, who writes both names as well."""
    for number, last_name in enumerate(["Lee", "Ek", "Lee-Ek", "Ek-Lee"][:last_names]):
        first_name = "Ann" if number < 2 else "Boris"
        town.record(f"crm:{number}", email="ann@mail.net", first_name=first_name, last_name=last_name)
    assert town.unusable() == {}
    assert len(town.profiles()) >= people


KIOSK_USERS = 500


def kiosk_of_accounts(town):
    """Each of 500 people logs in once on one kiosk, in one browser, between visits that nobody logged in to."""
    for number in range(KIOSK_USERS):
        town.record(
            f"account:u{number}", number % 300, device_id="kiosk", anonymous_id="browser", email=f"u{number}@mail.net"
        )
    town.record("anonymous:browser", 0, 300, device_id="kiosk")
    return {frozenset({row["record_id"]}) for row in town.rows}


def kiosk_of_visits(town):
    """500 browsers on one device, and nobody ever logs in."""
    for number in range(KIOSK_USERS):
        town.record(f"anonymous:a{number}", number % 300, device_id="kiosk")
    return {frozenset({row["record_id"]}) for row in town.rows}


def kiosk_with_cards(town):
    """500 people use one kiosk, each with a card and a record in the CRM: the card joins, the kiosk does not."""
    for number in range(KIOSK_USERS):
        town.record(f"account:u{number}", number % 300, device_id="kiosk", loyalty_id=f"44{number:03}")
        town.record(f"crm:{number}", loyalty_id=f"44{number:03}")
    return {frozenset({f"account:u{number}", f"crm:{number}"}) for number in range(KIOSK_USERS)}


def kiosk_mailbox(town):
    """Staff type one address for 500 customers of 100 names."""
    for number in range(KIOSK_USERS):
        name = "".join(chr(ord("a") + int(digit)) for digit in f"{number % 100:02}") * 3
        town.record(f"crm:{number}", number % 300, email="counter@shop.net", first_name=name, last_name="Lee")
    return {frozenset({row["record_id"]}) for row in town.rows}


def kiosk_mailbox_of_phones(town):
    """Staff type one address for 500 callers, each with a phone of their own and no name."""
    for number in range(KIOSK_USERS):
        town.record(f"mailbox:{number}", number % 300, email="kiosk@shop.net", phone=f"(212) 736-{5000 + number}")
    return {frozenset({row["record_id"]}) for row in town.rows}


def kiosk_mailbox_of_last_names(town):
    """Staff type one address for 500 customers and only their last names."""
    for number in range(KIOSK_USERS):
        name = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}") * 2
        town.record(f"crm:{number}", number % 300, email="counter@shop.net", last_name=name)
    return {frozenset({row["record_id"]}) for row in town.rows}


def placeholders(town):
    """500 customers with what programs and people write instead of a value."""
    said_of_all = {
        "user_id": "guest", "loyalty_id": "0000000000", "anonymous_id": "null", "email": "test@test.com",
        "phone": "+1 999 999 9999", "device_id": "00000000-0000-0000-0000-000000000000",
    }  # fmt: skip
    for number in range(KIOSK_USERS):
        town.record(f"crm:{number}", number % 300, **said_of_all)
    return {frozenset({row["record_id"]}) for row in town.rows}


def till_card(town):
    """At the till one card is shown for 500 orders that were placed in a browser each."""
    for number in range(KIOSK_USERS):
        town.record(f"anonymous:a{number}", number % 300, order_id=f"7{number:04}")
    town.record("loyalty:44001", 0, 300, order_id=[f"7{number:04}" for number in range(KIOSK_USERS)])
    return {frozenset({row["record_id"]}) for row in town.rows}


def no_card(town):
    """What the till writes where no card was shown is not a card, though five orders were placed online."""
    for number in range(5):
        town.record(f"anonymous:a{number}", order_id=f"7{number:04}")
    town.record("loyalty:0000000000", order_id=[f"7{number:04}" for number in range(5)])
    return {frozenset({row["record_id"]}) for row in town.rows}


CROWDS = [
    kiosk_of_accounts,
    kiosk_of_visits,
    kiosk_with_cards,
    kiosk_mailbox,
    kiosk_mailbox_of_phones,
    kiosk_mailbox_of_last_names,
    placeholders,
    till_card,
    no_card,
]


@pytest.mark.parametrize("crowd", CROWDS, ids=lambda crowd: crowd.__name__)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_what_five_hundred_people_share_joins_none_of_them(crowd, is_reversed, new_town):
    town = new_town()
    people = crowd(town)
    if is_reversed:
        town.rows = [row | {"position": place} for place, row in enumerate(reversed(town.rows), 1)]
    assert town.profiles() == people


HOUSES = [scenario for scenario in SCENARIOS if not scenario.decisions]


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.permutations([(house, record) for house, item in enumerate(HOUSES) for record in range(len(item.records))]))
def test_all_scenarios_landing_among_each_other_give_the_same_people(new_town, arrival):
    town = new_town()
    for house, record in arrival:
        add(town, HOUSES[house], house, [HOUSES[house].records[record]])
    expected = {
        frozenset(of_world(record, house) for record in person)
        for house, scenario in enumerate(HOUSES)
        for person in scenario.people
    }
    assert town.profiles() == expected
