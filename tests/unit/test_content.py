"""A content hash tells whether two tables say the same, in whatever order, files and versions."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.content import OF_LANDINGS, content, contents, differences
from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests.conftest import at

TABLE = "silver.events"


def test_order_files_and_versions_do_not_matter(small) -> None:
    before = content(small.lake, TABLE)
    rows = small.rows(TABLE)
    random.Random(2).shuffle(rows)
    small.write(TABLE, rows[:5])
    small.lake.append(TABLE, rows[5:])
    assert content(small.lake, TABLE) == before
    assert small.lake.version(TABLE) > 1
    assert before.rows == len(rows)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_any_change_of_a_value_and_any_row_more_or_less_shows(small, data) -> None:
    before, rows = content(small.lake, TABLE), small.rows(TABLE)
    column = data.draw(st.sampled_from(["event_id", "user_id", "occurred_at", "properties", "part"]))
    other = {"occurred_at": at(3), "properties": [("a", "b")], "part": 7}.get(column, "something else")
    place = data.draw(st.integers(0, len(rows) - 1))
    left_out = rows[:place] + rows[place + 1 :]
    changes = [[*rows, rows[place]], left_out, [*left_out, rows[place] | {column: other}]]
    changed = data.draw(st.sampled_from(changes))
    small.write(TABLE, changed)
    assert content(small.lake, TABLE).hash != before.hash
    small.write(TABLE, rows)
    assert content(small.lake, TABLE) == before


def test_the_clock_of_a_run_does_not_count_and_landings_do_unless_left_out(small) -> None:
    before, other = content(small.lake, TABLE), content(small.lake, TABLE, leave_out=OF_LANDINGS)
    small.change(TABLE, lambda rows: [row | {"received_at": at(3)} for row in rows])
    assert content(small.lake, TABLE) == before
    small.change(TABLE, lambda rows: [row | {"landing": 5} for row in rows])
    assert content(small.lake, TABLE) != before
    assert content(small.lake, TABLE, leave_out=OF_LANDINGS) == other


def test_a_map_has_no_order_and_nothing_is_not_an_empty_text(small) -> None:
    def with_properties(*pairs):
        small.change(TABLE, lambda rows: [row | {"properties": list(pairs)} for row in rows])
        return content(small.lake, TABLE).hash

    assert with_properties(("a", "1"), ("b", "2")) == with_properties(("b", "2"), ("a", "1"))
    small.change(TABLE, lambda rows: [row | {"user_id": None} for row in rows])
    nothing = content(small.lake, TABLE).hash
    small.change(TABLE, lambda rows: [row | {"user_id": ""} for row in rows])
    assert content(small.lake, TABLE).hash != nothing


def test_every_table_with_content_is_hashed_and_ops_is_not(small) -> None:
    found = contents(small.lake)
    assert {"bronze.web", "silver.events", "identity.history", "gold.profiles"} <= set(found)
    assert not [table for table in found if table.startswith("ops.")]


def test_differences_name_keys_and_columns_and_never_a_value_that_may_be_personal(small, small_template) -> None:
    other = Lake(Settings(home=small_template))
    small.change("silver.identifiers", lambda rows: [rows[0] | {"events": 9}, *rows[2:]])
    count, found = differences(small.lake, other, "silver.identifiers")
    assert count == len(found) == 2
    changed = next(item for item in found if item.only_in is None)
    assert changed.columns == ("events",)
    assert changed.key["value"] == "(withheld)"
    assert changed.key["record_id"]
    assert [item.only_in for item in found if item.only_in] == ["right"]
    assert "@" not in str(found)
    assert differences(small.lake, other, "silver.events") == (0, [])
