"""The proof of an export: what was altered on its way, and what should never have left, is named."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activation.export import DATA, MANIFEST, export, folder, read_manifest
from activation.files import sha256
from activation.verify import exports_of, verify
from lakehouse.errors import UsageError
from lakehouse.seal import known_keys, public_key, sealed
from lakehouse.settings import Settings
from tests.unit.test_export import open_gate, profile_of, rows_of


@pytest.fixture
def made(small: Any) -> Any:
    small.release()
    export(small.lake, small.run, "email_tool", open_gate)
    return small


def at(made: Any) -> Path:
    return folder(made.lake, "email_tool", 1)


def proof(made: Any) -> Any:
    return verify(at(made), [public_key(made.lake.settings)], made.lake)


def test_an_export_that_nobody_touched_holds(made: Any) -> None:
    found = proof(made)
    assert found.problems == ()
    assert (found.destination, found.release, found.rows) == ("email_tool", 1, 1)
    assert found.checked == ("seal", "file", "receipts", "ledger")


def test_a_file_altered_on_its_way_does_not_hold(made: Any) -> None:
    data = at(made) / DATA
    data.write_text(data.read_text().replace("Ann.Example", "Eve.Example"))
    assert proof(made).problems == (
        "data.csv is not the file that the manifest describes: it was altered or cut off",
        f"1 profile ({profile_of(made, 'Ann')}) have another address than ops.deliveries",
    )


def test_a_manifest_altered_to_fit_an_altered_file_does_not_hold(made: Any) -> None:
    written(made, lambda rows: [row | {"email": "eve@example.com"} for row in rows], made.lake.settings, seal=False)
    assert proof(made).problems == (
        "the manifest: it is not what was sealed: it was altered",
        f"1 profile ({profile_of(made, 'Ann')}) have another address than ops.deliveries",
    )


def test_a_manifest_sealed_by_others_does_not_hold(made: Any) -> None:
    written(made, lambda rows: rows, Settings(signing_secret=SecretStr("44" * 32)))
    assert proof(made).problems == ("the manifest: it was sealed with another key",)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"consent_event_id": "consent:m2"}, "name a consent event that is not theirs"),
        ({"notice_version": "2016-1"}, "name another notice than their consent event"),
        ({"notice_version": ""}, "have no whole receipt"),
        ({"release": "2"}, "name another release or policy than the manifest"),
        ({"policy_version": "0-9-0"}, "name another release or policy than the manifest"),
    ],
)
def test_a_row_that_is_not_allowed_is_named_though_seal_and_checksum_hold(made: Any, change: Any, says: str) -> None:
    written(made, lambda rows: [row | change for row in rows], made.lake.settings)
    assert f"1 profile ({profile_of(made, 'Ann')}) {says}" in proof(made).problems


def test_a_person_who_took_back_their_yes_is_named_though_the_row_names_the_yes(made: Any) -> None:
    ben = profile_of(made, "Ben")
    said = [row for row in made.rows("silver.consents") if row["record_id"] == "crm:ben"]
    (yes,) = (row for row in said if row["status"] == "granted" and row["purpose"] == "email_marketing")
    change = {"profile_id": ben, "consent_event_id": yes["event_id"], "notice_version": yes["notice_version"]}
    written(made, lambda rows: [row | change for row in rows], made.lake.settings)
    later = "refused email_marketing at or after the consent event that they name"
    assert f"1 profile ({ben}) {later}" in proof(made).problems
    assert f"1 profile ({ben}) not in ops.deliveries" in proof(made).problems


def test_a_person_who_is_in_it_twice_is_named(made: Any) -> None:
    written(made, lambda rows: rows * 2, made.lake.settings)
    assert proof(made).problems == (f"1 profile ({profile_of(made, 'Ann')}) in more rows than one",)


def test_a_receiver_without_the_lake_checks_seal_and_file(made: Any) -> None:
    found = verify(at(made), [public_key(made.lake.settings)])
    assert (found.problems, found.checked) == ((), ("seal", "file"))


def test_an_export_that_cannot_be_read_is_a_problem_and_no_crash(made: Any) -> None:
    (at(made) / MANIFEST).write_text("{")
    assert proof(made).problems == ("manifest.json cannot be read: it was altered or cut off",)


def test_data_that_are_no_csv_any_more_are_told_as_altered_and_a_missing_file_as_missing(made: Any) -> None:
    with (at(made) / DATA).open("a") as file:
        file.write("x\n")
    found = proof(made)
    assert found.problems[0] == "data.csv is not the file that the manifest describes: it was altered or cut off"
    assert found.destination == "email_tool"
    (at(made) / MANIFEST).unlink()
    assert proof(made).problems == ("there is no manifest.json",)


def test_a_manifest_put_into_another_folder_does_not_hold(made: Any) -> None:
    moved = shutil.copytree(at(made), at(made).with_name("000007"))
    assert (
        "the manifest is of email_tool, release 1, and not of its folder"
        in verify(moved, [public_key(made.lake.settings)], made.lake).problems
    )


def test_of_a_release_that_is_kept_no_more_the_rest_is_proved(made: Any) -> None:
    made.change("ops.releases", lambda rows: [row for row in rows if row["release"] != 1])
    found = proof(made)
    assert (found.problems, found.checked) == ((), ("seal", "file", "ledger"))
    assert found.unchecked == ("release 1 is kept no more, so permissions could not be looked up",)


def test_who_only_checks_makes_no_key(made: Any, tmp_path: Path) -> None:
    fresh = Settings(home=tmp_path / "fresh")
    with pytest.raises(UsageError, match="no key of its seals"):
        known_keys(fresh)
    assert not fresh.state.exists()


def test_what_is_not_there_is_refused_with_what_is(made: Any) -> None:
    with pytest.raises(UsageError, match="there is no such export") as refused:
        exports_of(made.lake, "ad_platform")
    assert refused.value.do == "there is: email_tool 1"


def written(made: Any, change: Callable[[list[dict]], list[dict]], settings: Settings, *, seal: bool = True) -> None:
    """Rows changed by somebody who corrects the manifest, and with ``seal`` has a key, too."""
    place = at(made)
    rows = change(rows_of(place))
    with (place / DATA).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    manifest = read_manifest(place)
    manifest["rows"] = len(rows)
    manifest["data"] |= {"sha256": sha256(place / DATA), "bytes": (place / DATA).stat().st_size}
    (place / MANIFEST).write_text(json.dumps(sealed(settings, manifest) if seal else manifest))
