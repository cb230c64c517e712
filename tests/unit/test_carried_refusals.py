"""A no stays a no for who said it, also when their records are taken apart or others use their browser."""

import datetime as dt
from typing import Any

import pytest

from activation.export import export_all
from activation.withdrawals import retract
from contracts.permission import Moment
from lakehouse.consent import state_sql
from tests.conftest import at, profile_id
from tests.unit.test_policy_over_a_lake import profile_of
from tests.unit.test_withdrawals import open_gate

ACCOUNT, BROWSER = "account:ann", "anonymous:ann"


def say(small: Any, record: str, status: str, day: int, **more: Any) -> str:
    """A statement on marketing, by a record, in December; Ann's account said yes on the 9th."""
    row = small.rows("silver.consents")[0]
    event = f"consent:x{len(small.rows('silver.consents'))}"
    said = {"event_id": event, "record_id": record, "purpose": "email_marketing", "status": status,
            "given_at": at(day), "received_at": at(day), "topic": None, "until_at": None, **more}  # fmt: skip
    small.change("silver.consents", lambda rows: [*rows, row | said])
    return event


def state(small: Any, record: str, day: int = 30) -> tuple[str, str | None]:
    """Status and event of the profile of a record, for marketing, on a day of December."""
    sql = state_sql(small.lake.contracts.policy, Moment(at(day).date(), heeds_later_refusals=True))
    with small.lake.duck() as connection:
        found = connection.execute(
            f"SELECT status, event_id FROM ({sql}) WHERE purpose = 'email_marketing' AND profile_id = $who",
            {"who": profile_of(small, record)},
        ).fetchall()
    (row,) = found
    return (str(row[0]), row[1])


def stand_alone(small: Any, **refused_by: str) -> None:
    """The browser is a profile of its own, as her account is; each kept apart by an event, if it is named."""

    def apart(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["record_id"] == BROWSER:
                row |= {"profile_id": profile_id("browser"), "refused_by": refused_by.get("browser")}
            if row["record_id"] == ACCOUNT:
                row["refused_by"] = refused_by.get("account")

    small.change("identity.assignments", apart)


def log_in(small: Any, *spells: tuple[str, int, int | None]) -> None:
    """Who logged in in the browser, from which day of December to which."""
    small.lake.append(
        "identity.stitches",
        [
            {"record_id": BROWSER, "since": at(since), "until": None if until is None else at(until),
             "account_record": account, "kind": "inferred", "probability": 0.9, "evidence": "{}"}
            for account, since, until in spells
        ],
    )  # fmt: skip


def test_a_no_in_a_browser_holds_when_the_person_refuses_that_their_records_are_put_together(small: Any) -> None:
    assert state(small, ACCOUNT) == ("granted", "consent:m1")
    no = say(small, BROWSER, "withdrawn", 12)
    stand_alone(small, account="consent:r1", browser="consent:r1")
    assert state(small, ACCOUNT) == ("withdrawn", no)
    yes = say(small, ACCOUNT, "granted", 14)  # of its own, later
    assert state(small, ACCOUNT) == ("granted", yes)
    assert state(small, BROWSER) == ("withdrawn", no)


def test_two_records_that_refused_each_for_itself_share_their_no_by_the_link_that_was_refused(small: Any) -> None:
    no = say(small, BROWSER, "withdrawn", 12)
    stand_alone(small, account="consent:r1", browser="consent:r2")
    assert state(small, ACCOUNT) == ("granted", "consent:m1")  # nothing says that they are one person
    edge = {"left_record": ACCOUNT, "right_record": BROWSER, "kind": "inferred", "rule": "anonymous_id",
            "match_weight": 5.0, "probability": 0.95, "evidence": "{}", "model_version": "rules", "state": "blocked",
            "reason": "consent_refused: event consent:r1", "since": at(9)}  # fmt: skip
    small.lake.append("identity.edges", [edge])
    assert state(small, ACCOUNT) == ("withdrawn", no)


def test_a_yes_is_not_carried_and_a_no_that_was_taken_back_neither(small: Any) -> None:
    say(small, BROWSER, "withdrawn", 12)
    say(small, BROWSER, "granted", 13)
    say(small, ACCOUNT, "withdrawn", 10)
    stand_alone(small, account="consent:r1", browser="consent:r1")
    assert state(small, ACCOUNT)[0] == "withdrawn"  # its own
    assert state(small, BROWSER)[0] == "granted"  # its own, after what the account said


def test_what_its_record_says_after_a_day_does_not_lift_a_no_on_that_day(small: Any) -> None:
    no = say(small, BROWSER, "withdrawn", 12)
    say(small, BROWSER, "granted", 14)
    stand_alone(small, account="consent:r1", browser="consent:r1")
    assert state(small, ACCOUNT, day=13) == ("withdrawn", no)
    assert state(small, ACCOUNT, day=14) == ("granted", "consent:m1")


def test_a_yes_whose_clock_is_ahead_does_not_lift_a_no_that_came_after_it(small: Any) -> None:
    no = say(small, BROWSER, "withdrawn", 12)
    say(small, BROWSER, "granted", 13, received_at=at(11))
    stand_alone(small, account="consent:r1", browser="consent:r1")
    assert state(small, ACCOUNT) == ("withdrawn", no)


@pytest.mark.parametrize(
    ("day", "anns", "eves"),
    [(10, "withdrawn", "granted"), (12, "withdrawn", "granted"), (20, "granted", "withdrawn")],
)
def test_a_no_in_a_shared_browser_is_of_the_account_that_had_logged_in_or_the_first(
    day: int, anns: str, eves: str, small: Any
) -> None:
    say(small, BROWSER, "withdrawn", day)
    stand_alone(small)
    log_in(small, (ACCOUNT, 11, 15), ("account:eve", 15, None))
    assert (state(small, ACCOUNT)[0], state(small, "account:eve")[0]) == (anns, eves)


def test_a_no_in_a_shared_browser_is_retracted_by_the_hour(small: Any) -> None:
    stand_alone(small)
    log_in(small, (ACCOUNT, 5, 15), ("account:eve", 15, None))
    small.release()
    export_all(small.lake, small.run, open_gate)
    assert retract(small.lake, small.run)["email_tool"] == 0
    say(small, BROWSER, "withdrawn", 12, received_at=dt.datetime.now(dt.UTC))
    assert retract(small.lake, small.run)["email_tool"] == 1


def test_a_no_in_a_shared_browser_that_the_release_does_not_know_keeps_the_account_out_of_its_export(
    small: Any,
) -> None:
    stand_alone(small)
    log_in(small, (ACCOUNT, 5, 15), ("account:eve", 15, None))
    small.release()
    say(small, BROWSER, "withdrawn", 12, received_at=dt.datetime.now(dt.UTC))
    export_all(small.lake, small.run, open_gate)
    exported = (small.lake.settings.exports / "email_tool" / "000001" / "data.csv").read_text(encoding="utf-8")
    assert profile_of(small, "account:ann") not in exported
    assert "retracted" in (small.lake.settings.exports / "email_tool" / "000001" / "manifest.json").read_text()
