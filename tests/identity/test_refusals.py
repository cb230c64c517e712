"""Who refuses that their records are put together has them apart, until they grant it."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.decisions import contradiction, decide
from identity.explain import explain
from identity.resolve import resolve
from identity.review import Review
from lakehouse.errors import UsageError
from lakehouse.run import Run
from tests.identity.test_resolve import DAY, content, messages, resolved
from tests.identity.test_stitches import LOGINS, browser, spells
from tests.silver import at

ANN = {"first_name": "Ann", "last_name": "Lee", "birth_date": "1984-03-09"}


def person(town):
    """Ann by her account, her browser, her card at the till, the CRM and her mailbox; and Boris by two records."""
    town.record("account:u1", 0, user_id="u1", anonymous_id="a1", email="ann@mail.net")
    town.record("anonymous:a1", 1, anonymous_id="a1").record(
        "crm:1", 2, loyalty_id="44001", email="ann@mail.net", **ANN
    )
    town.record("loyalty:44001", 3, loyalty_id="44001").record("mailbox:1", 4, email="ann@mail.net")
    return town.record("crm:2", 5, phone="(212) 736-5000").record("phone:2", 6, phone="(212) 736-5000")


ANNS = frozenset({"account:u1", "anonymous:a1", "crm:1", "loyalty:44001", "mailbox:1"})
BORIS = frozenset({"crm:2", "phone:2"})
ALONE = {frozenset({record}) for record in ANNS}


@pytest.mark.parametrize(
    ("record", "answer"), [*((record, "denied") for record in sorted(ANNS)), ("account:u1", "withdrawn")]
)
def test_a_refusal_by_any_record_keeps_the_whole_person_apart_and_nobody_else(town, record, answer):
    assert person(town).profiles() == {ANNS, BORIS}
    town.says(record, answer)
    assert town.profiles() == {*ALONE, BORIS}
    edges = [row for row in town.resolve().edges.to_pylist() if {row["left_record"], row["right_record"]} & ANNS]
    assert len(edges) >= len(ANNS) - 1
    assert {(row["state"], row["reason"]) for row in edges} == {("blocked", f"consent_refused: event consent:{record}")}


def test_a_later_grant_joins_again_exactly_as_before(town):
    before = person(town).resolve()
    town.says("anonymous:a1", "denied", 1).says("anonymous:a1", "granted", 2)
    after = town.resolve()
    assert after.edges.equals(before.edges)
    assert after.assignments.equals(before.assignments)


@pytest.mark.parametrize(("granted_on", "apart"), [(1, ANNS), (3, {"anonymous:a1"})])
def test_the_rest_of_a_person_is_joined_by_a_grant_given_last_and_who_refused_is_not(town, granted_on, apart):
    person(town).says("anonymous:a1", "denied", 2).says("account:u1", "granted", granted_on)
    rest = {frozenset(ANNS - apart)} if apart < ANNS else set()
    assert town.profiles() == {*(frozenset({record}) for record in apart), *rest, BORIS}


def test_at_one_instant_a_refusal_counts(town):
    person(town).says("anonymous:a1", "denied").says("account:u1", "granted")
    assert town.profiles() == {*ALONE, BORIS}


@pytest.mark.parametrize("eldest", range(3))
def test_who_share_a_mailbox_with_one_that_refused_and_granted_for_the_rest_keep_each_other(town, eldest):
    for day, number in enumerate([eldest, *({0, 1, 2} - {eldest})]):
        town.record(f"crm:{number}", day, email="ann@mail.net")
    town.says("crm:0", "denied", 1).says("crm:1", "granted", 2)
    assert town.profiles() == {frozenset({"crm:0"}), frozenset({"crm:1", "crm:2"})}


def test_a_link_by_a_steward_does_not_overrule_a_refusal_and_shows_why(town):
    person(town).says("account:u1", "withdrawn").decide("link", "account:u1", "crm:2")
    assert town.profiles() == {*ALONE, *({frozenset({record}) for record in BORIS})}
    assert town.reasons()["account:u1", "crm:2", "steward"] == "consent_refused: event consent:account:u1"


def test_an_unlink_keeps_its_own_reason(town):
    person(town).says("account:u1", "denied").decide("unlink", "account:u1", "crm:1")
    assert town.reasons()["account:u1", "crm:1", "steward"].startswith("cannot_link: decision 1")


@pytest.mark.parametrize("record", ["anonymous:a1", "account:u1"])
def test_no_visit_is_stitched_to_or_from_who_refused(town, record):
    browser(town, "u1", "u2")
    assert {spell[3] for spell in spells(town, LOGINS)} == {"account:u1", "account:u2"}
    town.says(record, "denied")
    left = {spell[3] for spell in spells(town, LOGINS)}
    assert left == (set() if record == "anonymous:a1" else {"account:u2"})


RECORDS = [f"crm:{number}" for number in range(6)]
HELD = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["ann@mail.net", "all@mail.net"]),
        "loyalty_id": st.sampled_from(["44001", "44002"]),
        "birth_date": st.sampled_from(["1984-03-09", "1951-01-30"]),
    },
)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(HELD, min_size=6, max_size=6),
    st.dictionaries(st.sampled_from(RECORDS), st.sampled_from(["granted", "denied", "withdrawn"]), max_size=4),
    st.sampled_from(list(itertools.combinations(RECORDS, 2))),
)
def test_whoever_refused_is_alone_whatever_the_evidence_and_the_decision(new_town, held, answers, linked):
    town = new_town()
    for day, (record, said) in enumerate(zip(RECORDS, held, strict=True)):
        town.record(record, day, **said)
    town.decide("link", *linked)
    assert not contradiction(town.decisions)
    for day, (record, answer) in enumerate(sorted(answers.items())):
        town.says(record, answer, day)
    found = town.resolve()
    apart = {row["record_id"]: row for row in found.assignments.to_pylist() if row["refused_by"]}
    assert apart.keys() >= {record for record, answer in answers.items() if answer != "granted"}
    assert all(row["records"] == 1 and row["kind"] == "founder" for row in apart.values())
    for edge in found.edges.to_pylist():
        if {edge["left_record"], edge["right_record"]} & apart.keys():
            assert edge["state"] == "blocked"
            assert edge["reason"].startswith("consent_refused: event consent:crm:")


def say(lake, *answers):
    """silver.consents with these answers about linking: record, status and day; and one of another purpose."""
    lake.overwrite(
        "silver.consents",
        [{"event_id": f"consent:{number}", "record_id": record, "source": "crm", "purpose": purpose, "status": status,
          "given_at": at(day), "notice_version": "1", "region": None, "position": number, "landing": 1,
          "received_at": at(day)}
         for number, (record, status, day, purpose) in enumerate(
             [("crm:2", "denied", 1, "advertising"), *((*answer, "identity_linking") for answer in answers)], 1)],
    )  # fmt: skip


def test_a_refusal_that_landed_alone_is_obeyed_by_the_next_run_explained_and_taken_back_by_a_grant(tmp_path):
    lake, _ = resolved(tmp_path)
    before = content(lake)
    say(lake, ("crm:1", "granted", 1), ("loyalty:44001", "denied", 2))
    resolve(lake, Run("run-2", DAY))
    apart = {row["record_id"]: row["refused_by"] for row in lake.arrow("identity.assignments").to_pylist()}
    anns = {"crm:1", "crm:3", "loyalty:44001", "mailbox:1"}
    assert {record for record, event in apart.items() if event} == anns
    assert {event for event in apart.values() if event} == {"consent:3"}
    assert messages(lake)[-1].endswith("only what changed was resolved")

    told = explain(lake, "crm:1", "mailbox:1")
    assert (told.verdict, told.reason) == (
        "apart", "email would join them but is blocked: consent_refused: event consent:3"
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"refused that their records are linked: event consent:3(?s:.*)mailbox:1"):
        decide(lake, "link", ("mailbox:1", "crm:2"), reason="seen", author="ann", at=at(400), as_of=DAY)
    review = Review(lake, "ann", DAY)
    asked = [*review.queue(), *review.drawn(20, 1)]
    assert not any(set(item.pair) & anns for item in asked)

    rebuilt, _ = resolved(tmp_path / "rebuilt", before_run=lambda other: say(
        other, ("crm:1", "granted", 1), ("loyalty:44001", "denied", 2)))  # fmt: skip
    assert content(rebuilt) == content(lake)
    say(lake, ("loyalty:44001", "denied", 2), ("crm:1", "granted", 3), ("loyalty:44001", "granted", 3))
    resolve(lake, Run("run-3", DAY))
    names = ("identity.edges", "identity.review_queue")
    assert content(lake, names) == {name: before[name] for name in names}
    there = content(lake, ["identity.assignments"])
    assert there["identity.assignments"] == before["identity.assignments"]


def test_each_of_two_purposes_of_one_record_is_read_for_itself(tmp_path):
    lake, _ = resolved(tmp_path, before_run=lambda lake: say(lake, ("crm:2", "granted", 1)))
    assert not any(row["refused_by"] for row in lake.arrow("identity.assignments").to_pylist())
