"""The consent policy over a lake: after merges and unmerges, when it changes, and what `clew policy` says of it."""

import csv
import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from clew.audited import problems
from contracts.errors import ContractError
from contracts.permission import Moment
from contracts.purpose import Purpose
from lakehouse import audit
from lakehouse.consent import state_sql
from lakehouse.policies import take, taken
from tests.conftest import at

MARKETING, ADVERTISING = "email_marketing", "advertising"


def state(small: Any, purpose: str, **changes: Any) -> dict[str, tuple[str, str | None]]:
    """Status and event of everybody, by profile."""
    policy = amended(small.lake.contracts.policy, purpose, **changes)
    with small.lake.duck() as connection:
        sql = state_sql(policy, Moment(small.run.as_of, heeds_later_refusals=True))
        rows = connection.execute(f"SELECT * FROM ({sql}) WHERE purpose = '{purpose}'").fetchall()
    return {row[0]: (row[2], row[5]) for row in rows}


def amended(policy: Any, purpose: str, version: str | None = None, **changes: Any) -> Any:
    """The policy with another version, and other limits of one purpose."""
    content = policy.purposes[purpose].model_dump(exclude_unset=True) | changes
    purposes = policy.purposes | {purpose: Purpose.model_validate(content)}
    return policy.model_copy(update={"purposes": purposes, "version": version or policy.version})


def profile_of(small: Any, record: str) -> str:
    rows = small.rows("identity.assignments")
    return next(row["profile_id"] for row in rows if row["record_id"] == record)


def join(small: Any, record: str, to: str) -> None:
    """Make a record one of another's profile."""
    profile = profile_of(small, to)
    small.change(
        "identity.assignments",
        lambda rows: [row | ({"profile_id": profile} if row["record_id"] == record else {}) for row in rows],
    )


@pytest.mark.parametrize(
    ("purpose", "across", "comes_to"),
    [
        (MARKETING, "latest", ("granted", "consent:m1")),  # Cat said no on the 5th, Ann yes on the 9th
        (MARKETING, "strictest", ("denied", "consent:m5")),
        (ADVERTISING, "strictest", ("granted", "consent:m2")),
    ],
)
def test_consent_survives_a_merge_by_the_declared_rule_and_an_unmerge_gives_each_their_own(
    purpose: str, across: str, comes_to: tuple[str, str], small: Any
) -> None:
    before = state(small, purpose, across=across)
    ann, cat = profile_of(small, "account:ann"), profile_of(small, "account:cat")
    assert before[ann][0] == "granted"
    join(small, "account:cat", to="account:ann")
    merged = state(small, purpose, across=across)
    assert merged[ann] == comes_to
    assert cat not in merged
    small.change(
        "identity.assignments",
        lambda rows: [row | ({"profile_id": cat} if row["record_id"] == "account:cat" else {}) for row in rows],
    )
    assert state(small, purpose, across=across) == before


def test_a_policy_is_taken_once_and_written_down(small: Any) -> None:
    version = small.lake.contracts.policy.version
    assert take(small.lake, small.run) == f"policy {version} is new: the first policy of this lake"
    assert take(small.lake, small.run) == ""
    (row,) = taken(small.lake)
    assert (row["version"], row["run_id"], row["as_of"]) == (version, "run-1", small.run.as_of)
    acts = [(item.action, item.subject) for item in audit.entries(small.lake)]
    assert acts == [("policy", f"policy {version}")]


def test_a_policy_altered_in_the_ledger_is_found_by_the_audit(small: Any) -> None:
    take(small.lake, small.run)
    assert problems(small.lake) == []
    small.change(
        "ops.policies", lambda rows: [row | {"content": row["content"].replace("1095", "9999")} for row in rows]
    )
    (found,) = problems(small.lake)
    assert found == f"policy {small.lake.contracts.policy.version} is not what entry 1 wrote down: it was altered since"


def test_a_policy_that_was_changed_and_kept_its_version_is_refused(small: Any) -> None:
    take(small.lake, small.run)
    small.lake.contracts.policy = amended(small.lake.contracts.policy, MARKETING, expires_after_days=20)
    with pytest.raises(ContractError) as caught:
        take(small.lake, small.run)
    assert f"was changed and is still called {small.lake.contracts.policy.version}" in str(caught.value)
    assert "give it a new version" in str(caught.value)
    assert len(taken(small.lake)) == 1


def test_a_new_version_says_whom_it_lets_in_and_out_when_it_is_taken(small: Any) -> None:
    first = small.lake.contracts.policy
    take(small.lake, small.run)
    small.lake.contracts.policy = amended(first, MARKETING, version="9-0-0", expires_after_days=22)
    said = take(small.lake, small.run)
    assert said == f"policy 9-0-0 is new: against {first.version}: {MARKETING} lets 0 in and 3 out"  # Eve, Fay, Gus
    small.lake.contracts.policy = amended(first, MARKETING, version="9-0-1")
    assert take(small.lake, small.run) == f"policy 9-0-1 is new: against 9-0-0: {MARKETING} lets 3 in and 0 out"
    entries = {item.subject: item.detail for item in audit.entries(small.lake)}
    assert entries["policy 9-0-0"].endswith("lets 0 in and 3 out")


def test_going_back_to_an_earlier_policy_is_taken_and_compared_with_the_one_between(small: Any, clew: Any) -> None:
    first = small.lake.contracts.policy
    other = amended(first, MARKETING, version="9-0-0", expires_after_days=22)
    for policy in (first, other):
        small.lake.contracts.policy = policy
        take(small.lake, small.run)
    small.lake.contracts.policy = first
    said = take(small.lake, small.run)
    assert said == f"policy {first.version} is taken again: against 9-0-0: {MARKETING} lets 3 in and 0 out"
    assert take(small.lake, small.run) == ""
    small.lake.contracts.policy = other
    assert take(small.lake, small.run) == (
        f"policy 9-0-0 is taken again: against {first.version}: {MARKETING} lets 0 in and 3 out"
    )
    subjects = [item.subject for item in audit.entries(small.lake) if item.action == "policy"]
    versions = (first.version, "9-0-0")
    assert subjects == [f"policy {name}{time}" for time in ("", ", time 2") for name in versions]
    assert problems(small.lake) == []
    small.release()
    home = small.lake.settings.home
    listed = json.loads(clew("policy", "taken", "--json", home=home).out)["policies"]
    assert [row["version"] for row in listed] == [*versions, *versions]
    assert json.loads(clew("policy", "diff", "--json", home=home).out)["before"] == "9-0-0"


def test_a_version_of_before_is_refused_with_another_content_though_another_was_taken_since(
    small: Any, clew: Any, tmp_path: Path
) -> None:
    first = small.lake.contracts.policy
    for policy in (first, amended(first, MARKETING, version="9-0-0")):
        small.lake.contracts.policy = policy
        take(small.lake, small.run)
    small.lake.contracts.policy = amended(first, MARKETING, expires_after_days=20)
    with pytest.raises(ContractError, match=f"is still called {first.version}"):
        take(small.lake, small.run)
    small.release()
    file = tmp_path / "new.yml"
    text = (small.lake.settings.contracts / "consent" / "purposes.yml").read_text(encoding="utf-8")
    file.write_text(text.replace("days: 1095", "days: 20"), encoding="utf-8")
    told = clew("policy", "diff", "--policy", str(file), "--json", home=small.lake.settings.home).out
    notes = json.loads(told)["notes"]
    assert f"it still has the version {first.version} of another: give it a new one, or runs will refuse it" in notes


def test_a_taken_policy_that_was_removed_is_found_by_the_audit(small: Any) -> None:
    take(small.lake, small.run)
    small.change("ops.policies", lambda rows: [])
    (found,) = problems(small.lake)
    assert found == f"policy {small.lake.contracts.policy.version}, written down in entry 1, is there no more"


def test_explain_names_the_rule_the_event_and_what_was_overruled(small: Any, clew: Any) -> None:
    small.release()
    home = small.lake.settings.home
    told = json.loads(clew("policy", "explain", "crm:ben", MARKETING, "email_tool", "--json", home=home).out)
    assert (told["may_use"], told["status"], told["rule"]) == (False, "withdrawn", "latest")
    assert told["decided_by"]["event_id"] == "consent:m4"
    (overruled,) = told["overruled"]
    assert overruled["event_id"] == "consent:m3"
    assert overruled["why"] == "the same record said something later, or stricter at that instant"
    assert told["destination"]["now"]["would_be_handed_over"] is False
    ran = clew("policy", "explain", "account:ann", MARKETING, "email_tool", home=home)
    assert f"yes: {MARKETING} of profile " in ran.out
    assert "by what is known now, release 1 (as of 2017-12-30): would be handed over\n" in ran.out
    fay = clew("policy", "explain", "account:fay", MARKETING, "email_tool", home=home)
    assert "would not be handed over: another profile with the same address said no to this purpose" in fay.out


def test_explain_goes_by_both_clocks(small: Any, clew: Any) -> None:
    small.release()

    def told(*days: str) -> dict[str, Any]:
        ran = clew("policy", "explain", "crm:ben", MARKETING, *days, "--json", home=small.lake.settings.home)
        return json.loads(ran.out)

    assert told("--as-of", "2017-12-30")["status"] == "withdrawn"
    small.change(
        "identity.history",
        lambda rows: [row | {"true_from": row["true_from"].replace(day=1)} for row in rows],
    )
    small.release()
    then = told("--as-of", "2017-12-11")
    assert (then["status"], then["overruled"][0]["why"]) == ("granted", "it was given after that day")
    small.change(
        "identity.history", lambda rows: [row | {"known_since": row["known_since"].replace(day=1)} for row in rows]
    )
    small.release()
    unknown = told("--as-of", "2017-12-30", "--known-at", "2017-12-29")
    assert (unknown["status"], unknown["decided_by"]) == ("no_consent_known", None)
    assert {item["why"] for item in unknown["overruled"]} == {"it landed later, so it was not known then"}


def known_from_the_first(small: Any) -> None:
    """Everybody is who they are since the first of the month, and what they said landed as they said it."""
    first = {"true_from": at(1), "known_since": at(1).date()}
    small.change("identity.history", lambda rows: [row | first for row in rows])
    small.change(
        "silver.consents", lambda rows: [row | {"received_at": row["given_at"], "region": None} for row in rows]
    )


def tells(small: Any, record: str, said_on: int, landed_on: int, **said: str) -> None:
    """A message about a record, and what identity makes of the record by all that landed."""
    number = len(small.rows("silver.customer_records")) + 1
    message = {"event_id": f"crm:t{number}", "record_id": record, "source": "crm", "occurred_at": at(said_on),
               "position": number, "landing": 1}  # fmt: skip
    event = small.rows("silver.events")[0] | message | {"received_at": at(landed_on)}
    small.change("silver.events", lambda rows: [*rows, event])
    small.change("silver.customer_records", lambda rows: [*rows, message | said | {"traits": []}])
    if "birth_date" in said:
        month, day, year = map(int, said["birth_date"].split("/"))
        born = datetime.date(year, month, day)
        small.change(
            "identity.records",
            lambda rows: [row | ({"birth_date": born} if row["record_id"] == record else {}) for row in rows],
        )


def statuses(small: Any, clew: Any, record: str, *days: str) -> tuple[str, str]:
    """What explain says of one, and state of the same among all: the rules in Python and in SQL."""
    home = small.lake.settings.home
    told = json.loads(clew("policy", "explain", record, MARKETING, *days, "--json", home=home).out)
    listed = clew("policy", "state", "--purpose", MARKETING, "--people", *days, home=home).out.splitlines()
    rows = {row["profile_id"]: row for row in csv.DictReader(listed)}
    return told["status"], rows[profile_of(small, record)]["status"]


@pytest.mark.parametrize(
    ("days", "comes_to"),
    [
        ((), "too_young"),
        (("--as-of", "2017-12-25"), "too_young"),
        (("--as-of", "2017-12-10"), "granted"),  # nobody had told her age yet
        (("--as-of", "2017-12-10", "--known-at", "2017-12-10"), "granted"),
        (("--as-of", "2017-12-25", "--known-at", "2017-12-20"), "granted"),  # told on the 18th, landed on the 22nd
        (("--as-of", "2017-12-18"), "too_young"),
    ],
)
def test_a_birth_date_that_came_later_makes_nobody_too_young_before(
    days: tuple[str, ...], comes_to: str, small: Any, clew: Any
) -> None:
    known_from_the_first(small)
    tells(small, "anonymous:ann", 18, 22, birth_date="11/04/2005")
    small.release()
    assert statuses(small, clew, "account:ann", *days) == (comes_to, comes_to)


def test_a_birth_date_corrected_later_was_the_wrong_one_before(small: Any, clew: Any) -> None:
    known_from_the_first(small)
    tells(small, "account:ann", 2, 2, birth_date="11/04/2005")
    tells(small, "account:ann", 20, 20, birth_date="11/04/1985")
    small.release()
    assert statuses(small, clew, "account:ann", "--as-of", "2017-12-10") == ("too_young", "too_young")
    assert statuses(small, clew, "account:ann", "--as-of", "2017-12-20") == ("granted", "granted")


def test_a_birth_date_that_stands_for_nobody_made_nobody_too_young_before_either(small: Any, clew: Any) -> None:
    known_from_the_first(small)
    tells(small, "account:ann", 2, 2, birth_date="01/01/2010")
    small.change(
        "identity.records",
        lambda rows: [row | ({"birth_date_unusable": "crowd"} if row["birth_date"] else {}) for row in rows],
    )
    small.release()
    assert statuses(small, clew, "account:ann", "--as-of", "2017-12-10") == ("granted", "granted")


@pytest.mark.parametrize(
    ("days", "comes_to"),
    [
        (("--as-of", "2017-12-25"), "jurisdiction"),
        (("--as-of", "2017-12-10"), "granted"),
        (("--as-of", "2017-12-25", "--known-at", "2017-12-19"), "granted"),
        (("--as-of", "2017-12-25", "--known-at", "2017-12-20"), "jurisdiction"),
    ],
)
def test_who_moved_later_was_judged_by_the_place_of_before(
    days: tuple[str, ...], comes_to: str, small: Any, clew: Any
) -> None:
    known_from_the_first(small)
    tells(small, "account:ann", 2, 2, country="US")
    tells(small, "account:ann", 15, 20, country="Brazil")
    small.release()
    assert statuses(small, clew, "account:ann", *days) == (comes_to, comes_to)


def test_a_message_from_a_clock_that_is_ahead_was_known_when_it_landed(small: Any, clew: Any) -> None:
    known_from_the_first(small)
    tells(small, "account:ann", 28, 11, birth_date="11/04/2005")
    small.release()
    days = ("--as-of", "2017-12-12", "--known-at", "2017-12-12")
    assert statuses(small, clew, "account:ann", *days) == ("too_young", "too_young")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["explain", "crm:ben", "spam"], "there is no purpose spam"),
        (
            ["explain", "crm:ben", MARKETING, "ad_platform"],
            "the policy lets email_marketing hand nothing to ad_platform",
        ),
        (["explain", "crm:ben", MARKETING, "--known-at", "2017-12-01"], "--known-at says nothing alone"),
        (["state", "--purpose", "spam"], "there is no purpose spam"),
    ],
)
def test_a_wrong_question_is_answered_with_what_to_ask(arguments: list[str], says: str, small: Any, clew: Any) -> None:
    ran = clew("policy", *arguments, home=small.lake.settings.home)
    assert ran.code == 2
    assert says in ran.err


def test_state_counts_everybody_on_any_day(small: Any, clew: Any) -> None:
    home = small.lake.settings.home
    small.release()
    now = json.loads(clew("policy", "state", "--purpose", MARKETING, "--json", home=home).out)["rows"]
    assert {row["status"]: row["people"] for row in now} == {
        "granted": 4, "denied": 1, "withdrawn": 1, "no_consent_known": 1,
    }  # fmt: skip
    rows = clew("policy", "state", "--purpose", MARKETING, "--people", home=home).out.splitlines()
    assert len(rows) == 1 + 7
    small.change(
        "identity.history", lambda rows: [row | {"true_from": row["true_from"].replace(day=1)} for row in rows]
    )
    small.release()
    then = json.loads(clew("policy", "state", "--as-of", "2017-12-05", "--purpose", MARKETING, "--json", home=home).out)
    assert {row["status"]: row["people"] for row in then["rows"]} == {"granted": 2, "denied": 1, "no_consent_known": 4}


def test_diff_counts_whom_another_policy_lets_out_before_it_is_taken(small: Any, clew: Any, tmp_path: Path) -> None:
    small.release()
    text = (small.lake.settings.contracts / "consent" / "purposes.yml").read_text(encoding="utf-8")
    version = small.lake.contracts.policy.version
    file = tmp_path / "new.yml"
    file.write_text(
        text.replace(f"version: {version}", "version: 9-0-0").replace("days: 1095", "days: 20"), encoding="utf-8"
    )
    told = json.loads(clew("policy", "diff", "--policy", str(file), "--json", home=small.lake.settings.home).out)
    assert (told["before"], told["after"]) == (version, "9-0-0")
    counts = {part["name"]: (part["lets_in"], part["lets_out"]) for part in told["purposes"]}
    assert {name: count for name, count in counts.items() if any(count)} == {MARKETING: (0, 4)}
    (because,) = next(part for part in told["purposes"] if part["name"] == MARKETING)["because"]
    assert (because["before"], because["after"], because["people"]) == ("granted", "expired", 4)
    exports = {part["name"]: (part["lets_in"], part["lets_out"]) for part in told["destinations"]}
    assert exports == {"ad_platform": (0, 0), "email_tool": (0, 1)}
    assert taken(small.lake) == [], "nothing was taken"


def test_check_runs_the_cases_and_refuses_a_version_that_was_another(small: Any, clew: Any, tmp_path: Path) -> None:
    home = small.lake.settings.home
    ran = clew("policy", "check", home=home)
    assert (ran.code, "cases hold" in ran.out) == (0, True)
    take(small.lake, small.run)
    text = (small.lake.settings.contracts / "consent" / "purposes.yml").read_text(encoding="utf-8")
    file = tmp_path / "new.yml"
    file.write_text(text.replace("coupons and prices", "coupons"), encoding="utf-8")
    ran = clew("policy", "check", "--policy", str(file), home=home)
    assert ran.code == 2
    assert "was changed and is still called" in ran.err
