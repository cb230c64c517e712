"""How much of what was bought by coupon would have been bought anyway: gold.campaign_cannibalisation.

Nobody knows what a redeemer would have done, so there are two answers. *By rate*: they would have gone on at the rate
of the weeks before. But who redeems has just wanted the category, and would have bought more than usual. *By buyers*:
they would have bought in the category during the campaign for certain, as much above their rate as people who did so
without a coupon, were not mailed, and had bought in it on as many days before (coarsened exact matching: Iacus, King
and Porro 2012, Political Analysis 20:1-24). Weeks after the campaign count, since who stocks up buys less then (van
Heerde, Leeflang and Wittink 2000, Journal of Marketing Research 37:383-395). What is bought less in other categories
does not.
"""

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contracts.metric import FEWEST_SHOWN
from measures.campaigns.balancing import Floats
from measures.campaigns.comparison import interval
from measures.campaigns.pairs import DAYS_AFTER, pairs
from measures.campaigns.rows import ALL, ENOUGH, Row, as_table
from measures.campaigns.windows import LEAST_WEEKS_BEFORE, campaign_windows, make_windows
from measures.measure import Asked

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "gold.campaign_cannibalisation"
ASSUMES = (
    "by rate: without the coupon redeemers had gone on as in the weeks before; by buyers: they had bought in the "
    "category in those weeks for certain, as others did without a coupon who had bought on as many days before; lines "
    "with a coupon's discount on a day of redemption were by that coupon; no other category was bought less for it"
)
CELL = ["category", "days_before"]


def compute(asked: Asked) -> "dict[str, pa.Table]":
    """The table of what discounts brought."""
    make_windows(asked.connection, asked.contracts.campaigns, asked.as_of)
    windows = campaign_windows(asked.connection)
    found = pairs(asked.connection, asked.as_of)
    return {TABLE: as_table(asked.contracts.table(TABLE), rows(windows, found, asked.as_of))}


def rows(windows: Sequence[Row], found: pd.DataFrame, as_of: datetime.date) -> list[Row]:
    """A row of each campaign, and one of all together.

    Args:
        windows: The campaigns.
        found: As pairs.pairs gives it.
        as_of: The run's date.
    """
    by_campaign = {str(campaign): group for campaign, group in found.groupby("campaign_id")}
    told = []
    for window in windows:
        row: Row = {
            "campaign_id": window["campaign_id"],
            "campaign_type": window["campaign_type"],
            "assumes": ASSUMES,
            "status": _why_unknown(window, as_of),
        }
        group = by_campaign.get(window["campaign_id"])
        told.append(row if group is None else row | _figures(group))
    together = found[found["is_apart"]]
    if len(together):
        told.append({"campaign_id": ALL, "campaign_type": None, "assumes": ASSUMES} | _figures(together))
    return told


def _why_unknown(window: Row, as_of: datetime.date) -> str:
    """Why nothing is known of a campaign without redeemers' pairs."""
    if window["weeks_known"] is None or window["weeks_known"] < LEAST_WEEKS_BEFORE:
        return "too little history"
    is_past = window["ends"] + datetime.timedelta(DAYS_AFTER) <= as_of
    return "too few people" if is_past else "not over yet"


def _figures(redeemers: pd.DataFrame) -> Row:
    """What is told of redeemers' pairs: of fewer than FEWEST_SHOWN people nothing."""
    people = redeemers["profile_id"].nunique()
    if people < FEWEST_SHOWN:
        return {"status": "too few people"}
    kept = redeemers[redeemers["expected"].notna()]
    row: Row = {
        "status": "known" if people >= ENOUGH else "too few people",
        "people_redeemed": people,
        "lines": int(redeemers["lines"].sum()),
        "sales_discounted": float(redeemers["discounted"].sum()),
        "discount_coupon": float(redeemers["coupon"].sum()),
        "discount_match": float(redeemers["matched"].sum()),
        "discount_retail": float(redeemers["retail"].sum()),
    }
    before = (redeemers["before"] / redeemers["weeks_before"]).to_numpy(dtype=np.float64)
    after = (redeemers["after"] / redeemers["weeks_after"]).to_numpy(dtype=np.float64)
    row["before_per_week"] = float(before.sum())
    row["during_per_week"] = float((redeemers["during"] / redeemers["weeks_during"]).sum())
    row["after_per_week"] = float(after.sum())
    row |= _total("dip", redeemers["profile_id"], after - before, 0.0)
    row |= _both("by_rate", redeemers, redeemers["extra"].to_numpy(dtype=np.float64), 0.0)
    if kept["profile_id"].nunique() >= FEWEST_SHOWN:
        above = (kept["extra"] - kept["expected"]).to_numpy(dtype=np.float64)
        row |= _both("by_buyers", kept, above, _variance_of_buyers(kept))
        row["people_beside_buyers"] = int(kept["profile_id"].nunique())
    return row


def _variance_of_buyers(kept: pd.DataFrame) -> float:
    """What the buyers' means add to the variance of a sum over the redeemers: each cell's mean counts so often."""
    cells = kept.groupby(["campaign_id", *CELL]).agg(
        times=("extra", "size"), n=("buyers", "first"), var=("spread", "first")
    )
    return float((cells["times"] ** 2 * cells["var"] / cells["n"]).sum())


def _both(name: str, redeemers: pd.DataFrame, extra: Floats, added: float) -> Row:
    """The extra spend, what it is to a dollar of discount, and the share of discounted spend that is none."""
    people = redeemers["profile_id"]
    given = redeemers[["coupon", "matched", "retail"]].sum(axis=1).to_numpy(dtype=np.float64)
    row = _total(f"extra_{name}", people, extra, added)
    row |= _ratio(f"extra_per_dollar_{name}", people, extra, given, added)
    paid = redeemers["discounted"].to_numpy(dtype=np.float64)
    return row | _ratio(f"anyway_{name}", people, paid - extra, paid, added)


def _total(name: str, people: "pd.Series[Any]", values: Floats, added: float) -> Row:
    """A sum over people, with its interval: people are drawn, not their categories."""
    by_person = pd.Series(values).groupby(people.to_numpy()).sum().to_numpy(dtype=np.float64)
    count = len(by_person)
    error = float(np.sqrt(count * by_person.var(ddof=1) + added))
    return _told(name, float(by_person.sum()), error, count)


def _ratio(name: str, people: "pd.Series[Any]", above: Floats, below: Floats, added: float) -> Row:
    """A ratio of two sums over people, with its interval by linearisation (Cochran 1977, Sampling Techniques, 6.4)."""
    sums = pd.DataFrame({"above": above, "below": below}).groupby(people.to_numpy()).sum()
    whole = float(sums["below"].sum())
    if whole <= 0:
        return {}
    ratio = float(sums["above"].sum()) / whole
    left = (sums["above"] - ratio * sums["below"]).to_numpy(dtype=np.float64)
    count = len(left)
    error = float(np.sqrt(count / (count - 1) * (left**2).sum() + added)) / whole
    return _told(name, ratio, error, count)


def _told(name: str, estimate: float, error: float, people: int) -> Row:
    made = interval(estimate, error, float(people - 1))
    return {name: made.estimate, f"{name}_low": made.low, f"{name}_high": made.high}
