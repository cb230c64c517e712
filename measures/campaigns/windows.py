"""The weeks of each campaign, and of the same comparison moved before its mailing."""

import datetime
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from contracts.campaigns import DAYS, Campaign, Campaigns

if TYPE_CHECKING:
    import duckdb

WEEKS_BEFORE = 8
"""So many weeks before a campaign tell whom its people are compared with, if the data reach back so far."""
WEEKS_LONG = 26
"""What people usually buy is told over so many weeks, if the data reach back so far: over fewer, who happened to buy
much is taken for somebody who does (regression to the mean)."""
LEAST_WEEKS_BEFORE = 4
"""With fewer there is no comparison."""
PLACEBO_WEEKS = 4
"""The last weeks before the mailing, in which it cannot have done anything yet."""

MAILED = "email_delivered"
"""The event by which a campaign reaches somebody."""

_FOUND = f"""
    CREATE OR REPLACE TEMP TABLE deliveries AS
    SELECT properties['campaign_id'] AS campaign_id, profile_id, min(CAST(occurred_at AS DATE)) AS day,
           min(properties['campaign_type']) AS campaign_type
    FROM gold.events
    WHERE event = '{MAILED}' AND properties['campaign_id'] IS NOT NULL AND occurred_at < $horizon
    GROUP BY ALL
"""
_WINDOWS = """
    CREATE OR REPLACE TEMP TABLE campaign_windows AS
    WITH mailed AS (
        SELECT campaign_id, min(campaign_type) AS campaign_type, min(day) AS first_day,
               count(DISTINCT profile_id) AS people_mailed
        FROM deliveries GROUP BY campaign_id
    ), begun AS (
        SELECT min(CAST(ordered_at AS DATE)) AS since FROM gold.orders WHERE profile_id IS NOT NULL
    ), dated AS (
        SELECT campaign_id, campaign_type, people_mailed, declared.starts IS NOT NULL AS is_declared,
               coalesce(declared.starts, first_day) AS starts,
               coalesce(declared.ends, first_day + CAST($days - 1 AS INTEGER)) AS ends, since
        FROM mailed LEFT JOIN declared USING (campaign_id) CROSS JOIN begun
    )
    SELECT *, least(ends, $as_of) + 1 AS until, greatest(date_diff('day', starts, least(ends, $as_of)) + 1, 0) AS days,
           ends <= $as_of AS is_over, date_diff('day', since, starts) // 7 AS weeks_known
    FROM dated
"""
_COMPARISONS = """
    CREATE OR REPLACE TEMP TABLE comparisons AS
    WITH kinds AS (
        SELECT campaign_id, 'lift' AS kind, starts AS origin, until, since AS begun,
               CASE WHEN weeks_known >= $placebo + $least THEN least($weeks, weeks_known - $placebo)
                    ELSE least($weeks, weeks_known) END AS weeks_before
        FROM campaign_windows WHERE days > 0
        UNION ALL
        SELECT campaign_id, 'placebo', starts - CAST(7 * $placebo AS INTEGER), starts, since,
               least($weeks, weeks_known - $placebo)
        FROM campaign_windows WHERE days > 0
    )
    SELECT *, least($long, date_diff('day', begun, origin) // 7) AS weeks_long,
           date_diff('day', origin, until) / 7 AS weeks_during,
           origin - CAST(7 * weeks_before AS INTEGER) AS since,
           origin - CAST(7 * (weeks_before // 2) AS INTEGER) AS lately,
           origin - CAST(7 * weeks_long AS INTEGER) AS since_long
    FROM kinds WHERE weeks_before >= $least
"""


def horizon(as_of: datetime.date) -> datetime.datetime:
    """The end of the run's date, in UTC: what is not before it does not count yet."""
    return datetime.datetime.combine(as_of + datetime.timedelta(1), datetime.time(), datetime.UTC)


def make_windows(connection: "duckdb.DuckDBPyConnection", campaigns: Campaigns | None, as_of: datetime.date) -> None:
    """Make the temporary tables ``deliveries``, ``campaign_windows`` and ``comparisons``.

    ``deliveries`` has one row per campaign and person that it was delivered to. ``campaign_windows`` has one row per
    campaign, as declared, or from its first delivery on. ``comparisons`` has one row per comparison that there are
    weeks enough for: ``lift``, and ``placebo``, whose outcome lies in the weeks before the mailing.
    """
    _declare(connection, campaigns.campaigns if campaigns else ())
    days = campaigns.unknown_days if campaigns else DAYS
    connection.execute(_FOUND, {"horizon": horizon(as_of)})
    connection.execute(_WINDOWS, {"days": days, "as_of": as_of})
    told = {"placebo": PLACEBO_WEEKS, "least": LEAST_WEEKS_BEFORE, "weeks": WEEKS_BEFORE, "long": WEEKS_LONG}
    connection.execute(_COMPARISONS, told)


def campaign_windows(connection: "duckdb.DuckDBPyConnection") -> list[dict[str, Any]]:
    """The rows of ``campaign_windows``, in order."""
    cursor = connection.execute("FROM campaign_windows ORDER BY campaign_id")
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _declare(connection: "duckdb.DuckDBPyConnection", campaigns: Iterable[Campaign]) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE declared (campaign_id VARCHAR, starts DATE, ends DATE)")
    rows = [(one.campaign_id, one.starts, one.ends) for one in campaigns]
    if rows:
        connection.executemany("INSERT INTO declared VALUES (?, ?, ?)", rows)
