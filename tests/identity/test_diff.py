"""What other rules would change: counted from the records, shown by an edge, and nothing written."""

import datetime

import pytest
from pydantic import SecretStr

from contracts import HERE
from contracts.check import load_rules
from contracts.identity import BlockedValue
from identity.diff import difference, unusable
from identity.rehearsal import rehearse
from lakehouse.errors import ContractError
from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests.identity.test_resolve import HOME, resolved
from tests.silver import at, write_silver

PHONE = "(212) 736-5000"
LEE, EK = {"first_name": "Ann", "last_name": "Lee"}, {"first_name": "Boris", "last_name": "Ek"}
BLOCKED = BlockedValue(value="lee@mail.net", why="the mailbox of a school")


def changed(rules, identifier, **values):
    rule = rules.identifiers[identifier].model_copy(update=values)
    return rules.model_copy(update={"identifiers": rules.identifiers | {identifier: rule}})


def compared(town, rules, examples=5):
    """The same records under the town's rules and under others."""
    before, unusable_before = town.resolve(), unusable(town.nodes().identifiers)
    town.rules = rules
    after, unusable_after = town.resolve(), unusable(town.nodes().identifiers)
    return difference(before, after, unusable_before, unusable_after, examples)


@pytest.fixture
def street(town):
    """Ann in three records, joined by a mailbox and a telephone; Boris in two; a mailbox of nobody."""
    town.record("crm:1", email="lee@mail.net", phone=PHONE, **LEE)
    town.record("account:u1", email="lee@mail.net").record("phone:1", phone=PHONE)
    town.record("crm:2", email="ek@mail.net", **EK).record("mailbox:2", email="ek@mail.net")
    return town.record("mailbox:3", email="test@test.com").record("mailbox:4", email="test@test.com")


def test_the_same_rules_change_nothing(street, rules):
    found = compared(street, rules)
    assert (found.records, found.profiles_before, found.profiles_after) == (7, 4, 4)
    assert (found.merges, found.splits, found.people_touched, found.ids_changed) == (0, 0, 0, 0)
    assert found.examples == ()
    assert [edge for edge in found.edges if edge.before] == list(found.edges)
    assert all(edge.before == edge.after for edge in found.edges)


def test_a_split_names_the_edge_that_is_gone_and_what_took_it(street, rules):
    found = compared(
        street, changed(rules, "email", blocked_values=(*rules.identifiers["email"].blocked_values, BLOCKED))
    )
    assert (found.merges, found.splits, found.people_touched, found.ids_changed) == (0, 1, 1, 1)
    assert (found.biggest_before, found.biggest_after) == (3, 2)
    (example,) = found.examples
    assert (example.change, example.records, example.parts, example.rule) == ("split", 3, 2, "email")
    assert {example.left_record, example.right_record} == {"crm:1", "account:u1"}
    assert example.before == "linked"
    assert example.after == "not there: blocked_value: the mailbox of a school"


def test_a_merge_names_the_edge_that_does_it_and_why_it_was_not_there_before(street, rules):
    found = compared(street, changed(rules, "email", blocked_values=()))
    assert (found.merges, found.splits, found.people_touched, found.ids_changed) == (1, 0, 2, 1)
    (example,) = found.examples
    assert (example.change, example.records, example.parts) == ("merge", 2, 2)
    assert (example.left_record, example.right_record, example.rule) == ("mailbox:3", "mailbox:4", "email")
    assert (example.before, example.after) == ("not there: blocked_value: typed by testers", "linked")
    (linked,) = [edge for edge in found.edges if (edge.rule, edge.state) == ("email", "linked")]
    assert linked.after == linked.before + 1


def test_an_edge_that_a_constraint_would_refuse_is_shown_with_its_reason(town, rules):
    town.record("crm:1", email="lee@mail.net", phone=PHONE).record("account:u1", email="lee@mail.net")
    town.record("phone:1", phone=[PHONE, "(212) 736-5001"])
    found = compared(town, changed(rules, "phone", limit_per_profile=1))
    (example,) = found.examples
    assert (example.change, example.before) == ("split", "linked")
    assert example.after == "blocked: limit: one profile would hold 2 values of phone, 1 allowed"


def test_a_profile_that_loses_one_record_and_wins_another_is_both(street, rules):
    street.record("mailbox:5", email=["test@test.com", "ek@mail.net"])
    swapped = (*(item for item in rules.identifiers["email"].blocked_values if item.value != "test@test.com"),
               BlockedValue(value="ek@mail.net", why="the mailbox of an office"))  # fmt: skip
    found = compared(street, changed(rules, "email", blocked_values=swapped))
    assert (found.merges, found.splits) == (1, 1)
    assert found.people_touched == 3  # Boris with the mailboxes 2 and 5, and the mailboxes 3 and 4
    assert [example.change for example in found.examples] == ["merge", "split"]


def test_no_more_examples_than_asked_for_and_the_biggest_first(new_town, rules):
    town = new_town()
    for number in range(4):
        for record in range(number + 2):
            town.record(f"mailbox:{number}-{record}", email=f"m{number}@mail.net")
    values = tuple(BlockedValue(value=f"m{number}@mail.net", why="no mailbox") for number in range(4))
    found = compared(town, changed(rules, "email", blocked_values=values), examples=2)
    assert found.splits == 4
    assert [example.records for example in found.examples] == [5, 4]
    assert compared(new_town(), rules, examples=0).examples == ()


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return resolved(tmp_path_factory.mktemp("home"))[0]


def rehearsed(lake, rules):
    said = []
    found = rehearse(lake, rules, datetime.date(2017, 12, 31), 5, lambda what, rows: said.append((what, rows)))
    return found, said


def test_a_rehearsal_resolves_the_lake_and_writes_nothing(lake, rules):
    versions = {table: lake.version(table) for table in lake.tables()}
    found, said = rehearsed(lake, changed(rules, "email", blocked_values=()))
    assert (found.records, found.merges, found.splits) == (8, 1, 0)
    assert [what for what, _ in said] == [
        "records read",
        "pairs weighed under the rules in use",
        "pairs weighed under the new rules",
        "profiles under the new rules",
    ]
    assert {table: lake.version(table) for table in lake.tables()} == versions


def test_the_rules_in_use_rehearsed_are_weighed_once_and_change_nothing(lake, rules):
    found, said = rehearsed(lake, rules)
    assert (found.merges, found.splits, found.people_touched, found.ids_changed) == (0, 0, 0, 0)
    assert "pairs weighed under the new rules" not in [what for what, _ in said]


def test_a_rehearsal_resolves_as_a_run_does_rivals_among_them(tmp_path, rules):
    """Father and son of one name at one address, and a record of one of them without a birth date."""
    kerr = {"first_name": "John", "last_name": "Kerr"} | HOME
    people = [
        ("crm:1", "crm", kerr | {"birth_date": "1950-02-03"}),
        ("crm:2", "crm", kerr | {"birth_date": "1980-09-21"}),
        ("crm:3", "crm", kerr),
    ]
    lake, counts = resolved(tmp_path, people)
    found, _ = rehearsed(lake, rules)
    assert found.profiles_before == counts["profiles"] == 3


def test_visits_between_log_ins_that_other_rules_would_move_are_counted(tmp_path, rules):
    """One browser: a visit, a log-in, two visits, another account's log-in, a visit."""
    lake = Lake(Settings(home=tmp_path, identity_secret=SecretStr("a key for tests")))
    lake.ensure_tables()
    visits = ["anonymous:a1", "account:u1", "anonymous:a1", "anonymous:a1", "account:u2", "anonymous:a1"]
    write_silver(lake, [(record, "web", {}) for record in visits])
    events = [event | {"anonymous_id": "a1"} for event in lake.arrow("silver.events").to_pylist()]
    lake.overwrite("silver.events", events)
    used = {"source": "web", "identifier": "anonymous_id", "value": "a1", "landing": 1, "events": 1}
    lake.overwrite(
        "silver.identifiers",
        [used | {"record_id": visits[day - 1], "first_seen": at(day), "last_seen": at(day), "first_position": day}
         for day in (2, 5)],
    )  # fmt: skip
    assert rehearsed(lake, rules)[0].visits_moved == 0
    assert rehearsed(lake, changed(rules, "anonymous_id", between_logins=None))[0].visits_moved == 3


def test_other_thresholds_are_rehearsed_too(lake, rules):
    strict = rules.model_copy(update={"probabilistic": rules.probabilistic.model_copy(update={"link_weight": 99.0})})
    found, _ = rehearsed(lake, strict)
    assert found.splits == 1
    assert found.examples[0].after.startswith("review: match weight")


def test_new_rules_are_checked_against_the_other_contracts_with_file_and_line(tmp_path):
    text = (HERE / "identity.yml").read_text(encoding="utf-8")
    path = tmp_path / "new.yml"
    path.write_text(text, encoding="utf-8")
    assert load_rules(path, HERE).version
    path.write_text(
        text.replace("  loyalty_id:\n", "  club_id:\n").replace("sales_value", "department"), encoding="utf-8"
    )
    with pytest.raises(ContractError) as refused:
        load_rules(path, HERE)
    line = text[: text.index("{event: item_purchased")].count("\n") + 1
    message = str(refused.value)
    assert f"{path}, line {line}: review.value_of.0.property: department is no number of item_purchased" in message
    assert "identity.yml has no rule for loyalty_id" in message
    path.write_text(text.replace("gap_days: 1825", "gap_dayz: 1825"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"new\.yml, line \d+: identifiers\.phone\.gap_dayz"):
        load_rules(path, HERE)
