"""Every measure, in the order in which they are computed: a later one may read what an earlier one wrote."""

from measures.campaigns.lift import CAMPAIGN_LIFT
from measures.measure import Measure

MEASURES: tuple[Measure, ...] = (CAMPAIGN_LIFT,)
