"""Comparisons as the rows of their tables: verdicts, what is not told, and all campaigns together."""

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from contracts.metric import FEWEST_SHOWN
from lakehouse.schema import arrow_schema
from measures.campaigns.comparison import Interval, difference
from measures.campaigns.found import OUTCOMES, Found
from measures.campaigns.people import STAGE_DAYS
from measures.campaigns.pooled import pooled

if TYPE_CHECKING:
    import pyarrow as pa

    from contracts.table import Table

Row = dict[str, Any]
Comparisons = Mapping[tuple[str, str], Found]

ALL = "all"
"""Stands for every campaign together where a campaign_id stands."""
ENOUGH = 30
"""Of fewer people, mailed or effectively beside them, an interval is not believed."""
BALANCED = 0.1
"""The standardised difference up to which groups count as alike (Austin 2011; Stuart 2010)."""
SIGNIFICANT = 0.05
UNITS = {"spend": "US dollars a person and week", "orders": "orders a person and week"}
ASSUMES = (
    "who was alike in the weeks before, in what was bought, in mailings and in bands, would have gone on alike without "
    "the mailing; nobody's mailing changes what others buy; other campaigns ran for both alike"
)


def as_table(declared: "Table", rows: Sequence[Row]) -> "pa.Table":
    """Rows in the columns that a table declares, in order of its key; floats at six digits after the point."""
    import pyarrow as pa

    ordered = sorted(rows, key=lambda row: tuple(str(row[name]) for name in declared.key))
    content = [{name: _rounded(row.get(name)) for name in declared.columns} for row in ordered]
    return pa.Table.from_pylist(content, schema=arrow_schema(declared))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) + 0.0 if np.isfinite(value) else None
    return value


def lift_rows(windows: Sequence[Row], found: Comparisons) -> list[Row]:
    """Rows of gold.campaign_lift: each campaign and outcome, and all campaigns together."""
    rows = [_lift_row(window, outcome, found) for window in windows for outcome in OUTCOMES]
    for outcome in OUTCOMES:
        of_one = [row for row in rows if row["outcome"] == outcome]
        _find(of_one)
        if together := _together(of_one, outcome, found):
            rows.append(together)
    return rows


def _lift_row(window: Row, outcome: str, found: Comparisons) -> Row:
    campaign = window["campaign_id"]
    mailed = window["people_mailed"]
    row: Row = {
        "campaign_id": campaign,
        "outcome": outcome,
        "unit": UNITS[outcome],
        "campaign_type": window["campaign_type"],
        "starts": window["starts"],
        "ends": window["ends"],
        "window": "declared" if window["is_declared"] else "from deliveries",
        "is_over": window["is_over"],
        "people_mailed": mailed if mailed >= FEWEST_SHOWN else None,
        "assumes": ASSUMES,
    }
    lift, placebo = found.get((campaign, "lift")), found.get((campaign, "placebo"))
    if lift is not None:
        row |= _of_lift(lift, outcome)
    if placebo is not None:
        row |= _named("placebo", placebo.outcomes[outcome].interval)
        row["placebo_imbalance"] = float(np.abs(placebo.apart_after).max())
    row["verdict"] = verdict(mailed, lift, placebo, outcome)
    return row


def _of_lift(lift: Found, outcome: str) -> Row:
    mailed, others, implied = lift.people.mailed, lift.people.others, lift.matched.implied
    made = lift.outcomes[outcome].interval
    weeks, people = float(mailed["weeks_during"].iloc[0]), len(mailed)
    during, before = f"{outcome}_during", outcome
    return _named("lift", made) | {
        "weeks_before": int(mailed["weeks_before"].iloc[0]),
        "weeks_during": weeks,
        "people_compared": people,
        "people_matched": lift.effective,
        "mailed_before": float(mailed[before].mean()),
        "mailed_during": float(mailed[during].mean()),
        "others_before": float(others[before].mean()),
        "others_during": float(others[during].mean()),
        "matched_before": float(implied @ others[before].to_numpy()),
        "matched_during": float(implied @ others[during].to_numpy()),
        "p_value": made.p_value,
        "detectable": made.detectable,
        "extra": made.estimate * weeks * people,
        "extra_low": made.low * weeks * people,
        "extra_high": made.high * weeks * people,
        "imbalance_before": float(np.abs(lift.apart_before).max()),
        "imbalance_after": float(np.abs(lift.apart_after).max()),
        "other_mailings_mailed": float(mailed["mailings_during"].mean()),
        "other_mailings_matched": float(implied @ others["mailings_during"].to_numpy()),
    }


def _named(name: str, made: Interval) -> Row:
    return {name: made.estimate, f"{name}_low": made.low, f"{name}_high": made.high}


def verdict(mailed: int, lift: Found | None, placebo: Found | None, outcome: str) -> str:
    """Whether a lift is to be believed, and if not, why: the first reason that holds."""
    if mailed < ENOUGH:
        return "too few people"
    if lift is None:
        return "too little history"
    if min(len(lift.people.mailed), lift.effective) < ENOUGH:
        return "not believable: balance" if _is_apart(lift) else "too few people"
    if _is_apart(lift):
        return "not believable: balance"
    if placebo is None:
        return "too little history"
    made = placebo.outcomes[outcome].interval
    if _is_apart(placebo) or not made.low <= 0 <= made.high:
        return "not believable: placebo"
    return "plausible"


def _is_apart(found: Found) -> bool:
    return float(np.abs(found.apart_after).max()) > BALANCED


def _find(rows: list[Row]) -> None:
    """Say what each campaign was found to do, at 5 % false discoveries (Benjamini and Hochberg 1995)."""
    believed = [row for row in rows if row["verdict"] == "plausible"]
    if believed:
        held = stats.false_discovery_control([row["p_value"] for row in believed], method="bh")
        for row, q_value in zip(believed, held, strict=True):
            row["q_value"] = float(q_value)
    for row in rows:
        row["finding"] = _finding(row)


def _finding(row: Row) -> str:
    if row["verdict"] != "plausible":
        return "not known"
    if row["q_value"] > SIGNIFICANT:
        return "not told from none"
    return "more" if row["lift"] > 0 else "less"


def _together(rows: Sequence[Row], outcome: str, found: Comparisons) -> Row | None:
    """All campaigns that have a placebo and people enough, as one: the mean over their people and weeks."""
    counted = [
        row for row in rows
        if row["verdict"] == "plausible" or str(row["verdict"]).startswith("not believable: placebo")
    ]  # fmt: skip
    if not counted:
        return None
    lifts = [found[row["campaign_id"], "lift"] for row in counted]
    placebos = [found[row["campaign_id"], "placebo"] for row in counted]
    lift, placebo = pooled(lifts, outcome), pooled(placebos, outcome)
    people = len({person for one in lifts for person in one.people.mailed["profile_id"]})
    row: Row = {
        "campaign_id": ALL,
        "outcome": outcome,
        "unit": UNITS[outcome],
        "window": "declared" if all(row["window"] == "declared" for row in counted) else "from deliveries",
        "starts": min(row["starts"] for row in counted),
        "ends": max(row["ends"] for row in counted),
        "is_over": all(row["is_over"] for row in counted),
        "people_mailed": people,
        "people_compared": people,
        "p_value": lift.p_value,
        "detectable": lift.detectable,
        "assumes": ASSUMES,
        "verdict": "plausible" if placebo.low <= 0 <= placebo.high else "not believable: placebo",
        "q_value": lift.p_value,
    }
    row |= _named("lift", lift) | _named("placebo", placebo)
    row["finding"] = _finding(row)
    return row


def balance_rows(found: Comparisons) -> list[Row]:
    """Rows of gold.campaign_balance: each covariate of each comparison."""
    rows = []
    for (campaign, kind), one in found.items():
        alike = one.people.others_covariates.mean(axis=0)
        weighted = one.matched.weights @ one.people.others_covariates
        for place, name in enumerate(one.people.names):
            rows.append(
                {
                    "campaign_id": campaign,
                    "kind": kind,
                    "covariate": name,
                    "people_compared": len(one.people.mailed),
                    "mailed_mean": float(one.people.mailed_covariates[:, place].mean()),
                    "others_mean": float(alike[place]),
                    "matched_mean": float(weighted[place]),
                    "difference_before": float(one.apart_before[place]),
                    "difference_after": float(one.apart_after[place]),
                }
            )
    return rows


def stage_rows(windows: Sequence[Row], found: Comparisons, entered: pd.DataFrame, as_of: datetime.date) -> list[Row]:
    """Rows of gold.campaign_stages: who entered which stage within STAGE_DAYS of a mailing, against people alike."""
    stages = sorted(set(zip(entered["journey"], entered["stage"], strict=True)))
    by_campaign = {str(campaign): group for campaign, group in entered.groupby("campaign_id")}
    rows = []
    for window in windows:
        campaign = window["campaign_id"]
        lift = found.get((campaign, "lift"))
        is_past = window["starts"] + datetime.timedelta(STAGE_DAYS) <= as_of + datetime.timedelta(1)
        if lift is None or not is_past:
            continue
        group = by_campaign.get(campaign, entered.iloc[:0])
        for journey, stage in stages:
            is_in = (group["journey"] == journey) & (group["stage"] == stage)
            row = {"campaign_id": campaign, "journey": str(journey), "stage": str(stage), "days": STAGE_DAYS}
            rows.append(row | _stage_row(lift, set(group.loc[is_in, "profile_id"])))
    return rows


def _stage_row(lift: Found, people: set[str]) -> Row:
    """What is told of people who entered a stage."""
    mailed = np.asarray(lift.people.mailed["profile_id"].isin(people), dtype=np.float64)
    others = np.asarray(lift.people.others["profile_id"].isin(people), dtype=np.float64)
    row: Row = {"people_compared": len(mailed), "status": "too few people"}
    if any(min(group.sum(), len(group) - group.sum()) < FEWEST_SHOWN for group in (mailed, others)):
        return row
    made = difference(lift.matched, mailed, others).interval
    return row | {
        "share_mailed": float(mailed.mean()),
        "share_matched": float(lift.matched.implied @ others),
        "difference": made.estimate,
        "difference_low": made.low,
        "difference_high": made.high,
        "status": "known",
    }
