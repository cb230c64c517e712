"""`clew profile`: every way to name a person, and what is shown of them."""

import json

import pytest

from clew.identifiers import print_identifiers
from tests.silver import at


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
        "profile_id", "redirected_from", "release", "as_of", "is_known", "link", "first_seen_at", "last_seen_at",
        "events", "attributes", "identifiers", "consents", "orders", "journey", "records",
    ]  # fmt: skip
    assert held["link"] == {"kind": "deterministic", "probability": 0.98}
    assert held["consents"] == [
        {
            "purpose": "email_marketing",
            "status": "granted",
            "may_use": True,
            "rule": "latest",
            "given_at": "2017-12-03T09:00:00Z",
            "expires_at": "2020-12-02T09:00:00Z",
            "notice_version": "2017-1",
            "jurisdiction": "united_states",
            "topics_refused": None,
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


def test_of_many_orders_the_newest_are_shown_and_the_others_counted(capsys) -> None:
    held = [{"identifier": "email", "value": "ana@example.org", "first_seen_at": at(1)}]
    held += [{"identifier": "order_id", "value": str(day), "first_seen_at": at(day)} for day in range(9, 1, -1)]
    print_identifiers(("identifier", "value"), held, [(item["identifier"], item["value"]) for item in held])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[-1] for line in lines[4:-1]] == ["ana@example.org", "9", "8", "7", "6", "5"]
    assert " ".join(lines[-1]) == "and 3 older of order_id: --json has all"


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


def test_a_retired_id_opens_the_profile_that_it_leads_to(clew) -> None:
    assert clew("profile", "p-old").out.splitlines()[:2] == [
        "profile p-ana  known, 7 events in 2 records",
        "p-old is retired and leads here",
    ]
    held = json.loads(clew("profile", "p-old", "--json").out)
    assert (held["profile_id"], held["redirected_from"]) == ("p-ana", "p-old")
    assert json.loads(clew("profile", "p-ana", "--json").out)["redirected_from"] is None


@pytest.mark.parametrize(
    ("who", "when", "profile", "records"),
    [
        ("p-ana", "--as-of 2017-12-25", "p-ana", ["crm:7", "account:u1"]),
        ("p-ana", "--as-of 2017-12-19", "p-ana", ["crm:7"]),
        ("p-ana", "--as-of 2017-12-25 --known-at 2017-12-29", "p-ana", ["crm:7"]),
        ("p-old", "--as-of 2017-12-19", "p-old", ["account:u1"]),
        ("p-old", "--as-of 2017-12-25", "p-ana", ["crm:7", "account:u1"]),
        ("p-old", "--as-of 2017-12-25 --known-at 2017-12-29", "p-old", ["account:u1"]),
        ("account:u1", "--as-of 2017-12-19", "p-old", ["account:u1"]),
        ("email:Ana@example.org", "--as-of 2017-12-25", "p-ana", ["crm:7", "account:u1"]),
    ],
)
def test_a_person_as_of_a_day_by_what_is_or_was_known(clew, who: str, when: str, profile: str, records: list) -> None:
    ran = clew("profile", who, *when.split(), "--json")
    held = json.loads(ran.out)
    assert (ran.code, held["profile_id"]) == (0, profile)
    assert [item["record_id"] for item in held["records"]] == records
    assert held["redirected_from"] == (who if who.startswith("p-") and who != profile else None)


def test_the_past_as_text_names_records_identifiers_and_where_they_are_now(clew) -> None:
    lines = clew("profile", "p-old", "--as-of", "2017-12-19").out.splitlines()
    assert lines[0] == "profile p-old on 2017-12-19, as known now"
    assert "account:u1  2017-12-02 09:00   2017-12-29" in lines
    assert "email       ana@example.org  yes           2017-12-01 09:00" in lines
    assert lines[-1].split() == ["p-ana", "1"]
    redirected = clew("profile", "p-old", "--as-of", "2017-12-25", "--known-at", "2017-12-30").out.splitlines()
    assert redirected[:2] == [
        "profile p-ana on 2017-12-25, as known on 2017-12-30",
        "p-old was no profile of its own then and led here",
    ]


def test_an_identifier_is_not_shown_before_it_was_seen(clew) -> None:
    held = json.loads(clew("profile", "crm:7", "--as-of", "2017-12-01", "--json").out)
    assert [item["first_seen_at"] for item in held["identifiers"]] == ["2017-12-01T09:00:00Z"]
    assert clew("profile", "email:ana@example.org", "--as-of", "2017-11-30").code == 1


@pytest.mark.parametrize(
    ("arguments", "do"),
    [
        ("p-ana --as-of 2017-11-30", "name a later day, or leave out --as-of"),
        ("p-ana --as-of 2017-11-30 --known-at 2017-12-01", "name a later day, or leave out --as-of"),
        ("p-ana --as-of 2017-12-25 --known-at 2017-12-01",
         "what was known is kept since the run of 2017-12-29: name that --known-at, or a later one"),
        ("email:Ana@example.org --as-of 2017-12-25 --known-at 2017-12-01", "what was known is kept since"),
    ],
)  # fmt: skip
def test_who_asks_about_a_past_is_told_which_of_the_two_days_to_change(clew, arguments: str, do: str) -> None:
    ran = clew("profile", *arguments.split())
    assert ran.code == 1
    assert f"do:    {do}" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        ("p-ana --as-of 2017-11-30", 1, "no profile had this id on 2017-11-30, as known now"),
        ("p-ana --as-of 2017-12-25 --known-at 2017-12-01", 1, "no profile had this id on 2017-12-25, as known on 201"),
        ("mailbox:9 --as-of 2017-12-25", 1, "no profile had this record on 2017-12-25"),
        ("email:ana@example.org --as-of 2017-12-10", 1, "2 profiles hold this email"),
        ("p-ana --known-at 2017-12-10", 2, "--known-at says nothing alone"),
        ("p-ana --as-of yesterday", 2, "invalid value for '--as-of'"),
    ],
)
def test_a_past_that_is_not_there_is_refused(clew, arguments: str, code: int, what: str) -> None:
    ran = clew("profile", *arguments.split())
    assert ran.code == code
    assert ran.err.startswith(f"error: {what}")
    assert "@" not in ran.err
