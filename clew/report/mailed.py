"""Campaigns: what each one added by a matched comparison with its placebo, what its coupons brought, who came again."""

from typing import Any

from clew.explained.markup import Markup, element
from clew.report.asked import Asked, Row
from clew.report.cells import is_few, number, plain, right, share, share_of, words
from clew.report.charts import Interval, intervals
from clew.report.judged import value
from clew.report.site import Page, absent, badge, chart, section, source, table

FILE = "campaigns.html"
_LIFT = (
    "campaign_id",
    "outcome",
    "unit",
    "campaign_type",
    "starts",
    "ends",
    "people_mailed",
    "people_compared",
    "lift",
    "lift_low",
    "lift_high",
    "q_value",
    "extra",
    "extra_low",
    "extra_high",
    "placebo",
    "placebo_low",
    "placebo_high",
    "verdict",
    "finding",
    "assumes",
)
_COUPONS = ("campaign_id", "campaign_type", "status", "people_redeemed", "sales_discounted", "extra_by_rate",
            "extra_by_rate_low", "extra_by_rate_high", "extra_by_buyers", "extra_by_buyers_low", "extra_by_buyers_high",
            "anyway_by_rate", "anyway_by_buyers", "assumes")  # fmt: skip
_AGAIN = (
    "grouping",
    "first_basket",
    "status",
    "people",
    "days_quarter",
    "days_half",
    "days_half_low",
    "days_half_high",
    "again_soon",
    "again_soon_low",
    "again_soon_high",
)
_DONE = ("campaign_id", "campaign_type", "people_reached", "people_opened", "people_clicked", "people_redeemed",
         "redemption_sales_value")  # fmt: skip


def page(asked: Asked) -> Page:
    """The page of campaigns."""
    lead = (
        "What mailings and coupons brought: people who got them against people like them who did not, with the "
        "same comparison before the mailing as a placebo."
    )
    parts = [_lift(asked), _coupons(asked), _again(asked), _performance(asked)]
    return Page(FILE, "Campaigns", "Campaigns", lead, parts)


def _by_number(row: Row) -> tuple[bool, int, str]:
    """All together first, then by number."""
    name = str(row["campaign_id"])
    return name != "all", int(name) if name.isdecimal() else 0, name


def _name(row: Row) -> str:
    if row["campaign_id"] == "all":
        return "all together"
    kind = f" ({row['campaign_type']})" if row["campaign_type"] else ""
    return f"campaign {row['campaign_id']}{kind}"


def _lift(asked: Asked) -> Markup:
    title, anchor = "What each campaign added", "lift"
    if not asked.has("gold.campaign_lift", *_LIFT):
        return section(title, anchor, absent(asked, "gold.campaign_lift", "lift of campaigns"))
    answer = asked.answer(
        f"SELECT {', '.join(_LIFT)}\nFROM gold.campaign_lift\nWHERE outcome = 'spend'\nORDER BY campaign_id"
    )
    ordered = sorted(answer.rows, key=_by_number)
    rows, shown, before = [], [], []
    for row in ordered:
        signs = {"more": "good", "less": "bad"}
        rows.append((_name(row), element("td", badge(words(row["finding"]), signs.get(row["finding"], "open"))),
                     element("td", row["verdict"]), plain(row["people_mailed"], "people"),
                     plain(row["people_compared"], "people"), right(value(row["lift"])),
                     right(_ends(row, "lift")), right(_ends(row, "placebo")), right(value(row["extra"])),
                     right(_ends(row, "extra"))))  # fmt: skip
        if row["lift_low"] is not None and row["lift_high"] is not None and not is_few(row["people_compared"]):
            shown.append(Interval(_name(row), row["lift"], row["lift_low"], row["lift_high"]))
            before.append(Interval(_name(row), row["placebo"], row["placebo_low"], row["placebo_high"]))
    unit = ordered[0]["unit"] if ordered else ""
    drawn = (
        intervals(
            [("lift", shown), ("placebo, before the mailing", before)],
            "Lift of each campaign with its interval, and its placebo",
            unit,
            line=0,
        )
        if shown
        else None
    )
    heads = ("campaign", "finding", "to be believed", "people mailed", "people compared", "lift", "its interval",
             "placebo's interval", "extra in all", "its interval")  # fmt: skip
    assumes = ordered[0]["assumes"] if ordered else ""
    return section(
        title,
        anchor,
        element(
            "p", f"Lift in {unit}. A placebo whose interval leaves out nothing says that the groups were not alike."
        ),
        element("p", element("strong", "It assumes: "), assumes) if assumes else None,
        chart(drawn, table("Lift of campaigns.", heads, rows)),
        source(
            asked, [answer], [asked.declarations.part("campaigns.yml")], ["gold.campaign_lift"], "lift of campaigns"
        ),
    )


def _ends(row: Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "not known" if low is None or high is None else f"{value(low)} to {value(high)}"


def _coupons(asked: Asked) -> Markup:
    title, anchor = "What coupons brought", "coupons"
    if not asked.has("gold.campaign_cannibalisation", *_COUPONS):
        return section(title, anchor, absent(asked, "gold.campaign_cannibalisation", "coupons"))
    answer = asked.answer(f"SELECT {', '.join(_COUPONS)}\nFROM gold.campaign_cannibalisation\nORDER BY campaign_id")
    rows: list[Any] = []
    rate: list[Interval] = []
    buyers: list[Interval] = []
    for row in sorted(answer.rows, key=_by_number):
        rows.append((_name(row), words(row["status"]), plain(row["people_redeemed"], "people"),
                     right(value(row["sales_discounted"])), right(value(row["extra_by_rate"])),
                     right(_ends(row, "extra_by_rate")), right(value(row["extra_by_buyers"])),
                     right(_ends(row, "extra_by_buyers")), right(share(row["anyway_by_rate"])),
                     right(share(row["anyway_by_buyers"]))))  # fmt: skip
        if row["extra_by_rate_low"] is not None and not is_few(row["people_redeemed"]):
            for kept, name in ((rate, "extra_by_rate"), (buyers, "extra_by_buyers")):
                kept.append(Interval(_name(row), row[name], row[f"{name}_low"], row[f"{name}_high"]))
    kinds = [("had they gone on at the rate before", rate), ("had they bought for certain", buyers)]
    drawn = intervals(kinds, "What coupons brought, by two answers to what redeemers would have bought anyway",
                      "more than without coupons", line=0) if rate else None  # fmt: skip
    heads = ("campaign", "known", "people redeemed", "paid by coupon", "more, at the rate before", "its interval",
             "more, as other buyers", "its interval", "bought anyway, by rate", "bought anyway, by buyers")  # fmt: skip
    return section(title, anchor, chart(drawn, table("Coupons and what they brought.", heads, rows)),
                   source(asked, [answer], [asked.declarations.part("campaigns.yml")],
                          ["gold.campaign_cannibalisation"], "coupons"))  # fmt: skip


def _again(asked: Asked) -> Markup:
    title, anchor = "Who comes again, by first basket", "again"
    if not asked.has("gold.second_purchase", *_AGAIN):
        return section(title, anchor, absent(asked, "gold.second_purchase", "second purchases"))
    answer = asked.answer(f"SELECT {', '.join(_AGAIN)}\nFROM gold.second_purchase\nORDER BY grouping, first_basket")
    rows, shown = [], []
    for row in answer.rows:
        soon = share_of(row["again_soon_low"], row["again_soon_high"])
        name = row["first_basket"].lower()
        rows.append(
            (
                f"{row['grouping']}: {name}" if row["grouping"] != "all" else "all",
                plain(row["people"], "people"),
                right(share(row["again_soon"])),
                right(soon),
                right(number(row["days_half"], 0)),
                right(f"{number(row['days_half_low'], 0)} to {number(row['days_half_high'], 0)}"),
            )
        )
        if row["again_soon"] is not None and not is_few(row["people"]):
            values = (round(100 * row[key], 2) for key in ("again_soon", "again_soon_low", "again_soon_high"))
            shown.append(Interval(name, *values))
    drawn = intervals([("share", shown)], "Share that bought again within 30 days, by first basket, with intervals",
                      "% again within 30 days", span=(0, 100)) if shown else None  # fmt: skip
    heads = ("first basket", "people", "again within 30 days", "95 % interval", "days until half did", "95 % interval")
    return section(title, anchor, chart(drawn, table("Second purchases by first basket.", heads, rows)),
                   source(asked, [answer], [asked.declarations.part("campaigns.yml")], ["gold.second_purchase"],
                          "second purchases"))  # fmt: skip


def _performance(asked: Asked) -> Markup:
    title, anchor = "What people did with them", "done"
    if not asked.has("gold.campaign_performance", *_DONE):
        return section(title, anchor, absent(asked, "gold.campaign_performance", "campaigns"))
    answer = asked.answer(f"SELECT {', '.join(_DONE)}\nFROM gold.campaign_performance\nORDER BY campaign_id")
    rows: list[Any] = []
    for row in sorted(answer.rows, key=_by_number):
        sold = "–" if is_few(row["people_redeemed"]) else number(row["redemption_sales_value"], 2)
        counts = (row[f"people_{what}"] for what in ("reached", "opened", "clicked", "redeemed"))
        rows.append((_name(row), *(plain(count, "people") for count in counts), right(sold)))
    heads = ("campaign", "people reached", "opened", "clicked", "redeemed", "paid in redeeming")
    return section(
        title,
        anchor,
        table("People by what they did.", heads, rows),
        source(asked, [answer], [], ["gold.campaign_performance"], "what people did with campaigns"),
    )
