"""Checks every declaration: each file by its model, then what files say of each other.

All problems are found in one go, each with file, line, field and what is allowed there.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from contracts import Contracts, flow, semantic
from contracts.attribution import Attribution
from contracts.base import Declared, load_yaml, problem_at
from contracts.campaigns import Campaigns
from contracts.caps import Caps
from contracts.catalog import declared_in
from contracts.check_attribution import problems_of_attribution
from contracts.check_calls import problems_of_calls
from contracts.check_consent import problems_of_consent
from contracts.check_costs import problems_of_costs
from contracts.check_experiments import problems_of_experiments
from contracts.check_exports import problems_of_exports, wrongly_asked
from contracts.check_journeys import problems_of_journeys
from contracts.check_metrics import problems_of_metrics
from contracts.consent_case import CaseTable
from contracts.costs import Costs
from contracts.errors import ContractError, Problem
from contracts.event import Event
from contracts.experiment import Experiment
from contracts.export import Destination
from contracts.hypothesis import Hypothesis
from contracts.identity import IdentityRules
from contracts.journey import Journey
from contracts.least_data import unclassed
from contracts.lift import Lift
from contracts.lineage_check import wrong_origins
from contracts.mart_rules import MartRules, wrong_mart_rules
from contracts.metric import Metric
from contracts.purpose import Policy
from contracts.roles import Roles
from contracts.signal import Signals
from contracts.source import Source
from contracts.table import Table

KINDS: dict[str, tuple[str, type[Declared]]] = {
    "source": ("sources/*.yml", Source),
    "event": ("events/*/*.yml", Event),
    "table": ("tables/*/*.yml", Table),
    "export": ("exports/*.yml", Destination),
    "identity": ("identity.yml", IdentityRules),
    "policy": ("consent/purposes.yml", Policy),
    "case": ("consent/cases/*.yml", CaseTable),
    "caps": ("consent/caps.yml", Caps),
    "roles": ("roles.yml", Roles),
    "signals": ("signals.yml", Signals),
    "journey": ("journeys/*.yml", Journey),
    "attribution": ("attribution.yml", Attribution),
    "lift": ("lifts/*.yml", Lift),
    "campaigns": ("campaigns.yml", Campaigns),
    "metric": ("metrics/*.yml", Metric),
    "hypothesis": ("hypotheses/*.yml", Hypothesis),
    "experiment": ("experiments/*.yml", Experiment),
    "marts": ("marts.yml", MartRules),
    "costs": ("costs.yml", Costs),
}
"""What may be declared: where it lies under contracts/, and the model that reads it."""
OPTIONAL = (
    "caps",
    "signals",
    "journey",
    "attribution",
    "lift",
    "campaigns",
    "metric",
    "hypothesis",
    "experiment",
    "marts",
    "costs",
)
"""Kinds that need not be declared: what is not declared is not capped, computed or measured, without dates a
campaign runs from its first delivery, and what the marts go by follows from the sources."""

SCHEMAS = "schemas"


@dataclass(frozen=True)
class Report:
    """How many declarations there are of each kind, and every problem in them."""

    counts: dict[str, int]
    problems: tuple[Problem, ...]


def check(root: Path) -> Report:
    """Check the declarations of one contracts folder, and what is generated from them."""
    loaded, problems = _declared(root)
    problems += _stale_schemas(root)
    if not problems:  # the map is made of declarations that hold
        problems += _stale_docs(root)
    counts = {kind: len(items) for kind, items in loaded.items()}
    return Report(counts, tuple(sorted(problems, key=_by_place)))


def require(root: Path) -> None:
    """Refuse to start anything slow with declarations that would fail it later.

    Raises:
        ContractError: With every problem, each with file and line.
    """
    _, problems = _declared(root)
    if problems:
        plural = "s" if len(problems) != 1 else ""
        what = f"{len(problems)} problem{plural} in the contracts"
        raise ContractError(what, do="correct what is named: clew check", problems=sorted(problems, key=_by_place))


def _by_place(problem: Problem) -> tuple[str, int, str]:
    return problem.file, problem.line, problem.field


def _declared(root: Path) -> tuple[dict[str, dict[Path, Any]], list[Problem]]:
    """The declarations by kind and file, and every problem in them."""
    problems: list[Problem] = []
    loaded: dict[str, dict[Path, Any]] = {}
    for kind, (pattern, model) in KINDS.items():
        loaded[kind] = {}
        paths = declared_in(root, pattern)
        if not paths and kind not in OPTIONAL:
            problems.append(Problem(str(root / pattern), 1, kind, "no declaration found"))
        for path in paths:
            try:
                loaded[kind][path] = load_yaml(path, model)
            except ContractError as error:
                problems += error.problems
    problems += _unread(root, set(declared_files(root)))
    problems += _misplaced(loaded)
    problems += _references(loaded)
    problems += _paths(loaded)
    problems += problems_of_exports(loaded["export"])
    problems += problems_of_consent(loaded)
    problems += problems_of_calls(loaded)
    problems += problems_of_journeys(loaded)
    problems += problems_of_attribution(loaded)
    problems += problems_of_metrics(loaded)
    problems += problems_of_experiments(loaded)
    problems += wrong_mart_rules(loaded)
    if len(loaded["journey"]) == len(declared_in(root, KINDS["journey"][0])):  # else every name in a broken one is none
        problems += problems_of_costs(loaded)
    problems += wrongly_asked()
    problems += wrong_origins(root)
    problems += unclassed(loaded)
    return loaded, problems


def declared_files(root: Path) -> list[Path]:
    """The files from which the declarations of one contracts folder are read, kind by kind; some may be Clew's own."""
    return [path for pattern, _ in KINDS.values() for path in declared_in(root, pattern)]


def load_rules(path: Path, root: Path) -> IdentityRules:
    """Read an identity contract that is not in use, and check it as if it were.

    Args:
        path: Where it lies.
        root: The contracts folder, whose sources and events it is checked against.

    Raises:
        ContractError: With every problem, each with file and line.
    """
    rules = load_yaml(path, IdentityRules)
    loaded: dict[str, dict[Path, Any]] = {
        kind: {found: load_yaml(found, model) for found in declared_in(root, pattern)}
        for kind, (pattern, model) in KINDS.items()
        if kind != "identity"
    }
    problems = tuple(_references(loaded | {"identity": {path: rules}}))
    if problems:
        plural = "s" if len(problems) != 1 else ""
        what = f"{len(problems)} problem{plural} between {path.name} and the other contracts"
        raise ContractError(what, do="correct what is named", problems=problems)
    return rules


def check_policy(root: Path, path: Path | None = None) -> tuple[Policy, int, tuple[Problem, ...]]:
    """Check a consent policy: by its model, against exports and events, and by its tables of cases.

    Args:
        root: The contracts folder.
        path: The policy, where it is not the one in use.

    Returns:
        The policy, how many cases there are, and every problem.

    Raises:
        ContractError: If a file cannot be read as what it is.
    """
    path = path or root / KINDS["policy"][0]
    loaded: dict[str, dict[Path, Any]] = {
        kind: {found: load_yaml(found, KINDS[kind][1]) for found in sorted(root.glob(KINDS[kind][0]))}
        for kind in ("export", "event", "case")
    }
    policy = load_yaml(path, Policy)
    problems = tuple(problems_of_consent(loaded | {"policy": {path: policy}}))
    return policy, sum(len(table.cases) for table in loaded["case"].values()), problems


def write_schemas(root: Path) -> list[Path]:
    """Write a JSON Schema of each kind to ``schemas/``, for editors."""
    folder = root / SCHEMAS
    folder.mkdir(exist_ok=True)
    written = []
    for name, text in _schemas().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def write_docs(root: Path) -> list[Path]:
    """Write what is made of the declarations beside the contracts folder.

    That is the data-flow map, page and picture, and where there is a dbt project the metrics for it.
    """
    (root.parent / flow.FOLDER).mkdir(parents=True, exist_ok=True)
    written = []
    for path, text in _docs(root).items():
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _docs(root: Path) -> dict[Path, str]:
    contracts = Contracts(root)
    folder = root.parent / flow.FOLDER
    made = {folder / flow.PAGE: flow.page(contracts), folder / flow.PICTURE: flow.picture(contracts)}
    if not folder.is_dir():
        made = {}
    metrics = root.parent / semantic.FILE
    if metrics.parent.is_dir():
        made[metrics] = semantic.page(contracts.tables.values(), contracts.metrics)
    return made


def _stale_docs(root: Path) -> Iterator[Problem]:
    for path, text in _docs(root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield Problem(str(path), 1, "(whole file)", "not what the declarations say: run clew check --write-docs")


@cache
def _schemas() -> dict[str, str]:
    return {
        f"{kind}.schema.json": json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"
        for kind, (_, model) in KINDS.items()
    }


def _unread(root: Path, read: set[Path]) -> Iterator[Problem]:
    """A file that no pattern reaches would be ignored in silence."""
    patterns = tuple(pattern for pattern, _ in KINDS.values())
    for path in sorted([*root.rglob("*.yml"), *root.rglob("*.yaml")]):
        if path not in read:
            yield Problem(str(path), 1, "(whole file)", "no declaration is read from this place", patterns)


def _misplaced(loaded: dict[str, dict[Path, Any]]) -> Iterator[Problem]:
    """A declaration lies in the file that bears its name, so that two can never claim one name."""
    named = {"source": "source", "event": "event", "export": "destination", "lift": "lift", "experiment": "experiment",
             "journey": "journey"}  # fmt: skip
    for kind, key in named.items():
        for path, item in loaded[kind].items():
            name = getattr(item, key)
            if path.stem != name:
                yield problem_at(path, (key,), f"{name} is declared in {path.name}", (path.stem,))
    seen: dict[str, Path] = {}
    for kind, key in (("event", "event"), ("table", "name")):
        for path, item in loaded[kind].items():
            name = getattr(item, key)
            if name in seen:
                yield problem_at(path, (key,), f"{name} is declared in {seen[name]} too")
            seen[name] = path
    for path, table in loaded["table"].items():
        if path.parent.name != table.schema_name:
            yield problem_at(path, ("name",), f"{table.name} is declared under tables/{path.parent.name}")


def _references(loaded: dict[str, dict[Path, Any]]) -> Iterator[Problem]:
    """Names that one declaration takes from another."""
    sources = tuple(sorted(item.source for item in loaded["source"].values()))
    identifiers = tuple(name for item in loaded["identity"].values() for name in item.identifiers)
    purposes = tuple(purpose for item in loaded["policy"].values() for purpose in item.purposes)
    called: dict[str, str] = {item.event: item.event for item in loaded["event"].values()}
    for path, event in loaded["event"].items():
        for number, source in enumerate(event.sources):
            if source not in sources:
                yield problem_at(path, ("sources", number), f"{source} is no source", sources)
        for group in ("examples", "anti_examples"):
            for number, example in enumerate(getattr(event, group)):
                if example.source not in event.sources:
                    where = (group, number, "source")
                    yield problem_at(path, where, f"{example.source} does not send this event", event.sources)
        for number, name in enumerate(event.also_called):
            if called.setdefault(name, event.event) != event.event:
                yield problem_at(path, ("also_called", number), f"{name} already means {called[name]}")
    for path, source in loaded["source"].items():
        for number, tie in enumerate(source.identifiers):
            if tie.identifier not in identifiers:
                where = ("identifiers", number, "identifier")
                yield problem_at(path, where, f"identity.yml has no rule for {tie.identifier}", identifiers)
    for path, limits in loaded["caps"].items():
        for name, cap in limits.caps.items():
            for number, purpose in enumerate(cap.purposes or ()):
                if purpose not in purposes:
                    yield problem_at(path, ("caps", name, "purposes", number), f"{purpose} is no purpose", purposes)
    for path, rules in loaded["identity"].items():
        if rules.linking and rules.linking.purpose not in purposes:
            yield problem_at(path, ("linking", "purpose"), f"{rules.linking.purpose} is no purpose", purposes)
    yield from _worth(loaded)


def _worth(loaded: dict[str, dict[Path, Any]]) -> Iterator[Problem]:
    """What the value of a person is summed from are numbers that events declare."""
    events: dict[str, Event] = {item.event: item for item in loaded["event"].values()}
    for path, rules in loaded["identity"].items():
        for number, worth in enumerate(rules.review.value_of if rules.review else ()):
            where = ("review", "value_of", number)
            if worth.event not in events:
                yield problem_at(path, (*where, "event"), f"{worth.event} is no event", sorted(events))
                continue
            declared = events[worth.event].properties
            numbers = [name for name, item in declared.items() if item.type in ("number", "integer")]
            if worth.property not in numbers:
                what = f"{worth.property} is no number of {worth.event}"
                yield problem_at(path, (*where, "property"), what, sorted(numbers))


def _paths(loaded: dict[str, dict[Path, Any]]) -> Iterator[Problem]:
    """What a source reads is there: columns in its files, keys in its messages."""
    for path, source in loaded["source"].items():
        columns = (*source.format.columns, *source.format.optional_columns)
        for number, mapping in enumerate(source.maps):
            for place, field in mapping.reads():
                if columns and field not in columns:
                    yield problem_at(path, ("maps", number, *place), f"{field} is no column of this source", columns)
        carried, by = _carried(source, loaded["event"].values())
        for group in ("record", "identifiers"):
            for number, entry in enumerate(getattr(source, group)):
                head, *keys = entry.path.split(".")
                if head == "context" and source.envelope == "segment":
                    continue  # what an SDK says of its device is declared nowhere
                if ".".join([head, *keys[:1]]) not in carried:
                    alike = [known for known in carried if known.split(".")[0] == head]
                    yield problem_at(path, (group, number, "path"), f"{by} {entry.path}", sorted(alike or carried))


def _carried(source: Source, events: Iterable[Event]) -> tuple[set[str], str]:
    """The paths that can have a value in a message of a source, and how to say that one is not among them."""
    if source.envelope == "mapped":
        return set().union(*(mapping.writes() for mapping in source.maps)), "no mapping writes"
    carried = {"message_id", "anonymous_id", "user_id"}
    for event in events:
        if source.source in event.sources:
            carried |= {f"properties.{key}" for key in event.properties} | {f"traits.{key}" for key in event.traits}
    return carried, f"no event of {source.source} declares"


def _stale_schemas(root: Path) -> Iterator[Problem]:
    folder = root / SCHEMAS
    if not folder.is_dir():
        return
    for name, text in _schemas().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield Problem(str(path), 1, "(whole file)", "not what the model says: run clew check --write-schemas")
