"""`clew access`: everything held about one person, nothing of anybody else, noted before it is shown."""

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from activation.export import export_all
from clew.held.tables import ELSEWHERE, person_tables, unaccounted
from clew.traced.exported import exports_with
from contracts import HERE, Contracts
from contracts.lineage import Lineage
from lakehouse import audit
from rights.handed_over import handed_over_as
from spark_jobs.privacy.whose import find
from tests.conftest import PEOPLE, SmallLake, profile_id
from tests.unit.lineage_lake import lake_with_lines

BEN = profile_id("ben")


@pytest.fixture(scope="module")
def held(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    return lake_with_lines(small_template, tmp_path_factory.mktemp("held") / "home")


@pytest.fixture
def access(held: SmallLake, clew: Any) -> Any:
    def run(*arguments: str) -> dict[str, Any]:
        ran = clew("access", *arguments, "--json", home=held.lake.settings.home)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    return run


def tables_of(told: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {item["table"]: item["rows"] for item in told["tables"]}


def test_everything_held_of_a_person_is_told_by_source_table_purpose_and_recipient(access) -> None:
    told = access("account:ann")
    assert told["person"]["profile_id"] == profile_id("ann")
    assert told["person"]["records"] == ["account:ann", "anonymous:ann"]
    messages = {item["source"]: item["messages"] for item in told["sources"]}
    (first,) = [message for message in messages["web"] if message["event_id"] == "web:m1" and message["fate"] == "kept"]
    assert json.loads(first["message"])["traits"]["email"] == "Ann.Example@gmail.com"
    assert (first["file"], first["line"]) == ("web/file", 1)
    rows = tables_of(told)
    for table in ("gold.profiles", "gold.consent_state", "gold.orders", "silver.events", "identity.history",
                  "identity.identifiers", "identity.edges", "gold.profile_redirects"):  # fmt: skip
        assert rows[table], table
    (profiles,) = [item for item in told["tables"] if item["table"] == "gold.profile_contact"]
    assert {"column": "email", "source": "web", "at": "2017-12-28T09:00:00Z", "messages": ["web:m1"]} in profiles[
        "origins"
    ]
    purposes = {item["purpose"]: item for item in told["purposes"]}
    assert purposes["advertising"]["state"]["status"] == "granted"
    assert purposes["advertising"]["destinations"] == ["ad_platform"]
    assert purposes["advertising"]["legal_basis"] == "consent"
    assert purposes["personalisation"]["state"]["status"] == "no_consent_known"
    sent = {item["destination"]: item["rows"] for item in told["recipients"]}
    assert sent["email_tool"][0]["email"] == "Ann.Example@gmail.com"
    assert {"export email_tool 1", "export ad_platform 1"} <= {item["subject"] for item in told["acts"]}
    assert [item.split(",")[1].strip() for item in told["of"]] == [
        "article 15: right of access", "article 20: right to data portability",
    ]  # fmt: skip


def test_nothing_of_another_person_is_shown_neither_of_a_batch_nor_of_an_edge(access) -> None:
    for name in PEOPLE:
        text = json.dumps(access(PEOPLE[name]["records"][0]))
        for other, person in PEOPLE.items():
            if other == name:
                continue
            assert not [record for record in person["records"] if record in text], (name, other)
            assert profile_id(other) not in text, (name, other)
            shares = person["email"] and (person["email"].lower() == (PEOPLE[name]["email"] or "").lower())
            if person["email"] and not shares:
                assert person["email"].lower() not in text.lower(), (name, other)


VISIT = {"event": "page_viewed", "record_id": "anonymous:ann", "occurred_at": dt.datetime(2017, 12, 31, tzinfo=dt.UTC)}


@pytest.fixture
def visited(small: SmallLake) -> SmallLake:
    """Since gold was built, Ben has logged in in Ann's browser, and somebody viewed a page there."""
    first = next(row for row in small.rows("silver.events") if row["event_id"] == "web:m1")
    late = first | VISIT | {"message_id": "late", "event_id": "web:late", "position": 70}
    line = small.rows("bronze.web")[0] | {"position": 70, "line": 70, "payload": '{"id": "late", "page": "/secret"}'}
    small.lake.append("silver.events", [late])
    small.lake.append("bronze.web", [line])
    return small


def told_of(clew: Any, small: SmallLake, who: str) -> dict[str, Any]:
    ran = clew("access", who, "--json", home=small.lake.settings.home)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_a_visit_that_gold_does_not_know_yet_is_withheld_and_counted(visited, clew, tmp_path: Path) -> None:
    told = told_of(clew, visited, "account:ann")
    assert "web:m2" in json.dumps(told)  # a visit of that browser that gold gives to her
    assert "web:late" not in json.dumps(told)
    assert "/secret" not in json.dumps(told)
    assert told["visits_maybe_theirs"] == 1
    ran = clew("access", "account:ann", "--html", str(tmp_path / "ann.html"), home=visited.lake.settings.home)
    assert "1 visits may be somebody else's and are withheld" in ran.err
    assert "1 visits in a browser are not shown" in (tmp_path / "ann.html").read_text(encoding="utf-8")


def test_a_visit_in_a_spell_of_somebody_else_is_not_told_whatever_gold_said_before(small, clew) -> None:
    spell = {"record_id": "anonymous:ann", "since": VISIT["occurred_at"] - dt.timedelta(days=9), "until": None}
    more = {"account_record": "account:gus", "kind": "inferred", "probability": 0.8, "evidence": "{}"}
    small.lake.overwrite("identity.stitches", [spell | more])

    assert [row["event_id"] for row in tables_of(told_of(clew, small, "account:ann"))["silver.events"]] == [
        "consent:m1", "consent:m2", "web:m1"
    ]  # fmt: skip
    of_gus = told_of(clew, small, "account:gus")
    assert (of_gus["visits_maybe_theirs"], "web:m2" in json.dumps(of_gus)) == (1, False)


def test_what_an_account_did_since_gold_was_built_is_told(visited, clew) -> None:
    def by_account(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["event_id"] == "web:late":
                row["record_id"] = "account:ann"

    visited.change("silver.events", by_account)
    told = told_of(clew, visited, "account:ann")
    assert (told["visits_maybe_theirs"], "/secret" in json.dumps(told)) == (0, True)


def test_a_row_that_names_two_people_hides_the_other(access) -> None:
    (edge,) = tables_of(access("account:cat"))["identity.edges"]
    assert (edge["left_record"], edge["right_record"]) == ("account:cat", "(another person)")


def test_of_a_shared_identifier_one_is_asked_which_person_it_is(held, clew) -> None:
    ran = clew("access", "email:ben@example.com", home=held.lake.settings.home)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: 2 profiles hold this email")
    assert all(f"clew access {profile_id(name)}" in ran.err for name in ("ben", "fay"))
    assert "@" not in ran.err
    nobody = clew("access", "email:nora@example.com", home=held.lake.settings.home)
    assert (nobody.code, nobody.err.splitlines()[0]) == (1, "error: nothing is held of this email")


def test_a_retired_id_means_the_person_it_leads_to(access) -> None:
    assert access(profile_id("ann's browser"))["person"]["profile_id"] == profile_id("ann")


def test_refused_messages_that_hold_what_is_theirs_alone_are_told_others_are_counted(held, access) -> None:
    def refuse(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        texts = (
            '{"email": "CAT@example.com"',
            '{"email": "cat@example.com", "to": "dan@example.com"',
            '{"x": "ben@example.com"',
            '[{"x": "cat@example.com"}, {"userId": "dan"}]',
        )
        return rows[:1] + [{**rows[0], "position": 90 + n, "payload": text} for n, text in enumerate(texts)]

    held.change("silver.quarantine", refuse)
    cat = access("account:cat")
    assert [item["message"] for item in cat["refused"]] == [
        '{"email": "CAT@example.com"', *["the text names other people too, and is not shown"] * 2,
    ]  # fmt: skip
    ben = access("crm:ben")
    assert (ben["refused"], ben["refused_maybe_theirs"]) == ([], 1)


def test_a_refused_message_is_theirs_by_a_short_number_in_its_own_field(held, access) -> None:
    before = {table: held.rows(table) for table in ("identity.identifiers", "silver.quarantine")}
    (known, *_), (refused, *_) = before.values()
    card = {"identifier": "loyalty_id", "value": "4711", "raw_value": "4711", "record_id": "account:ann"}
    held.write("identity.identifiers", [*before["identity.identifiers"], known | card])
    texts = ('{"traits": {"loyaltyId": 4711}}', '{"traits": {"loyaltyId": "47110"}, "properties": {"price": 4711}}')
    held.write("silver.quarantine", [refused | {"position": 90 + n, "payload": t} for n, t in enumerate(texts)])
    told = access("account:ann")
    for table, rows in before.items():
        held.write(table, rows)
    assert [item["message"] for item in told["refused"]] == [texts[0]]


@pytest.mark.parametrize(
    ("text", "is_hers"),
    [
        ('{"phone": "+180055501009"', False),
        ('{"phone": "1 (800) 555-0100"', True),
        ('{"email": "joann.example@gmail.com"', False),
        ('{"email": "ann.example@gmail.com.au"', False),
        ("customer C-10012", False),
        ("customer C-1001", True),
    ],
)
def test_an_identifier_within_a_longer_one_names_somebody_else(held, access, text: str, is_hers: bool) -> None:
    def own(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [row for row in rows if row["value"] not in ("C-1001", "ann.example@gmail.com")]
        (ann,) = [row for row in rows if row["record_id"] == "account:ann" and row["identifier"] == "phone"]
        mail = {"identifier": "email", "value": "ann.example@gmail.com", "raw_value": "Ann.Example@gmail.com"}
        return [*kept, ann | mail, ann | {"identifier": "customer_id", "value": "C-1001", "raw_value": "C-1001"}]

    before = held.rows("identity.identifiers")
    held.change("identity.identifiers", own)
    held.change("silver.quarantine", lambda rows: [rows[0], {**rows[0], "position": 90, "payload": text}])
    told = access("account:ann")
    held.write("identity.identifiers", before)
    assert [item["message"] for item in told["refused"]] == ([text] if is_hers else [])


def test_files_are_for_their_owner_only_and_the_page_says_the_same(held, clew, tmp_path: Path) -> None:
    data, page = tmp_path / "person.json", tmp_path / "person.html"
    data.write_text("old")
    data.chmod(0o644)
    ran = clew("access", BEN, "--output", str(data), "--html", str(page), home=held.lake.settings.home)
    assert ran.code == 0
    assert [file.stat().st_mode & 0o777 for file in (data, page)] == [0o600, 0o600]
    assert json.loads(data.read_text(encoding="utf-8"))["person"]["profile_id"] == BEN
    text = page.read_text(encoding="utf-8")
    assert "ben@example.com" in text
    assert "withdrawn" in text
    assert "<script" not in text
    assert "@" not in ran.out + ran.err
    refused = clew("access", BEN, "--output", str(tmp_path / "no" / "x.json"), home=held.lake.settings.home)
    assert refused.code == 2


def test_every_access_is_noted_in_the_audit(held, access) -> None:
    def noted() -> list[str]:
        return [item.subject for item in audit.entries(held.lake) if item.action == "access"]

    before = len(noted())
    access(BEN)
    access(BEN)
    assert noted()[before:] == [f"access {before + 1}", f"access {before + 2}"]
    assert f"access {before + 1}" in [item["subject"] for item in access(BEN)["acts"]]
    assert f"access {before + 1}" not in [item["subject"] for item in access("account:cat")["acts"]]
    written = [str(item.covered) for item in audit.entries(held.lake)]
    assert not [text for text in written if BEN in text], "the entry outlives an erasure"


def test_every_declared_table_with_a_column_about_people_is_accounted_for() -> None:
    lineage = Lineage(Contracts())
    assert unaccounted(lineage) == []
    assert len(person_tables(lineage)) >= 20
    assert set(ELSEWHERE) <= set(lineage.nodes)


def test_a_table_about_people_of_which_nothing_is_known_is_found(tmp_path: Path) -> None:
    root = shutil.copytree(HERE, tmp_path / "contracts")
    file = root / "tables" / "ops" / "landings.yml"
    more = '  who_sent: {type: "string", about: "An address", privacy: contact}\n'
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert unaccounted(Lineage(Contracts(root))) == ["ops.landings"]


def test_who_received_a_row_under_a_profile_once_shared_is_told_by_the_consent_that_it_names(small, clew) -> None:
    """Address and number are Gus's, too, and the row stands under their profile of once; the consent is Ann's."""

    def split(rows: list[dict[str, Any]]) -> None:  # the profile of then goes on as the browser's
        for row in rows:
            if row["record_id"] == "account:ann":
                row |= {"profile_id": profile_id("ann's account"), "own_profile_id": profile_id("ann's account")}
            if row["record_id"] == "anonymous:ann":
                row |= {"profile_id": profile_id("ann"), "own_profile_id": profile_id("ann")}

    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    small.change("identity.assignments", split)
    of_ann = [row for row in small.rows("identity.identifiers") if row["record_id"] == "account:ann"]
    small.lake.append("identity.identifiers", [row | {"record_id": "account:gus"} for row in of_ann])

    told = told_of(clew, small, "account:ann")

    received = {item["destination"]: [row["consent_event_id"] for row in item["rows"]] for item in told["recipients"]}
    taken = preview_exports(small)
    assert {name for name, rows in received.items() if rows} == taken == {"ad_platform", "email_tool"}


def preview_exports(small: SmallLake) -> set[str]:
    """Where an erasure of Ann would take rows from."""
    theirs = find(small.lake, [profile_id("ann's account")])
    return {made["destination"] for made in exports_with(small.lake, handed_over_as(small.lake, theirs))}
