"""Metrics over a few people whose numbers are seen by eye: by both readings of who is who, by group, of operation."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.fairness import POOLED, pooled
from measures.metrics import metrics
from tests.unit.metrics_lake import AS_OF, BUYERS, EVERYBODY, ORDERS, People, by, declared, metric

BUYING = metric("buying", measure=BUYERS)
ORDERS_EACH = metric("orders_each", numerator=ORDERS | {"agg": "count", "column": "order_id"}, denominator=BUYERS)
SPENT = metric("spent", measure=ORDERS | {"agg": "sum", "column": "sales_value"})
BASKET = metric("basket", measure=ORDERS | {"agg": "average", "column": "sales_value"})
MIDDLE = metric("middle", measure=ORDERS | {"agg": "median", "column": "sales_value"})
SHARE = metric("share", numerator=BUYERS, denominator=EVERYBODY)


def computed(folder: Path, people: People, *declarations: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return by(metrics(people.asked(declared(folder, declarations)))["gold.metrics"], "metric")


def six() -> People:
    """Six people who bought once, for ten dollars."""
    people = People(6)
    for number in range(1, 7):
        people.order(f"crm:{number}")
    return people


def test_every_aggregation_comes_to_what_is_seen_by_eye(tmp_path: Path) -> None:
    people = six().order("crm:1", 40).order("crm:2", 16).order("crm:3", 99, days_ago=28)  # the last is too old
    found = computed(tmp_path, people, BUYING, ORDERS_EACH, SPENT, BASKET, MIDDLE)
    values = {name: row["value"] for name, row in found.items()}
    assert values == {"buying": 6, "orders_each": 1.33333333, "spent": 116, "basket": 14.5, "middle": 10}
    assert {row["rows"] for row in found.values()} == {8}


def test_the_window_ends_with_the_day_of_the_run(tmp_path: Path) -> None:
    people = six().order("crm:1", days_ago=27).order("crm:1", days_ago=28).order("crm:1", days_ago=-1)
    assert computed(tmp_path, people, ORDERS_EACH)["orders_each"]["rows"] == 7


def test_a_probable_link_is_taken_apart_and_shown_as_a_band(tmp_path: Path) -> None:
    people = six().link("account:9", "p1", "probabilistic").order("account:9")
    found = computed(tmp_path, people, BUYING, ORDERS_EACH, SPENT)
    each = found["orders_each"]
    assert (each["value"], each["value_certain"]) == (pytest.approx(7 / 6), 1.0)
    assert (each["low_links"], each["high_links"]) == (1.0, pytest.approx(7 / 6))
    assert (found["buying"]["value"], found["buying"]["value_certain"]) == (6, 7)
    assert (found["spent"]["value"], found["spent"]["value_certain"]) == (70, 70)
    assert each["uncertain_share"] == pytest.approx(1 / 7)


def test_a_certain_link_is_one_person_in_both_readings(tmp_path: Path) -> None:
    people = six().link("account:9", "p1", "deterministic").order("account:9")
    found = computed(tmp_path, people, BUYING)["buying"]
    assert (found["value"], found["value_certain"], found["uncertain_share"]) == (6, 6, 0)


def test_records_that_are_certainly_one_stay_one_when_they_leave_a_profile(tmp_path: Path) -> None:
    people = six().link("account:9", "p1", "probabilistic").link("mailbox:9", "p1", "probabilistic", to="account:9")
    people.edges[-1] = ("account:9", "mailbox:9", "deterministic", "linked")
    people.order("account:9").order("mailbox:9")
    assert computed(tmp_path, people, BUYING)["buying"]["value_certain"] == 7


def test_a_visit_that_only_the_time_gives_to_an_account_is_the_browsers(tmp_path: Path) -> None:
    people = six()
    people.profiles["p7"] = {"is_known": False, "age_band": None}
    people.assigned["anonymous:7"] = ("p7", "anonymous:7", "founder")
    people.stitched["anonymous:7"] = ("p1", "inferred")
    people.order("anonymous:7")
    known = metric(
        "known", measure=BUYERS, population={"conditions": [{"column": "is_known", "op": "=", "value": True}]}
    )
    found = computed(tmp_path, people, BUYING, known)
    assert (found["buying"]["value"], found["buying"]["value_certain"]) == (6, 7)
    assert (found["known"]["value"], found["known"]["value_certain"]) == (6, 6)


def test_a_part_of_a_known_person_that_is_a_browser_only_is_not_known(tmp_path: Path) -> None:
    people = six().link("anonymous:9", "p1", "inferred")
    share = metric("share", numerator=BUYERS, denominator=EVERYBODY,
                   population={"conditions": [{"column": "is_known", "op": "=", "value": True}]})  # fmt: skip
    found = computed(tmp_path, people, SHARE | {"metric": "all"}, share)
    assert (found["share"]["people"], found["share"]["people_certain"]) == (6, 6)
    assert (found["all"]["people"], found["all"]["people_certain"]) == (6, 7)


def test_a_merge_changes_how_many_people_there_are_and_not_what_was_spent(tmp_path: Path) -> None:
    apart = six()
    apart.profiles["p7"] = {"is_known": True, "age_band": None}
    apart.assigned["crm:7"] = ("p7", "crm:7", "founder")
    apart.order("crm:7")
    before = computed(tmp_path, apart, BUYING, SPENT, BASKET)
    merged = apart.link("crm:7", "p1", "deterministic")
    del merged.profiles["p7"]
    (tmp_path / "after").mkdir()
    after = computed(tmp_path / "after", merged, BUYING, SPENT, BASKET)
    assert (before["buying"]["value"], after["buying"]["value"]) == (7, 6)
    assert all(before[name]["value"] == after[name]["value"] for name in ("spent", "basket"))


def test_rows_that_name_nobody_are_counted_beside_the_metric(tmp_path: Path) -> None:
    found = computed(tmp_path, six().order(None, 500), SPENT)["spent"]
    assert (found["value"], found["rows"], found["rows_of_nobody"]) == (60, 7, 1)


def test_a_figure_of_fewer_than_five_people_is_not_shown(tmp_path: Path) -> None:
    people = People(6)
    for number in range(1, 5):
        people.order(f"crm:{number}")
    found = computed(tmp_path, people, BASKET, SHARE)
    assert found["basket"]["value"] is None
    assert (found["basket"]["status"], found["basket"]["people"]) == ("too_few_people", None)
    assert found["share"]["value"] == pytest.approx(4 / 6)


def test_a_column_that_the_lake_does_not_have_yet_is_named(tmp_path: Path) -> None:
    online = metric("online", measure=BUYERS | {"filter": [{"column": "is_online", "op": "=", "value": True}]})
    found = computed(tmp_path, six(), online)["online"]
    assert (found["value"], found["status"], found["why"]) == (None, "not_computed", "gold.orders has no is_online yet")


GUARD = {"kind": "guardrail", "guards": "identity"}


@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [({"at_most": 0.9}, "kept"), ({"at_most": 0.2}, "broken"), ({"at_most": 0.5}, "not_known"),
     ({"at_least": 0.2}, "kept"), ({"at_least": 0.9}, "broken"), ({"at_least": 0.5}, "not_known")],
)  # fmt: skip
def test_a_guardrail_holds_where_its_whole_interval_does(
    tmp_path: Path, threshold: dict[str, float], verdict: str
) -> None:
    people = People(20)
    for number in range(1, 11):
        people.order(f"crm:{number}")
    half = metric("half", numerator=BUYERS, denominator=EVERYBODY, threshold=threshold, **GUARD)
    found = computed(tmp_path, people, half)["half"]
    assert (found["value"], found["verdict"]) == (0.5, verdict)


def test_a_guardrail_that_one_reading_breaks_is_not_known_to_hold(tmp_path: Path) -> None:
    """By all links 30 of 30 bought, by certain ones 30 of 60."""
    people = People(30)
    for number in range(1, 31):
        people.order(f"crm:{number}").link(f"account:{number}", f"p{number}", "probabilistic")
    all_buy = metric("all_buy", numerator=BUYERS, denominator=EVERYBODY, threshold={"at_least": 0.8}, **GUARD)
    found = computed(tmp_path, people, all_buy)["all_buy"]
    assert (found["low_links"], found["high_links"], found["verdict"]) == (0.5, 1.0, "not_known")


def test_what_runs_clocks_decide_is_in_ops_only(tmp_path: Path) -> None:
    seconds = metric("seconds", measure={"table": "ops.runs", "agg": "sum", "column": "seconds"})
    longest = metric("longest", measure={"table": "ops.runs", "agg": "max", "column": "seconds"})
    found = metrics(six().asked(declared(tmp_path, [seconds, longest, BUYING])))
    assert set(by(found["gold.metrics"], "metric")) == {"buying"}
    history = by(found["ops.metrics"], "metric")
    assert {name: row["value"] for name, row in history.items()} == {"seconds": 6.5, "longest": 4.0, "buying": 6}
    assert {row["as_of"] for row in history.values()} == {AS_OF}


def bands(sizes: dict[str, tuple[int, int]]) -> People:
    """People by age band: how many, and how many of these bought."""
    people = People(0)
    for band, (size, buyers) in sizes.items():
        for number in range(size):
            name = f"{band}-{number}"
            people.profiles[f"p{name}"] = {"is_known": True, "age_band": band}
            people.assigned[f"crm:{name}"] = (f"p{name}", f"crm:{name}", "founder")
            if number < buyers:
                people.order(f"crm:{name}")
    return people


def grouped(folder: Path, people: People, **fields: Any) -> dict[Any, dict[str, Any]]:
    share = SHARE | {"groups": {"by": ["age_band"], "minimum_people": 30}} | fields
    found = metrics(people.asked(declared(folder, [share])))
    return by(found["gold.metric_groups"], "group_value") | {"metric": by(found["gold.metrics"], "metric")["share"]}


def test_groups_differ_are_alike_or_are_too_small_to_say(tmp_path: Path) -> None:
    found = grouped(tmp_path, bands({"18-24": (60, 6), "25-34": (60, 48), "35-44": (100, 50), "65+": (10, 0)}))
    assert {name: row["verdict"] for name, row in found.items() if name != "metric"} == {
        "18-24": "differs", "25-34": "differs", "35-44": "no_difference_known", "65+": "too_few_to_say"
    }  # fmt: skip
    young = found["18-24"]
    assert (young["people"], young["people_of_others"], young["value"]) == (60, 170, 0.1)
    assert (young["is_worse"], found["25-34"]["is_worse"]) == (True, False)
    assert young["confidence"] == pytest.approx(1 - 0.05 / 4)


@pytest.mark.parametrize(
    ("young", "verdict"),  # buyers of a hundred, where of the others ninety are
    [(10, "broken"), (72, "not_known"), (95, "kept")],
)
def test_a_group_that_is_known_to_be_served_worse_breaks_the_guardrail(
    tmp_path: Path, young: int, verdict: str
) -> None:
    people = bands({"18-24": (100, young), "25-34": (100, 90)})
    groups = {"by": ["age_band"], "minimum_people": 30, "at_most": 0.15}
    found = grouped(tmp_path, people, groups=groups, kind="guardrail", guards="fairness")["metric"]
    assert found["verdict"] == verdict
    assert found["threshold"] == "between groups at most 0.15"
    if verdict == "broken":
        assert found["why"] == "known to be worse by more than 0.15: age_band 18-24"


def test_a_guardrail_between_groups_that_are_too_small_is_not_known_to_hold(tmp_path: Path) -> None:
    groups = {"by": ["age_band"], "minimum_people": 30, "at_most": 0.1}
    people = bands({"18-24": (12, 6), "25-34": (60, 30)})
    found = grouped(tmp_path, people, groups=groups, kind="guardrail", guards="fairness")["metric"]
    assert found["verdict"] == "not_known"


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 12), min_size=1, max_size=9))
def test_no_group_that_is_shown_is_small_unless_all_are(sizes: dict[str, int]) -> None:
    start = 0
    groups = {}
    for name, size in sizes.items():
        groups[name] = np.arange(start, start + size)
        start += size
    found = pooled(groups)
    assert sorted(np.concatenate(list(found.values()))) == list(range(start))
    small = [name for name, people in found.items() if len(people) < 5]
    assert not small or (small == [POOLED] and len(found) == 1)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["deterministic", "inferred", "probabilistic"]),
                       st.integers(1, 3)), max_size=8)
)  # fmt: skip
def test_certain_links_find_as_many_people_or_more_and_the_same_sums(
    tmp_path_factory: pytest.TempPathFactory, links: list[tuple[int, str, int]]
) -> None:
    people = People(8)
    for number in range(1, 9):
        people.order(f"crm:{number}")
    for place, (owner, kind, orders) in enumerate(links):
        people.link(f"account:{place}", f"p{owner}", kind)
        for _ in range(orders):
            people.order(f"account:{place}", 7)
    found = computed(tmp_path_factory.mktemp("links"), people, BUYING, SPENT, BASKET, ORDERS_EACH)
    assert found["buying"]["value_certain"] == 8 + sum(kind != "deterministic" for _, kind, _ in links)
    assert found["spent"]["value"] == found["spent"]["value_certain"]
    assert found["basket"]["value"] == found["basket"]["value_certain"]
    assert found["orders_each"]["value_certain"] <= found["orders_each"]["value"]
    for row in found.values():
        assert row["low_links"] <= row["value"] <= row["high_links"]
        if row["whole_low"] is not None:
            assert row["whole_low"] <= row["low_links"] <= row["high_links"] <= row["whole_high"]


def test_a_metric_is_the_same_again(tmp_path: Path) -> None:
    people = six().link("account:9", "p1", "probabilistic").order("account:9", 33.33)
    contracts = declared(tmp_path, [BUYING, SPENT, BASKET, MIDDLE])
    first, again = (metrics(people.asked(contracts)) for _ in range(2))
    assert {name: table.to_pylist() for name, table in first.items()} == {
        name: table.to_pylist() for name, table in again.items()
    }
    later = metrics(people.asked(contracts, AS_OF + dt.timedelta(days=60)))
    assert by(later["gold.metrics"], "metric")["buying"]["value"] == 0
