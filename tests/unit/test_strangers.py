"""People whom no profile knows, since what is held of them was refused or is not resolved: erased, told, and held."""

import json
from typing import Any

import pytest

from lakehouse import audit
from lakehouse.run import Run
from spark_jobs.privacy.keys import RECORD, hashes
from tests.conftest import PEOPLE, profile_id
from tests.erasable import RUN, content, lands, refuse, refused_still

ZED = "zed.only@example.net"
OF_ZED = '{"broken": "Zed.Only@Example.net", "tel": "x"'
OF_CAT = '{"broken": "cat@example.com"'


@pytest.fixture
def run(people: Any, clew: Any) -> Any:
    return lambda *arguments: clew(*arguments, home=people.lake.settings.home)


def test_who_is_known_in_quarantine_only_is_erased_and_nobody_else_loses_anything(people: Any, run: Any) -> None:
    refuse(people, OF_ZED, OF_CAT)
    before = content(people.lake)

    looked = run("forget", f"email:{ZED}", "--dry-run", "--json")
    assert (json.loads(looked.out)["people"], json.loads(looked.out)["counts"]["lines"]) == (1, {"web": 1})
    ran = run("forget", f"email:{ZED}", "--reason", "asked", "--json")

    assert ran.code == 0, ran.err
    certificate = json.loads(ran.out)
    assert (certificate["people"], certificate["messages_in_bronze"], certificate["landing"]["lines"]) == (1, 1, 1)
    assert set(certificate["hashes"]) == {"email", "token"}
    assert refused_still(people) == [OF_CAT]
    after = content(people.lake)
    gone = {table: set(rows) - set(after[table]) for table, rows in before.items() if rows != after[table]}
    assert {table: len(rows) for table, rows in gone.items()} == {"bronze.web": 1, "silver.quarantine": 1}
    file = "certificates/erasure-000001.json"
    proved = run("forget", "verify", str(people.lake.settings.home / file), "--identifier", ZED)
    assert (proved.code, "found in 0 places" in proved.err) == (0, True), proved.out
    assert run("forget", "verify", str(people.lake.settings.home / file)).code == 0
    for command in (["forget", "--reason", "asked"], ["access"]):
        again = run(command[0], f"email:{ZED}", *command[1:])
        assert (again.code, "this email was erased in erasure 1" in again.err) == (1, True)


def test_who_is_not_resolved_yet_is_erased_with_all_that_their_record_says(people: Any, run: Any) -> None:
    lands(people, "account:zed", email="ZED.only@example.net", phone="(800) 555-0155")
    refuse(people, '{"broken": "+18005550155"')

    ran = run("forget", f"email:{ZED}", "--reason", "asked", "--json")

    assert ran.code == 0, ran.err
    assert "account:zed" not in {row["record_id"] for row in people.rows("silver.events")}
    assert refused_still(people) == []
    key = people.lake.settings.privacy_key
    wanted = hashes(key, [(RECORD, "account:zed"), ("phone", "18005550155"), ("email", ZED)])
    assert set(wanted) <= {(row["namespace"], row["hash"]) for row in people.rows("ops.erased")}


def test_a_card_of_a_few_digits_is_erased_that_no_export_can_be_searched_for(people: Any, run: Any) -> None:
    others = '{"traits": {"loyaltyId": "47110"}, "properties": {"price": 4711}}'
    refuse(people, '{"traits": {"loyaltyId": 4711}}', others)
    ran = run("forget", "loyalty:4711", "--reason", "asked", "--json")
    assert (ran.code, json.loads(ran.out)["messages_in_bronze"]) == (0, 1), ran.err
    assert refused_still(people) == [others]


def test_an_event_without_a_record_is_a_strangers_by_its_address(people: Any, run: Any) -> None:
    visit = next(row for row in people.rows("silver.events") if row["event_id"] == "web:m1")
    stray = {"event_id": "web:s1", "message_id": "s1", "record_id": None, "position": 80}
    people.lake.append("silver.events", [visit | stray | {"traits": [("email", "Zed.Only@example.net")]}])
    people.lake.append("bronze.web", [people.rows("bronze.web")[0] | {"position": 80, "line": 80, "payload": "{}"}])
    people.release()

    told = json.loads(run("access", f"email:{ZED}", "--json").out)
    assert [[item["event_id"] for item in source["messages"]] for source in told["sources"]] == [["web:s1"]]
    assert run("forget", f"email:{ZED}", "--reason", "asked").code == 0
    assert "web:s1" not in {row["event_id"] for row in people.rows("silver.events")}


@pytest.mark.parametrize(
    "landed",
    [
        {"account:zed": {"email": ZED}, "account:zoe": {"email": ZED}},  # a mailbox of two
        {"account:zed": {"email": ZED, "phone": "800 555 0155"}, "account:zoe": {"phone": "(800) 555-0155"}},
        {"account:zed": {"email": ZED, "phone": "(800) 555-0100"}},  # Ann's number
        {"account:cat": {"email": "ZED.only@example.net"}},  # identity knows Cat, and not this address of hers
    ],
)
def test_what_may_be_of_somebody_else_is_resolved_first_and_nothing_is_lost(
    landed: dict[str, dict[str, str]], people: Any, run: Any
) -> None:
    for record, values in landed.items():
        lands(people, record, **values)
    refuse(people, OF_ZED)
    before = content(people.lake)

    for command in (["forget", "--reason", "asked"], ["access"], ["hold", "add", "--reason", "case 1"]):
        ran = run(*command[:2], f"email:{ZED}", *command[2:]) if command[0] == "hold" else run(
            command[0], f"email:{ZED}", *command[1:]
        )  # fmt: skip
        assert (ran.code, "see whose they are first: clew run" in ran.err) == (1, True), ran.err
        assert "@" not in ran.err
    assert content(people.lake) == before


def test_a_record_that_gives_an_address_of_somebody_else_in_capitals_waits_for_the_next_run(
    people: Any, run: Any
) -> None:
    lands(people, "anonymous:new", phone="800-555-0100", email="CAT@Example.com")
    ran = run("forget", "phone:+18005550100", "--reason", "asked", "--without-release")
    assert "1 records hold a value of theirs and one of somebody else" in ran.err


def test_an_access_tells_what_was_refused_and_what_is_not_resolved_yet(people: Any, run: Any, tmp_path: Any) -> None:
    lands(people, "account:zed", email=ZED)
    refuse(people, OF_ZED, OF_CAT, f'{{"broken": "{ZED}", "to": "cat@example.com"')
    page = tmp_path / "zed.html"

    ran = run("access", f"email:{ZED}", "--json", "--html", str(page))

    told = json.loads(ran.out)
    assert [item["message"] for item in told["refused"]] == [
        OF_ZED, "the text names other people too, and is not shown"
    ]  # fmt: skip
    assert told["person"] == {"profile_id": None, "other_ids": [], "records": ["account:zed"]}
    rows = {item["table"]: len(item["rows"]) for item in told["tables"] if item["rows"]}
    assert rows == {"silver.events": 1, "silver.identifiers": 1}
    text = json.dumps(told)
    assert not [name for name in PEOPLE if profile_id(name) in text]
    assert "No profile knows you yet" in page.read_text(encoding="utf-8")
    assert run("access", f"email:{ZED}").out.startswith("no profile")
    noted = [item for item in audit.entries(people.lake) if item.action == "access"]
    assert [item.subject for item in noted] == ["access 1", "access 2"]
    assert not [item for item in noted if ZED in str(item.covered)]
    assert "access 2" in json.dumps(json.loads(run("access", f"email:{ZED}", "--json").out)["acts"])


def test_what_landed_since_the_last_run_is_told_to_who_has_a_profile_too(people: Any, run: Any) -> None:
    lands(people, "account:new", phone="(800) 555-0100")
    told = json.loads(run("access", "account:ann", "--json").out)
    assert "account:new" in told["person"]["records"]
    assert [item["event_id"] for item in told["sources"][-1]["messages"] if "web:n" in item["event_id"]]


def test_a_hold_on_a_stranger_says_what_to_hold_and_that_stops_an_erasure(people: Any, run: Any) -> None:
    refuse(people, OF_ZED)

    ran = run("hold", "add", f"email:{ZED}", "--reason", "case 1")

    assert ran.code == 1
    assert "no profile knows this person, and a hold is on a profile or a source" in ran.err
    assert "clew hold add --source web --reason" in ran.err
    assert "clew run" not in ran.err
    assert run("hold", "add", "--source", "web", "--reason", "case 1").code == 0
    refused = run("forget", f"email:{ZED}", "--reason", "asked")
    assert (refused.code, "hold 1 on source web: case 1" in refused.err) == (1, True)
    assert refused_still(people) == [OF_ZED]


@pytest.mark.parametrize("command", [("forget", "--reason", "asked"), ("access",), ("hold", "add", "--reason", "x")])
def test_where_nothing_is_held_it_is_said_what_was_searched(command: tuple[str, ...], people: Any, run: Any) -> None:
    verb = 2 if command[0] == "hold" else 1
    ran = run(*command[:verb], "email:nora@example.com", *command[verb:])
    assert (ran.code, ran.err.splitlines()[0]) == (1, "error: nothing is held of this email")
    assert "records that are not resolved yet, events without a record, refused messages: all were searched" in ran.err
    placeholder = run(*command[:verb], "email:none@example.com", *command[verb:])
    assert "it identifies nobody" in placeholder.err
    assert "no profile has this id" in run(*command[:verb], "p-nobody", *command[verb:]).err


def test_a_file_of_requests_may_name_strangers_beside_others(people: Any) -> None:
    from rights.erase import on_request

    refuse(people, OF_ZED)
    request = people.lake.settings.state / "requests" / "may.txt"
    request.parent.mkdir()
    request.write_text(f"email:{ZED}\naccount:cat\n", encoding="utf-8")

    assert on_request(people.lake, RUN, "may.txt", "asked")["people"] == 2

    assert (refused_still(people), request.exists()) == ([], False)
    assert "account:cat" not in {row["record_id"] for row in people.rows("silver.events")}
    request.write_text(f"email:{ZED}\n", encoding="utf-8")
    assert on_request(people.lake, Run("again", RUN.as_of), "may.txt", "asked") == {"people": 0, "erased_before": 1}
