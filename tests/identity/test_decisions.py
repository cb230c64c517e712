"""What stewards decide is done, explained, replayed, and taken back without a trace."""

import datetime
import getpass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.decisions import Decision, contradiction, decide, read_decisions, standing, undo
from lakehouse.errors import UsageError
from lakehouse.lake import Lake
from lakehouse.settings import Settings

NOW = datetime.datetime(2018, 1, 2, 9, tzinfo=datetime.UTC)
TODAY = datetime.date(2018, 1, 1)


def decided(number, action, one, other, undoes=None):
    return Decision(number, action, one, other, undoes, None, "looked", "ann", NOW)


@pytest.fixture
def lake(tmp_path):
    lake = Lake(Settings(home=tmp_path))
    lake.ensure_tables()
    return lake


def say(lake, action, one, other, **more):
    return decide(lake, action, (one, other), reason="looked", author="ann", at=NOW, as_of=TODAY, **more)


def take_back(lake, number):
    return undo(lake, number, reason="erred", author="bob", at=NOW)


def test_an_unlink_keeps_two_records_apart_and_the_edge_names_the_decision(town):
    town.record("crm:1", email="ann@mail.net").record("mailbox:1", email="ann@mail.net")
    town.decide("unlink", "mailbox:1", "crm:1")
    assert town.profiles() == {frozenset({"crm:1"}), frozenset({"mailbox:1"})}
    reasons = town.reasons()
    assert reasons["crm:1", "mailbox:1", "steward"] == "cannot_link: decision 1 says that they are two people"
    assert reasons["crm:1", "mailbox:1", "email"].startswith("cannot_link: decision 1 keeps a record on one side apart")


def test_a_link_joins_records_that_share_nothing_and_names_the_decision_as_its_evidence(town):
    town.record("crm:1", first_name="Ann").record("crm:2", first_name="Boris", birth_date="1999-12-24")
    assert len(town.profiles()) == 2
    town.decide("link", "crm:2", "crm:1")
    (edge,) = town.resolve().edges.to_pylist()
    assert (edge["rule"], edge["state"], edge["evidence"]) == ("steward", "linked", '{"action": "link", "decision": 1}')
    assert town.profiles() == {frozenset({"crm:1", "crm:2"})}


def test_a_link_passes_the_limits_of_identifiers_which_other_edges_do_not(town):
    town.record("crm:1", loyalty_id="44001").record("crm:2", loyalty_id="44002").record("crm:3", loyalty_id="44003")
    town.decide("link", "crm:1", "crm:2")
    assert town.profiles() == {frozenset({"crm:1", "crm:2"}), frozenset({"crm:3"})}


def test_a_split_by_decision_goes_through_the_weakest_evidence_between_the_two(town):
    town.record("crm:1", loyalty_id="44001").record("account:u1", loyalty_id="44001", phone="(212) 736-5000")
    town.record("phone:1", phone="(212) 736-5000")
    town.decide("unlink", "crm:1", "phone:1")
    assert town.profiles() == {frozenset({"crm:1", "account:u1"}), frozenset({"phone:1"})}


@pytest.mark.parametrize("day", [0, 5, 9])
def test_an_unlink_of_two_founders_gives_back_the_two_that_a_bridge_made_one(new_town, day):
    def people(*more):
        town = new_town().record("crm:1", 3, loyalty_id="44001")
        town.record("mailbox:1", 5, email="x@mail.net").record("crm:2", 6, email="x@mail.net")
        for record, values in more:
            town.record(record, day, **values)
        return town

    before = people()
    bridged = people(("account:u1", {"loyalty_id": "44001", "email": "x@mail.net"}))
    assert before.profiles() == {frozenset({"crm:1"}), frozenset({"mailbox:1", "crm:2"})}
    assert len(bridged.profiles()) == 1
    bridged.decide("unlink", "crm:1", "mailbox:1")
    assert bridged.profiles() == {frozenset({"crm:1", "account:u1"}), frozenset({"mailbox:1", "crm:2"})}


@pytest.mark.parametrize("alone", range(4))
def test_whoever_of_a_shared_mailbox_is_kept_apart_the_others_stay_together(town, alone):
    records = [f"crm:{number}" for number in range(4)]
    for day, record in enumerate(records):
        town.record(record, day, email="ann@mail.net")
    others = [record for record in records if record != records[alone]]
    for other in others:
        town.decide("unlink", records[alone], other)
    assert town.profiles() == {frozenset({records[alone]}), frozenset(others)}


def test_whoever_is_kept_apart_in_a_familys_mailbox_namesakes_stay_together(town):
    ann, boris = {"first_name": "Ann", "birth_date": "1984-03-09"}, {"first_name": "Boris"}
    for day, (record, who) in enumerate({"crm:1": ann, "crm:2": ann, "crm:3": ann, "crm:4": boris}.items()):
        town.record(record, day, email="lee@mail.net", **who)
    town.decide("unlink", "crm:1", "crm:2").decide("unlink", "crm:1", "crm:3")
    assert town.profiles() == {frozenset({"crm:1"}), frozenset({"crm:2", "crm:3"}), frozenset({"crm:4"})}


ANN = {"first_name": "Ann", "last_name": "Lee"}


@pytest.mark.parametrize(
    ("records", "unlinks", "people"),
    [
        pytest.param(
            [("crm:1", 0, ANN), ("crm:2", 10, ANN), ("crm:3", 2200, ANN)], [("crm:1", "crm:2"), ("crm:1", "crm:3")],
            [{"crm:1"}, {"crm:2", "crm:3"}], id="who keeps the number for years loses the namesake only",
        ),
        pytest.param(
            [("crm:1", 0, ANN), ("crm:2", 10, ANN), ("crm:3", 2200, ANN), ("crm:4", 2210, ANN)],
            [("crm:1", "crm:2"), ("crm:1", "crm:3")],
            [{"crm:1"}, {"crm:2", "crm:3", "crm:4"}], id="and keeps who shares the number in the later tenancy",
        ),
        pytest.param(
            [("crm:1", 0, ANN), ("crm:2", 2200, ANN), ("crm:3", 2210, ANN)], [("crm:1", "crm:2")],
            [{"crm:1"}, {"crm:2", "crm:3"}], id="a number that changed hands between namesakes is the later one's",
        ),
        pytest.param(
            [("crm:1", 0, ANN), ("crm:2", 10, ANN), ("phone:9", 2200, {})], [("crm:1", "crm:2")],
            [{"crm:1"}, {"crm:2"}, {"phone:9"}], id="who gives no name is of no earlier tenancy",
        ),
    ],
)  # fmt: skip
def test_an_unlink_on_a_number_leaves_together_across_tenancies_whom_their_names_join(town, records, unlinks, people):
    for record, day, who in records:
        town.record(record, day, phone="(212) 736-5000", **who)
    for one, other in unlinks:
        town.decide("unlink", one, other)
    assert town.profiles() == {frozenset(records) for records in people}


def test_the_part_that_leaves_gets_the_id_it_had_and_an_undo_brings_everything_back(town):
    town.record("crm:1", email="ann@mail.net").record("mailbox:1", email="ann@mail.net")
    before = town.resolve()
    town.decide("unlink", "crm:1", "mailbox:1")
    apart = {row["record_id"]: row["profile_id"] for row in town.resolve().assignments.to_pylist()}
    together = {row["record_id"]: row["profile_id"] for row in before.assignments.to_pylist()}
    assert apart["crm:1"] == together["crm:1"] == together["mailbox:1"] != apart["mailbox:1"]
    town.decisions = standing([*town.decisions, decided(2, "undo", "crm:1", "mailbox:1", undoes=1)], TODAY)
    after = town.resolve()
    assert after.edges.equals(before.edges)
    assert after.assignments.equals(before.assignments)


def test_a_decision_about_a_record_that_is_not_there_waits_for_it(town):
    town.record("crm:1", first_name="Ann").decide("link", "crm:1", "crm:9").decide("unlink", "crm:1", "crm:8")
    assert town.profiles() == {frozenset({"crm:1"})}


def test_an_undo_is_undone_as_any_decision(lake):
    say(lake, "link", "crm:2", "crm:1")
    take_back(lake, 1)
    assert standing(read_decisions(lake), TODAY) == []
    take_back(lake, 2)
    (stands,) = standing(read_decisions(lake), TODAY)
    assert (stands.decision, stands.pair) == (1, ("crm:1", "crm:2"))
    with pytest.raises(UsageError, match="decision 2 was taken back before"):
        take_back(lake, 2)
    with pytest.raises(UsageError, match="there is no decision 9"):
        take_back(lake, 9)


def test_a_decision_expires_after_its_last_date(lake):
    say(lake, "link", "crm:1", "crm:2", until=datetime.date(2018, 3, 31))
    assert len(standing(read_decisions(lake), datetime.date(2018, 3, 31))) == 1
    assert standing(read_decisions(lake), datetime.date(2018, 4, 1)) == []
    with pytest.raises(UsageError, match="would never stand"):
        say(lake, "link", "crm:1", "crm:3", until=datetime.date(2017, 12, 31))


def test_an_expired_decision_contradicts_too_for_a_run_of_a_past_date_goes_by_it(lake):
    say(lake, "unlink", "crm:1", "crm:2", until=datetime.date(2018, 3, 31))
    with pytest.raises(UsageError, match="contradict"):
        decide(lake, "link", ("crm:1", "crm:2"), reason="looked", author="ann", at=NOW, as_of=datetime.date(2018, 6, 1))


def test_one_thing_never_stands_twice(lake):
    say(lake, "link", "crm:1", "crm:2", until=datetime.date(2018, 3, 31))
    with pytest.raises(UsageError, match=r"that was decided: decision 1 \(ann, 2018-01-02\): link crm:1 crm:2 until"):
        say(lake, "link", "crm:1", "crm:2")
    take_back(lake, 1)
    say(lake, "link", "crm:1", "crm:2")
    with pytest.raises(UsageError, match="that was decided: decision 1"):
        take_back(lake, 2)


def test_a_decision_without_a_reason_is_refused(lake):
    with pytest.raises(UsageError, match="needs a reason"):
        decide(lake, "link", ("crm:1", "crm:2"), reason=" ", author="ann", at=NOW, as_of=TODAY)
    assert read_decisions(lake) == []


def test_the_author_is_the_one_set_or_else_the_user_of_the_machine(monkeypatch):
    monkeypatch.setenv("CLEW_AUTHOR", "kim")
    assert Settings().author == "kim"
    monkeypatch.setenv("CLEW_AUTHOR", "")
    assert Settings().author == getpass.getuser()


def test_a_contradiction_is_refused_with_every_decision_that_takes_part_and_nothing_is_kept(lake):
    say(lake, "link", "crm:1", "crm:2")
    say(lake, "link", "crm:2", "crm:3")
    with pytest.raises(UsageError) as refused:
        say(lake, "unlink", "crm:3", "crm:1")
    for part in ("decision 1 (ann, 2018-01-02): link crm:1 crm:2", "decision 2", "this one, unlink crm:1 crm:3"):
        assert part in str(refused.value)
    assert len(read_decisions(lake)) == 2


def test_an_undo_that_would_bring_back_a_contradiction_is_refused(lake):
    say(lake, "link", "crm:1", "crm:2")
    take_back(lake, 1)
    say(lake, "unlink", "crm:1", "crm:2")
    with pytest.raises(UsageError, match="contradict"):
        take_back(lake, 2)


@pytest.mark.parametrize(
    ("one", "other", "why"), [("crm:1", "crm:1", "one record already"), ("crm:2", "crm:1", "that was decided")]
)
def test_what_says_nothing_new_is_refused(lake, one, other, why):
    say(lake, "link", "crm:1", "crm:2")
    with pytest.raises(UsageError, match=why):
        say(lake, "link", one, other)


PAIRS = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] < pair[1])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["link", "unlink"]), PAIRS), max_size=12))
def test_decisions_that_do_not_contradict_each_other_are_all_obeyed_whatever_the_records_say(new_town, made):
    town = new_town()
    for number in range(6):
        said = {"loyalty_id": f"4400{number // 2}", "birth_date": f"19{60 + number}-01-02", "email": "all@mail.net"}
        town.record(f"crm:{number}", **said)
    for action, (one, other) in made:
        candidate = decided(len(town.decisions) + 1, action, f"crm:{one}", f"crm:{other}")
        if not contradiction([*town.decisions, candidate]):
            town.decisions.append(candidate)
    of_record = {row["record_id"]: row["profile_id"] for row in town.resolve().assignments.to_pylist()}
    for item in town.decisions:
        one, other = item.pair
        assert (of_record[one] == of_record[other]) == (item.action == "link"), item
