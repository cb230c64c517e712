"""What `clew attribution` shows: credits beside what was measured, and that nothing is known where nothing was."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

from tests.conftest import SmallLake
from tests.unit.attributed import MEASURED, MIXED

FIRST = MEASURED | {"model": "first", "value": Decimal("300.00"), "gap": Decimal("-20.00"), "is_within": True}
ALL = {
    name: MEASURED[name] for name in ("model", "level", "channel", "campaign", "people", "orders", "share")
} | {"period": "all", "period_from": dt.date(2017, 1, 1), "period_until": dt.date(2017, 12, 31), "status": "not_known",
     "value": Decimal("15417.73")}  # fmt: skip
OF_CAMPAIGN = ALL | {"level": "campaign", "campaign": "18", "value": Decimal("12.34")}


def home(small: SmallLake, *rows: dict, mix: tuple[dict, ...] = ()) -> Path:
    small.lake.overwrite("gold.attribution", rows)
    small.lake.overwrite("gold.media_mix", mix)
    return Path(small.lake.settings.home)


def lines(out: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.splitlines()]


def test_credits_stand_beside_what_was_measured_and_how_far_they_are_from_it(small, clew):
    ran = clew("attribution", home=home(small, MEASURED, FIRST, ALL, ALL | {"channel": "web"}, mix=(MIXED,)))
    shown = lines(ran.out)
    assert ["channel", "first", "last", "measured"] in shown
    assert ["email_sent", "15,417.73", "not known"] in shown
    assert ["Measured in 2017-11-01/2017-11-30"] in shown
    assert ["email_sent", "300.00", "1,740.31", "320.00 (-150.00 to 790.00) by holdout"] in shown
    assert ["first", "1", "20.00", "0", "0", "1"] in shown
    assert ["last", "1", "1,420.31", "1", "0", "0"] in shown
    mixed = ["email_sent", "71,561.11 (-11,764.66 to 133,909.07)", "5,204.50 (-402.50 to 10,811.50)", "0.9% explained"]
    assert mixed in shown
    assert "a measurement what came because of it" in ran.err


def test_where_nothing_was_measured_it_says_so(small, clew):
    unknown = {name: MIXED[name] for name in ("channel", "weeks", "regions", "people", "touchpoints", "sales_value")}
    unknown |= {"status": "not_known", "reason": "too_few_weeks", "lifts": 0}
    ran = clew("attribution", home=home(small, ALL, mix=(unknown,)))
    assert "Measured in" not in ran.out
    assert ["email_sent", "not known: too few weeks", "not known"] in lines(ran.out)
    assert "nothing was measured, so nobody knows how right any model is" in ran.err


def test_campaigns_are_shown_where_they_are_asked_for(small, clew):
    shown = lines(clew("attribution", "--campaigns", home=home(small, ALL, OF_CAMPAIGN)).out)
    assert ["email_sent", "18", "12.34", "not known"] in shown
    assert not [line for line in shown if "all" in line]


def test_without_a_row_it_says_what_to_do(small, clew):
    ran = clew("attribution", home=home(small))
    assert (ran.code, ran.out) == (0, "")
    assert "credits no channel: declare contracts/attribution.yml" in ran.err
