"""What contracts declare, laid out for dbt as views ``contracts.*``: SQL need not repeat it, and none is generated.

Each view is a constant, read from a JSON text by a schema; so it is the same in every engine that runs Spark SQL.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from contracts.catalog import Contracts
from contracts.journey import Journey
from contracts.signal_sql import hits, literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Rows = Sequence[Mapping[str, Any]]
_HOUR = 3_600
SCHEMAS: Mapping[str, str] = {
    "events": "event: string, direction: string",
    "signals": "hit: int, event: string, signal: string, once_per: string, value: string, subject: string, via: string",
    "journeys": "journey: string, value_signal: string, transitions: map<string, string>",
    "stages": "journey: string, stage: string, place: int, lifecycle: string, gate_to: string, gate_days: int",
    "quiets": "journey: string, quiet: string, days: int, signal: string, words: string",
    "moments": "journey: string, moment: string, signal: string, role: string, of_one_subject: boolean, once: boolean, "
    "within_seconds: bigint, recovery_seconds: bigint",
    "handoffs": "journey: string, handoff: string, from_channel: string, to_channel: string, within_seconds: bigint",
    "handoff_signs": "journey: string, handoff: string, signal: string, context: string",
    "friction": "journey: string, friction: string, pattern: string, times: int, of_one_subject: boolean, "
    "only_after: boolean, within_seconds: bigint, weight: double",
    "friction_signals": "journey: string, friction: string, signal: string, role: string",
    "personas": "journey: string, persona: string, place: int, signal: string, days: int, at_least: int, at_most: int",
    "voice": "journey: string, signal: string, mood: string",
}
"""The views, each with its columns."""


def lay_out(spark: "SparkSession", contracts: Contracts) -> None:
    """Make every view ``contracts.*`` anew."""
    spark.sql("CREATE SCHEMA IF NOT EXISTS contracts")
    for name, rows in declared(contracts).items():
        text = literal(json.dumps(list(rows), sort_keys=True))
        columns = f"array<struct<{SCHEMAS[name]}>>"
        spark.sql(f"CREATE OR REPLACE VIEW contracts.{name} AS SELECT inline(from_json({text}, '{columns}'))")


def declared(contracts: Contracts) -> dict[str, Rows]:
    """The rows of every view, in the order of the declarations."""
    journeys = [journey for _, journey in sorted(contracts.journeys.items())]
    events = [{"event": event.name, "direction": event.direction} for event in contracts.events.values()]
    found: dict[str, Rows] = {"events": events, "signals": hits(contracts.signals)}
    for name, rows_of in _OF_A_JOURNEY.items():
        found[name] = [{"journey": journey.journey, **row} for journey in journeys for row in rows_of(journey)]
    return found


def _journey(journey: Journey) -> Rows:
    transitions = {f"{source} {signal}": to for source, signal, to in journey.transitions()}
    return [{"value_signal": journey.value_signal, "transitions": transitions}]


def _stages(journey: Journey) -> Rows:
    return [
        {
            "stage": stage.stage,
            "place": place,
            "lifecycle": stage.lifecycle,
            "gate_to": stage.gate.to if stage.gate else None,
            "gate_days": stage.gate.within_days if stage.gate else None,
        }
        for place, stage in enumerate(journey.stages, 1)
    ]


def _quiets(journey: Journey) -> Rows:
    return [
        {"quiet": name, "days": way.turning.after_days, "signal": signal, "words": " or ".join(way.turning.without)}
        for name, way in journey.quiets()
        for signal in way.turning.without
    ]


def _moments(journey: Journey) -> Rows:
    return [
        {
            "moment": moment.moment,
            "signal": signal,
            "role": role,
            "of_one_subject": moment.of_one_subject,
            "once": moment.once,
            "within_seconds": round(moment.within_hours * _HOUR),
            "recovery_seconds": round(moment.recovery_hours * _HOUR),
        }
        for moment in journey.moments
        for role, signals in (("start", moment.starts_on), ("resolve", moment.resolved_by))
        for signal in signals
    ]


def _handoffs(journey: Journey) -> Rows:
    return [
        {
            "handoff": handoff.handoff,
            "from_channel": handoff.from_,
            "to_channel": handoff.to,
            "within_seconds": round(handoff.within_hours * _HOUR),
        }
        for handoff in journey.handoffs
    ]


def _handoff_signs(journey: Journey) -> Rows:
    return [
        {"handoff": handoff.handoff, "signal": signal, "context": context}
        for handoff in journey.handoffs
        for context, signals in (("kept", handoff.kept_when), ("lost", handoff.lost_when))
        for signal in signals
    ]


def _friction(journey: Journey) -> Rows:
    return [
        {
            "friction": item.friction,
            "pattern": item.pattern,
            "times": item.times,
            "of_one_subject": item.of_one_subject,
            "only_after": bool(item.after),
            "within_seconds": round(item.minutes * 60) if item.minutes else None,
            "weight": item.weight,
        }
        for item in journey.friction
    ]


def _friction_signals(journey: Journey) -> Rows:
    return [
        {"friction": item.friction, "signal": signal, "role": role}
        for item in journey.friction
        for role, signals in (("signal", (item.signal,)), ("then", item.then), ("after", item.after))
        for signal in signals
    ]


def _personas(journey: Journey) -> Rows:
    return [
        {"persona": persona.persona, "place": place, **behaviour.model_dump()}
        for place, persona in enumerate(journey.personas, 1)
        for behaviour in persona.behaves
    ]


def _voice(journey: Journey) -> Rows:
    voice = journey.voice
    moods = (("content", voice.content), ("unhappy", voice.unhappy)) if voice else ()
    return [{"signal": signal, "mood": mood} for mood, signals in moods for signal in signals]


_OF_A_JOURNEY = {
    "journeys": _journey,
    "stages": _stages,
    "quiets": _quiets,
    "moments": _moments,
    "handoffs": _handoffs,
    "handoff_signs": _handoff_signs,
    "friction": _friction,
    "friction_signals": _friction_signals,
    "personas": _personas,
    "voice": _voice,
}
