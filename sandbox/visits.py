"""The plan of all web and app visits of the year: who, when, on which device, logged in or not.

Only the plan covers the whole year; the events of a visit are written out for the files that need them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from sandbox import clock
from sandbox.devices import Device, app_devices, family_tablets, kiosks, web_devices
from sandbox.draws import Floats, Ints, uniform
from sandbox.people import Person

Channel = Literal["web", "app"]
State = Literal["anonymous", "login", "known", "signup"]
LONGEST = clock.HOUR
WEB_SHARE, APP_SHARE = 0.24, 0.38  # of the baskets of people who have the channel
BROWSING = {"web": 8, "app": 9}  # visits a year without a basket
LATE_SHARE = {"web": 0.004, "app": 0.03}
NO_BASKET = -1


@dataclass(slots=True)
class Visit:
    """One visit. `late_until` is when its events arrived at last, if they were held back on the device."""

    key: int
    channel: Channel
    person: Person
    start: int
    basket: int
    total: float
    mailing: tuple[int, str] | None
    late_until: int | None
    resent_at: int | None
    device: Device
    state: State
    is_first_on_device: bool
    has_error: bool


@dataclass
class Click:
    """A click in a mailing: the visit that follows it."""

    person: Person
    at: int
    mailing: tuple[int, str]


@dataclass
class Plan:
    """All visits in the order of person and time, and when each anonymous id was first seen."""

    visits: list[Visit]
    first_seen: dict[str, Visit] = field(default_factory=dict)

    @cached_property
    def _arrivals(self) -> tuple[Ints, Ints, Ints]:
        """Return first and last possible receipt of each visit, and when its first event is sent again."""
        first = [v.start if v.late_until is None else v.late_until for v in self.visits]
        resent = [v.resent_at or 0 for v in self.visits]
        return np.array(first), np.array(first) + LONGEST, np.array(resent)

    def touching(self, window: clock.Window, channel: Channel) -> list[Visit]:
        """Return the visits of a channel of which any event may be received in the window."""
        first, last, resent = self._arrivals
        inside = (first < window.end) & (last >= window.start)
        inside |= (resent >= window.start) & (resent < window.end)
        chosen = (self.visits[place] for place in np.flatnonzero(inside))
        return [visit for visit in chosen if visit.channel == channel]


def late_arrival(start: int, delay: int) -> int:
    """Return when something held back arrives; the last day brings in all the rest."""
    newest = clock.LAST_DAY_START + 9 * clock.HOUR + start % (10 * clock.HOUR)
    return max(min(start + delay, newest), start + clock.MINUTE)


def plan(people: list[Person], baskets: pd.DataFrame, clicks: list[Click], seed: int) -> Plan:
    """Plan every visit.

    Args:
        people: everybody; `baskets.owner` indexes this list.
        baskets: basket_id, at, total, owner.
        clicks: clicks in mailings, each of which opens a web visit.
        seed: the world's seed.
    """
    tablets = family_tablets(people, seed)
    kiosk_of = kiosks(people, seed)
    result = Plan([])
    started_on: Counter[str] = Counter()
    rows = _starts(people, baskets, clicks, tablets, seed)
    draws = [
        uniform(seed, name, rows["key"]) for name in ("device", "state", "late", "delay", "resend", "error", "kiosk")
    ]
    owned: dict[tuple[int, str], list[Device]] = {}
    signed_up: set[int] = set()
    for row, which, how, late, delay, resend, error, kiosk in zip(rows.itertuples(index=False), *draws, strict=True):
        person = people[row.owner]
        channel: Channel = "web" if row.channel == 0 else "app"
        devices = owned.get((row.owner, channel))
        if devices is None:
            devices = web_devices(person, seed) if channel == "web" else app_devices(person, seed)
            owned[row.owner, channel] = devices
        tablet = tablets.get(person.household)
        if channel == "web" and kiosk < 0.12 and person.number in kiosk_of:
            device = kiosk_of[person.number]
        elif channel == "app" and tablet and (kiosk < 0.25 or not devices):
            device = tablet
        else:
            device = _device_at(devices, row.start, which)
        first = started_on[device.anonymous_id] == 0
        started_on[device.anonymous_id] += 1
        late_until = late_arrival(row.start, int(clock.DAY * (1 + 40 * delay))) if late < LATE_SHARE[channel] else None
        visit = Visit(
            key=row.key,
            channel=channel,
            person=person,
            start=row.start,
            basket=row.basket,
            total=row.total,
            mailing=clicks[row.click].mailing if row.click >= 0 else None,
            late_until=late_until,
            resent_at=late_arrival(row.start, int(clock.DAY * (1 + 60 * delay))) if resend < 0.006 else None,
            device=device,
            state=_state(person, channel, row.start, device, first, how, signed_up),
            is_first_on_device=first,
            has_error=error < 0.025,
        )
        result.visits.append(visit)
        result.first_seen.setdefault(device.anonymous_id, visit)
    return result


def _device_at(devices: list[Device], start: int, draw: float) -> Device:
    """Mostly the device of that part of the year; sometimes any."""
    count = len(devices)
    elapsed = (start - clock.YEAR_START) / (clock.YEAR_END - clock.YEAR_START)
    share = elapsed if draw < 0.7 else (draw - 0.7) / 0.3
    return devices[min(int(share * count), count - 1)]


def _state(
    person: Person,
    channel: Channel,
    start: int,
    device: Device,
    first: bool,
    draw: float,
    signed_up: set[int],
) -> State:
    if person.user_id is None or start < person.account_from:
        return "anonymous"
    if person.account_from and person.number not in signed_up:
        signed_up.add(person.number)
        return "signup"
    if device.is_shared:
        return "login"
    if channel == "web":
        return "anonymous" if draw < 0.25 else "login" if first or draw < 0.6 else "known"
    return "anonymous" if draw < 0.05 else "login" if first or draw < 0.2 else "known"


def _starts(
    people: list[Person], baskets: pd.DataFrame, clicks: list[Click], tablets: dict[int, Device], seed: int
) -> pd.DataFrame:
    parts = [*_before_baskets(people, baskets, seed), *_browsing(people, tablets, seed)]
    place_of = {person.number: place for place, person in enumerate(people)}
    for number, click in enumerate(clicks):
        if click.person.has_web:
            key = int(uniform(seed, "click", [click.person.number], [click.at])[0] * 2**52)
            parts.append(_frame(0, np.array([key]), np.array([place_of[click.person.number]]), np.array([click.at])))
            parts[-1]["click"] = number
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[(rows["start"] >= clock.YEAR_START) & (rows["start"] < clock.YEAR_END - 2 * clock.HOUR)]
    return rows.sort_values(["start", "key"], kind="stable").reset_index(drop=True)


def _before_baskets(people: list[Person], baskets: pd.DataFrame, seed: int) -> Iterator[pd.DataFrame]:
    ids = baskets["basket_id"].to_numpy()
    owners = baskets["owner"].to_numpy()
    has = (np.array([p.has_web for p in people]), np.array([p.has_app for p in people]))
    for channel, share in ((0, WEB_SHARE), (1, APP_SHARE)):
        wanted = has[channel][owners] & (uniform(seed, "visit before", ids, np.full(len(ids), channel)) < share)
        chosen = baskets[wanted]
        basket = chosen["basket_id"].to_numpy()
        ahead = 0.3 + 40 * uniform(seed, "ahead", basket, np.full(len(basket), channel)) ** 2
        start = chosen["at"].to_numpy() - ((ahead + 1) * clock.HOUR).astype(np.int64)
        frame = _frame(channel, basket * 4 + channel, chosen["owner"].to_numpy(), start)
        frame["basket"] = basket
        frame["total"] = chosen["total"].to_numpy()
        yield frame


def _browsing(people: list[Person], tablets: dict[int, Device], seed: int) -> Iterator[pd.DataFrame]:
    numbers = np.array([person.number for person in people])
    has_tablet = np.array([bool(p.user_id) and p.household in tablets for p in people])
    has_app = np.array([p.has_app for p in people]) | has_tablet
    users = {"web": np.array([p.has_web for p in people]), "app": has_app}
    for channel, name in enumerate(("web", "app")):
        most = 2 * BROWSING[name]
        owner = np.repeat(np.flatnonzero(users[name]), most)
        turn = np.tile(np.arange(most), len(owner) // most)
        number = numbers[owner]
        keys = number * 1_000 + turn * 4 + channel
        keep = uniform(seed, "browses", keys) < 0.5
        at = _waking(uniform(seed, "day", keys), uniform(seed, "hour", keys))
        yield _frame(channel, keys[keep], owner[keep], at[keep])


def _waking(day: Floats, hour: Floats) -> Ints:
    """Spread instants over the year's days, between 8 and 23 o'clock standard time."""
    days = (day * 365).astype(np.int64)
    return clock.YEAR_START + days * clock.DAY + ((8 + 15 * hour) * clock.HOUR).astype(np.int64)


def _frame(channel: int, key: Ints, owner: Ints, start: Ints) -> pd.DataFrame:
    """Lay out visits; keys of baskets and of people never meet, as basket ids are far above."""
    return pd.DataFrame(
        {
            "key": key,
            "channel": channel,
            "owner": owner,
            "start": start,
            "basket": NO_BASKET,
            "total": 0.0,
            "click": -1,
        }
    )
