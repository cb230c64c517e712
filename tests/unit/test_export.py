"""Exports: who is in them, who is not and why, and that nothing half-made is ever visible."""

import csv
import datetime
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activation.export import DATA, export, export_all, folder, publish, published, read_manifest, stage
from contracts.link import FIRMEST_FIRST, IdentityMinimum
from lakehouse.errors import DataError, GateClosed, UsageError
from lakehouse.run import Run


def open_gate(lake: Any, run: Any, staged: Path) -> dict[str, int]:
    """Let everything pass: these tests are about the step; the gate's own are in tests/expectations."""
    return {"checks": 0}


def rows_of(path: Path) -> list[dict[str, str]]:
    with (path / DATA).open(newline="") as file:
        return list(csv.DictReader(file))


def profile_of(small: Any, first_name: str) -> str:
    return next(row["profile_id"] for row in small.rows("gold.profile_contact") if row["first_name"] == first_name)


def test_one_person_a_reason(small: Any) -> None:
    small.release()
    assert export(small.lake, small.run, "email_tool", open_gate) == {"rows": 1, "refused": 6, "considered": 7}
    manifest = read_manifest(folder(small.lake, "email_tool", 1))
    assert {reason: count for reason, count in manifest["refused"].items() if count} == {
        "no_consent_known": 1,
        "denied": 1,
        "withdrawn": 1,
        "no_address": 1,
        "address_refused": 1,
        "address_taken": 1,
    }
    (row,) = rows_of(folder(small.lake, "email_tool", 1))
    assert row == {
        "email": "Ann.Example@gmail.com",
        "first_name": "Ann",
        "last_name": "",
        "profile_id": profile_of(small, "Ann"),
        "consent_event_id": "consent:m1",
        "notice_version": "2017-1",
        "policy_version": small.lake.contracts.policy.version,
        "link_kind": "deterministic",
        "link_probability": "0.999",
        "release": "1",
    }


def test_the_ad_platform_sees_no_readable_address(small: Any) -> None:
    small.release()
    export(small.lake, small.run, "ad_platform", open_gate)
    (row,) = rows_of(folder(small.lake, "ad_platform", 1))
    assert row["email_sha256"] == hashlib.sha256(b"annexample@gmail.com").hexdigest()
    assert row["phone_sha256"] == hashlib.sha256(b"+18005550100").hexdigest()
    assert "@" not in (folder(small.lake, "ad_platform", 1) / DATA).read_text()


def test_a_withdrawn_person_leaves_the_next_export(small: Any) -> None:
    small.release()
    export(small.lake, small.run, "email_tool", open_gate)
    ann = profile_of(small, "Ann")
    small.change(
        "gold.consent_state",
        lambda rows: [
            row | ({"status": "withdrawn"} if (row["profile_id"], row["purpose"]) == (ann, "email_marketing") else {})
            for row in rows
        ],
    )
    assert small.release() == 2
    export(small.lake, small.run, "email_tool", open_gate)
    assert ann not in {row["profile_id"] for row in rows_of(folder(small.lake, "email_tool", 2))}
    refused = read_manifest(folder(small.lake, "email_tool", 2))["refused"]
    assert refused["withdrawn"] == 2
    assert refused["address_refused"] == 2  # Gus has the mailbox that Ann withdrew


def test_an_address_that_somebody_once_gave_and_withdrew_is_not_written_to(small: Any) -> None:
    once = {"profile_id": profile_of(small, "Ben"), "identifier": "email", "value": "ann.example@gmail.com"}
    small.change("gold.profile_identifiers", lambda rows: [once])
    small.release()
    assert export(small.lake, small.run, "email_tool", open_gate)["rows"] == 0
    refused = read_manifest(folder(small.lake, "email_tool", 1))["refused"]
    assert refused["address_refused"] == 3  # Ann, Gus, and Fay as before


def gives(small: Any, **addresses: str) -> None:
    """Let people's profiles show these addresses."""
    small.change(
        "gold.profile_contact",
        lambda rows: [row | {"email": addresses.get(str(row["first_name"]).lower(), row["email"])} for row in rows],
    )


def asks(small: Any, destination: str, **minimum: Any) -> None:
    """Let a destination ask for a minimum of identity."""
    declared = small.lake.contracts.destinations
    asked = IdentityMinimum.model_validate(minimum)
    declared[destination] = declared[destination].model_copy(update={"identity": asked})


def exported(small: Any, destination: str) -> tuple[list[dict[str, str]], dict[str, int]]:
    """The rows of the next release's export, and the refusals."""
    path = folder(small.lake, destination, small.release())
    export(small.lake, small.run, destination, open_gate)
    return rows_of(path), read_manifest(path)["refused"]


def test_mail_goes_to_the_address_as_given_with_its_tag(small: Any) -> None:
    gives(small, ann="user+nyc@corp.com")
    rows, _ = exported(small, "email_tool")
    assert "user+nyc@corp.com" in {row["email"] for row in rows}
    ((row,), _) = exported(small, "ad_platform")
    assert row["email_sha256"] == hashlib.sha256(b"user+nyc@corp.com").hexdigest()


@pytest.mark.parametrize("destination", ["email_tool", "ad_platform"])
@pytest.mark.parametrize(
    ("refused", "granted"),
    [
        ("user@corp.com", "user+nyc@corp.com"),
        ("user+nyc@corp.com", "user@corp.com"),
        ("user+nyc@corp.com", "user+spb@corp.com"),
        ("j.doe@gmail.com", "jdoe@gmail.com"),
        ("jdoe@gmail.com", "j.doe@gmail.com"),
        ("jdoe@gmail.com", "j.d.o.e+spb@googlemail.com"),
    ],
)
def test_a_refusal_of_a_mailbox_holds_with_any_tag_and_in_any_spelling(
    refused: str, granted: str, destination: str, small: Any
) -> None:
    gives(small, ben=refused, ann=granted)  # Ben withdrew
    rows, reasons = exported(small, destination)
    assert profile_of(small, "Ann") not in {row["profile_id"] for row in rows}
    assert reasons["address_refused"] == 1


def test_a_mailbox_that_was_once_given_and_refused_is_refused_with_a_tag(small: Any) -> None:
    once = {"profile_id": profile_of(small, "Ben"), "identifier": "email", "value": "user@corp.com"}
    small.change("gold.profile_identifiers", lambda rows: [once])
    gives(small, ann="user+nyc@corp.com")
    rows, _ = exported(small, "email_tool")
    assert profile_of(small, "Ann") not in {row["profile_id"] for row in rows}


def test_a_dot_that_the_provider_does_not_ignore_tells_two_mailboxes_apart(small: Any) -> None:
    gives(small, ben="j.doe@corp.com", ann="jdoe@corp.com")  # Ben withdrew
    rows, reasons = exported(small, "email_tool")
    assert profile_of(small, "Ann") in {row["profile_id"] for row in rows}
    assert reasons["address_refused"] == 0


def test_one_mailbox_is_written_to_once_whatever_the_tags(small: Any) -> None:
    gives(small, ann="user@corp.com", gus="user+nyc@corp.com")
    rows, reasons = exported(small, "email_tool")
    assert {row["email"] for row in rows} & {"user@corp.com", "user+nyc@corp.com"} == {"user@corp.com"}
    assert reasons["address_taken"] == 1


def test_a_yes_without_its_notice_is_not_exported(small: Any) -> None:
    small.change("gold.consent_state", lambda rows: [row | {"notice_version": None} for row in rows])
    small.release()
    counts = export(small.lake, small.run, "email_tool", open_gate)
    assert counts["rows"] == 0
    assert read_manifest(folder(small.lake, "email_tool", 1))["refused"]["incomplete_receipt"] == 4


@pytest.mark.parametrize(
    "named", [{"event_id": 'consent:k;=HYPERLINK("x")'}, {"notice_version": "=1+1"}, {"notice_version": "2017\t@1"}]
)
def test_a_yes_named_by_what_a_spreadsheet_would_run_is_not_exported_and_costs_nobody_else(
    named: dict[str, str], small: Any
) -> None:
    ann = profile_of(small, "Ann")
    small.change("gold.consent_state", lambda rows: [row | (named if row["profile_id"] == ann else {}) for row in rows])
    rows, reasons = exported(small, "email_tool")
    assert ([row["email"] for row in rows], reasons["incomplete_receipt"]) == (["ann.example@gmail.com"], 1)  # Gus


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({"least_probability": 0.999}, 1),
        ({"least_probability": 0.9991}, 0),
        ({"kinds": ["founder", "deterministic"]}, 1),
        ({"kinds": ["founder"]}, 0),
    ],
)
def test_a_profile_less_sure_than_the_destination_asks_is_refused(asked: dict[str, Any], rows: int, small: Any) -> None:
    asks(small, "email_tool", **asked)  # Ann's profile is deterministic, 0.999
    made, reasons = exported(small, "email_tool")
    assert len(made) == rows or {row["link_kind"] for row in made} == {"founder"}
    assert reasons["too_unsure"] == 1 - rows
    manifest = read_manifest(folder(small.lake, "email_tool", 1))
    assert manifest["identity"] == {"least_probability": 0.0, "kinds": list(FIRMEST_FIRST)} | asked


def test_a_likely_profile_is_exported_as_likely(small: Any) -> None:
    likely = {"link_kind": "probabilistic", "link_probability": 0.9990234375}
    ann = profile_of(small, "Ann")
    small.change("gold.profiles", lambda rows: [row | (likely if row["profile_id"] == ann else {}) for row in rows])
    for destination in ("email_tool", "ad_platform"):
        rows, _ = exported(small, destination)
        (row,) = (row for row in rows if row["profile_id"] == ann)
        assert (row["link_kind"], float(row["link_probability"])) == ("probabilistic", 0.9990234375)


def test_a_profile_that_does_not_say_how_sure_it_is_is_not_exported(small: Any) -> None:
    small.change("gold.profiles", lambda rows: [row | {"link_probability": None} for row in rows])
    rows, reasons = exported(small, "email_tool")
    assert rows == []
    assert reasons["incomplete_receipt"] == 4


def test_an_export_reads_the_release_and_not_the_live_tables(small: Any) -> None:
    small.release()
    small.change("gold.profiles", lambda rows: [])
    assert export(small.lake, small.run, "email_tool", open_gate)["considered"] == 7


def test_a_past_day_that_is_released_afterwards_is_not_exported(small: Any) -> None:
    small.release()
    export(small.lake, small.run, "email_tool", open_gate)
    small.run = Run("backfill", small.run.as_of - datetime.timedelta(days=1))
    small.change("gold.profiles", lambda rows: [])
    assert small.release() == 2
    assert export(small.lake, small.run, "email_tool", open_gate)["rows"] == 1
    assert [path.name for path in small.lake.settings.exports.glob("email_tool/*")] == ["000001"]


def test_an_audience_limits_who_is_considered(small: Any) -> None:
    small.release()
    narrow = small.lake.contracts.destinations["email_tool"].model_copy(update={"audience": "audience_new_joiners"})
    manifest = read_manifest(stage(small.lake, narrow, 1))
    assert (manifest["considered"], manifest["rows"], manifest["refused"]["withdrawn"]) == (2, 1, 1)


def test_the_manifest_describes_the_file(small: Any) -> None:
    small.release()
    export_all(small.lake, small.run, open_gate)
    found = published(small.lake, 1)
    assert set(found) == {"ad_platform", "email_tool"}
    for destination, manifest in found.items():
        path = folder(small.lake, destination, 1) / DATA
        assert manifest["data"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert manifest["data"]["bytes"] == path.stat().st_size
        assert manifest["rows"] == len(rows_of(path.parent)) == 1
        assert [column["name"] for column in manifest["data"]["columns"]] == list(rows_of(path.parent)[0])
        assert (manifest["release"], manifest["policy_version"]) == (1, small.lake.contracts.policy.version)


def test_the_same_release_gives_the_same_bytes(small: Any) -> None:
    small.release()
    destination = small.lake.contracts.destinations["email_tool"]
    first = {path.name: path.read_bytes() for path in stage(small.lake, destination, 1).iterdir()}
    again = {path.name: path.read_bytes() for path in stage(small.lake, destination, 1).iterdir()}
    assert set(first) == {"data.csv", "retractions.csv", "manifest.json"}
    assert first == again


def test_a_second_run_changes_nothing_and_asks_no_gate(small: Any) -> None:
    small.release()
    first = export(small.lake, small.run, "email_tool", open_gate)
    before = (folder(small.lake, "email_tool", 1) / DATA).stat().st_mtime_ns

    def never(lake: Any, run: Any, staged: Path) -> dict[str, int]:
        raise AssertionError("the export was staged again")

    assert export(small.lake, small.run, "email_tool", never) == first
    assert (folder(small.lake, "email_tool", 1) / DATA).stat().st_mtime_ns == before


def test_a_file_that_was_changed_afterwards_is_reported(small: Any) -> None:
    small.release()
    export(small.lake, small.run, "email_tool", open_gate)
    with (folder(small.lake, "email_tool", 1) / DATA).open("a") as file:
        file.write("one,more\n")
    with pytest.raises(DataError, match="was changed after it was exported"):
        export(small.lake, small.run, "email_tool", open_gate)


def test_without_a_release_there_is_no_export(small: Any) -> None:
    with pytest.raises(UsageError, match="there is no release to export"):
        export(small.lake, small.run, "email_tool", open_gate)


def test_an_unknown_destination_is_refused(small: Any) -> None:
    with pytest.raises(UsageError, match="there is no destination fax"):
        export(small.lake, small.run, "fax", open_gate)


def test_a_closed_gate_leaves_nothing_behind(small: Any) -> None:
    small.release()

    def shut(lake: Any, run: Any, staged: Path) -> dict[str, int]:
        assert rows_of(staged), "the gate sees the staged rows"
        raise GateClosed("the exports gate is closed")

    with pytest.raises(GateClosed):
        export_all(small.lake, small.run, shut)
    assert published(small.lake, 1) == {}
    assert not list(small.lake.settings.exports.rglob("*.csv"))


def test_a_profile_with_two_consents_for_one_purpose_stops_the_export(small: Any) -> None:
    ann = profile_of(small, "Ann")
    small.change("gold.consent_state", lambda rows: [*rows, *(row for row in rows if row["profile_id"] == ann)])
    small.release()
    with pytest.raises(DataError) as caught:
        export(small.lake, small.run, "email_tool", open_gate)
    assert ann in str(caught.value)


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from activation.export import export
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings

def die(lake, run, staged):
    assert (staged / "data.csv").exists()
    os.kill(os.getpid(), signal.SIGKILL)

export(Lake(Settings(home=Path(sys.argv[1]))), Run("run-1", date(2017, 12, 30)), "email_tool", die)
"""


def test_what_a_killed_run_staged_for_an_earlier_release_does_not_stay(small: Any) -> None:
    small.release()
    left = folder(small.lake, "email_tool", 1).with_name("_000001")
    left.mkdir(parents=True)
    (left / "data.csv").touch()
    small.release()
    export(small.lake, small.run, "email_tool", open_gate)
    assert [path.name for path in left.parent.iterdir()] == ["000002"]


def test_a_run_killed_before_the_rename_leaves_no_visible_export(small: Any) -> None:
    small.release()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLEW_")}
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(small.lake.settings.home)],
        env=kept | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    final = folder(small.lake, "email_tool", 1)
    assert [path.name for path in final.parent.iterdir()] == ["_000001"]
    assert published(small.lake, 1) == {}

    export(small.lake, small.run, "email_tool", open_gate)
    assert [path.name for path in final.parent.iterdir()] == ["000001"]
    undisturbed = stage(small.lake, small.lake.contracts.destinations["email_tool"], 1)
    for name in ("data.csv", "manifest.json"):
        assert (undisturbed / name).read_bytes() == (final / name).read_bytes()


def test_publishing_is_one_rename(small: Any) -> None:
    small.release()
    staged = stage(small.lake, small.lake.contracts.destinations["email_tool"], 1)
    inode = staged.stat().st_ino
    final = publish(staged)
    assert not staged.exists()
    assert final.stat().st_ino == inode
