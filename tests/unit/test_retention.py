"""Retention and holds: what is past its period goes, what is held stays, and the account balances."""

import datetime as dt
import json
from typing import Any

import pytest

from clew.audited import problems
from expectations.gate import gate
from lakehouse import audit
from lakehouse.errors import DataError, EnvironmentFault, UsageError
from lakehouse.run import Run
from rights import erase as forgotten
from rights import retain as retained
from spark_jobs.privacy import holds
from spark_jobs.privacy.old_rows import BY_RUN, BY_RUN_DATE
from spark_jobs.privacy.retention import periods
from tests.conftest import PEOPLE, profile_id
from tests.erasable import age

LANDED = dt.date(2017, 12, 30)


@pytest.fixture
def dated(small: Any) -> Any:
    """The small lake, two visits of which happened four years before."""
    age(small)
    return small


def _retain(small: Any, day: dt.date = LANDED, **more: Any) -> dict[str, int]:
    return retained.retain(small.lake, Run("m", day), **more).removed()


def test_what_is_past_its_period_goes_and_the_account_balances(dated: Any) -> None:
    removed = _retain(dated)

    assert removed == {"bronze.web": 3}
    assert {"web:m1", "web:m4"}.isdisjoint(row["event_id"] for row in dated.rows("silver.events"))
    assert {"web:m1", "web:m4"}.isdisjoint(row["event_id"] for row in dated.rows("gold.events"))
    assert dated.rows("silver.duplicates") == []
    assert {row["source"]: row["erased"] for row in dated.rows("ops.row_counts") if row["erased"]} == {"web": 3}
    assert gate(dated.lake, dated.run, "silver")["checks"] > 0
    (noted,) = dated.rows("ops.retained")
    assert (noted["table_name"], noted["days"], noted["removed"]) == ("bronze.web", periods(dated.lake)["web"], 3)
    assert problems(dated.lake) == []


def test_retention_gives_way_to_a_run_between_its_conform_and_its_release(dated: Any) -> None:
    with Run("scheduled__1", LANDED).step(dated.lake, "conform"):
        pass
    with pytest.raises(EnvironmentFault, match="run scheduled__1 is between its conform and its release"):
        _retain(dated)
    assert len(dated.rows("silver.duplicates")) == 1


def test_a_second_time_nothing_is_past_its_period(dated: Any) -> None:
    _retain(dated)
    assert _retain(dated) == {}
    assert len(dated.rows("ops.erasures")) == 1


@pytest.mark.parametrize(
    "died_in",
    ["retention.bury", "retention.remove_rows", "rows._blank", "rows._number_questions", "retention.recount"],
)
def test_a_retention_that_died_is_finished_by_the_next_try_with_the_account_of_all_that_went(
    dated: Any, monkeypatch: pytest.MonkeyPatch, died_in: str
) -> None:
    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"spark_jobs.privacy.{died_in}", dies)
        with pytest.raises(KeyboardInterrupt):
            _retain(dated)
    for table in ("silver.events", "silver.duplicates"):
        assert died_in == "retention.recount" or dated.rows(table)
    _retain(dated)
    left = {row["source"]: row["erased"] for row in dated.rows("ops.row_counts") if row["erased"]}
    assert left == {"web": 3}
    assert gate(dated.lake, dated.run, "silver")["checks"] > 0
    for table in ("silver.events", "silver.duplicates", "gold.events"):
        assert {"web:m1", "web:m4"}.isdisjoint(row["event_id"] for row in dated.rows(table))
    assert [(row["table_name"], row["removed"]) for row in dated.rows("ops.retained")] == [("bronze.web", 3)]
    assert [item.subject for item in audit.entries(dated.lake) if item.action == "retain"] == ["retention m"]
    assert problems(dated.lake) == []


def test_a_dry_run_counts_and_changes_nothing(dated: Any) -> None:
    version = dated.lake.version("silver.events")
    assert _retain(dated, dry_run=True) == {"bronze.web": 3}
    assert dated.lake.version("silver.events") == version
    assert dated.rows("ops.retained") == []
    assert {row["step"] for row in dated.rows("ops.runs")} == {"land"}


def test_data_of_a_lake_that_stands_still_do_not_grow_old(dated: Any) -> None:
    _retain(dated)
    assert _retain(dated, dt.date(2099, 1, 1)) == {}


def test_a_run_that_landed_nothing_or_died_landing_makes_no_data_older(dated: Any) -> None:
    _retain(dated)
    later, later_at = Run("later", dt.date(2099, 1, 1)), dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    with later.step(dated.lake, "land"):
        pass
    for state in ("started", "failed"):
        row = {
            "run_id": "died",
            "step": "land",
            "state": state,
            "at": later_at,
            "seconds": 0.0,
            "rows": 7,
            "message": "",
        }
        dated.lake.append("ops.runs", [row | {"as_of": later.as_of}])
    assert _retain(dated, later.as_of) == {}


def test_a_refused_line_goes_after_the_period_of_the_quarantine(dated: Any) -> None:
    with Run("later", dt.date(2019, 1, 1)).step(dated.lake, "land") as step:
        step.rows = 1
    assert _retain(dated, dt.date(2019, 1, 1))["bronze.web"] == 4
    assert dated.rows("silver.quarantine") == []
    assert gate(dated.lake, dated.run, "silver")["checks"] > 0


def test_a_hold_stops_retention_of_a_person_until_it_is_released(dated: Any) -> None:
    made = holds.add(dated.lake, profile_id=profile_id("cat"), reason="case 7", author="sam")
    assert _retain(dated) == {"bronze.web": 2}
    assert "web:m4" in {row["event_id"] for row in dated.rows("silver.events")}
    assert {row["held"] for row in dated.rows("ops.retained")} == {1}

    holds.release(dated.lake, made.hold, reason="the case is over", author="sam")
    assert _retain(dated) == {"bronze.web": 1}
    assert problems(dated.lake) == []


def _refuses_linking(small: Any) -> None:
    """Ann refuses that her records are put together, and each stands alone, as identity has it."""

    def apart(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["record_id"] in PEOPLE["ann"]["records"]:
                row |= {"profile_id": row["own_profile_id"], "refused_by": "consent:m1", "records": 1}

    def blocked(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["right_record"] == "anonymous:ann":
                row |= {"state": "blocked", "reason": "consent_refused: event consent:m1"}

    small.change("identity.assignments", apart)
    small.change("identity.edges", blocked)


def test_who_refuses_linking_under_a_hold_stays_held_with_every_record(small: Any) -> None:
    age(small, "web:m2")  # of Ann's browser
    holds.add(small.lake, profile_id=profile_id("ann"), reason="case 7", author="sam")
    _refuses_linking(small)

    assert _retain(small) == {}

    assert [row["held"] for row in small.rows("ops.retained")] == [1]
    with pytest.raises(DataError, match=r"held, so not erased .*case 7"):
        forgotten.erase(small.lake, Run("f", LANDED), [profile_id("ann's browser")], reason="asked", author="sam")


def test_a_hold_before_there_were_ids_of_records_holds_all_that_evidence_says_is_theirs(small: Any) -> None:
    age(small, "web:m2")
    row = {"hold": 1, "action": "add", "profile_id": profile_id("ann"), "reason": "case 7", "author": "sam"}
    small.lake.append(holds.TABLE, [row | {"at": dt.datetime(2017, 12, 1, tzinfo=dt.UTC)}])
    _refuses_linking(small)
    assert _retain(small) == {}


def test_a_hold_can_be_put_on_who_refused_linking(small: Any, clew: Any) -> None:
    age(small, "web:m1", "web:m2")
    _refuses_linking(small)

    ran = clew("hold", "add", "account:ann", "--reason", "case 7", "--json", home=small.lake.settings.home)

    own = {profile_id("ann"), profile_id("ann's browser")}
    assert ran.code == 0, ran.err
    assert set(json.loads(ran.out)["own_profile_ids"]) == own
    assert _retain(small) == {}
    assert problems(small.lake) == []


def test_a_hold_on_a_source_ends_with_its_date(dated: Any) -> None:
    holds.add(dated.lake, source="web", reason="case 8", author="sam", until=LANDED)
    assert _retain(dated) == {}
    with Run("later", dt.date(2017, 12, 31)).step(dated.lake, "land") as step:
        step.rows = 1
    assert _retain(dated, dt.date(2017, 12, 31)) == {"bronze.web": 3}


def test_who_is_held_is_not_erased(dated: Any) -> None:
    holds.add(dated.lake, profile_id=profile_id("ann's browser"), reason="case 9", author="sam")
    with pytest.raises(DataError, match=r"held, so not erased .*case 9"):
        forgotten.erase(dated.lake, Run("f", LANDED), [profile_id("ann")], reason="asked", author="sam")
    assert profile_id("ann") in {row["profile_id"] for row in dated.rows("gold.profiles")}


def test_a_hold_needs_a_reason_and_something_to_hold(dated: Any) -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        holds.add(dated.lake, source="web", reason=" ", author="sam")
    with pytest.raises(UsageError, match="there is no source"):
        holds.add(dated.lake, source="fax", reason="case", author="sam")
    with pytest.raises(UsageError, match="there is no hold 7"):
        holds.release(dated.lake, 7, reason="over", author="sam")


def test_the_reason_of_a_hold_may_not_name_the_person_and_neither_may_that_of_its_release(dated: Any) -> None:
    said = "+18005550100"
    with pytest.raises(UsageError, match="holds a name or a value of the person"):
        holds.add(dated.lake, profile_id=profile_id("ann"), reason=f"asked by {said}", author="sam")
    holds.add(dated.lake, profile_id=profile_id("ann"), reason="case 9", author="sam")
    with pytest.raises(UsageError, match="holds a name or a value of the person"):
        holds.release(dated.lake, 1, reason=f"{said} asked", author="sam")


def test_rows_of_old_runs_go_by_the_date_of_their_run(dated: Any) -> None:
    with Run("old", dt.date(2015, 1, 1)).step(dated.lake, "land") as step:
        step.rows = 1
    assert _retain(dated)["ops.runs"] == 2
    assert "old" not in {row["run_id"] for row in dated.rows("ops.runs")}


def test_every_period_that_a_ledger_of_ops_declares_is_enforced(dated: Any) -> None:
    declared = {name for name, table in dated.lake.contracts.tables.items() if table.retention_days is not None}
    assert {name for name in declared if name.startswith("ops.")} == {*BY_RUN_DATE, *BY_RUN}
