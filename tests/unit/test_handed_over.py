"""`clew policy explain PERSON PURPOSE DESTINATION`: what was handed over is read, and what would be is told apart."""

import json
import shutil
from typing import Any

import pytest

from activation.export import export_all, folder
from activation.withdrawals import retract
from tests.conftest import profile_id
from tests.unit.test_export import open_gate
from tests.unit.test_withdrawals import says

MARKETING, TOOL = "email_marketing", "email_tool"


@pytest.fixture
def given(small: Any) -> Any:
    """Ann is in the export of release 1, as she allowed."""
    small.release()
    export_all(small.lake, small.run, open_gate)
    return small


def explained(small: Any, clew: Any, *more: str) -> tuple[dict[str, Any], str]:
    """What is told of Ann and the e-mail tool, for programs and on the screen."""
    asked, home = ("policy", "explain", "account:ann", MARKETING, TOOL, *more), small.lake.settings.home
    return json.loads(clew(*asked, "--json", home=home).out)["destination"], clew(*asked, home=home).out


def test_who_withdrew_since_was_handed_over_and_would_be_no_more(given: Any, clew: Any) -> None:
    says(given, "account:ann", "withdrawn")
    told, screen = explained(given, clew)
    (row,) = told["handed_over"]
    assert (row["release"], row["profile_id"], row["retracted"]) == (1, profile_id("ann"), None)
    assert f"{TOOL}: handed over, with release 1 (" in screen
    assert "UTC), and not retracted since\n" in screen
    assert (told["now"]["would_be_handed_over"], told["now"]["reason"]) == (False, "retracted")
    assert "by what is known now, release 1 (as of 2017-12-30): would not be handed over: they said no" in screen


def test_a_retraction_since_is_told_with_its_number_and_cause(given: Any, clew: Any) -> None:
    says(given, "account:ann", "withdrawn")
    retract(given.lake, given.run)
    told, screen = explained(given, clew)
    assert (told["handed_over"][0]["retracted"]["number"], told["handed_over"][0]["retracted"]["reason"]) == (
        1,
        "withdrawn",
    )
    assert "and retracted since, with retraction 1: the person took back their yes\n" in screen


def test_without_a_file_nobody_was_handed_over_though_they_would_be(small: Any, clew: Any) -> None:
    small.release()
    told, screen = explained(small, clew)
    assert (told["handed_over"], told["claimed"], told["now"]["would_be_handed_over"]) == ([], [], True)
    assert f"{TOOL}: not handed over: no export has this person\n" in screen
    assert "would be handed over\n" in screen


def test_what_a_process_that_died_claimed_was_not_handed_over(given: Any, clew: Any) -> None:
    shutil.rmtree(folder(given.lake, TOOL, 1))
    given.change("ops.audit", lambda rows: [row for row in rows if row["subject"] != f"export {TOOL} 1"])
    told, screen = explained(given, clew)
    assert (told["handed_over"], told["claimed"]) == ([], [1])
    assert "not handed over: no export has this person; release 1 was to, and its export was never made\n" in screen


def test_what_was_handed_over_counts_also_where_its_folder_was_taken_away(given: Any, clew: Any) -> None:
    shutil.rmtree(folder(given.lake, TOOL, 1))
    assert [row["release"] for row in explained(given, clew)[0]["handed_over"]] == [1]


def test_a_later_export_without_the_person_is_told(given: Any, clew: Any) -> None:
    given.change("gold.audience_new_joiners", lambda rows: [])
    given.change("gold.profiles", lambda rows: [row for row in rows if row["profile_id"] != profile_id("ann")])
    given.release()
    export_all(given.lake, given.run, open_gate)
    told, screen = explained(given, clew)
    assert (told["handed_over"][0]["release"], told["left_out_since"]) == (1, 2)
    assert "UTC); the export of release 2 does not have them any more\n" in screen


@pytest.mark.parametrize(("asked", "over"), [(("--release", "live"), "live tables"),
                                             (("--as-of", "2017-12-30"), "a past day")])  # fmt: skip
def test_of_live_tables_and_past_days_the_fact_is_told_and_the_rest_is_left_open(
    asked: tuple[str, ...], over: str, given: Any, clew: Any
) -> None:
    told, screen = explained(given, clew, *asked)
    assert [row["release"] for row in told["handed_over"]] == [1]
    assert (told["now"]["would_be_handed_over"], told["now"]["reason"]) == (None, None)
    assert f"what else an export asks is decided over a release, not over {over}\n" in screen
