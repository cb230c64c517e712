"""Shapes that identity graphs take, each a few literal records."""

from dataclasses import dataclass, field

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
        "twins whose names are alike are two people by their names",
        [
            said("crm:1", email="x@mail.net", **(ANN | {"first_name": "Maria"}), **HOME),
            said("crm:2", email="x@mail.net", **(ANN | {"first_name": "Marie"}), **HOME),
        ],
        [{"crm:1"}, {"crm:2"}],
    ),
    Scenario(
        "twins whose names begin alike are two people",
        [
            said("crm:1", email="x@mail.net", **(ANN | {"first_name": "Paul"}), **HOME),
            said("crm:2", email="x@mail.net", **(ANN | {"first_name": "Paula"}), **HOME),
        ],
        [{"crm:1"}, {"crm:2"}],
    ),
    Scenario(
        "two spellings of one name are one person",
        [
            said("crm:1", email="x@mail.net", **(ANN | {"first_name": "Katherine"})),
            said("crm:2", email="x@mail.net", **(ANN | {"first_name": "Catherine"})),
            said("crm:3", email="x@mail.net", **(ANN | {"first_name": "Kathreine"})),
        ],
        [{"crm:1", "crm:2", "crm:3"}],
    ),
    Scenario(
        "father and son are two people by the Sr and the Jr",
        [
            said("crm:1", email="x@mail.net", first_name="John", last_name="Kerr Sr."),
            said("crm:2", email="x@mail.net", first_name="John", last_name="Kerr, Jr"),
            said("crm:3", email="x@mail.net", first_name="John", last_name="Kerr Junior"),
        ],
        [{"crm:1"}, {"crm:2", "crm:3"}],
    ),
    Scenario(
        "first and last name in each other's field are one person",
        [
            said("crm:1", email="x@mail.net", first_name="Ann", last_name="Lee"),
            said("crm:2", email="x@mail.net", first_name="Lee", last_name="Ann"),
        ],
        [{"crm:1", "crm:2"}],
    ),
    Scenario(
        "a mailbox is one in every spelling that its provider takes for it, and elsewhere dots tell",
        [
            said("crm:1", email="AnnLee@gmail.com"),
            said("crm:2", email="ann.lee+shop@googlemail.com"),
            said("crm:3", email="annlee@mail.net"),
            said("crm:4", email="ann.lee@mail.net"),
        ],
        [{"crm:1", "crm:2"}, {"crm:3"}, {"crm:4"}],
    ),
    Scenario(
        "an account that gave two cards is one person on its browser",
        [
            said("account:u1", loyalty_id=["44001", "44002"], anonymous_id="a1"),
            said("anonymous:a1"),
        ],
        [{"account:u1", "anonymous:a1"}],
    ),
    Scenario(
        "an account of more mailboxes than a profile may hold keeps its own visits and none of the mailboxes",
        [
            said("account:u1", email=[f"e{n}@mail.net" for n in range(8)], anonymous_id="a1"),
            said("anonymous:a1"),
            said("mailbox:1", email="e1@mail.net"),
            said("mailbox:2", email="e7@mail.net"),
        ],
        [{"account:u1", "anonymous:a1"}, {"mailbox:1"}, {"mailbox:2"}],
    ),
    Scenario(
        "an account that gave two people's cards joins neither",
        [
            said("account:u1", loyalty_id=["44001", "44002"], **ANN),
            said("crm:1", loyalty_id="44001", **ANN),
            said("crm:2", loyalty_id="44002", **BORIS),
        ],
        [{"account:u1"}, {"crm:1"}, {"crm:2"}],
    ),
    Scenario(
        "two accounts that a steward links bring all their records with them",
        [
            said("account:u1", email="e1@mail.net", anonymous_id="a1"),
            said("account:u2", email="e2@mail.net", loyalty_id="44002", **ANN),
            said("crm:1", user_id="u1", loyalty_id="44001", **BORIS),
            said("anonymous:a1"),
            said("loyalty:44002"),
        ],
        [{"account:u1", "account:u2", "crm:1", "anonymous:a1", "loyalty:44002"}],
        [("link", "account:u1", "account:u2")],
    ),
    Scenario(
        "a steward's link joins what contradicts itself",
        [said("crm:1", **ANN), said("crm:2", **BORIS), said("mailbox:1", email="x@mail.net")],
        [{"crm:1", "crm:2"}, {"mailbox:1"}],
        [("link", "crm:1", "crm:2")],
    ),
]
