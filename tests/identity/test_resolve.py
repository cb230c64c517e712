"""The step and the explanations, on a small lake: silver in, identity tables out. No JVM."""

import datetime
import json

import pyarrow as pa
import pytest
from pydantic import SecretStr

from identity.decisions import decide, undo
from identity.explain import explain
from identity.resolution import dated
from identity.resolve import resolve
from lakehouse.errors import ClewError, DataError, UsageError
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from tests.silver import at, write_silver

TABLES = tuple(f"identity.{name}" for name in ("records", "identifiers", "edges", "assignments", "review_queue"))
ANN = {"first_name": "Ann", "last_name": "Lee", "birth_date": "1984-03-09"}
BORIS = {"first_name": "Boris", "last_name": "Lee", "birth_date": "1979-11-21"}
HOME = {"street": "12 Oak Street", "city": "Albany", "postcode": "12207"}
PEOPLE = [
    ("crm:1", "crm", ANN | HOME | {"loyalty_id": "44001", "email": "ann.lee@mail.net"}),
    ("crm:2", "crm", BORIS | HOME | {"email": "the.lees@mail.net"}),
    ("crm:3", "crm", {"first_name": "Annie", "last_name": "Lee", "birth_date": "03/09/1984"} | HOME),
    ("account:u1", "web", {"first_name": "Ann", "last_name": "Lee", "email": "the.lees@mail.net"}),
    ("loyalty:44001", "shop", {}),
    ("mailbox:1", "email", {"email": "Ann.Lee@mail.net"}),
    ("mailbox:2", "email", {"email": "test@test.com"}),
    ("crm:4", "crm", {"first_name": "Zoe", "last_name": "Quist", "email": "test@test.com"}),
]


DAY = datetime.date(2017, 12, 31)


def resolved(home, people=PEOPLE, before_run=None):
    lake = Lake(Settings(home=home, identity_secret=SecretStr("a key for tests")))
    lake.ensure_tables()
    write_silver(lake, people)
    if before_run:
        before_run(lake)
    counts = resolve(lake, Run("run-1", DAY))
    return lake, counts


def content(lake, tables=TABLES):
    """The rows of each table, whatever the order in which its files hold them."""
    return {table: sorted(map(str, lake.arrow(table).to_pylist())) for table in tables}


def messages(lake):
    """What the runs said at their end, in their order."""
    rows = sorted(lake.arrow("ops.runs").to_pylist(), key=lambda row: row["at"])
    return [row["message"] for row in rows if row["state"] == "done"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return resolved(tmp_path_factory.mktemp("home"))[0]


def test_resolving_twice_gives_the_same_tables_and_an_account_of_both_runs(tmp_path):
    lake, counts = resolved(tmp_path)
    before = {name: lake.arrow(name) for name in TABLES}
    assert counts["records"] == len(PEOPLE)
    assert counts["records"] == before["identity.records"].num_rows == before["identity.assignments"].num_rows
    assert counts["linked"] == counts["records"] - counts["profiles"]
    again = resolve(lake, Run("run-2", datetime.date(2017, 12, 31)))
    assert again == counts | {"records_new": 0}
    assert counts["records_new"] == counts["records"]
    assert all(lake.arrow(name).equals(table) for name, table in before.items())
    done = [row for row in lake.arrow("ops.runs").to_pylist() if row["state"] == "done"]
    assert [(row["step"], row["rows"]) for row in done] == [("resolve", len(PEOPLE))] * 2


def test_a_run_after_a_run_leaves_what_a_run_from_nothing_leaves(tmp_path):
    lake, _ = resolved(tmp_path / "grown", PEOPLE[:5])
    for number, people in enumerate((PEOPLE[:7], PEOPLE, PEOPLE[2:]), start=2):
        write_silver(lake, people)
        resolve(lake, Run(f"run-{number}", datetime.date(2017, 12, 31)))
    told = messages(lake)
    assert ["nothing was resolved before" in message for message in told] == [True, False, False, False]
    assert sum("only what changed was resolved" in message for message in told) == 3
    afresh, _ = resolved(tmp_path / "afresh", PEOPLE[2:])
    assert content(lake) == content(afresh)


def test_a_run_after_one_that_died_between_two_tables_resolves_everything_and_says_so(tmp_path):
    lake, _ = resolved(tmp_path)
    before = content(lake)
    lake.overwrite("identity.edges", lake.arrow("identity.edges").slice(1))
    resolve(lake, Run("run-2", datetime.date(2017, 12, 31)))
    assert messages(lake)[-1].endswith("all resolved, since identity.edges is not as the last run left it")
    assert content(lake) == before


def test_an_edge_is_named_by_its_records_kind_and_rule(lake):
    keys = [
        (row["left_record"], row["right_record"], row["kind"], row["rule"])
        for row in lake.arrow("identity.edges").to_pylist()
    ]
    assert keys
    assert len(keys) == len(set(keys))
    assert all(left < right for left, right, _, _ in keys)


def test_an_edge_says_since_when_both_records_were_known(lake):
    seen = {row["record_id"]: row["first_seen"] for row in lake.arrow("identity.records").to_pylist()}
    edges = lake.arrow("identity.edges").to_pylist()
    assert len({row["since"] for row in edges}) > 1
    assert all(row["since"] == max(seen[row["left_record"]], seen[row["right_record"]]) for row in edges)


def test_a_decision_is_gone_by_in_every_run_until_it_is_taken_back_without_a_trace(lake):
    day = datetime.date(2017, 12, 31)
    resolve(lake, Run("r1", day))
    before = content(lake)
    now = {"author": "ann", "at": at(400), "as_of": day}
    decide(lake, "unlink", ("mailbox:1", "crm:1"), reason="two sisters", **now)
    for run in ("r2", "r3"):
        resolve(lake, Run(run, day))
        answer = explain(lake, "crm:1", "mailbox:1")
        assert (answer.verdict, answer.reason) == ("apart", "decision 1 says that they are two people")
    undo(lake, 1, reason="one after all", author="bob", at=at(401))
    resolve(lake, Run("r4", day))
    assert content(lake) == before


def test_an_edge_of_an_unknown_record_is_not_lost_while_it_is_dated():
    day = datetime.datetime(2017, 3, 1, tzinfo=datetime.UTC)
    ends = {"left_record": ["crm:1"], "right_record": ["crm:2"]}
    edges = pa.table({**ends, "kind": ["deterministic"], "rule": ["email"], "evidence": ["{}"]})
    (row,) = dated(edges, pa.table({"record_id": ["crm:1"], "first_seen": [day]})).to_pylist()
    assert (row["right_record"], row["since"]) == ("crm:2", None)


def test_the_same_person_is_explained_by_the_path_between_two_records(lake):
    answer = explain(lake, "mailbox:1", "loyalty:44001")
    assert answer.verdict == "same"
    assert [edge.rule for edge in answer.path] == ["email", "loyalty_id"]
    assert answer.path[0].evidence["identifier"] == "email"
    assert answer.probability == answer.path[0].probability
    assert answer.reason.startswith("one profile by 2 links; the weakest is email")


def test_a_probabilistic_link_is_explained_by_its_waterfall(lake):
    answer = explain(lake, "crm:1", "crm:3")
    assert answer.verdict == "same"
    (edge,) = answer.path
    assert edge.kind == "probabilistic"
    assert edge.model_version.startswith("customers-1-")
    parts = [step["weight"] for step in edge.evidence["waterfall"]]
    assert edge.evidence["prior"] + sum(parts) == pytest.approx(edge.match_weight, abs=1e-4)
    levels = {step["comparison"]: step["level"] for step in edge.evidence["waterfall"]}
    assert levels["first_name"] == "nickname"
    assert levels["birth_date"] == "equal"


def test_two_people_on_a_family_mailbox_are_explained_by_the_contradiction(lake):
    answer = explain(lake, "crm:2", "account:u1")
    assert answer.verdict == "apart"
    assert answer.obstacle is not None
    assert answer.reason == "email would join them but is blocked: contested: first names differ on one email"


def test_two_people_with_a_placeholder_are_told_that_it_does_not_identify(lake):
    answer = explain(lake, "crm:4", "mailbox:2")
    assert answer.verdict == "apart"
    assert answer.obstacle is None
    assert "they share only what does not identify: email (blocked_value: typed by testers)" in answer.reason


def test_two_people_without_anything_in_common_have_no_evidence(lake):
    answer = explain(lake, "crm:4", "loyalty:44001")
    assert answer.reason.startswith("no evidence")


def test_a_record_and_itself_are_one(lake):
    answer = explain(lake, "crm:1", "crm:1")
    assert (answer.verdict, answer.path, answer.probability) == ("same", (), 1.0)


def test_an_identifier_stands_for_its_record_in_any_spelling(lake):
    answer = explain(lake, "email: ANN.LEE@MAIL.NET", "loyalty:44001")
    assert (answer.left, answer.right) == ("crm:1", "loyalty:44001")
    assert answer.verdict == "same"


def test_an_explanation_is_json_without_a_personal_value(lake):
    text = json.dumps(explain(lake, "crm:1", "mailbox:1").as_dict())
    assert "mail.net" not in text.lower()


@pytest.mark.parametrize(
    ("name", "message", "kind"),
    [
        ("crm:99", "no record holds this crm_id", DataError),
        ("email:nobody@mail.net", "no record holds this email", DataError),
        ("nonsense", "no such record", UsageError),
        ("p_0123456789abcdef0123", "no such record", DataError),
        ("shoe:42", "begin", UsageError),
    ],
)
def test_an_unknown_name_is_refused_without_repeating_it(lake, name, message, kind):
    with pytest.raises(ClewError) as caught:
        explain(lake, name, "crm:1")
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert name not in str(caught.value)
