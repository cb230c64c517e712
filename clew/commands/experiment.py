"""`clew experiment`: what is tried, what came of it, how many people it needs, and who is in which arm."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, print_section, print_table, results
from contracts.errors import UsageError

if TYPE_CHECKING:
    from clew.workspace import Reading
    from contracts.experiment import Experiment

experiment = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Experiments: what is tried, what came of it, how many people it needs, who is in which arm.",
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Release = Annotated[str, typer.Option(help="A release's number, latest or live.")]
Named = Annotated[str, typer.Argument(metavar="NAME", help="An experiment of contracts/experiments.")]
_LEDGER, _RESULTS = "gold.experiment_ledger", "gold.experiment_results"
_INTERACTIONS, _HISTORY = "gold.experiment_interactions", "ops.experiments"
Row = dict[str, Any]


@experiment.command("list")
def list_(release: Release = "latest", as_json: AsJson = False) -> None:
    """List every experiment, dead ones and those declared no more too: where it stands, and what came of it."""
    declared = _declared()
    reading = _reading(release, _LEDGER, _HISTORY)
    ledger = {row["experiment"]: row for row in _rows(reading, _LEDGER)}
    rows = []
    for name, one in declared.items():
        found = ledger.get(name, {})
        told: Row = {"experiment": name, "owner": one.owner, "status": one.status, "kind": one.kind}
        told |= {"starts_on": one.starts_on, "ends_on": one.ends_on}
        rows.append(
            told | {column: found.get(column) for column in ("phase", "people_counted", "people_mixed", "verdict")}
        )
    rows += [row for row in _forgotten(reading) if row["experiment"] not in declared]
    with results():
        if as_json:
            print_json({"experiments": rows})
        else:
            heads = ("experiment", "owner", "status", "phase", "from", "to", "people", "mixed", "verdict")
            columns = (
                "experiment", "owner", "status", "phase", "starts_on", "ends_on", "people_counted", "people_mixed",
                "verdict",
            )  # fmt: skip
            print_table(heads, [tuple(row[column] for column in columns) for row in rows])
    _told(reading)


@experiment.command()
def show(name: Named, release: Release = "latest", as_json: AsJson = False) -> None:
    """Show one experiment: what it is to show, what each arm did, and what others did to it."""
    one = _the_one(name)
    reading = _reading(release, _LEDGER, _RESULTS, _INTERACTIONS)
    ledger = next(iter(_rows(reading, _LEDGER, name)), None)
    found, beside = _rows(reading, _RESULTS, name, "role DESC, metric, arm"), _rows(reading, _INTERACTIONS, name)
    with results():
        if as_json:
            print_json(
                {
                    "declared": one.model_dump(mode="json"), "ledger": ledger, "results": found,
                    "interactions": beside,
                }
            )  # fmt: skip
        else:
            _print(one, ledger, found, beside)
    _told(reading)


@experiment.command()
def power(
    name: Named,
    mean: Annotated[float | None, typer.Option(help="Mean of the primary metric; else what the lake says.")] = None,
    deviation: Annotated[float | None, typer.Option(help="Its standard deviation; with --mean.")] = None,
    release: Release = "latest",
    as_json: AsJson = False,
) -> None:
    """Say how many people an experiment needs to find its minimum effect, by what people did before it."""
    from measures.experiments.ledger import needed
    from measures.experiments.power import share_taking_part

    one = _the_one(name)
    if (mean is None) != (deviation is None):
        raise UsageError("a mean and a deviation go together", "--mean, --deviation", "give both, or neither")
    told: Row = {"experiment": name, "stop_rule": one.stop.rule, "minimum_effect": one.minimum_effect}
    told |= {"alpha": one.alpha, "power": one.power, "mean": mean, "deviation": deviation}
    told |= dict.fromkeys(("people", "since", "until"))
    if mean is None:
        told |= _before(one, release)
    if not all(map(math.isfinite, (told["mean"], told["deviation"]))):
        raise UsageError("a mean and a deviation are numbers", "--mean, --deviation", "give figures as they were seen")
    if told["mean"] == 0 or told["deviation"] < 0:
        raise UsageError(
            "nobody did what the primary metric counts, so no share of it is an effect",
            f"{one.primary.event} from {told['since']} to {told['until']}" if told["since"] else "--mean",
            "give what you expect: --mean M --deviation D",
        )
    two_arms = needed(one, told["mean"], told["deviation"])
    first = one.arms[one.control] + one.arms[one.treatments[0]]
    told["people_needed"] = None if two_arms is None else round(two_arms / first)
    told["people_there"] = None if told["people"] is None else round(told["people"] * share_taking_part(one))
    with results():
        if as_json:
            print_json(told)
        else:
            print_table(("what", "value"), list(told.items()))


@experiment.command()
def assign(
    name: Named,
    hashed: Annotated[str, typer.Argument(metavar="ID", help="The id that is hashed: what hash_attribute says.")],
    as_json: AsJson = False,
) -> None:
    """Say which arm an id is in, as every GrowthBook SDK says; of a holdout, whether its range holds the id out."""
    from contracts.bucketing import bucket, in_namespace

    one = _the_one(name)
    if not hashed.strip():
        raise UsageError("there is no id to hash", f"the {one.hash_attribute}", "nobody without one is in any arm")
    if one.status != "running":
        note(f"{name} is {one.status}: nobody is taken in; this is the arm that its hash gives")
    inside = one.namespace is None or in_namespace(one.namespace.name, hashed, one.namespace.range)
    told = {
        "experiment": name, "hash_attribute": one.hash_attribute, "arm": one.arm_of(hashed),
        "bucket": bucket(one.seed, hashed, one.hash_version), "is_in_namespace": inside,
        "ranges": {arm: list(found) for arm, found in zip(one.arms, one.ranges, strict=True)},
    }  # fmt: skip
    with results():
        if as_json:
            print_json(told)
        else:
            print(told["arm"] or "in no arm")


def _before(one: "Experiment", release: str) -> Row:
    """What people did before, by the lake."""
    from clew.workspace import newest_date, read
    from measures.experiments.power import baseline

    mart = one.population.mart
    reading = read(release, only=("gold.events", "gold.profiles", *([mart] if mart else [])))
    if mart and mart not in reading.tables:
        raise UsageError(f"{reading.name} has no {mart}", "its people are what the figures would be of", "clew run")
    found = baseline(reading.connection, one, reading.as_of or newest_date())
    if found.people < 5:
        raise UsageError(
            "too few people were there before it to say anything",
            f"{found.since} to {found.until}",
            "give what you expect: --mean M --deviation D",
        )
    told = {"mean": found.mean, "deviation": found.deviation, "people": found.people}
    return told | {"since": found.since, "until": found.until}


def _declared() -> "dict[str, Experiment]":
    from clew.workspace import settings
    from contracts import Contracts

    return dict(sorted(Contracts(settings().contracts).experiments.items()))


def _the_one(name: str) -> "Experiment":
    declared = _declared()
    if name not in declared:
        have = ", ".join(declared)
        raise UsageError(
            f"there is no experiment {name}",
            "contracts/experiments",
            f"use one of: {have}" if have else "declare it there",
        )
    return declared[name]


def _reading(release: str, *tables: str) -> "Reading | None":
    """The release, or None where there is no lake yet."""
    from clew.workspace import read, settings
    from lakehouse.duck import tables_in

    there = tables_in(settings().places)
    if not there:
        return None
    return read(release, only=[table for table in tables if table in there])


def _rows(reading: "Reading | None", table: str, name: str | None = None, order: str = "ALL") -> list[Row]:
    if reading is None or table not in reading.tables:
        return []
    if name is None:
        return reading.rows(f"SELECT * FROM {table} ORDER BY experiment")
    return reading.rows(f"SELECT * FROM {table} WHERE experiment = ? ORDER BY {order}", [name])


def _forgotten(reading: "Reading | None") -> list[Row]:
    """Every experiment that a run knew by the release's date, as the last of them knew it."""
    if reading is None or _HISTORY not in reading.tables:
        return []
    return reading.rows(
        f"""SELECT experiment, owner, 'declared_no_more' AS status, kind, starts_on, ends_on, phase, people_counted,
                   people_mixed, verdict
            FROM {_HISTORY} WHERE as_of <= coalesce(?, as_of)
            QUALIFY row_number() OVER (PARTITION BY experiment ORDER BY as_of DESC) = 1
            ORDER BY experiment""",
        [reading.as_of],
    )


def _told(reading: "Reading | None") -> None:
    if reading is None or not _rows(reading, _LEDGER):
        note("nothing was measured yet; start with: clew run")
    else:
        note(reading.name)


def _print(one: "Experiment", ledger: Row | None, found: list[Row], beside: list[Row]) -> None:
    print(f"{one.name}: {one.hypothesis}")
    where = ledger["phase"] if ledger else "not measured"
    days = f"{one.starts_on} to {one.ends_on}" + (f", stopped on {one.stopped_on}" if one.stopped_on else "")
    print(f"{one.status}, {where}; {one.owner}; {days}; {one.stop.rule}")
    if ledger:
        out = f"; left out: {ledger['excluded']}" if ledger["excluded"] else ""
        several = "fewer than 5" if ledger["people_mixed"] is None else ledger["people_mixed"]
        print(f"{ledger['people_counted']} people count, {several} saw several arms{out}")
    if one.learned:
        print(f"learned: {one.learned}")
    heads = ("metric", "arm", "people", "control", "lift", "low", "high", "decided by", "verdict", "because")
    columns = (
        "metric", "arm", "people", "control_people", "lift", "lift_low", "lift_high", "decided_by", "verdict", "reason",
    )  # fmt: skip
    print_section(
        "arms against the control", heads, [tuple(_short(row[column]) for column in columns) for row in found]
    )
    numbers = ("people", "difference", "low", "high", "verdict")
    cells = [tuple(_short(row[column]) for column in ("other", "arm", "other_arm", *numbers)) for row in beside]
    print_section("beside others", ("beside", "arm", "its arm", *numbers), cells)


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
