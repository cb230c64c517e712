"""Silver is the same in any batching, after any death, and after a requeue what a rebuild would give."""

import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import Contracts
from lakehouse.run import Run
from spark_jobs.bronze.land import land
from spark_jobs.silver import conform as conforming
from spark_jobs.silver import requeue as requeuing
from spark_jobs.silver.conform import reopen
from spark_jobs.silver.requeue import requeue
from tests.spark.conftest import copy_contracts
from tests.spark.pipeline import content, put, rows, run, view


def test_a_run_that_died_after_the_first_table_is_run_again_with_the_same_result(web_lake, monkeypatch) -> None:
    lake = web_lake
    put(lake, "web/a.jsonl", view("m1"), view("m1"), "broken")
    run(lake, "r1")
    put(lake, "web/b.jsonl", view("m1"), view("m2"), "{")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(conforming.route, "duplicates", dies)  # silver.events is written by then
        with pytest.raises(KeyboardInterrupt):
            run(lake, "r2")
    assert ("web:m2",) in rows(lake, "silver.events", "event_id")
    assert run(lake, "r2") == {"lines": 3, "kept": 1, "duplicates": 1, "quarantined": 1}
    assert rows(lake, "silver.events", "event_id") == [("web:m1",), ("web:m2",)]
    before = content(lake)
    reopen(lake, 1)
    assert run(lake, "r3") == {"lines": 6, "kept": 2, "duplicates": 2, "quarantined": 2}
    assert content(lake) == before
    assert run(lake, "r2") == {"lines": 0, "kept": 0, "duplicates": 0, "quarantined": 0}
    assert rows(lake, "silver.events", "event_id") == [("web:m1",), ("web:m2",)]


def test_a_requeue_does_not_pass_off_a_landing_as_conformed(web_lake) -> None:
    lake = web_lake
    this = Run("r1", datetime.date(2017, 12, 30))
    put(lake, "web/a.jsonl", view("m1"))
    land(lake, this)
    requeue(lake, this)
    assert run(lake, "r2")["kept"] == 1


def test_requeue_lets_in_what_a_mended_contract_allows_and_the_first_that_landed_wins(
    web_lake, tmp_path, monkeypatch
) -> None:
    lake = web_lake
    mended = copy_contracts(tmp_path / "contracts", "web")
    early = view("m1") | {"event": "Product Admired"}
    put(lake, "web/a.jsonl", early, view("m2") | {"event": "Nobody Knows"})
    run(lake, "r1")
    put(lake, "web/b.jsonl", view("m1"), view("m3"))
    run(lake, "r2")
    file = mended / "events" / "digital" / "product_viewed.yml"
    file.write_text(
        file.read_text().replace("sources: [web, app]", "sources: [web, app]\nalso_called: [product_admired]")
    )
    lake.contracts = Contracts(mended)
    this = Run("r3", datetime.date(2017, 12, 30))
    replace = requeuing._replace

    def dies_after_the_first_table(lake, table, *rest):
        if table != "silver.events":
            raise KeyboardInterrupt
        replace(lake, table, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(requeuing, "_replace", dies_after_the_first_table)
        with pytest.raises(KeyboardInterrupt):
            requeue(lake, this, reason="unknown_event")  # m1 of the second landing is in no table now
    assert requeue(lake, this, reason="unknown_event") == {
        "selected": 2, "kept": 1, "duplicates": 0, "quarantined": 1, "headers": 0,
    }  # fmt: skip
    assert rows(lake, "silver.events", "event_id", "position", "landing") == [("web:m1", 1, 1), ("web:m3", 4, 2)]
    assert rows(lake, "silver.duplicates", "event_id", "position", "first_position") == [("web:m1", 3, 1)]
    after = content(lake)
    assert requeue(lake, this, reason="unknown_event")["kept"] == 0
    assert content(lake) == after
    for name in ("silver.events", "silver.duplicates", "silver.quarantine", "ops.row_counts"):
        lake.overwrite(name, lake.arrow(name).slice(0, 0))
    run(lake, "r4")  # a rebuild with the mended contracts
    assert content(lake) == after


MESSAGES = st.lists(
    st.sampled_from(
        [view("m1"), view("m1", product="2"), view("m2"), view("m3"), "{", {"batch": [view("m1"), view("m4")]}]
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(batches=st.lists(MESSAGES, min_size=2, max_size=2))
def test_any_batching_gives_the_same_silver(make_lake, batches) -> None:
    """Lines in the same order of landing: conformed landing by landing, or all at once."""
    by_landing, at_once = make_lake("web"), make_lake("web")
    for number, batch in enumerate(batches):
        for lake in (by_landing, at_once):
            put(lake, f"web/{number}.jsonl", *batch)
        run(by_landing, f"r{number}")
    run(at_once, "r")
    assert content(by_landing) == content(at_once)
    for lake in (by_landing, at_once):
        for row in lake.arrow("ops.row_counts").to_pylist():
            account = row["headers"] + row["kept"] + row["duplicates"] + row["quarantined"] + row["erased"]
            assert row["lines"] + row["unpacked"] == account
