"""`clew profile`: every way to name a person, and what is shown of them."""

import json

import pytest


@pytest.mark.parametrize(
    "who",
    [
        "p-ana",
        "crm:7",
        "account:u1",
        "email:ana@example.org",
        "email: ANA@Example.org ",
        "phone:(202) 555-0143",
    ],
)
def test_a_person_is_found_by(clew, who: str) -> None:
    ran = clew("profile", who)
    assert ran.code == 0
    assert ran.out.startswith("profile p-ana  known, 7 events in 2 records\n")


def test_every_value_has_its_source_and_time(clew) -> None:
    held = json.loads(clew("profile", "p-ana", "--json").out)
    assert held["attributes"] == {
        "first_name": {"value": "Ana", "source": "crm", "at": "2017-12-30T09:00:00Z"},
        "email": {"value": "ana@example.org", "source": "web", "at": "2017-12-29T09:00:00Z"},
        "birth_date": {"value": "1980-05-04", "source": "crm", "at": "2017-12-30T09:00:00Z"},
    }


def test_json_has_its_documented_shape(clew) -> None:
    held = json.loads(clew("profile", "p-ana", "--json").out)
    assert list(held) == [
        "profile_id", "release", "as_of", "is_known", "link", "first_seen_at", "last_seen_at", "events",
        "attributes", "identifiers", "consents", "orders", "journey", "records",
    ]  # fmt: skip
    assert held["link"] == {"kind": "deterministic", "probability": 0.98}
    assert held["consents"] == [
        {
            "purpose": "email_marketing",
            "status": "granted",
            "given_at": "2017-12-03T09:00:00Z",
            "notice_version": "2017-1",
            "region": "US",
            "source": "consent",
            "event_id": "consent:c1",
        }
    ]
    assert held["orders"]["sales_value"] == 12.5
    assert [item["stage"] for item in held["journey"]] == ["discovery", "value"]
    assert [(r["record_id"], r["link_kind"], r["probability"]) for r in held["records"]] == [
        ("crm:7", "founder", 1.0),
        ("account:u1", "deterministic", 0.98),
    ]


def test_text_names_each_section_and_the_next_command(clew) -> None:
    out = clew("profile", "p-ana").out
    for section in ("attributes", "identifiers", "consents", "orders", "journey", "records"):
        assert f"\n{section}" in out
    assert "1 order, 12.50 in all" in out
    assert out.rstrip().endswith("why they are one person: clew explain p-ana")


def test_a_person_without_consents_or_orders_shows_none(clew) -> None:
    out = clew("profile", "p-ben", "--release", "live").out
    assert out.count("\nnone\n") == 4


@pytest.mark.parametrize(
    ("who", "code", "what"),
    [
        ("p-nobody", 1, "no profile has this id"),
        ("p-ben", 1, "no profile has this id"),  # not in release 1
        ("email:none@example.org", 1, "no profile holds this email"),
        ("mailbox:0123456789abcdef", 1, "no profile holds this record"),
        ("email:shared@example.org", 1, "2 profiles hold this email"),
        ("twitter:x", 2, "twitter: is no way to name a person"),
    ],
)
def test_a_person_who_is_not_found_is_told_without_repeating_the_value(clew, who: str, code: int, what: str) -> None:
    ran = clew("profile", who)
    assert ran.code == code
    assert ran.err.splitlines()[0] == f"error: {what}"
    assert "@" not in ran.err
    assert "  do:    " in ran.err
