"""What coupons brought: extra purchases seen by eye, stocking up, and people who would have bought in any case."""

import numpy as np
import pytest

from measures.campaigns.cannibalisation import compute
from tests.campaign_shop import Shop

TABLE = "gold.campaign_cannibalisation"
STARTS, ENDS, AS_OF = 140, 167, 300
BEFORE, DURING, AFTER = range(12, 20), range(20, 24), range(24, 28)


def soup(redeemers: int = 30, *, stocks_up: bool = False) -> Shop:
    """Everybody buys soup for 2 dollars a week; redeemers once more during the campaign, for 6 dollars by coupon."""
    shop = Shop(campaigns=[("spring", STARTS, ENDS)], orders=[("o0", 0, 2.0)])
    for number in range(redeemers):
        who = f"r{number}"
        weeks = [*BEFORE, *DURING, *(() if stocks_up else AFTER)]
        shop.lines += [(who, 7 * week, 2.0, "SOUP", 0.0) for week in weeks]
        shop.lines += [(who, 142, 6.0, "SOUP", 1.5), (who, 142, 3.0, "BREAD", 0.0), (who, 150, 9.0, "ICE", 0.5)]
        shop.redemptions.append(("spring", who, 142))
        shop.mailings.append(("spring", who, STARTS))
    return shop


def row_of(shop: Shop, campaign: str = "spring", as_of: int = AS_OF, **how) -> dict:
    (row,) = [row for row in compute(shop.asked(as_of, **how))[TABLE].to_pylist() if row["campaign_id"] == campaign]
    return row


def test_what_was_bought_beside_the_usual_was_brought_by_the_coupon():
    row = row_of(soup())
    assert (row["status"], row["people_redeemed"], row["lines"]) == ("known", 30, 30)
    assert (row["sales_discounted"], row["discount_coupon"]) == (180, 45)
    assert (row["before_per_week"], row["during_per_week"], row["after_per_week"]) == (60, 60 + 180 / 4, 60)
    assert (row["extra_by_rate"], row["anyway_by_rate"], row["extra_per_dollar_by_rate"]) == (180, 0, 4)
    assert (row["dip"], row["dip_low"], row["dip_high"]) == (0, 0, 0)


def test_who_stocks_up_and_buys_none_afterwards_would_have_bought_anyway():
    row = row_of(soup(stocks_up=True))
    assert row["extra_by_rate"] == 180 - 30 * 2 * 4
    assert row["anyway_by_rate"] == pytest.approx(1 + 60 / 180)
    assert row["dip"] == -60


def test_beside_buyers_only_what_they_did_not_buy_more_of_too_was_brought():
    shop = soup()
    for number in range(6):
        shop.lines += [(f"b{number}", 7 * week, 2.0, "SOUP", 0.0) for week in (*BEFORE, *DURING, *AFTER)]
        shop.lines.append((f"b{number}", 142, 4.0, "SOUP", 0.0))
    row = row_of(shop)
    assert (row["people_beside_buyers"], row["extra_by_buyers"]) == (30, 30 * (6 - 4))
    assert row["anyway_by_buyers"] == pytest.approx(1 - 2 / 6)
    assert row["anyway_by_rate"] == 0


@pytest.mark.parametrize(
    ("why", "buyers", "mailed", "coupon"),
    [("fewer than five", 4, False, 0.0), ("they were mailed", 6, True, 0.0), ("they had a coupon", 6, False, 1.0)],
)
def test_nobody_is_beside_buyers_if(why, buyers, mailed, coupon):
    shop = soup()
    for number in range(buyers):
        shop.lines += [(f"b{number}", 7 * week, 2.0, "SOUP", coupon) for week in (*BEFORE, *DURING, *AFTER)]
        if mailed:
            shop.mailings.append(("spring", f"b{number}", STARTS))
    row = row_of(shop)
    assert (row["people_beside_buyers"], row["anyway_by_buyers"], row["anyway_by_rate"]) == (None, None, 0), why


def test_coupons_that_do_nothing_look_as_if_they_did_until_held_beside_buyers():
    """Everybody buys coffee about every ten weeks; who has a coupon uses it if that falls into the campaign."""
    draw = np.random.default_rng(5)
    shop = Shop(campaigns=[("spring", STARTS, ENDS)], orders=[("p0", 0, 2.0)])
    for number in range(1200):
        days = np.flatnonzero(draw.random(200) < 1 / 70)
        has_coupon = draw.random() < 0.5
        if has_coupon:
            shop.mailings.append(("spring", f"p{number}", STARTS))
        for on in days.tolist():
            by_coupon = has_coupon and STARTS <= on <= ENDS
            shop.lines.append((f"p{number}", on, 5.0, "COFFEE", 1.0 if by_coupon else 0.0))
            if by_coupon:
                shop.redemptions.append(("spring", f"p{number}", on))
    row = row_of(shop)
    assert row["people_redeemed"] > 100
    assert row["anyway_by_rate_high"] < 0.9
    assert row["anyway_by_buyers_low"] < 1 < row["anyway_by_buyers_high"]
    assert row["anyway_by_buyers_high"] - row["anyway_by_buyers_low"] < 0.8


@pytest.mark.parametrize(("redeemers", "status", "people"), [(4, "too few people", None), (29, "too few people", 29)])
def test_of_few_redeemers_little_is_told_and_of_fewer_than_five_nothing(redeemers, status, people):
    row = row_of(soup(redeemers))
    assert (row["status"], row["people_redeemed"]) == (status, people)
    assert (row["extra_by_rate"] is None) == (people is None)


@pytest.mark.parametrize(
    ("as_of", "status"), [(ENDS - 1, "not over yet"), (ENDS + 6, "not over yet"), (ENDS + 7, "known")]
)
def test_a_campaign_is_told_of_once_a_week_has_gone_by_since(as_of, status):
    assert row_of(soup(), as_of=as_of)["status"] == status


def test_two_campaigns_at_once_count_a_persons_category_once_in_all_together():
    shop = soup()
    shop.campaigns.append(("second", STARTS, ENDS))
    shop.mailings += [("second", who, on) for _, who, on in list(shop.mailings)]
    shop.redemptions += [("second", who, on) for _, who, on in list(shop.redemptions)]
    assert row_of(shop, "second")["extra_by_rate"] == row_of(shop)["extra_by_rate"] == 180
    assert row_of(shop, "all")["extra_by_rate"] == 180


def test_a_redeemer_in_two_profiles_is_one_once_they_are_merged():
    shop = soup()
    shop.lines = [("r0b" if (who, on) == ("r0", 142) else who, on, *rest) for who, on, *rest in shop.lines]
    shop.redemptions.append(("spring", "r0b", 142))
    parted, merged = row_of(shop), row_of(shop, renamed={"r0b": "r0"})
    assert merged == row_of(soup())
    assert parted["extra_by_rate"] == 180  # of who has no weeks before, all that was bought is above them


def test_the_same_rows_in_another_order_make_the_same_table():
    shop = soup()
    for number in range(9):
        shop.lines += [(f"b{number}", 7 * week, 1.0 + number / 7, "SOUP", 0.0) for week in (*BEFORE, *DURING)]
    assert compute(shop.asked(AS_OF))[TABLE].equals(compute(shop.asked(AS_OF, shuffled=2))[TABLE])
