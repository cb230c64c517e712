"""`clew explain`: a path of evidence as text, JSON and a page, what keeps two apart, and how a profile was built."""

import json
from pathlib import Path


def test_a_link_is_told_with_its_evidence_and_the_sources_of_both_records(clew) -> None:
    ran = clew("explain", "crm:7", "account:u1")
    assert ran.code == 0
    assert ran.err.startswith("release 1 (as of 2017-12-30)")
    assert ran.out.splitlines() == [
        "crm:7 and account:u1 are one person: profile p-ana",
        "one profile by 1 link; the weakest is email with probability 0.9800",
        "",
        "1. crm:7 (crm)  —  account:u1 (account)",
        "   deterministic, email: weight +5.61, probability 0.9800, rules-1-0-0",
        "   since 2017-12-02, when both were known",
        "   both hold the email 00aa11bb22cc33dd (unique)",
        "      account:u1 from 2017-12-02 to 2017-12-03",
        "      crm:7 from 2017-12-01 to 2017-12-30",
        "",
        "what else was found between the two records themselves",
        "   probabilistic, model: weight +12.00, probability 0.9998, model-1",
        "   since 2017-12-02, when both were known",
        "   before any comparison    +4.00                      │███████",
        "   name                     +8.00                      │█████████████         exact match",
        "   together                +12.00                      │████████████████████",
        "   redundant: its records are joined by stronger edges",
    ]


def test_the_strongest_chain_is_told_with_a_bar_for_each_comparison_and_where_it_is_stopped(clew) -> None:
    lines = clew("explain", "crm:7", "anonymous:a9").out.splitlines()
    assert lines[:2] == ["crm:7 and anonymous:a9 are kept apart:", "profile p-ana and profile p-ben"]
    assert lines[2] == "model would join them but is blocked: two birth dates"
    steps = [line for line in lines if line[:2] in ("1.", "2.")]
    assert steps == [
        "1. crm:7 (crm)  —  account:u1 (account)",
        "2. account:u1 (account)  —  anonymous:a9 (anonymous)",
    ]
    assert "   before any comparison   -10.00  ████████████████████│" in lines
    assert "   name                     +8.00                      │████████████████      exact match" in lines
    assert "   birth_date               -6.00          ████████████│                      all else" in lines
    assert lines.index("   blocked: two birth dates") > lines.index(steps[1])
    assert lines[-1].startswith("   neither side: last_name, birth_date, ")


def test_a_profile_is_told_merge_by_merge_and_by_what_was_refused_around_it(clew) -> None:
    ran = clew("explain", "p-ana")
    assert (ran.code, ran.out) == (0, clew("explain", "email:ana@example.org").out)
    lines = ran.out.splitlines()
    assert lines[:2] == [
        "profile p-ana  2 records, founded by crm:7", "deterministic, probability 0.9800: its weakest link",
    ]  # fmt: skip
    (merge,) = (line.split("  ") for line in lines if line.startswith("    1"))
    assert [cell.strip() for cell in merge if cell.strip()] == [
        "1", "account:u1", "crm:7", "1 + 1", "deterministic, email", "+5.61", "0.9800", "rules-1-0-0", "2017-12-02",
        "account — crm",
    ]  # fmt: skip
    assert lines[-1].startswith("blocked  account:u1  anonymous:a9  model")
    assert lines[-1].endswith("two birth dates")


def test_json_has_its_documented_shape(clew) -> None:
    told = json.loads(clew("explain", "email:ANA@example.org", "account:u1", "--json").out)
    assert list(told) == [
        "left", "right", "left_profile", "right_profile", "verdict", "path", "probability", "obstacle", "reason",
        "beside", "lacking", "records", "left_redirected_from", "right_redirected_from",
    ]  # fmt: skip
    assert told["verdict"] == "same"


def test_a_profile_id_stands_for_its_founder_and_a_retired_one_says_so(clew) -> None:
    assert clew("explain", "p-old", "p-ana").out.splitlines()[:2] == [
        "account:u1 and crm:7 are one person: profile p-ana",
        "p-old is retired: its founder account:u1 is in profile p-ana",
    ]
    told = json.loads(clew("explain", "crm:7", "p-old", "--json").out)
    assert (told["left_redirected_from"], told["right_redirected_from"]) == (None, "p-old")


def test_the_page_is_written_beside_what_is_printed(clew, tmp_path: Path) -> None:
    for who in (("p-ana",), ("crm:7", "anonymous:a9"), ("crm:7", "account:u1")):
        file = tmp_path / "page.html"
        ran = clew("explain", *who, "--html", str(file))
        assert ran.code == 0
        assert ran.out == clew("explain", *who).out
        assert ran.err.endswith(f"the page: {file}\n")
        assert file.stat().st_mode & 0o777 == 0o600
        page = file.read_text(encoding="utf-8")
        assert "From release 1 (as of 2017-12-30)." in page
        assert 'class="graph"' in page
        assert "ana@example.org" not in page


def test_a_page_that_cannot_be_written_there_is_refused_by_name(clew, tmp_path: Path) -> None:
    ran = clew("explain", "p-ana", "--html", str(tmp_path / "nowhere" / "page.html"))
    assert (ran.code, ran.out) == (2, "")
    assert "it cannot be written: No such file or directory" in ran.err


def test_an_unknown_record_is_refused_without_repeating_a_value(clew) -> None:
    ran = clew("explain", "email:nobody@example.org", "crm:7")
    assert ran.code == 1
    assert ran.err.startswith("error: no record holds this email\n")
    assert "nobody" not in ran.err
