"""A sitting with a steward: what is asked, what answers become, and what is not asked again."""

import datetime
import io
import json

import pytest

from clew.questions import sit
from identity.decisions import decide, read_decisions
from identity.labels import FROM_QUEUE, FROM_SAMPLE
from identity.question import compare
from identity.resolve import resolve
from identity.review import Answer, Review, Settled, read_answers
from lakehouse.errors import DataError, UsageError
from lakehouse.run import Run
from tests.identity.test_resolve import HOME, resolved

DAY = datetime.date(2017, 12, 31)
NOW = datetime.datetime(2018, 1, 2, 9, tzinfo=datetime.UTC)
JIM = {"first_name": "Jim", "last_name": "Lee", "phone": "(212) 736-5000"} | HOME
ANN = {"first_name": "Ann", "birth_date": "1984-03-09", "street": "9 Elm Road", "city": "Albany", "postcode": "12208"}
PEOPLE = [
    ("crm:1", "crm", JIM | {"birth_date": "1950-01-02"}),  # father and son of one name
    ("crm:2", "crm", JIM | {"birth_date": "1981-07-30"}),
    ("crm:3", "crm", ANN | {"last_name": "Lee"}),  # a marriage, or two
    ("crm:4", "crm", ANN | {"last_name": "Park"}),
    ("crm:5", "crm", ANN | {"last_name": "Ek"}),
    ("loyalty:9", "shop", {}),
]


@pytest.fixture
def lake(tmp_path):
    return resolved(tmp_path, PEOPLE)[0]


def sitting(lake):
    return Review(lake, "kim", DAY)


def pairs(waiting):
    return [item.pair for item in waiting]


def test_what_most_people_hang_on_is_asked_first(lake):
    assert pairs(sitting(lake).queue()) == [
        ("crm:3", "crm:4"), ("crm:3", "crm:5"), ("crm:4", "crm:5"), ("crm:1", "crm:2"),
    ]  # fmt: skip
    assert [item.stakes["people"] for item in sitting(lake).queue()] == [3, 3, 3, 2]


def test_a_question_shows_both_records_side_by_side_with_waterfall_and_what_speaks_against(lake):
    review = sitting(lake)
    (question,) = review.questions(review.queue()[3:])
    assert {item.name: item.verdict for item in question.fields} == {
        "first_name": "agree", "last_name": "agree", "birth_date": "differ", "phone": "agree", "street": "agree",
        "city": "agree", "postcode": "agree",
    }  # fmt: skip
    shown = next(item for item in question.fields if item.name == "birth_date")
    assert (shown.left, shown.right) == ("1950-01-02", "1981-07-30")
    assert question.against == "contested: birth dates differ on one phone"
    weights = [question.evidence["prior"], *(step["weight"] for step in question.evidence["waterfall"])]
    assert sum(weights) == pytest.approx(question.match_weight, abs=1e-4)
    assert (question.left.record, question.left.records, question.left.sources) == ("crm:1", 1, "crm")


def test_a_question_as_json_holds_no_personal_value(lake):
    review = sitting(lake)
    questions = review.questions(review.queue())
    assert len(questions) == 4
    for question in questions:
        text = json.dumps(question.as_dict(), default=str).lower()
        assert not any(value in text for value in ("jim", "lee", "1950", "7365000", "oak", "elm", "12207"))


def test_an_answer_is_a_decision_with_author_and_reason_and_the_next_run_goes_by_it(lake):
    review = sitting(lake)
    yes = review.answer(Answer(("crm:4", "crm:3"), "link", "showed her passport"), NOW)
    no = review.answer(Answer(("crm:1", "crm:2"), "unlink"), NOW)
    assert (yes.action, yes.pair, yes.author) == ("link", ("crm:3", "crm:4"), "kim")
    assert yes.reason == f"{FROM_QUEUE} showed her passport"
    assert no.reason == f"{FROM_QUEUE} match weight 8.68"
    resolve(lake, Run("run-2", DAY))
    assert pairs(sitting(lake).queue()) == [("crm:3", "crm:5")]


def test_a_skip_leaves_no_trace(lake):
    assert sitting(lake).answer(Answer(("crm:1", "crm:2"), "skip"), NOW) is None
    assert read_decisions(lake) == []
    assert ("crm:1", "crm:2") in pairs(sitting(lake).queue())


def test_what_was_decided_since_the_run_is_not_asked_nor_what_follows_from_it(lake):
    said = {"reason": "looked", "author": "ann", "at": NOW, "as_of": DAY}
    decide(lake, "link", ("crm:3", "crm:4"), **said)
    assert pairs(sitting(lake).queue()) == [("crm:3", "crm:5"), ("crm:4", "crm:5"), ("crm:1", "crm:2")]
    decide(lake, "unlink", ("crm:4", "crm:5"), **said)
    assert pairs(sitting(lake).queue()) == [("crm:1", "crm:2")]


def test_what_another_steward_decides_during_a_sitting_is_asked_no_more(lake):
    review = sitting(lake)
    asked = review.still_open(review.queue())
    first = next(asked)
    for pair in (("crm:3", "crm:5"), ("crm:4", "crm:5"), ("crm:3", "crm:4")):
        if pair != first.pair:
            decide(lake, "unlink", pair, reason="looked", author="bob", at=NOW, as_of=DAY)
    assert pairs(list(asked)) == [("crm:1", "crm:2")]


def test_answers_settle_questions_that_are_still_to_come(lake):
    review = sitting(lake)
    outcome = sit(review, review.queue(), io.StringIO("y\ny\nn two men\n"))
    assert [(item.action, *item.pair) for item in outcome.made] == [
        ("link", "crm:3", "crm:4"), ("link", "crm:3", "crm:5"), ("unlink", "crm:1", "crm:2"),
    ]  # fmt: skip


def test_a_sitting_shows_where_it_is_asks_again_what_it_did_not_understand_and_ends_when_told(lake, capsys):
    review = sitting(lake)
    outcome = sit(review, review.queue(), io.StringIO("perhaps\ns\nq\n"))
    assert (outcome.made, outcome.skipped) == ([], 1)
    shown = capsys.readouterr().out
    assert "question 1 of 4" in shown
    assert "question 2 of 4" in shown
    assert "question 3 of 4" not in shown
    assert shown.count("one person?") == 3
    assert "1984-03-09" in shown
    assert "differ" in shown
    assert sit(review, review.queue(), io.StringIO("")).made == []


def test_a_contradiction_is_refused_and_the_sitting_goes_on(lake, capsys):
    class WhileAnnDecides(io.StringIO):
        def readline(self, *size):
            if self.tell() == 0:
                decide(lake, "unlink", ("crm:3", "crm:4"), reason="looked", author="ann", at=NOW, as_of=DAY)
            return super().readline(*size)

    review = sitting(lake)
    outcome = sit(review, review.queue(), WhileAnnDecides("y\ny\nq\n"))
    (refused,) = outcome.refused
    assert (refused["left_record"], refused["right_record"]) == ("crm:3", "crm:4")
    assert refused["what"].startswith("these decisions contradict each other: decision 1 (ann, 2018-01-02): unlink")
    assert [item.pair for item in outcome.made] == [("crm:3", "crm:5")]
    printed = capsys.readouterr()
    assert "Ann" not in printed.err
    assert "1984" not in printed.err


def test_a_pair_without_a_weight_is_no_question(lake):
    with pytest.raises(UsageError, match="the model did not weigh this pair"):
        sitting(lake).answer(Answer(("crm:1", "loyalty:9"), "link"), NOW)


def test_a_sample_says_so_in_its_decisions_and_takes_no_answer_about_another_pair(lake):
    review = sitting(lake)
    drawn = review.drawn(2, seed=1)
    assert len(drawn) == 2
    made = review.answer(Answer(drawn[0].pair, "unlink", "two women"), NOW)
    assert made.reason == f"{FROM_SAMPLE} two women"
    (other,) = [item for item in sitting(lake).drawn(10, seed=1) if item.pair not in pairs(drawn)][:1]
    with pytest.raises(UsageError, match="not of this sample"):
        review.answer(Answer(other.pair, "unlink"), NOW)
    assert pairs(sitting(lake).drawn(2, seed=1)) == [drawn[1].pair]


def test_a_lake_without_a_queue_says_what_makes_one(tmp_path):
    from lakehouse.lake import Lake
    from lakehouse.settings import Settings

    with pytest.raises(DataError, match="there is no review queue yet"):
        Review(Lake(Settings(home=tmp_path)), "kim", DAY)


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ({"first_name": "ann"}, {"first_name": "ann"}, "agree"),
        ({"first_name": "bob"}, {"first_name": "robert"}, "alike"),
        ({"first_name": "ann"}, {"first_name": "boris"}, "differ"),
        ({"first_name": "ann"}, {"first_name": None}, "unknown"),
        ({"birth_date": "1984-03-09"}, {"birth_date": "1984-09-03"}, "alike"),
        ({"phone": "+12127365000"}, {"phone": "+12127365001"}, "alike"),
        ({"loyalty_id": "440011"}, {"loyalty_id": "440012"}, "differ"),
    ],
)
def test_a_field_agrees_is_alike_or_differs(rules, left, right, verdict):
    (found,) = compare(left, right, rules.attributes.name_likeness)
    assert found.verdict == verdict


def test_a_field_that_neither_record_has_is_left_out(rules):
    assert compare({"city": None}, {"city": None}, rules.attributes.name_likeness) == ()


def test_what_is_settled_follows_links_and_unlinks_over_others():
    settled = Settled({"a": "pa", "b": "pb", "c": "pc", "d": "pd"})
    settled.add("unlink", ("a", "d"))
    settled.add("link", ("b", "a"))
    settled.add("link", ("c", "b"))
    settled.add("link", ("a", "gone"))
    assert settled.covers(("pa", "pc"))
    assert settled.covers(("pc", "pd"))
    assert not Settled({}).covers(("pa", "pb"))


def test_answers_are_json_lines_and_all_wrong_ones_are_named_without_their_text():
    good = '{"left_record": "crm:1", "right_record": "crm:2", "answer": "n", "reason": "two men", "match_weight": 8.7}'
    assert read_answers([good, "", good], "a.jsonl") == [Answer(("crm:1", "crm:2"), "unlink", "two men")] * 2
    wrong = ["no json", '{"left_record": "jim@mail.net"}', good.replace('"n"', '"maybe"'), good.replace('"crm:1"', "1"),
             "[]", good]  # fmt: skip
    with pytest.raises(UsageError) as refused:
        read_answers(wrong, "a.jsonl")
    message = str(refused.value)
    assert [f"line {number}" in message for number in range(1, 7)] == [True] * 5 + [False]
    assert "jim" not in message
