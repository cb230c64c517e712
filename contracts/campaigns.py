"""Campaigns: when each one ran, declared in contracts/campaigns.yml.

What a campaign mailed and whom it reached is in the events. When it ended is said nowhere in them: a coupon that nobody
redeems leaves no event on its last day.
"""

import datetime

from pydantic import Field, model_validator

from contracts.base import Declared, Name, Text, Version

DAYS = 42
"""How long a campaign counts as running from its first delivery, where nothing is declared."""


class Campaign(Declared):
    """One campaign.

    Attributes:
        campaign_id: As the events name it.
        starts: Its first day.
        ends: Its last day, on which its coupons could still be redeemed.
    """

    campaign_id: str = Field(min_length=1, max_length=64)
    starts: datetime.date
    ends: datetime.date

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "Campaign":
        if self.ends < self.starts:
            raise ValueError(f"the campaign {self.campaign_id} ends on {self.ends}, before it starts on {self.starts}")
        return self


class Campaigns(Declared):
    """contracts/campaigns.yml.

    Attributes:
        unknown_days: How long a campaign that is not declared counts as running from its first delivery.
    """

    version: Version
    owner: Name
    why: Text
    unknown_days: int = Field(DAYS, ge=1, le=366)
    campaigns: tuple[Campaign, ...] = ()

    @model_validator(mode="after")
    def _each_is_declared_once(self) -> "Campaigns":
        seen: set[str] = set()
        for campaign in self.campaigns:
            if campaign.campaign_id in seen:
                raise ValueError(f"the campaign {campaign.campaign_id} is declared twice")
            seen.add(campaign.campaign_id)
        return self
