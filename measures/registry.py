"""Every measure, in the order in which they are computed: a later one may read what an earlier one wrote."""

from measures.campaigns.registered import CAMPAIGN_MEASURES
from measures.measure import Measure

MEASURES: tuple[Measure, ...] = (*CAMPAIGN_MEASURES,)
