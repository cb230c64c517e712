"""A row of gold.attribution with everything in it, for tests of what is shown of it."""

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
