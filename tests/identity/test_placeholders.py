"""Names, birth dates, addresses and cards that stand for many people join none of them; what is only common still does.

Each crowd is resolved with the model beside the shared values, as a run does it.
"""

import string

import pytest

from contracts.identity import Placeholders
from identity.model import compared_people, load_model
from identity.resolution import resolved
from identity.score import probabilistic_edges
from tests.identity.conftest import KEY

VALUED = {"first_name": "Valued", "last_name": "Customer", "birth_date": "1980-01-01"}
STORE = {"street": "1 Store Street", "city": "Albany", "postcode": "12207"}
ANN = {"first_name": "Ann", "last_name": "Lee", "birth_date": "1984-03-09"}


def word(number):
    """A word for each number, unlike those of other numbers."""
    mixed = (number + 1) * 2654435761
    return "".join(string.ascii_lowercase[mixed // 26**place % 26] for place in range(8))


def born(number):
    return f"{1940 + number * 7 % 60}-{1 + number % 12:02}-{1 + number * 11 % 28:02}"


def mailbox(number):
    return {"email": f"{word(number)}@mail.net"}


def phone(number):
    return {"phone": f"(212) 736-{5000 + number}"}


def person(number):
    return {"first_name": word(number), "last_name": word(number + 5000), "birth_date": born(number)}


def house(number):
    return {"street": f"{number + 2} {word(number)} Road", "city": "Albany", "postcode": f"{10000 + number * 37}"}


def crowd(town, rows, of):
    for number in range(rows):
        town.record(f"crm:{number}", number % 50, **of(number))
    return town


def sizes(town, profiles_of):
    """How many records the profiles have, the biggest first."""
    nodes = town.nodes()
    model, least = load_model(town.rules.probabilistic.model), town.rules.probabilistic.review_weight
    scored = probabilistic_edges(compared_people(nodes.records), model, least)
    found = profiles_of(resolved(nodes, scored, (), town.rules, KEY).assignments)
    return sorted((len(profile) for profile in found), reverse=True)


def unusable(town, column):
    return {row["record_id"]: row[column] for row in town.nodes().records.to_pylist() if row[column]}


STRANGERS = {
    "a shop's customers, each with a mailbox and a phone": (300, lambda n: VALUED | STORE | mailbox(n) | phone(n)),
    "a shop's customers, each with a phone": (300, lambda n: VALUED | STORE | phone(n)),
    "a shop's customers, with nothing of their own": (300, lambda n: VALUED | STORE),
    "a shop's customers without a birth date": (
        300, lambda n: VALUED | STORE | mailbox(n % 150) | phone(n) | {"birth_date": None},
    ),
    "unknown customers": (200, lambda n: {"first_name": "Unbekannt", "last_name": "Kunde", "birth_date": "1980-01-01"}),
    "a cashier's card": (200, lambda n: person(n) | {"loyalty_id": "44001"}),
    "a cashier's card, without birth dates": (200, lambda n: person(n) | {"loyalty_id": "44001", "birth_date": None}),
}  # fmt: skip
ONE_PERSON = {
    "the same row eighty times": (80, lambda n: ANN),
    "the same row eighty times, with an address": (80, lambda n: ANN | STORE),
    "one mailbox on a hundred and twenty rows": (120, lambda n: ANN | {"email": "ann@mail.net"}),
    "one card under a nickname, a slip, a married name and a wrong birth date": (
        80,
        lambda n: ANN | {"loyalty_id": "44001"}
        | ({}, {"first_name": "Annie"}, {"first_name": "Anm", "birth_date": "1984-09-03"},
           {"last_name": "Quist"}, {"birth_date": born(n)}, {"first_name": word(n)})[n % 6],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in STRANGERS if "without a birth date" not in name])
def test_strangers_behind_one_placeholder_stay_apart(name, town, profiles_of):
    rows, of = STRANGERS[name]
    assert sizes(crowd(town, rows, of), profiles_of) == [1] * rows


def test_strangers_of_a_shops_address_are_joined_by_what_is_their_own(town, profiles_of):
    """Two rows a mailbox: the placeholder neither joins more of them nor keeps these apart."""
    rows, of = STRANGERS["a shop's customers without a birth date"]
    assert sizes(crowd(town, rows, of), profiles_of) == [2] * 150


@pytest.mark.parametrize("name", ONE_PERSON)
def test_one_person_however_many_rows_is_one_profile(name, town, profiles_of):
    rows, of = ONE_PERSON[name]
    assert sizes(crowd(town, rows, of), profiles_of) == [rows]


def test_three_hundred_namesakes_with_birth_dates_of_their_own_are_as_many_people(town, profiles_of):
    """Two rows each, of which only one has the mailbox: the model joins them by birth date and address."""
    john = {"first_name": "John", "last_name": "Smith"}

    def row(number):
        one = number // 2
        return john | {"birth_date": born(one)} | house(one) | (mailbox(one) if number % 2 else {})

    assert len({born(one) for one in range(300)}) == 300
    assert sizes(crowd(town, 600, row), profiles_of) == [2] * 300


def test_a_placeholder_does_not_confirm_that_a_mailbox_is_one_persons(town, profiles_of):
    """On a mailbox that Boris has, too, one name with one birth date is one person; but not a shop's."""

    def shared(told):
        for number in (1, 2):
            town.record(f"crm:shared{number}", number, email="lee@mail.net", **told)
        return town.record("crm:boris", 0, email="lee@mail.net", first_name="Boris", last_name="Lee")

    assert sizes(shared(ANN), profiles_of) == [2, 1]
    town.rows.clear()
    assert sizes(shared(VALUED), profiles_of) == [2, 1]
    assert sizes(crowd(town, 30, lambda n: VALUED | mailbox(n)), profiles_of) == [1] * 33


def test_why_an_attribute_speaks_for_nobody_is_kept_beside_it(town):
    crowd(town, 32, lambda n: person(n) | STORE | mailbox(n)).record("crm:ann", **ANN, **house(1))
    assert unusable(town, "address_unusable") == {
        f"crm:{n}": "too_many_people: 32 people found on the value, 30 allowed" for n in range(32)
    }
    row = next(row for row in town.nodes().records.to_pylist() if row["record_id"] == "crm:0")
    assert row["street"] == "1 store st"


@pytest.mark.parametrize(("mailboxes", "found"), [(18, 0), (19, 19)])
def test_a_name_with_one_birth_date_is_a_placeholder_from_more_mailboxes_on_than_three_people_have(
    town, mailboxes, found
):
    crowd(town, mailboxes, lambda n: VALUED | mailbox(n))
    assert len(unusable(town, "name_unusable")) == found
    assert len(unusable(town, "birth_date_unusable")) == found


def test_a_name_is_a_placeholder_with_one_birth_date_and_a_name_with_another(town):
    crowd(town, 19, lambda n: VALUED | mailbox(n)).record("crm:other", **(VALUED | {"birth_date": "1961-08-30"}))
    assert "crm:other" not in unusable(town, "name_unusable")


@pytest.mark.parametrize(("on_each_day_around", "found"), [(0, 21), (1, 0)])
def test_a_day_is_held_against_the_days_around_it(town, on_each_day_around, found):
    crowd(town, 21, lambda n: person(n) | {"birth_date": "1980-06-15"})
    for day in range(1, 31):
        for other in range(on_each_day_around):
            town.record(f"crm:around{day}.{other}", **(person(100 * day + other) | {"birth_date": f"1980-06-{day:02}"}))
    assert len(unusable(town, "birth_date_unusable")) == found


def test_what_speaks_for_nobody_is_compared_with_nobody(town):
    crowd(town, 19, lambda n: VALUED | mailbox(n)).record("crm:ann", **ANN, **house(1))
    assert compared_people(town.nodes().records)["record_id"].to_pylist() == ["crm:ann"]


def test_from_when_on_a_value_is_a_placeholder_is_the_contracts(town):
    crowd(town, 32, lambda n: person(n) | VALUED | STORE | mailbox(n))
    columns = ("name_unusable", "birth_date_unusable", "address_unusable")
    assert [len(unusable(town, column)) for column in columns] == [32, 32, 0]
    nothing = town.rules.attributes.model_copy(update={"placeholders": Placeholders()})
    town.rules = town.rules.model_copy(update={"attributes": nothing})
    assert [len(unusable(town, column)) for column in columns] == [0, 0, 0]


def test_a_card_is_of_nobody_once_four_people_contradict_each_other_on_it(town):
    reason = "too_many_people: 4 people found on the value, 3 allowed"
    crowd(town, 3, lambda n: person(n) | {"loyalty_id": "44001"})
    assert town.unusable() == {}
    town.record("crm:4", loyalty_id="44001", **person(4))
    assert set(town.unusable().values()) == {reason}
