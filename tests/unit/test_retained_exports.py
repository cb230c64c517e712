"""Folders of exports and retractions go after the period of their destination, but the newest and those of the held."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from activation import expiry
from activation.export import catch_up, export, export_all, folder
from activation.files import DATA, MANIFEST, read_manifest, write_manifest
from activation.held import Held, all_held, finish_cut_off, gone, retraction_folder
from activation.verify import verify
from activation.withdrawals import retract
from clew.audited import problems
from contracts import HERE
from lakehouse import audit
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.seal import public_key, sealed
from lakehouse.settings import Settings
from rights.retain import retain
from spark_jobs.privacy import holds
from tests.conftest import SmallLake
from tests.unit.test_export import open_gate, profile_of
from tests.unit.test_withdrawals import says

OLD, NOW = dt.date(2016, 6, 1), dt.date(2017, 12, 30)


@pytest.fixture(scope="module")
def given_template(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases, the first of a date long past, each exported to both destinations."""
    home = tmp_path_factory.mktemp("exported") / "home"
    small = SmallLake(Path(shutil.copytree(small_template, home)))
    said = small.rows("silver.consents")
    for day in (OLD, NOW):
        small.run = Run("run-1", day)
        small.write("silver.consents", [row | {"given_at": row["given_at"] - (NOW - day)} for row in said])
        small.release()
        export_all(small.lake, small.run, open_gate)
    with small.run.step(small.lake, "land") as step:
        step.rows = 1
    return home


@pytest.fixture
def given(given_template: Path, tmp_path: Path) -> Any:
    """A copy of it for this test alone."""
    small = SmallLake(Path(shutil.copytree(given_template, tmp_path / "home")))
    small.run, small.releases = Run("run-1", NOW), 2
    return small


def folders(small: Any) -> list[str]:
    return sorted(held.subject for held in all_held(small.lake))


def holds_up(small: Any) -> bool:
    """Whether the audit and what is still held are proved."""
    keys = [public_key(small.lake.settings)]
    assert problems(small.lake) == []
    return all(not verify(held.folder, keys, small.lake).problems for held in all_held(small.lake))


def test_a_folder_past_its_period_goes_and_what_is_left_is_proved(given: Any) -> None:
    found = retain(given.lake, Run("m", NOW))

    assert found.removed() == {"exports/ad_platform": 1, "exports/email_tool": 1}
    assert folders(given) == ["export ad_platform 2", "export email_tool 2"]
    assert not list(given.lake.settings.exports.glob("**/_*"))
    told = {(row["table_name"], row["days"], row["removed"], row["held"]) for row in given.rows("ops.retained")}
    assert told == {("exports/ad_platform", 365, 1, 0), ("exports/email_tool", 365, 1, 0)}
    noted = [item for item in audit.entries(given.lake) if item.action == "retain"]
    assert [item.subject for item in noted] == ["retention m", "export ad_platform 1", "export email_tool 1"]
    assert noted[1].detail == "removed with 1 rows, past its 365 days back from 2017-12-30"
    assert holds_up(given)
    assert retain(given.lake, Run("m2", NOW)).past == ()


def test_a_dry_run_counts_them_and_leaves_them(given: Any) -> None:
    assert retain(given.lake, Run("m", NOW), dry_run=True).removed() == {
        "exports/ad_platform": 1,
        "exports/email_tool": 1,
    }
    assert len(folders(given)) == 4
    assert not [item for item in audit.entries(given.lake) if item.action == "retain"]


def test_the_newest_export_stays_however_old_it_is(given: Any) -> None:
    with Run("later", dt.date(2030, 1, 1)).step(given.lake, "land") as step:
        step.rows = 1
    removed = retain(given.lake, Run("m", dt.date(2030, 1, 1))).removed()
    assert (removed["exports/ad_platform"], removed["exports/email_tool"]) == (1, 1)
    assert folders(given) == ["export ad_platform 2", "export email_tool 2"]


def test_a_folder_with_somebody_held_stays_until_the_hold_ends(given: Any) -> None:
    made = holds.add(given.lake, profile_id=profile_of(given, "Ann"), reason="case 7", author="sam")
    found = retain(given.lake, Run("m", NOW))
    assert [(one.table, one.removed, one.held) for one in found.past] == [
        ("exports/ad_platform", 0, 1),
        ("exports/email_tool", 0, 1),
    ]
    assert len(folders(given)) == 4
    assert {row["held"] for row in given.rows("ops.retained")} == {1}

    holds.release(given.lake, made.hold, reason="over", author="sam")
    assert retain(given.lake, Run("m2", NOW)).removed() == {"exports/ad_platform": 1, "exports/email_tool": 1}
    assert holds_up(given)


def test_a_hold_on_somebody_who_is_in_none_of_them_keeps_none(given: Any) -> None:
    holds.add(given.lake, profile_id=profile_of(given, "Ben"), reason="case 8", author="sam")
    assert retain(given.lake, Run("m", NOW)).removed() == {"exports/ad_platform": 1, "exports/email_tool": 1}


def test_a_retraction_goes_by_the_day_on_which_it_was_written(given: Any) -> None:
    says(given, "anonymous:ann", "withdrawn")
    retract(given.lake, given.run)
    place = retraction_folder(given.lake, "email_tool", 1)
    days = {"email_tool": 365}
    assert Held("retract", "email_tool", 1, place) not in [old.folder for old in _old(given, NOW, days)]

    written = dt.datetime.fromisoformat(read_manifest(place)["written_at"]).date()
    a_year = written + dt.timedelta(days=366)
    old = [one for one in _old(given, a_year, days) if one.folder.kind == "retract"]
    assert [(one.folder.number, one.fate) for one in old] == [(1, "goes")]
    expiry.remove(given.lake, old, a_year)
    assert not place.exists()
    assert holds_up(given)
    says(given, "anonymous:ann", "granted", day=2)
    given.release()
    export(given.lake, given.run, "email_tool", open_gate)
    says(given, "anonymous:ann", "withdrawn", day=3)
    retract(given.lake, given.run)
    assert "retraction email_tool 2" in folders(given)  # no number is given twice


def _old(given: Any, as_of: dt.date, days: dict[str, int]) -> list[expiry.Old]:
    return expiry.find(given.lake, as_of, days, ())


def test_what_died_between_the_renames_of_a_removal_is_gone_with_the_next_export(given: Any) -> None:
    place = folder(given.lake, "email_tool", 1)
    place.rename(gone(place))
    finish_cut_off(given.lake, "email_tool")
    assert not gone(place).exists()
    assert not place.exists()


def test_an_export_that_no_ledger_knows_is_written_down_before_it_goes(given: Any) -> None:
    given.change("ops.deliveries", lambda rows: [row for row in rows if row["release"] != 1])
    retain(given.lake, Run("m", NOW))
    assert sorted({row["release"] for row in given.rows("ops.deliveries")}) == [1, 2]
    assert holds_up(given)


def test_a_folder_that_is_not_what_was_sealed_stays_and_is_named(given: Any) -> None:
    place = folder(given.lake, "email_tool", 1)
    manifest = read_manifest(place)
    write_manifest(place / MANIFEST, manifest | {"rows": 7})
    found = retain(given.lake, Run("m", NOW))
    assert found.unknown == ("export email_tool 1",)
    assert found.removed() == {"exports/ad_platform": 1}
    assert (place / DATA).exists()
    said = [row["message"] or "" for row in given.rows("ops.runs") if (row["run_id"], row["step"]) == ("m", "retain")]
    assert any("no age can be told of export email_tool 1, which stay: clew export verify" in told for told in said)

    write_manifest(place / MANIFEST, sealed(given.lake.settings, manifest))
    catch_up(given.lake)
    assert retain(given.lake, Run("m2", NOW)).removed() == {"exports/email_tool": 1}


def test_a_shorter_period_of_the_purpose_bounds_messages_and_folders(given: Any, tmp_path: Path) -> None:
    declared = Path(shutil.copytree(HERE, tmp_path / "declared"))
    file = declared / "consent" / "purposes.yml"
    policy = yaml.safe_load(file.read_text(encoding="utf-8"))
    policy["purposes"]["measurement"]["retention_days"] = 10
    policy["purposes"]["advertising"]["retention_days"] = 600
    file.write_text(yaml.safe_dump(policy, sort_keys=False), encoding="utf-8")
    for name in ("ad_platform", "email_tool"):
        own = declared / "exports" / f"{name}.yml"
        own.write_text(own.read_text(encoding="utf-8").replace("retention_days: 365\n", ""), encoding="utf-8")
    lake = Lake(Settings(home=given.lake.settings.home, contracts=declared))

    def aged(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            is_old = row["event_id"] in ("web:m4", "consent:m2")
            row["occurred_at"] = dt.datetime(2017, 12, 1 if is_old else 29, tzinfo=dt.UTC)

    given.change("silver.events", aged)
    found = retain(lake, Run("m", NOW))
    # What people said of consent is for operation, which has no period.
    assert [(one.table, one.days, one.removed) for one in found.past] == [("bronze.web", 10, 1)]

    later = dt.date(2018, 2, 1)
    with Run("later", later).step(lake, "land") as step:
        step.rows = 1
    removed = {one.table: (one.days, one.removed) for one in retain(lake, Run("m2", later)).past}
    assert removed["exports/ad_platform"] == (600, 1)
    assert "exports/email_tool" not in removed
