"""Every measure, in the order in which they are computed: a later one may read what an earlier one wrote."""

from measures.experiments.results import EXPERIMENTS
from measures.measure import Measure

MEASURES: tuple[Measure, ...] = (EXPERIMENTS,)
