"""A release is what the gates of its run have seen, and nothing else."""

from typing import Any

import pytest

from lakehouse.errors import DataError
from lakehouse.releases import publish_release, release_tables
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


def test_a_run_that_is_repeated_publishes_what_is_new_and_nothing_twice(small: Any) -> None:
    pass_gates(small.lake, small.run)
    assert publish_release(small.lake, small.run)["release"] == 1
    assert publish_release(small.lake, small.run)["release"] == 1
    small.change("silver.events", lambda rows: rows[1:])
    pass_gates(small.lake, small.run)
    assert publish_release(small.lake, small.run)["release"] == 2
    assert {row["release"] for row in small.rows("ops.releases")} == {1, 2}
