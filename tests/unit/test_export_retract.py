"""Retractions: every address that a destination got and may keep no longer, with the reason, and no other."""

import csv
import datetime
from typing import Any

import pytest

from activation.export import DATA, RETRACTIONS, export, folder, read_manifest
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


def withdraws(small: Any, name: str, purpose: str = "email_marketing") -> None:
    """Let somebody take back their yes, of which the mart then has the later statement."""
    said = {
        "status": "withdrawn",
        "event_id": "consent:later",
        "given_at": datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC),
    }
    person = profile_of(small, name)
    small.change(
        "gold.profile_consents",
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
    small.change("gold.profile_consents", lambda rows: [row for row in rows if row["profile_id"] != ann])
    gives(small, gus="gus@example.com")
    (row,) = exported(small)
    assert (row["profile_id"], row["reason"]) == (ann, "gone")


def test_of_a_profile_that_was_joined_to_another_the_reason_is_that_of_the_other(small: Any) -> None:
    exported(small)
    ann, ben = profile_of(small, "Ann"), profile_of(small, "Ben")  # Ben withdrew
    small.change("gold.profiles", lambda rows: [row for row in rows if row["profile_id"] != ann])
    small.change("gold.profile_consents", lambda rows: [row for row in rows if row["profile_id"] != ann])
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
    found = verify(place, public_key(small.lake.settings))
    assert found.problems == ("retractions.csv is not the file that the manifest describes: it was altered or cut off",)
