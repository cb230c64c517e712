"""The sandbox's experiment: shown to whom the contract says, with the lift that is known."""

import datetime as dt

import pytest

from contracts import Contracts
from sandbox.clock import FIRST_DAY, LAST_DAY, Window, utc
from sandbox.segment import segment_entries
from sandbox.stories import Step
from sandbox.trials import NAME, TRUE_LIFT, Trial
from sandbox.truth import Truth
from sandbox.world import World

LOOKS = 10
EXPERIMENT = Contracts().experiments[NAME]


@pytest.fixture(scope="module")
def world() -> World:
    return World(30, 20170101)


def counted(world: World) -> dict[str, list[int]]:
    """By arm, of visits after the one in which it was first shown: looks that there were, and further ones."""
    found = {arm: [0, 0] for arm in EXPERIMENT.arms}
    seen: set[int] = set()
    for visit in world.plan.visits:
        is_known = visit.state != "anonymous"
        told = world.trial.told(visit, [(Step("track", "Product Viewed", {}), is_known)] * LOOKS)
        shown = [step.properties for step, _ in told if step.name == "Experiment Viewed"]
        more = sum(step.name == "Product Viewed" for step, _ in told) - LOOKS
        is_inside = EXPERIMENT.starts_on <= utc(visit.start).date() <= EXPERIMENT.ends_on
        assert len(shown) == (is_known and is_inside and visit.person.user_id is not None)
        if visit.person.number in seen:
            arm = str(EXPERIMENT.arm_of(str(visit.person.user_id)))
            found[arm][0] += LOOKS
            found[arm][1] += more
        elif not shown:
            assert more == 0
        if shown:
            assert shown[0] == {"experiment_id": NAME, "variation_id": EXPERIMENT.arm_of(str(visit.person.user_id))}
            seen.add(visit.person.number)
    return found


def test_the_treated_look_at_more_products_by_the_known_lift_and_others_at_none(world: World) -> None:
    found = counted(world)
    assert found["control"][0] > 1_000
    assert found["control"][1] == 0
    looks, more = found["treatment"]
    lift = TRUE_LIFT["treatment"]
    assert abs(more / looks - lift) < 4 * (lift * (1 - lift) / looks) ** 0.5


def test_exposures_are_sent_with_the_id_that_is_hashed(world: World) -> None:
    sent = [
        entry.payload
        for channel in ("web", "app")
        for entry in segment_entries(world, Window(FIRST_DAY, LAST_DAY), Truth(), channel)
        if isinstance(entry.payload, dict)
    ]
    exposures = [one for one in sent if str(one.get("event")).lower().replace(" ", "_") == "experiment_viewed"]
    assert len({one["userId"] for one in exposures}) > 10
    for one in exposures:
        assert one["properties"]["variation_id"] == EXPERIMENT.arm_of(one["userId"])
        assert dt.date.fromisoformat(one["timestamp"][:10]) >= EXPERIMENT.starts_on


def test_where_the_experiment_is_not_declared_nothing_happens(world: World) -> None:
    nothing = Trial(None, world.plan, world.popular_products, world.seed)
    steps = [(Step("track", "Product Viewed", {}), True)] * LOOKS
    assert all(nothing.told(visit, steps) == steps for visit in world.plan.visits)


def test_what_was_looked_at_before_the_arm_was_shown_leads_to_nothing(world: World) -> None:
    look = Step("track", "Product Viewed", {})
    first: dict[int, int] = {}
    for visit in world.plan.visits:
        if len(world.trial.told(visit, [(look, True)])) > 1:
            first.setdefault(visit.person.number, visit.key)
    assert len(first) > 10
    for visit in world.plan.visits:
        if first.get(visit.person.number) == visit.key and visit.state != "anonymous":
            told = world.trial.told(visit, [(look, False)] * LOOKS + [(look, True)])
            assert [step.name for step, _ in told] == ["Product Viewed"] * (LOOKS + 1) + ["Experiment Viewed"]
