"""`clew export` and `clew audit`: what they say, and how they end, where all holds and where it does not."""

import json
import shutil
from pathlib import Path


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
    assert (ran.code, ran.err) == (1, "1 of 1 exports do not hold\n")
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
    assert listed.err == "2 of 7 entries\n"
    assert "export email_tool 1" in listed.out.splitlines()[2]
    held = clew("audit", "verify", home=exported)
    assert (held.code, held.out) == (0, "7 entries hold: none altered, none removed\n")


def test_an_audit_that_was_cut_off_ends_with_1(clew, exported: Path) -> None:
    (exported / ".clew" / "audit.head").unlink()
    ran = clew("audit", "verify", "--json", home=exported)
    assert ran.code == 1
    assert json.loads(ran.out)["problems"] == [
        "the note of the newest entry is missing, so entries may be missing at the end"
    ]


def test_a_lake_in_which_nothing_was_written_down_says_so(clew) -> None:
    assert clew("audit", "list").err == "nothing was written down yet; start with: clew run\n"
