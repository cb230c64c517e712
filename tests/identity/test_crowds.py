"""What many people share, found from the data: kiosks, tills, fillers; and families and namesakes, who are none."""

import pytest

from tests.identity.scenarios import ANN, HOME, PHONE


@pytest.mark.parametrize("landing", [range(6), reversed(range(6))], ids=["forwards", "backwards"])
def test_a_customer_entered_six_times_with_everything_the_same_is_one_person(town, landing):
    for number in landing:
        town.record(f"crm:{number}", email="ann@mail.net", phone=PHONE, **ANN, **HOME)
    assert len(town.profiles()) == 1


@pytest.mark.parametrize(
    ("last_names", "profiles"), [(2, [{"crm:0", "crm:1"}]), (4, [{"crm:0"}, {"crm:1"}, {"crm:2"}, {"crm:3"}])]
)
def test_a_couple_that_shares_a_mailbox_under_several_last_names_is_no_crowd(town, last_names, profiles):
    """Ann before and after her marriage, alone on her mailbox; and Boris, who writes both names as well.

    On a mailbox of two people a first name with another last name tells nobody's records from a namesake's.
    """
    for number, last_name in enumerate(["Lee", "Ek", "Lee-Ek", "Ek-Lee"][:last_names]):
        first_name = "Ann" if number < 2 else "Boris"
        town.record(f"crm:{number}", email="ann@mail.net", first_name=first_name, last_name=last_name)
    assert town.unusable() == {}
    assert town.profiles() == {frozenset(people) for people in profiles}


def test_misspellings_of_one_name_are_no_crowd(town):
    for number, first_name in enumerate(["Benedikt", "Benedickt", "Bendikt", "Benedkit", "Benediktt", "Bneedikt"]):
        town.record(f"crm:{number}", email="ben@mail.net", **(ANN | {"first_name": first_name}))
    assert len(town.profiles()) == 1


def test_initials_of_a_name_are_no_crowd_and_those_of_others_are(new_town):
    def people(*first_names):
        town = new_town()
        for number, first_name in enumerate(first_names):
            town.record(f"crm:{number}", email="ben@mail.net", first_name=first_name, last_name="Lee")
        return len(town.profiles())

    assert people("Ann", "A", "Anne", "Annie", "Boris", "B") < 6
    assert people("A", "B", "C", "D", "E", "A") == 6


KIOSK_USERS = 500


def kiosk_of_accounts(town):
    """Each of 500 people logs in once on one kiosk, in one browser, between visits that nobody logged in to."""
    for number in range(KIOSK_USERS):
        town.record(
            f"account:u{number}", number % 300, device_id="kiosk", anonymous_id="browser", email=f"u{number}@mail.net"
        )
    town.record("anonymous:browser", 0, 300, device_id="kiosk")


def kiosk_of_visits(town):
    """500 browsers on one device, and nobody ever logs in."""
    for number in range(KIOSK_USERS):
        town.record(f"anonymous:a{number}", number % 300, device_id="kiosk")


def kiosk_mailbox(town):
    """Staff type one address for 500 customers of 100 names."""
    for number in range(KIOSK_USERS):
        name = "".join(chr(ord("a") + int(digit)) for digit in f"{number % 100:02}") * 3
        town.record(f"crm:{number}", number % 300, email="counter@shop.net", first_name=name, last_name="Lee")


def kiosk_mailbox_of_phones(town):
    """Staff type one address for 500 callers, each with a phone of their own and no name."""
    for number in range(KIOSK_USERS):
        town.record(f"mailbox:{number}", number % 300, email="kiosk@shop.net", phone=f"(212) 736-{5000 + number}")


def kiosk_mailbox_of_last_names(town):
    """Staff type one address for 500 customers and only their last names."""
    for number in range(KIOSK_USERS):
        name = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}") * 2
        town.record(f"crm:{number}", number % 300, email="counter@shop.net", last_name=name)


def placeholders(town):
    """500 customers with what programs and people write instead of a value."""
    said_of_all = {
        "user_id": "guest", "loyalty_id": "0000000000", "anonymous_id": "null", "email": "test@test.com",
        "phone": "+1 999 999 9999", "device_id": "00000000-0000-0000-0000-000000000000",
    }  # fmt: skip
    for number in range(KIOSK_USERS):
        town.record(f"crm:{number}", number % 300, **said_of_all)


def card_of_the_counter(town):
    """Staff scan the counter's own card for 500 customers of 100 names."""
    for number in range(KIOSK_USERS):
        name = "".join(chr(ord("a") + int(digit)) for digit in f"{number % 100:02}") * 3
        town.record(f"crm:{number}", number % 300, loyalty_id="1234567", first_name=name, last_name="Lee")


def number_that_nobody_listed(town):
    """An import writes -1 for every customer without an account; each has a card."""
    for number in range(KIOSK_USERS):
        town.record(f"crm:{number}", number % 300, user_id="-1", loyalty_id=f"44{number:03}")


def kiosk_form(town):
    """500 people type their mailboxes into the form of one browser in which nobody logs in."""
    mailboxes = [f"u{number}@mail.net" for number in range(KIOSK_USERS)]
    town.record("anonymous:browser", 0, 300, email=mailboxes)
    for number, email in enumerate(mailboxes):
        town.record(f"mailbox:{number}", number % 300, email=email)


def till_card(town):
    """At the till one card is shown for 500 orders that were placed in a browser each."""
    for number in range(KIOSK_USERS):
        town.record(f"anonymous:a{number}", number % 300, order_id=f"7{number:04}")
    town.record("loyalty:44001", 0, 300, order_id=[f"7{number:04}" for number in range(KIOSK_USERS)])


def no_card(town):
    """What the till writes where no card was shown is not a card, though five orders were placed online."""
    for number in range(5):
        town.record(f"anonymous:a{number}", order_id=f"7{number:04}")
    town.record("loyalty:0000000000", order_id=[f"7{number:04}" for number in range(5)])


CROWDS = [
    kiosk_form,
    kiosk_of_accounts,
    kiosk_of_visits,
    kiosk_mailbox,
    kiosk_mailbox_of_phones,
    kiosk_mailbox_of_last_names,
    placeholders,
    card_of_the_counter,
    number_that_nobody_listed,
    till_card,
    no_card,
]


@pytest.mark.parametrize("crowd", CROWDS, ids=lambda crowd: crowd.__name__)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_what_five_hundred_people_share_joins_none_of_them(crowd, is_reversed, town):
    crowd(town)
    assert town.rows
    land(town, is_reversed)
    assert town.profiles() == {frozenset({row["record_id"]}) for row in town.rows}


@pytest.mark.parametrize("is_reversed", [False, True])
def test_of_five_hundred_people_on_one_kiosk_each_is_joined_by_their_card(is_reversed, town):
    for number in range(KIOSK_USERS):
        town.record(f"account:u{number}", number % 300, device_id="kiosk", loyalty_id=f"44{number:03}")
        town.record(f"crm:{number}", loyalty_id=f"44{number:03}")
    land(town, is_reversed)
    assert town.profiles() == {frozenset({f"account:u{number}", f"crm:{number}"}) for number in range(KIOSK_USERS)}


def land(town, is_reversed):
    """In the order in which the records were written, or backwards."""
    if is_reversed:
        town.rows = [row | {"position": place} for place, row in enumerate(reversed(town.rows), 1)]
