"""What retention keeps for consent: nobody may be used, linked or reached after it who might not before."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.permission import Moment
from identity.apart import as_one
from lakehouse.consent import state_sql
from lakehouse.run import Run
from rights import retain as retained
from spark_jobs.privacy.retention import Retained, _due, preview
from tests.conftest import SmallLake, profile_id
from tests.erasable import age

TODAY = dt.date(2030, 1, 1)
NOW = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)
EMAIL, ADS, LINKING = "email_marketing", "advertising", "identity_linking"


@pytest.fixture
def lake(small: SmallLake) -> SmallLake:
    """A lake of today that nobody has said anything to."""
    with Run("now", TODAY).step(small.lake, "land") as step:
        step.rows = 1
    for table in ("silver.events", "silver.consents", "silver.duplicates", "silver.quarantine", "silver.identifiers",
                  "identity.identifiers"):  # fmt: skip
        small.write(table, [])
    return small


def told(source: str, record: str, days_ago: int, number: int, **more: Any) -> dict[str, Any]:
    """A row of silver.events."""
    return {
        "event_id": f"{source}:{number}", "source": source, "channel": source, "type": "track", "event": "said",
        "message_id": str(number), "record_id": record, "occurred_at": NOW - dt.timedelta(days=days_ago),
        "received_at": NOW, "content_hash": number, "position": number, "part": 0, "landing": 1,
        "contract_version": "1-0-0", "properties": [], "traits": [], "context": [],
    } | more  # fmt: skip


def consent(event: dict[str, Any], purpose: str, status: str, **more: Any) -> dict[str, Any]:
    """The row of silver.consents that it gives."""
    same = {name: event[name] for name in ("event_id", "record_id", "source", "position", "landing", "received_at")}
    return same | {
        "purpose": purpose, "status": status, "given_at": event["occurred_at"], "notice_version": "2017-1",
        "region": None, "topic": None, "until_at": None,
    } | more  # fmt: skip


def says(
    small: SmallLake, source: str, record: str, days_ago: int, purpose: str, status: str, *,
    browser: str | None = None, **more: Any,
) -> str:  # fmt: skip
    event = told(source, record, days_ago, len(small.rows("silver.events")) + 1, anonymous_id=browser)
    small.lake.append("silver.events", [event])
    small.lake.append("silver.consents", [consent(event, purpose, status, **more)])
    return event["event_id"]


def described(small: SmallLake, record: str, days_ago: int, **attributes: Any) -> str:
    """A customer row lands."""
    event = told("crm", record, days_ago, len(small.rows("silver.events")) + 1, type="identify")
    same = {name: event[name] for name in ("event_id", "record_id", "source", "occurred_at", "position", "landing")}
    small.lake.append("silver.events", [event])
    small.lake.append("silver.customer_records", [same | {"traits": []} | attributes])
    return event["event_id"]


def no_exports(*_: Any) -> Retained:
    return Retained(())


def gone(small: SmallLake) -> set[str]:
    """The events that a retention of today removes."""
    return set(_due(small.lake, TODAY, no_exports, as_one).theirs.event_ids)


def kept(small: SmallLake) -> int:
    return sum(one.kept for one in preview(small.lake, TODAY, exports=no_exports, together=as_one).past)


def test_an_unsubscribe_outlives_its_source_and_a_delivery_does_not(lake: SmallLake) -> None:
    no = says(lake, "email", "mailbox:1", 900, EMAIL, "withdrawn")
    lake.lake.append("silver.events", [told("email", "mailbox:1", 900, 50)])
    says(lake, "consent", "account:1", 1000, EMAIL, "granted")
    assert gone(lake) == {"email:50"}
    assert (kept(lake), no in gone(lake)) == (1, False)


def test_a_last_word_that_is_no_outlives_every_period_and_a_yes_or_one_that_was_taken_back_does_not(
    lake: SmallLake,
) -> None:
    linking = says(lake, "consent", "account:1", 5000, LINKING, "denied")
    taken_back = says(lake, "consent", "account:2", 5000, EMAIL, "withdrawn")
    back = says(lake, "consent", "account:2", 4000, EMAIL, "granted")
    topic = says(lake, "consent", "account:2", 5000, EMAIL, "withdrawn", topic="offers")
    found = gone(lake)
    assert {taken_back, back} == found
    assert {linking, topic}.isdisjoint(found)
    assert kept(lake) == 2


def test_a_pause_that_lasts_stays_and_one_that_is_over_or_was_lifted_goes(lake: SmallLake) -> None:
    days = {"over": NOW - dt.timedelta(days=2), "lasts": NOW + dt.timedelta(days=90), "endless": None}
    made = {
        name: says(lake, "consent", f"account:{name}", 4000, EMAIL, "snoozed", until_at=until)
        for name, until in days.items()
    }
    lifted = says(lake, "consent", "account:lifted", 4000, EMAIL, "snoozed")
    yes = says(lake, "consent", "account:lifted", 3900, EMAIL, "granted")
    assert gone(lake) == {made["over"], lifted, yes}


def test_a_no_that_is_the_last_word_in_a_browser_stays_though_its_account_said_yes_elsewhere(lake: SmallLake) -> None:
    no = says(lake, "consent", "account:1", 5000, LINKING, "denied", browser="b1")
    says(lake, "consent", "account:1", 4000, LINKING, "granted", browser="b2")
    assert no not in gone(lake)


def test_birth_date_and_country_stay_with_a_word_of_the_person_and_go_without_any(lake: SmallLake) -> None:
    """Ann's word is of her account, the row of another record of hers."""
    first = described(lake, "anonymous:ann", 2000, birth_date="1980-01-01", country="US")
    last = described(lake, "anonymous:ann", 1500, birth_date="2016-01-01")
    placed = described(lake, "anonymous:ann", 1400, country="BR")
    of_silent = described(lake, "crm:ben", 1500, birth_date="2016-01-01")
    says(lake, "consent", "account:ann", 200, EMAIL, "granted")
    assert gone(lake) == {first, of_silent}
    assert {last, placed}.isdisjoint(gone(lake))


def test_a_customer_row_is_as_old_as_its_last_repeat_and_an_old_repeat_goes(lake: SmallLake) -> None:
    row, left = described(lake, "crm:ben", 2000), described(lake, "crm:left", 2000)
    days = {7: TODAY - dt.timedelta(days=1500), 8: TODAY - dt.timedelta(days=10)}
    for landing, day in days.items():
        run = Run(f"run-{landing}", day)
        with run.step(lake.lake, "land") as step:
            step.rows = 1
        lake.lake.append("ops.landings", [{"landing": landing, "run_id": run.run_id, "landed_at": NOW}])
    repeats = [(row, 101, 7), (row, 102, 8), (left, 103, 7)]
    lake.lake.append(
        "silver.duplicates",
        [{"source": "crm", "position": place, "part": 0, "event_id": event, "first_position": 1, "landing": landing}
         for event, place, landing in repeats],
    )  # fmt: skip
    theirs = _due(lake.lake, TODAY, no_exports, as_one).theirs
    assert theirs.event_ids == (left,)
    assert {grave.position for grave in theirs.lines} >= {101, 103}
    assert 102 not in {grave.position for grave in theirs.lines}


def test_what_ties_a_no_to_a_person_stays_and_what_ties_those_who_said_none_goes(lake: SmallLake) -> None:
    def gives(record: str, email: str, days_ago: int) -> str:
        number = len(lake.rows("silver.events")) + 1
        event = told("web", record, days_ago, number, traits=[("email", email)])
        lake.lake.append("silver.events", [event])
        seen = event["occurred_at"]
        lake.lake.append(
            "silver.identifiers",
            [{"record_id": record, "source": "web", "identifier": "email", "value": email, "first_seen": seen,
              "last_seen": seen, "events": 1, "first_position": number, "landing": 1}],
        )  # fmt: skip
        lake.lake.append(
            "identity.identifiers",
            [{"record_id": record, "identifier": "email", "value": email, "raw_value": email, "is_usable": True,
              "reason": None, "first_seen": seen, "last_seen": seen}],
        )  # fmt: skip
        return event["event_id"]

    ties = {gives("account:ann", "a@x.org", 2000), gives("anonymous:ann", "a@x.org", 1900)}
    others = {gives("account:ann", "alone@x.org", 2000), gives("account:cat", "c@x.org", 2000)}
    others |= {gives("account:gus", "c@x.org", 2000)}
    says(lake, "consent", "account:ann", 2000, EMAIL, "withdrawn")
    says(lake, "consent", "account:cat", 200, EMAIL, "granted")
    assert gone(lake) == others
    assert kept(lake) == len(ties)


def test_a_real_run_keeps_what_the_dry_run_said_and_tells_it(small: SmallLake) -> None:
    age(small)
    small.lake.append(
        "silver.events", [told("email", "account:cat", 0, 70, occurred_at=dt.datetime(2014, 1, 1, tzinfo=dt.UTC))]
    )
    (event,) = (row for row in small.rows("silver.events") if row["event_id"] == "email:70")
    small.lake.append("silver.consents", [consent(event, ADS, "withdrawn")])
    day = dt.date(2017, 12, 30)
    dry = retained.retain(small.lake, Run("m", day), dry_run=True)
    done = retained.retain(small.lake, Run("m", day))
    assert dry.past == done.past
    assert {one.table: (one.removed, one.held, one.kept) for one in done.past} == {
        "bronze.web": (3, 0, 0), "bronze.email": (0, 0, 1),
    }  # fmt: skip
    assert {row["table_name"]: row["kept"] for row in small.rows("ops.retained")} == {
        "bronze.web": 0,
        "bronze.email": 1,
    }
    assert "email:70" in {row["event_id"] for row in small.rows("silver.consents")}
    messages = [row["message"] for row in small.rows("ops.runs") if (row["step"], row["state"]) == ("retain", "done")]
    assert [message.partition("; ")[2] for message in messages] == ["1 stay, needed for consent"]


WORDS = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["consent", "email"]),
    st.sampled_from([50, 300, 800, 3660, 5000]),
    st.sampled_from(["granted", "granted", "denied", "withdrawn", "snoozed"]),
    st.sampled_from([None, None, None, "offers", "recipes"]),
    st.sampled_from(["2017-1", "2017-1", "2017-1", None]),
    st.sampled_from([None, NOW - dt.timedelta(days=3), NOW + dt.timedelta(days=30)]),
)
ROWS = st.tuples(
    st.integers(0, 1),
    st.sampled_from([50, 1100, 1500]),
    st.sampled_from([None, "1980-05-04", "2018-05-04"]),
    st.sampled_from([None, "US", "BR"]),
)
PURPOSES = st.sampled_from([EMAIL, ADS, ADS, "measurement"])
FOLK = st.lists(
    st.tuples(PURPOSES, st.lists(WORDS, min_size=1, max_size=4), st.lists(ROWS, max_size=2)), min_size=80, max_size=80
)


@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(FOLK)
def test_nobody_may_be_used_after_a_retention_who_might_not_before(lake: SmallLake, folk: list[Any]) -> None:
    """Each person has two records."""
    events, words, rows = [], [], []
    for person, (purpose, said, given_rows) in enumerate(folk):
        for record, source, days, status, topic, notice, until in said:
            events.append(told(source, f"account:{person}-{record}", days, len(events) + 1))
            more = {"topic": topic if purpose == EMAIL else None, "notice_version": notice, "until_at": until}
            words.append(consent(events[-1], purpose, status, **more))
        for record, days, born, country in given_rows:
            events.append(told("crm", f"account:{person}-{record}", days, len(events) + 1, type="identify"))
            names = ("event_id", "record_id", "source", "occurred_at", "position", "landing")
            same = {name: events[-1][name] for name in names}
            rows.append(same | {"birth_date": born, "country": country, "traits": []})
    lake.write("silver.events", events)
    lake.write("identity.assignments", [
        row | {"record_id": f"account:{person}-{record}", "profile_id": profile_id(str(person))}
        for row in lake.rows("identity.assignments")[:1] for person in range(len(folk)) for record in (0, 1)
    ])  # fmt: skip
    before = _state(lake, words, rows)
    went = gone(lake)
    after = _state(lake, *([row for row in table if row["event_id"] not in went] for table in (words, rows)))
    assert len(after) == len(before) > 0
    for key, (may_use, topics) in after.items():
        could, refused = before[key]
        assert could or not may_use, key
        assert not may_use or refused <= topics, key


def _state(lake: SmallLake, words: list[Any], rows: list[Any]) -> dict[tuple[str, str], tuple[bool, set[str]]]:
    """Whether each purpose may use each person, and the topics they refuse."""
    lake.write("silver.consents", words)
    lake.write("silver.customer_records", rows)
    born = {row["record_id"]: row["birth_date"] for row in sorted(rows, key=_when) if row["birth_date"]}
    (like, *_) = lake.rows("identity.records")
    lake.write("identity.records", [
        like | {"record_id": record, "birth_date": born.get(record) and dt.date.fromisoformat(born[record])}
        for record in {row["record_id"] for row in lake.rows("identity.assignments")}
    ])  # fmt: skip
    with lake.lake.duck() as connection:
        state = state_sql(lake.lake.contracts.policy, Moment(TODAY, heeds_later_refusals=True))
        found = connection.execute(f"SELECT profile_id, purpose, may_use, topics_refused FROM ({state})").fetchall()
    return {row[:2]: (row[2], set((row[3] or "").split(",")) - {""}) for row in found}


def _when(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["occurred_at"], row["landing"], row["source"], row["position"]
