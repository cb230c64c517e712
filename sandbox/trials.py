"""An experiment of the shop's site and app, with an effect that is known because it is made here.

Who is logged in during its dates is shown an arm, by the same hash as everywhere. From then to the end of the year,
each product that a person of the treatment looks at leads to one more with a fixed chance, logged in or not: so the
true lift of product views is that chance, whatever share of the visits is attributed. Purchases are real and stay.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from contracts import Contracts
from sandbox import clock
from sandbox.draws import dice
from sandbox.stories import Step

if TYPE_CHECKING:
    from contracts.experiment import Experiment
    from sandbox.visits import Plan, Visit

NAME = "similar_products"
TRUE_LIFT = {"treatment": 0.3}
"""By arm: how many more product views there are for each."""
Product = tuple[str, str, float]
Told = tuple[Step, bool]


@dataclass
class Trial:
    """The experiment in a world.

    Attributes:
        experiment: As declared; None where it is not, and then nothing happens.
        plan: All visits.
        products: Those that a further look may go to.
        seed: The world's seed.
    """

    experiment: Experiment | None
    plan: Plan
    products: list[Product]
    seed: int

    @cached_property
    def _since(self) -> dict[int, int]:
        """When each person was first logged in during the dates, by their number."""
        found: dict[int, int] = {}
        for visit in self.plan.visits:
            if self._shows(visit):
                found[visit.person.number] = min(visit.start, found.get(visit.person.number, visit.start))
        return found

    def _shows(self, visit: Visit) -> bool:
        """Whether a visit is one in which an arm is shown: logged in, and within the dates (UTC)."""
        if self.experiment is None or visit.state == "anonymous" or visit.person.user_id is None:
            return False
        first, last = self.experiment.starts_on, self.experiment.last_day
        return _start(first) <= visit.start < _start(last + datetime.timedelta(1))

    def told(self, visit: Visit, steps: list[Told]) -> list[Told]:
        """The steps of a visit with what the experiment adds: that an arm was shown, and further looks."""
        since = self._since.get(visit.person.number)
        if self.experiment is None or since is None or visit.start < since:
            return steps
        arm = self.experiment.arm_of(str(visit.person.user_id))
        if arm is None:
            return steps
        return list(self._with_arm(visit, steps, arm, is_first=visit.start == since))

    def _with_arm(self, visit: Visit, steps: list[Told], arm: str, is_first: bool) -> Iterator[Told]:
        chance = dice(self.seed, "trial", visit.key, visit.channel)
        lift, is_shown, is_affected = TRUE_LIFT.get(arm, 0.0), not self._shows(visit), not is_first
        for step, is_known in steps:
            yield step, is_known
            if is_affected and step.name == "Product Viewed" and chance.random() < lift:
                product, category, price = self.products[int(len(self.products) * chance.random() ** 2)]
                properties = {"product_id": product, "price": price, "category": category}
                yield Step("track", "Product Viewed", properties), is_known
            if not is_shown and is_known:
                yield Step("track", "Experiment Viewed", {"experiment_id": NAME, "variation_id": arm}), True
                is_shown = is_affected = True


def declared() -> Experiment | None:
    """The experiment as it is declared, if it is."""
    return Contracts().experiments.get(NAME)


def _start(day: datetime.date) -> int:
    """Epoch milliseconds at which a day begins in UTC."""
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC).timestamp()) * clock.SECOND
