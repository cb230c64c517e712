"""Retractions: every address that a destination got and may keep no longer, with the reason, and no other."""

import csv
import datetime
import json
import shutil
from typing import Any

import pytest

from activation.export import DATA, RETRACTIONS, export, folder, read_manifest
from activation.files import sha256
from activation.verify import verify
from lakehouse.errors import DataError
from lakehouse.seal import public_key
from tests.unit.test_export import gives, open_gate, profile_of


def exported(small: Any, destination: str = "email_tool") -> list[dict[str, str]]:
    """The retractions of the next release's export."""
    path = folder(small.lake, destination, small.release())
    export(small.lake, small.run, destination, open_gate)
    with (path / RETRACTIONS).open(newline="") as file:
        return list(csv.DictReader(file))


def withdraws(small: Any, name: str, purpose: str = "email_marketing", event: str = "consent:later") -> None:
    """Let somebody take back their yes, of which the mart then has the later statement."""
    said = {
        "status": "withdrawn",
        "event_id": event,
        "given_at": datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC),
    }
    person = profile_of(small, name)
    small.change(
        "gold.consent_state",
        lambda rows: [row | (said if (row["profile_id"], row["purpose"]) == (person, purpose) else {}) for row in rows],
    )


def test_the_first_export_retracts_nothing(small: Any) -> None:
    assert exported(small) == []
    told = read_manifest(folder(small.lake, "email_tool", 1))["retractions"]
    assert (told["since"], told["rows"], told["because"]) == (None, 0, {})


def test_who_withdraws_is_retracted_once_with_the_statement_that_says_so(small: Any) -> None:
    exported(small)
    withdraws(small, "Ann")
    ann = {"email": "Ann.Example@gmail.com", "profile_id": profile_of(small, "Ann"), "reason": "withdrawn",
           "consent_event_id": "consent:later", "known_since": "", "exported_in": "1",
           "address_hashes": ""}  # fmt: skip
    assert exported(small) == [ann]
    told = read_manifest(folder(small.lake, "email_tool", 2))["retractions"]
    assert (told["since"], told["rows"], told["because"]) == (1, 1, {"withdrawn": 1})
    assert exported(small) == []


def test_a_refusal_named_by_what_a_spreadsheet_would_run_is_retracted_without_that_name(small: Any) -> None:
    exported(small)
    withdraws(small, "Ann", event='consent:k;=HYPERLINK("x")')
    ((row),) = exported(small)
    assert (row["email"], row["reason"], row["consent_event_id"]) == ("Ann.Example@gmail.com", "withdrawn", "")


def test_an_address_that_another_row_still_has_is_not_retracted(small: Any) -> None:
    exported(small)
    gives(small, ann="new@example.com", gus="ANN.example@gmail.com")
    assert exported(small) == []


def test_the_address_before_is_retracted_of_somebody_who_has_another(small: Any) -> None:
    exported(small)
    gives(small, ann="new@example.com", gus="gus@example.com")
    ((row),) = exported(small)
    assert (row["email"], row["reason"], row["consent_event_id"]) == ("Ann.Example@gmail.com", "other_address", "")


def test_of_two_match_keys_the_one_that_stays_is_left_empty(small: Any) -> None:
    exported(small, "ad_platform")
    gives(small, ann="new@example.com")
    (row,) = exported(small, "ad_platform")
    assert row["email_sha256"]
    assert not row["phone_sha256"]


def test_who_is_in_the_lake_no_more_is_retracted(small: Any) -> None:
    exported(small)
    ann = profile_of(small, "Ann")
    small.change("gold.profiles", lambda rows: [row for row in rows if row["profile_id"] != ann])
    small.change("gold.consent_state", lambda rows: [row for row in rows if row["profile_id"] != ann])
    gives(small, gus="gus@example.com")
    (row,) = exported(small)
    assert (row["profile_id"], row["reason"]) == (ann, "gone")


def test_of_a_profile_that_was_joined_to_another_the_reason_is_that_of_the_other(small: Any) -> None:
    exported(small)
    ann, ben = profile_of(small, "Ann"), profile_of(small, "Ben")  # Ben withdrew
    small.change("gold.profiles", lambda rows: [row for row in rows if row["profile_id"] != ann])
    small.change("gold.consent_state", lambda rows: [row for row in rows if row["profile_id"] != ann])
    small.change("gold.profile_redirects", lambda rows: [{"retired_profile_id": ann, "profile_id": ben}])
    gives(small, gus="gus@example.com")
    (row,) = exported(small)
    assert (row["profile_id"], row["reason"]) == (ann, "withdrawn")


def test_an_export_before_that_was_altered_stops_the_next_since_nobody_can_tell_what_to_retract(small: Any) -> None:
    exported(small)
    data = folder(small.lake, "email_tool", 1) / DATA
    data.write_text(data.read_text().replace("Ann.", "Eve."))
    small.release()
    with pytest.raises(DataError, match="was changed after it was exported"):
        export(small.lake, small.run, "email_tool", open_gate)


def test_retractions_altered_on_their_way_do_not_hold(small: Any) -> None:
    exported(small)
    withdraws(small, "Ann")
    exported(small)
    place = folder(small.lake, "email_tool", 2)
    lines = (place / RETRACTIONS).read_text().splitlines(keepends=True)
    (place / RETRACTIONS).write_text(lines[0])
    found = verify(place, [public_key(small.lake.settings)])
    assert found.problems == ("retractions.csv is not the file that the manifest describes: it was altered or cut off",)


def test_the_retractions_are_known_though_the_folder_of_the_export_before_is_gone(small: Any) -> None:
    exported(small)
    shutil.rmtree(folder(small.lake, "email_tool", 1))
    withdraws(small, "Ann")
    assert [(row["email"], row["exported_in"]) for row in exported(small)] == [("Ann.Example@gmail.com", "1")]


def test_an_export_before_that_was_altered_with_its_checksum_stops_the_next(small: Any) -> None:
    exported(small)
    place = folder(small.lake, "email_tool", 1)
    (place / DATA).write_text((place / DATA).read_text().replace("Ann.", "Eve."))
    manifest = read_manifest(place)
    manifest["data"] |= {"sha256": sha256(place / DATA), "bytes": (place / DATA).stat().st_size}
    (place / "manifest.json").write_text(json.dumps(manifest))
    small.release()
    with pytest.raises(DataError, match="was changed after it was exported"):
        export(small.lake, small.run, "email_tool", open_gate)


def test_a_destination_that_got_other_address_fields_before_is_told_of_those(small: Any) -> None:
    exported(small, "ad_platform")
    declared = small.lake.contracts.destinations
    fields = {"phone_sha256": declared["ad_platform"].fields["phone_sha256"]}
    narrower = {"fields": fields, "address": ("phone_sha256",), "version": "2-0-0"}
    declared["ad_platform"] = declared["ad_platform"].model_copy(update=narrower)
    ((row,)) = exported(small, "ad_platform")
    assert (row["phone_sha256"], len(row["email_sha256"]), row["reason"]) == ("", 64, "other_address")


def test_an_export_of_before_the_ledger_is_written_into_it_from_its_file(small: Any) -> None:
    exported(small)
    before = small.rows("ops.deliveries")
    small.change("ops.deliveries", lambda rows: [])
    withdraws(small, "Ann")
    assert [row["email"] for row in exported(small)] == ["Ann.Example@gmail.com"]
    (made,) = small.rows("ops.deliveries")
    assert made | {"delivered_at": None} == before[0] | {"delivered_at": None}


def test_no_address_stays_where_an_export_could_not_be_sealed(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("activation.export.sealed", fails)
    small.release()
    with pytest.raises(OSError, match="disk is full"):
        export(small.lake, small.run, "email_tool", open_gate)
    assert not list(small.lake.settings.exports.rglob("*.csv"))
