"""A release is what the gates of its run have seen, and nothing else."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from identity.decisions import decide, undo
from lakehouse.errors import DataError
from lakehouse.releases import latest_release, publish_release, release_tables
from lakehouse.run import Run
from tests.gates import pass_gates


def test_a_table_that_passed_no_gate_in_this_run_is_not_released(small: Any) -> None:
    pass_gates(small.lake, Run("another", small.run.as_of))
    pass_gates(small.lake, small.run, "silver", "identity")
    with pytest.raises(DataError, match=r"gold\.\w+ has passed no gate in this run"):
        publish_release(small.lake, small.run)


def test_a_table_that_changed_after_its_gate_is_not_released(small: Any) -> None:
    pass_gates(small.lake, small.run)
    small.change("silver.events", lambda rows: rows[1:])
    with pytest.raises(DataError, match=r"silver\.events changed between its gate \(version \d+\) and the release"):
        publish_release(small.lake, small.run)
    pass_gates(small.lake, small.run, "silver")
    assert publish_release(small.lake, small.run)["release"] == 1


def test_a_table_that_was_only_compacted_after_its_gate_is_released(small: Any) -> None:
    small.lake.append("identity.assignments", small.rows("identity.assignments")[:1])
    pass_gates(small.lake, small.run)
    version = small.lake.version("identity.assignments")
    small.lake.delta("identity.assignments").optimize.compact()
    publish_release(small.lake, small.run)
    assert release_tables(small.lake, 1)["identity.assignments"] == version + 1


def test_a_change_that_the_log_tells_no_more_is_not_taken_for_maintenance(small: Any) -> None:
    pass_gates(small.lake, small.run)
    small.change("silver.events", lambda rows: rows[1:])
    small.lake.delta("silver.events").alter.set_table_properties({"delta.logRetentionDuration": "interval 1 days"})
    table = small.lake.delta("silver.events")
    table.create_checkpoint()
    for commit in sorted(Path(small.lake.path("silver.events"), "_delta_log").glob("*.json"))[:-1]:
        commit.unlink()
    with pytest.raises(DataError, match=r"silver\.events changed between its gate"):
        publish_release(small.lake, small.run)


def test_a_decision_made_while_a_run_is_under_way_stops_nothing_and_waits_for_the_next_release(small: Any) -> None:
    now = {"author": "ann", "at": datetime.datetime(2018, 1, 2, tzinfo=datetime.UTC), "as_of": small.run.as_of}
    decide(small.lake, "link", ("account:ann", "crm:ben"), reason="looked", **now)
    pass_gates(small.lake, small.run)
    gated = small.lake.version("identity.decisions")
    undo(small.lake, 1, reason="erred", author=now["author"], at=now["at"])
    publish_release(small.lake, small.run)
    assert release_tables(small.lake, 1)["identity.decisions"] == gated
    assert publish_release(small.lake, small.run)["release"] == 1


def test_a_run_that_is_repeated_publishes_what_is_new_and_nothing_twice(small: Any) -> None:
    pass_gates(small.lake, small.run)
    assert publish_release(small.lake, small.run)["release"] == 1
    assert publish_release(small.lake, small.run)["release"] == 1
    small.change("silver.events", lambda rows: rows[1:])
    pass_gates(small.lake, small.run)
    assert publish_release(small.lake, small.run)["release"] == 2
    assert {row["release"] for row in small.rows("ops.releases")} == {1, 2}


def test_a_past_day_that_is_run_again_is_released_but_does_not_become_the_latest(small: Any) -> None:
    day_before = Run("backfill", small.run.as_of - datetime.timedelta(days=1))
    for run, release, latest in ((small.run, 1, 1), (day_before, 2, 1), (Run("again", small.run.as_of), 3, 3)):
        pass_gates(small.lake, run)
        assert publish_release(small.lake, run)["release"] == release
        assert latest_release(small.lake) == latest
    messages = {row["run_id"]: row["message"] for row in small.rows("ops.runs") if row["state"] == "done"}
    assert messages["backfill"] == "release 2; the latest is still release 1, of a later date"
    assert messages["again"] == "release 3"
