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
from contracts.purpose import Purpose
from lakehouse.errors import UsageError
from lakehouse.policies import take
from lakehouse.seal import known_keys, public_key, sealed
from lakehouse.settings import Settings
from tests.conftest import at as day
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
    version, day = made.lake.contracts.policy.version, made.run.as_of
    says = f"might not be used for email_marketing by policy {version} on {day}: withdrawn"
    assert f"1 profile ({ben}) {says}" in proof(made).problems
    assert f"1 profile ({ben}) not in ops.deliveries" in proof(made).problems


def said(small: Any, change: Callable[[list[dict]], list[dict]]) -> None:
    """Change what was said, and leave gold.consent_state, which the export believes, as it was."""
    small.change("silver.consents", change)


def one_more(event: str, **changes: Any) -> Callable[[list[dict]], list[dict]]:
    """What was said, and a statement like the one of this event with other values."""
    return lambda rows: [*rows, next(row for row in rows if row["event_id"] == event) | {"event_id": "x:1"} | changes]


def amended(event: str, **changes: Any) -> Callable[[list[dict]], list[dict]]:
    return lambda rows: [row | (changes if row["event_id"] == event else {}) for row in rows]


def exported(small: Any, destination: str = "email_tool") -> Any:
    """The proof of what an export makes of the lake as it is."""
    small.release()
    export(small.lake, small.run, destination, open_gate)
    assert profile_of(small, "Ann") in {row["profile_id"] for row in rows_of(folder(small.lake, destination, 1))}
    return verify(folder(small.lake, destination, 1), [public_key(small.lake.settings)], small.lake)


def test_where_the_strictest_word_counts_a_browsers_yes_after_an_accounts_no_is_no_permission(small: Any) -> None:
    said(small, amended("consent:m2", record_id="anonymous:ann"))
    said(small, one_more("consent:m2", record_id="account:ann", status="denied", given_at=day(5)))
    version = small.lake.contracts.policy.version
    assert exported(small, "ad_platform").problems == (
        f"1 profile ({profile_of(small, 'Ann')}) might not be used for advertising by policy {version} on 2017-12-30: "
        "denied",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (amended("consent:m1", region="BR"), "jurisdiction"),
        (amended("consent:m1", given_at=day(9).replace(year=2013)), "expired"),
        (one_more("consent:m1", status="snoozed", given_at=day(10)), "snoozed"),
        (one_more("consent:m1", status="denied", given_at=day(30, 23).replace(year=2018)), "denied"),
    ],
)
def test_a_yes_that_does_not_count_is_no_permission(change: Any, reason: str, small: Any) -> None:
    said(small, change)
    (problem,) = exported(small).problems
    assert problem.endswith(f"on 2017-12-30: {reason}")


def test_a_yes_of_somebody_too_young_is_no_permission(small: Any) -> None:
    small.change(
        "identity.records", lambda rows: [row | {"birth_date": day(1).replace(year=2005).date()} for row in rows]
    )
    (problem,) = exported(small).problems
    assert problem.endswith("on 2017-12-30: too_young")


def test_a_yes_is_judged_by_the_policy_that_the_row_names_whatever_is_declared_today(small: Any) -> None:
    take(small.lake, small.run)
    holds = exported(small)
    small.lake.contracts.policy = stricter(small.lake.contracts.policy)
    assert verify(Path(holds.folder), [public_key(small.lake.settings)], small.lake) == holds
    assert (holds.problems, holds.unchecked) == ((), ())


def test_a_row_that_names_a_yes_before_the_one_that_decides_is_named(small: Any) -> None:
    said(small, one_more("consent:m1", given_at=day(10)))
    assert exported(small).problems == (
        f"1 profile ({profile_of(small, 'Ann')}) name another consent event than the one that decides",
    )


def test_who_refused_the_topic_of_the_destination_is_named(small: Any) -> None:
    declared = small.lake.contracts.destinations
    topic, *_ = small.lake.contracts.policy.purposes["email_marketing"].topics
    declared["email_tool"] = declared["email_tool"].model_copy(update={"topic": topic})
    said(small, one_more("consent:m1", status="denied", given_at=day(10), topic=topic))
    assert f"1 profile ({profile_of(small, 'Ann')}) refused or paused the topic {topic}" in exported(small).problems


@pytest.mark.parametrize(
    ("destination", "record", "field"),
    [("email_tool", "account:cat", "email"), ("ad_platform", "crm:ben", "email_sha256")],
)
@pytest.mark.parametrize("spelling", ["annexample@gmail.com", "Ann.Example+shop@googlemail.com"])
def test_an_address_that_another_gave_who_said_no_is_named(
    destination: str, record: str, field: str, spelling: str, small: Any
) -> None:
    given = {"record_id": record, "value": spelling, "raw_value": spelling}
    small.change("identity.identifiers", lambda rows: [*rows, rows[0] | given])
    (problem,) = exported(small, destination).problems
    assert problem.startswith(f"1 profile ({profile_of(small, 'Ann')}) have an {field} that another gave who said no")


def test_what_cannot_be_looked_up_is_told_and_a_later_refusal_is_found_all_the_same(small: Any) -> None:
    said(small, one_more("consent:m1", status="denied", given_at=day(10)))
    found = exported(small)
    contracts = small.lake.contracts
    email_tool = contracts.destinations["email_tool"]
    contracts.destinations["email_tool"] = email_tool.model_copy(update={"version": "9-0-0"})
    again = verify(Path(found.folder), [public_key(small.lake.settings)], small.lake)
    assert again.problems == found.problems
    assert again.unchecked == (
        f"the contract {email_tool.version} of the destination is not the present one: refusals of its topic and by "
        "the same address could not be looked up",
    )
    version, contracts.policy = contracts.policy.version, stricter(contracts.policy)
    again = verify(Path(found.folder), [public_key(small.lake.settings)], small.lake)
    assert again.problems == (
        f"1 profile ({profile_of(small, 'Ann')}) refused email_marketing at or after the consent event that they name",
    )
    assert again.unchecked == (
        f"policy {version} is not among those that runs took (clew policy taken): only later refusals were looked up",
    )


def stricter(policy: Any) -> Any:
    """A policy of another version, in which a yes to e-mail counts for a day."""
    purpose = policy.purposes["email_marketing"].model_dump(exclude_unset=True) | {"expires_after_days": 1}
    purposes = policy.purposes | {"email_marketing": Purpose.model_validate(purpose)}
    return policy.model_copy(update={"purposes": purposes, "version": "9-0-0"})


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
