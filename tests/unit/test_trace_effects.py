"""`clew trace --forward` and exports: a message had an effect on those whose release had it, and on no other."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from activation.export import export_all
from activation.withdrawals import retract
from tests.conftest import SmallLake, profile_id
from tests.unit.lineage_lake import lake_with_lines
from tests.unit.test_export import open_gate

EARLY = "web:m1"
"""A message of Ann's that landed before the first release."""


@pytest.fixture(scope="module")
def told(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """The small lake with raw lines, released and exported; no test changes it."""
    return lake_with_lines(small_template, tmp_path_factory.mktemp("told") / "home")


@pytest.fixture
def lake(told: SmallLake, tmp_path: Path) -> SmallLake:
    return told.copy(tmp_path / "home")


def lands(lake: SmallLake, source: str, **said: Any) -> str:
    """A message of Ann's lands in a second landing, and is conformed."""
    now = dt.datetime.now(dt.UTC)
    line = lake.rows(f"bronze.{source}")[-1]
    line |= {"file": f"{source}/late", "line": 1, "position": 900, "landing": 2, "landed_at": now, "run_id": "run-2"}
    like = next(row for row in lake.rows("silver.events") if row["source"] == source)
    event = like | {"event_id": f"{source}:late", "message_id": "late", "record_id": "account:ann", "position": 900}
    event |= {"part": 0, "landing": 2, "received_at": now}
    lake.change(f"bronze.{source}", lambda rows: [*rows, line])
    lake.change("silver.events", lambda rows: [*rows, event])
    if said:
        row = lake.rows("silver.consents")[0] | {name: event[name] for name in ("event_id", "record_id", "position")}
        lake.change("silver.consents", lambda rows: [*rows, row | {"received_at": now, "given_at": now} | said])
    return f"{source}:late"


def exports(lake: SmallLake, clew: Any, of: str) -> tuple[set[Any], set[Any]]:
    """The exports on which a message had an effect, and the others."""
    ran = clew("trace", "--forward", of, "--json", home=lake.lake.settings.home)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    names = ("destination", "release", "kind")
    return tuple({tuple(item[n] for n in names) for item in found[key]} for key in ("exports", "other_exports"))  # type: ignore[return-value]


DATA_1, DATA_2 = ({(name, release, "data") for name in ("ad_platform", "email_tool")} for release in (1, 2))


def test_an_export_made_before_a_message_landed_is_no_effect_of_it(lake: SmallLake, clew: Any) -> None:
    late = lands(lake, "web")
    lake.release()
    assert exports(lake, clew, late) == (set(), DATA_1)
    export_all(lake.lake, lake.run, open_gate)
    assert exports(lake, clew, late) == exports(lake, clew, "web/late") == (DATA_2, DATA_1)
    assert exports(lake, clew, EARLY) == (DATA_1 | DATA_2, set())
    screen = clew("trace", "--forward", late, home=lake.lake.settings.home).out
    had, others = screen.split("exports still held whose release had it")[1].split("other exports of the same people")
    assert re.search(r"email_tool +2 +data", had)
    assert re.search(r"email_tool +1 +data", others)


def test_a_retraction_is_an_effect_of_the_withdrawal_that_it_names_and_of_nothing_else(
    lake: SmallLake, clew: Any
) -> None:
    lands(lake, "consent", status="withdrawn", purpose="email_marketing")
    retract(lake.lake, lake.run)
    written = {("email_tool", 1, "retraction")}
    assert exports(lake, clew, "consent/late") == (written, set()), "no release has it yet, so nothing else is known"
    assert exports(lake, clew, EARLY) == (DATA_1, written)


def test_what_an_export_takes_out_without_naming_a_cause_follows_from_what_its_release_was_the_first_to_have(
    lake: SmallLake, clew: Any
) -> None:
    late = lands(lake, "web")
    other = {"email": "ann.other@example.com"}
    lake.change("gold.profile_contact", lambda rows: [r | (other if r["first_name"] == "Ann" else {}) for r in rows])
    lake.release()
    export_all(lake.lake, lake.run, open_gate)
    taken_out = {("ad_platform", 2, "retractions")}  # of the e-mail tool, Gus has the address of before
    assert exports(lake, clew, late) == (DATA_2 | taken_out, DATA_1)
    assert exports(lake, clew, EARLY) == (DATA_1 | DATA_2, taken_out)


def test_of_a_release_that_is_kept_no_more_only_what_landed_later_is_ruled_out(lake: SmallLake, clew: Any) -> None:
    late = lands(lake, "web")
    lake.release()
    retired = {"release": 1, "erasure": 1, "at": dt.datetime.now(dt.UTC)}
    lake.lake.append("ops.retired_releases", [retired])
    assert exports(lake, clew, late) == (set(), DATA_1)
    ran = clew("trace", "--forward", EARLY, "--json", home=lake.lake.settings.home)
    found = {(item["release"], item["is_certain"]) for item in json.loads(ran.out)["exports"]}
    assert found == {(1, False)}
    screen = clew("trace", "--forward", EARLY, home=lake.lake.settings.home).out
    assert f"{profile_id('ann')}  perhaps: its release is kept no more" in screen
