"""What a file teaches before it is resolved: which rules to block by, and the weights."""

from collections.abc import Callable
from dataclasses import dataclass

from identity.people import blocking
from identity.people.blocking import Rule
from identity.people.join import LINK_WEIGHT
from identity.people.mixture import Weights, fit
from identity.people.pairs import Bench

SEED = 20_170_101
DRAWN_PAIRS, DRAWN_PER_RECORD = 1_000_000, 40
LARGE, SAMPLED = 100_000, 10_000
"""A file of more than ``LARGE`` records is learnt from the pairs of about ``SAMPLED`` of them."""


@dataclass(frozen=True)
class Plan:
    """How a file is resolved.

    Attributes:
        rules: Blocking rules; None: all pairs are compared.
        reach: The share of a sample's links that they find; None where every affordable rule is used.
        weights: The weights; None: they are fitted to the pairs that the rules bring together.
    """

    rules: tuple[Rule, ...] | None
    reach: float | None
    weights: Weights | None


def learn(bench: Bench, weights: Weights | None, say: Callable[[str], None]) -> Plan:
    """Choose rules, and for a large file fit the weights to a sample; ``weights`` are those given from elsewhere."""
    if bench.total <= blocking.ALL_PAIRS:
        return Plan(None, None, weights)
    costs = blocking.affordable(bench)
    say(f"{len(costs)} blocking rules are affordable")
    if weights is None:
        bench.draw(min(DRAWN_PAIRS, DRAWN_PER_RECORD * bench.records), SEED, "drawn")
        bench.compare("drawn", "drawn_compared")
        say(f"{bench.count('drawn'):,} pairs drawn at random and compared")
    if not costs or bench.records <= LARGE:
        return Plan(tuple(costs), None, weights)
    one_in = bench.records // SAMPLED
    blocking.block(bench, list(costs), "sample", one_in)
    bench.compare("sample", "sample_compared")
    weights = weights or fitted(bench, "sample_compared", one_in / 2)
    bench.weigh("sample_compared", weights, "sample_weighed")
    bench.tables.make("sample_links", f"SELECT * FROM sample_weighed WHERE weight >= {LINK_WEIGHT}")
    rules, reach = blocking.choose(bench, costs, "sample_links")
    say(f"{len(rules)} rules chosen, which find {reach:.2%} of the links of a sample")
    return Plan(tuple(rules), reach, weights)


def fitted(bench: Bench, compared: str, scale: float = 1.0) -> Weights:
    """The weights that fit a table of compared pairs, each of which stands for ``scale`` pairs."""
    drawn = "drawn_compared" if bench.total > blocking.ALL_PAIRS else compared
    return fit(bench.comparisons, bench.records, bench.total, bench.patterns(compared, scale), bench.patterns(drawn))
