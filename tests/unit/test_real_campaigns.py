"""The 27 real campaigns: the figures that one can count by hand, in SQL of its own over the original files."""

import pytest

from measures.campaigns.lift import compute
from measures.measure import Asked
from tests.real_campaigns import real


@pytest.fixture(scope="module")
def year() -> Asked:
    return real(lines=False)


@pytest.fixture(scope="module")
def lifts(year: Asked) -> list[dict]:
    return compute(year)["gold.campaign_lift"].to_pylist()


def test_every_campaign_is_told_with_the_people_it_was_mailed_to(year, lifts):
    counted = year.connection.execute(
        "SELECT campaign_id::VARCHAR, count(DISTINCT household_id) FROM real.campaigns GROUP BY ALL"
    ).fetchall()
    told = {row["campaign_id"]: row["people_mailed"] for row in lifts if row["campaign_id"] != "all"}
    assert told == dict(counted)
    assert sum(told.values()) == 6589


@pytest.mark.parametrize(("campaign", "mailed"), [("13", 1077), ("9", 176)])
def test_raw_means_before_and_during_are_those_of_hand_written_sql(year, lifts, campaign, mailed):
    (row,) = [row for row in lifts if (row["campaign_id"], row["outcome"]) == (campaign, "spend")]
    counted = year.connection.execute(
        """
        WITH told AS (
            SELECT start_date::DATE AS first, end_date::DATE AS last FROM real.campaign_descriptions
            WHERE campaign_id = $campaign
        ), sold AS (
            SELECT household_id, transaction_timestamp::DATE AS day, sales_value FROM real.transactions
        ), each AS (
            SELECT household_id, min(day) AS since,
                   sum(CASE WHEN day >= first - 56 AND day < first THEN sales_value ELSE 0 END) / 8 AS before,
                   sum(CASE WHEN day BETWEEN first AND last THEN sales_value ELSE 0 END) * 7 / (max(last - first) + 1)
                       AS during
            FROM sold CROSS JOIN told GROUP BY household_id
        )
        SELECT household_id IN (SELECT household_id FROM real.campaigns WHERE campaign_id = $campaign) AS is_mailed,
               count(*), avg(before), avg(during)
        FROM each CROSS JOIN told WHERE since < first GROUP BY is_mailed ORDER BY is_mailed DESC
        """,
        {"campaign": int(campaign)},
    ).fetchall()
    (_, people, before, during), (_, _, others_before, others_during) = counted
    assert (row["people_compared"], people) == (mailed, mailed)
    assert (row["mailed_before"], row["mailed_during"]) == pytest.approx((before, during), abs=1e-6)
    assert (row["others_before"], row["others_during"]) == pytest.approx((others_before, others_during), abs=1e-6)


def test_verdicts_are_what_placebo_balance_and_numbers_say(lifts):
    one_by_one = [row for row in lifts if row["campaign_id"] != "all"]
    believed = [row for row in one_by_one if row["verdict"] == "plausible"]
    assert len(believed) > 30
    for row in one_by_one:
        holds = (
            row["placebo"] is not None
            and row["placebo_low"] <= 0 <= row["placebo_high"]
            and max(row["imbalance_after"], row["placebo_imbalance"]) <= 0.1
            and min(row["people_compared"], row["people_matched"]) >= 30
        )
        assert (row["verdict"] == "plausible") == holds, row["campaign_id"]


def test_the_mailed_are_far_above_the_others_before_and_hardly_above_people_like_them(lifts):
    spend = [row for row in lifts if row["outcome"] == "spend" and row["verdict"] == "plausible"]
    singles = [row for row in spend if row["campaign_id"] != "all"]
    assert all(row["mailed_before"] - row["others_before"] > 10 for row in singles)
    assert all(row["matched_before"] == pytest.approx(row["mailed_before"], rel=0.01) for row in singles)
    (together,) = [row for row in spend if row["campaign_id"] == "all"]
    assert together["placebo_low"] < 0 < together["placebo_high"]
    assert -5 < together["lift_low"] < together["lift_high"] < 5
