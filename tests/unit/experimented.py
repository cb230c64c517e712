"""The small lake with an experiment in it, measured and released, for the commands."""

import datetime as dt
from typing import Any

from contracts import Contracts
from measures.experiments.results import EXPERIMENTS
from measures.step import measure
from tests.conftest import SmallLake

NAME = "similar_products"
PEOPLE = 240
EXPOSED = dt.datetime(2017, 5, 1, 9, tzinfo=dt.UTC)


def experimented(made: SmallLake) -> SmallLake:
    """Give 240 people an account each, show each an arm, and let the treated look at two products more."""
    experiment = Contracts().experiments[NAME]
    (like, *_) = made.rows("gold.events")
    (profile, *_) = made.rows("gold.profiles")
    events: list[dict[str, Any]] = []
    profiles: list[dict[str, Any]] = []
    for number in range(PEOPLE):
        user = f"u-{number:03d}"
        arm = str(experiment.arm_of(user))
        looks = [-3.0] * (number % 5) + [2.0] * (number % 5 + number % 2 + 2 * (arm == "treatment"))
        told = [("experiment_viewed", 0.0, [("experiment_id", NAME), ("variation_id", arm)])]
        told += [("product_viewed", day + turn / 1000, []) for turn, day in enumerate(looks)]
        for turn, (name, day, properties) in enumerate(told):
            key = f"{user}-{turn}"
            events.append(like | {
                "event_id": f"web:{key}", "message_id": key, "event": name, "user_id": user, "profile_id": f"p-{user}",
                "record_id": f"account:{user}", "occurred_at": EXPOSED + dt.timedelta(days=day),
                "properties": properties, "position": 1_000 + len(events),
            })  # fmt: skip
        profiles.append(profile | {"profile_id": f"p-{user}"})
    made.change("gold.events", lambda rows: rows + events)
    made.change("gold.profiles", lambda rows: rows + profiles)
    measure(made.lake, made.run, (EXPERIMENTS,))
    made.release()
    return made
