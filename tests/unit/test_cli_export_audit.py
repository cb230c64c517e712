"""`clew export` and `clew audit`: what they say, and how they end, where all holds and where it does not."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from contracts import HERE
from lakehouse.lake import Lake
from lakehouse.settings import Settings


def test_exports_that_hold_are_listed_and_proved(clew, exported: Path) -> None:
    listed = clew("export", "list", home=exported)
    assert [line.split()[:5] for line in listed.out.splitlines()[2:]] == [
        ["ad_platform", "1", "advertising", "1", "6"],
        ["email_tool", "1", "email_marketing", "1", "6"],
    ]
    proved = clew("export", "verify", home=exported)
    assert (proved.code, proved.err) == (0, "2 exports hold\n")
    assert [line.split()[-1] for line in proved.out.splitlines()[2:]] == ["holds", "holds"]


def test_an_export_that_was_altered_ends_with_1_and_says_what_is_wrong(clew, exported: Path) -> None:
    with (exported / "exports" / "email_tool" / "000001" / "data.csv").open("a") as file:
        file.write("eve@example.com,Eve,,p_0,m1,2017-1,1-0-0,founder,1.0,1\n")
    ran = clew("export", "verify", "email_tool", home=exported)
    assert (ran.code, ran.err) == (1, "1 of 1 export do not hold\n")
    assert "  data.csv is not the file that the manifest describes: it was altered or cut off" in ran.out
    assert "  data.csv has 2 rows, and the manifest says 1" in ran.out
    assert "eve@" not in ran.out
    assert clew("export", "verify", "ad_platform", home=exported).code == 0


def test_a_receiver_proves_a_folder_by_the_public_key_alone(clew, exported: Path, tmp_path: Path) -> None:
    key = clew("export", "key", home=exported).out.strip()
    sent = shutil.copytree(exported / "exports" / "email_tool" / "000001", tmp_path / "sent")
    elsewhere = tmp_path / "elsewhere"
    ran = clew("export", "verify", "--folder", str(sent), "--public-key", key, home=elsewhere)
    assert ran.code == 0
    assert ran.err == "1 export holds; permissions were not looked up, which needs the lake\n"
    assert not elsewhere.exists()
    unsaid = clew("export", "verify", "--folder", str(sent), home=elsewhere)
    assert (unsaid.code, "--public-key" in unsaid.err) == (2, True)


def test_what_was_done_is_listed_and_holds(clew, exported: Path) -> None:
    listed = clew("audit", "list", "--limit", "2", home=exported)
    assert listed.err == f"2 of {len(list(HERE.rglob('*.yml'))) + 3} entries\n"  # a release, two exports
    assert "export email_tool 1" in listed.out.splitlines()[2]
    held = clew("audit", "verify", home=exported)
    total = listed.err.split()[2]
    assert (held.code, held.out) == (0, f"{total} entries hold: none altered, none removed\n")


def test_an_audit_that_was_cut_off_ends_with_1(clew, exported: Path) -> None:
    (exported / ".clew" / "audit.head").unlink()
    ran = clew("audit", "verify", "--json", home=exported)
    assert ran.code == 1
    assert json.loads(ran.out)["problems"] == [
        "the note of the newest entry is missing, so entries may be missing at the end"
    ]


def test_a_lake_in_which_nothing_was_written_down_says_so(clew, unread: Path) -> None:
    assert clew("audit", "list", home=unread).err == "nothing was written down yet; start with: clew run\n"


@pytest.fixture
def withdrawn(exported: Path) -> Path:
    """The same workspace after Ann took back both of her yeses."""
    lake = Lake(Settings(home=exported))
    said = lake.arrow("silver.consents").to_pylist()
    landed = dt.datetime.now(dt.UTC)  # after both deliveries, however quick the machine
    later = {"status": "withdrawn", "given_at": dt.datetime(2018, 1, 1, tzinfo=dt.UTC), "received_at": landed}
    more = [
        row | later | {"event_id": f"{row['event_id']}-later"}
        for row in said
        if row["record_id"] == "account:ann" and row["status"] == "granted"
    ]
    lake.append("silver.consents", more)
    return exported


def test_withdrawals_are_counted_retracted_listed_and_proved(clew, withdrawn: Path) -> None:
    asked = clew("privacy", "--dry-run", home=withdrawn)
    assert (asked.code, asked.err) == (0, "2 would be retracted; nothing was written\n")
    assert not list((withdrawn / "exports").rglob("retractions/*"))
    ran = clew("privacy", "--retract-only", home=withdrawn)
    assert ran.code == 0
    assert [line.split() for line in ran.out.splitlines()[2:]] == [["ad_platform", "1"], ["email_tool", "1"]]
    listed = clew("export", "retractions", home=withdrawn)
    assert "withdrawn 1" in listed.out
    assert "2 withdrawals of what was handed over: landed to retraction written, median" in listed.err
    told = json.loads(clew("export", "retractions", "--json", home=withdrawn).out)
    assert told["landed_to_written"]["withdrawals"] == 2
    assert told["landed_to_written"]["worst_seconds"] >= told["landed_to_written"]["median_seconds"] > 0
    proved = clew("export", "verify", home=withdrawn)
    assert (proved.code, proved.err) == (0, "2 exports and 2 retractions hold\n")
    assert clew("audit", "verify", home=withdrawn).code == 0
    again = clew("privacy", "--retract-only", home=withdrawn)
    assert "nobody is to be retracted" in again.err


def test_a_withdrawal_that_landed_before_the_delivery_is_counted_beside_the_worst(clew, withdrawn: Path) -> None:
    lake = Lake(Settings(home=withdrawn))
    given = {row["destination"]: row["delivered_at"] for row in lake.arrow("ops.deliveries").to_pylist()}
    said = lake.arrow("silver.consents").to_pylist()
    before = given["email_tool"] - dt.timedelta(hours=2)  # it lay unconformed while the export was made
    for row in said:
        if row["event_id"].endswith("-later") and row["purpose"] == "email_marketing":
            row["received_at"] = before
    lake.overwrite("silver.consents", said)
    assert clew("privacy", "--retract-only", home=withdrawn).code == 0
    listed = clew("export", "retractions", home=withdrawn)
    assert listed.err.startswith("2 withdrawals of what was handed over: landed to retraction written, median ")
    assert "; 1 not timed, since they landed before the last delivery: at most 7" in listed.err
    told = json.loads(clew("export", "retractions", "--json", home=withdrawn).out)
    assert (told["landed_to_written"]["withdrawals"], told["landed_to_written"]["untimed"]) == (1, 1)
    assert told["landed_to_written"]["untimed_worst_seconds"] > 7200 > told["landed_to_written"]["worst_seconds"]
    found = {row["destination"]: (row["worst_seconds"] is None, row["untimed"]) for row in told["retractions"]}
    assert found == {"email_tool": (True, 1), "ad_platform": (False, 0)}
    said = {row["message"] for row in lake.arrow("ops.runs").to_pylist() if row["step"] == "retract"}
    assert any("1 not timed, since they landed before the last delivery" in (message or "") for message in said)


def test_a_new_key_is_printed_and_what_was_sealed_before_still_holds(clew, exported: Path) -> None:
    old = clew("export", "key", home=exported).out.strip()
    ran = clew("audit", "rotate-key", home=exported)
    assert (ran.code, old in ran.err) == (0, True)
    assert clew("export", "key", home=exported).out == ran.out
    assert clew("export", "verify", home=exported).code == 0
    assert clew("audit", "verify", home=exported).code == 0


def test_a_damaged_manifest_hides_no_other_export(clew, exported: Path) -> None:
    (exported / "exports" / "ad_platform" / "000001" / "manifest.json").write_text("{")
    listed = clew("export", "list", home=exported)
    assert (listed.code, "email_tool" in listed.out, "cannot be read" in listed.err) == (0, True, True)
    proved = clew("export", "verify", home=exported)
    assert (proved.code, proved.err) == (1, "1 of 2 exports do not hold\n")
