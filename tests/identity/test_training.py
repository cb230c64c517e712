"""Training as a step: what is measured, when the gate opens, and what is written. No JVM."""

import datetime
import json
import re
import xml.etree.ElementTree as ET

import pyarrow as pa
import pytest
from pydantic import SecretStr

from clew.audited import problems
from clew.trained.page import page
from contracts import Contracts
from identity.block import ENOUGH_MATCHES, choose_rules
from identity.decisions import decide
from identity.diff import Difference, EdgeCount
from identity.drift import Level, levels
from identity.gate import checks
from identity.judge import Judgement, judge
from identity.known import known_differences, known_matches
from identity.model import MODELS, compared_people, load_model, new_model, save_model
from identity.records import build_nodes, read_silver
from identity.resolve import resolve
from identity.score import probabilistic_edges
from identity.train import taught
from identity.training import take, train_on_lake
from lakehouse import audit
from lakehouse.errors import DataError
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from sandbox.crowd import crowd
from tests.silver import write_silver

DAY = datetime.date(2017, 12, 31)
PAIR = ("left_record", "right_record")
GOOD_LEVELS = (Level("name", "equal", 0.9, 0.1, 3.2, 3.0), Level("name", "different", 0.1, 0.9, -3.2, -3.0))
NOTHING_CHANGES = Difference(9, 5, 5, 0, 0, 0, 0, 3, 3, (), ())


def judgement(gained=0, lost=0, chance=1.0, pairs=0, linked_others=0):
    return Judgement(pairs, pairs, 0, linked_others, 0, 0, gained, lost, chance)


def failing(levels=GOOD_LEVELS, stewards=None, identifiers=None, links=(10, 10), change=NOTHING_CHANGES):
    found = checks(levels, stewards or judgement(), identifiers or judgement(), links, change)
    return [check.name for check in found if not check.holds]


def weighed(**weights):
    return pa.table(
        {"left_record": list(weights), "right_record": ["z"] * len(weights), "match_weight": list(weights.values())}
    )


def test_two_models_are_judged_by_the_pairs_about_which_one_of_them_is_right():
    labelled = pa.table(
        {"left_record": list("abcd"), "right_record": ["z"] * 4, "is_match": [True, True, False, False]}
    )
    found = judge(labelled, weighed(a=12.0, b=3.0, c=11.0), weighed(a=12.0, b=12.0, d=11.0), 10.0)
    assert (found.pairs, found.matches, found.linked_matches, found.linked_matches_in_use) == (4, 2, 1, 2)
    assert (found.linked_others, found.linked_others_in_use) == (1, 1)
    assert (found.gained, found.lost, found.chance) == (1, 2, 0.5)  # 3 coins, 2 heads or more
    alone = judge(labelled, weighed(a=12.0), None, 10.0)
    assert (alone.linked_matches_in_use, alone.gained, alone.lost, alone.chance) == (None, 0, 0, 1.0)


def test_the_gate_opens_for_a_model_that_changes_nothing_and_for_a_first_one():
    assert failing() == []
    assert failing(change=None) == []


def test_a_model_that_loses_labelled_pairs_beyond_chance_is_stopped():
    assert failing(stewards=judgement(gained=0, lost=5, chance=0.03)) == ["labels of stewards"]
    assert failing(identifiers=judgement(gained=0, lost=5, chance=0.03)) == ["pairs that identifiers tell"]
    assert failing(stewards=judgement(gained=2, lost=3, chance=0.5)) == []


def test_without_labels_more_links_are_stopped_only_where_identifiers_speak_against_more_of_them():
    assert failing(links=(10, 20)) == []
    assert failing(links=(10, 20), identifiers=judgement(linked_others=1)) == ["links"]
    enough = judgement(pairs=30)
    assert failing(links=(10, 20), identifiers=judgement(linked_others=1), stewards=enough) == []


def test_without_labels_a_flooded_queue_and_a_giant_profile_are_stopped():
    queue = (EdgeCount("probabilistic", "model", "review", 100, 201),)
    assert failing(change=Difference(9, 5, 5, 0, 0, 0, 0, 3, 3, queue, ())) == ["pairs left to people"]
    assert failing(change=Difference(9, 5, 5, 0, 0, 0, 0, 3, 9, (), ())) == ["biggest profile"]
    assert failing(change=Difference(9, 5, 5, 0, 0, 0, 0, 3, 8, (), ())) == []


def test_a_comparison_that_speaks_against_equal_values_is_stopped_even_for_a_first_model():
    wrong = (Level("name", "equal", 0.1, 0.9, -3.2, None), Level("name", "different", 0.9, 0.1, 3.2, None))
    assert failing(levels=wrong, change=None) == ["order of levels"]
    (check,) = [item for item in checks(wrong, judgement(), judgement(), (0, 0), None) if not item.holds]
    assert check.found == "not so in name"


def people_of(pairs):
    """Two records of each person: one mailbox, and one birth date for every second person."""
    rows = []
    for number in range(pairs):
        for side in "ab":
            born = f"19{number:02d}-01-01" if number % 2 and number < 100 else None
            rows.append({"record_id": f"{number:03d}{side}", "email": f"{number}@mail.net", "birth_date": born,
                         "phone": None, "city": "Albany"})  # fmt: skip
    for name in ("first_name", "last_name", "street", "postcode"):
        rows = [row | {name: None if name != "last_name" else "lee"} for row in rows]
    return pa.Table.from_pylist(rows)


def test_blocking_rules_are_chosen_by_the_known_matches_that_they_add_for_their_pairs():
    matches = pa.table(
        {"left_record": [f"{n:03d}a" for n in range(100)], "right_record": [f"{n:03d}b" for n in range(100)]}
    )
    assert matches.num_rows >= ENOUGH_MATCHES
    found = choose_rules(people_of(101), matches, [("city",), ("birth_date",), ("email",), ("phone",)])
    told = {rule.columns: (rule.pairs, rule.matches, rule.is_chosen) for rule in found.rules}
    assert told[("email",)] == (101, 100, True)
    assert told[("phone",)] == (0, 0, False)
    assert told[("city",)][0] == 202 * 201 // 2
    assert (found.reached, found.reachable, found.unseen) == (100, 100, ())
    few = choose_rules(people_of(101), matches.slice(0, 5), [("city",), ("phone",)])
    assert few.dropped == ()


def test_the_report_says_in_what_the_pairs_differ_that_no_rule_sees():
    matches = pa.table({"left_record": ["000a"], "right_record": ["001b"]})
    (unseen,) = choose_rules(people_of(2), matches, [("email",)]).unseen
    assert (unseen.differ, unseen.pairs) == (("email",), 1)
    assert unseen.lacking == ("first_name", "birth_date", "phone", "street", "postcode")


def test_labels_pull_m_towards_what_they_show():
    trained = new_model("m", load_model("customers-1").settings, {}).settings
    before = {(item.comparison, item.level): item.m for item in levels(new_model("m", trained, {}))}
    evidence = json.dumps({"waterfall": [{"comparison": "first_name", "level": "different", "weight": 0.0}]})
    lessons = pa.table({"evidence": [evidence] * 100, "stands_for": [2.0] * 100})
    after = {(item.comparison, item.level): item.m for item in levels(new_model("m", taught(trained, lessons), {}))}
    different = ("first_name", "different")
    assert after[different] == pytest.approx((before[different] + 1) / 2)  # 100 labels weigh as much as no labels
    assert after["last_name", "equal"] == before["last_name", "equal"]


def test_a_card_tells_a_match_and_two_cards_tell_two_people():
    held = [("a", "loyalty_id", "1"), ("b", "loyalty_id", "1"), ("c", "loyalty_id", "2"), ("d", "email", "x")]
    identifiers = pa.Table.from_pylist(
        [dict(zip(("record_id", "identifier", "value"), row, strict=True)) | {"is_usable": True} for row in held]
    )
    rules = Contracts().identity
    people = pa.table({"record_id": list("abcd")})
    assert known_matches(people, identifiers, rules).to_pylist() == [{"left_record": "a", "right_record": "b"}]
    pairs = pa.table({"left_record": list("aab"), "right_record": list("bcd")})
    assert known_differences(pairs, identifiers, rules).to_pylist() == [{"left_record": "a", "right_record": "c"}]


@pytest.fixture(scope="module")
def town():
    """What 200 records of a crowd say of themselves."""
    said = []
    for row in crowd(200)[0].to_pylist():
        given = {name: value for name, value in row.items() if value and name != "record_id"}
        said.append((f"crm:{row['record_id']}", "crm", given))
    return said


@pytest.fixture
def lake(tmp_path, town):
    lake = Lake(Settings(home=tmp_path, identity_secret=SecretStr("a key for tests")))
    lake.ensure_tables()
    write_silver(lake, town)
    return lake


def trained(lake):
    return train_on_lake(lake, "customers-1", DAY, lambda what, rows: None)


def test_a_training_is_taken_into_the_workspace_and_the_next_run_scores_with_it(lake):
    shipped = (MODELS / "customers-1.json").read_bytes()
    found = trained(lake)
    assert found.holds, found.checks
    drawn = page(found)
    assert drawn == page(found)
    assert {tag.tag for tag in ET.fromstring(drawn.split("\n", 1)[1]).iter()} >= {"svg", "table"}  # noqa: S314
    assert not re.search("<script|https?:|src=", drawn)
    path = take(lake, found, None)
    told = f"{found.model.version}, taken as its gate let it"
    assert written_down(lake) == {"customers-1": told, found.model.version: told}
    first = path.read_bytes()
    assert path == lake.settings.models / "customers-1.json"
    assert (MODELS / "customers-1.json").read_bytes() == shipped
    resolve(lake, Run("run-1", DAY))
    edges = [row for row in lake.arrow("identity.edges").to_pylist() if row["rule"] == "model"]
    assert {row["model_version"] for row in edges} == {found.model.version}
    rules = lake.contracts.identity.probabilistic
    # What was judged is what a run with the model scores, though the pairs were scored with all candidate rules.
    assert found.links[1] == sum(row["match_weight"] >= rules.link_weight for row in edges) > 0
    assert trained(lake).is_same
    assert load_model(found.model.version, lake.settings.models) == load_model("customers-1", lake.settings.models)
    path.unlink()
    assert take(lake, trained(lake), None).read_bytes() == first


def written_down(lake):
    """What the audit says of models, by the name of the file."""
    told = {item.subject: item.detail for item in audit.entries(lake) if item.action == "model"}
    return {subject.removeprefix("models/").removesuffix(".json"): detail for subject, detail in told.items()}


def test_a_model_taken_against_its_gate_is_written_down_as_such_and_a_later_change_of_it_is_found(lake):
    found = trained(lake)
    path = take(lake, found, {"author": "ann", "reason": "Ben Lee is one person"})
    assert set(written_down(lake).values()) == {f"{found.model.version}, taken against its gate"}
    assert problems(lake) == []
    path.write_text(path.read_text().replace("Ben Lee is one person", "asked"))
    assert "models/customers-1.json is not what entry" in "\n".join(problems(lake))


def test_the_model_that_comes_with_clew_is_found_by_its_version_also_where_another_has_its_name(tmp_path):
    shipped = load_model("customers-1")
    assert load_model(shipped.version) == shipped
    other = new_model("customers-1", shipped.settings | {"probability_two_random_records_match": 0.5}, {})
    save_model("customers-1", other, tmp_path)
    assert load_model("customers-1", tmp_path) == other
    assert load_model(shipped.version, tmp_path) == shipped
    with pytest.raises(DataError, match="there is no trained model customers-1-00000000"):
        load_model("customers-1-00000000", tmp_path)


def test_a_model_that_labels_speak_against_is_stopped(lake):
    used = load_model("customers-1")
    strict = json.loads(json.dumps(used.settings)) | {"probability_two_random_records_match": 1e-12}
    save_model("customers-1", new_model("customers-1", strict, {}), lake.settings.models)
    rules = lake.contracts.identity.probabilistic
    people = compared_people(build_nodes(read_silver(lake, lake.contracts.identity), lake.contracts.identity).records)
    edges = probabilistic_edges(people, used, rules.review_weight).to_pylist()
    strongest = sorted((-row["match_weight"], row["left_record"], row["right_record"]) for row in edges)[:6]
    for _, left, right in strongest:
        decide(lake, "unlink", (left, right), reason="asked both", author="ann",
               at=datetime.datetime(2018, 1, 1, tzinfo=datetime.UTC), as_of=DAY)  # fmt: skip
    found = trained(lake)
    assert "labels of stewards" in [check.name for check in found.checks if not check.holds]
    assert (found.stewards.lost, found.stewards.gained, found.taught) == (6, 0, 0)


def test_too_few_people_are_refused(tmp_path, town):
    lake = Lake(Settings(home=tmp_path, identity_secret=SecretStr("a key for tests")))
    lake.ensure_tables()
    write_silver(lake, town[:20])
    with pytest.raises(DataError, match="too few to train on"):
        trained(lake)
