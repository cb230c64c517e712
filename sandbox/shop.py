"""The tills: the real purchases and redemptions, and some returns, as CSV lines in local time with the card shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from sandbox import clock
from sandbox.draws import uniform
from sandbox.entries import Entry

if TYPE_CHECKING:
    from sandbox.truth import Truth
    from sandbox.world import World

COLUMNS = (
    "kind",
    "basket_id",
    "line",
    "purchased_at",
    "store_id",
    "loyalty_card",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "department",
    "product_category",
    "coupon_upc",
    "campaign_id",
)
RETURN_LINE, FIRST_REDEMPTION_LINE = 801, 901
RETURN_SHARE = 0.006  # of the baskets with a card
BASKETLESS = 90_000_000_000  # above every real basket id
MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


def header() -> str:
    """Return the first line of every shop file."""
    return ",".join(COLUMNS)


def shop_entries(world: World, window: clock.Window, truth: Truth) -> Iterator[Entry]:
    """Yield the lines that the tills deliver in the window: a basket comes whole, a few come late."""
    baskets = world.baskets
    inside = baskets[(baskets["received"] >= window.start) & (baskets["received"] < window.end)]
    for card, owner in set(zip(inside["card"], inside["owner"], strict=True)):
        if card:
            truth.occurs("loyalty", card, world.people[owner])
    connection = world.real.connection
    connection.register("inside_frame", inside[["basket_id", "card", "received", "at"]])
    money = ", ".join(f"cast(cast({name} as decimal(12, 2)) as varchar)" for name in MONEY)
    rows = world.real.frame(
        "select received, received > \"at\" as is_late, concat_ws(',', 'purchase', basket_id,"
        " row_number() over (partition by basket_id order by product_id),"
        f" strftime(bought_local, '%Y-%m-%d %H:%M:%S'), store_id, card, product_id, quantity, {money},"
        " coalesce(department, ''), coalesce(product_category, ''), '', '') as line"
        " from transactions join inside_frame using (basket_id) left join products using (product_id)"
        " order by received, basket_id, product_id"
    )
    lines = zip(rows["received"].tolist(), rows["is_late"].tolist(), rows["line"].tolist(), strict=True)
    for received, is_late, line in lines:
        yield Entry(received, line, is_late)
    yield from _returns(world, window, truth, baskets)
    yield from _redemptions(world, window, truth, baskets)


def _returns(world: World, window: clock.Window, truth: Truth, baskets: pd.DataFrame) -> Iterator[Entry]:
    """Yield what is brought back with its card, at the hour of its purchase one to twenty days later."""
    ids = baskets["basket_id"].to_numpy()
    later = baskets["at"].to_numpy() + (1 + (20 * uniform(world.seed, "days to return", ids)).astype(int)) * clock.DAY
    inside = (later >= window.start) & (later < window.end) & (baskets["card"] != "").to_numpy()
    back = baskets.assign(later=later)[inside & (uniform(world.seed, "returns", ids) < RETURN_SHARE)]
    world.real.connection.register("back_frame", back[["basket_id", "card", "later"]])
    rows = world.real.frame(
        "select later, basket_id, store_id, card, product_id, quantity,"
        " cast(cast(sales_value as decimal(12, 2)) as varchar) as paid,"
        " coalesce(department, '') as department, coalesce(product_category, '') as category"
        " from transactions join back_frame using (basket_id) left join products using (product_id)"
        " where sales_value > 0"
        " qualify row_number() over (partition by basket_id order by sales_value desc, product_id) = 1"
        " order by later, basket_id"
    )
    owners = dict(zip(back["card"], back["owner"], strict=True))
    for later_at, basket, store, card, product, quantity, paid, department, category in rows.itertuples(
        index=False, name=None
    ):
        truth.occurs("loyalty", card, world.people[owners[card]])
        moment = clock.local(int(later_at))
        line = f"return,{basket},{RETURN_LINE},{moment:%Y-%m-%d %H:%M:%S},{store},{card},{product},{quantity},{paid}"
        yield Entry(int(later_at), f"{line},,,,{department},{category},,", False)


def _redemptions(world: World, window: clock.Window, truth: Truth, baskets: pd.DataFrame) -> Iterator[Entry]:
    """Put each redemption into a basket of its household and day; without one, it stands alone, at noon."""
    carried: dict[int, tuple[str, int, int]] = {
        int(basket): (str(card), int(received), int(owner))
        for basket, card, received, owner in zip(
            baskets["basket_id"], baskets["card"], baskets["received"], baskets["owner"], strict=True
        )
    }
    lines_of: dict[int, int] = {}
    for household, coupon, campaign, day, basket, at, store in world.real.redemptions().itertuples(
        index=False, name=None
    ):
        if pd.isna(basket):
            person = world.main_person(household)
            at = received = clock.start_of(date.fromisoformat(day)) + 12 * clock.HOUR
            basket = BASKETLESS + household * 1_000 + date.fromisoformat(day).timetuple().tm_yday
            card, store = person.card or "", ""
        else:
            card, received, owner = carried[int(basket)]
            person, store = world.people[owner], int(store)
        line = lines_of.get(int(basket), FIRST_REDEMPTION_LINE)
        lines_of[int(basket)] = line + 1
        if not window.holds(int(received)):
            continue
        if card:
            truth.occurs("loyalty", card, person)
        moment = clock.local(int(at))
        start = f"redemption,{int(basket)},{line},{moment:%Y-%m-%d %H:%M:%S},{store},{card}"
        yield Entry(int(received), f"{start},,,,,,,,,{coupon},{campaign}", int(received) > int(at))
