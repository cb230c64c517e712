"""gold.events: whatever was built before, a build ends in what a rebuild from nothing would give."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from spark_jobs.gold.events import FEW_BUCKETS, attribute_events, build_events
from spark_jobs.gold.since import reassigned, suspects

RUN = Run("run", dt.date(2017, 12, 31))
NOON = dt.datetime(2017, 12, 1, 12, tzinfo=dt.UTC)


def event(event_id: str, record_id: str | None, landing: int = 1, **more: Any) -> dict[str, Any]:
    source, _, message_id = event_id.partition(":")
    return {
        "event_id": event_id, "source": source, "channel": source, "type": "track", "event": "page_viewed",
        "message_id": message_id, "record_id": record_id, "occurred_at": NOON, "received_at": NOON,
        "properties": {"path": "/"}, "traits": {}, "context": {}, "content_hash": 7, "position": 1, "part": 0,
        "landing": landing, "contract_version": "page_viewed 1-0-0", **more,
    }  # fmt: skip


def link(record_id: str, profile_id: str, kind: str = "founder", probability: float = 1.0) -> dict[str, Any]:
    return {
        "record_id": record_id, "profile_id": profile_id, "own_profile_id": f"own of {record_id}", "kind": kind,
        "probability": probability,
        "founder_record_id": record_id, "records": 1,
    }  # fmt: skip


def land(lake: Lake, events: list[dict[str, Any]]) -> None:
    """Make silver.events these events."""
    lake.write_df("silver.events", frame(lake, "silver.events", events))


def frame(lake: Lake, table: str, rows: list[dict[str, Any]]) -> DataFrame:
    declared = lake.contracts.table(table)
    return lake.spark.createDataFrame([[row.get(name) for name in declared.columns] for row in rows], declared.ddl())


def content(df: DataFrame) -> list[str]:
    return sorted(str(sorted(row.asDict().items())) for row in df.collect())


def rebuilt(lake: Lake) -> DataFrame:
    return attribute_events(*(lake.df(name) for name in ("silver.events", "identity.assignments", "identity.stitches")))


def spell(since: int, until: int | None, account: str, record_id: str = "anonymous:x") -> dict[str, Any]:
    """From one hour of the day until another the browser is the account's."""
    return {
        "record_id": record_id, "since": NOON.replace(hour=since), "until": until and NOON.replace(hour=until),
        "account_record": account, "kind": "inferred", "probability": 0.9, "evidence": "{}",
    }  # fmt: skip


def assert_as_rebuilt(lake: Lake) -> None:
    built = content(lake.df("gold.events"))
    assert built, "nothing was built, so nothing was compared"
    assert built == content(rebuilt(lake))


@pytest.fixture(scope="module")
def built_once(make_lake) -> Path:
    """The workspace of a lake with one landing of two sources, built."""
    lake = make_lake()
    land(lake, [event("web:1", "account:a"), event("web:2", "anonymous:x"), event("shop:1", "loyalty:9")])
    lake.overwrite(
        "identity.assignments", [link("account:a", "pa"), link("anonymous:x", "px"), link("loyalty:9", "p9")]
    )
    lake.overwrite("identity.stitches", [])
    build_events(lake, RUN)
    return lake.settings.home


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Lake:
    """A copy of it, to change."""
    shutil.copytree(built_once, tmp_path / "home", symlinks=True)
    return Lake(Settings(home=tmp_path / "home", spark_master="local[2]"))


def test_an_event_gets_the_profile_of_its_record_and_one_without_a_record_none(lake: Lake) -> None:
    events = frame(lake, "silver.events", [event("web:1", "account:a"), event("shop:1", None)])
    assignments = frame(lake, "identity.assignments", [link("account:a", "pa", "deterministic", 0.9)])
    attributed = attribute_events(events, assignments, frame(lake, "identity.stitches", []))
    assert set(attributed.columns) == set(lake.contracts.table("gold.events").columns)
    links = attributed.select("event_id", "profile_id", "link_kind", "link_probability").collect()
    assert sorted(tuple(row) for row in links) == [
        ("shop:1", None, None, None),
        ("web:1", "pa", "deterministic", 0.9),
    ]


def test_a_visit_between_two_log_ins_is_of_the_first_of_them_and_one_before_both_of_neither(lake: Lake) -> None:
    hours = {"before": 7, "at the log-in": 8, "after it": 9, "at the other": 10, "later": 23}
    visits = [event(f"web:{name}", "anonymous:x", occurred_at=NOON.replace(hour=hour)) for name, hour in hours.items()]
    links = [link("anonymous:x", "px"), link("account:a", "pa", "deterministic", 0.99),
             link("account:b", "pb", "probabilistic", 0.8)]  # fmt: skip
    spells = [spell(8, 10, "account:a"), spell(10, None, "account:b")]
    attributed = attribute_events(
        frame(lake, "silver.events", [*visits, event("web:other", "anonymous:y")]),
        frame(lake, "identity.assignments", [*links, link("anonymous:y", "py")]),
        frame(lake, "identity.stitches", spells),
    )
    rows = attributed.select("event_id", "profile_id", "link_kind", "link_probability").collect()
    assert sorted(tuple(row) for row in rows) == [
        ("web:after it", "pa", "inferred", 0.9),
        ("web:at the log-in", "pa", "inferred", 0.9),
        ("web:at the other", "pb", "probabilistic", 0.8),
        ("web:before", "px", "founder", 1.0),
        ("web:later", "pb", "probabilistic", 0.8),
        ("web:other", "py", "founder", 1.0),
    ]


def test_a_spell_that_comes_and_goes_moves_its_visits_and_brings_them_back(built: Lake) -> None:
    before = content(built.df("gold.events"))
    built.overwrite("identity.stitches", [spell(8, None, "account:a")])
    assert build_events(built, RUN) == {"events": 1}
    assert_as_rebuilt(built)
    assert content(built.df("gold.events")) != before
    assert build_events(built, RUN) == {"events": 0}
    built.overwrite("identity.stitches", [])
    build_events(built, RUN)
    assert content(built.df("gold.events")) == before


def test_a_second_build_of_the_same_writes_nothing(built: Lake) -> None:
    version = built.version("gold.events")
    assert build_events(built, RUN) == {"events": 0}
    assert built.version("gold.events") == version
    assert_as_rebuilt(built)


def test_a_new_landing_alone_is_written(built: Lake) -> None:
    old = [event("web:1", "account:a"), event("web:2", "anonymous:x"), event("shop:1", "loyalty:9")]
    land(built, [*old, event("web:3", "account:a", landing=2), event("shop:2", None, landing=2)])
    assert build_events(built, RUN) == {"events": 2}
    assert_as_rebuilt(built)


def test_a_record_that_changed_hands_rewrites_its_events_only_and_is_not_named_in_the_commit(built: Lake) -> None:
    built.overwrite(
        "identity.assignments",
        [link("account:a", "pa"), link("anonymous:x", "pa", "deterministic", 0.99), link("loyalty:9", "p9")],
    )
    assert build_events(built, RUN) == {"events": 1}
    assert_as_rebuilt(built)
    (commit,) = built.delta("gold.events").history(1)
    assert "anonymous" not in str(commit)


def test_many_records_that_changed_hands_rewrite_their_sources_only(built: Lake) -> None:
    records = [f"crm:{number}" for number in range(2 * FEW_BUCKETS)]
    others = [event("web:1", "account:a"), event("shop:1", "loyalty:9")]
    land(built, [*others, *(event(f"crm:{record}", record) for record in records)])
    kept = [link("account:a", "pa"), link("loyalty:9", "p9")]
    for profile in ("before", "after"):
        built.overwrite("identity.assignments", [*kept, *(link(record, f"{profile} {record}") for record in records)])
        made = build_events(built, RUN)
        assert_as_rebuilt(built)
    assert made == {"events": len(records)}


def test_only_landings_in_files_that_silver_gained_or_lost_are_compared(built: Lake) -> None:
    assert suspects(built) == []
    more = [event("web:3", "account:a", landing=2)]
    built.append_df("silver.events", frame(built, "silver.events", more))
    assert suspects(built) == [2]
    assert build_events(built, RUN) == {"events": 1}
    assert suspects(built) == []
    assert_as_rebuilt(built)


def test_only_events_of_records_that_somebody_says_something_else_of_are_looked_at(built: Lake) -> None:
    def looked_at() -> set[str] | None:
        records = reassigned(built)
        return None if records is None else set(records["record_id"].to_pylist())

    assert looked_at() == set()
    links = [link("account:a", "pa"), link("anonymous:x", "px"), link("loyalty:9", "p9")]
    built.overwrite("identity.assignments", [*links[:2], link("loyalty:9", "pa", "deterministic", 0.9)])
    assert looked_at() == {"loyalty:9"}
    build_events(built, RUN)
    built.overwrite("identity.stitches", [spell(8, 10, "account:a")])
    assert looked_at() == {"anonymous:x"}
    build_events(built, RUN)
    built.overwrite("identity.assignments", [link("account:a", "pz"), *links[1:2], link("loyalty:9", "pa")])
    assert looked_at() == {"account:a", "anonymous:x", "loyalty:9"}, "its visits were the account's for a while"
    assert build_events(built, RUN) == {"events": 2}
    assert_as_rebuilt(built)
    built.delta("gold.events").delete("event_id = 'web:1'")
    assert looked_at() is None


def test_a_table_that_was_compacted_has_the_rows_it_had(built: Lake) -> None:
    built.append_df("silver.events", frame(built, "silver.events", [event("web:3", "account:a", landing=2)]))
    build_events(built, RUN)
    for table in ("gold.events", "silver.events"):
        assert built.delta(table).optimize.compact()["numFilesRemoved"] > 1
    assert suspects(built) == [1, 2]
    version = built.version("gold.events")
    assert build_events(built, RUN) == {"events": 0}
    assert built.version("gold.events") == version


def test_whoever_else_wrote_gold_is_put_right(built: Lake) -> None:
    built.delta("gold.events").delete("event_id = 'web:1'")
    assert suspects(built) is None
    build_events(built, RUN)
    assert_as_rebuilt(built)
    assert suspects(built) == []


def test_a_silver_that_was_made_anew_is_compared_whole(built: Lake) -> None:
    shutil.rmtree(built.path("silver.events"))
    land(built, [event("web:1", "account:a"), event("web:2", "anonymous:x")])
    assert suspects(built) is None
    build_events(built, RUN)
    assert_as_rebuilt(built)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(link("loyalty:9", "p9", "founder", 0.5), id="its probability"),
        pytest.param(link("loyalty:9", "p9", "probabilistic", 1.0), id="its kind"),
        pytest.param(None, id="it has none any more"),
    ],
)
def test_a_link_that_differs_in_anything_is_brought_up_to_date(built: Lake, changed: dict[str, Any] | None) -> None:
    others = [link("account:a", "pa"), link("anonymous:x", "px")]
    built.overwrite("identity.assignments", [*others, *([changed] if changed else [])])
    assert build_events(built, RUN) == {"events": 1}
    assert_as_rebuilt(built)


def test_a_landing_and_a_link_that_change_together_are_one_commit(built: Lake) -> None:
    version = built.version("gold.events")
    old = [event("web:1", "account:a"), event("web:2", "anonymous:x"), event("shop:1", "loyalty:9")]
    land(built, [*old, event("app:1", "account:a", landing=2)])
    built.overwrite(
        "identity.assignments", [link("account:a", "p9"), link("anonymous:x", "px"), link("loyalty:9", "p9")]
    )
    build_events(built, RUN)
    assert built.version("gold.events") == version + 1
    assert_as_rebuilt(built)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([event("web:1", "account:a"), event("shop:1", "loyalty:9")], id="one was taken back"),
        pytest.param(
            [event("web:1", "account:a"), event("web:2", "anonymous:x"), event("shop:1", "loyalty:9"),
             event("web:0", "account:a", position=9)],
            id="one was let in afterwards",
        ),
        pytest.param(
            [event("web:1", "account:a", contract_version="page_viewed 1-1-0"), event("web:2", "anonymous:x"),
             event("shop:1", "loyalty:9")],
            id="one is read by a newer contract",
        ),
        pytest.param(
            [event("web:1", "account:a", properties={"path": "/mended"}), event("web:2", "anonymous:x"),
             event("shop:1", "loyalty:9")],
            id="one has other properties",
        ),
        pytest.param(
            [event("web:1", "account:a", user_id="u"), event("web:2", "anonymous:x", user_id="u"),
             event("shop:1", "loyalty:9", anonymous_id="u")],
            id="values came to columns that had none",
        ),
    ],
)  # fmt: skip
def test_an_old_landing_that_differs_is_written_anew(built: Lake, events: list[dict[str, Any]]) -> None:
    land(built, events)
    build_events(built, RUN)
    assert_as_rebuilt(built)


def test_files_of_a_build_that_died_before_its_commit_are_no_rows(built: Lake) -> None:
    (file,) = (uri.removeprefix("file://") for uri in built.delta("gold.events").file_uris()[:1])
    with open(file, "rb") as whole, open(f"{built.path('gold.events')}/part-of-a-dead-build.parquet", "wb") as stray:
        stray.write(whole.read())
    build_events(built, RUN)
    assert_as_rebuilt(built)
