"""Every guardrail of the identity contract takes effect from the contract, and from nowhere else."""

import pytest

from contracts.identity import IdentifierRule, IdentityRules
from tests.identity.scenarios import ANN, BORIS, PHONE, said


def changed(rules: IdentityRules, identifier: str, **values) -> IdentityRules:
    rule = rules.identifiers[identifier].model_copy(update=values)
    return rules.model_copy(update={"identifiers": rules.identifiers | {identifier: rule}})


GUARDRAILS = [
    (
        "priority",
        [
            said("crm:1", email="ann@mail.net", **ANN),
            said("crm:2", phone=PHONE, **BORIS),
            said("mailbox:1", email="ann@mail.net", phone=PHONE),
        ],
        "email", {"priority": 99},
        [{"crm:1", "mailbox:1"}, {"crm:2"}], [{"crm:1"}, {"crm:2", "mailbox:1"}],
    ),
    (
        "limit_per_profile",
        [said("crm:1", loyalty_id="44001", email="x@mail.net"),
         said("mailbox:1", email="x@mail.net", loyalty_id="44002")],
        "loyalty_id", {"one_person": False, "limit_per_profile": 2},
        [{"crm:1"}, {"mailbox:1"}], [{"crm:1", "mailbox:1"}],
    ),
    (
        "one_person",
        [said("crm:1", loyalty_id="44001", **ANN), said("crm:2", loyalty_id="44001", **BORIS)],
        "loyalty_id", {"one_person": False},
        [{"crm:1", "crm:2"}], [{"crm:1"}, {"crm:2"}],
    ),
    (
        "blocked_values",
        [said("mailbox:1", email="test@test.com"), said("mailbox:2", email="test@test.com")],
        "email", {"blocked_values": ()},
        [{"mailbox:1"}, {"mailbox:2"}], [{"mailbox:1", "mailbox:2"}],
    ),
    (
        "blocked_patterns",
        [said("mailbox:1", email="noreply@shop.net"), said("mailbox:2", email="noreply@shop.net")],
        "email", {"blocked_patterns": ()},
        [{"mailbox:1"}, {"mailbox:2"}], [{"mailbox:1", "mailbox:2"}],
    ),
    (
        "stops_identifying_above",
        [said("crm:1", email="lee@mail.net", **ANN), said("crm:2", email="lee@mail.net", **BORIS),
         said("crm:3", email="lee@mail.net", first_name="Annie", last_name="Lee")],
        "email", {"stops_identifying_above": 1},
        [{"crm:1", "crm:3"}, {"crm:2"}], [{"crm:1"}, {"crm:2"}, {"crm:3"}],
    ),
    (
        "holders_above",
        [said(f"anonymous:a{number}", device_id="d-1") for number in (1, 2, 3)],
        "device_id", {"holders_above": 2},
        [{"anonymous:a1", "anonymous:a2", "anonymous:a3"}], [{"anonymous:a1"}, {"anonymous:a2"}, {"anonymous:a3"}],
    ),
    (
        "gap_days",
        [said("phone:1", 0, phone=PHONE), said("phone:2", 400, phone=PHONE)],
        "phone", {"gap_days": 365},
        [{"phone:1", "phone:2"}], [{"phone:1"}, {"phone:2"}],
    ),
    (
        "still_held",
        [said("crm:1", 0, 90, phone=PHONE, **ANN), said("crm:2", 190, 300, phone=PHONE, **BORIS),
         said("phone:1", 105, phone=PHONE)],
        "phone", {"still_held": 0.0},
        [{"crm:1", "phone:1"}, {"crm:2"}], [{"crm:1"}, {"crm:2"}, {"phone:1"}],
    ),
    (
        "domains",
        [said("mailbox:1", email="ann.lee@gmail.com"), said("mailbox:2", email="annlee@googlemail.com")],
        "email", {"domains": ()},
        [{"mailbox:1", "mailbox:2"}], [{"mailbox:1"}, {"mailbox:2"}],
    ),
    (
        "names_visitor",
        [said("anonymous:a1", order_id=["70001", "70002"]), said("loyalty:44001", order_id="70001"),
         said("loyalty:44002", order_id="70002")],
        "order_id", {"names_visitor": False},
        [{"anonymous:a1"}, {"loyalty:44001"}, {"loyalty:44002"}],
        [{"anonymous:a1", "loyalty:44001"}, {"loyalty:44002"}],
    ),
    (
        "plus_tags",
        [said("mailbox:1", email="ann+a@mail.net"), said("mailbox:2", email="ann+b@mail.net")],
        "email", {"plus_tags": "keep"},
        [{"mailbox:1", "mailbox:2"}], [{"mailbox:1"}, {"mailbox:2"}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("records", "identifier", "change", "people", "people_then"),
    [case[1:] for case in GUARDRAILS],
    ids=[case[0] for case in GUARDRAILS],
)
def test_every_guardrail_is_the_contracts(new_town, rules, records, identifier, change, people, people_then):
    def found(by):
        town = new_town()
        town.rules = by
        for record_id, day, until, values in records:
            town.record(record_id, day, until, **values)
        return town.profiles()

    assert found(rules) == {frozenset(person) for person in people}
    assert found(changed(rules, identifier, **change)) == {frozenset(person) for person in people_then}


def test_every_guardrail_of_the_contract_is_tried():
    no_guardrails = {"standard", "reliability", "why", "examples", "anti_examples", "infers", "between_logins"}
    assert {case[0] for case in GUARDRAILS} == set(IdentifierRule.model_fields) - no_guardrails


@pytest.mark.parametrize("attribute", ["first_name", "birth_date"])
def test_which_attributes_keep_people_apart_is_the_contracts(new_town, rules, attribute):
    other = {"first_name": "Beth", "birth_date": "1979-11-21"}

    def found(by):
        town = new_town()
        town.rules = by
        town.record("crm:1", email="a@mail.net", **ANN)
        town.record("crm:2", phone=PHONE, **(ANN | {attribute: other[attribute]}))
        return town.record("mailbox:1", email="a@mail.net", phone=PHONE).profiles()

    lenient = rules.model_copy(update={"attributes": rules.attributes.model_copy(update={attribute: None})})
    assert len(found(rules)) == 2
    assert len(found(lenient)) == 1


def test_an_attribute_that_the_contract_leaves_out_contests_no_value(new_town, rules):
    def found(attributes):
        town = new_town()
        town.rules = rules.model_copy(update={"attributes": attributes})
        town.record("crm:1", email="a@mail.net", **ANN)
        return len(town.record("crm:2", email="a@mail.net", **(ANN | {"first_name": "Beth"})).profiles())

    assert found(rules.attributes) == 2
    assert found(rules.attributes.model_copy(update={"first_name": None})) == 1


@pytest.mark.parametrize(
    ("likeness", "value", "one", "other"),
    [
        ("first_name", 0.99, {"first_name": "Benedikt"}, {"first_name": "Benedkit"}),
        ("first_name", 0.7, {"first_name": "Xandor"}, {"first_name": "Xanila"}),
        ("last_name", 0.99, {"last_name": "Quistgaard"}, {"last_name": "Quistgard"}),
        ("across_scripts", 0.99, {"first_name": "Дмитрий"}, {"first_name": "Dmitry"}),
    ],
)
def test_how_alike_two_spellings_of_a_name_are_is_the_contracts(new_town, rules, likeness, value, one, other):
    """Somebody else of another last name is on the mailbox, so that only a name joins the two."""

    def found(by):
        town = new_town()
        town.rules = by
        town.record("crm:1", email="a@mail.net", **({"first_name": "Ann", "last_name": "Lee"} | one))
        town.record("crm:2", email="a@mail.net", **({"first_name": "Ann", "last_name": "Lee"} | other))
        return len(town.record("crm:3", email="a@mail.net", first_name="Boris", last_name="Ek").profiles())

    alike = rules.attributes.name_likeness.model_copy(update={likeness: value})
    changed_rules = rules.model_copy(
        update={"attributes": rules.attributes.model_copy(update={"name_likeness": alike})}
    )
    assert {found(rules), found(changed_rules)} == {2, 3}


def test_a_card_is_a_placeholder_from_as_many_people_on_as_the_contract_says(new_town, rules):
    def found(by):
        town = new_town()
        town.rules = by
        for number, first_name in enumerate(["Ann", "Boris", "Clara"]):
            town.record(f"crm:{number}", loyalty_id="44001", first_name=first_name)
        return len(town.profiles())

    assert found(rules) == 1
    assert found(changed(rules, "loyalty_id", stops_identifying_above=2)) == 3
