"""Every scenario in every order of arrival.

A scenario is laid out once for each order in which its records can land, with values of its own each time, and all
are resolved together: the records of each profile must be the same in every order, and its id that of the record
which landed first. Then each scenario is resolved once more with the model beside the shared values.
"""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.assign import profile_id
from identity.model import compared_people, load_model
from identity.resolution import resolved
from identity.score import probabilistic_edges
from tests.identity.conftest import KEY
from tests.identity.scenarios import PHONE, SCENARIOS


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
