"""Credits of touchpoints: by rule, over journeys that the lookback and the orders cut, with the sums of the orders."""

import datetime as dt
import random
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.attribution import MODELS, Position
from contracts.lift import Lift
from measures.attribution.lifts import measured
from measures.attribution.rounding import to_whole, too_few
from tests.unit.journeys_made import APP, AS_OF, EMAIL, WEB, contracts_with, credited, declared, marts, people, values

TABLE, PATHS = "gold.attribution", "gold.attribution_paths"
EMPTY = {"no_touchpoint": Decimal("0.00"), "no_person": Decimal("0.00"), "not_yet": Decimal("0.00")}


def dollars(**given):
    return {name: Decimal(value) for name, value in given.items()}


def of_models(touches, orders, *models, **changes):
    rows = credited(touches, orders, declared(**changes))[TABLE]
    return {model: {k: v for k, v in values(rows, model).items() if k not in EMPTY} for model in models}


def test_each_rule_parts_an_order_of_four_touchpoints_as_it_says():
    # E-mail, web, web, app on days 0, 7, 14, 21; an order of 10.00 on day 21.5; five people, so 50.00 in all.
    # Time decay: each week halves, so 1 : 2 : 4 : 8, of 15. Position: 0.4, then 0.1 twice, then 0.4.
    touches, orders = people(
        5, [("p", 0, EMAIL), ("p", 7, WEB), ("p", 14, WEB), ("p", 21, APP)], [("p", 21.5, "10.00")]
    )
    found = of_models(touches, orders, "first", "last", "linear", "time_decay", "position")
    assert found == {
        "first": dollars(email_sent="50.00", web="0.00", app="0.00"),
        "last": dollars(email_sent="0.00", web="0.00", app="50.00"),
        "linear": dollars(email_sent="12.50", web="25.00", app="12.50"),
        "time_decay": dollars(email_sent="3.33", web="20.00", app="26.67"),
        "position": dollars(email_sent="20.00", web="10.00", app="20.00"),
    }


@pytest.mark.parametrize(
    ("first", "last", "steps", "wanted"),
    [
        (0.4, 0.4, [EMAIL], {"email_sent": "50.00", "web": "0.00", "app": "0.00"}),
        (0.3, 0.1, [EMAIL, WEB], {"email_sent": "37.50", "web": "12.50", "app": "0.00"}),
        (0, 0, [EMAIL, WEB], {"email_sent": "25.00", "web": "25.00", "app": "0.00"}),
        (0, 0, [EMAIL, WEB, APP], {"email_sent": "0.00", "web": "50.00", "app": "0.00"}),
        (1, 0, [EMAIL, WEB, APP], {"email_sent": "50.00", "web": "0.00", "app": "0.00"}),
    ],
)
def test_by_position_of_one_all_of_two_these_share_and_of_more_the_rest_is_between(first, last, steps, wanted):
    touches, orders = people(5, [("p", day, channel) for day, channel in enumerate(steps)], [("p", 9, "10.00")])
    found = of_models(touches, orders, "position", position=Position(first=first, last=last))
    assert found["position"] == dollars(**wanted)


def test_an_order_ends_a_journey_and_the_lookback_cuts_it():
    # The web visit is 30 days before the order, and the lookback is 30 days: it is too old. The e-mail counts for the
    # first order only; the second has no touchpoint.
    touches, orders = people(5, [("p", 0, WEB), ("p", 1, EMAIL)], [("p", 30, "10.00"), ("p", 31, "1.00")])
    found = credited(touches, orders)
    assert values(found[TABLE], "linear") == EMPTY | dollars(
        email_sent="50.00", web="0.00", app="0.00", no_touchpoint="5.00"
    )
    assert {row["path"]: (row["journeys"], row["orders"]) for row in found[PATHS]} == {
        "email_sent": (5, 5), "web": (5, 0), "no_touchpoint": (5, 5),
    }  # fmt: skip


def test_a_touchpoint_at_the_moment_of_the_order_counts_and_one_after_it_does_not():
    touches, orders = people(5, [("p", 5, WEB), ("p", 5.001, APP)], [("p", 5, "10.00")])
    assert of_models(touches, orders, "last")["last"] == dollars(email_sent="0.00", web="50.00", app="0.00")


def test_journeys_whose_lookback_is_not_over_count_for_nothing_yet():
    day = (AS_OF - dt.date(2017, 6, 1)).days
    touches, orders = people(5, [("p", day - 10, WEB)], [])
    (row,) = credited(touches, orders)[PATHS]
    assert (row["path"], row["people"], row["journeys"], row["journeys_with_order"]) == ("open", 5, 5, 0)
    (row,) = credited(touches, orders, as_of=AS_OF + dt.timedelta(21))[PATHS]
    assert (row["path"], row["people"], row["journeys"], row["journeys_with_order"]) == ("web", 5, 5, 0)


def test_a_journey_without_an_order_is_no_longer_than_the_lookback():
    touches, orders = people(5, [("p", day, WEB) for day in range(0, 90, 10)], [])
    (row,) = credited(touches, orders)[PATHS]
    assert (row["path"], row["journeys"]) == ("web", 15)


def test_orders_of_nobody_and_of_later_days_are_told_apart_and_in_the_sums():
    touches, orders = people(5, [("p", 0, WEB)], [("p", 1, "10.00"), (None, 1, "3.00"), ("p", 250, "7.00")])
    rows = credited(touches, orders)[TABLE]
    assert values(rows, "first") == dollars(
        email_sent="0.00", web="50.00", app="0.00", no_touchpoint="0.00", no_person="15.00", not_yet="35.00"
    )
    assert {row["people"] for row in rows if row["channel"] in ("no_person", "not_yet")} == {None}


def test_campaigns_without_number_have_shapley_values_that_sum_to_their_channel():
    steps = [(f"p{number}", 0, EMAIL, str(number)) for number in range(14)]
    touches, orders = people(5, steps, [(f"p{number}", 1, "10.00") for number in range(14)])
    found = values(credited(touches, orders)[TABLE], "shapley", "campaign")
    assert {name: value for name, value in found.items() if value} == {
        f"email_sent {number}": Decimal("50.00") for number in range(14)
    }


def test_two_orders_at_one_moment_end_one_journey():
    touches, orders = people(5, [("p", 0, WEB)], [("p", 1, "10.00"), ("p", 1, "2.00")])
    found = credited(touches, orders)
    assert values(found[TABLE], "shapley")["web"] == Decimal("60.00")
    assert [(row["path"], row["journeys"], row["orders"]) for row in found[PATHS]] == [("web", 5, 10)]


def test_campaigns_are_told_apart_where_the_contract_says_so():
    steps = [("p", 0, EMAIL, "7"), ("p", 1, EMAIL, "8"), ("p", 2, WEB, "9")]
    touches, orders = people(5, steps, [("p", 3, "3.00")])
    found = values(credited(touches, orders)[TABLE], "linear", "campaign")
    assert {name: value for name, value in found.items() if value} == {
        "email_sent 7": Decimal("5.00"), "email_sent 8": Decimal("5.00"), "web none": Decimal("5.00"),
    }  # fmt: skip


def test_what_fewer_than_five_people_did_is_told_with_others_only():
    many, bought = people(6, [("p", 0, WEB)], [("p", 1, "10.00")])
    few, too = people(4, [("q", 0, APP)], [("q", 1, "1.00")])
    found = credited([*many, *few], [*bought, *too])
    assert values(found[TABLE], "first") == EMPTY | dollars(email_sent="0.00", other="64.00")
    assert [(row["path"], row["people"], row["value"]) for row in found[PATHS]] == [("other", 10, Decimal("64.00"))]


def test_cells_are_put_together_until_they_hide_the_last_of_few():
    assert too_few({"a": 9, "b": 7, "c": 0}) == set()
    assert too_few({"a": 9, "b": 7, "c": 4}) == {"b", "c"}
    assert too_few({"a": 2, "b": 1}) == {"a", "b"}


LIFT = Lift(
    lift="email_holdout", version="1-0-0", owner="marketing", about="of June", channel=EMAIL, method="holdout",
    since=dt.date(2017, 6, 1), until=dt.date(2017, 6, 14), incremental_value=Decimal("12.00"), low=Decimal("2.00"),
    high=Decimal("22.00"), source="a test",
)  # fmt: skip


def test_a_measured_lift_stands_beside_the_credits_of_its_period_and_nothing_else_is_known():
    touches, orders = people(
        5, [("p", 0, EMAIL), ("p", 1, WEB), ("p", 40, EMAIL)], [("p", 2, "10.00"), ("p", 41, "90.00")]
    )
    rows = credited(touches, orders, lifts=[LIFT])[TABLE]
    known = {(row["period"], row["channel"], row["model"]): row for row in rows if row["status"] == "measured"}
    period = "2017-06-01/2017-06-14"
    assert set(known) == {(period, EMAIL, model) for model in MODELS}
    first, last = known[period, EMAIL, "first"], known[period, EMAIL, "last"]
    assert (first["value"], first["gap"], first["is_within"]) == (Decimal("50.00"), Decimal("38.00"), False)
    assert (last["value"], last["gap"], last["is_within"]) == (Decimal("0.00"), Decimal("-12.00"), False)
    assert known[period, EMAIL, "linear"]["gap"] == Decimal("13.00")
    assert (first["measured_by"], first["method"]) == ("email_holdout", "holdout")
    others = [row for row in rows if row["status"] != "measured"]
    assert others
    assert {(row["status"], row["measured_value"], row["gap"]) for row in others} == {("not_known", None, None)}
    assert sum(values(rows, "linear", period=period).values()) == Decimal("50.00")


def test_of_two_measurements_the_one_by_the_better_method_counts_and_one_that_is_not_over_does_not():
    touches, orders = people(5, [("p", 0, EMAIL)], [("p", 1, "10.00")])
    worse = LIFT.model_copy(update={"lift": "a_geo_test", "method": "geo", "low": Decimal("11.99")})
    late = LIFT.model_copy(update={"lift": "later", "until": dt.date(2018, 3, 1)})
    rows = credited(touches, orders, lifts=[worse, LIFT, late])[TABLE]
    assert {row["measured_by"] for row in rows if row["status"] == "measured"} == {"email_holdout"}


def test_lifts_of_campaigns_and_experiments_are_taken_from_their_tables_where_these_believe_them():
    experiments = {"no_mail": {"channel": EMAIL, "arm": "mailed", "method": "holdout", "since": "2017-06-01",
                               "until": "2017-06-30"}}  # fmt: skip
    contracts = contracts_with(declared(experiments=experiments))
    with marts([], []) as connection:
        assert measured(connection, contracts, AS_OF) == []
        connection.execute("CREATE TABLE gold.campaign_lift (campaign_id VARCHAR)")
        connection.execute("CREATE TABLE gold.experiment_results (experiment VARCHAR)")
        assert measured(connection, contracts, AS_OF) == []
        connection.execute("DROP TABLE gold.campaign_lift; DROP TABLE gold.experiment_results")
        connection.execute(
            """CREATE TABLE gold.campaign_lift AS FROM (VALUES
               ('7', 'spend', 'plausible', DATE '2017-06-01', DATE '2017-06-09', 100.004, -20.0, 220.0),
               ('7', 'orders', 'plausible', DATE '2017-06-01', DATE '2017-06-09', 9.0, 8.0, 10.0),
               ('8', 'spend', 'not believable: placebo', DATE '2017-06-01', DATE '2017-06-09', 1.0, 0.0, 2.0),
               ('9', 'spend', 'plausible', DATE '2017-12-30', DATE '2018-02-01', 5.0, 4.0, 6.0),
               ('all', 'spend', 'plausible', DATE '2017-06-01', DATE '2017-12-30', NULL, NULL, NULL)
               ) AS t(campaign_id, outcome, verdict, starts, ends, extra, extra_low, extra_high)"""
        )
        rows = ", ".join(
            f"('no_mail', '{arm}', 'primary', 10, true, true, '{verdict}', 'adjusted_fixed', 9.0, 9.0, 9.0, 9.0, 9.0, "
            "2.5, 1.0, 4.0, 9.0, 9.0)"
            for arm, verdict in (("mailed", "wins"), ("mailed", "sample_ratio_broken"), ("else", "wins"))
        )
        connection.execute(
            f"""CREATE TABLE gold.experiment_results AS FROM (VALUES {rows}) AS t(experiment, arm, role, people,
                is_over, has_sample_ratio, verdict, decided_by, difference, low, high, always_low, always_high,
                adjusted_difference, adjusted_low, adjusted_high, adjusted_always_low, adjusted_always_high)"""
        )
        found = measured(connection, contracts, AS_OF)
    assert [(lift.name, lift.method, lift.campaign, str(lift.since), str(lift.until)) for lift in found] == [
        ("no_mail", "holdout", None, "2017-06-01", "2017-06-30"),
        ("campaign 7", "matched", "7", "2017-06-01", "2017-06-09"),
        ("campaign 9", "matched", "9", "2017-12-30", "2017-12-31"),
    ]
    assert [(str(lift.value), str(lift.low), str(lift.high)) for lift in found] == [
        ("25.00", "10.00", "40.00"), ("100.00", "-20.00", "220.00"),
        ("5.00", "4.00", "6.00"),
    ]  # fmt: skip


moments = st.integers(0, 400).map(lambda n: n / 4)
touch = st.tuples(
    st.sampled_from("abcdefgh"), moments, st.sampled_from([EMAIL, WEB]), st.sampled_from(["7", "8", None])
)
order = st.tuples(st.sampled_from(["a", "b", "c", "d", "e", "f", "i", None]), moments, st.integers(0, 9999))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(touch, max_size=25), st.lists(order, max_size=15), st.randoms(use_true_random=False))
def test_sums_are_those_of_the_orders_and_the_order_of_rows_does_not_matter(touches, orders, shuffled: random.Random):
    # Moments differ: what happens at one moment is ordered by the ids of touchpoints, which are their places here.
    touches = list({(who, day): (who, day, *rest) for who, day, *rest in touches}.values())
    orders = [(who, day, f"{cents / 100:.2f}") for who, day, cents in orders]
    rows = credited(touches, orders)[TABLE]
    total = sum((Decimal(value) for _, _, value in orders), Decimal(0))
    sums: dict = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for row in rows:
        key = (row["model"], row["level"])
        sums[key] = (sums[key][0] + row["value"], sums[key][1] + row["orders"])
    assert len(sums) == 2 * len(MODELS)
    assert set(sums.values()) == {(total, Decimal(len(orders)))}
    assert {row["value"] for row in rows if row["channel"] == APP} == {Decimal("0.00")}
    assert {row["people"] for row in rows if row["channel"] != "other"} & {1, 2, 3, 4} == set()
    for given_rows in (touches, orders):
        shuffled.shuffle(given_rows)
    assert credited(touches, orders)[TABLE] == rows


BY_HAND = """
WITH candidate AS (
    SELECT o.order_id, o.sales_value, t.channel, t.occurred_at,
           row_number() OVER (PARTITION BY o.order_id ORDER BY t.occurred_at) AS from_first,
           row_number() OVER (PARTITION BY o.order_id ORDER BY t.occurred_at DESC) AS from_last,
           count(*) OVER (PARTITION BY o.order_id) AS steps
    FROM gold.orders AS o JOIN gold.touchpoints AS t
         ON t.profile_id = o.profile_id AND t.occurred_at <= o.ordered_at
            AND t.occurred_at > o.ordered_at - INTERVAL 30 DAY
    WHERE NOT EXISTS (SELECT 1 FROM gold.orders AS b WHERE b.profile_id = o.profile_id
                      AND b.ordered_at < o.ordered_at AND b.ordered_at >= t.occurred_at)
)
SELECT channel, sum(sales_value) FILTER (from_first = 1), sum(sales_value) FILTER (from_last = 1),
       sum(sales_value / steps)
FROM candidate GROUP BY channel ORDER BY channel
"""


def test_first_last_and_linear_are_those_of_other_sql():
    dice = random.Random(7)
    who = [f"p{n}" for n in range(40)]
    touches = [(dice.choice(who), dice.uniform(0, 200), dice.choice([EMAIL, WEB, APP])) for _ in range(900)]
    orders = [(dice.choice(who), dice.uniform(0, 200), f"{dice.uniform(1, 90):.2f}") for _ in range(300)]
    rows = credited(touches, orders)[TABLE]
    with marts(touches, orders) as connection:
        by_hand = connection.execute(BY_HAND).fetchall()
    assert len(by_hand) == 3
    for channel, first, last, linear in by_hand:
        name = EMAIL if channel == "email" else channel
        assert values(rows, "first")[name] == first
        assert values(rows, "last")[name] == last
        assert abs(float(values(rows, "linear")[name]) - linear) <= 0.01


def test_an_event_that_comes_late_and_two_people_who_are_one_give_what_a_rebuild_gives():
    # What is computed has no memory: after a merge the touchpoints of both lead to the orders of one.
    touches, orders = people(5, [("p", 0, EMAIL), ("q", 1, WEB)], [("p", 2, "10.00")])
    before = of_models(touches, orders, "last")["last"]
    merged = [(who.replace("q", "p"), day, channel) for who, day, channel in touches]
    after = of_models(merged, orders, "last")["last"]
    assert (before["web"], after["web"]) == (Decimal("0.00"), Decimal("50.00"))
    late = [*merged, *((f"p{n}", 1.5, APP) for n in range(5))]
    in_time = [(who, day, channel) for n in range(5) for who, day, channel in late if who.endswith(str(n))]
    assert credited(late, orders) == credited(in_time, orders)
    assert of_models(late, orders, "last")["last"]["app"] == Decimal("50.00")


@given(st.lists(st.fractions(-50, 50), min_size=1, max_size=9), st.integers(0, 3))
def test_whole_numbers_keep_the_sum_and_are_near_what_they_were(parts, lost):
    total = round(sum(parts)) + lost
    whole = to_whole(parts, total)
    assert sum(whole) == total
    assert all(abs(number - part) <= 1 + Fraction(lost + 1) for number, part in zip(whole, parts, strict=True))
    assert to_whole([Fraction(1, 3)] * 3, 1) == [1, 0, 0]


def test_without_a_declaration_or_a_mart_there_is_no_row():
    from contracts import Contracts
    from measures.attribution.tables import compute
    from measures.measure import Asked

    with marts([], []) as connection:
        found = compute(Asked(connection, contracts_with(None), AS_OF))
        assert {name: table.num_rows for name, table in found.items()} == {TABLE: 0, PATHS: 0}
        connection.execute("DROP TABLE gold.orders")
        found = compute(Asked(connection, Contracts(), AS_OF))
        assert {name: table.num_rows for name, table in found.items()} == {TABLE: 0, PATHS: 0}
