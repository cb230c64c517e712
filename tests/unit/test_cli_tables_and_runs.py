"""`clew tables`, `clew runs` and `clew requeue --dry-run`: what they list, as text and as JSON."""

import json
from pathlib import Path


def test_tables_lists_every_table_with_its_release_and_grain(clew, unread: Path) -> None:
    told = json.loads(clew("tables", "--json", home=unread).out)
    tables = {item["table"]: item for item in told["tables"]}
    assert set(told) == {"lake", "tables"}
    assert len(tables) == 21
    profiles = tables["gold.profiles"]
    assert set(profiles) == {"table", "rows", "bytes", "version", "released_version", "changed_at", "grain"}
    assert (profiles["rows"], profiles["version"], profiles["released_version"]) == (2, 1, 0)
    assert profiles["bytes"] > 0
    assert profiles["changed_at"].endswith("Z")
    assert tables["identity.records"]["grain"] == "one row per record"
    assert tables["bronze.web"]["grain"] == "one row per line of a landed file"
    assert tables["bronze.web"]["released_version"] is None


def test_tables_as_text_has_a_line_for_each(clew) -> None:
    lines = clew("tables").out.splitlines()
    assert lines[0].split() == [
        "table",
        "rows",
        "size",
        "version",
        "released",
        "last",
        "change",
        "(UTC)",
        "grain",
    ]
    listed = [line.split()[0] for line in lines[2:]]
    assert listed == [table["table"] for table in json.loads(clew("tables", "--json").out)["tables"]]
    assert "gold.profiles" in listed


def test_runs_shows_the_newest_first_with_the_failure(clew) -> None:
    ran = clew("runs")
    failed, done = ran.out.split("\n\n")
    assert failed.splitlines()[0] == "run-2  as of 2017-12-31  FAILED, no release, 3.5 s"
    assert "1 check of gate silver failed" in failed
    assert done.splitlines()[0] == "run-1  as of 2017-12-30  done, release 1, 3.8 s"


def test_a_step_that_was_tried_again_shows_its_last_try(clew) -> None:
    newest = json.loads(clew("runs", "--json", "--limit", "1").out)["runs"]
    assert len(newest) == 1
    assert set(newest[0]) == {
        "run_id", "as_of", "started_at", "changed_at", "state", "seconds", "release", "steps",
    }  # fmt: skip
    assert newest[0]["steps"][0] == {
        "step": "land",
        "state": "done",
        "seconds": 2.0,
        "rows": 30,
        "tries": 2,
        "message": "",
    }


def test_a_limit_below_one_is_refused(clew) -> None:
    ran = clew("runs", "--limit", "0")
    assert ran.code == 2
    assert "invalid value for '--limit'" in ran.err


def test_a_dry_requeue_counts_by_source_and_reason(clew) -> None:
    told = json.loads(clew("requeue", "--dry-run", "--json").out)
    assert told == {
        "dry_run": True,
        "messages": 2,
        "reasons": [
            {"source": "web", "reason": "missing_field", "messages": 1},
            {"source": "web", "reason": "unknown_event", "messages": 1},
        ],
        "counts": None,
    }


def test_a_dry_requeue_of_one_reason_selects_only_that(clew) -> None:
    ran = clew("requeue", "--dry-run", "--reason", "unknown_event")
    assert ran.out.splitlines()[2].split() == ["web", "unknown_event", "1"]
    assert "1 message would go again" in ran.err


def test_a_requeue_that_selects_nothing_starts_nothing(clew) -> None:
    ran = clew("requeue", "--reason", "no_such_reason")
    assert ran.code == 0
    assert "nothing is quarantined that this selects; there is: web missing_field, web unknown_event" in ran.err
    assert ran.out == ""


def test_a_requeue_of_a_source_that_nobody_declared_is_refused(clew) -> None:
    ran = clew("requeue", "--source", "wbe", "--dry-run")
    assert ran.code == 2
    assert "use one of: web" in ran.err
