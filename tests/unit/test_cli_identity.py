"""`clew identity`: what a steward decides, lists, takes back and answers; how right links are; what rules change."""

import datetime as dt
import json
import re
import shutil
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts import HERE
from identity.diff import Example
from lakehouse.lake import Lake
from lakehouse.settings import Settings

NOW = dt.datetime(2017, 12, 31, tzinfo=dt.UTC)
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


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
    assert "this one, link account:u1 anonymous:a9" in ran.err


def test_a_reason_that_reads_as_an_answer_to_a_review_is_refused(clew, own) -> None:
    ran = clew("identity", "link", "crm:7", "account:u1", "--reason", "review of a random sample: same", home=own)
    assert (ran.code, "so begin the reasons of answers to a review" in ran.err) == (2, True)


def test_an_identifier_of_two_profiles_names_nobody_to_decide_about(clew, own) -> None:
    lake = Lake(Settings(home=own))
    lake.append("identity.identifiers", [
        {"record_id": "anonymous:a9", "identifier": "email", "value": "ana@example.org", "raw_value": "ana@example.org",
         "is_usable": True, "reason": None, "first_seen": NOW, "last_seen": NOW}
    ])  # fmt: skip
    ran = clew("identity", "link", "email:ana@example.org", "crm:7", "--reason", "x", home=own)
    assert ran.code == 2
    assert "2 profiles hold this email" in ran.err
    assert "anonymous:a9" in ran.err
    assert "ana@" not in ran.err


def test_an_identifier_of_a_record_without_a_profile_names_nobody_to_decide_about(clew, own) -> None:
    """The run that read it died before it said whose it is; it may be a third person's."""
    lake = Lake(Settings(home=own))
    lake.append("identity.identifiers", [
        {"record_id": "crm:new", "identifier": "email", "value": "ana@example.org", "raw_value": "ana@example.org",
         "is_usable": True, "reason": None, "first_seen": NOW, "last_seen": NOW}
    ])  # fmt: skip
    ran = clew("identity", "link", "email:ana@example.org", "crm:7", "--reason", "x", home=own)
    assert (ran.code, "the record has no profile yet" in ran.err, "crm:new" in ran.err) == (1, True, True)


def test_nobody_is_linked_who_is_not_there_and_no_value_is_repeated(clew, own) -> None:
    ran = clew("identity", "link", "email:nobody@example.org", "crm:7", "--reason", "x", home=own)
    assert ran.code == 1
    assert "no record holds this email" in ran.err
    assert "nobody" not in ran.err


def test_a_reason_that_names_the_person_is_refused(clew, own) -> None:
    """It would be kept for ever."""
    ran = clew("identity", "link", "crm:7", "account:u1", "--reason", "she wrote from ANA@example.org", home=own)
    assert (ran.code, "the reason holds a name or a value of the person" in ran.err) == (2, True)
    assert "ANA" not in ran.err


def test_a_decision_needs_a_reason(clew, own) -> None:
    assert clew("identity", "link", "crm:7", "account:u1", home=own).code == 2


def answer(folder: Path, *lines: str) -> str:
    file = folder / "answers.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(file)


def says(word: str, left: str = "crm:7", right: str = "crm:8") -> str:
    return json.dumps({"left_record": left, "right_record": right, "answer": word})


def test_without_a_terminal_the_questions_are_listed_and_no_value_is_shown(clew) -> None:
    ran = clew("identity", "review", "--json", "--limit", "1")
    listed = json.loads(ran.out)
    assert (ran.code, listed["waiting"]) == (0, 1)
    assert listed["questions"][0]["fields"] == {"first_name": "alike"}
    assert "ana" not in ran.out.replace("p-ana", "")
    assert clew("identity", "review").code == 2
    assert "there is no terminal to ask on" in clew("identity", "review").err


def test_answers_given_elsewhere_become_decisions_and_the_question_is_gone(clew, own, monkeypatch) -> None:
    monkeypatch.setenv("CLEW_AUTHOR", "kim")
    ran = clew("identity", "review", "--answers", answer(own, says("y")), "--json", home=own)
    (made,) = json.loads(ran.out)["decisions"]
    assert (ran.code, made["action"], made["author"], made["reason"]) == (0, "link", "kim", "review: match weight 6.00")
    assert "1 yes, 0 no, 0 skipped" in ran.err
    assert json.loads(clew("identity", "review", "--json", home=own).out) == {"waiting": 0, "questions": []}


def test_a_refused_answer_ends_with_1_and_the_others_are_applied(clew, own) -> None:
    lines = (says("y", "account:u1", "anonymous:a9"), says("skip"), says("n"), says("n", "crm:7", "loyalty:1"))
    ran = clew("identity", "review", "--answers", answer(own, *lines), "--json", home=own)
    told = json.loads(ran.out)
    assert (ran.code, told["skipped"], len(told["decisions"])) == (1, 1, 1)
    assert [item["what"].split(":")[0] for item in told["refused"]] == [
        "these decisions contradict each other",
        "the model did not weigh this pair",
    ]
    assert "0 yes, 1 no, 1 skipped, 2 refused" in ran.err


def test_a_line_that_is_no_answer_is_refused_before_any_is_applied(clew, own) -> None:
    ran = clew("identity", "review", "--answers", answer(own, says("y"), says("maybe")), home=own)
    assert ran.code == 2
    assert "answers.jsonl, line 2" in ran.err
    assert json.loads(clew("identity", "review", "--json", home=own).out)["waiting"] == 1
    assert clew("identity", "review", "--answers", str(own / "none"), home=own).code == 2


def test_a_random_sample_asks_about_linked_pairs_too_and_not_about_what_was_decided(clew) -> None:
    listed = json.loads(clew("identity", "review", "--sample", "5", "--json").out)
    drawn = {(item["left_record"], item["right_record"]) for item in listed["questions"]}
    assert drawn == {("account:u1", "crm:7"), ("crm:7", "crm:8")}


def test_quality_without_labels_says_so_and_how_to_label_and_shows_no_number(clew) -> None:
    ran = clew("identity", "quality")
    assert ran.code == 0
    assert "nothing is labelled yet" in ran.err
    assert "clew identity review --sample" in ran.err
    rates = [line for line in ran.out.splitlines() if line.startswith(("precision", "recall"))]
    assert [line.split()[1] for line in rates] == ["unknown", "unknown"]
    told = json.loads(clew("identity", "quality", "--json").out)
    assert (told["labels"], told["precision"]["estimate"], told["recall"]["high"]) == (0, None, None)
    assert told["missing"][0] == "0 labels in all, at least 30 are needed"


def test_quality_says_plainly_that_labels_are_too_few(clew, own) -> None:
    assert clew("identity", "review", "--answers", answer(own, says("y")), home=own).code == 0
    ran = clew("identity", "quality", home=own)
    assert ran.code == 0
    assert "too few labels: 1 labels in all, at least 30 are needed" in ran.err
    assert "clew identity review --sample" in ran.err
    assert "recall" in ran.out
    assert "unknown" not in ran.out


def test_a_diff_needs_something_to_compare_with_and_names_what_is_wrong_in_it(clew, tmp_path) -> None:
    assert clew("identity", "diff").code == 2
    assert clew("identity", "diff", "--rules", str(tmp_path / "none.yml")).code == 2
    text = (HERE / "identity.yml").read_text(encoding="utf-8")
    wrong = tmp_path / "new.yml"
    wrong.write_text(text.replace("    priority: 6", "    priority: 7"), encoding="utf-8")
    ran = clew("identity", "diff", "--rules", str(wrong))
    assert ran.code == 2
    assert "email and phone have the same priority 7" in ran.err


def test_a_diff_of_the_model_in_use_changes_nothing(clew, silver) -> None:
    ran = clew("identity", "diff", "--model", "customers-1", "--json", home=silver)
    told = json.loads(ran.out)
    assert (ran.code, told["records"], told["merges"], told["splits"], told["examples"]) == (0, 2, 0, 0, [])
    (shown,) = re.findall(r"`identity diff --json`:\n\n```json\n(.+?)\n```", REFERENCE.read_text(), re.DOTALL)
    assert set(told) == set(json.loads(shown))
    assert set(told["edges"][0]) == set(json.loads(shown)["edges"][0])
    assert {field.name for field in fields(Example)} == set(json.loads(shown)["examples"][0])
    assert "nothing was written" in ran.err


def test_a_diff_in_text_names_the_edge_and_its_state_on_both_sides(clew, silver, tmp_path) -> None:
    text = (HERE / "identity.yml").read_text(encoding="utf-8")
    added = "      - {value: ana@example.org, why: the mailbox of an office}\n"
    new = tmp_path / "new.yml"
    new.write_text(
        text.replace("      - {value: test@test.com", added + "      - {value: test@test.com"), encoding="utf-8"
    )
    ran = clew("identity", "diff", "--rules", str(new), home=silver)
    assert ran.code == 0
    assert "split: 2 profiles, 2 records come of p_" in ran.out
    assert "   in use: linked\n   new:    not there: blocked_value: the mailbox of an office\n" in ran.out
    assert "ana@example.org" not in ran.out + ran.err


def test_a_model_is_not_trained_on_too_few_people_and_not_forced_without_a_reason(clew, silver) -> None:
    ran = clew("identity", "train", home=silver)
    assert ran.code == 1
    assert "too few to train on" in ran.err
    assert not (silver / "models").exists()
    ran = clew("identity", "train", "--force", home=silver)
    assert ran.code == 2
    assert "--force and --reason go together" in ran.err
    assert clew("identity", "train", "--name", "../x", home=silver).code == 2


def test_profiles_are_measured_against_a_truth_and_not_without_one(clew, own) -> None:
    ran = clew("identity", "evaluate", home=own)
    assert ran.code == 2
    assert "there is no truth here" in ran.err
    records = Lake(Settings(home=own)).arrow("identity.assignments")["record_id"].to_pylist()
    truth = own / "truth"
    truth.mkdir()
    same = {"record_id": records, "person_id": ["ana"] * len(records), "is_shared": [False] * len(records)}
    pq.write_table(pa.table(same), truth / "records.parquet")
    groups = {"person_id": ["ana"], "dimension": ["age band"], "value": ["35-44"]}
    pq.write_table(pa.table(groups), truth / "groups.parquet")
    told = json.loads(clew("identity", "evaluate", "--json", home=own).out)
    pairs = len(records) * (len(records) - 1) // 2
    assert (told["people"], told["true_pairs"], told["precision"]) == (1, pairs, 1.0)
    assert told["recall"] < 1
    assert sum(item["pairs"] for item in told["missed"]) == told["true_pairs"] - told["right_pairs"]
    assert {group["dimension"] for group in told["groups"]} == {"source", "age band"}
    assert "recall within reach" in clew("identity", "evaluate", home=own).out


@pytest.fixture
def silver(tmp_path: Path) -> Path:
    """A workspace of two records with one mailbox."""
    home = tmp_path / "silver"
    lake = Lake(Settings(home=home))
    lake.ensure_tables()
    seen = dt.datetime(2017, 12, 1, tzinfo=dt.UTC)
    common = {"source": "web", "landing": 1, "position": 1}
    event = common | {"channel": "web", "type": "track", "event": "page_viewed", "occurred_at": seen,
                      "received_at": seen, "properties": [], "traits": [], "context": [], "content_hash": 1,
                      "part": 0, "contract_version": "1-0-0"}  # fmt: skip
    held = {"source": "web", "landing": 1, "identifier": "email", "value": "ana@example.org", "first_seen": seen,
            "last_seen": seen, "events": 1, "first_position": 1}  # fmt: skip
    records = ("mailbox:1", "mailbox:2")
    lake.overwrite(
        "silver.events", [event | {"record_id": r, "event_id": f"web:{r}", "message_id": r} for r in records]
    )
    lake.overwrite("silver.identifiers", [held | {"record_id": record} for record in records])
    return home
