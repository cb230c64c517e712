"""What a replay goes by, and where it takes place; that it is equal: tests/spark/test_replay.py."""

import datetime as dt
import shutil

import pytest

from clew import replay
from lakehouse import audit
from lakehouse.content import EVERY_ROW, Difference
from lakehouse.errors import UsageError
from measures import step
from measures.registry import EXPERIMENTS
from tests.conftest import SmallLake, at, profile_id

DAY = dt.date(2017, 12, 30)


def ran(small, *steps: tuple[str, str]) -> None:
    """Note steps of runs as ended, one an hour, each given as run and step; ``conform?`` has only started."""
    rows = []
    for hour, (run_id, name) in enumerate(steps, 1):
        ends = ("started",) if name.endswith("?") else ("started", "done")
        for minute, state in enumerate(ends):
            rows.append(
                {"run_id": run_id, "step": name.rstrip("?"), "state": state, "as_of": DAY, "seconds": 0.0, "rows": 0,
                 "message": "", "at": at(30, hour) + dt.timedelta(minutes=minute)}
            )  # fmt: skip
    small.lake.overwrite("ops.runs", rows)
    landings = [run_id for run_id, name in steps if name == "land"]
    small.lake.overwrite(
        "ops.landings",
        [{"landing": number, "run_id": run_id, "landed_at": at(30, 1)} for number, run_id in enumerate(landings, 1)],
    )


DAILY = [("run-1", name) for name in ("land", "conform", "resolve", "build_events", "build_marts", "measure")]


def test_a_finished_run_is_replayed_as_it_was(small) -> None:
    ran(small, *DAILY)
    runs, as_of = replay.finished_runs(small.lake)
    assert runs == [replay.Resolved("run-1", DAY, 1, at(30, 3))]
    assert as_of == DAY


def test_an_hourly_run_that_conformed_more_does_not_hinder(small) -> None:
    ran(small, *DAILY, ("hourly", "land"), ("hourly", "conform"))
    (run,), _ = replay.finished_runs(small.lake)
    assert run.run_id == "run-1"


def test_the_landings_from_a_date_on_are_those_of_runs_of_that_date_and_later(small) -> None:
    ran(small, *DAILY, ("run-2", "land"))
    small.change(
        "ops.runs",
        lambda rows: [row | {"as_of": DAY + dt.timedelta(1)} if row["run_id"] == "run-2" else row for row in rows],
    )
    assert replay._first_landing(small.lake, DAY) == 1
    assert replay._first_landing(small.lake, DAY + dt.timedelta(1)) == 2
    with pytest.raises(UsageError, match="nothing landed"):
        replay._first_landing(small.lake, DAY + dt.timedelta(2))


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ([("r", "requeue")], "the last resolve is older than the last requeue"),
        ([("run-1", "conform")], "the last resolve is older than the last conform"),
        ([("hourly", "conform?")], "the last conform is started"),
        ([("run-2", "resolve")], "the last build_events is older than a step before it"),
        (
            [("run-2", "resolve"), ("run-2", "build_events"), ("run-2", "build_marts?")],
            "the last build_marts is started",
        ),
    ],
)
def test_tables_of_no_one_state_are_not_compared(small, more, word) -> None:
    ran(small, *DAILY, *more)
    with pytest.raises(UsageError, match=word):
        replay.finished_runs(small.lake)


def test_a_lake_in_which_nothing_ran_has_nothing_to_replay(small) -> None:
    with pytest.raises(UsageError, match="the last resolve is missing"):
        replay.finished_runs(small.lake)


def test_accounts_are_compared_by_landing_and_source_whatever_run_wrote_them(small, tmp_path) -> None:
    other = SmallLake(shutil.copytree(small.lake.settings.home, tmp_path / "other"))
    tables = replay._compared(small.lake, with_marts=False)
    versions = {table: small.lake.version(table) for table in tables}

    def unlike() -> tuple[list[str], tuple[int, list[Difference]]]:
        found = tuple(replay._compare(small.lake, other.lake, versions, tables, EVERY_ROW))
        first = replay._first_difference(small.lake, other.lake, versions, found, EVERY_ROW)
        return [item.table for item in found if not item.is_equal], first

    other.change("ops.row_counts", lambda rows: [row | {"run_id": "replay"} for row in rows])
    assert unlike() == ([], (0, []))
    assert tables.index("silver.quarantine") < tables.index("ops.row_counts") < tables.index("identity.assignments")
    wrong = {"kept": 0, "duplicates": 10}
    other.change("ops.row_counts", lambda rows: [row | (wrong if row["source"] == "web" else {}) for row in rows])
    assert unlike() == (
        ["ops.row_counts"],
        (1, [Difference({"landing": "1", "source": "web"}, ("duplicates", "kept"), None)]),
    )


def test_the_workshop_reads_bronze_has_the_keys_and_leaves_nothing_behind_nor_beside_the_lake(small) -> None:
    live = small.lake
    key, head = live.settings.identity_key, live.settings.state / audit.HEAD
    audit.note(live, [audit.Act("release", "release 1", "", "f")])
    noted, versions = head.read_text(), {table: live.version(table) for table in live.tables()}
    with replay._workshop(live, keep=False) as target:
        folder = target.settings.home
        assert folder.stat().st_mode & 0o777 == 0o700
        assert target.settings.identity_key == key
        assert target.arrow("bronze.web") == live.arrow("bronze.web")
        assert target.arrow("silver.events").num_rows == 0
        audit.note(target, [audit.Act("release", "release 1", "", "f")])
    assert not folder.exists()
    assert head.read_text() == noted
    assert {table: live.version(table) for table in live.tables()} == versions
    assert live.arrow("bronze.web").num_rows


def test_of_which_ids_people_had_before_a_replay_believes_the_runs_and_its_own_history_stays(
    small, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "measure", lambda lake, run, measure=step.measure: measure(lake, run, (EXPERIMENTS,)))
    ann = profile_id("ann")
    holdout = small.lake.contracts.experiments["mail_holdout"]
    former = next(i for i in (f"p-{n}" for n in range(99)) if holdout.arm_of(i) not in (None, holdout.arm_of(ann)))
    target = small.copy(tmp_path / "replayed").lake
    (now,) = (row for row in small.rows("identity.history") if row["record_id"] == "account:ann")
    day = now["known_since"]
    then = now | {"profile_id": former}
    later = now | {"revision": 2, "known_since": day + dt.timedelta(days=1)}
    small.change("identity.history", lambda rows: [row for row in rows if row != now] + [then, later])
    step.measure(small.lake, small.run)
    own = target.arrow("identity.history").to_pylist()

    replay._measure(small.lake, target, small.run, small.lake.version("identity.history"))

    seen = {lake: lake.arrow("gold.experiment_exposures").to_pylist() for lake in (small.lake, target)}
    assert seen[target] == seen[small.lake]
    (held,) = (row for row in seen[target] if (row["profile_id"], row["experiment"]) == (ann, "mail_holdout"))
    assert held["arms_seen"] == "held_out, mailed"
    assert target.arrow("identity.history").to_pylist() == own
