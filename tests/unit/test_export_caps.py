"""Caps at export: never exceeded, whatever dies, runs at once or became one person in between."""

import datetime
import hmac
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activation.export import DATA, export, export_all, folder, read_manifest
from contracts.caps import Cap, Caps
from contracts.permission import Moment
from expectations.gate import check_staged
from lakehouse.consent import state_sql
from lakehouse.lake import Lake
from lakehouse.run import Run
from tests.conftest import profile_id
from tests.unit.test_export import open_gate, rows_of

WEEK = {"few": Cap(channels=("email",), at_most=1, days=7, why="not too many")}
FATIGUE = {"fatigue": Cap(at_most=1, days=1, why="one a day")}
NAMES = ("ad_platform", "email_tool")


def cap(lake: Lake, caps: dict[str, Cap], **priorities: int) -> None:
    """Let a lake have other caps, and destinations other priorities."""
    lake.contracts.__dict__["caps"] = Caps.model_construct(caps=caps)
    for name, priority in priorities.items():
        declared = lake.contracts.destinations[name]
        lake.contracts.destinations[name] = declared.model_copy(update={"priority": priority})


def got(lake: Lake) -> list[tuple[str, int, str]]:
    """Who was handed over, by destination and release."""
    rows = lake.arrow("ops.deliveries").to_pylist()
    return sorted((row["destination"], row["release"], row["profile_id"]) for row in rows)


def delivered(small: Any, profile: str, days_ago: int = 0, release: int = 99, **more: Any) -> None:
    """Write down a delivery of another tool."""
    row = {
        "destination": "other", "channel": "email", "purpose": "email_marketing", "release": release,
        "as_of": small.run.as_of - datetime.timedelta(days_ago), "profile_id": profile, "address_hashes": [],
        "mailbox_hashes": [], "delivered_at": datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC),
    }  # fmt: skip
    small.lake.append("ops.deliveries", [row | more])


def test_who_got_enough_is_refused_until_the_window_is_over(small: Any) -> None:
    cap(small.lake, WEEK)
    for release, (as_of, rows) in enumerate(((30, 1), (30, 0), (31, 0), (37, 1)), 1):
        small.run = Run(f"run-{release}", datetime.date(2017, 12, 1) + datetime.timedelta(as_of - 1))
        small.release()
        made = export(small.lake, small.run, "email_tool", check_staged)
        assert (made["rows"], made["considered"]) == (rows, 7)
        manifest = read_manifest(folder(small.lake, "email_tool", release))
        assert manifest["refused"]["capped"] == 1 - rows
        assert manifest["capped"] == ({} if rows else {"few": {"people": 1, "until": {"2018-01-06": 1}}})
    assert got(small.lake) == [("email_tool", release, profile_id("ann")) for release in (1, 4)]


def test_who_got_enough_is_taken_out_again_where_nobody_ever_refused_anything(small: Any) -> None:
    cap(small.lake, WEEK)
    small.change("silver.consents", lambda rows: [row for row in rows if row["status"] == "granted"])
    with small.lake.duck() as connection:
        moment = Moment(small.run.as_of, heeds_later_refusals=True)
        state = connection.sql(state_sql(small.lake.contracts.policy, moment)).to_arrow_table()
    small.lake.overwrite("gold.consent_state", state)
    rows = []
    for _ in range(2):
        small.release()
        rows.append(export(small.lake, small.run, "email_tool", check_staged)["rows"])
    assert rows[0] > 0
    assert rows[1] == 0
    assert read_manifest(folder(small.lake, "email_tool", 2))["retractions"]["rows"] > 0


def test_another_channel_is_not_counted_by_a_cap_of_one(small: Any) -> None:
    cap(small.lake, WEEK)
    for _ in range(2):
        small.release()
        assert export(small.lake, small.run, "ad_platform", open_gate)["rows"] == 1
    assert export(small.lake, small.run, "email_tool", open_gate)["rows"] == 1


@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("order", list(itertools.permutations(NAMES)), ids="-".join)
def test_a_scarce_delivery_is_of_who_comes_first_by_declaration_in_whatever_order_they_run(
    small: Any, first: str, order: tuple[str, ...]
) -> None:
    cap(small.lake, FATIGUE, **{first: 1})
    small.release()
    made = {name: export(small.lake, small.run, name, check_staged)["rows"] for name in order}
    assert made == {name: int(name == first) for name in NAMES}


def test_all_exports_run_in_the_declared_order(small: Any) -> None:
    cap(small.lake, FATIGUE, email_tool=1)
    small.release()
    made = export_all(small.lake, small.run, open_gate)
    assert list(made) == ["email_tool", "email_tool_refused", "ad_platform", "ad_platform_refused"]
    assert (made["email_tool"], made["ad_platform"]) == (1, 0)


def test_what_a_retired_profile_got_counts_for_the_one_it_became(small: Any) -> None:
    cap(small.lake, {"few": WEEK["few"].model_copy(update={"at_most": 2})})
    small.release()
    delivered(small, profile_id("ann"), 3)
    delivered(small, profile_id("ann's browser"), 5)
    assert export(small.lake, small.run, "email_tool", check_staged)["refused"] == 7
    manifest = read_manifest(folder(small.lake, "email_tool", 1))
    assert manifest["capped"] == {"few": {"people": 1, "until": {"2018-01-01": 1}}}


def test_who_split_off_begins_anew_where_nothing_was_sent_and_the_founders_part_does_not(small: Any) -> None:
    cap(small.lake, WEEK)
    delivered(small, profile_id("ann's browser"))

    def split(rows: Any) -> None:
        for row in rows:
            if row["record_id"] == "anonymous:ann":
                row.update(profile_id=row["own_profile_id"], kind="founder", founder_record_id=row["record_id"])

    small.change("identity.assignments", split)
    small.release()
    assert export(small.lake, small.run, "email_tool", open_gate)["rows"] == 1


def test_who_split_off_has_got_at_the_same_mailbox_what_it_got_under_the_id_before(small: Any) -> None:
    cap(small.lake, WEEK)
    small.release()
    assert export(small.lake, small.run, "email_tool", check_staged)["rows"] == 1
    new = {profile_id("ann"): "p-split"}
    for table in ("gold.profiles", "gold.profile_contact", "gold.consent_state", "identity.assignments"):
        small.change(
            table,
            lambda rows: [
                row | {name: new.get(row[name], row[name]) for name in ("profile_id", "own_profile_id") if name in row}
                for row in rows
            ],
        )
    small.change(
        "gold.profile_contact",
        lambda rows: [
            row | ({"email": "a.n.n.example+x@gmail.com"} if row["profile_id"] == "p-split" else {}) for row in rows
        ],
    )
    small.release()
    export(small.lake, small.run, "email_tool", check_staged)
    manifest = read_manifest(folder(small.lake, "email_tool", 2))
    assert (manifest["rows"], manifest["capped"]["few"]["people"]) == (0, 1)


@pytest.mark.parametrize(("at_most", "before", "rows"), [(1, 0, 1), (2, 0, 2), (2, 1, 1), (2, 2, 0)])
def test_two_people_of_one_mailbox_share_its_cap_in_one_export(
    small: Any, at_most: int, before: int, rows: int
) -> None:
    cap(small.lake, {"few": Cap(channels=("ads",), at_most=at_most, days=7, why="not too many")})
    _gus_allows_advertising(small)
    mailbox = hmac.digest(small.lake.settings.privacy_key, b"annexample@gmail.com", "sha256").hex()
    for number in range(before):  # to the same mailbox
        delivered(small, f"p-{number}", 3, 90 + number, channel="ads", mailbox_hashes=[("email", mailbox)])
    small.release()

    made = export(small.lake, small.run, "ad_platform", check_staged)

    assert made["rows"] == rows
    manifest = read_manifest(folder(small.lake, "ad_platform", 1))
    assert manifest["refused"]["capped"] == 2 - rows


def _gus_allows_advertising(small: Any) -> None:
    """Gus, who has Ann's mailbox, says yes as she did."""
    yes = {"event_id": "consent:gus", "record_id": "account:gus", "position": 900}
    theirs = [row for row in small.rows("silver.consents")
              if (row["purpose"], row["record_id"]) == ("advertising", "account:ann")]  # fmt: skip
    small.change("silver.consents", lambda rows: [*rows, theirs[0] | yes])
    state = next(row for row in small.rows("gold.consent_state")
                 if (row["profile_id"], row["purpose"]) == (profile_id("ann"), "advertising"))  # fmt: skip
    gus = state | {"profile_id": profile_id("gus"), "event_id": "consent:gus"}
    small.change(
        "gold.consent_state",
        lambda rows: [gus if (row["profile_id"], row["purpose"]) == (profile_id("gus"), "advertising") else row
                      for row in rows],
    )  # fmt: skip


def test_an_export_made_anew_has_the_same_bytes(small: Any) -> None:
    cap(small.lake, FATIGUE)
    small.release()
    export_all(small.lake, small.run, check_staged)
    for name in NAMES:
        made = folder(small.lake, name, 1)
        before = {path.name: path.read_bytes() for path in made.iterdir()}
        shutil.rmtree(made)
        export(small.lake, small.run, name, check_staged)
        assert {path.name: path.read_bytes() for path in made.iterdir()} == before
    assert got(small.lake) == [("ad_platform", 1, profile_id("ann"))]


PROCESS = """
import os, signal, sys
from datetime import date
from pathlib import Path
from activation import deliveries, export as step
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from tests.unit.test_export_caps import FATIGUE, cap
from tests.unit.test_export import open_gate

def die(*told, **more):
    os.kill(os.getpid(), signal.SIGKILL)

home, name, killed_at = sys.argv[1:]
lake = Lake(Settings(home=Path(home)))
cap(lake, FATIGUE)
gate = die if killed_at == "gate" else open_gate
if killed_at == "claim":
    deliveries.record = die
elif killed_at == "rename":
    step.publish = die
elif killed_at == "audit":
    step.act_of = die
step.export(lake, Run("run-1", date(2017, 12, 30)), name, gate)
"""


def process(small: Any, name: str, killed_at: str = "") -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLEW_")}
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(small.lake.settings.home), name, killed_at],
        env=kept | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("killed_at", ["gate", "claim", "rename", "audit"])
def test_a_claim_whose_export_was_killed_is_completed_by_the_next_try_and_counted_once(
    small: Any, killed_at: str
) -> None:
    cap(small.lake, FATIGUE)
    small.release()
    died = process(small, "ad_platform", killed_at)
    _, told = died.communicate(timeout=300)
    assert died.returncode == -signal.SIGKILL, told
    assert folder(small.lake, "ad_platform", 1).exists() == (killed_at == "audit")
    assert export(small.lake, small.run, "email_tool", check_staged)["rows"] == 0
    assert export(small.lake, small.run, "ad_platform", check_staged)["rows"] == 1
    assert [row["profile_id"] for row in rows_of(folder(small.lake, "ad_platform", 1))] == [profile_id("ann")]
    assert got(small.lake) == [("ad_platform", 1, profile_id("ann"))]


def test_two_exports_at_once_do_not_both_take_the_last_delivery(small: Any) -> None:
    small.release()
    running = [process(small, name) for name in NAMES]
    for one in running:
        _, told = one.communicate(timeout=300)
        assert one.returncode == 0, told
    assert got(small.lake) == [("ad_platform", 1, profile_id("ann"))]
    assert (folder(small.lake, "email_tool", 1) / DATA).exists()


def test_the_command_shows_how_near_people_are_and_who_is_full(clew: Any, exported: Path) -> None:
    shown = clew("caps", home=exported)
    assert shown.err == "on 2017-12-30, the date of release 1\n"
    assert [line.split("  ")[0] for line in shown.out.splitlines()[2:]] == ["email_offers", "fatigue"]
    assert "1 have got 1" in shown.out
    assert clew("caps", "--people", home=exported).out.splitlines()[2:] == []
