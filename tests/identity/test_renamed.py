"""A lake that named mailboxes and telephones by bare hashes: what outlives a rebuild goes on under new names."""

import hashlib

import pytest
from pydantic import SecretStr

from clew.audited import problems
from contracts.records import record_id
from identity.assign import profile_id
from identity.decisions import decide, read_decisions, standing
from identity.past import Moment, members
from identity.resolve import resolve
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from spark_jobs.privacy import holds
from spark_jobs.privacy.whose import find
from tests.silver import at, write_silver

KEY = b"a key for tests"
VALUES = {"mailbox": "Ann@mail.net", "phone": "+1 (212) 736-5000", "mailbox 2": "bo@mail.net"}
CLEANED = {"mailbox": "ann@mail.net", "phone": "+12127365000", "mailbox 2": "bo@mail.net"}


def kind(name):
    return name.split()[0]


def former(name):
    return f"{kind(name)}:{hashlib.sha256(CLEANED[name].encode()).hexdigest()[:16]}"


def today(name):
    return record_id(kind(name), VALUES[name], KEY)


def people(named):
    said = [(named(name), "support", {"email" if "mailbox" in name else "phone": VALUES[name]}) for name in VALUES]
    return [*said, ("crm:1", "crm", {"email": "lee@mail.net"})]


def a_day(lake, day, named):
    write_silver(lake, people(named))
    return resolve(lake, Run(f"run-{day}", at(day).date()))


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """A lake resolved under bare names."""
    lake = Lake(Settings(home=tmp_path, identity_secret=SecretStr(KEY.decode())))
    lake.ensure_tables()
    with monkeypatch.context() as before:
        before.setattr("identity.basis.fingerprint", lambda key: "of before")
        a_day(lake, 5, former)
    return lake


@pytest.fixture
def renamed(lake):
    """A lake resolved under bare names, with two decisions and a hold, and then conformed anew and resolved."""
    who = {"author": "kim", "at": at(6), "as_of": at(5).date()}
    decide(lake, "link", (former("phone"), "crm:1"), reason="she said so", **who)
    decide(lake, "unlink", (former("mailbox"), former("mailbox 2")), reason="two people", until=at(400).date(), **who)
    holds.add(lake, profile_id=profile_id(KEY, former("mailbox")), reason="a lawsuit", author="kim")
    a_day(lake, 9, today)
    return lake


def assigned(lake):
    return {row["record_id"]: row["profile_id"] for row in lake.arrow("identity.assignments").to_pylist()}


def test_what_stewards_decided_stands_under_the_new_names(renamed):
    told = {(item.action, *item.pair): item for item in standing(read_decisions(renamed), at(9).date())}
    linked = told["link", *sorted((today("phone"), "crm:1"))]
    apart = told["unlink", *sorted((today("mailbox"), today("mailbox 2")))]
    assert len(told) == 2
    assert (linked.author, linked.reason, linked.decided_at) == ("kim", "she said so", at(6))
    assert (apart.until, apart.reason) == (at(400).date(), "two people")
    assert assigned(renamed)[today("phone")] == assigned(renamed)["crm:1"]
    assert problems(renamed) == []


def test_no_name_of_before_is_left_where_analysts_read(renamed):
    names = {former(name) for name in VALUES}
    for table in ("history", "assignments", "edges", "records", "review_queue", "stitches"):
        assert not names & {
            str(cell) for row in renamed.arrow(f"identity.{table}").to_pylist() for cell in row.values()
        }


def test_what_was_believed_is_still_known(renamed):
    moment = Moment(at(5).date(), at(5).date())
    with renamed.duck() as connection:
        (row,) = members(connection, moment, profile_id(KEY, former("mailbox")))
    assert (row["record_id"], row["known_since"]) == (today("mailbox"), at(5).date())


def test_a_hold_on_a_profile_that_has_another_id_now_holds_on(renamed):
    now = profile_id(KEY, today("mailbox"))
    assert assigned(renamed)[today("mailbox")] == now
    assert now in holds.held_profiles(renamed, holds.holds(renamed))
    assert assigned(renamed)["crm:1"] not in holds.held_profiles(renamed, holds.holds(renamed))


def test_a_second_run_names_nothing_anew(renamed):
    before = renamed.version("identity.decisions"), renamed.version("identity.history")
    resolve(renamed, Run("run-10", at(10).date()))
    assert (renamed.version("identity.decisions"), renamed.version("identity.history")) == before


def test_a_run_that_died_after_naming_anew_is_run_again_with_the_same_result(renamed):
    from identity.renamed import Renamed, name_anew

    before = read_decisions(renamed), renamed.arrow("identity.history").to_pylist()
    assert name_anew(renamed, keeps_gone=False) == Renamed()
    assert (read_decisions(renamed), renamed.arrow("identity.history").to_pylist()) == before


def test_an_erasure_takes_the_decisions_under_the_former_names_along(renamed):
    theirs = find(renamed, [profile_id(KEY, today("mailbox"))])
    about = [item.decision for item in read_decisions(renamed) if former("mailbox") in item.pair]
    assert len(about) == 2  # the decision and the undo of it
    assert set(about) < set(theirs.decisions)


def test_a_mailbox_that_is_in_the_lake_no_more_keeps_no_history_under_a_name_that_anybody_can_make(lake):
    write_silver(lake, [("crm:1", "crm", {"email": "lee@mail.net"})])
    resolve(lake, Run("run-9", at(9).date()))
    assert {row["record_id"] for row in lake.arrow("identity.history").to_pylist()} == {"crm:1"}


def test_a_decision_about_a_mailbox_that_no_message_names_any_more_is_told(lake):
    who = {"author": "kim", "at": at(6), "as_of": at(5).date()}
    decide(lake, "link", (former("phone"), "crm:1"), reason="she said so", **who)
    decide(lake, "unlink", (former("mailbox"), "crm:1"), reason="two people", **who)
    write_silver(lake, [one for one in people(today) if one[0] != today("phone")])
    resolve(lake, Run("run-9", at(9).date()))
    (told,) = [
        row["message"] for row in lake.arrow("ops.runs").to_pylist() if row["run_id"] == "run-9" and row["message"]
    ]
    assert told.endswith("decisions that wait, since no message has the mailbox or the number that they name: 1")
