"""The measures of campaigns. What computes them is imported when it is computed: scipy and pandas take seconds."""

from typing import TYPE_CHECKING

from measures.measure import Asked, Measure

if TYPE_CHECKING:
    import pyarrow as pa


def _lift(asked: Asked) -> "dict[str, pa.Table]":
    from measures.campaigns.lift import compute

    return compute(asked)


def _cannibalisation(asked: Asked) -> "dict[str, pa.Table]":
    from measures.campaigns.cannibalisation import compute

    return compute(asked)


def _second_purchase(asked: Asked) -> "dict[str, pa.Table]":
    from measures.campaigns.second_purchase import compute

    return compute(asked)


CAMPAIGN_MEASURES = (
    Measure(
        name="what campaigns did",
        reads=("gold.events", "gold.orders", "gold.profiles", "gold.journey_stages"),
        writes=("gold.campaign_lift", "gold.campaign_balance", "gold.campaign_stages"),
        compute=_lift,
    ),
    Measure(
        name="what coupons brought",
        reads=("gold.events", "gold.orders"),
        writes=("gold.campaign_cannibalisation",),
        compute=_cannibalisation,
    ),
    Measure(
        name="second purchases",
        reads=("gold.events", "gold.orders"),
        writes=("gold.second_purchase",),
        compute=_second_purchase,
    ),
)
