"""What happens during a visit: a person looks, searches, buys, fails, joins or recommends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox import names
from sandbox.visits import Visit

Product = tuple[str, str, float, int]  # id, category, price, quantity
PAGES = {
    "home": ("/", "Green Basket – groceries"),
    "offers": ("/offers", "This week's offers"),
    "search": ("/search", "Search results"),
    "product": ("/products/{}", "Product"),
    "cart": ("/cart", "Your cart"),
    "account": ("/account", "Your account"),
    "recipes": ("/recipes", "Recipes"),
    "newsletter": ("/newsletter", "Our newsletter"),
}
ERRORS = ("payment_declined", "coupon_rejected", "E503", "slot_unavailable", "session_expired")
BUTTONS = {"payment_declined": "pay_now", "coupon_rejected": "apply_coupon", "slot_unavailable": "choose_slot"}
CLICKED = "Element Clicked"
CLUBS = ("club-coffee", "club-baby", "club-pets", "club-wine")
PLANS = (("monthly", 9.99), ("yearly", 89.0))


@dataclass(frozen=True)
class Step:
    """One message of a visit: a Segment type and what it carries."""

    type: str
    name: str = ""
    properties: dict[str, Any] | None = None


def _look(place: str, *parts: str) -> Step:
    path, title = PAGES[place]
    return Step("page", title, {"path": path.format(*parts)})


def shopping(visit: Visit, products: list[Product], chance: Random) -> Iterator[Step]:
    """Steps of a visit that leads to a real basket: its first products are looked at and put in the cart."""
    yield _look("home" if visit.mailing is None and chance.random() < 0.8 else "offers")
    for product, category, paid, quantity in products[: chance.choice((1, 1, 2, 3))]:
        price = round(paid / quantity, 2)
        if chance.random() < 0.35:
            yield _look("search")
            yield Step("track", "Products Searched", {"query": chance.choice((category.lower(), *names.SEARCHES))})
        yield Step("track", "Product Viewed", {"product_id": product, "price": price, "category": category})
        if chance.random() < 0.6:
            yield Step("track", "Cart Item Added", {"product_id": product, "quantity": quantity, "price": price})
    if chance.random() < 0.45:
        yield Step("track", "Checkout Started", {"value": round(visit.total, 2)})
        if visit.has_error:
            yield Step("track", "Error Shown", {"code": chance.choice(ERRORS)})
        elif chance.random() < 0.7:
            order = {"order_id": str(visit.basket), "total": round(visit.total, 2), "currency": "USD"}
            yield Step("track", "Order Completed", order)
    elif visit.has_error:
        yield Step("track", "Error Shown", {"code": chance.choice(ERRORS)})


def browsing(visit: Visit, popular: list[tuple[str, str, float]], chance: Random) -> Iterator[Step]:
    """Steps of a visit that buys nothing."""
    yield _look("offers" if visit.mailing else "home")
    if chance.random() < 0.4:
        yield _look("search")
        yield Step("track", "Products Searched", {"query": chance.choice(names.SEARCHES)})
    for _ in range(chance.choice((0, 1, 1, 2))):
        product, category, price = popular[int(len(popular) * chance.random() ** 2)]
        yield Step("track", "Product Viewed", {"product_id": product, "price": price, "category": category})
        if chance.random() < 0.12:
            yield Step("track", "Wishlist Item Added", {"product_id": product})
        if chance.random() < 0.1:
            yield Step("track", "Cart Item Added", {"product_id": product, "quantity": 1, "price": price})
        if chance.random() < 0.06:
            rating = chance.choices((1, 2, 3, 4, 5), (8, 7, 15, 35, 35))[0]
            review = {"product_id": product, "rating": rating, "text": chance.choice(names.REVIEW_TEXTS)}
            yield Step("track", "Review Submitted", review)
    if chance.random() < 0.1:
        yield _look("recipes")
        yield Step("track", "Recipe Saved", {"recipe_id": f"r-{chance.randrange(1, 400):03d}"})
    if chance.random() < 0.03:
        yield Step("track", "Referral Sent", {"channel": chance.choice(("email", "whatsapp", "link"))})
    if chance.random() < 0.05:
        yield Step("track", "Survey Answered", {"score": min(10, int(11 * chance.random() ** 0.5))})
    if visit.state in ("login", "known"):
        if chance.random() < 0.025:
            plan, price = chance.choice(PLANS)
            yield Step("track", "Delivery Pass Started", {"plan": plan, "price": price})
        if chance.random() < 0.03:
            yield Step("group", chance.choice(CLUBS))
    if visit.has_error:
        yield Step("track", "Error Shown", {"code": chance.choice(ERRORS)})


def clicking(visit: Visit, steps: list[Step], chance: Random) -> Iterator[Step]:
    """Steps of whoever cannot believe an error: the same button once more, and again."""
    code = next((step.properties["code"] for step in steps if step.name == "Error Shown" and step.properties), None)
    if code is None or chance.random() > 0.4:
        return
    for _ in range(chance.choice((1, 2, 3, 4, 6))):
        yield Step("track", CLICKED, {"element": BUTTONS.get(code, "try_again"), "path": PAGES["cart"][0]})


def entering(visit: Visit, chance: Random) -> Iterator[Step]:
    """Steps by which an account is opened or a person logs in; from the first on, the person is known."""
    if visit.state == "signup":
        yield Step("track", "Account Created", {"method": chance.choice(("email", "google", "apple"))})
    else:
        yield Step("track", "Logged In", {"method": chance.choice(("password", "password", "google"))})
    if visit.state == "signup" or chance.random() < 0.6:
        yield Step("identify")
    card = visit.person.card
    if card and chance.random() < (0.6 if visit.state == "signup" else 0.04):
        yield Step("track", "Loyalty Card Linked", {"loyalty_id": card})
    if visit.channel == "web" and chance.random() < (0.5 if visit.state == "signup" else 0.02):
        yield Step("alias")
