"""The e-mail provider's webhooks: the real mailings, with generated opens, clicks and unsubscribes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from sandbox import clock
from sandbox.draws import dice, hexadecimal
from sandbox.entries import Entry
from sandbox.people import Person
from sandbox.visits import late_arrival

if TYPE_CHECKING:
    from sandbox.world import World

LANDING_PAGE = "https://shop.greenbasket.example/offers/{campaign}?utm_source=newsletter&utm_campaign={campaign}"


@dataclass(frozen=True)
class Mailing:
    """One real mailing to a household, at the mailbox of its main person."""

    person: Person
    campaign_id: int
    campaign_type: str
    delivered_at: int
    opened_at: tuple[int, ...]
    clicked_at: int | None
    unsubscribed_at: int | None


def mailings(frame: pd.DataFrame, main_person: Callable[[int], Person], seed: int) -> list[Mailing]:
    """Decide what came of each real mailing. Only a household's last mailing is unsubscribed from.

    Args:
        frame: household_id, campaign_id, campaign_type, start_day (ISO text), days; in order of start.
        main_person: the recipient of a household.
        seed: the world's seed.
    """
    rows = [(int(h), int(c), str(t), str(s), int(d)) for h, c, t, s, d in frame.itertuples(index=False, name=None)]
    last = {household: place for place, (household, *_) in enumerate(rows)}
    result = []
    for place, (household, campaign, kind, start, days) in enumerate(rows):
        chance = dice(seed, "mailing", household, campaign)
        sent = clock.start_of(date.fromisoformat(start)) + int((6 + 4 * chance.random()) * clock.HOUR)
        opens: list[int] = []
        if chance.random() < 0.5:
            opens.append(sent + int(chance.random() ** 3 * 6 * clock.DAY) + clock.MINUTE)
            while chance.random() < 0.25:
                opens.append(opens[-1] + int(chance.random() * min(days, 12) * clock.DAY) + clock.MINUTE)
        clicked = opens[0] + chance.randrange(5, 180) * clock.SECOND if opens and chance.random() < 0.4 else None
        left = None
        if last[household] == place and chance.random() < 0.22:
            left = (opens[-1] if opens else sent) + chance.randrange(20, 4_000) * clock.SECOND
        result.append(Mailing(main_person(household), campaign, kind, sent, tuple(opens), clicked, left))
    return result


def email_entries(world: World) -> Iterator[Entry]:
    """Yield the year's webhooks. Mailings of the year before come as the provider's first export."""
    for mailing in world.mailings:
        happenings = [("delivered", mailing.delivered_at)]
        happenings += [("open", at) for at in mailing.opened_at]
        if mailing.clicked_at is not None:
            happenings.append(("click", mailing.clicked_at))
        if mailing.unsubscribed_at is not None:
            happenings.append(("unsubscribe", mailing.unsubscribed_at))
        for turn, (event, at) in enumerate(happenings):
            key = (mailing.person.household, mailing.campaign_id, turn)
            chance = dice(world.seed, "webhook", *key)
            received = max(at + chance.randrange(2, 90) * clock.SECOND, clock.YEAR_START + at % clock.HOUR)
            is_late = event != "delivered" and chance.random() < 0.03
            if is_late:
                received = late_arrival(at, int((1 + 25 * chance.random()) * clock.DAY))
            person = mailing.person
            payload: dict[str, object] = {
                "email": person.email,
                "timestamp": at // clock.SECOND,
                "event": event,
                "sg_event_id": hexadecimal(22, world.seed, "sg", *key),
                "sg_message_id": f"{hexadecimal(16, world.seed, 'sgm', *key[:2])}.filter0142p1mdw1.0",
                "campaign_id": str(mailing.campaign_id),
                "campaign_type": mailing.campaign_type,
                "category": ["coupons", mailing.campaign_type.lower().replace(" ", "-")],
            }
            if event == "delivered":
                payload["response"] = "250 2.0.0 OK"
            if event == "click":
                payload["url"] = LANDING_PAGE.format(campaign=mailing.campaign_id)
            yield Entry(received, payload, is_late, ("mailbox", person.email, person, person.has_family_mailbox))
