"""Everybody who is compared: what was known of them before a campaign's mailing, and what they did after it."""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contracts.metric import FEWEST_SHOWN
from measures.campaigns.balancing import Floats
from measures.campaigns.windows import horizon

if TYPE_CHECKING:
    import duckdb

STAGE_DAYS = 90
"""Stages that are entered within so many days of the mailing are told. A lapse takes 60 days to be seen."""
BANDS = ("age_band", "income_band", "household_size")
LEAST_SHARE = 0.05
"""A band that fewer of the mailed are in is not balanced for itself."""

_DAILY = """
    CREATE OR REPLACE TEMP TABLE buying AS
    SELECT profile_id, CAST(ordered_at AS DATE) AS day, sum(sales_value) AS spend, count(*) AS orders,
           sum(coupon_discount + coupon_match_discount) AS coupons
    FROM gold.orders WHERE profile_id IS NOT NULL AND ordered_at < $horizon
    GROUP BY ALL
"""
_PEOPLE = """
    WITH bought AS (
        SELECT c.campaign_id, c.kind, b.profile_id, any_value(c.origin) AS origin, any_value(c.until) AS until,
               any_value(c.since) AS since, any_value(c.weeks_before) AS weeks_before,
               any_value(c.weeks_during) AS weeks_during,
               coalesce(sum(spend) FILTER (day >= c.since AND day < origin), 0) / any_value(c.weeks_before) AS spend,
               coalesce(sum(orders) FILTER (day >= c.since AND day < origin), 0) / any_value(c.weeks_before) AS orders,
               coalesce(sum(spend) FILTER (day >= c.lately AND day < origin), 0) / any_value(c.weeks_before // 2)
                   AS spend_lately,
               sum(spend) FILTER (day >= c.since_long AND day < origin) / any_value(c.weeks_long) AS spend_long,
               sum(orders) FILTER (day >= c.since_long AND day < origin) / any_value(c.weeks_long) AS orders_long,
               coalesce(sum(coupons) FILTER (day >= c.since AND day < origin), 0) / any_value(c.weeks_before)
                   AS coupon_discount,
               date_diff('day', max(day) FILTER (day < origin), any_value(origin)) AS days_since_order,
               date_diff('day', min(day), any_value(origin)) AS days_known,
               coalesce(sum(spend) FILTER (day >= origin), 0) / any_value(c.weeks_during) AS spend_during,
               coalesce(sum(orders) FILTER (day >= origin), 0) / any_value(c.weeks_during) AS orders_during
        FROM comparisons AS c JOIN buying AS b ON b.day < c.until
        GROUP BY c.campaign_id, c.kind, b.profile_id
    ), written AS (
        SELECT c.campaign_id, c.kind, d.profile_id, bool_or(d.campaign_id = c.campaign_id) AS is_mailed,
               count(*) FILTER (d.campaign_id <> c.campaign_id AND d.day >= c.since AND d.day < c.origin) AS mailings,
               count(*) FILTER (d.campaign_id <> c.campaign_id AND d.day >= c.origin AND d.day < c.until)
                   AS mailings_during
        FROM comparisons AS c CROSS JOIN deliveries AS d
        GROUP BY ALL
    )
    SELECT b.campaign_id, b.kind, b.profile_id, coalesce(w.is_mailed, false) AS is_mailed,
           b.spend, ln(1 + greatest(b.spend, 0)) AS log_spend, coalesce(b.spend_long, 0) AS spend_long,
           ln(1 + greatest(coalesce(b.spend_long, 0), 0)) AS log_spend_long, coalesce(b.orders_long, 0) AS orders_long,
           b.orders, b.spend_lately, b.coupon_discount,
           CAST(b.spend > 0 AS DOUBLE) AS is_buying,
           CAST(least(b.days_since_order, 7 * b.weeks_before) AS DOUBLE) AS days_since_order,
           CAST(least(b.days_known, 7 * b.weeks_before) AS DOUBLE) AS days_known,
           CAST(coalesce(w.mailings, 0) AS DOUBLE) AS mailings,
           CAST(coalesce(w.mailings_during, 0) AS DOUBLE) AS mailings_during,
           b.spend_during, b.orders_during, b.weeks_before, b.weeks_during, p.age_band, p.income_band, p.household_size
    FROM bought AS b
    LEFT JOIN written AS w USING (campaign_id, kind, profile_id)
    LEFT JOIN gold.profiles AS p USING (profile_id)
    WHERE b.days_known > 0
    ORDER BY b.campaign_id, b.kind, b.profile_id
"""
_STAGES = """
    SELECT DISTINCT c.campaign_id, j.journey, j.stage, j.profile_id
    FROM comparisons AS c JOIN gold.journey_stages AS j
      ON CAST(j.entered_at AS DATE) >= c.origin AND CAST(j.entered_at AS DATE) < c.origin + CAST($days AS INTEGER)
    WHERE c.kind = 'lift' AND c.origin + CAST($days AS INTEGER) <= $until AND j.profile_id IS NOT NULL
    ORDER BY ALL
"""
HABITS = (
    "spend", "log_spend", "spend_lately", "spend_long", "log_spend_long", "orders", "orders_long", "coupon_discount",
    "is_buying", "days_since_order", "days_known", "mailings",
)  # fmt: skip
"""What is balanced of everybody: what they did in the weeks before."""


@dataclass(frozen=True)
class Compared:
    """The people of one comparison, the mailed apart from the others, each group in order of profile_id.

    Attributes:
        mailed: One row a person, with the columns of the query.
        others: Likewise.
        names: Of the covariates.
        mailed_covariates: People by covariates.
        others_covariates: Likewise.
    """

    mailed: pd.DataFrame
    others: pd.DataFrame
    names: tuple[str, ...]
    mailed_covariates: Floats
    others_covariates: Floats


def everybody(connection: "duckdb.DuckDBPyConnection", as_of: datetime.date) -> pd.DataFrame:
    """One row per comparison and person who had bought before its outcome begins, in order.

    Columns: the keys, ``is_mailed``, the habits, ``mailings_during``, ``spend_during`` and ``orders_during`` (US
    dollars and orders a week), the weeks, and the bands of the profile.
    """
    connection.execute(_DAILY, {"horizon": horizon(as_of)})
    return connection.execute(_PEOPLE).df()


def stages_entered(connection: "duckdb.DuckDBPyConnection", as_of: datetime.date) -> pd.DataFrame:
    """Who entered which stage within STAGE_DAYS of each mailing since which so many days have gone by."""
    told = {"days": STAGE_DAYS, "until": as_of + datetime.timedelta(1)}
    return connection.execute(_STAGES, told).df()


def compared(people: pd.DataFrame) -> Compared:
    """Part the people of one comparison, with their covariates: habits, and each band that is common enough."""
    is_mailed = people["is_mailed"].to_numpy(dtype=bool)
    columns = {name: people[name].to_numpy(dtype=np.float64) for name in HABITS}
    columns |= _bands(people, is_mailed)
    matrix = np.column_stack(list(columns.values()))
    return Compared(
        people[is_mailed].reset_index(drop=True),
        people[~is_mailed].reset_index(drop=True),
        tuple(columns),
        matrix[is_mailed],
        matrix[~is_mailed],
    )


def _bands(people: pd.DataFrame, is_mailed: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> dict[str, Floats]:
    """Whether a person is in a band, for bands that enough of the mailed are in, and enough are not."""
    found = {}
    for band in BANDS:
        values = people[band].fillna("").astype(str).to_numpy()
        for value in sorted(set(values[is_mailed]) - {""}):
            is_in = (values == value).astype(np.float64)
            count, share = is_in[is_mailed].sum(), is_in[is_mailed].mean()
            if FEWEST_SHOWN <= count <= is_mailed.sum() - FEWEST_SHOWN and share >= LEAST_SHARE:
                found[f"{band}: {value}"] = is_in
    return found
