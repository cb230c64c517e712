"""Erasure: nothing of a person is left, and others lose nothing."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activation.verify import verify
from clew.audited import problems
from clew.main import run as run_clew
from expectations.gate import gate
from lakehouse.errors import DataError, UsageError
from lakehouse.lake import Lake
from lakehouse.releases import latest_release, release_tables
from lakehouse.rotation import rotate
from lakehouse.seal import public_key, sealed
from lakehouse.settings import Settings
from rights import erase as forgotten
from spark_jobs.privacy import holds, plan
from tests.conftest import PEOPLE, SmallLake, profile_id
from tests.erasable import FIRST, OF_ANN, RUN, content, erase, found, lands, make


@pytest.fixture(scope="module")
def erased(people_template: SmallLake, tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallLake, dict[str, Any]]:
    """The people without Ann, and her certificate; to read only, or to copy."""
    made = people_template.copy(tmp_path_factory.mktemp("erased") / "home")
    return made, erase(made, "ann")


@pytest.fixture
def without_ann(erased: tuple[SmallLake, dict[str, Any]], tmp_path: Path) -> SmallLake:
    return erased[0].copy(tmp_path / "home")


def test_nothing_of_the_person_is_left_in_any_byte(people: Any) -> None:
    values = ("account:ann", "anonymous:ann", "+18005550100")
    assert {"landing/web/file value 3", ".clew/logs/run.log value 3"} <= set(found(people, *values))

    erase(people, "ann")

    assert found(people, *values) == []


def test_what_others_hold_too_stays_theirs(
    people_template: SmallLake, erased: tuple[SmallLake, dict[str, Any]]
) -> None:
    people, certificate = erased
    before = people_template.rows("identity.identifiers")
    assert certificate["kept_because_shared"]["values"] == 1  # the mailbox that Gus reads, too
    of_gus = [row for row in before if row["record_id"] == "account:gus"]
    assert [row for row in people.rows("identity.identifiers") if row["record_id"] == "account:gus"] == of_gus
    assert any("ann.example@gmail.com" in line for line in (row["payload"] for row in people.rows("bronze.web")))


def test_what_somebody_else_has_just_sent_in_another_spelling_is_no_longer_theirs_alone(people: Any) -> None:
    held = next(row for row in people.rows("identity.identifiers") if row["record_id"] == "account:cat")
    people.lake.append("identity.identifiers", [held | {"value": "cat@gmail.com", "raw_value": "Cat@gmail.com"}])
    sent = people.rows("silver.identifiers")[0]
    people.lake.append("silver.identifiers", [sent | {"record_id": "account:eve", "value": "C.A.T@Gmail.com"}])
    people.release()

    assert erase(people, "cat")["kept_because_shared"]["values"] == 1


def test_a_row_handed_over_under_a_profile_that_was_once_shared_goes_too(people: Any) -> None:
    def split(rows: list[dict[str, Any]]) -> None:  # the browser founded the profile, and keeps its id
        for row in rows:
            if row["record_id"] == "account:ann":
                row |= {"profile_id": profile_id("ann's account"), "own_profile_id": profile_id("ann's account")}
            if row["record_id"] == "anonymous:ann":
                row |= {"profile_id": profile_id("ann"), "own_profile_id": profile_id("ann")}

    exports = people.lake.settings.exports
    files = [exports / name / "000001" / "data.csv" for name in ("ad_platform", "email_tool")]
    assert all(profile_id("ann") in file.read_text() for file in files)
    people.change("identity.assignments", split)
    people.release()

    certificate = erase(people, "ann's account")

    assert certificate["exports"]["redacted"] == {"export ad_platform 1": 1, "export email_tool 1": 1}
    assert not any(profile_id("ann") in file.read_text() for file in files)
    told = exports / "ad_platform" / "retractions" / "000001" / "data.csv"
    assert f",{profile_id('ann')},erased," in told.read_text()
    assert [row for row in people.rows("ops.deliveries") if row["destination"] == "ad_platform"] == []
    assert problems(people.lake) == []


def test_the_audit_finds_a_certificate_that_was_altered_cut_off_or_taken_away(without_ann: SmallLake) -> None:
    people = without_ann
    assert problems(people.lake) == []
    (file,) = (people.lake.settings.home / "certificates").glob("*.json")
    written = file.read_text(encoding="utf-8")

    file.write_text(written.replace('"people": 1', '"people": 2'), encoding="utf-8")
    (altered,) = problems(people.lake)
    assert altered.startswith("the certificate of erasure 1 is not what entry")
    file.write_text(written[:100], encoding="utf-8")
    assert "certificates/erasure-000001.json: it cannot be read (JSONDecodeError)" in problems(people.lake)
    file.unlink()
    (gone,) = problems(people.lake)
    assert gone.startswith("the certificate of erasure 1, written down in entry")
    assert gone.endswith("is there no more")


def test_no_certificate_is_written_over_not_even_that_of_a_lake_of_before(people: Any) -> None:
    folder = people.lake.settings.certificates
    folder.mkdir(mode=0o700)
    (folder / "erasure-000007.json").write_text("{}", encoding="utf-8")
    assert erase(people, "ann")["erasure"] == 8
    assert (folder / "erasure-000007.json").read_text(encoding="utf-8") == "{}"


def test_every_line_keeps_its_place_and_the_account_balances(people: Any) -> None:
    places = {(row["position"], row["file"], row["line"]) for row in people.rows("bronze.web")}

    erase(people, "ann", "ben")

    assert {(row["position"], row["file"], row["line"]) for row in people.rows("bronze.web")} == places
    counts = {row["source"]: row for row in people.rows("ops.row_counts") if row["landing"] == 1}
    assert counts["web"]["erased"] == 4  # a visit of each record, and the repeat of Ann's
    assert counts["consent"]["erased"] == 5
    for row in counts.values():
        gone = row["headers"] + row["kept"] + row["duplicates"] + row["quarantined"] + row["erased"]
        assert row["lines"] + row["unpacked"] == gone
    assert gate(people.lake, people.run, "silver")["checks"] > 0


def test_the_gate_sees_a_tombstone_that_nobody_made(people: Any) -> None:
    def forged(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["position"] == 1)
        row["payload"] = '{"clew_erased":"1-0123456789abcdef"}'

    erase(people, "cat")
    people.change("bronze.web", forged)  # its event is still in silver: one message, one fate
    assert gate(people.lake, people.run, "silver")["checks"] > 0
    people.change("silver.events", lambda rows: [row for row in rows if row["event_id"] != "web:m1"])
    with pytest.raises(Exception, match=r"every_message_of_a_line_has_a_fate|every_account_is_true"):
        gate(people.lake, people.run, "silver")


def test_readers_go_on_with_a_release_of_the_same_date(
    without_ann: SmallLake, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("CLEW_HOME", str(without_ann.lake.settings.home))
    assert run_clew(["query", "SELECT count(*) AS n FROM gold.profiles", "--format", "csv"]) == 0
    assert capsys.readouterr().out.split() == ["n", str(len(PEOPLE) - 1)]
    assert run_clew(["query", "SELECT 1 FROM gold.profiles", "--release", "1"]) == 2
    assert "release 1 was retired: its files held somebody who was erased (erasure 1)" in capsys.readouterr().err


def test_exports_lose_the_row_and_destinations_are_told(erased: tuple[SmallLake, dict[str, Any]]) -> None:
    people, certificate = erased
    exports = certificate["exports"]
    assert exports["redacted"] == {"export ad_platform 1": 1, "export email_tool 1": 1}
    assert exports["retracted"] == {"ad_platform": 1, "email_tool": 1}
    assert exports["ledgers"]["ops.deliveries"] == 2
    assert problems(people.lake) == []


def test_a_retraction_of_the_erased_and_of_others_holds(small: Any) -> None:
    yes = {"status": "granted", "may_use": True, "event_id": "consent:m5", "notice_version": "2017-1"}
    cat = (profile_id("cat"), "email_marketing")  # whose last word is no: she should not have been handed over
    small.change(
        "gold.consent_state",
        lambda rows: [row | (yes if (row["profile_id"], row["purpose"]) == cat else {}) for row in rows],
    )
    people = make(small)
    erase(people, "ann")
    told = people.lake.settings.exports / "email_tool" / "retractions" / "000001"
    assert len((told / "data.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert verify(told, [public_key(people.lake.settings)], people.lake).problems == ()


def test_decisions_about_the_person_go_and_the_audit_knows_why(people: Any) -> None:
    from identity.decisions import decide

    decide(people.lake, "unlink", ("account:cat", "account:gus"), reason="two people", author="sam", at=FIRST,
           as_of=RUN.as_of)  # fmt: skip
    decide(people.lake, "unlink", ("account:eve", "crm:ben"), reason="two people", author="sam", at=FIRST,
           as_of=RUN.as_of)  # fmt: skip

    erase(people, "cat")

    assert [row["decision"] for row in people.rows("identity.decisions")] == [2]
    assert problems(people.lake) == []


def test_in_whatever_order_people_go_what_stays_is_the_same(people: Any, tmp_path: Path) -> None:

    left = []
    for number, order in enumerate([("ann", "ben", "gus"), ("gus", "ann", "ben")]):
        home = tmp_path / f"order{number}"
        shutil.copytree(people.lake.settings.home, home)
        lake = Lake(Settings(home=home))
        for name in order:
            forgotten.erase(lake, RUN, [profile_id(name)], reason="asked", author="sam")
        left.append(content(lake))
    assert left[0] == left[1]
    # The mailbox that Ann and Gus shared was nobody else's once both were gone.
    assert not any("ann.example" in row.lower() for rows in left[0].values() for row in rows)


def test_who_stays_has_every_row_as_before(
    people_template: SmallLake, erased: tuple[SmallLake, dict[str, Any]]
) -> None:
    people, _ = erased
    before = content(people_template.lake)
    named = {"account:ann", "anonymous:ann", profile_id("ann"), profile_id("ann's browser"), "web:m1", "web:m2",
             "consent:m1", "consent:m2"}  # fmt: skip

    after = content(people.lake)
    for table, rows in before.items():
        kept = [row for row in rows if not any(f'"{name}"' in row for name in named)]
        if table.startswith("bronze."):
            buried = {row["position"] for row in people.rows(table) if "clew_erased" in row["payload"]}
            kept = [row for row in rows if json.loads(row)["position"] not in buried]
        assert after[table] == kept, table


def test_a_certificate_names_nobody_and_cannot_be_altered(
    people: Any, clew_in: Callable[..., int], capsys: Any
) -> None:
    erase(people, "ann")
    file = people.lake.settings.home / "certificates" / "erasure-000001.json"
    text = file.read_text(encoding="utf-8")
    text_of_people = text.replace("campaign_cannibalisation", "")  # a table, whose name holds hers
    assert not any(value in text_of_people for value in ("ann", "+1800", profile_id("ann")))
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert clew_in("forget", "verify", str(file)) == 0, capsys.readouterr().out

    (people.lake.settings.landing / "web" / "copy").write_text('{"id": "anonymous:ann"}', encoding="utf-8")
    assert clew_in("forget", "verify", str(file), "--identifier", "anonymous:ANN") == 1
    assert "landing/web/copy" in capsys.readouterr().out
    assert clew_in("forget", "verify", str(file)) == 1  # by the hashes alone
    (people.lake.settings.landing / "web" / "copy").write_text('{"tel": "+18005550100"}', encoding="utf-8")
    assert clew_in("forget", "verify", str(file), "--identifier", "phone:(800) 555-0100") == 1

    file.write_text(text.replace('"people": 1', '"people": 2'), encoding="utf-8")
    assert clew_in("forget", "verify", str(file)) == 2
    assert "the certificate does not hold" in capsys.readouterr().err


def test_a_certificate_holds_after_a_change_of_the_key_and_one_made_with_the_former_key_does_not(
    people: Any, clew_in: Callable[..., int], capsys: Any
) -> None:
    certificate = erase(people, "ann")
    file = people.lake.settings.home / "certificates" / "erasure-000001.json"
    former = people.lake.settings.signing_key
    rotate(people.lake)
    assert clew_in("forget", "verify", str(file)) == 0

    thief = Settings(home=people.lake.settings.home, signing_secret=former)
    file.write_text(json.dumps(sealed(thief, certificate | {"people": 0})), encoding="utf-8")
    assert clew_in("forget", "verify", str(file)) == 2
    assert "it was sealed with a former key, and the audit does not know it" in capsys.readouterr().err


def test_the_command_names_people_as_others_do(people: Any, clew_in: Callable[..., int], capsys: Any) -> None:
    assert clew_in("forget", "phone:(800) 555-0100", "--reason", "asked", "--dry-run") == 0
    assert "nothing was changed" in capsys.readouterr().err
    assert clew_in("forget", "email:ann.example@gmail.com", "--reason", "asked") == 1  # two people read it
    assert "2 people hold this email" in capsys.readouterr().err
    os.environ["CLEW_ROLE"] = "analyst"
    for command in (["forget", "account:ann", "--dry-run"], ["hold", "list"]):
        assert clew_in(*command) == 2
        assert "is not for the role analyst" in capsys.readouterr().err
    del os.environ["CLEW_ROLE"]
    assert clew_in("forget", "email:", "--reason", "asked") == 2
    assert "nobody is named" in capsys.readouterr().err
    assert clew_in("hold", "add", "crm:ben", "--reason", "case 1", "--until", "2001-01-01") == 2
    assert "holds nothing any more" in capsys.readouterr().err
    assert clew_in("forget", "phone:(800) 555-0100") == 2
    assert "an erasure needs a reason" in capsys.readouterr().err
    for more in ((), ("--dry-run",)):
        assert clew_in("forget", "phone:(800) 555-0100", "--reason", "the one with +18005550100", *more) == 2
    assert "the reason holds a name or a value of the person" in capsys.readouterr().err
    assert clew_in("forget", "phone:(800) 555-0100", "--reason", "asked") == 0
    assert clew_in("forget", "phone:+18005550100", "--reason", "asked") == 1
    assert "this phone was erased in erasure 1" in capsys.readouterr().err


@pytest.fixture
def clew_in(people: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    for name in [name for name in os.environ if name.startswith("CLEW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLEW_HOME", str(people.lake.settings.home))
    return lambda *arguments: run_clew(list(arguments))


def test_a_reason_that_calls_the_person_by_name_is_refused(people: Any) -> None:
    def named(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"last_name": "o'hara" if row["record_id"] == "account:ann" else None} for row in rows]

    people.change("identity.records", named)
    for reason in ("letter of Mrs O'Hara", "O'HARA wrote"):
        with pytest.raises(UsageError, match="holds a name or a value of the person"):
            forgotten.erase(people.lake, RUN, [profile_id("ann")], reason=reason, author="sam")


def test_a_profile_that_is_not_there_is_not_erased(people: Any) -> None:
    with pytest.raises(DataError, match="no record is of this profile"):
        forgotten.erase(people.lake, RUN, ["p-nobody"], reason="asked", author="sam")
    with pytest.raises(UsageError, match="needs a reason"):
        forgotten.erase(people.lake, RUN, [profile_id("ann")], reason=" ", author="sam")


def test_what_landed_since_identity_was_resolved_goes_with_the_person(people: Any) -> None:
    lands(people, "anonymous:new", phone="(800) 555-0100")

    certificate = forgotten.erase(people.lake, RUN, [profile_id("ann")], reason="asked", author="sam")

    assert certificate["kept_because_shared"]["values"] == 1  # the mailbox of Ann and Gus, and not her number
    assert {"phone", "record", "token"} <= set(certificate["hashes"])
    assert found(people, "anonymous:new", "(800) 555-0100", "+18005550100") == []


def test_a_record_that_may_be_of_two_people_is_resolved_before_either_is_erased(people: Any) -> None:
    lands(people, "anonymous:new", phone="800-555-0100", email="cat@example.com")

    with pytest.raises(DataError, match="1 records hold a value of theirs and one of somebody else"):
        forgotten.erase(people.lake, RUN, [profile_id("ann")], reason="asked", author="sam", without_release=True)

    assert not plan.path(people.lake).exists()


def test_what_came_since_the_release_stays_live_and_readers_see_the_release_without_the_person(people: Any) -> None:
    lands(people, "anonymous:new", phone="+18005550177")
    since = people.rows("silver.identifiers")

    erase(people, "ann")

    assert found(people, *OF_ANN) == []
    latest = latest_release(people.lake)
    assert latest == 2
    versions = release_tables(people.lake, latest)
    shown = people.lake.arrow("silver.identifiers", version=versions["silver.identifiers"]).to_pylist()
    assert {row["record_id"] for row in shown} == {
        "account:gus",
        "crm:ben",
        "account:fay",
        "account:cat",
        "mailbox:0123456789abcdef",
    }
    new = [row for row in since if row["record_id"] == "anonymous:new"]
    assert [row for row in people.rows("silver.identifiers") if row not in shown] == new
    newer = {table for table in versions if versions[table] != people.lake.version(table)}
    assert newer == {"silver.events", "silver.identifiers"}


def test_where_a_run_died_before_its_release_readers_are_left_without_only_if_asked(people: Any) -> None:
    people.change("gold.profiles", lambda rows: rows[1:])

    with pytest.raises(DataError, match="a run changed identity or gold and released nothing") as refused:
        erase(people, "ann")
    assert "--without-release" in str(refused.value.do)
    assert not plan.path(people.lake).exists()
    assert latest_release(people.lake) == 1

    forgotten.erase(people.lake, RUN, [profile_id("ann")], reason="asked", author="sam", without_release=True)
    assert latest_release(people.lake) is None


def test_a_hold_on_a_source_keeps_only_who_has_messages_of_it(people: Any) -> None:
    holds.add(people.lake, source="shop", reason="a tax case", author="sam")
    erase(people, "ann")
    holds.add(people.lake, source="web", reason="a fraud case", author="sam")
    with pytest.raises(DataError, match="hold 2 on source web: a fraud case") as refused:
        erase(people, "ben")
    assert "hold 1" not in str(refused.value)
