"""Every measure, in the order in which they are computed: a later one may read what an earlier one wrote."""

from measures.attribution.tables import MEASURE as ATTRIBUTION
from measures.campaigns.registered import CAMPAIGN_MEASURES
from measures.experiments.results import EXPERIMENTS
from measures.hypotheses import HYPOTHESES
from measures.leading import LEADING
from measures.measure import Measure
from measures.media_mix import MEASURE as MEDIA_MIX
from measures.metrics import METRICS

MEASURES: tuple[Measure, ...] = (
    LEADING,
    EXPERIMENTS,
    *CAMPAIGN_MEASURES,
    ATTRIBUTION,
    MEDIA_MIX,
    METRICS,
    HYPOTHESES,
)
