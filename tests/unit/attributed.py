"""A row of gold.attribution and one of gold.media_mix with everything in it, for tests of what is shown of them."""

import datetime
from decimal import Decimal
from typing import Any

MEASURED: dict[str, Any] = {
    "period": "2017-11-01/2017-11-30",
    "period_from": datetime.date(2017, 11, 1),
    "period_until": datetime.date(2017, 11, 30),
    "model": "last",
    "level": "channel",
    "channel": "email_sent",
    "campaign": "all",
    "people": 57,
    "orders": Decimal("61.2500"),
    "value": Decimal("1740.31"),
    "share": 0.04,
    "status": "measured",
    "measured_value": Decimal("320.00"),
    "measured_low": Decimal("-150.00"),
    "measured_high": Decimal("790.00"),
    "method": "holdout",
    "measured_by": "email_holdout",
    "gap": Decimal("1420.31"),
    "is_within": False,
}

MIXED: dict[str, Any] = {
    "channel": "email_sent",
    "status": "estimated",
    "since": datetime.date(2017, 1, 2),
    "until": datetime.date(2017, 12, 31),
    "weeks": 52,
    "regions": 14,
    "people": 653,
    "touchpoints": 838,
    "sales_value": Decimal("602114.66"),
    "contribution": 71561.11,
    "low": -11764.66,
    "high": 133909.07,
    "adstock": 0.7,
    "saturation": 1.0,
    "shapes": 12,
    "inflation": 8.7,
    "r2": 0.009,
    "r2_out_of_sample": 0.009,
    "lifts": 1,
    "calibrated": 5204.5,
    "calibrated_low": -402.5,
    "calibrated_high": 10811.5,
}
