"""A replay from bronze is equal to what day after day made, after whatever happened in between."""

import datetime

import pytest

from clew.replay import replay
from contracts import Contracts
from identity.decisions import decide, undo
from identity.resolve import resolve
from lakehouse.errors import UsageError
from lakehouse.run import Run
from rights.erase import erase
from rights.meant import meant
from spark_jobs.bronze.land import land
from spark_jobs.gold.events import build_events
from spark_jobs.silver.conform import conform
from spark_jobs.silver.requeue import requeue
from tests.spark.conftest import copy_contracts
from tests.spark.pipeline import put, run, view

DAYS = [datetime.date(2017, 12, day) for day in range(26, 32)]


def a_day(lake, number: int) -> None:
    """Land, conform, resolve and attribute, for a date."""
    this = Run(f"r{number}", DAYS[number])
    land(lake, this)
    conform(lake, this)
    resolve(lake, this)
    build_events(lake, this)


def says(message: str, account: str, email: str, time: str = "2017-03-02T10:00:00.000Z") -> dict:
    return {
        "type": "identify", "messageId": message, "userId": account, "anonymousId": f"a-{account}", "timestamp": time,
        "traits": {"email": email, "firstName": "Ann", "lastName": "Example"},
    }  # fmt: skip


def steward(lake, action: str, left: str, right: str, day: datetime.date, until: datetime.date | None = None) -> int:
    now = datetime.datetime.now(datetime.UTC)
    return decide(lake, action, (left, right), reason="seen", author="ann", at=now, as_of=day, until=until).decision


@pytest.fixture(scope="module")
def lived(make_lake, tmp_path_factory):
    """A lake after four days of landing out of order, duplicates, merges, a link that expires, an unlink, an undo."""
    lake = make_lake("web")
    put(lake, "web/1.jsonl", view("m1"), view("m1"), says("m2", "u1", "ann@example.com"), "{",
        view("m9") | {"event": "Product Admired"}, view("m10", person="a2"))  # fmt: skip
    a_day(lake, 0)
    steward(lake, "link", "account:u1", "anonymous:a1", DAYS[0], until=DAYS[2])
    taken_back = steward(lake, "link", "anonymous:a1", "anonymous:a2", DAYS[0])
    early = view("m3", person="a-u1", timestamp="2017-01-01T08:00:00.000Z")
    put(lake, "web/2.jsonl", early, view("m1"), says("m4", "u2", "bob@example.com", "2017-01-02T08:00:00.000Z"))
    a_day(lake, 1)
    undo(lake, taken_back, reason="wrong", author="ann", at=datetime.datetime.now(datetime.UTC))
    put(lake, "web/0.jsonl", says("m5", "u2", "ann@example.com"), says("m6", "u1", "ann@example.com"), view("m2"))
    a_day(lake, 2)
    steward(lake, "unlink", "account:u1", "account:u2", DAYS[2])
    a_day(lake, 3)
    put(lake, "web/4.jsonl", view("m7", person="a2"))
    run(lake, "hourly")  # lands and conforms, and resolves nothing
    return lake


@pytest.mark.parametrize(("since", "each_run", "landings"), [(None, True, 4), (DAYS[2], False, 2)])
def test_a_replay_is_equal_after_what_may_happen_to_a_lake(lived, since, each_run, landings) -> None:
    made = replay(lived, since=since, each_run=each_run, with_marts=False)
    assert [(item.table, item.live, item.replayed) for item in made.differing] == []
    assert made.landings == landings
    compared = {item.table for item in made.tables}
    assert compared >= {"silver.quarantine", "ops.row_counts", "identity.history", "gold.events"}
    assert all(item.live.rows for item in made.tables if item.table in ("silver.duplicates", "identity.edges"))
    assert not (lived.settings.state / "replay").exists()


def test_the_first_difference_is_named_by_table_key_and_column(lived) -> None:
    rows = lived.arrow("silver.events").to_pylist()
    bronze = lived.version("bronze.web")
    rows[0]["event"] = "product_added"
    lived.overwrite("silver.events", rows)
    try:
        made = replay(lived, with_marts=False)
    finally:
        lived.delta("silver.events").restore(lived.version("silver.events") - 1)
    assert made.differing[0].table == "silver.events"
    assert made.unlike == 1
    assert made.first[0].key == {"event_id": rows[0]["event_id"]}
    assert made.first[0].columns == ("event",)
    assert lived.version("bronze.web") == bronze


def test_tables_that_are_not_of_one_finished_run_are_not_compared(lived, tmp_path) -> None:
    """After those above: it lets in what was quarantined."""
    mended = copy_contracts(tmp_path / "contracts", "web")
    file = mended / "events" / "digital" / "product_viewed.yml"
    known = "sources: [web, app]"
    file.write_text(file.read_text().replace(known, f"{known}\nalso_called: [product_admired]"))
    lived.contracts = Contracts(mended)
    requeue(lived, Run("requeued", DAYS[3]), reason="unknown_event")
    with pytest.raises(UsageError, match="the last resolve is older than the last requeue"):
        replay(lived, with_marts=False)
    a_day(lived, 4)
    assert replay(lived, with_marts=False).differing == []


@pytest.mark.parametrize("each_run", [False, True])
def test_a_replay_is_equal_after_an_erasure_and_what_lands_of_the_person_again(erased, each_run: bool) -> None:
    made = replay(erased, each_run=each_run, with_marts=False)
    assert [(item.table, item.live, item.replayed) for item in made.differing] == []


@pytest.fixture(scope="module")
def erased(lived):
    """The lake without the person of account:u1, whose lines landed once more; last in this file."""
    conformed = [row for row in lived.arrow("ops.runs").to_pylist() if row["step"] == "conform"]
    with Run(max(conformed, key=lambda row: row["at"])["run_id"], DAYS[4]).step(lived, "release"):
        pass  # an erasure waits for the release of the run that conformed last
    people = meant(lived, ["account:u1"]).profiles
    erase(lived, Run("forget", DAYS[4]), people, reason="asked", author="ann", without_release=True)
    put(lived, "web/5.jsonl", says("m6", "u1", "ann@example.com"), view("m8", person="a2"))
    a_day(lived, 5)
    kept = {row["message_id"]: row["record_id"] for row in lived.arrow("silver.events").to_pylist()}
    assert "m8" in kept
    assert "account:u1" not in kept.values()
    assert sum(row["erased"] for row in lived.arrow("ops.row_counts").to_pylist()) > 2
    return lived
