"""`clew identity`: what a steward decides, lists and takes back."""

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def own(workspace: Path, tmp_path: Path) -> Path:
    """A workspace that a test may change."""
    return Path(shutil.copytree(workspace, tmp_path / "own"))


def test_decisions_are_listed_with_author_reason_and_whether_they_stand(clew) -> None:
    lines = clew("identity", "decisions").out.splitlines()
    assert lines[0].split() == ["decision", "decided", "author", "what", "until", "state", "reason"]
    said = lines[2].split(maxsplit=7)[3:]
    assert said == ["unlink", "account:u1", "anonymous:a9", "stands", "two people on one tablet"]


def test_a_decision_is_made_by_record_or_identifier_and_taken_back(clew, own, monkeypatch) -> None:
    monkeypatch.setenv("CLEW_AUTHOR", "kim")
    ran = clew("identity", "undo", "1", "--reason", "erred", "--json", home=own)
    assert (ran.code, json.loads(ran.out)["undoes"], json.loads(ran.out)["author"]) == (0, 1, "kim")
    said = ("--reason", "said so", "--until", "2018-06-30")
    ran = clew("identity", "link", "email:ANA@example.org", "anonymous:a9", *said, home=own)
    assert ran.code == 0
    assert ran.out.startswith("decision 3 (kim, ")
    assert ran.out.endswith("): link account:u1 anonymous:a9 until 2018-06-30\n")
    listed = json.loads(clew("identity", "decisions", "--json", home=own).out)
    assert [(item["decision"], item["state"]) for item in listed] == [(1, "undone"), (2, "stands"), (3, "stands")]


def test_two_profiles_are_told_apart_by_their_ids_a_retired_one_too(clew, own) -> None:
    ran = clew("identity", "unlink", "p-old", "p-ana", "--reason", "two sisters", "--json", home=own)
    made = json.loads(ran.out)
    assert (made["left_record"], made["right_record"]) == ("account:u1", "crm:7")


def test_changes_lists_what_each_run_changed(clew) -> None:
    head, _, row = clew("identity", "changes").out.splitlines()
    assert [name.strip() for name in head.split("  ") if name] == [
        "run id", "as of", "records", "records new", "records gone", "profiles", "merges", "splits", "redirects",
        "records churned", "id churn",
    ]  # fmt: skip
    assert row.split() == ["run-1", "2017-12-30", "3", "0", "0", "2", "1", "0", "1", "0", "0"]
    assert clew("identity", "changes", "--limit", "0").code == 2


def test_a_contradiction_ends_with_2_and_names_both_decisions(clew, own) -> None:
    ran = clew("identity", "link", "anonymous:a9", "account:u1", "--reason", "no idea", home=own)
    assert ran.code == 2
    assert "contradict each other: decision 1 (sam, 2017-12-31): unlink account:u1 anonymous:a9; " in ran.err
    assert "link account:u1 anonymous:a9" in ran.err


def test_nobody_is_linked_who_is_not_there_and_no_value_is_repeated(clew, own) -> None:
    ran = clew("identity", "link", "email:nobody@example.org", "crm:7", "--reason", "x", home=own)
    assert ran.code == 1
    assert "no record holds this email" in ran.err
    assert "nobody" not in ran.err


def test_a_decision_needs_a_reason(clew, own) -> None:
    assert clew("identity", "link", "crm:7", "account:u1", home=own).code == 2
