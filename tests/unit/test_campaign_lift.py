"""Campaigns against people like those mailed: lifts that are known, choices that mislead, and what is not believed."""

import numpy as np
import pytest

from measures.campaigns.lift import compute
from tests.campaign_shop import Shop

LIFT, BALANCE, STAGES = "gold.campaign_lift", "gold.campaign_balance", "gold.campaign_stages"
STARTS, ENDS, AS_OF = 140, 167, 300
BEFORE, DURING = range(20), range(20, 24)


def shop_by_eye(mailed: int = 40, others: int = 60, lift: float = 5.0) -> Shop:
    """Everybody buys for 10 dollars a week; who is mailed, for more in the four weeks of the campaign."""
    shop = Shop(campaigns=[("spring", STARTS, ENDS)])
    for number in range(mailed):
        shop.weekly(f"m{number}", 10, BEFORE)
        shop.weekly(f"m{number}", 10 + lift, DURING)
        shop.mailings.append(("spring", f"m{number}", STARTS))
    for number in range(others):
        shop.weekly(f"o{number}", 10, range(24))
    return shop


def lift_of(shop: Shop, campaign: str = "spring", outcome: str = "spend", as_of: int = AS_OF, **how) -> dict:
    rows = compute(shop.asked(as_of, **how))[LIFT].to_pylist()
    (row,) = [row for row in rows if (row["campaign_id"], row["outcome"]) == (campaign, outcome)]
    return row


def test_a_lift_that_is_seen_by_eye_is_found():
    row = lift_of(shop_by_eye())
    assert (row["people_mailed"], row["people_compared"], row["weeks_before"], row["weeks_during"]) == (40, 40, 8, 4)
    assert (row["mailed_before"], row["mailed_during"], row["others_during"]) == (10, 15, 10)
    assert (row["lift"], row["lift_low"], row["lift_high"]) == (5, 5, 5)
    assert row["extra"] == 5 * 4 * 40
    assert (row["placebo"], row["verdict"], row["finding"]) == (0, "plausible", "more")


def test_orders_are_compared_beside_spend():
    shop = shop_by_eye(lift=0)
    for number in range(40):
        shop.orders += [(f"m{number}", 7 * week + 3, 0) for week in DURING]
    assert lift_of(shop, outcome="orders")["lift"] == 1
    assert lift_of(shop, outcome="spend")["lift"] == 0


def chosen(seed: int, lift: float, people: int = 600) -> Shop:
    """A shop that mails those who buy much: each has a rate of their own, and weeks that differ."""
    draw = np.random.default_rng(seed)
    shop = Shop(campaigns=[("spring", STARTS, ENDS)])
    rates = draw.gamma(6, 5, people)
    is_mailed = draw.random(people) < 1 / (1 + np.exp(-(rates - 40) / 12))
    spent = np.round(rates[:, None] * draw.gamma(25, 0.04, (people, 24)), 2)
    spent[is_mailed, 20:] += lift
    for number in range(people):
        shop.orders += [(f"p{number:03}", 7 * week, float(spent[number, week])) for week in range(24)]
        if is_mailed[number]:
            shop.mailings.append(("spring", f"p{number:03}", STARTS))
    return shop


def test_who_was_chosen_for_buying_much_is_not_taken_for_what_the_campaign_did():
    row = lift_of(chosen(seed=6, lift=3))
    assert row["mailed_during"] - row["others_during"] > 10
    assert row["lift_low"] < 3 < row["lift_high"]
    assert row["lift_high"] - row["lift_low"] < 5
    assert row["imbalance_before"] > 0.9
    assert row["imbalance_after"] < 0.1
    assert row["verdict"] == "plausible"


def test_a_campaign_that_did_nothing_is_not_told_from_none():
    row = lift_of(chosen(seed=7, lift=0))
    assert row["mailed_during"] - row["others_during"] > 10
    assert row["lift_low"] < 0 < row["lift_high"]
    assert row["finding"] == "not told from none"


def test_what_the_mailed_did_more_of_before_the_mailing_makes_the_placebo_fail():
    shop = shop_by_eye(others=80, lift=0)
    shop.orders += [(f"o{number}", 7 * week, 6) for number in range(40) for week in range(16, 24)]
    shop.orders += [(f"m{number}", 7 * week, 6) for number in range(40) for week in range(16, 24)]
    row = lift_of(shop)
    assert (row["lift"], row["placebo"]) == (pytest.approx(0, abs=0.01), 3)
    assert 2 < row["placebo_low"] < 3
    assert (row["verdict"], row["finding"], row["q_value"]) == ("not believable: placebo", "not known", None)


def test_people_like_whom_nobody_is_are_not_compared():
    shop = Shop(campaigns=[("spring", STARTS, ENDS)])
    for number in range(40):
        shop.weekly(f"m{number}", 100 + number, range(24))
        shop.mailings.append(("spring", f"m{number}", STARTS))
        shop.weekly(f"o{number}", 1 + number / 10, range(24))
    row = lift_of(shop)
    assert row["imbalance_after"] > 0.1
    assert (row["verdict"], row["finding"]) == ("not believable: balance", "not known")


@pytest.mark.parametrize(("mailed", "told", "is_compared"), [(4, None, False), (5, 5, True), (29, 29, True)])
def test_of_few_people_no_finding_is_told_and_of_fewer_than_five_nothing(mailed, told, is_compared):
    row = lift_of(shop_by_eye(mailed=mailed))
    assert (row["people_mailed"], row["verdict"], row["finding"]) == (told, "too few people", "not known")
    assert (row["lift"] is not None) == is_compared


def test_without_weeks_before_there_is_no_comparison_and_without_more_no_placebo():
    shop = shop_by_eye()
    shop.campaigns += [("early", 21, 40), ("sooner", 42, 60)]
    shop.mailings += [(campaign, f"m{n}", on) for campaign, on in (("early", 21), ("sooner", 42)) for n in range(40)]
    shop.mailings += [("early", f"o{number}", 30) for number in range(60)]
    early, sooner = lift_of(shop, "early"), lift_of(shop, "sooner")
    assert (early["weeks_before"], early["lift"], early["verdict"]) == (None, None, "too little history")
    assert (sooner["weeks_before"], sooner["lift"], sooner["placebo"]) == (6, 0, None)
    assert (sooner["verdict"], sooner["finding"]) == ("too little history", "not known")


def test_a_campaign_without_declared_days_runs_from_its_first_delivery():
    shop = shop_by_eye()
    shop.campaigns = []
    row = lift_of(shop)
    assert (row["window"], row["weeks_during"]) == ("from deliveries", 6)
    assert row["lift"] == pytest.approx(5 * 4 / 6)


def test_only_what_happened_by_the_date_of_the_run_counts():
    row = lift_of(shop_by_eye(), as_of=STARTS + 13)
    assert (row["is_over"], row["weeks_during"], row["lift"]) == (False, 2, 5)


def test_somebody_in_two_profiles_is_counted_twice_until_they_are_merged():
    whole = shop_by_eye()
    parted = shop_by_eye()
    halves = {"m0": ("m0", "m0b")}
    parted.orders = [
        (half, on, spend / 2) for who, on, spend in whole.orders for half in halves.get(who, (who, who))
    ]  # fmt: skip
    parted.mailings.append(("spring", "m0b", STARTS))
    assert lift_of(parted)["people_mailed"] == 41
    assert lift_of(parted, renamed={"m0b": "m0"})["people_mailed"] == 40
    figures = (
        "lift",
        "lift_low",
        "lift_high",
        "placebo",
        "mailed_during",
        "mailed_before",
        "people_compared",
        "verdict",
    )
    merged, never = lift_of(parted, renamed={"m0b": "m0"}), lift_of(whole)
    assert [merged[name] for name in figures] == [never[name] for name in figures]


def test_the_same_rows_in_another_order_make_the_same_tables():
    shop = chosen(seed=8, lift=2, people=200)
    shop.profiles = {f"p{number:03}": (("19-24", "45-54")[number % 2], None) for number in range(200)}
    once, again = compute(shop.asked(AS_OF)), compute(shop.asked(AS_OF, shuffled=1))
    assert once[LIFT]["lift"].null_count == 0
    assert once[BALANCE].num_rows > 20
    assert all(once[name].equals(again[name]) for name in once)


def test_bands_of_the_profile_are_balanced_where_enough_of_the_mailed_are_in_them():
    shop = shop_by_eye()
    shop.profiles = {f"m{number}": ("45-54" if number < 20 else "19-24", None) for number in range(40)}
    shop.profiles |= {f"o{number}": ("45-54" if number < 6 else "19-24", None) for number in range(60)}
    shop.profiles["m39"] = ("65+", None)
    rows = compute(shop.asked(AS_OF))[BALANCE].to_pylist()
    bands = {row["covariate"]: row for row in rows if row["kind"] == "lift" and ":" in row["covariate"]}
    assert set(bands) == {"age_band: 45-54", "age_band: 19-24"}
    assert (bands["age_band: 45-54"]["mailed_mean"], bands["age_band: 45-54"]["others_mean"]) == (0.5, 0.1)
    assert bands["age_band: 45-54"]["matched_mean"] == pytest.approx(0.5, abs=0.02)


def test_mailings_of_other_campaigns_are_counted_on_both_sides():
    shop = shop_by_eye()
    shop.mailings += [("other", f"m{number}", STARTS + 7) for number in range(10)]
    shop.mailings += [("other", f"o{number}", STARTS + 7) for number in range(30)]
    row = lift_of(shop)
    assert (row["other_mailings_mailed"], row["other_mailings_matched"]) == (0.25, 0.5)


def test_one_person_in_two_campaigns_does_not_make_all_together_twice_as_sure():
    shop = chosen(seed=9, lift=0, people=300)
    alone = lift_of(shop, "all")
    shop.campaigns.append(("copy", STARTS, ENDS))
    shop.mailings += [("copy", who, on) for _, who, on in list(shop.mailings)]
    for row in (one := lift_of(shop, "copy")), (both := lift_of(shop, "all")):
        assert row["verdict"] == "plausible"
    assert both["lift"] == pytest.approx(one["lift"])
    assert both["lift_high"] - both["lift_low"] == pytest.approx(one["lift_high"] - one["lift_low"], rel=0.05)
    assert alone["people_mailed"] == both["people_mailed"]


def lapsing(mailed: int, others: int) -> Shop:
    shop = shop_by_eye()
    shop.stages = [(f"m{number}", "lapsed", STARTS + 80) for number in range(mailed)]
    shop.stages += [(f"o{number}", "lapsed", STARTS + 89) for number in range(others)]
    shop.stages += [(f"o{number}", "lapsed", STARTS + 90) for number in range(others, 60)]
    return shop


def test_who_lapses_within_ninety_days_of_the_mailing_is_compared_with_people_like_them():
    (row,) = compute(lapsing(10, 30).asked(AS_OF))[STAGES].to_pylist()
    assert (row["stage"], row["people_compared"], row["status"]) == ("lapsed", 40, "known")
    assert (row["share_mailed"], row["share_matched"], row["difference"]) == (0.25, 0.5, -0.25)
    assert -0.5 < row["difference_low"] < -0.25 < row["difference_high"] < 0


@pytest.mark.parametrize(("mailed", "others"), [(4, 30), (10, 4), (36, 30)])
def test_of_few_who_lapse_or_do_not_nothing_is_told(mailed, others):
    (row,) = compute(lapsing(mailed, others).asked(AS_OF))[STAGES].to_pylist()
    assert (row["status"], row["share_mailed"], row["difference"]) == ("too few people", None, None)


def test_stages_are_not_told_before_the_days_have_gone_by():
    assert compute(lapsing(10, 30).asked(STARTS + 89))[STAGES].num_rows == 1
    assert compute(lapsing(10, 30).asked(STARTS + 88))[STAGES].num_rows == 0
