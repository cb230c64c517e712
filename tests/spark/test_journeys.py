"""The dbt models walk everybody as contracts/walk.py walks one person: through its examples, and random lives."""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from contracts import Contracts
from contracts.journey import ExampleEvent, Journey
from contracts.walk import steps, walk
from lakehouse.lake import Lake
from spark_jobs.gold.marts import invoke_dbt

JOURNEY = "shopping"
MODELS = [
    "path:models/staging",
    "int_signals_matched",
    "signals",
    "int_journey_steps",
    "int_journey_spells",
    "journey_stages",
]
UNTIL = dt.date(2017, 12, 31)
EARLIER = dt.date(2017, 6, 30)
SEED = 20_170_101
LIVES = 60
WORDS: dict[str, list[dict[str, Any]]] = {
    "page_viewed": [{"path": "/"}, {"path": "/account"}],
    "account_created": [{}],
    "logged_in": [{}],
    "item_purchased": [{"basket_id": "b{n}", "sales_value": "2.50"}, {"basket_id": "shared", "sales_value": "1"}],
    "order_completed": [{"order_id": "b{n}", "total": "120"}],
    "coupon_redeemed": [{"basket_id": "b{n}", "campaign_id": "8"}],
    "survey_answered": [{"score": "9"}, {"score": "9.0"}, {"score": "6"}, {"score": "much"}, {}],
    "review_submitted": [{"rating": "4"}, {"rating": "2"}],
    "email_unsubscribed": [{"campaign_id": "8"}],
    "error_shown": [{"code": "it's \\ odd"}],
}
"""Events of random lives, and what they may carry: what is no number is none, and a quote is a quote."""


def random_life(draw: random.Random) -> list[ExampleEvent]:
    """Up to a dozen events of a year, some in one instant."""
    began = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)
    moments = [began + dt.timedelta(hours=draw.randrange(24 * 364)) for _ in range(draw.randrange(1, 13))]
    life = []
    for number, at in enumerate(sorted(draw.choices(moments, k=len(moments)))):
        event = draw.choice(sorted(WORDS))
        given = {name: value.format(n=number % 4) for name, value in draw.choice(WORDS[event]).items()}
        life.append(ExampleEvent(at=at, event=event, properties=given))
    return life


def lives(journey: Journey) -> list[Sequence[ExampleEvent]]:
    draw = random.Random(SEED)
    return [example.events for example in journey.examples] + [random_life(draw) for _ in range(LIVES)]


def rows_of(all_lives: list[Sequence[ExampleEvent]]) -> Iterator[dict[str, Any]]:
    """Rows of gold.events: person ``p<n>``, whose events are ``<n>:e1``, ``<n>:e2`` … in their order."""
    for person, life in enumerate(all_lives):
        for number, event in enumerate(life, 1):
            yield {
                "event_id": f"{person:03}:e{number:02}",
                "source": "web",
                "channel": event.channel or "web",
                "type": "track",
                "event": event.event,
                "message_id": f"{person:03}:e{number:02}",
                "occurred_at": event.at,
                "received_at": event.at,
                "properties": {name: str(value) for name, value in event.properties.items()},
                "position": number,
                "part": 0,
                "landing": 1,
                "contract_version": f"{event.event}/1-0-0",
                "profile_id": f"p{person:03}",
            }


@pytest.fixture(scope="module")
def walked(make_lake: Any) -> tuple[Lake, Journey, list[Sequence[ExampleEvent]]]:
    lake = make_lake()
    journey = lake.contracts.journeys[JOURNEY]
    everybody = lives(journey)
    lake.append("gold.events", rows_of(everybody))
    return lake, journey, everybody


@pytest.mark.parametrize("until", [UNTIL, EARLIER])
def test_everybody_is_where_the_walk_of_one_person_leads_as_of_any_day(walked: Any, until: dt.date) -> None:
    lake, journey, everybody = walked
    invoke_dbt(lake, ["run", "--select", *MODELS], until)
    found = sorted(
        (row["profile_id"], row["entered_at"], row["stage"], row["entered_by_event"])
        for row in lake.arrow("gold.journey_stages").to_pylist()
    )
    contracts = Contracts()
    expected = sorted(
        (f"p{person:03}", spell.entered_at, spell.stage, f"{person:03}:e{int(spell.event_id[1:]):02}")
        for person, life in enumerate(everybody)
        for spell in walk(journey, steps(life, contracts.signals, journey.signals()), until)
    )
    assert len(expected) > LIVES
    assert {stage for _, _, stage, _ in expected} == set(journey.names), "the lives are dull"
    assert found == expected


def test_an_event_that_lands_late_opens_the_past_anew_as_if_it_had_landed_in_time(walked: Any) -> None:
    lake, _, _ = walked
    life = [
        ExampleEvent(at=dt.datetime(2017, 1, 5, tzinfo=dt.UTC), event="item_purchased", properties={"basket_id": "b1"}),
        ExampleEvent(at=dt.datetime(2017, 6, 1, tzinfo=dt.UTC), event="item_purchased", properties={"basket_id": "b3"}),
    ]
    (first, last) = rows_of([life])
    late = first | {"event_id": "000:late", "properties": {"basket_id": "b2"}, "position": 3}
    late["occurred_at"] = dt.datetime(2017, 3, 1, tzinfo=dt.UTC)

    def stages(*events: dict[str, Any]) -> list[tuple[str, dt.datetime]]:
        lake.overwrite("gold.events", list(events))
        invoke_dbt(lake, ["run", "--select", *MODELS], dt.date(2017, 6, 30))
        rows = lake.arrow("gold.journey_stages").to_pylist()
        return sorted((row["stage"], row["entered_at"]) for row in rows)

    day = dt.timedelta(days=1)
    lapsed = ("lapsed", first["occurred_at"] + 60 * day)
    back = ("value", last["occurred_at"])
    assert stages(first, last) == [lapsed, ("value", first["occurred_at"]), back]
    assert stages(first, last, late) == [
        ("lapsed", late["occurred_at"] + 60 * day),
        ("value", first["occurred_at"]),
        back,
    ]
