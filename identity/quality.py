"""How right the model's links are, estimated from labels.

Pairs are stratified by match weight, as in Cochran, "Sampling Techniques" (1977, ISBN 0-471-16240-X, chapter 5): each
band counts for the pairs that it holds, not for those that were looked at. Of a band, what was decided outside the
random sample is counted as it is, and the sample stands for the rest. The share of matches in a rest is given Jeffreys'
posterior, Beta(matches + 1/2, others + 1/2), which Brown, Cai and DasGupta, "Interval Estimation for a Binomial
Proportion" (2001, doi:10.1214/ss/1009213286) recommend; the bands are combined by simulation with a fixed seed, and the
interval is the shortest that holds 95 % of the draws: Chen and Shao, "Monte Carlo Estimation of Bayesian Credible and
HPD Intervals" (1999, doi:10.1080/10618600.1999.10474802). An interval with equal tails would leave out a precision of
99.9 % wherever all labels agree. We differ in that a band without any label keeps Beta(1/2, 1/2): nothing known is a
wide interval, not a gap. Where no band has a label there is no estimate: the numbers would be the prior's.

Only pairs that the model weighed at or above the review threshold are seen. Recall is of the matches among those;
pairs that no blocking rule brings together, or that weigh less, are not in it.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from contracts.identity import Probabilistic
from identity.sql import query

DRAWS = 20_000
SEED = 2001
CONFIDENCE = 0.95
ENOUGH_LABELS = 30
ENOUGH_IN_A_BAND = 5
LARGE_BAND = 0.05
"""A band of which nothing is known moves precision by up to its share of the pairs: above this, it matters."""


@dataclass(frozen=True)
class Band:
    """A range of match weights, and what is known of its pairs.

    Attributes:
        lower, upper: Its weights, the upper one left out; None for no end.
        is_linked: Whether it lies at or above the link threshold.
        pairs: How many pairs it holds.
        decided, decided_matches: Labels made outside the random sample.
        sampled, sampled_matches: Labels made in the random sample.
    """

    lower: float
    upper: float | None
    is_linked: bool
    pairs: int
    decided: int = 0
    decided_matches: int = 0
    sampled: int = 0
    sampled_matches: int = 0

    @property
    def labels(self) -> int:
        """All labels of the band."""
        return self.decided + self.sampled


@dataclass(frozen=True)
class Rate:
    """An estimate with its interval; all three are None where there is nothing to estimate, or to do it from."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Quality:
    """What labels say of the model's links.

    Attributes:
        precision: Of the pairs that the model links, the share that is one person.
        recall: Of the pairs that it weighed and that are one person, the share that it links.
        bands: What is known of each band, weakest first.
        is_random: The estimate rests on a random sample; else what was decided had to stand for the rest, which it
            may not be like.
        missing: What the labels are too few for, in words; empty where they suffice.
    """

    precision: Rate
    recall: Rate
    bands: tuple[Band, ...]
    is_random: bool
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"labels": self.labels, "confidence": CONFIDENCE}

    @property
    def labels(self) -> int:
        """All labels."""
        return sum(band.labels for band in self.bands)


def lower_ends(thresholds: Probabilistic) -> tuple[float, ...]:
    """The lower end of each band: four between the thresholds, then at, 5 above and 10 above the link threshold."""
    review, link = thresholds.review_weight, thresholds.link_weight
    step = (link - review) / 4
    return (*(review + step * number for number in range(4)), link, link + 5, link + 10)


def bands(edges: pa.Table, labelled: pa.Table, thresholds: Probabilistic) -> tuple[Band, ...]:
    """The bands that hold pairs, weakest first.

    Args:
        edges: identity.edges.
        labelled: ``labels.labels``.
        thresholds: The contract's thresholds.
    """
    ends = lower_ends(thresholds)
    rows = query(
        """WITH pairs AS (
               SELECT left_record, right_record, max(lower) AS lower
               FROM edges JOIN ends ON match_weight >= lower WHERE kind = 'probabilistic' GROUP BY ALL)
           SELECT lower, count(*) AS pairs,
                  count(*) FILTER (is_match IS NOT NULL AND NOT is_sampled) AS decided,
                  count(*) FILTER (is_match AND NOT is_sampled) AS decided_matches,
                  count(*) FILTER (is_match IS NOT NULL AND is_sampled) AS sampled,
                  count(*) FILTER (is_match AND is_sampled) AS sampled_matches
           FROM pairs LEFT JOIN labelled USING (left_record, right_record) GROUP BY lower ORDER BY lower""",
        edges=edges.select(["left_record", "right_record", "kind", "match_weight"]),
        labelled=labelled.select(["left_record", "right_record", "is_match", "is_sampled"]),
        ends=_ends(thresholds),
    ).to_pylist()
    above = dict(zip(ends, (*ends[1:], None), strict=True))
    return tuple(
        Band(upper=above[row["lower"]], is_linked=row["lower"] >= thresholds.link_weight, **row) for row in rows
    )


def sample(edges: pa.Table, labelled: pa.Table, thresholds: Probabilistic, size: int, seed: int) -> pa.Table:
    """A random sample over the bands, without what is labelled.

    A band gives as many as the root of its size, in proportion (Bankier, "Power Allocations", 1988,
    doi:10.1080/00031305.1988.10475556): each becomes known somehow, and the large ones, which weigh most, best.

    Every pair has one random number for a seed, whatever else is in the lake, and the lowest are taken. So the same
    seed goes on with a sample that was begun, and a larger one contains a smaller one. Pairs that were decided
    outside a sample are not drawn: they are known.

    Args:
        edges: identity.edges.
        labelled: ``labels.labels``.
        thresholds: The contract's thresholds.
        size: How many pairs, those that were labelled before among them.
        seed: Chooses the sample.

    Returns:
        left_record and right_record, in the order of their random numbers, so that a band is not told by its place.
    """
    return query(
        f"""WITH banded AS (
               SELECT left_record, right_record, max(lower) AS lower
               FROM edges JOIN ends ON match_weight >= lower WHERE kind = 'probabilistic' GROUP BY ALL),
           drawn AS (
               SELECT banded.*, is_match IS NOT NULL AS is_known,
                      md5(concat_ws(chr(31), '{seed:d}', left_record, right_record)) AS number
               FROM banded LEFT JOIN labelled USING (left_record, right_record) WHERE coalesce(is_sampled, true)),
           turns AS (
               SELECT *, (row_number() OVER (PARTITION BY lower ORDER BY number) - 0.5)
                         / sqrt(count(*) OVER (PARTITION BY lower)) AS turn
               FROM drawn),
           taken AS (SELECT * FROM turns ORDER BY turn, number LIMIT {size:d})
           SELECT left_record, right_record FROM taken WHERE NOT is_known ORDER BY number""",
        edges=edges.select(["left_record", "right_record", "kind", "match_weight"]),
        labelled=labelled.select(["left_record", "right_record", "is_match", "is_sampled"]),
        ends=_ends(thresholds),
    )


def estimate(known: tuple[Band, ...]) -> Quality:
    """Precision and recall with their intervals, from what is known of each band."""
    random = np.random.default_rng(SEED)
    is_random = any(band.sampled for band in known)
    linked, all_matches = np.zeros(DRAWS), np.zeros(DRAWS)
    for band in known:
        tried, matched = (band.sampled, band.sampled_matches) if is_random else (band.decided, band.decided_matches)
        share = random.beta(matched + 0.5, tried - matched + 0.5, DRAWS)
        matches = band.decided_matches + band.sampled_matches + (band.pairs - band.labels) * share
        all_matches += matches
        if band.is_linked:
            linked += matches
    linked_pairs = sum(band.pairs for band in known if band.is_linked)
    is_labelled = any(band.labels for band in known)
    nothing = Rate(None, None, None)
    return Quality(
        _rate(linked / linked_pairs) if is_labelled and linked_pairs else nothing,
        _rate(linked / all_matches) if is_labelled and all_matches.all() else nothing,
        known,
        is_random,
        _missing(known, is_random),
    )


def _missing(known: tuple[Band, ...], is_random: bool) -> tuple[str, ...]:
    found = []
    pairs, made = sum(band.pairs for band in known), sum(band.labels for band in known)
    if made < ENOUGH_LABELS:
        found.append(f"{made} labels in all, at least {ENOUGH_LABELS} are needed")
    for band in known:
        tried = band.sampled if is_random else band.decided
        if tried < ENOUGH_IN_A_BAND and band.labels < band.pairs and band.pairs >= LARGE_BAND * pairs:
            said = f"{tried} labels for the {band.pairs:,} pairs from weight {band.lower:g} up"
            found.append(f"{said}, at least {ENOUGH_IN_A_BAND} are needed")
    return tuple(found)


def _rate(draws: np.ndarray) -> Rate:
    """The median of the draws, and the shortest interval that holds the confidence's share of them."""
    ordered = np.sort(draws)
    within = math.ceil(CONFIDENCE * len(ordered))
    widths = ordered[within - 1 :] - ordered[: len(ordered) - within + 1]
    first = int(np.argmin(widths))
    low, middle, high = ordered[first], np.median(ordered), ordered[first + within - 1]
    return Rate(round(float(middle), 4), round(float(low), 4), round(float(high), 4))


def _ends(thresholds: Probabilistic) -> pa.Table:
    return query("SELECT unnest($lower::DOUBLE[]) AS lower", {"lower": list(lower_ends(thresholds))})
