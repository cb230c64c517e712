"""How long until people buy a second time, by their first basket: gold.second_purchase.

Kaplan and Meier 1958 (Journal of the American Statistical Association 53:457-481): who has not bought again by the
run's date counts as waiting so far. Intervals by the log of minus the log (Kalbfleisch and Prentice 1980). The data
begin on some day for everybody, and so a purchase soon after it may be anything but the first of that person: people
whose first known purchase is in the first FIRST_WEEKS are left out, and counted.
"""

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contracts.metric import FEWEST_SHOWN
from measures.campaigns.rows import Row, as_table
from measures.campaigns.windows import horizon
from measures.measure import Asked

if TYPE_CHECKING:
    import pyarrow as pa
    from statsmodels.duration.survfunc import SurvfuncRight

TABLE = "gold.second_purchase"
FIRST_WEEKS = 8
"""A first purchase in the first weeks of the data is not known to be the first."""
SIZES = (10, 25, 50, 100)
"""First baskets are parted at so many US dollars."""
SOON = 30
QUARTILES = {"days_quarter": 0.25, "days_half": 0.5, "days_three_quarters": 0.75}
OTHERS = "other departments"

_WAITS = """
    WITH days AS (
        SELECT profile_id, CAST(ordered_at AS DATE) AS day, sum(sales_value) AS spend
        FROM gold.orders WHERE profile_id IS NOT NULL AND ordered_at < $horizon
        GROUP BY ALL
    ), begun AS (
        SELECT min(day) AS since FROM days
    ), firsts AS (
        SELECT profile_id, min(day) AS first_day, min_by(spend, day) AS spend,
               (min(day, 2))[2] AS second_day
        FROM days GROUP BY profile_id
    ), sold AS (
        SELECT profile_id, nullif(properties['department'], '') AS department,
               sum(TRY_CAST(properties['sales_value'] AS DECIMAL(12, 2))) AS spend
        FROM gold.events AS e JOIN firsts AS f USING (profile_id)
        WHERE e.event = 'item_purchased' AND CAST(e.occurred_at AS DATE) = f.first_day
        GROUP BY ALL
    ), biggest AS (
        SELECT profile_id, department FROM sold WHERE department IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY spend DESC NULLS LAST, department) = 1
    )
    SELECT f.profile_id, f.first_day >= b.since + CAST(7 * $weeks AS INTEGER) AS is_first,
           second_day IS NOT NULL AS is_again, date_diff('day', first_day, coalesce(second_day, $as_of)) AS days,
           CAST(f.spend AS DOUBLE) AS spend, coalesce(g.department, 'not known') AS department
    FROM firsts AS f CROSS JOIN begun AS b LEFT JOIN biggest AS g USING (profile_id)
    ORDER BY f.profile_id
"""


def compute(asked: Asked) -> "dict[str, pa.Table]":
    """The table of second purchases."""
    found = waits(asked.connection, asked.as_of)
    return {TABLE: as_table(asked.contracts.table(TABLE), rows(found))}


def waits(connection: Any, as_of: datetime.date) -> pd.DataFrame:
    """One row per person who bought, in order.

    Columns: ``is_first``, whether that purchase is known to be their first; ``is_again``, whether they bought on a
    later day; ``days`` until then, or so far; ``spend`` of the first day in US dollars; ``department``, the one that
    most of it was spent in.
    """
    told = {"horizon": horizon(as_of), "as_of": as_of, "weeks": FIRST_WEEKS}
    return connection.execute(_WAITS, told).df()  # type: ignore[no-any-return]


def rows(found: pd.DataFrame) -> list[Row]:
    """A row of all people, of each department, and of each size of the first basket."""
    known = found[found["is_first"]].reset_index(drop=True)
    told = [_row("all", "all", known) | {"people_left_out": _told(len(found) - len(known))}]
    departments = known["department"].to_numpy()
    counts = known["department"].value_counts()
    few = known["department"].map(counts) < FEWEST_SHOWN
    for name in sorted(set(departments[~few.to_numpy()])):
        told.append(_row("department", str(name), known[known["department"] == name]))
    if few.any():
        told.append(_row("department", OTHERS, known[few]))
    for low, high in zip((0, *SIZES), (*SIZES, None), strict=True):
        is_in = known["spend"] >= low if low else known["spend"] < np.inf
        if high is not None:
            is_in &= known["spend"] < high
        name = f"{low} US dollars or more" if high is None else f"{low} to {high} US dollars"
        told.append(_row("size", name, known[is_in]))
    return told


def _told(count: int, others: int = 0) -> int | None:
    """A count, unless it or what it leaves of the people is of few."""
    return None if 0 < count < FEWEST_SHOWN or 0 < others < FEWEST_SHOWN else count


def _row(grouping: str, name: str, people: pd.DataFrame) -> Row:
    row: Row = {"grouping": grouping, "first_basket": name, "status": "too few people"}
    if len(people) < FEWEST_SHOWN:
        return row
    row |= {"status": "known", "people": len(people)}
    again = int(people["is_again"].sum())
    row["people_again"] = _told(again, len(people) - again)
    return row | _survival(people["days"].to_numpy(dtype=np.float64), people["is_again"].to_numpy(dtype=np.float64))


def _survival(days: "np.ndarray[Any, Any]", is_again: "np.ndarray[Any, Any]") -> Row:
    """Days until a quarter, half and three quarters have bought again, and the share within SOON days."""
    from statsmodels.duration.survfunc import SurvfuncRight

    if not is_again.any():
        return {}
    waiting = SurvfuncRight(days, is_again)
    row: Row = {}
    for name, share in QUARTILES.items():
        with np.errstate(divide="ignore", invalid="ignore"):  # where everybody has bought again
            low, high = waiting.quantile_ci(share, method="cloglog")
        row |= {name: _days_until(waiting, share), f"{name}_low": float(low), f"{name}_high": float(high)}
    return row | _soon(waiting)


def _days_until(waiting: "SurvfuncRight", share: float) -> float:
    """The first day by which at least so large a share had bought again; not a number where that has not come yet."""
    reached = np.flatnonzero(waiting.surv_prob <= 1 - share + 1e-12)
    return float(waiting.surv_times[reached[0]]) if len(reached) else np.nan


def _soon(waiting: "SurvfuncRight") -> Row:
    """The share who bought again within SOON days, with its interval, by the log of minus the log."""
    before = np.flatnonzero(waiting.surv_times <= SOON)
    if not len(before):
        return {}
    left, error = float(waiting.surv_prob[before[-1]]), float(waiting.surv_prob_se[before[-1]])
    row: Row = {"again_soon": 1 - left}
    if 0 < left < 1 and np.isfinite(error):
        turned = np.log(-np.log(left))
        reach = 1.959964 * error / (left * abs(np.log(left)))
        row["again_soon_low"] = float(1 - np.exp(-np.exp(turned - reach)))
        row["again_soon_high"] = float(1 - np.exp(-np.exp(turned + reach)))
    return row
