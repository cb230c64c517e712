"""Media mix: a regression of sales by week and region on what was sent there, alone and together with measured lifts.

Sales a head are set against media a head, after every week and every region had its own level taken out, so that only
what differs between regions within a week speaks: a season or a campaign for all regions at once does not. A medium's
effect lasts and saturates (Jin, Wang, Sun, Chan and Koehler: Bayesian methods for media mix modeling with carryover and
shape effects, Google, 2017); its shape is the best of those declared. Of two intervals the wider counts: by Driscoll
and Kraay (Review of Economics and Statistics 80, 1998), for regions that move together, and by clusters (Arellano:
Oxford Bulletin of Economics and Statistics 49, 1987), for regions that have a long memory. It is that of all shapes
together that fit as well as the best, by a likelihood ratio over weeks.

It says what goes with what was sent, not what came because of it: who chose the regions may have known where more is
bought. That is why lifts, where there are any, calibrate it: both tell the value added, each with its precision.
"""

import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.attribution import Attribution, MediaMix
from measures.attribution.lifts import CAMPAIGN_LIFT, EXPERIMENTS, Measured, measured
from measures.measure import Asked, Measure
from measures.media_panel import Panel, panel

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

TABLE = "gold.media_mix"
LEVEL = 0.95
FEWEST_REGIONS = 5
"""With fewer, what differs between regions within a week is told by too few of them."""

Shape = tuple[float, float]
"""Adstock and saturation."""


@dataclass(frozen=True)
class Fit:
    """What one combination of shapes comes to.

    Attributes:
        shapes: Of each medium.
        left: The sum of squares that is left.
        all_of: The sum of squares that there was.
        contribution: What each medium added, in the unit of the outcome.
        reach: How far its interval goes to both sides.
    """

    shapes: tuple[Shape, ...]
    left: float
    all_of: float
    contribution: "NDArray[np.float64]"
    reach: "NDArray[np.float64]"


@dataclass(frozen=True)
class Told:
    """What the regression says of one medium."""

    contribution: float
    low: float
    high: float
    shape: Shape
    shapes: int


def compute(asked: Asked) -> "dict[str, pa.Table]":
    """The rows of gold.media_mix; none where no media mix is declared or a mart is not there yet."""
    import pyarrow as pa

    from lakehouse.schema import arrow_schema

    declared = asked.contracts.attribution
    rows: list[dict[str, Any]] = []
    if declared is not None and declared.media_mix is not None and _has_marts(asked, declared):
        end = datetime.datetime.combine(asked.as_of, datetime.time(), datetime.UTC) + datetime.timedelta(1)
        made = panel(asked.connection, declared, declared.media_mix, end)
        sent = _sent_of(asked, declared, measured(asked.connection, asked.contracts, asked.as_of))
        rows = table_rows(made, declared.media_mix, sent)
    return {TABLE: pa.Table.from_pylist(rows, schema=arrow_schema(asked.contracts.table(TABLE)))}


def _has_marts(asked: Asked, declared: Attribution) -> bool:
    rows = asked.connection.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
    ).fetchall()
    return {declared.outcome.table, "gold.touchpoints", "gold.profiles"} <= {name for (name,) in rows}


def _sent_of(asked: Asked, declared: Attribution, lifts: Iterable[Measured]) -> dict[str, list[tuple[Measured, int]]]:
    """The lifts of each medium, each with how many touchpoints it was measured on."""
    found: dict[str, list[tuple[Measured, int]]] = {}
    for lift in lifts:
        rule = declared.channels[lift.channel]
        ((touches,),) = asked.connection.execute(
            """SELECT count(*) FROM gold.touchpoints
               WHERE channel = ? AND direction = ? AND list_contains(?, kind) AND (? IS NULL OR subject_id = ?)
                 AND CAST(occurred_at AS DATE) BETWEEN ? AND ?""",
            [rule.channel, rule.direction, list(rule.kinds), lift.campaign, lift.campaign, lift.since, lift.until],
        ).fetchall()
        if touches:
            found.setdefault(lift.channel, []).append((lift, touches))
    return found


def table_rows(made: Panel, mix: MediaMix, lifts: Mapping[str, Sequence[tuple[Measured, int]]]) -> list[dict[str, Any]]:
    """One row for each medium, in the order of their names."""
    reasons = {name: _unknown(made, mix, name) for name in mix.channels}
    media = [name for name in mix.channels if reasons[name] is None]
    inflations = inflation(made, media)
    for name, factor in list(inflations.items()):
        if factor > mix.collinear_above:
            reasons[name] = "collinear"
    fitted = [name for name in media if np.isfinite(inflations[name])]
    told, r2, foretold = _estimated(made, mix, fitted) if fitted else ({}, None, None)
    rows = []
    for name in sorted(mix.channels):
        touches = made.total(made.media[name])
        known = told[name] if reasons[name] is None else None
        prior = calibration(lifts.get(name, ()), touches)
        rows.append(
            {
                "channel": name,
                "status": "not_known" if known is None else "estimated",
                "reason": reasons[name],
                "since": made.begin,
                "until": made.begin and made.begin + datetime.timedelta(7 * made.weeks - 1),
                "weeks": made.weeks,
                "regions": made.regions,
                "people": round(made.people.sum()),
                "touchpoints": round(touches),
                "sales_value": Decimal(f"{made.total(made.sales):.2f}"),
                "contribution": known and known.contribution,
                "low": known and known.low,
                "high": known and known.high,
                "adstock": known and known.shape[0],
                "saturation": known and known.shape[1],
                "shapes": known and known.shapes,
                "inflation": inflations.get(name) if name in fitted else None,
                "r2": r2,
                "r2_out_of_sample": foretold,
                "lifts": len(lifts.get(name, ())),
                **together(known, prior),
            }
        )
    return rows


def _unknown(made: Panel, mix: MediaMix, name: str) -> str | None:
    """Why nothing can be said of a medium, before anything is fitted."""
    if made.weeks < mix.weeks_at_least:
        return "too_few_weeks"
    if made.regions < FEWEST_REGIONS:
        return "too_few_regions"
    return None if made.media[name].any() else "nothing_sent"


def shaped(sent: "NDArray[np.float64]", shape: Shape, weeks: int | None = None) -> "NDArray[np.float64]":
    """What is left of what was sent, week by week, and how much of it still counts.

    Args:
        sent: By region and week.
        shape: How long it lasts and how much it saturates.
        weeks: Of the first how many weeks the mean is taken that saturation goes by; without it, of all.
    """
    lasting, saturation = shape
    held = np.zeros_like(sent)
    before = np.zeros(sent.shape[0])
    for week in range(sent.shape[1]):
        before = sent[:, week] + lasting * before
        held[:, week] = before
    mean = held[:, :weeks].mean()
    return held / (1 + saturation * held / mean) if mean > 0 else held


def within(values: "NDArray[np.float64]", people: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """What is left when each week's level, weighted by people, and each region's are taken out."""
    of_week = (people @ values) / people.sum()
    centred = values - of_week
    return centred - centred.mean(axis=1, keepdims=True)


def inflation(made: Panel, media: Sequence[str]) -> dict[str, float]:
    """The variance inflation factor of each medium as it was sent, weeks and regions among what it is set against."""
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    weights = np.sqrt(np.repeat(made.people, made.weeks))
    columns = [within(made.media[name], made.people).ravel() * weights for name in media]
    found = {}
    for number, name in enumerate(media):
        raw = made.media[name]
        spread = float(
            made.people @ ((raw - (made.people @ raw).sum() / made.people.sum() / made.weeks) ** 2).sum(axis=1)
        )
        left = float((columns[number] ** 2).sum())
        among = variance_inflation_factor(np.column_stack(columns), number) if len(media) > 1 and left else 1.0
        found[name] = float(among) * spread / left if left > 1e-12 * spread else float("inf")
    return found


def _estimated(made: Panel, mix: MediaMix, media: Sequence[str]) -> tuple[dict[str, Told], float, float]:
    """What the regression says of each medium; and how much it explains, within and ahead."""
    from scipy import stats

    fits = _fits(made, mix, media)
    best = min(fits, key=lambda fit: (fit.left, fit.shapes))
    limit = stats.chi2.ppf(LEVEL, 2 * len(media))
    as_good = [fit for fit in fits if made.weeks * np.log(max(fit.left, 1e-300) / max(best.left, 1e-300)) <= limit]
    told = {}
    for number, name in enumerate(media):
        told[name] = Told(
            float(best.contribution[number]),
            float(min(fit.contribution[number] - fit.reach[number] for fit in as_good)),
            float(max(fit.contribution[number] + fit.reach[number] for fit in as_good)),
            best.shapes[number],
            len(as_good),
        )
    return told, 1 - best.left / best.all_of if best.all_of else 0.0, ahead(made, mix, media)


def lags(weeks: int) -> int:
    """Over how many weeks errors may follow from one another (Newey and West: Review of Economic Studies 61, 1994)."""
    return int(4 * (weeks / 100) ** (2 / 9))


def wide(weeks: int) -> float:
    """How many standard errors a 95 % interval reaches: more than the normal 1.96, since the error is itself estimated.

    Kiefer and Vogelsang (Econometric Theory 21, 2005), for the Bartlett kernel; for panels with such errors Vogelsang
    (Journal of Econometrics 166, 2012).
    """
    part = (lags(weeks) + 1) / weeks
    return 1.96 + 2.9694 * part + 0.4160 * part**2 - 0.5324 * part**3


def _fits(made: Panel, mix: MediaMix, media: Sequence[str]) -> list[Fit]:
    shapes = list(itertools.product(mix.adstock, mix.saturation))
    return [fit(made, media, chosen) for chosen in itertools.product(shapes, repeat=len(media))]


def fit(made: Panel, media: Sequence[str], shapes: tuple[Shape, ...]) -> Fit:
    """Weighted least squares by people, with the wider of two intervals."""
    from scipy import stats
    from statsmodels.regression.linear_model import WLS

    exposures = [shaped(made.media[name], shape) for name, shape in zip(media, shapes, strict=True)]
    left, right = _columns(made, exposures)
    weights = np.repeat(made.people, made.weeks)
    found = WLS(left, right, weights=weights).fit()
    weeks = {"time": np.tile(np.arange(made.weeks), made.regions), "maxlags": lags(made.weeks), "use_correction": False}
    over_weeks = found.get_robustcov_results("hac-groupsum", **weeks).bse
    of_regions = found.get_robustcov_results("cluster", groups=np.repeat(np.arange(made.regions), made.weeks)).bse
    levels = made.weeks + made.regions - 1
    spare = len(left) / (len(left) - levels - len(media)) * made.weeks / (made.weeks - 1)
    reach = np.maximum(
        wide(made.weeks) * np.sqrt(spare) * over_weeks,
        stats.t.ppf((1 + LEVEL) / 2, made.regions - 1) * of_regions,
    )
    size = np.array([made.total(exposure) for exposure in exposures])
    return Fit(shapes, float(weights @ found.resid**2), float(weights @ left**2), found.params * size, reach * size)


def _columns(
    made: Panel, exposures: "Sequence[NDArray[np.float64]]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    right = np.column_stack([within(exposure, made.people).ravel() for exposure in exposures])
    return within(made.sales, made.people).ravel(), right


def ahead(made: Panel, mix: MediaMix, media: Sequence[str]) -> float:
    """The part of what differs between regions in the weeks held out that is predicted from the weeks before."""
    until = made.weeks - mix.holdout_weeks
    past = Panel(made.begin, made.people, made.sales[:, :until], {n: m[:, :until] for n, m in made.media.items()})
    best = min(_fits(past, mix, media), key=lambda fit: (fit.left, fit.shapes))
    exposures = [shaped(made.media[name], shape, until) for name, shape in zip(media, best.shapes, strict=True)]
    sizes = np.array([past.total(exposure[:, :until]) for exposure in exposures])
    slopes = np.divide(best.contribution, sizes, out=np.zeros(len(media)), where=sizes > 0)

    def later(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Held-out weeks, less the level of each region in the weeks before, and of each week over all regions."""
        level = within_level(values[:, :until], made.people)
        rest = values[:, until:] - level
        return rest - (made.people @ rest) / made.people.sum()

    missed = later(made.sales) - sum(slope * later(exposure) for slope, exposure in zip(slopes, exposures, strict=True))
    whole = float(made.people @ (later(made.sales) ** 2).sum(axis=1))
    return 1 - float(made.people @ (missed**2).sum(axis=1)) / whole if whole else 0.0


def within_level(values: "NDArray[np.float64]", people: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """How far each region is above all of them, on average over the weeks."""
    return (values - (people @ values) / people.sum()).mean(axis=1, keepdims=True)


def calibration(lifts: Sequence[tuple[Measured, int]], touches: float) -> tuple[float, float] | None:
    """What lifts say that all touchpoints added, with its standard error; None where there is no lift.

    Each tells the value of a touchpoint; together by least squares, weighted by their precision. The same people are in
    many of them, so that their errors need not cancel out: that of all is the mean of theirs, by the same weights, the
    most that it can be. Where they differ more than their intervals allow, it is widened by that much (Birge: Physical
    Review 40, 1932).
    """
    from scipy import stats

    if not lifts:
        return None
    normal = stats.norm.ppf((1 + np.array([lift.level for lift, _ in lifts])) / 2)
    size = np.array([count for _, count in lifts], np.float64)
    value = np.array([float(lift.value) for lift, _ in lifts])
    width = np.array([float(lift.high - lift.low) for lift, _ in lifts])
    error = np.maximum(width / (2 * normal), 0.01)
    precision = float(((size / error) ** 2).sum())
    each = float((size * value / error**2).sum()) / precision
    spread = float((((value - each * size) / error) ** 2).sum())
    wider = max(1.0, spread / (len(lifts) - 1)) if len(lifts) > 1 else 1.0
    off = float((size / error).sum()) / precision
    return each * touches, float(np.sqrt(wider)) * off * touches


def together(known: Told | None, prior: tuple[float, float] | None) -> dict[str, float | None]:
    """Regression and lifts, each weighted by its precision; lifts alone where the regression says nothing.

    Both may come from the same orders: the error is the mean of theirs, by the same weights, the most that it can be.
    """
    from scipy import stats

    if prior is None:
        return {"calibrated": None, "calibrated_low": None, "calibrated_high": None}
    normal = float(stats.norm.ppf((1 + LEVEL) / 2))
    value, error = prior
    if known is not None:
        theirs = max((known.high - known.low) / (2 * normal), 1e-9)
        middle = (known.high + known.low) / 2
        weight = error**2 / (error**2 + theirs**2)
        value, error = weight * middle + (1 - weight) * value, weight * theirs + (1 - weight) * error
    return {
        "calibrated": float(value),
        "calibrated_low": float(value - normal * error),
        "calibrated_high": float(value + normal * error),
    }


MEASURE = Measure(
    "media mix",
    ("gold.orders", "gold.touchpoints", "gold.profiles", CAMPAIGN_LIFT, EXPERIMENTS),
    (TABLE,),
    compute,
)
