"""What a claim comes to: by where its whole interval lies, on the day it is judged, of enough people."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.hypothesis import Claimed
from measures.hypotheses import hypotheses, people_needed, verdict
from tests.unit.metrics_lake import AS_OF, BUYERS, EVERYBODY, ORDERS, People, by, declared, metric

SHARE = metric("share", numerator=BUYERS, denominator=EVERYBODY)
SPENT = metric("spent", measure=ORDERS | {"agg": "sum", "column": "sales_value"})
BEFORE = {"table": "gold.orders", "time": "ordered_at", "days": 300, "ended_days_ago": 28}


def claim(name: str = "claim", **fields: Any) -> dict[str, Any]:
    told = {"claim": "a claim of a test", "owner": "analytics", "why": "a test", "metric": "share",
            "claimed": {"direction": "at_least", "threshold": 0.5}, "refuted_if": "it is less", "judged_on": AS_OF,
            "minimum_people": 10}  # fmt: skip
    return {"hypothesis": name} | told | fields


def computed(
    folder: Path, people: People, *claims: dict[str, Any], as_of: dt.date = AS_OF
) -> dict[str, dict[str, Any]]:
    found = hypotheses(people.asked(declared(folder, [SHARE, SPENT], claims), as_of))
    return by(found["gold.hypotheses"], "hypothesis")


VERDICTS = [  # direction, threshold, low, high, people of 20, days left, verdict
    ("at_least", 0.5, 0.5, 0.9, 20, 0, "holds"),
    ("at_least", 0.5, 0.2, 0.49, 20, 0, "refuted"),
    ("at_least", 0.5, 0.2, 0.5, 20, 0, "not_enough_people"),
    ("at_least", 0.5, 0.4, 0.9, 20, 0, "not_enough_people"),
    ("at_most", 0.5, 0.2, 0.5, 20, 0, "holds"),
    ("at_most", 0.5, 0.51, 0.9, 20, 0, "refuted"),
    ("at_most", 0.5, 0.5, 0.9, 20, 0, "not_enough_people"),
    ("at_least", 0.5, 0.6, 0.9, 19, 0, "not_enough_people"),
    ("at_least", 0.5, 0.1, 0.2, 19, 0, "not_enough_people"),
    ("at_least", 0.5, None, None, 20, 0, "not_enough_people"),
    ("at_least", 0.5, 0.6, 0.9, 20, 1, "not_judged_yet"),
    ("at_least", 0.5, 0.6, 0.9, 20, -400, "holds"),
]


@pytest.mark.parametrize(("direction", "threshold", "low", "high", "people", "left", "expected"), VERDICTS)
def test_a_verdict_is_where_the_whole_interval_lies(
    direction: Any, threshold: float, low: float, high: float, people: int, left: int, expected: str
) -> None:
    assert verdict(Claimed(direction=direction, threshold=threshold), low, high, people, 20, left) == expected


@given(st.floats(-5, 5), st.floats(0, 5), st.floats(-5, 5))
def test_no_claim_holds_and_is_refuted(low: float, width: float, threshold: float) -> None:
    least, most = (
        verdict(Claimed(direction=direction, threshold=threshold), low, low + width, 9, 1, 0)
        for direction in ("at_least", "at_most")
    )
    both = {least, most}
    assert both in ({"holds", "refuted"}, {"not_enough_people"}, {"holds"}, {"holds", "not_enough_people"})
    assert both != {"holds"} or low + width == low == threshold


def test_four_times_the_people_halve_the_interval() -> None:
    claimed = Claimed(direction="at_least", threshold=0.5)
    assert people_needed(claimed, value=0.6, low=0.4, high=0.7, people=100) == 400
    assert people_needed(claimed, value=0.5, low=0.4, high=0.6, people=100) is None


def shoppers(size: int, buyers: int) -> People:
    people = People(size)
    for number in range(1, buyers + 1):
        people.order(f"crm:{number}")
    return people


@pytest.mark.parametrize(
    ("buyers", "expected"), [(36, "holds"), (4, "refuted"), (20, "not_enough_people")]
)  # of forty; Wilson's intervals of 0.9, 0.1 and 0.5
def test_a_share_is_claimed_to_be_at_least_half(tmp_path: Path, buyers: int, expected: str) -> None:
    found = computed(tmp_path, shoppers(40, buyers), claim())["claim"]
    assert (found["verdict"], found["estimate"], found["people"]) == (expected, buyers / 40, 40)


def test_before_its_date_a_claim_is_estimated_and_not_judged(tmp_path: Path) -> None:
    found = computed(tmp_path, shoppers(40, 4), claim(), as_of=AS_OF - dt.timedelta(1))["claim"]
    assert (found["verdict"], found["why"]) == ("not_judged_yet", "it is judged on 2017-12-31")
    assert found["estimate"] == 0.1


def test_an_interval_with_the_threshold_in_it_tells_how_many_people_it_takes(tmp_path: Path) -> None:
    found = computed(tmp_path, shoppers(40, 24), claim())["claim"]
    assert (found["verdict"], found["why"]) == ("not_enough_people", "its interval holds the threshold")
    assert 80 < found["people_needed"] < 100  # from 0.6 down to 0.446, and half of that was to be


def test_people_who_did_something_are_compared_with_who_did_not(tmp_path: Path) -> None:
    people = People(60)
    for number in range(1, 31):
        people.order(f"crm:{number}", days_ago=40)  # thirty bought before, and of these twenty-seven again
    for number in (*range(1, 28), 31, 32, 33):  # and three of the others
        people.order(f"crm:{number}")
    found = computed(
        tmp_path,
        people,
        claim(compare={"these": {"did": [BEFORE]}}, claimed={"direction": "at_least", "threshold": 0.4}),
    )["claim"]
    assert (found["value_of_these"], found["value_of_those"], found["estimate"]) == (0.9, 0.1, 0.8)
    assert (found["people"], found["people_of_those"], found["verdict"]) == (30, 30, "holds")
    assert found["claimed"] == "difference at least 0.4"


def test_a_total_is_compared_for_each_person(tmp_path: Path) -> None:
    people = People(30)
    for number in range(1, 11):
        people.order(f"crm:{number}", days_ago=40).order(f"crm:{number}", 10 + number)
    found = computed(
        tmp_path, people, claim(metric="spent", compare={"these": {"did": [BEFORE]}},
                                claimed={"direction": "at_least", "threshold": 5}),
    )["claim"]  # fmt: skip
    assert (found["value_of_these"], found["value_of_those"]) == (15.5, 0)
    assert found["unit"] == "people per person"
    assert found["verdict"] == "not_enough_people"  # of the twenty nobody differs from another


def test_two_populations_may_both_be_named(tmp_path: Path) -> None:
    people = People(45)
    for number in range(1, 16):
        people.order(f"crm:{number}", 50, days_ago=40).order(f"crm:{number}")
    for number in range(16, 31):
        people.order(f"crm:{number}", 5, days_ago=40)
    great, small = (
        {"did": [BEFORE | {"filter": [{"column": "sales_value", "op": op, "value": 20}]}]} for op in (">", "<=")
    )
    found = computed(tmp_path, people, claim(compare={"these": great, "those": small}))["claim"]
    assert (found["people"], found["people_of_those"]) == (15, 15)
    assert (found["value_of_these"], found["value_of_those"]) == (1, 0)


def test_sides_of_fewer_than_five_people_are_not_shown(tmp_path: Path) -> None:
    people = shoppers(30, 10)
    for number in range(1, 5):
        people.order(f"crm:{number}", days_ago=40)
    found = computed(tmp_path, people, claim(compare={"these": {"did": [BEFORE]}}))["claim"]
    assert (found["verdict"], found["why"]) == ("not_enough_people", "it takes 10 people on the smaller side")
    assert (found["estimate"], found["value_of_these"], found["people"]) == (None, None, None)


def test_uncertain_links_can_keep_a_claim_from_holding(tmp_path: Path) -> None:
    """By all links 38 of 40 bought; by certain ones 38 of 80."""
    people = shoppers(40, 38)
    certain = computed(tmp_path, people, claim())["claim"]
    for number in range(1, 41):
        people.link(f"account:{number}", f"p{number}", "probabilistic")
    (tmp_path / "linked").mkdir()
    found = computed(tmp_path / "linked", people, claim())["claim"]
    assert (certain["verdict"], found["verdict"]) == ("holds", "not_enough_people")
    assert (found["estimate"], found["estimate_certain"]) == (0.95, 0.475)
