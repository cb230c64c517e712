"""Whom a holdout keeps away is not exported while it runs, and a file that has them is found out."""

import datetime
import shutil
from pathlib import Path
from typing import Any

import pytest

from activation.export import export, folder, read_manifest
from activation.verify import verify
from contracts import HERE
from contracts.bucketing import bucket, namespace_seed
from contracts.check import check
from contracts.experiment import Namespace
from lakehouse.seal import public_key
from tests.conftest import profile_id
from tests.unit.test_export import open_gate, rows_of

DAY = datetime.date(2017, 12, 30)
"""Of the small lake's release."""


def hold_out(small: Any, name: str, starts_on: datetime.date = DAY, ends_on: datetime.date = DAY) -> None:
    """Let the holdout of mailings hold out one person, by the place that the published hash gives them."""
    place = bucket(namespace_seed("mailings"), profile_id(name), 1)
    declared = small.lake.contracts.experiments["mail_holdout"]
    within = Namespace(name="mailings", start=place, end=place + 0.01)
    changed = {"namespace": within, "starts_on": starts_on, "ends_on": ends_on}
    small.lake.contracts.experiments["mail_holdout"] = declared.model_copy(update=changed)


def exported(small: Any) -> tuple[list[str], dict[str, int]]:
    small.release()
    export(small.lake, small.run, "email_tool", open_gate)
    made = folder(small.lake, "email_tool", small.releases)
    return [row["profile_id"] for row in rows_of(made)], read_manifest(made)["refused"]


def test_who_is_held_out_is_refused_and_counted(small: Any) -> None:
    hold_out(small, "ann")
    people, refused = exported(small)
    assert (people, refused["held_out"]) == ([], 2)  # Gus would be reached at her address


@pytest.mark.parametrize("days", [(-9, -1), (1, 9)])
def test_before_and_after_it_nobody_is_held_out(small: Any, days: tuple[int, int]) -> None:
    hold_out(small, "ann", *(DAY + datetime.timedelta(away) for away in days))
    people, refused = exported(small)
    assert (people, refused["held_out"]) == ([profile_id("ann")], 0)


def test_who_was_reached_before_it_began_is_retracted_when_it_begins(small: Any) -> None:
    hold_out(small, "ann", DAY + datetime.timedelta(1), DAY + datetime.timedelta(1))
    assert exported(small)[0] == [profile_id("ann")]
    small.run = type(small.run)("run-2", DAY + datetime.timedelta(1))
    assert exported(small)[0] == []
    assert read_manifest(folder(small.lake, "email_tool", 2))["retractions"]["because"] == {"held_out": 1}


def test_a_no_is_told_as_a_no_also_of_who_is_held_out(small: Any) -> None:
    hold_out(small, "ben")
    assert exported(small)[1]["held_out"] == 0


def test_an_address_that_who_is_held_out_once_gave_is_kept_away_too(small: Any) -> None:
    once = {"profile_id": profile_id("fay"), "identifier": "email", "value": "ann.example@gmail.com"}
    small.change("gold.profile_identifiers", lambda rows: [once])
    hold_out(small, "fay")
    people, refused = exported(small)
    assert (people, refused["held_out"]) == ([], 2)  # Ann and Gus have it now; at Fay's own a no stands


def proof(small: Any) -> Any:
    return verify(folder(small.lake, "email_tool", 1), [public_key(small.lake.settings)], small.lake)


def test_a_file_with_somebody_held_out_does_not_hold(small: Any) -> None:
    hold_out(small, "cat")
    exported(small)
    assert proof(small).problems == ()
    hold_out(small, "ann")
    assert proof(small).problems == (f"1 profile ({profile_id('ann')}) were to be kept away by a holdout",)
    hold_out(small, "gus")  # who has her address
    assert proof(small).problems == (f"1 profile ({profile_id('ann')}) have an email of who is held out",)


def test_a_holdout_that_changed_since_accuses_nobody(small: Any) -> None:
    hold_out(small, "cat")
    exported(small)
    hold_out(small, "ann")
    declared = small.lake.contracts.experiments["mail_holdout"]
    small.lake.contracts.experiments["mail_holdout"] = declared.model_copy(update={"version": "2-0-0"})
    found = proof(small)
    assert found.problems == ()
    assert found.unchecked == ("mail_holdout changed since: whom it held out then could not be looked up",)


def test_an_export_is_held_out_for_holdouts_only(tmp_path: Path) -> None:
    contracts = shutil.copytree(HERE, tmp_path / "contracts")
    file = contracts / "exports" / "email_tool.yml"
    file.write_text(file.read_text().replace("[mail_holdout]", "[equal_arms, mail_holdout]"))
    assert [problem.what for problem in check(contracts).problems if "holdouts" in str(problem)] == [
        "equal_arms is no experiment of kind holdout"
    ]
