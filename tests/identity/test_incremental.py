"""A run after a run resolves what changed, and gives what a full run gives, to the last row."""

from dataclasses import replace
from types import MappingProxyType

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.identity import Crowd, Placeholders
from identity.incremental import replacement
from identity.model import compared_people, load_model
from identity.records import Silver, standard_forms
from identity.resolution import resolved
from identity.score import probabilistic_edges
from identity.sql import query
from identity.stored import Stored
from tests.identity.conftest import KEY, NO_EDGES, Town

TABLES = ("records", "identifiers", "edges", "assignments")
FEW = Crowd(stops_identifying_above=1, holders_above=3, why="so that few records are a crowd")
HOME = {"street": "12 Oak Street", "city": "Albany", "postcode": "12207"}
NAMESAKE = {"first_name": "Ann", "last_name": "Lee"} | HOME
PEOPLE = (
    {"first_name": "Ann", "last_name": "Lee", "birth_date": "1984-03-09"},
    {"first_name": "Annie", "last_name": "Lee", "birth_date": "1984-03-09"},
    {"first_name": "Boris", "last_name": "Lee", "birth_date": "1979-11-21"},
    {"first_name": "Carla", "last_name": "Quist"},
    NAMESAKE,
    NAMESAKE | {"birth_date": "1951-01-30"},
    NAMESAKE | {"birth_date": "1984-03-09"},
    {"first_name": "Dmitri", "last_name": "Popov", "birth_date": "2001-07-30"},
    {"first_name": "Eve", "postcode": "12207", "street": "12 Oak Street", "last_name": "Lee"},
    {},
)
said = st.fixed_dictionaries(
    {},
    optional={
        "email": st.lists(st.sampled_from(["lee@mail.net", "ann@mail.net", "all@mail.net"]), min_size=1, max_size=2),
        "phone": st.sampled_from(["(212) 736-5000", "(212) 736-5001"]),
        "device_id": st.sampled_from(["kiosk", "tablet"]),
        "loyalty_id": st.sampled_from(["44001", "44002"]),
        "user_id": st.sampled_from(["u1", "u2"]),
    },
)
person = st.tuples(st.sampled_from(PEOPLE), said, st.sampled_from([0, 3, 9, 2500]))
record = st.sampled_from([f"{kind}:{number}" for kind in ("crm", "account", "mailbox") for number in range(6)])
answer = st.sampled_from(["granted", "denied", "withdrawn"])
step = st.one_of(
    st.tuples(st.just("says"), st.dictionaries(record, person, min_size=1, max_size=6)),
    st.tuples(st.just("erased"), st.sets(record, min_size=1, max_size=3)),
    st.tuples(st.just("link"), st.sets(record, min_size=2, max_size=2)),
    st.tuples(st.just("unlink"), st.sets(record, min_size=2, max_size=2)),
    st.tuples(st.just("undone"), st.just(None)),
    st.tuples(st.just("consent"), st.dictionaries(record, answer, min_size=1, max_size=2)),
)


ordered = st.fixed_dictionaries(
    {},
    optional={
        "order_id": st.lists(st.sampled_from(["70001", "70002", "70003"]), min_size=1, max_size=2),
        "anonymous_id": st.sampled_from(["b1", "b2"]),
        "loyalty_id": st.sampled_from(["44001", "44002"]),
    },
)
shopper = st.sampled_from(
    ["anonymous:b1", "anonymous:B1", "anonymous:b2", "account:u1", "account:u2", "loyalty:44001", "loyalty:44002"]
)
purchase = st.tuples(st.just({}), ordered, st.sampled_from([0, 3, 400]))
shopping = st.one_of(
    st.tuples(st.just("says"), st.dictionaries(shopper, purchase, min_size=1, max_size=6)),
    st.tuples(st.just("erased"), st.sets(shopper, min_size=1, max_size=3)),
)


def full(town, model):
    """The identity tables of a full run."""
    nodes, scored = town.nodes(), NO_EDGES
    if model.settings["blocking_rules_to_generate_predictions"]:
        least = town.rules.probabilistic.review_weight
        scored = probabilistic_edges(compared_people(nodes.records), model, least)
    resolution = resolved(nodes, scored, town.decisions, town.rules, KEY)
    return dict(zip(TABLES, (nodes.records, nodes.identifiers, resolution.edges, resolution.assignments), strict=True))


def stored(tables):
    """The tables of a run as the next one finds them."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE SCHEMA identity")
    for name, table in tables.items():
        connection.register("given", table)
        connection.execute(f"CREATE TABLE identity.{name} AS FROM given")
        connection.unregister("given")
    return Stored(connection)


def after(tables, town, candidates, model):
    """The identity tables of a run that comes after that of ``tables`` and looks at candidates only."""
    before = stored(tables)
    wanted = pa.table({"record_id": pa.array(sorted(candidates), pa.string())})
    whole = town.silver()
    chosen = Silver(
        *(query("FROM rows SEMI JOIN wanted USING (record_id)", rows=rows, wanted=wanted)
          for rows in (whole.events, whole.identifiers, whole.attributes))
    )  # fmt: skip
    made = replacement(before, wanted, standard_forms(chosen, town.rules), town.decisions, town.rules, model, KEY)
    return {
        table.split(".")[1]: before.query(f"{stays.format(table)} UNION ALL BY NAME FROM fresh", gone=gone, fresh=fresh)
        for table, (stays, gone, fresh) in made.parts().items()
    }


def rows(table):
    return sorted(map(str, table.select(sorted(table.column_names)).to_pylist()))


def equal(one, other):
    for name in TABLES:
        assert rows(one[name]) == rows(other[name]), name


def town_of(rules, records, answers=MappingProxyType({})):
    """A town whose records land in the order of their ids' first mention."""
    town = Town(rules)
    for record_id, answer in answers.items():
        town.says(record_id, answer)
    for record_id, (who, told, day) in records.items():
        town.record(record_id, day, **(who | told))
    return town


@pytest.fixture(scope="module")
def model(rules):
    return load_model(rules.probabilistic.model)


@pytest.fixture(scope="module")
def strict(rules):
    """The contract with limits so low that a step flips what names, days, addresses and cards say."""
    placeholders = Placeholders(name=FEW, birth_date=FEW, address=FEW)
    attributes = rules.attributes.model_copy(update={"placeholders": placeholders})
    lower = {"stops_identifying_above": 1}
    identifiers = {
        name: rule.model_copy(update=lower) if rule.one_person else rule for name, rule in rules.identifiers.items()
    }
    return rules.model_copy(update={"attributes": attributes, "identifiers": identifiers})


@pytest.fixture(scope="module")
def no_model(model):
    """A model that compares nobody, since Splink takes a second however few there are."""
    return replace(model, settings=model.settings | {"blocking_rules_to_generate_predictions": []})


MANY = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module", params=["as shipped", "of low limits"])
def contract(request, rules, strict):
    return rules if request.param == "as shipped" else strict


@settings(MANY)
@given(steps=st.lists(step, min_size=1, max_size=5))
def test_run_after_run_equals_a_full_run_whatever_came_in_which_order(contract, no_model, steps):
    run_after_run(contract, no_model, steps)


@settings(MANY, max_examples=2)
@given(steps=st.lists(step, min_size=2, max_size=3))
def test_run_after_run_scores_what_a_full_run_scores(contract, model, steps):
    run_after_run(contract, model, steps)


@settings(MANY, max_examples=8)
@given(steps=st.lists(shopping, min_size=2, max_size=5))
def test_run_after_run_ties_orders_as_a_full_run_does(rules, no_model, steps):
    run_after_run(rules, no_model, steps)


def test_who_comes_to_a_value_as_one_too_many_takes_it_from_all_who_hold_it(rules, no_model):
    names = ("Ann", "Boris", "Carla", "Dmitri", "Eve", "Fedor")
    people = {
        f"crm:{number}": ({"first_name": name}, {"email": "all@mail.net"}, 0) for number, name in enumerate(names)
    }
    allowed = rules.identifiers["email"].stops_identifying_above
    few, many = (town_of(rules, dict(list(people.items())[:count])) for count in (allowed, allowed + 1))
    tables = after(full(few, no_model), many, {f"crm:{allowed}"}, no_model)
    assert tables["records"]["email"].null_count == allowed + 1
    equal(tables, full(many, no_model))


@pytest.mark.parametrize("sort", ["name", "birth_date", "address"])
def test_who_comes_to_a_placeholder_as_one_too_many_takes_it_from_all_who_gave_it(strict, no_model, sort):
    """And gives it back when he goes. The flipped records share nothing but what they gave."""
    shared = {"name": PEOPLE[0], "birth_date": {"birth_date": "1984-03-09"}, "address": HOME}[sort]
    own = {"name": [{}, {}], "birth_date": [PEOPLE[0], PEOPLE[2]], "address": [PEOPLE[0], PEOPLE[2]]}[sort]
    people = {
        f"crm:{number}": (own[number] | shared, {"user_id": f"u{number}"}, 0) for number in (0, 1)
    }  # fmt: skip
    one, two = (town_of(strict, dict(list(people.items())[:count])) for count in (1, 2))
    tables = full(one, no_model)
    for town, set_aside in ((two, 2), (one, 0)):
        tables = after(tables, town, {"crm:1"}, no_model)
        column = tables["records"][f"{sort}_unusable"]
        assert len(column) - column.null_count == set_aside
        equal(tables, full(town, no_model))


def test_a_rival_who_comes_or_goes_decides_whether_a_record_without_a_birth_date_is_linked(rules, model):
    father, son = ({"birth_date": born} for born in ("1951-01-30", "1984-03-09"))
    told = {"email": "lee@mail.net"}
    one = {"crm:1": (NAMESAKE | father, told, 0), "crm:2": (NAMESAKE, told, 0)}
    both = one | {"crm:3": (NAMESAKE | son, told, 0)}
    alone, beside = (town_of(rules, people) for people in (one, both))
    tables = full(alone, model)
    for town, joined in ((beside, 0), (alone, 1)):
        tables = after(tables, town, {"crm:3"}, model)
        assert tables["edges"]["state"].to_pylist().count("linked") == joined
        equal(tables, full(town, model))


def test_run_after_run_joins_across_tenancies_whom_an_unlink_leaves_together(rules, no_model):
    number = {"phone": "(212) 736-5000"}
    ann = {f"crm:{place}": (NAMESAKE, number, day) for place, day in enumerate((0, 9, 2500))}
    steps = [
        ("says", ann),
        ("unlink", {"crm:0", "crm:1"}),
        ("unlink", {"crm:0", "crm:2"}),
        ("says", {"crm:3": (NAMESAKE, number, 2500)}),
        ("undone", None),
        ("erased", {"crm:0"}),
    ]
    run_after_run(rules, no_model, steps)


def test_run_after_run_keeps_apart_who_refuses_and_joins_again_who_grants(rules, no_model):
    """The whole person, whichever record said it; a link of a steward, and a later record of theirs, do not help."""
    ann = {f"crm:{place}": (PEOPLE[0], {"loyalty_id": "44001"}, place) for place in range(3)}
    steps = [
        ("says", ann),
        ("consent", {"crm:1": "denied"}),
        ("says", {"crm:3": (PEOPLE[0], {"loyalty_id": "44001", "email": "ann@mail.net"}, 9)}),
        ("link", {"crm:0", "crm:3"}),
        ("says", {"mailbox:0": ({}, {"email": "ann@mail.net"}, 9)}),
        ("consent", {"crm:2": "granted"}),
        ("consent", {"crm:1": "granted"}),
        ("consent", {"mailbox:0": "withdrawn"}),
        ("erased", {"mailbox:0"}),
        ("says", {"crm:4": (PEOPLE[2], {"phone": "(212) 736-5000"}, 9), "crm:5": (PEOPLE[7], {}, 9)}),
        ("says", {"crm:5": (PEOPLE[7], {"phone": "(212) 736-5000"}, 9)}),
        ("consent", {"crm:5": "denied"}),
        ("consent", {"crm:5": "granted"}),
    ]
    profiles = run_after_run(rules, no_model, steps)
    assert profiles == [1, 3, 4, 4, 5, 5, 1, 5, 1, 3, 3, 3, 3]


def run_after_run(rules, model, steps):
    """Each step as a run of its own, held against a full run: how many profiles there are after each."""
    profiles = []
    records, decisions, answers = {}, [], {}
    tables = full(town_of(rules, {}), model)
    for kind, what in steps:
        before = town_of(rules, records, answers)
        if kind == "consent":
            answers = answers | what
        elif kind == "says":
            records = records | what
        elif kind == "erased":
            records = {name: told for name, told in records.items() if name not in what}
        elif kind == "undone":
            decisions = decisions[:-1]
        else:
            decisions = [*decisions, (kind, *sorted(what))]
        town = town_of(rules, records, answers)
        for decision in decisions:
            town.decide(*decision)
        tables = after(tables, town, differing(before, town), model)
        equal(tables, full(town, model))
        profiles.append(len(set(tables["assignments"]["profile_id"].to_pylist())))
    return profiles


def differing(before, town):
    """The records of which a row of silver differs; what landing tells by its files, and more."""
    found = set()
    for was, now in zip(vars(before.silver()).values(), vars(town.silver()).values(), strict=True):
        for one, other in ((was, now), (now, was)):
            there = {str(row) for row in other.to_pylist()}
            found |= {row["record_id"] for row in one.to_pylist() if str(row) not in there}
    return found
