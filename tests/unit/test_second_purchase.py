"""Time to the second purchase: medians seen by eye, people who wait still, first purchases that may not be first."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.campaigns.second_purchase import compute, rows
from tests.campaign_shop import Shop

TABLE = "gold.second_purchase"
FIRST, AS_OF = 70, 200


def newcomers(waits: list[int | None], spend: float = 20, department: str = "GROCERY") -> Shop:
    """People who first buy on day 70, and again after so many days, or never; the data begin with somebody else."""
    shop = Shop(orders=[("early", 0, 5.0), ("early", 90, 5.0)])
    for number, days in enumerate(waits):
        shop.orders.append((f"n{number}", FIRST, spend))
        shop.lines.append((f"n{number}", FIRST, spend, department, 0.0))
        if days is not None:
            shop.orders.append((f"n{number}", FIRST + days, spend))
    return shop


def rows_of(shop: Shop, as_of: int = AS_OF, **how) -> dict:
    return {(row["grouping"], row["first_basket"]): row for row in compute(shop.asked(as_of, **how))[TABLE].to_pylist()}


def test_quartiles_are_those_seen_by_eye():
    row = rows_of(newcomers([2, 4, 6, 8, 10, 12, 14, 16]))["all", "all"]
    assert (row["people"], row["people_again"], row["status"]) == (8, 8, "known")
    assert (row["days_quarter"], row["days_half"], row["days_three_quarters"]) == (4, 8, 12)
    assert row["days_half_low"] < 8 < row["days_half_high"]
    assert row["again_soon"] == 1


def test_who_waits_still_counts_as_waiting_so_far():
    """By the product limit of 10 people, 5 of whom buy on day 40 after it: five tenths are left, and stay."""
    row = rows_of(newcomers([10, 20, 40, 40, 40, None, None, None, None, None]))["all", "all"]
    assert (row["days_quarter"], row["days_half"], row["days_three_quarters"]) == (40, 40, None)
    assert (row["again_soon"], row["people_again"]) == (pytest.approx(0.2), 5)
    assert row["again_soon_low"] < 0.2 < row["again_soon_high"]


@given(st.lists(st.integers(1, 120) | st.none(), min_size=5, max_size=40))
@settings(max_examples=50, deadline=None)
def test_an_interval_holds_its_quartile_and_quartiles_come_in_order(waits):
    people = pd.DataFrame({"is_first": True, "spend": 20.0, "department": "MEAT"}, index=range(len(waits)))
    people["is_again"] = [days is not None for days in waits]
    people["days"] = [120 if days is None else days for days in waits]
    row = rows(people)[0]
    told = [row.get(name, np.nan) for name in ("days_quarter", "days_half", "days_three_quarters")]
    assert [days for days in told if days == days] == sorted(days for days in told if days == days)
    for name in ("days_quarter", "days_half", "days_three_quarters"):
        if row.get(name, np.nan) == row.get(name):
            assert not row[f"{name}_low"] > row[name]
            assert not row[f"{name}_high"] < row[name]
    if "again_soon_low" in row:
        assert 0 <= row["again_soon_low"] <= row["again_soon"] <= row["again_soon_high"] <= 1


def test_who_came_late_leaves_the_share_by_how_long_they_were_seen():
    shop = newcomers([10] * 5 + [None] * 5)
    shop.orders += [(f"late{number}", AS_OF - 5, 20.0) for number in range(10)]  # seen for five days, in which none buy
    assert rows_of(shop)["all", "all"]["again_soon"] == pytest.approx(0.5)


def test_a_first_purchase_in_the_first_weeks_of_the_data_is_not_known_to_be_the_first():
    shop = newcomers([2, 4, 6, 8, 10])
    shop.orders += [(f"known{number}", 55, 9.0) for number in range(6)]
    shop.orders += [(f"known{number}", 56 + 14, 9.0) for number in range(6)]
    row = rows_of(shop)["all", "all"]
    assert (row["people"], row["people_left_out"]) == (5, 7)
    shop.orders += [(f"new{number}", 56, 9.0) for number in range(6)]
    assert rows_of(shop)["all", "all"]["people"] == 11


def test_two_receipts_of_one_day_are_one_purchase():
    shop = newcomers([5, 5, 5, 5, 5])
    shop.orders += [(f"n{number}", FIRST, 3.0) for number in range(5)]
    assert rows_of(shop)["all", "all"]["days_half"] == 5


def test_baskets_are_told_apart_by_department_and_size():
    shop = newcomers([5] * 6, spend=20, department="MEAT")
    other = newcomers([9] * 6, spend=120, department="GROCERY")
    shop.orders += [(f"g{who}", on, spend) for who, on, spend in other.orders if who != "early"]
    shop.lines += [(f"g{who}", *rest) for who, *rest in other.lines]
    shop.lines += [(f"g{who}", on, 4.0, "MEAT", 0.0) for who, on, *_ in other.lines]
    rows = rows_of(shop)
    assert rows["department", "MEAT"]["days_half"] == 5
    assert rows["department", "GROCERY"]["days_half"] == 9
    assert rows["size", "10 to 25 US dollars"]["days_half"] == 5
    assert rows["size", "100 US dollars or more"]["days_half"] == 9
    assert rows["size", "25 to 50 US dollars"]["status"] == "too few people"


def test_departments_of_few_are_told_together_or_not_at_all():
    shop = newcomers([5] * 6)
    shop.orders += [(f"r{number}", FIRST, 7.0) for number in range(4)]
    shop.lines += [(f"r{number}", FIRST, 7.0, f"RARE {number % 2}", 0.0) for number in range(4)]
    few = rows_of(shop)["department", "other departments"]
    assert (few["status"], few["people"]) == ("too few people", None)
    shop.orders.append(("r4", FIRST, 7.0))
    rows = rows_of(shop)
    assert rows["department", "other departments"]["people"] == 5
    assert not [name for _, name in rows if name.startswith("RARE")]


@pytest.mark.parametrize(("again", "told"), [(3, None), (5, 5), (6, None), (8, 8)])
def test_how_many_bought_again_is_not_told_of_few(again, told):
    assert rows_of(newcomers([5] * again + [None] * (8 - again)))["all", "all"]["people_again"] in (told, None)
    assert rows_of(newcomers([5] * 8))["all", "all"]["people_again"] == 8


def test_two_profiles_that_became_one_buy_a_second_time():
    shop = newcomers([None] * 5)
    shop.orders += [(f"twin{number}", FIRST + 7, 20.0) for number in range(5)]
    merged = rows_of(shop, renamed={f"twin{number}": f"n{number}" for number in range(5)})["all", "all"]
    assert (merged["people"], merged["days_half"]) == (5, 7)


def test_the_same_rows_in_another_order_make_the_same_table():
    shop = newcomers([3, 9, 27, None, 81, 40, 5])
    assert compute(shop.asked(AS_OF))[TABLE].equals(compute(shop.asked(AS_OF, shuffled=3))[TABLE])
