"""Erasure of somebody whose profile has a mailbox's record: what was said from a mailbox of several people stays."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from activation.export import decided
from contracts.permission import Moment
from contracts.records import record_id
from lakehouse.consent import state_sql
from lakehouse.errors import DataError
from lakehouse.releases import latest_release
from rights.retain import retain
from spark_jobs.privacy import holds
from spark_jobs.privacy.forget import preview
from spark_jobs.privacy.keys import EVENT, RECORD, hashes
from tests.conftest import SmallLake, profile_id
from tests.erasable import RUN, age, erase, lands, make

SHARED = "ann.example@gmail.com"  # Ann's and Gus's
STANDARD = {SHARED: "annexample@gmail.com"}
GIVEN = dt.datetime(2017, 12, 20, 9, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def people_template(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    small = SmallLake(small_template).copy(tmp_path_factory.mktemp("shared") / "home")

    def standard(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["value"] = STANDARD.get(row["value"], row["value"])

    small.change("identity.identifiers", standard)
    return make(small)


def record_of(people: Any, value: str = SHARED, kind: str = "mailbox") -> str:
    return record_id(kind, value, people.lake.settings.identity_key)


def has_mailbox(people: Any, of: str, value: str = SHARED) -> str:
    """The record of a mailbox, in somebody's profile, from which a newsletter was unsubscribed; released."""
    record = record_of(people, value)
    lands(people, record, email=value)
    (event,) = [row for row in people.rows("silver.events") if row["record_id"] == record]
    said = people.rows("silver.consents")[0] | {"event_id": event["event_id"], "record_id": record, "source": "web",
           "position": event["position"], "purpose": "email_marketing", "status": "withdrawn",
           "given_at": GIVEN}  # fmt: skip
    people.lake.append("silver.consents", [said])
    known = {"record_id": record}
    held = next(row for row in people.rows("identity.identifiers") if row["identifier"] == "email")
    people.lake.append(
        "identity.identifiers", [held | known | {"value": STANDARD.get(value, value), "raw_value": value}]
    )
    people.lake.append("identity.records", [people.rows("identity.records")[0] | known | {"kind": "mailbox"}])
    linked = {"profile_id": profile_id(of), "own_profile_id": profile_id("a mailbox"), "kind": "deterministic"}
    people.lake.append("identity.assignments", [people.rows("identity.assignments")[0] | known | linked])
    with people.lake.duck() as connection:
        moment = Moment(dt.date(2017, 12, 30), heeds_later_refusals=True)
        state = connection.sql(state_sql(people.lake.contracts.policy, moment)).to_arrow_table()
    people.lake.overwrite("gold.consent_state", state)
    people.release()
    return event["event_id"]


def fates(people: Any) -> dict[str, str | None]:
    """Who is in the next export of the newsletter, or why not."""
    release = latest_release(people.lake)
    assert release is not None
    with people.lake.duck(release) as connection:
        decided(people.lake, connection, people.lake.contracts.destinations["email_tool"], release)
        return dict(connection.execute("SELECT profile_id, reason FROM decided").fetchall())


def test_an_unsubscribe_of_a_shared_mailbox_outlives_whoever_of_the_family_is_erased(people: Any) -> None:
    event = has_mailbox(people, "gus")
    assert fates(people)[profile_id("ann")] == "address_refused"

    certificate = erase(people, "gus")

    assert [row["event_id"] for row in people.rows("silver.consents") if row["record_id"] == record_of(people)] == [
        event
    ]
    assert fates(people)[profile_id("ann")] == "retracted"  # by the mailbox, which is nobody's profile for now
    assert certificate["kept_because_shared"] == {"values": 1, "records": 1}


def test_a_shared_mailbox_is_heard_after_one_of_its_family_is_erased(people: Any) -> None:
    event = has_mailbox(people, "gus")

    erase(people, "gus")

    key = people.lake.settings.privacy_key
    listed = {(row["namespace"], row["hash"]) for row in people.rows("ops.erased")}
    assert set(hashes(key, [(RECORD, "account:gus")])) <= listed
    assert listed.isdisjoint(hashes(key, [(RECORD, record_of(people)), (EVENT, event)]))


@pytest.mark.parametrize("together", [True, False])
def test_the_last_of_a_family_takes_the_mailbox_along(people: Any, together: bool) -> None:
    has_mailbox(people, "gus")

    if together:
        erase(people, "ann", "gus")
    else:
        erase(people, "gus")
        erase(people, "ann")

    assert record_of(people) not in {row["record_id"] for row in people.rows("silver.events")}
    assert SHARED not in json.dumps([row["payload"] for row in people.rows("bronze.web")]).lower()


def test_a_mailbox_of_one_person_goes_with_them(people: Any) -> None:
    has_mailbox(people, "cat", "cat@example.com")

    assert erase(people, "cat")["kept_because_shared"] == {"values": 0, "records": 0}

    assert "cat@example.com" not in json.dumps([row["payload"] for row in people.rows("bronze.web")])


def test_a_number_that_a_household_shares_is_left_alone(people: Any) -> None:
    has_mailbox(people, "ben", "ben@example.com")  # Fay reads it, too
    phone = record_of(people, "+18005550101", "phone")
    lands(people, phone, phone="+18005550101")
    held = next(row for row in people.rows("identity.identifiers") if row["record_id"] == "crm:ben")
    of_phone = {"identifier": "phone", "value": "+18005550101", "raw_value": "+18005550101"}
    people.lake.append(
        "identity.identifiers", [held | of_phone | {"record_id": phone}, held | of_phone | {"record_id": "account:eve"}]
    )
    linked = {"record_id": phone, "own_profile_id": profile_id("a number")}
    row = next(row for row in people.rows("identity.assignments") if row["record_id"] == "crm:ben")
    people.lake.append("identity.assignments", [row | linked])
    people.release()

    erase(people, "ben")

    assert {phone, record_of(people, "ben@example.com")} <= {row["record_id"] for row in people.rows("silver.events")}


def test_a_profile_of_nothing_but_a_shared_mailbox_is_not_erased_and_told_so(people: Any) -> None:
    has_mailbox(people, "a mailbox")
    with pytest.raises(DataError, match="others have the mailbox or number"):
        erase(people, "a mailbox")


def test_a_preview_counts_the_mailbox_as_shared(people: Any) -> None:
    has_mailbox(people, "gus")
    assert preview(people.lake, [profile_id("gus")])["records_shared"] == 1


def test_a_hold_on_one_of_a_family_keeps_what_was_said_from_the_mailbox(people: Any) -> None:
    said = has_mailbox(people, "gus")
    lands(people, record_of(people), email=SHARED)
    (visit,) = {row["event_id"] for row in people.rows("silver.events") if row["record_id"] == record_of(people)} - {
        said
    }
    age(people, visit)
    holds.add(people.lake, profile_id=profile_id("gus"), reason="case 7", author="sam")

    retain(people.lake, RUN)

    assert visit in {row["event_id"] for row in people.rows("silver.events")}
    assert {row["held"] for row in people.rows("ops.retained")} == {1}
