"""What attribution and measured lifts say of marts, sources, events and each other."""

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts import DBT_MODELS
from contracts.attribution import Attribution, TouchChannel
from contracts.base import problem_at
from contracts.errors import Problem
from contracts.experiment import Experiment
from contracts.marts import published_models

Loaded = Mapping[str, Mapping[Path, Any]]
VISIT = "visit"
PURCHASE = "purchase"
_CENTS = ",2)"


def problems_of_attribution(loaded: Loaded, models: Path = DBT_MODELS) -> Iterator[Problem]:
    """Outcomes, touchpoints, regions and lifts that cannot be.

    Args:
        loaded: The declarations by kind and file.
        models: The folder of the dbt models, whose marts an outcome is taken from.
    """
    types = {
        f"gold.{model['name']}": {column["name"]: column["data_type"] for column in model.get("columns", [])}
        for _, model in published_models(models)
    }
    for path, declared in loaded["attribution"].items():
        yield from _outcome(path, declared, types)
        yield from _channels(path, declared, loaded)
        yield from _experiments(path, declared, loaded)
        region = declared.media_mix.region if declared.media_mix else None
        if region is not None and region not in types.get("gold.profiles", {}):
            what = f"{region} is no column of gold.profiles"
            yield problem_at(path, ("media_mix", "region"), what, tuple(types.get("gold.profiles", {})))
    yield from _lifts(loaded)


def _outcome(path: Path, declared: Attribution, types: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    outcome = declared.outcome
    columns = types.get(outcome.table)
    if columns is None:
        yield problem_at(path, ("outcome", "table"), f"{outcome.table} is no published mart", sorted(types))
        return
    for field, wanted in (("person", "string"), ("at", "timestamp"), ("value", "decimal")):
        name = getattr(outcome, field)
        if name not in columns:
            yield problem_at(path, ("outcome", field), f"{name} is no column of {outcome.table}", tuple(columns))
        elif not columns[name].startswith(wanted) or (field == "value" and not columns[name].endswith(_CENTS)):
            fit = f"{wanted} with two decimal places, which sums to the cent" if field == "value" else wanted
            yield problem_at(path, ("outcome", field), f"{name} is {columns[name]}, and must be a {fit}")


def _channels(path: Path, declared: Attribution, loaded: Loaded) -> Iterator[Problem]:
    channels = sorted({source.channel for source in loaded["source"].values()})
    events = {event.event: event for event in loaded["event"].values()}
    for name, channel in declared.channels.items():
        where = ("channels", name)
        if channel.channel not in channels:
            yield problem_at(path, (*where, "channel"), f"no source has the channel {channel.channel}", channels)
            continue
        sent = {source.source for source in loaded["source"].values() if source.channel == channel.channel}
        for number, kind in enumerate(channel.kinds):
            at = (*where, "kinds", number)
            if kind == VISIT:
                if channel.direction != "inbound" or channel.campaigns:
                    yield problem_at(path, at, "a visit is inbound, and of no campaign")
            elif kind == PURCHASE:
                yield problem_at(path, at, "a purchase is an outcome, which gets no credit for itself")
            elif kind not in events or not sent & set(events[kind].sources):
                known = sorted(event.event for event in events.values() if sent & set(event.sources))
                yield problem_at(path, at, f"{kind} is no event of {channel.channel}", (VISIT, *known))
            else:
                yield from _event(path, at, channel, events[kind])


def _experiments(path: Path, declared: Attribution, loaded: Loaded) -> Iterator[Problem]:
    """Experiments that do not measure what the channel adds to the outcome's value."""
    known = {experiment.experiment: experiment for experiment in loaded.get("experiment", {}).values()}
    for name, told in declared.experiments.items():
        where = ("experiments", name)
        if (experiment := known.get(name)) is None:
            yield problem_at(path, where, f"{name} is no experiment", sorted(known))
            continue
        if told.arm not in experiment.treatments:
            what = f"{told.arm} is the control of {name}" if told.arm in experiment.arms else f"{told.arm} is no arm"
            yield problem_at(path, (*where, "arm"), what, experiment.treatments)
        if experiment.primary.aggregate != "sum":
            what = f"the primary metric of {name} is a {experiment.primary.aggregate}, and a value is a sum"
            yield problem_at(path, where, what)
        yield from (problem_at(path, where, what) for what in _unlike(name, experiment))
        last = experiment.starts_on + datetime.timedelta(experiment.primary.window_days - 1)
        for word, wanted in (("since", experiment.starts_on), ("until", last)):
            if getattr(told, word) != wanted:
                what = f"the windows of who is in {name} from its first day are {experiment.starts_on} to {last}"
                yield problem_at(path, (*where, word), what)


def _unlike(name: str, experiment: Experiment) -> Iterator[str]:
    """Why the arm of an experiment is not everybody whom a channel reaches, over the same days."""
    if experiment.exposure != "assigned":
        yield f"{name} takes people in one after the other: what it measured is of other days for each"
    if experiment.coverage < 1 or (experiment.namespace is not None and experiment.kind != "holdout"):
        yield f"{name} is of a part of the people, and channels are credited with what all do"
    if experiment.population.countries is not None:
        yield f"{name} is of some countries, and channels are credited with what all people do"
    if len(experiment.arms) > 2:
        yield f"{name} has further arms, which are in neither of the two that are compared"


def _event(path: Path, at: tuple[str | int, ...], channel: TouchChannel, event: Any) -> Iterator[Problem]:
    if event.direction != channel.direction:
        yield problem_at(path, at, f"{event.event} is {event.direction}, and the channel {channel.direction}")
    if channel.campaigns and "campaign_id" not in event.properties:
        yield problem_at(path, at, f"{event.event} carries no campaign_id: leave campaigns out")


def _lifts(loaded: Loaded) -> Iterator[Problem]:
    declared = next(iter(loaded["attribution"].values()), None)
    for path, lift in loaded["lift"].items():
        if declared is None:
            yield problem_at(path, ("channel",), "no attribution is declared that it could be set against")
        elif lift.channel not in declared.channels:
            yield problem_at(
                path, ("channel",), f"{lift.channel} is no channel of attribution", tuple(declared.channels)
            )
        elif lift.campaign is not None and not declared.channels[lift.channel].campaigns:
            yield problem_at(path, ("campaign",), f"attribution does not tell campaigns of {lift.channel} apart")
