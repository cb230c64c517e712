"""Who refuses that their records are put together has them apart, until they grant it."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.apart import as_one
from identity.decisions import contradiction, decide
from identity.explain import explain
from identity.resolve import resolve
from identity.review import Review
from lakehouse.errors import UsageError
from lakehouse.run import Run
from rights.meant import meant
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
    town.says("anonymous:a1", "denied").says("anonymous:a1", "granted")
    after = town.resolve()
    assert after.edges.equals(before.edges)
    assert after.assignments.equals(before.assignments)


def test_a_grant_by_another_record_does_not_overrule_a_refusal(town):
    person(town).says("anonymous:a1", "denied").says("account:u1", "granted")
    assert town.profiles() == {*ALONE, BORIS}


def test_the_reason_is_a_records_own_refusal_before_that_of_another(town):
    person(town).says("crm:1", "denied").says("account:u1", "withdrawn")
    found = {row["record_id"]: row["refused_by"] for row in town.resolve().assignments.to_pylist()}
    told = dict.fromkeys(ANNS, "consent:account:u1") | {"crm:1": "consent:crm:1"}
    assert found == told | dict.fromkeys(BORIS)


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
    for record, answer in answers.items():
        town.says(record, answer)
    found = town.resolve()
    apart = {row["record_id"]: row for row in found.assignments.to_pylist() if row["refused_by"]}
    assert apart.keys() >= {record for record, answer in answers.items() if answer != "granted"}
    assert all(row["records"] == 1 and row["kind"] == "founder" for row in apart.values())
    for edge in found.edges.to_pylist():
        if {edge["left_record"], edge["right_record"]} & apart.keys():
            assert edge["state"] == "blocked"
            assert edge["reason"].startswith("consent_refused: event consent:crm:")


def say(lake, *answers):
    """silver.consents with these answers about linking: record, status, day; and one about something else."""
    rows = [("crm:2", "denied", 1, "advertising"), *((*answer, "identity_linking") for answer in answers)]
    lake.overwrite(
        "silver.consents",
        [{"event_id": f"consent:{number}", "record_id": record, "source": "crm", "purpose": purpose, "status": status,
          "given_at": at(day), "notice_version": "1", "region": None, "position": number, "landing": 1,
          "received_at": at(day)} for number, (record, status, day, purpose) in enumerate(rows, 1)],
    )  # fmt: skip


def test_a_refusal_that_landed_alone_is_obeyed_by_the_next_run_explained_and_taken_back_by_a_grant(tmp_path):
    lake, _ = resolved(tmp_path / "lake")
    before = content(lake, ["identity.assignments", "identity.edges", "identity.review_queue"])
    answers = (("crm:1", "denied", 1), ("crm:1", "granted", 2), ("loyalty:44001", "denied", 2))
    say(lake, *answers)
    resolve(lake, Run("run-2", DAY))
    apart = {row["record_id"]: row["refused_by"] for row in lake.arrow("identity.assignments").to_pylist()}
    anns = {"crm:1", "crm:3", "loyalty:44001", "mailbox:1"}
    assert {record: event for record, event in apart.items() if event} == dict.fromkeys(anns, "consent:4")
    assert messages(lake)[-1].endswith("only what changed was resolved")

    told = explain(lake, "crm:1", "mailbox:1")
    reason = "email would join them but is blocked: consent_refused: event consent:4"
    assert (told.verdict, told.reason) == ("apart", reason)
    with pytest.raises(UsageError, match=r"refused that their records are linked: event consent:4(?s:.*)mailbox:1"):
        decide(lake, "link", ("mailbox:1", "crm:2"), reason="seen", author="ann", at=at(400), as_of=DAY)
    review = Review(lake, "ann", DAY)
    assert not any(set(item.pair) & anns for item in (*review.queue(), *review.drawn(20, 1)))

    rebuilt, _ = resolved(tmp_path / "rebuilt", before_run=lambda other: say(other, *answers))
    assert content(rebuilt) == content(lake)
    say(lake, *answers, ("loyalty:44001", "granted", 3))
    resolve(lake, Run("run-3", DAY))
    assert content(lake, before) == before


def test_who_refused_is_one_person_where_all_of_them_is_asked_for(tmp_path):
    lake, _ = resolved(tmp_path / "lake")
    profile_of = {row["record_id"]: row["profile_id"] for row in lake.arrow("identity.assignments").to_pylist()}
    bens = {profile_of["crm:2"]}
    say(lake, ("loyalty:44001", "denied", 2))
    resolve(lake, Run("run-2", DAY))
    now = {row["record_id"]: row["profile_id"] for row in lake.arrow("identity.assignments").to_pylist()}
    anns = {now[record] for record in ("crm:1", "crm:3", "loyalty:44001", "mailbox:1")}
    assert len(anns) == 4
    assert as_one(lake, [now["mailbox:1"]], DAY) == [anns]
    assert as_one(lake, [*anns, *bens], DAY) == [anns, bens]
    asked = meant(lake, ["crm:1", "mailbox:1"])
    assert (set(asked.profiles), asked.people) == (anns, 1)
    assert meant(lake, ["crm:1", "crm:2"]).people == 2


def test_a_grant_whose_clock_is_ahead_takes_no_later_refusal_back(tmp_path):
    lake, _ = resolved(tmp_path)
    say(lake, ("crm:1", "granted", 3), ("crm:1", "denied", 2))
    rows = lake.arrow("silver.consents").to_pylist()
    lake.overwrite("silver.consents", [row | {"received_at": at(1)} for row in rows])
    resolve(lake, Run("run-2", DAY))
    refused = {row["record_id"]: row["refused_by"] for row in lake.arrow("identity.assignments").to_pylist()}
    assert refused["crm:1"] == "consent:3"


def test_an_answer_given_in_a_browser_while_logged_in_is_the_browsers_too(tmp_path):
    """So that who said no before logging in can say yes after it."""
    people = [("anonymous:a1", "web", {}), ("account:u1", "web", {"anonymous_id": "a1"}), ("crm:9", "crm", {})]
    lake, _ = resolved(tmp_path, people)
    events = {row["record_id"]: row for row in lake.arrow("silver.events").to_pylist()}
    spoken = dict(zip(("consent:2", "consent:3"), ("anonymous:a1", "account:u1"), strict=True))
    rows = [event | {"event_id": name, "anonymous_id": "a1", "position": 9} for name, record in spoken.items()
            for event in [events[record]]]  # fmt: skip
    lake.overwrite("silver.events", [*events.values(), *rows])
    found = []
    for number, answers in enumerate(([("anonymous:a1", "denied", 2)], [("account:u1", "granted", 3)]), 2):
        said = [("anonymous:a1", "denied", 2), *answers][-number + 1 :]
        say(lake, *said)
        resolve(lake, Run(f"run-{number}", DAY))
        found.append(sorted(row["record_id"] for row in lake.arrow("identity.assignments").to_pylist()
                            if row["refused_by"]))  # fmt: skip
    assert found == [["account:u1", "anonymous:a1"], []]
