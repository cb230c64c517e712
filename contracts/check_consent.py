"""What other declarations and the consent policy say of each other: exports, events, and the policy's own cases."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from contracts.base import problem_at
from contracts.consent_case import CaseTable, differences
from contracts.errors import Problem
from contracts.event import Event
from contracts.export import Destination
from contracts.marts import published_models
from contracts.purpose import ALL_TOPICS, Policy, Status

Loaded = Mapping[str, Mapping[Path, Any]]
RECEIPT_CLASS = "pseudonymous"
"""Every exported row names its profile, so whatever is exported uses this class."""


def problems_of_consent(loaded: Loaded) -> Iterator[Problem]:
    """Problems between the policy and whatever names its purposes, topics, destinations and classes of data.

    Args:
        loaded: The declarations by kind and file; without a policy there is nothing to say.
    """
    classes = _classes()
    for path, policy in loaded["policy"].items():
        yield from _destinations(path, policy, loaded["export"])
        for export_path, export in loaded["export"].items():
            yield from _export(export_path, export, policy, classes)
        for event_path, event in loaded["event"].items():
            yield from _event(event_path, event, policy)
        for case_path, table in loaded["case"].items():
            yield from case_problems(case_path, table, policy)


def case_problems(path: Path, table: CaseTable, policy: Policy) -> Iterator[Problem]:
    """The cases of one table that a policy does not decide as they say."""
    for number, case in enumerate(table.cases):
        for what in differences(policy, case):
            yield problem_at(path, ("cases", number), f"{case.about}: {what}")


def _destinations(path: Path, policy: Policy, exports: Mapping[Path, Destination]) -> Iterator[Problem]:
    known = {export.destination: export for export in exports.values()}
    for name, purpose in policy.purposes.items():
        for number, destination in enumerate(purpose.destinations):
            where = ("purposes", name, "destinations", number)
            if destination not in known:
                yield problem_at(path, where, f"{destination} is no destination", sorted(known))
            elif known[destination].purpose != name:
                yield problem_at(path, where, f"{destination} is exported for {known[destination].purpose}")


def _export(path: Path, export: Destination, policy: Policy, classes: Mapping[str, str]) -> Iterator[Problem]:
    purpose = policy.purposes.get(export.purpose)
    if purpose is None:
        yield problem_at(path, ("purpose",), f"{export.purpose} is no purpose", tuple(policy.purposes))
        return
    if export.destination not in purpose.destinations:
        what = f"the policy does not list {export.destination} under the destinations of {export.purpose}"
        yield problem_at(path, ("purpose",), what, purpose.destinations)
    topics = (*purpose.topics, ALL_TOPICS) if purpose.topics else ()
    if export.topic is None and topics:
        what = f"people refuse topics of {export.purpose} alone, so say which it is about"
        yield problem_at(path, ("topic",), what, topics)
    if export.topic is not None and export.topic not in topics:
        what = f"{export.topic} is no topic of {export.purpose}"
        yield problem_at(path, ("topic",), what, topics)
    if RECEIPT_CLASS not in purpose.uses:
        what = f"every row names its profile, and {export.purpose} may not use {RECEIPT_CLASS} data"
        yield problem_at(path, ("purpose",), what, purpose.uses)
    for name, field in export.fields.items():
        privacy = classes.get(field.profile)
        if privacy is not None and privacy not in purpose.uses:
            what = f"{field.profile} is {privacy} data, which {export.purpose} may not use"
            yield problem_at(path, ("fields", name, "from"), what, purpose.uses)


def _event(path: Path, event: Event, policy: Policy) -> Iterator[Problem]:
    """What an event can say of consent is what the policy knows; it must be able to say nothing else."""
    if event.consent is None:
        return
    topics = sorted({topic for purpose in policy.purposes.values() for topic in purpose.topics})
    known = {"purpose": tuple(policy.purposes), "status": get_args(Status), "topic": tuple(topics)}
    for field, allowed in known.items():
        told = getattr(event.consent, field)
        if told is None:
            continue
        said: tuple[str, ...] = (told,)
        where: tuple[str, ...] = ("consent", field)
        if told.startswith("properties."):
            name = told.removeprefix("properties.")
            declared = event.properties.get(name)
            said = declared.allowed if declared else ()
            where = ("properties", name, "allowed") if said else where
            if not said:
                what = f"{told} tells the {field} of a consent, so the event must list what it may be under `allowed`"
                yield problem_at(path, where, what, allowed)
        for word in said:
            if word not in allowed:
                yield problem_at(path, where, f"{word} is no {field} of the policy", allowed)


def _classes() -> dict[str, str]:
    """The privacy class of each column that an export can read, as the marts about profiles declare it."""
    found: dict[str, str] = {}
    for _, model in published_models():
        if model["name"] in ("profiles", "profile_contact"):
            for column in model.get("columns", []):
                meta = (column.get("config") or {}).get("meta") or {}
                if "class" in meta:
                    found[column["name"]] = meta["class"]
    return found
