"""`clew explain`: a path of evidence as text and JSON, and what keeps two records apart."""

import json


def test_a_link_is_told_with_its_evidence(clew) -> None:
    ran = clew("explain", "crm:7", "account:u1")
    assert ran.code == 0
    assert ran.err.startswith("release 1 (as of 2017-12-30)")
    assert ran.out.splitlines() == [
        "crm:7 and account:u1 are one person: profile p-ana",
        "one profile by 1 link; the weakest is email with probability 0.9800",
        "",
        "1. account:u1  —  crm:7",
        "   deterministic, email: weight +5.61, probability 0.9800, rules-1-0-0",
        "   both hold the email 00aa11bb22cc33dd (unique)",
        "      account:u1 from 2017-12-02 to 2017-12-03",
        "      crm:7 from 2017-12-01 to 2017-12-30",
    ]


def test_what_keeps_two_apart_is_told_with_a_bar_for_each_comparison(clew) -> None:
    lines = clew("explain", "account:u1", "anonymous:a9").out.splitlines()
    assert lines[:2] == ["account:u1 and anonymous:a9 are kept apart:", "profile p-ana and profile p-ben"]
    assert "   before any comparison   -10.00  ████████████████████│" in lines
    assert "   name                     +8.00                      │████████████████      exact match" in lines
    assert "   birth_date               -6.00          ████████████│                      all else" in lines
    assert lines[-1] == "   blocked: two birth dates"


def test_json_has_its_documented_shape(clew) -> None:
    told = json.loads(clew("explain", "email:ANA@example.org", "account:u1", "--json").out)
    assert list(told) == [
        "left", "right", "left_profile", "right_profile", "verdict", "path", "probability", "obstacle", "reason",
        "unusable", "left_redirected_from", "right_redirected_from",
    ]  # fmt: skip
    assert told["verdict"] == "same"


def test_a_profile_id_stands_for_its_founder_and_a_retired_one_says_so(clew) -> None:
    assert clew("explain", "p-old", "p-ana").out.splitlines()[:2] == [
        "account:u1 and crm:7 are one person: profile p-ana",
        "p-old is retired: its founder account:u1 is in profile p-ana",
    ]
    told = json.loads(clew("explain", "crm:7", "p-old", "--json").out)
    assert (told["left_redirected_from"], told["right_redirected_from"]) == (None, "p-old")


def test_an_unknown_record_is_refused_without_repeating_a_value(clew) -> None:
    ran = clew("explain", "email:nobody@example.org", "crm:7")
    assert ran.code == 1
    assert ran.err.startswith("error: no record holds this email\n")
    assert "nobody" not in ran.err
