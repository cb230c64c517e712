"""What text and page say alike of a piece of evidence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from identity.evidence import probability_text

if TYPE_CHECKING:
    from identity.evidence import Edge
    from identity.lacking import Lacking

Bar = tuple[str, str, float]
"""What was compared, at which level it agreed, and the weight of that."""


def bars(evidence: dict[str, Any], total: float) -> list[Bar]:
    """The steps of a waterfall: the prior, each comparison, and what they come to."""
    steps: list[Bar] = [("before any comparison", "", evidence["prior"])]
    steps += [(item["comparison"], item["level"], item["weight"]) for item in evidence["waterfall"]]
    return [*steps, ("together", "", total)]


def strength_text(edge: "Edge") -> str:
    """Weight and probability."""
    return f"weight {edge.match_weight:+.2f}, probability {probability_text(edge.probability)}"


def sources_text(sources: Sequence[str]) -> str:
    """The sources that spoke of a record."""
    return ", ".join(sources)


def comparison_text(lacking: "Lacking") -> str:
    """What became of a comparison of two profiles without evidence; empty where that was not asked."""
    if lacking.comparison is not None:
        best = lacking.comparison
        return (
            f"compared by {best.model_version}: the most alike pair, {best.left_record} and {best.right_record}, "
            f"comes to {best.match_weight:+.2f}; pairs below {best.review_weight:+.2f} are not kept"
        )
    if lacking.compared is False:
        return "never compared: no blocking rule of the model brings a record of one together with one of the other"
    return ""
