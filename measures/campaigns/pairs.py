"""Who bought in which category before, during and after a campaign: with its coupons, or without.

A purchase counts as one by a coupon of a campaign if the person redeemed a coupon of it on that day and the line has a
coupon's discount. The events do not say which coupon was for which product.
"""

import datetime
from typing import TYPE_CHECKING

from contracts.metric import FEWEST_SHOWN
from measures.campaigns.windows import LEAST_WEEKS_BEFORE, WEEKS_BEFORE, horizon

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

WEEKS_AFTER = 4
"""So many weeks after a campaign tell whether people bought less then because they had stocked up."""
DAYS_AFTER = 7
"""Before so many days have gone by after a campaign nothing is told."""
MOST_DAYS = 3
"""People are told apart by the days on which they bought in the category before, up to so many."""

_LINES = """
    CREATE OR REPLACE TEMP TABLE lines AS
    WITH sold AS (
        SELECT profile_id, CAST(occurred_at AS DATE) AS day,
               coalesce(nullif(properties['product_category'], ''), nullif(properties['department'], ''), 'unsorted')
                   AS category,
               coalesce(TRY_CAST(properties['sales_value'] AS DECIMAL(12, 2)), 0) AS sales,
               coalesce(TRY_CAST(properties['coupon_disc'] AS DECIMAL(12, 2)), 0) AS coupon,
               coalesce(TRY_CAST(properties['coupon_match_disc'] AS DECIMAL(12, 2)), 0) AS matched,
               coalesce(TRY_CAST(properties['retail_disc'] AS DECIMAL(12, 2)), 0) AS retail
        FROM gold.events
        WHERE event = 'item_purchased' AND profile_id IS NOT NULL AND occurred_at < $horizon
    )
    SELECT profile_id, day, category, sum(sales) AS sales, sum(sales) FILTER (coupon + matched > 0) AS discounted,
           sum(coupon) AS coupon, sum(matched) AS matched, sum(retail) FILTER (coupon + matched > 0) AS retail,
           count(*) FILTER (coupon + matched > 0) AS lines
    FROM sold GROUP BY profile_id, day, category
"""
_SPANS = """
    CREATE OR REPLACE TEMP TABLE spans AS
    SELECT campaign_id, starts, until, least($weeks, weeks_known) AS weeks_before, days / 7 AS weeks_during,
           starts - CAST(7 * least($weeks, weeks_known) AS INTEGER) AS since,
           least(until + CAST(7 * $after AS INTEGER), $as_of + 1) AS after_until,
           date_diff('day', until, after_until) / 7 AS weeks_after
    FROM campaign_windows
    WHERE is_over AND weeks_known >= $least AND ends + CAST($days_after AS INTEGER) <= $as_of
"""
_BY_COUPON = """
    CREATE OR REPLACE TEMP TABLE by_coupon AS
    WITH redeemed AS (
        SELECT DISTINCT properties['campaign_id'] AS campaign_id, profile_id, CAST(occurred_at AS DATE) AS day
        FROM gold.events
        WHERE event = 'coupon_redeemed' AND profile_id IS NOT NULL AND occurred_at < $horizon
    )
    SELECT s.campaign_id, l.profile_id, l.category, sum(discounted) AS discounted, sum(coupon) AS coupon,
           sum(matched) AS matched, sum(retail) AS retail, sum(lines) AS lines
    FROM spans AS s JOIN redeemed AS r ON r.campaign_id = s.campaign_id AND r.day >= s.starts AND r.day < s.until
    JOIN lines AS l ON l.profile_id = r.profile_id AND l.day = r.day AND l.lines > 0
    GROUP BY ALL
"""
_BOUGHT = """
    CREATE OR REPLACE TEMP TABLE bought AS
    WITH categories AS (
        SELECT DISTINCT campaign_id, category FROM by_coupon
    ), summed AS (
        SELECT s.campaign_id, l.category, l.profile_id,
               coalesce(sum(sales) FILTER (day < starts), 0) AS before,
               coalesce(sum(sales) FILTER (day >= starts AND day < until), 0) AS during,
               coalesce(sum(sales) FILTER (day >= until), 0) AS after,
               least(count(*) FILTER (day < starts), $most) AS days_before,
               coalesce(sum(lines) FILTER (day >= starts AND day < until), 0) AS by_coupon,
               count(*) FILTER (day >= starts AND day < until) AS days_during
        FROM spans AS s JOIN categories AS c USING (campaign_id)
        JOIN lines AS l ON l.category = c.category AND l.day >= s.since AND l.day < s.after_until
        GROUP BY s.campaign_id, l.category, l.profile_id
    )
    SELECT b.*, s.weeks_before, s.weeks_during, s.weeks_after, s.starts, s.after_until,
           CAST(during + after AS DOUBLE)
               - CAST(before AS DOUBLE) / weeks_before * (weeks_during + weeks_after) AS extra
    FROM summed AS b JOIN spans AS s USING (campaign_id)
"""
_PAIRS = """
    WITH buyers AS (
        SELECT b.campaign_id, b.category, b.days_before, count(*) AS buyers,
               avg(extra ORDER BY profile_id) AS expected, var_samp(extra ORDER BY profile_id) AS spread
        FROM bought AS b
        WHERE days_during > 0 AND by_coupon = 0
          AND NOT EXISTS (FROM deliveries AS d WHERE d.campaign_id = b.campaign_id AND d.profile_id = b.profile_id)
        GROUP BY b.campaign_id, b.category, b.days_before
    )
    SELECT b.campaign_id, b.category, b.profile_id, b.days_before, b.weeks_before, b.weeks_during, b.weeks_after,
           b.starts, b.after_until, CAST(b.before AS DOUBLE) AS before, CAST(b.during AS DOUBLE) AS during,
           CAST(b.after AS DOUBLE) AS after, b.extra, CAST(r.discounted AS DOUBLE) AS discounted,
           CAST(r.coupon AS DOUBLE) AS coupon, CAST(r.matched AS DOUBLE) AS matched,
           CAST(r.retail AS DOUBLE) AS retail, CAST(r.lines AS BIGINT) AS lines, coalesce(n.buyers, 0) AS buyers,
           CASE WHEN n.buyers >= $fewest THEN n.expected END AS expected,
           CASE WHEN n.buyers >= $fewest THEN n.spread END AS spread,
           coalesce(b.starts >= max(b.after_until) OVER earlier, true) AS is_apart
    FROM bought AS b JOIN by_coupon AS r USING (campaign_id, category, profile_id)
    LEFT JOIN buyers AS n USING (campaign_id, category, days_before)
    WINDOW earlier AS (PARTITION BY b.profile_id, b.category ORDER BY b.starts, b.campaign_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ORDER BY b.campaign_id, b.profile_id, b.category
"""


def pairs(connection: "duckdb.DuckDBPyConnection", as_of: datetime.date) -> "pd.DataFrame":
    """One row per campaign, person and category in which the person bought by a coupon of it, in order.

    Columns: ``days_before``, on which they bought in the category; ``before``, ``during`` and ``after``, US dollars
    paid in the category; ``extra``, what during and after are above the rate before; ``discounted`` with ``coupon``,
    ``matched`` and ``retail``, what they paid on lines by coupon and the discounts on these; ``expected``, the mean
    ``extra`` of buyers, ``buyers``, their number, and ``spread``, the variance of one of them. Buyers were not mailed,
    bought in the category during the campaign without any coupon, and on as many days before; of fewer than five
    nothing is expected. ``is_apart`` says whether no earlier campaign's weeks, for the same person and category, meet
    these. Campaigns are there that are over for a week or more, and had weeks before them.

    The temporary tables of windows.make_windows are read.
    """
    until = {"horizon": horizon(as_of)}
    told = {
        "weeks": WEEKS_BEFORE,
        "least": LEAST_WEEKS_BEFORE,
        "after": WEEKS_AFTER,
        "days_after": DAYS_AFTER,
        "as_of": as_of,
    }
    connection.execute(_LINES, until)
    connection.execute(_SPANS, told)
    connection.execute(_BY_COUPON, until)
    connection.execute(_BOUGHT, {"most": MOST_DAYS})
    return connection.execute(_PAIRS, {"fewest": FEWEST_SHOWN}).df()
