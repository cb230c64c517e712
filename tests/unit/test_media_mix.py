"""The media mix: what is known of made-up panels, what is not, and how lifts calibrate it."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from measures.attribution.lifts import Measured
from measures.measure import Asked
from measures.media_mix import Told, calibration, compute, shaped, table_rows, together, within
from tests.media_made import MIX, coverage, made
from tests.unit.journeys_made import contracts_with, declared, marts

DAY = dt.date(2017, 6, 1)


def lift(value: str, half: str) -> Measured:
    """A lift with an interval so far to both sides."""
    middle, far = Decimal(value), Decimal(half)
    return Measured("a test", "geo", "email_sent", None, DAY, DAY, middle, middle - far, middle + far)


def test_what_lasts_and_what_saturates():
    # A half lasts: 4, then 2, then 1 + 3. The mean is 10/3, and x / (1 + x / mean) of 4 is 4 / (1 + 1.2).
    np.testing.assert_allclose(shaped(np.array([[4.0, 0, 3]]), (0.5, 0)), [[4, 2, 4]])
    np.testing.assert_allclose(shaped(np.array([[4.0, 0, 3]]), (0.5, 1)), [[4 / 2.2, 2 / 1.6, 4 / 2.2]])
    # By the mean of the first two weeks, which is 3.
    np.testing.assert_allclose(shaped(np.array([[4.0, 0, 3]]), (0.5, 1), 2), [[12 / 7, 6 / 5, 12 / 7]])


def test_levels_of_weeks_and_regions_are_taken_out():
    people = np.array([1.0, 3])
    left = within(np.array([[10.0, 20, 30], [14, 24, 34]]), people)
    np.testing.assert_allclose(left, np.zeros((2, 3)), atol=1e-12)
    assert within(np.array([[10.0, 20, 30], [14, 24, 40]]), people).any()


def test_a_known_effect_is_within_the_interval_at_least_as_often_as_it_says():
    assert coverage(40) >= 0.95
    assert coverage(40, slope=0.0) >= 0.95


def test_a_strong_effect_is_found_and_its_shape_told():
    panel, truth = made(3, slope=20.0, noise=0.3)
    (row,) = table_rows(panel, MIX, {})
    assert (row["status"], row["adstock"], row["saturation"], row["shapes"]) == ("estimated", 0.5, 0, 1)
    assert row["contribution"] == pytest.approx(truth, rel=0.1)
    assert row["low"] > 0
    assert row["r2"] > 0.5
    assert row["r2_out_of_sample"] > 0.5


def test_what_predicts_nothing_says_so_by_the_weeks_held_out():
    panel, _ = made(5, slope=0.0)
    (row,) = table_rows(panel, MIX, {})
    assert row["low"] < 0 < row["high"]
    assert row["r2_out_of_sample"] < 0.05


def test_too_little_to_say_anything_is_said_with_its_reason():
    assert reason(made(1, weeks=29)[0]) == "too_few_weeks"
    assert reason(made(1, regions=4)[0]) == "too_few_regions"
    silent, _ = made(1)
    silent.media["email_sent"][:] = 0
    assert reason(silent) == "nothing_sent"
    alike, _ = made(1)
    alike.media["email_sent"][:] = np.arange(52) % 5  # the same everywhere: it cannot be told from the week
    assert reason(alike) == "collinear"


def reason(panel):
    (row,) = table_rows(panel, MIX, {})
    assert row["status"] == "not_known"
    assert row["contribution"] is row["low"] is row["high"] is None
    return row["reason"]


def test_two_media_that_go_together_are_not_told_apart():
    panel, _ = made(1)
    sent = panel.media["email_sent"]
    both = {"email_sent": sent, "letters": sent * 2 + 1e-3 * np.sin(np.arange(sent.size)).reshape(sent.shape)}
    two = MIX.model_copy(update={"channels": ("email_sent", "letters")})
    rows = table_rows(type(panel)(panel.begin, panel.people, panel.sales, both), two, {})
    assert [(row["channel"], row["reason"]) for row in rows] == [("email_sent", "collinear"), ("letters", "collinear")]


def test_lifts_tell_the_value_of_a_touchpoint_each_by_its_precision():
    # 100 touchpoints added 200, so 2.00 each; the interval is 2 * 19.6 wide, the error 10, and for 1,000 it is 100.
    assert calibration([(lift("200", "19.60"), 100)], 1000) == pytest.approx((2000, 100), rel=1e-4)
    # Two that agree may be of the same people: no error is smaller for it. Two that do not, 2.00 and 3.00 each with an
    # error of 0.1, widen it: the mean is 2.50, the squares sum to 50 over one to spare, so 100 * sqrt(50).
    agree = [(lift("200", "19.60"), 100)] * 2
    assert calibration(agree, 1000) == pytest.approx((2000, 100), rel=1e-4)
    differ = [(lift("200", "19.60"), 100), (lift("300", "19.60"), 100)]
    assert calibration(differ, 1000) == pytest.approx((2500, 100 * np.sqrt(50)), rel=1e-4)
    assert calibration([], 1000) is None


def test_regression_and_lifts_meet_by_their_precision_and_lifts_stand_alone_where_nothing_else_is_known():
    # Errors of 10 each, of what may be the same orders: the middle, and an error of 10.
    known = Told(120.0, 120 - 19.6, 120 + 19.6, (0, 0), 1)
    both = together(known, (100.0, 10.0))
    assert both["calibrated"] == pytest.approx(110, rel=1e-4)
    assert both["calibrated_high"] - both["calibrated"] == pytest.approx(19.6, rel=1e-4)
    assert together(None, (100.0, 10.0))["calibrated_low"] == pytest.approx(100 - 19.6, rel=1e-4)
    assert set(together(known, None).values()) == {None}


def test_the_table_counts_whole_weeks_of_people_whose_region_is_known():
    attribution = declared(media_mix=MIX.model_copy(update={"people_at_least": 5}))
    people = [f"p{n}" for n in range(12)]
    touches = [(who, 1 + week * 7, "email_sent") for who in people for week in range(40)]
    orders = [(who, 2 + week * 7, "2.50") for who in people for week in range(40)]
    with marts(touches, orders) as connection:
        connection.execute("CREATE TABLE gold.profiles (profile_id VARCHAR, city VARCHAR)")
        connection.executemany(
            "INSERT INTO gold.profiles VALUES (?, ?)",
            [(who, {0: "Edison", 1: "Newark"}.get(n // 5)) for n, who in enumerate(people)],
        )
        found = compute(Asked(connection, contracts_with(attribution), dt.date(2017, 12, 31)))
    (row,) = found["gold.media_mix"].to_pylist()
    # The first order is on Saturday, 3 June; the weeks are those from Monday, 5 June, to the end of December.
    assert (row["since"], row["until"], row["weeks"]) == (dt.date(2017, 6, 5), dt.date(2017, 12, 31), 30)
    assert (row["regions"], row["people"], row["touchpoints"]) == (2, 10, 300)
    assert row["sales_value"] == Decimal("750.00")
    assert (row["status"], row["reason"]) == ("not_known", "too_few_regions")
