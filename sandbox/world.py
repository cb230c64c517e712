"""Everything decided before a file is written: people, who bought what, what was clicked, all visits."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from sandbox import clock, trials, visits
from sandbox.draws import dice, uniform
from sandbox.mailings import Mailing, mailings
from sandbox.people import Person, build
from sandbox.real import RealData

NO_CARD_SHARE = 0.06


class World:
    """The seeded year of a sample of real households."""

    def __init__(self, households: int | None, seed: int) -> None:
        """Lay people over the households.

        Args:
            households: how many real households; None takes all 2,469.
            seed: the same seed gives the same world.
        """
        self.seed = seed
        self.real = RealData(households, seed)
        self.people: list[Person] = build(self.real.households(), seed)
        self.by_household: dict[int, list[Person]] = {}
        for person in self.people:
            self.by_household.setdefault(person.household, []).append(person)

    def main_person(self, household: int) -> Person:
        """Return the person whom the real mailings of a household reach."""
        return self.by_household[household][0]

    @cached_property
    def baskets(self) -> pd.DataFrame:
        """Return the real baskets, each with who carried it (`owner`, a place in `people`) and the card shown."""
        frame = self.real.baskets()
        first: dict[int, int] = {}
        holders: dict[int, list[int]] = {}
        for place, person in enumerate(self.people):
            first.setdefault(person.household, place)
            if person.card:
                holders.setdefault(person.household, []).append(place)
        draw = uniform(self.seed, "carrier", frame["basket_id"])
        # The first member carries half of the baskets, the others share the rest.
        owners = [
            holders[household][0 if share < 0.5 else int((share - 0.5) * 2 * len(holders[household]))]
            for household, share in zip(frame["household_id"], draw, strict=True)
        ]
        frame["owner"] = np.array(owners, dtype=np.int64)
        cards = np.array([person.card or "" for person in self.people], dtype=object)[frame["owner"].to_numpy()]
        frame["card"] = np.where(uniform(self.seed, "no card", frame["basket_id"]) < NO_CARD_SHARE, "", cards)
        late = uniform(self.seed, "late basket", frame["basket_id"])
        delay = uniform(self.seed, "basket delay", frame["basket_id"])
        at = frame["at"].to_numpy()
        arrives = np.minimum(
            at + ((1 + 20 * delay) * clock.DAY).astype(np.int64), clock.LAST_DAY_START + 9 * clock.HOUR
        )
        frame["received"] = np.where((late < 0.002) & (arrives > at), arrives, at)
        return frame

    @cached_property
    def mailings(self) -> list[Mailing]:
        """Return the real mailings, with what was made of each."""
        return mailings(self.real.mailings(), self.main_person, self.seed)

    @cached_property
    def plan(self) -> visits.Plan:
        """Return all visits of the year."""
        clicks = [
            visits.Click(mailing.person, mailing.clicked_at, (mailing.campaign_id, mailing.campaign_type))
            for mailing in self.mailings
            if mailing.clicked_at is not None
        ]
        return visits.plan(self.people, self.baskets, clicks, self.seed)

    @cached_property
    def trial(self) -> trials.Trial:
        """Return the experiment of the site and the app."""
        return trials.Trial(trials.declared(), self.plan, self.popular_products, self.seed)

    @cached_property
    def popular_products(self) -> list[tuple[str, str, float]]:
        """Return what is bought most: product id, category, usual price."""
        return self.real.popular_products()

    def is_noted(self, share: float, *keys: object) -> bool:
        """Return true for a share of the keys, the same for the same keys."""
        return dice(self.seed, *keys).random() < share
