"""Web and app: visits written as analytics.js and the mobile SDKs send them (the Segment spec)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox import clock
from sandbox.draws import dice, hexadecimal, uuid
from sandbox.entries import Entry
from sandbox.stories import CLICKED, Step, browsing, clicking, entering, shopping
from sandbox.visits import NO_BASKET, Channel, Visit

if TYPE_CHECKING:
    from sandbox.people import Person
    from sandbox.truth import Truth
    from sandbox.world import World

SITE = "https://shop.greenbasket.example"
REFERRERS = ("", "", "https://www.google.com/", "https://www.facebook.com/", "https://duckduckgo.com/")
APP_VERSIONS = (("4.0.1", "401"), ("4.1.0", "410"), ("4.2.3", "423"), ("5.0.0", "500"))


def segment_entries(world: World, window: clock.Window, truth: Truth, channel: Channel) -> Iterator[Entry]:
    """Yield the messages of one channel that are received in the window."""
    visits = world.plan.touching(window, channel)
    products = world.real.basket_products([visit.basket for visit in visits if visit.basket != NO_BASKET])
    for visit in visits:
        chance = dice(world.seed, "visit", visit.key, channel)
        if visit.basket != NO_BASKET:
            steps = shopping(visit, products[visit.basket], chance)
        else:
            steps = browsing(visit, world.popular_products, chance)
        known = _known_from(visit, list(steps), chance)
        clicks = clicking(visit, [step for step, _ in known], dice(world.seed, "clicks", visit.key, channel))
        # Last, and by dice of their own: the messages before them stay what they are without them.
        told = [*world.trial.told(visit, known), *((step, known[-1][1]) for step in clicks)]
        yield from _messages(visit, told, chance, window, truth, world.seed)


def _known_from(visit: Visit, steps: list[Step], chance: Random) -> list[tuple[Step, bool]]:
    """Say for each step whether the person is logged in by then; put the logging in where it belongs."""
    is_known = visit.state == "known"
    told = [(step, is_known) for step in steps]
    if visit.is_first_on_device and visit.channel == "app":
        told.insert(0, (Step("track", "App Installed", {"build": _app_version(visit)[1]}), is_known))
    if visit.state in ("login", "signup"):
        at = min(len(told), 1 + int(visit.device.is_shared or chance.random() < 0.5))
        told = told[:at] + [(step, True) for step in entering(visit, chance)] + [(step, True) for step, _ in told[at:]]
    elif visit.state == "anonymous" and visit.channel == "web" and chance.random() < 0.05:
        told += [(Step("page", "Our newsletter", {"path": "/newsletter"}), False), (Step("identify"), False)]
    return told


def _messages(
    visit: Visit,
    steps: list[tuple[Step, bool]],
    chance: Random,
    window: clock.Window,
    truth: Truth,
    seed: int,
) -> Iterator[Entry]:
    context = _context(visit, chance)
    at = visit.start
    page = SITE + "/"
    referrer = chance.choice(REFERRERS)
    for turn, (step, is_known) in enumerate(steps):
        is_again = turn > 0 and step.name == CLICKED == steps[turn - 1][0].name
        at += int(clock.SECOND * ((0.2 if is_again else 1.3) + (0.6 if is_again else 80) * chance.random() ** 2))
        lag = 90 + int(2_500 * chance.random() ** 3)
        received = at + lag if visit.late_until is None else visit.late_until + turn * 40
        again = visit.resent_at if turn == 0 else None
        path = (step.properties or {}).get("path") if step.type == "page" else None
        if path:
            referrer, page = (page if turn else referrer), SITE + path
        if not window.holds(received) and (again is None or not window.holds(again)):
            continue
        person = visit.person
        user = person.user_id if is_known else None
        sent = received - lag // 2 if visit.late_until is not None else at + 20
        moment = clock.iso(at)
        message: dict[str, Any] = {"timestamp": moment, "integrations": {}}
        if user:
            message["userId"] = user
        message["anonymousId"] = visit.device.anonymous_id
        message.update(_body(visit, step, person, at, is_snake=(visit.key + turn) % 5 != 0))
        message["context"] = context
        if visit.channel == "web":
            message["context"] = {**context, "page": _page(page, referrer)}
            message["messageId"] = f"ajs-next-{at}-{hexadecimal(20, seed, visit.key, turn)}"
        else:
            message["messageId"] = uuid(seed, "message", visit.key, turn)
        message["originalTimestamp"] = moment
        message["sentAt"] = clock.iso(sent)
        message["receivedAt"] = clock.iso(received)
        message["channel"] = "browser" if visit.channel == "web" else "mobile"
        if user:
            truth.occurs("account", user, person)
        else:
            truth.occurs("anonymous", visit.device.anonymous_id, visit.device.owner, visit.device.is_shared)
        if window.holds(received):
            yield Entry(received, message, visit.late_until is not None)
        if again is not None and window.holds(again):
            yield Entry(again, dict(message), True)


def _body(visit: Visit, step: Step, person: Person, at: int, is_snake: bool) -> dict[str, Any]:
    if step.type == "identify":
        return {"type": "identify", "traits": _traits(visit, person, at)}
    if step.type == "alias":
        return {"type": "alias", "previousId": visit.device.anonymous_id}
    if step.type == "group":
        name = step.name.removeprefix("club-").title() + " club ☕" * (step.name == "club-coffee")
        return {"type": "group", "groupId": step.name, "traits": {"name": name}}
    properties = dict(step.properties or {})
    if step.type == "page":
        if visit.channel == "app":
            return {"type": "screen", "name": step.name, "properties": {"name": step.name}}
        path = properties["path"]
        return {
            "type": "page",
            "name": step.name,
            "properties": {
                "path": path,
                "referrer": "",
                "search": "",
                "title": step.name,
                "url": SITE + path,
            },
        }
    return {
        "type": "track",
        "event": step.name.lower().replace(" ", "_") if visit.channel == "app" and is_snake else step.name,
        "properties": properties,
    }


def _traits(visit: Visit, person: Person, at: int) -> dict[str, Any]:
    """Return what the account's form held; the newsletter's form asks for the e-mail address alone."""
    if visit.state == "anonymous" or person.user_id is None:
        return {"email": person.email}
    habit = dice(person.user_id, "profile form")
    is_placeholder = habit.random() < 0.015
    traits: dict[str, Any] = {
        "firstName": person.nickname if habit.random() < 0.25 else person.first_name,
        "lastName": person.surname(at),
        "email": "test@test.com" if is_placeholder else person.email,
    }
    if habit.random() < 0.1:
        traits["email"] = str(traits["email"]).title()
    if habit.random() < 0.1:
        traits["nickname"] = f"{person.nickname} 🌟"
    if habit.random() < 0.6:
        traits["phone"] = "+1" + person.phone(at)
    if habit.random() < 0.5:
        traits["birthDate"] = person.birth_date.isoformat()
    if habit.random() < 0.4:
        home = person.address(at)
        traits["address"] = {
            "street": home.street,
            "city": home.city,
            "postalCode": home.postcode,
            "country": "US",
        }
    if person.card and habit.random() < 0.4:
        traits["loyaltyId"] = person.card
    return traits


def _app_version(visit: Visit) -> tuple[str, str]:
    quarter = (visit.start - clock.YEAR_START) * 4 // (clock.YEAR_END - clock.YEAR_START)
    return APP_VERSIONS[quarter]


def _context(visit: Visit, chance: Random) -> dict[str, Any]:
    device = visit.device
    if visit.channel == "web":
        context: dict[str, Any] = {
            "library": {"name": "analytics.js", "version": "next-1.51.1"},
            "locale": chance.choice(("en-US", "en-US", "en-US", "es-US", "fr-CA")),
            "timezone": clock.ZONE_NAME,
            "userAgent": device.user_agent,
        }
        if visit.mailing:
            campaign, kind = visit.mailing
            context["campaign"] = {
                "name": str(campaign),
                "source": "newsletter",
                "medium": "email",
                "content": kind,
            }
        return context
    maker, model, kind, system, version = device.model
    app_version, build = _app_version(visit)
    return {
        "app": {
            "name": "Green Basket",
            "version": app_version,
            "build": build,
            "namespace": "example.greenbasket",
        },
        "device": {"id": device.device_id, "manufacturer": maker, "model": model, "name": kind, "type": kind},
        "library": {"name": "analytics-ios" if kind == "ios" else "analytics-android", "version": "4.1.6"},
        "locale": "en-US",
        "network": {
            "bluetooth": False,
            "carrier": "T-Mobile",
            "cellular": True,
            "wifi": chance.random() < 0.5,
        },
        "os": {"name": system, "version": version},
        "screen": {"height": 667, "width": 375},
        "timezone": clock.ZONE_NAME,
    }


def _page(url: str, referrer: str) -> dict[str, str]:
    return {"path": url.removeprefix(SITE), "referrer": referrer, "search": "", "title": "", "url": url}
