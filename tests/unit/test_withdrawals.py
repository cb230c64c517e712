"""A withdrawal reaches every destination that ever got the person, without waiting for a release."""

import datetime as dt
import shutil
from typing import Any

import pyarrow as pa
import pytest

from activation.deliveries import forget, record
from activation.export import DATA, export, export_all, folder
from activation.files import read_manifest
from activation.held import all_held, has_rows, published_retractions, redact, retraction_folder
from activation.named import by_id, named
from activation.verify import verify
from activation.withdrawals import retract
from expectations.gate import check_staged
from lakehouse.seal import public_key
from tests.unit.test_export import asks, open_gate, profile_of, rows_of

LANDED = dt.datetime(2018, 1, 1, 10, tzinfo=dt.UTC)


@pytest.fixture
def given(small: Any) -> Any:
    """Ann is exported to both destinations, as she allowed."""
    small.release()
    export_all(small.lake, small.run, open_gate)
    return small


def says(
    small: Any, record: str, status: str, purpose: str = "email_marketing", day: int = 1, topic: str | None = None
) -> str:
    """A statement lands, of which no release knows yet."""
    number = len(small.rows("silver.consents"))
    row = small.rows("silver.consents")[0] | {
        "event_id": f"consent:n{number}", "record_id": record, "purpose": purpose, "status": status,
        "given_at": dt.datetime(2018, 1, day, 9, tzinfo=dt.UTC), "received_at": LANDED, "landing": 2,
        "position": 100 + number, "topic": topic,
    }  # fmt: skip
    small.change("silver.consents", lambda rows: [*rows, row])
    return row["event_id"]


def gives(small: Any, record: str, value: str, identifier: str = "email") -> None:
    row = small.rows("silver.identifiers")[0] | {"record_id": record, "value": value, "landing": 2}
    row["identifier"] = identifier
    small.change("silver.identifiers", lambda rows: [*rows, row])


def retracted(small: Any, destination: str = "email_tool", number: int = 1) -> list[dict[str, str]]:
    return rows_of(retraction_folder(small.lake, destination, number))


def run(small: Any) -> dict[str, int]:
    return retract(small.lake, small.run)


def test_nobody_is_retracted_who_still_allows_it(given: Any) -> None:
    assert run(given) == {"ad_platform": 0, "email_tool": 0}
    assert published_retractions(given.lake) == []


def test_who_withdraws_is_retracted_with_address_statement_and_releases(given: Any) -> None:
    event = says(given, "anonymous:ann", "withdrawn")  # another record of hers than the one that granted
    assert run(given) == {"ad_platform": 0, "email_tool": 1}
    assert retracted(given) == [
        {"email": "Ann.Example@gmail.com", "profile_id": profile_of(given, "Ann"), "reason": "withdrawn",
         "consent_event_id": event, "known_since": "2018-01-01T10:00:00.000000Z", "exported_in": "1",
         "address_hashes": ""}
    ]  # fmt: skip
    (kept,) = given.rows("ops.retractions")
    assert (kept["number"], kept["event_id"], kept["landed_at"], kept["last_release"]) == (1, event, LANDED, 1)
    assert kept["written_at"] > kept["landed_at"]
    assert run(given) == {"ad_platform": 0, "email_tool": 0}


def test_a_refusal_named_by_what_a_spreadsheet_would_run_is_retracted_without_that_name(given: Any) -> None:
    event = says(given, "account:ann", "withdrawn")
    name = 'consent:k;=HYPERLINK("x")'
    given.change(
        "silver.consents", lambda rows: [row | ({"event_id": name} if row["event_id"] == event else {}) for row in rows]
    )
    assert run(given)["email_tool"] == 1
    assert [(row["email"], row["reason"], row["consent_event_id"]) for row in retracted(given)] == [
        ("Ann.Example@gmail.com", "withdrawn", "")
    ]
    assert run(given)["email_tool"] == 0


def test_withdrawn_granted_exported_and_withdrawn_again_is_retracted_twice(given: Any) -> None:
    says(given, "account:ann", "withdrawn", day=1)
    assert run(given)["email_tool"] == 1
    says(given, "account:ann", "granted", day=2)
    assert run(given)["email_tool"] == 0
    given.release()
    export(given.lake, given.run, "email_tool", open_gate)
    assert [row["profile_id"] for row in rows_of(folder(given.lake, "email_tool", 2))] == [profile_of(given, "Ann")]
    again = says(given, "account:ann", "withdrawn", day=3)
    assert run(given)["email_tool"] == 1
    assert [(row["consent_event_id"], row["exported_in"]) for row in retracted(given, number=2)] == [(again, "2")]


def test_a_yes_whose_clock_is_ahead_does_not_outlive_a_withdrawal_after_it_landed(given: Any) -> None:
    says(given, "account:ann", "granted", day=3)  # landed on the 1st at 10
    event = says(given, "anonymous:ann", "withdrawn", day=2)
    assert run(given)["email_tool"] == 1
    assert [row["consent_event_id"] for row in retracted(given)] == [event]


@pytest.mark.parametrize(
    "written",
    ["a.n.n.example+x@googlemail.com", '"Example, Ann" <ann.example@gmail.com>', "MAILTO:annexample@gmail.com",
     "annexample%40gmail.com", "ann.example@gmail.com.", "ann\u200bexample@gmail.com"],
)  # fmt: skip
def test_a_refusal_of_a_record_that_nobody_resolved_yet_counts_by_its_mailbox(written: str, given: Any) -> None:
    event = says(given, "mailbox:new", "withdrawn")
    gives(given, "mailbox:new", written)
    assert run(given)["email_tool"] == 1
    ((row,)) = retracted(given)
    assert (row["email"], row["reason"], row["consent_event_id"]) == ("Ann.Example@gmail.com", "address_refused", event)


SPELLINGS = ["(800) 555-0100", "+1 800.555.0100", "1-800-555-0100", "+18005550100", "8005550100 ext. 7",
             "0018005550100", "18005550100.0"]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_refusal_counts_for_the_number_however_it_was_written(spelling: str, given: Any) -> None:
    event = says(given, "account:new", "denied", "advertising")
    gives(given, "account:new", spelling, "phone")
    assert run(given) == {"ad_platform": 1, "email_tool": 0}
    (row,) = retracted(given, "ad_platform")
    assert (row["reason"], row["consent_event_id"]) == ("address_refused", event)


def test_a_number_is_retracted_in_plain_though_it_was_sent_in_another_spelling_and_no_file_is_held(given: Any) -> None:
    gives(given, "account:ann", "(800) 555-0100", "phone")
    gave = rows_of(folder(given.lake, "ad_platform", 1))[0]["phone_sha256"]
    shutil.rmtree(given.lake.settings.exports / "ad_platform")
    says(given, "account:ann", "withdrawn", "advertising")
    run(given)
    assert [row["phone_sha256"] for row in retracted(given, "ad_platform")] == [gave]


def test_a_hashed_delivery_is_found_by_the_mailbox_behind_it(given: Any) -> None:
    says(given, "mailbox:new", "denied", "advertising")
    gives(given, "mailbox:new", "annexample+ads@gmail.com")
    assert run(given) == {"ad_platform": 1, "email_tool": 0}
    (row,) = retracted(given, "ad_platform")
    assert row["email_sha256"] == rows_of(folder(given.lake, "ad_platform", 1))[0]["email_sha256"]
    assert row["phone_sha256"]


def test_a_person_merged_since_is_judged_as_the_other_under_the_id_that_was_delivered(given: Any) -> None:
    ann, ben = profile_of(given, "Ann"), profile_of(given, "Ben")  # Ben withdrew, later than Ann granted
    given.change(
        "identity.assignments", lambda rows: [r | ({"profile_id": ben} if r["profile_id"] == ann else {}) for r in rows]
    )
    assert run(given)["email_tool"] == 1
    assert [(row["profile_id"], row["reason"]) for row in retracted(given)] == [(ann, "withdrawn")]


def test_an_export_whose_folder_is_gone_is_retracted_all_the_same(given: Any) -> None:
    shutil.rmtree(given.lake.settings.exports / "email_tool")
    says(given, "account:ann", "withdrawn")
    run(given)
    assert [(row["email"], row["address_hashes"]) for row in retracted(given)] == [("Ann.Example@gmail.com", "")]


def test_whom_an_export_made_anew_leaves_out_stays_known_and_is_retracted_when_they_withdraw(given: Any) -> None:
    place = folder(given.lake, "email_tool", 1)
    shutil.rmtree(place)
    asks(given, "email_tool", kinds=["founder"])  # Ann's profile is deterministic
    export(given.lake, given.run, "email_tool", open_gate)
    ann, gus = profile_of(given, "Ann"), profile_of(given, "Gus")
    assert [row["profile_id"] for row in rows_of(place)] == [gus]  # at her address, in her place
    assert verify(place, [public_key(given.lake.settings)], given.lake).problems == ()
    says(given, "account:ann", "withdrawn")
    assert run(given)["email_tool"] == 2
    assert {row["profile_id"]: row["reason"] for row in retracted(given)} == {ann: "withdrawn", gus: "address_refused"}


def test_an_address_that_an_export_made_anew_gives_in_place_of_another_leaves_both_known(given: Any) -> None:
    place = folder(given.lake, "email_tool", 1)
    shutil.rmtree(place)
    declared = given.lake.contracts.destinations
    hashed = declared["email_tool"].fields["email"].model_copy(update={"convert": "google_email_sha256"})
    fields = declared["email_tool"].fields | {"email": hashed}
    declared["email_tool"] = declared["email_tool"].model_copy(update={"fields": fields, "version": "2-0-0"})
    export(given.lake, given.run, "email_tool", open_gate)
    assert verify(place, [public_key(given.lake.settings)], given.lake).problems == ()
    says(given, "account:ann", "withdrawn")
    assert run(given)["email_tool"] == 1
    assert {row["email"] or row["address_hashes"].split(":")[0] for row in retracted(given)} == {
        rows_of(place)[0]["email"], "email",
    }  # fmt: skip


def test_a_claim_that_was_never_published_is_replaced_by_the_next_try(small: Any) -> None:
    small.release()
    hashes = pa.array([[("email", "0" * 64)]], pa.map_(pa.string(), pa.string()))
    fay = pa.table({"profile_id": [profile_of(small, "Fay")], "address_hashes": hashes, "mailbox_hashes": hashes})
    declared = small.lake.contracts.destinations["email_tool"]
    record(small.lake, declared, 1, small.run.as_of, fay, published=False)
    export(small.lake, small.run, "email_tool", open_gate)
    assert [row["profile_id"] for row in small.rows("ops.deliveries")] == [profile_of(small, "Ann")]


def test_a_destination_declared_no_more_is_told_of_who_is_gone_though_another_has_the_address(given: Any) -> None:
    del given.lake.contracts.destinations["email_tool"]
    (gave,) = (row for row in given.rows("ops.deliveries") if row["destination"] == "email_tool")
    given.lake.append("ops.deliveries", [gave | {"profile_id": profile_of(given, "Eve")}])  # she allows it
    ann = profile_of(given, "Ann")
    given.change(
        "identity.assignments",
        lambda rows: [row for row in rows if row["own_profile_id"] != ann],
    )
    assert run(given)["email_tool"] == 1
    assert [(row["profile_id"], row["reason"]) for row in retracted(given)] == [(ann, "gone")]


def test_a_fault_at_one_destination_keeps_no_other_from_being_told(given: Any) -> None:
    says(given, "account:ann", "withdrawn", "advertising")
    event = says(given, "account:ann", "withdrawn")
    (given.lake.settings.exports / "ad_platform" / "retractions").touch()  # nothing can be written there
    with pytest.raises(OSError, match="retractions"):
        run(given)
    assert [row["consent_event_id"] for row in retracted(given)] == [event]


def test_an_address_that_is_known_nowhere_any_more_is_named_by_its_keyed_hash(given: Any) -> None:
    shutil.rmtree(given.lake.settings.exports / "email_tool")
    given.change("silver.identifiers", lambda rows: [])
    says(given, "account:ann", "withdrawn")
    run(given)
    (row,) = retracted(given)
    (gave,) = (r for r in given.rows("ops.deliveries") if r["destination"] == "email_tool")
    assert (row["email"], row["address_hashes"]) == ("", f"email:{dict(gave['address_hashes'])['email']}")


def test_a_release_that_does_not_know_the_withdrawal_hands_nobody_out_again(given: Any) -> None:
    given.release()
    says(given, "account:ann", "withdrawn")
    run(given)
    export(given.lake, given.run, "email_tool", open_gate)
    assert rows_of(folder(given.lake, "email_tool", 2)) == []
    refused = read_manifest(folder(given.lake, "email_tool", 2))["refused"]
    assert refused["retracted"] == 1
    given.release()
    export(given.lake, given.run, "email_tool", open_gate)  # this one knows the statement, and goes by its mart
    assert read_manifest(folder(given.lake, "email_tool", 3))["refused"]["retracted"] == 0


def test_a_process_that_died_before_the_ledger_is_made_up_for_out_of_the_folder(given: Any) -> None:
    says(given, "account:ann", "withdrawn")
    run(given)
    before = given.rows("ops.retractions")
    given.change("ops.retractions", lambda rows: [])
    assert run(given)["email_tool"] == 0
    assert given.rows("ops.retractions") == before
    assert len(published_retractions(given.lake)) == 1


def test_somebody_who_is_erased_is_retracted_without_an_address_and_taken_out_of_all_that_is_held(given: Any) -> None:
    ann = profile_of(given, "Ann")
    assert retract(given.lake, given.run, erased=by_id([ann])) == {"ad_platform": 1, "email_tool": 1}
    (row,) = retracted(given)
    assert (row["email"], row["reason"]) == ("", "erased")
    assert row["address_hashes"].startswith("email:")
    assert set(redact(given.lake, by_id([ann]), "erasure 1")) == {"export ad_platform 1", "export email_tool 1"}
    assert redact(given.lake, by_id([ann]), "erasure 1") == {}
    assert [held.subject for held in all_held(given.lake) if has_rows(held, by_id([ann]))] == []
    place = folder(given.lake, "email_tool", 1)
    assert "Ann" not in (place / DATA).read_text()
    assert verify(place, [public_key(given.lake.settings)], given.lake).problems == ()
    assert read_manifest(place)["redacted"] == [{"rows": 1, "because": "erasure 1"}]
    assert forget(given.lake, by_id([ann])) == {"ops.deliveries": 2, "ops.retractions": 2}
    assert given.rows("ops.deliveries") == []


def test_what_an_export_that_was_killed_had_staged_goes_with_an_erasure(given: Any) -> None:
    staged = folder(given.lake, "email_tool", 9).with_name("_000009")
    staged.mkdir()
    (staged / DATA).write_text("profile_id,email\nsomebody,dee@example.com\n", encoding="utf-8")
    redact(given.lake, named(given.lake, [], [], ["dee@example.com"]), "erasure 1")
    assert not staged.exists()


def test_a_redaction_that_was_cut_off_between_its_renames_is_put_back_and_done(given: Any) -> None:
    ann, place = profile_of(given, "Ann"), folder(given.lake, "email_tool", 1)
    place.rename(place.with_name("_000001_old"))
    assert redact(given.lake, by_id([ann]), "erasure 1") == {"export ad_platform 1": 1, "export email_tool 1": 1}
    assert [path.name for path in place.parent.iterdir()] == ["000001"]


def test_nothing_that_is_held_can_be_read_by_others(given: Any) -> None:
    says(given, "account:ann", "withdrawn")
    run(given)
    for path in given.lake.settings.exports.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_refusal_of_the_topic_counts_and_a_pause_or_another_topic_does_not(given: Any) -> None:
    for topic, status, day in ((None, "snoozed", 1), ("recipes", "withdrawn", 2)):
        says(given, "account:ann", status, day=day, topic=topic)
        assert run(given)["email_tool"] == 0, (topic, status)
    event = says(given, "account:ann", "withdrawn", day=3, topic="offers")
    says(given, "account:ann", "granted", day=4)  # of the whole, which leaves the topic refused
    assert run(given)["email_tool"] == 1
    assert [row["consent_event_id"] for row in retracted(given)] == [event]


def test_of_a_destination_about_all_topics_a_refusal_of_any_counts(given: Any) -> None:
    declared = given.lake.contracts.destinations
    declared["email_tool"] = declared["email_tool"].model_copy(update={"topic": "all"})
    event = says(given, "account:ann", "withdrawn", topic="recipes")
    assert run(given)["email_tool"] == 1
    assert [row["consent_event_id"] for row in retracted(given)] == [event]


def exported_late(small: Any, destination: str = "email_tool") -> tuple[int, int]:
    """Rows and those refused as retracted of an export that was made after what landed since its release."""
    made = export(small.lake, small.run, destination, check_staged)
    release = max(row["release"] for row in small.rows("ops.releases"))
    return made["rows"], read_manifest(folder(small.lake, destination, release))["refused"]["retracted"]


def test_who_withdrew_since_the_release_is_not_exported_though_the_destination_was_told_of_nobody(small: Any) -> None:
    small.release()
    says(small, "anonymous:ann", "withdrawn")  # another record of hers than the one that granted
    assert run(small) == {}
    assert exported_late(small) == (0, 1)
    assert exported_late(small, "ad_platform") == (1, 0)  # of another purpose


def test_a_mailbox_refused_since_the_release_by_a_record_that_nobody_resolved_is_not_exported(small: Any) -> None:
    small.release()
    says(small, "mailbox:new", "withdrawn")
    gives(small, "mailbox:new", "a.n.n.example+x@googlemail.com")
    assert exported_late(small) == (0, 1)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_number_refused_since_the_release_is_not_exported_however_it_was_written(spelling: str, small: Any) -> None:
    small.release()
    says(small, "account:new", "denied", "advertising")
    gives(small, "account:new", spelling, "phone")
    assert exported_late(small, "ad_platform") == (0, 1)


def test_who_withdrew_and_allowed_again_since_the_release_is_exported(small: Any) -> None:
    small.release()
    says(small, "account:ann", "withdrawn", day=1)
    says(small, "account:ann", "granted", day=2)
    assert exported_late(small) == (1, 0)


def test_the_ledger_has_whom_the_file_has_though_a_no_lands_while_the_gate_looks(small: Any) -> None:
    small.release()

    def gate(*_: Any) -> dict[str, int]:
        says(small, "account:ann", "withdrawn")
        return {}

    assert export(small.lake, small.run, "email_tool", gate)["rows"] == 1
    assert [row["profile_id"] for row in small.rows("ops.deliveries")] == [profile_of(small, "Ann")]
    assert run(small) == {"email_tool": 1}


def test_a_no_to_any_topic_since_the_release_keeps_out_of_a_destination_about_all(small: Any) -> None:
    declared = small.lake.contracts.destinations
    declared["email_tool"] = declared["email_tool"].model_copy(update={"topic": "all"})
    small.release()
    says(small, "account:ann", "withdrawn", topic="recipes")
    assert exported_late(small) == (0, 1)


def test_a_no_to_another_topic_since_the_release_keeps_nobody_out(small: Any) -> None:
    small.release()
    says(small, "account:ann", "withdrawn", topic="coupons")
    assert exported_late(small) == (1, 0)
