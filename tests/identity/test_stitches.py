"""Whose a visit was, on a browser or a tablet that several accounts used in turn."""

import itertools

import pyarrow as pa
import pytest
from pydantic import SecretStr

from identity.stitches import read_by_stitches, read_logins, shared_values, stitches
from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests.identity.conftest import Town
from tests.silver import at, write_silver

KEY = b"a key for tests"
TIME = pa.timestamp("us", tz="UTC")


def spells(town, logins, of="anonymous_id"):
    """Record, first day, day of the end and account of each spell; log-ins are (value, account, day)."""
    nodes, resolution = town.nodes(), town.resolve()
    shared = shared_values(nodes.identifiers, town.rules)
    start = min(row["first_seen"] for row in nodes.records.to_pylist()).replace(month=1, day=1)
    rows = [
        {"identifier": of, "raw_value": value, "record_id": account, "occurred_at": start.replace(day=day + 1)}
        for value, account, day in logins
    ]
    schema = pa.schema(
        [(name, pa.string()) for name in ("identifier", "raw_value", "record_id")] + [("occurred_at", TIME)]
    )
    found = stitches(
        nodes.identifiers,
        resolution.assignments,
        shared,
        pa.Table.from_pylist(rows, schema),
        town.rules,
        KEY,
        town.decisions,
    )
    return [
        (row["record_id"], row["since"].day - 1, row["until"] and row["until"].day - 1, row["account_record"])
        for row in found.to_pylist()
    ]


def browser(town, *accounts):
    for number, account in enumerate(accounts):
        town.record(f"account:{account}", 5 + number, anonymous_id="a1")
    return town.record("anonymous:a1", 0, 28)


LOGINS = [("a1", "account:u1", 5), ("a1", "account:u1", 7), ("a1", "account:u2", 10), ("a1", "account:u1", 20)]


def test_from_a_log_in_on_until_another_the_visits_are_its_own_and_before_the_first_nobodys(town):
    assert spells(browser(town, "u1", "u2"), LOGINS) == [
        ("anonymous:a1", 5, 10, "account:u1"),
        ("anonymous:a1", 10, 20, "account:u2"),
        ("anonymous:a1", 20, None, "account:u1"),
    ]


def test_no_order_of_arrival_changes_a_spell(new_town):
    arrivals = itertools.product(itertools.permutations(["u1", "u2"]), itertools.permutations(LOGINS))
    found = [spells(browser(new_town(), *people), logins) for people, logins in arrivals]
    assert len(found) == 48
    assert all(spell == found[0] for spell in found)


def test_a_browser_of_one_account_has_no_spells_because_all_of_it_is_that_accounts(town):
    assert spells(browser(town, "u1"), LOGINS[:2]) == []
    assert town.profiles() == {frozenset({"account:u1", "anonymous:a1"})}


def test_after_two_log_ins_at_one_instant_the_visits_are_nobodys_until_the_next(town):
    logins = [("a1", "account:u1", 5), ("a1", "account:u1", 8), ("a1", "account:u2", 8), ("a1", "account:u2", 9)]
    assert spells(browser(town, "u1", "u2"), logins) == [
        ("anonymous:a1", 5, 8, "account:u1"),
        ("anonymous:a1", 9, None, "account:u2"),
    ]


def test_a_browser_in_two_spellings_is_one(town):
    browser(town, "u1", "u2").record("anonymous:A1", 12)
    logins = [("A1", "account:u1", 5), ("a1", "account:u2", 10)]
    assert spells(town, logins) == [
        (name, *spell) for name in ("anonymous:A1", "anonymous:a1")
        for spell in ((5, 10, "account:u1"), (10, None, "account:u2"))
    ]  # fmt: skip


def test_a_browser_in_which_a_crowd_logged_in_has_no_spells(town, rules):
    allowed = rules.identifiers["anonymous_id"].between_logins.stops_above
    crowd = [f"u{number}" for number in range(allowed + 1)]
    browser(town, *crowd)
    assert spells(town, [("a1", f"account:{name}", day) for day, name in enumerate(crowd)]) == []


@pytest.mark.parametrize("name", ["anonymous:null", "anonymous:00000000"])
def test_what_is_no_browser_by_its_form_has_no_spells(town, name):
    value = name.removeprefix("anonymous:")
    for account in ("u1", "u2"):
        town.record(f"account:{account}", anonymous_id=value)
    assert spells(town.record(name), [(value, "account:u1", 5), (value, "account:u2", 9)]) == []


def test_a_guest_is_no_account(town):
    browser(town, "u1", "u2", "guest")
    logins = [("a1", "account:u1", 5), ("a1", "account:guest", 7), ("a1", "account:u2", 10)]
    assert [spell[1:3] for spell in spells(town, logins)] == [(5, 10), (10, None)]


def test_what_a_steward_unlinked_gets_no_visits_and_what_one_linked_stays_whole(new_town):
    apart = browser(new_town(), "u1", "u2").decide("unlink", "account:u2", "anonymous:a1")
    assert {spell[3] for spell in spells(apart, LOGINS)} == {"account:u1"}
    linked = browser(new_town(), "u1", "u2").decide("link", "account:u2", "anonymous:a1")
    assert spells(linked, LOGINS) == []


def test_a_visitor_of_a_shared_tablet_who_never_logged_in_is_who_logged_in_last_on_it(town):
    town.record("account:u1", 5, device_id="d-1", anonymous_id="a1").record("account:u2", 10, device_id="d-1")
    town.record("anonymous:a1", 3, device_id="d-1").record("anonymous:a3", 4, 20, device_id="d-1")
    logins = [("d-1", "account:u1", 5), ("d-1", "account:u2", 10)]
    assert spells(town, logins, of="device_id") == [
        ("anonymous:a3", 5, 10, "account:u1"),
        ("anonymous:a3", 10, None, "account:u2"),
    ]


def test_a_visitor_of_two_shared_tablets_is_nobody_by_either(town):
    for device in ("d-1", "d-2"):
        for account in ("u1", "u2"):
            town.record(f"account:{account}.{device}", 5, device_id=device)
    town.record("anonymous:a3", 4, 20, device_id=["d-1", "d-2"])
    assert spells(town, [("d-1", "account:u1.d-1", 5), ("d-2", "account:u2.d-2", 6)], of="device_id") == []


def test_a_log_in_is_read_where_the_contract_of_the_source_has_the_identifier(tmp_path):
    lake = Lake(Settings(home=tmp_path, identity_secret=SecretStr("a key for tests")))
    lake.ensure_tables()
    logins = [("account:u1", "a1", "d-1"), ("account:u2", "a2", "d-1"), ("anonymous:a1", "a1", "d-1")]
    write_silver(lake, [(record, "app", {}) for record, *_ in logins])
    events = lake.arrow("silver.events").sort_by("position").to_pylist()
    for event, (_, browser, device) in zip(events, logins, strict=True):
        event |= {"anonymous_id": browser, "context": [("device", f'{{"id": "{device}"}}')]}
    lake.overwrite("silver.events", events)
    shared = pa.table({"identifier": ["anonymous_id", "device_id"], "raw_value": ["a1", "d-1"]})
    assert sorted(tuple(row.values()) for row in read_logins(lake, shared).to_pylist()) == [
        ("anonymous_id", "a1", "account:u1", at(1)),
        ("device_id", "d-1", "account:u1", at(1)),
        ("device_id", "d-1", "account:u2", at(2)),
    ]


def renamed(rules):
    """The shipped contract with other names for what tells whose a visit was."""
    names = {"user_id": "member_no", "anonymous_id": "cookie"}
    visits = rules.visits.model_copy(update={"account": "member_no", "browser": "cookie"})
    identifiers = {names.get(name, name): rule for name, rule in rules.identifiers.items()}
    return rules.model_copy(update={"identifiers": identifiers, "visits": visits})


def test_the_contract_says_what_a_browser_and_what_an_account_is(rules):
    town = Town(renamed(rules))
    for number, account in enumerate(("u1", "u2")):
        town.record(f"account:{account}", 5 + number, cookie="a1")
    town.record("anonymous:a1", 0, 28)
    assert spells(town, LOGINS, of="cookie") == [
        ("anonymous:a1", 5, 10, "account:u1"),
        ("anonymous:a1", 10, 20, "account:u2"),
        ("anonymous:a1", 20, None, "account:u1"),
    ]
    assert read_by_stitches(town.rules) == ["cookie", "device_id", "member_no"]


def test_a_browser_by_any_name_speaks_for_none_of_two_who_ordered_in_it(rules):
    town = Town(renamed(rules))
    town.record("anonymous:b1", order_id=["70001", "70002"]).record("account:u1", 3, cookie="b1")
    town.record("loyalty:44001", 5, order_id="70001").record("loyalty:44002", 5, order_id="70002")
    assert len(town.profiles()) == 4
    assert town.unusable()["account:u1", "cookie"].startswith("too_many_people")


def test_a_contract_that_speaks_of_no_visits_stitches_none(rules, tmp_path):
    bare = {name: rule.model_copy(update={"between_logins": None, "names_visitor": False})
            for name, rule in rules.identifiers.items()}  # fmt: skip
    town = Town(rules.model_copy(update={"identifiers": bare, "visits": None}))
    assert spells(browser(town, "u1", "u2"), LOGINS) == []
    lake = Lake(Settings(home=tmp_path, identity_secret=SecretStr("a key for tests")))
    lake.ensure_tables()
    write_silver(lake, [("account:u1", "app", {})])
    lake.contracts.identity = town.rules
    assert read_logins(lake, shared_values(town.nodes().identifiers, town.rules)).num_rows == 0
