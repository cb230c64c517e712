"""identity.history: what was true when, what was known when, and what a repeated run adds to it: nothing."""

import datetime
import hashlib
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from identity.assign import profile_id
from identity.changes import changes
from identity.decisions import decide, undo
from identity.explain import explain, record_of
from identity.history import append_history, believed_before, revised
from identity.past import Moment, known, members, profiles_of
from identity.resolve import resolve
from identity.timeline import TIMELINE, timelines
from lakehouse.consent import ASSIGNMENTS, people_sql
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from sandbox.crowd import crowd
from tests.silver import at, write_silver

KEY = "a key for tests"
PURE = ("identity.records", "identity.identifiers", "identity.edges", "identity.assignments")
"""The tables that are a function of silver, decisions, contract and model alone."""
ELDER = ("crm:1", "crm", {"email": "ann@mail.net"})
YOUNGER = ("crm:2", "crm", {"phone": "(212) 736-5000"})
BRIDGE = ("account:u1", "web", {"email": "ann@mail.net", "phone": "(212) 736-5000"})


def own(record):
    return profile_id(KEY.encode(), record)


def new_lake(home):
    lake = Lake(Settings(home=home, identity_secret=SecretStr(KEY)))
    lake.ensure_tables()
    return lake


def a_day(lake, day, people, run_id=None):
    """A run of the day: people are what landed so far, in the order of landing."""
    write_silver(lake, people)
    return resolve(lake, Run(run_id or f"run-{day}", at(day).date()))


def content_hash(lake, tables=PURE):
    """SHA-256 of all rows of the tables, whatever the order in which their files hold them."""
    digest = hashlib.sha256()
    for table in tables:
        for row in sorted(map(str, lake.arrow(table).to_pylist())):
            digest.update(row.encode())
    return digest.hexdigest()


def last_known(lake):
    """What a run yet to come would find believed, as record to profile."""
    return {
        row["record_id"]: row["profile_id"]
        for row in believed_before(lake, Run("a run yet to come", at(999).date())).to_pylist()
    }


def assigned(lake):
    return {row["record_id"]: row["profile_id"] for row in lake.arrow("identity.assignments").to_pylist()}


def made_of(lake, profile, day, known_at=None):
    """The records that a profile was made of on a day, by what was known on another."""
    moment = Moment(at(day).date(), at(known_at).date() if known_at is not None else datetime.date.max)
    with lake.duck() as connection:
        return [row["record_id"] for row in members(connection, moment, profile)]


def test_of_a_day_after_all_days_is_known_what_the_run_knows(lake_of_a_town):
    with lake_of_a_town.duck() as connection:
        rules = lake_of_a_town.contracts.identity.attributes
        then = people_sql(replace(known(connection, Moment(datetime.date(2030, 1, 1)), rules), assignments=ASSIGNMENTS))
        now, was = (connection.sql(f"FROM {sql} ORDER BY ALL").fetchall() for sql in (people_sql(), then))
    assert was == now
    assert {born is None for _, born, _ in now} == {country is None for *_, country in now} == {True, False}


@pytest.fixture
def lake_of_a_town(tmp_path):
    """A lake of many records, of which some tell another birth date or address later."""
    lake = new_lake(tmp_path)
    people = []
    for number, row in enumerate(crowd(60)[0].to_pylist()):
        given = {name: value for name, value in row.items() if value and name != "record_id"}
        people.append((f"crm:{row['record_id']}", "crm", given | ({"country": "US"} if number % 3 else {})))
    again = {"first_name": "Ann", "birth_date": "05/04/1980", "country": "Brazil"}
    people += [(record, "crm", again | ({} if number % 2 else {"birth_date": "1900-01-01"}))
               for number, (record, *_) in enumerate(people[:20])]  # fmt: skip
    a_day(lake, 999, people)
    return lake


def belief(*rows):
    return pa.Table.from_pylist(
        [{"record_id": record, "true_from": at(day), "profile_id": profile} for record, day, profile in rows], TIMELINE
    )


def test_a_timeline_that_differs_is_appended_whole_and_one_that_does_not_is_left():
    known = belief(("a", 1, "A"), ("b", 2, "B"), ("c", 3, "C"))
    now = belief(("a", 1, "A"), ("b", 2, "B"), ("b", 5, "A"), ("c", 3, "C"))
    assert revised(known, now) == belief(("b", 2, "B"), ("b", 5, "A"))
    assert revised(now, known) == belief(("b", 2, "B"))
    assert revised(now, now).num_rows == 0


def test_a_record_that_is_gone_has_no_profile_from_its_first_day_on_until_it_is_back():
    known = belief(("a", 1, "A"), ("b", 2, "B"), ("b", 5, "A"))
    gone = revised(known, belief(("a", 1, "A")))
    assert gone == belief(("b", 2, None))
    assert revised(pa.concat_tables([belief(("a", 1, "A")), gone]), belief(("a", 1, "A"))).num_rows == 0
    assert revised(gone, belief(("b", 2, "B"))) == belief(("b", 2, "B"))


@pytest.fixture(scope="module")
def bridged(tmp_path_factory):
    """Two people on day 5; on day 9 comes an account of day 3 that is both of them."""
    lake = new_lake(tmp_path_factory.mktemp("home"))
    a_day(lake, 5, [ELDER, YOUNGER])
    counts = a_day(lake, 9, [ELDER, YOUNGER, BRIDGE])
    return lake, counts


def test_a_late_bridge_keeps_the_elders_id_and_the_younger_leads_to_it(bridged):
    lake, counts = bridged
    assert set(assigned(lake).values()) == {own("crm:1")}
    leads_to = {row["own_profile_id"]: row["profile_id"] for row in lake.arrow("identity.assignments").to_pylist()}
    assert leads_to[own("crm:2")] == own("crm:1")
    told = {name: counts[name] for name in ("records_new", "merges", "splits", "redirects", "records_churned")}
    assert told == {"records_new": 1, "merges": 1, "splits": 0, "redirects": 1, "records_churned": 0}


def test_a_retired_id_stands_for_its_founder_in_an_explanation(bridged):
    lake, _ = bridged
    answer = explain(lake, own("crm:2"), own("crm:1"))
    assert (answer.left, answer.right, answer.verdict) == ("crm:2", "crm:1", "same")
    assert (answer.left_redirected_from, answer.right_redirected_from) == (own("crm:2"), None)
    with lake.duck() as connection:
        assert record_of(connection, lake, own("account:u1")) == "account:u1"


ALL = ["crm:1", "crm:2", "account:u1"]


@pytest.mark.parametrize(
    ("day", "known_at", "elder", "younger"),
    [
        (0, None, [], []),  # nobody was there
        (1, None, ["crm:1"], []),
        (2, None, ["crm:1"], ["crm:2"]),  # before the bridge was there, they were two, we know now
        (3, None, ALL, []),  # since the bridge was there, they are one
        (9, None, ALL, []),
        (3, 5, ["crm:1"], ["crm:2"]),  # on day 5 we did not know it
        (9, 8, ["crm:1"], ["crm:2"]),
        (3, 9, ALL, []),  # on day 9 we did
        (2, 9, ["crm:1"], ["crm:2"]),
        (9, 4, [], []),  # before the first run we knew nobody
    ],
)
def test_who_was_who_on_a_day_by_what_was_known_on_another(bridged, day, known_at, elder, younger):
    lake, _ = bridged
    assert sorted(made_of(lake, own("crm:1"), day, known_at)) == sorted(elder)
    assert made_of(lake, own("crm:2"), day, known_at) == younger


def test_a_record_leads_to_its_profile_of_the_day(bridged):
    lake, _ = bridged
    with lake.duck() as connection:
        assert profiles_of(connection, Moment(at(2).date()), ["crm:2"]) == [own("crm:2")]
        assert profiles_of(connection, Moment(at(3).date()), ["crm:2"]) == [own("crm:1")]
        assert profiles_of(connection, Moment(at(2).date()), ["crm:1", "crm:2"]) == sorted([own("crm:1"), own("crm:2")])
        assert profiles_of(connection, Moment(at(2).date()), ["account:u1", "crm:nobody"]) == []


def test_a_member_says_since_when_and_since_when_that_was_known(bridged):
    lake, _ = bridged
    with lake.duck() as connection:
        rows = members(connection, Moment(at(9).date()), own("crm:1"))
    assert [(row["record_id"], row["true_from"], row["known_since"]) for row in rows] == [
        ("crm:1", at(1), at(5).date()),
        ("account:u1", at(3), at(9).date()),
        ("crm:2", at(3), at(9).date()),
    ]


def test_an_unmerge_by_a_steward_and_its_undo_give_back_the_state_before_to_the_last_byte(tmp_path):
    lake = new_lake(tmp_path)
    a_day(lake, 5, [ELDER, YOUNGER, BRIDGE])
    before, believed = content_hash(lake), last_known(lake)
    who = {"author": "ann", "at": at(400)}
    decide(lake, "unlink", ("crm:1", "crm:2"), reason="two sisters", as_of=at(5).date(), **who)
    counts = resolve(lake, Run("run-6", at(6).date()))
    assert (counts["splits"], counts["redirects"], counts["records_churned"]) == (1, 0, 0)
    assert assigned(lake)["crm:2"] == own("crm:2"), "the part that leaves has the id of its own founder"
    assert content_hash(lake) != before
    undo(lake, 1, reason="one after all", **who)
    counts = resolve(lake, Run("run-7", at(7).date()))
    assert (counts["merges"], counts["redirects"], counts["records_churned"]) == (1, 1, 0)
    assert content_hash(lake) == before
    assert last_known(lake) == believed
    assert [made_of(lake, own("crm:2"), 4, known_at) for known_at in (5, 6, 7)] == [[], ["crm:2"], []]


def test_the_history_outlives_a_rebuild_that_finds_nothing_new(tmp_path):
    lake = new_lake(tmp_path)
    a_day(lake, 5, [ELDER, YOUNGER])
    a_day(lake, 9, [ELDER, YOUNGER, BRIDGE])
    tables = (*PURE, "identity.history")
    before = content_hash(lake, tables)
    for table in PURE:
        lake.overwrite(table, [])
    a_day(lake, 9, [ELDER, YOUNGER, BRIDGE], run_id="rebuild")
    assert content_hash(lake, tables) == before


def test_a_run_that_died_between_any_two_tables_is_run_again_with_the_same_result(tmp_path, monkeypatch):
    calm, rough = new_lake(tmp_path / "calm"), new_lake(tmp_path / "rough")
    written = ("identity.records", "identity.edges", "identity.assignments", "ops.identity_changes", "identity.history")
    for lake in (calm, rough):
        a_day(lake, 5, [ELDER, YOUNGER])
    expected = a_day(calm, 9, [ELDER, YOUNGER, BRIDGE])
    for dies_after in written:
        with monkeypatch.context() as patch:
            patch.setattr(Lake, "_write_arrow", dying(Lake._write_arrow, dies_after))
            with pytest.raises(KeyboardInterrupt):
                a_day(rough, 9, [ELDER, YOUNGER, BRIDGE])
    assert a_day(rough, 9, [ELDER, YOUNGER, BRIDGE]) == expected
    for table in (*PURE, "identity.history"):
        assert content_hash(rough, [table]) == content_hash(calm, [table]), table
    assert counted(rough) == counted(calm)


def dying(write, table):
    """A writer that ends the process, so to speak, once it has written the table."""

    def write_and_die(self, name, *arguments, **options):
        write(self, name, *arguments, **options)
        if name == table:
            raise KeyboardInterrupt

    return write_and_die


def counted(lake):
    rows = lake.arrow("ops.identity_changes").drop_columns(["at"]).to_pylist()
    return sorted(rows, key=lambda row: row["run_id"])


def test_what_a_past_day_says_when_it_is_run_again_was_not_known_on_that_day(tmp_path):
    lake = new_lake(tmp_path)
    a_day(lake, 9, [ELDER, YOUNGER])
    a_day(lake, 5, [ELDER, YOUNGER, BRIDGE])
    known = {row["revision"]: row["known_since"] for row in lake.arrow("identity.history").to_pylist()}
    assert known == {1: at(9).date(), 2: at(9).date()}
    assert made_of(lake, own("crm:2"), 9, 8) == []


def test_a_record_that_is_gone_is_in_no_profile_now_and_in_its_own_by_what_was_known(tmp_path):
    lake = new_lake(tmp_path)
    a_day(lake, 5, [ELDER, YOUNGER])
    counts = a_day(lake, 9, [ELDER])
    assert counts["records_gone"] == 1
    assert made_of(lake, own("crm:2"), 5) == []
    assert made_of(lake, own("crm:2"), 5, known_at=8) == ["crm:2"]
    a_day(lake, 10, [ELDER, YOUNGER])
    assert made_of(lake, own("crm:2"), 5) == ["crm:2"]
    assert last_known(lake) == assigned(lake)


names = st.sampled_from(["Ann", "Boris", None])
addresses = st.lists(st.sampled_from(["a@mail.net", "b@mail.net", "c@mail.net", "d@mail.net"]), max_size=2, unique=True)
PEOPLE = st.lists(st.tuples(names, addresses, st.integers(0, 9)), min_size=4, max_size=9)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PEOPLE, st.sets(st.integers(1, 8), max_size=2))
def test_in_however_many_runs_ids_stay_and_the_last_belief_is_the_assignment(new_town, people, cuts):
    """People land in their order, some in each run; no run but the last one matters to who is who in the end."""

    def landed(count):
        town = new_town()
        for number, (first_name, emails, day) in enumerate(people[:count]):
            town.record(f"crm:{number}", day, first_name=first_name, email=emails)
        resolution = town.resolve()
        return resolution, timelines(town.nodes().records, resolution.edges, resolution.assignments)

    known = TIMELINE.empty_table()
    believed = pa.table({"record_id": pa.array([], pa.string()), "profile_id": pa.array([], pa.string())})
    for count in sorted({cut for cut in cuts if cut < len(people)} | {len(people)}):
        resolution, now = landed(count)
        assert changes(believed, resolution.assignments)["records_churned"] == 0
        renewed = revised(known, now)
        kept = known.to_pandas()
        kept = kept[~kept["record_id"].isin(renewed["record_id"].to_pylist())]
        known = pa.concat_tables([pa.Table.from_pandas(kept, TIMELINE, preserve_index=False), renewed])
        last = {row["record_id"]: row["profile_id"] for row in known.sort_by("true_from").to_pylist()}
        assert last == {row["record_id"]: row["profile_id"] for row in resolution.assignments.to_pylist()}
        believed = resolution.assignments
    assert revised(known, now).num_rows == 0
    assert revised(now, known).num_rows == 0


@settings(max_examples=3, deadline=None, derandomize=True)
@given(st.sets(st.integers(1, 3)))
def test_resolved_in_however_many_runs_a_lake_has_the_same_content_hash(tmp_path_factory, batches):
    people = [ELDER, YOUNGER, BRIDGE]
    at_once, in_parts = (new_lake(tmp_path_factory.mktemp("home")) for _ in range(2))
    a_day(at_once, 9, people)
    for landed in sorted(batches):
        a_day(in_parts, landed, people[:landed])
    a_day(in_parts, 9, people)
    assert content_hash(in_parts) == content_hash(at_once)
    assert last_known(in_parts) == last_known(at_once) == assigned(at_once)


def test_history_is_kept_where_there_was_none_before(tmp_path):
    lake = Lake(Settings(home=tmp_path, identity_secret=SecretStr(KEY)))
    run = Run("run-1", at(1).date())
    assert believed_before(lake, run).num_rows == 0
    assert append_history(lake, run, belief(("a", 1, "A"))) == 1
    assert last_known(lake) == {"a": "A"}
