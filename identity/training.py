"""Training as a step: choose blocking rules, estimate weights, measure, compare with the model in use, judge.

Nothing is written but by ``take``: the model that was trained, and in the audit that it was taken. Half of the labels
of a random sample teach, the other half and all other labels judge, so that no pair does both; which half a pair is in
depends on its records alone.
"""

import datetime
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from contracts.identity import IdentityRules, Probabilistic
from identity.block import BLOCKING_RULES, Blocking, Rule, choose_rules, equal_in
from identity.decisions import Decision, read_decisions, standing
from identity.diff import Difference, difference, unusable
from identity.drift import Level, levels
from identity.gate import Check, checks
from identity.judge import Judgement, judge
from identity.known import known_differences, known_matches
from identity.labels import labels
from identity.model import Model, compared_people, load_model, new_model, save_model
from identity.quality import Quality, bands, estimate
from identity.records import Nodes, build_nodes, read_silver
from identity.resolution import resolved
from identity.score import probabilistic_edges
from identity.sql import query
from identity.train import RANDOM_PAIRS, SEED, taught, train
from lakehouse import audit
from lakehouse.declared import model_acts
from lakehouse.errors import DataError

if TYPE_CHECKING:
    from lakehouse.lake import Lake

Say = Callable[[str, int], None]

LEAST_PEOPLE = 100
"""Of fewer records with a name, the weights would be those of single families."""

_PAIR = ["left_record", "right_record", "match_weight"]


@dataclass(frozen=True)
class Dropped:
    """What a blocking rule that was not chosen would have brought, and no chosen one does.

    Attributes:
        columns: What must be equal.
        pairs: Pairs that the model weighs at or above the review threshold.
        links: Those at or above the link threshold.
    """

    columns: tuple[str, ...]
    pairs: int
    links: int


@dataclass(frozen=True)
class Training:
    """A trained model and all that was measured of it.

    Attributes:
        name: Under which it would be kept.
        model: The model.
        in_use: The version in use, None if there is none.
        levels: Its weights, beside those in use.
        blocking: How its blocking rules were chosen.
        dropped: What the rules that were not chosen would have brought.
        stewards: What labels of stewards that did not teach say.
        identifiers: What pairs that identifiers tell say.
        quality: Precision and recall estimated from all labels.
        taught: Labelled pairs that the weights rest on.
        links: Pairs at or above the link threshold, in the model in use (0 if there is none) and in this one.
        change: What it would change on this lake; None if no model is in use.
        checks: What the gate found.
    """

    name: str
    model: Model
    in_use: str | None
    levels: tuple[Level, ...]
    blocking: Blocking
    dropped: tuple[Dropped, ...]
    stewards: Judgement
    identifiers: Judgement
    quality: Quality
    taught: int
    links: tuple[int, int]
    change: Difference | None
    checks: tuple[Check, ...]

    @property
    def is_same(self) -> bool:
        """It is, weight for weight, the model in use."""
        return self.model.version == self.in_use

    @property
    def holds(self) -> bool:
        """Whether the gate opens."""
        return all(check.holds for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """All that was measured, for JSON and for the model's file."""
        return {
            "in_use": self.in_use,
            "blocking": asdict(self.blocking),
            "stewards": asdict(self.stewards),
            "identifiers": asdict(self.identifiers),
            "levels": [asdict(level) | {"change": level.change} for level in self.levels],
            "dropped": [asdict(item) for item in self.dropped],
            "quality": self.quality.as_dict(),
            "taught": self.taught,
            "links_in_use": self.links[0],
            "links": self.links[1],
            "change": None if self.change is None else self.change.as_dict(),
            "checks": [asdict(check) for check in self.checks],
        }


def train_on_lake(lake: "Lake", name: str, as_of: datetime.date, say: Say) -> Training:
    """Train on the records of a lake and measure; nothing is written.

    Args:
        lake: The lake.
        name: The model's name.
        as_of: Decisions that stand on this date are gone by in the comparison.
        say: Hears of each thing done, with a number of rows.

    Raises:
        DataError: If there are too few people to train on.
    """
    rules = lake.contracts.identity
    nodes = build_nodes(read_silver(lake, rules), rules)
    people = compared_people(nodes.records)
    if people.num_rows < LEAST_PEOPLE:
        raise DataError(
            f"{people.num_rows} records have a name and something beside it: too few to train on",
            "silver.customer_records",
            f"land more: at least {LEAST_PEOPLE} are needed",
        )
    say("people to compare", people.num_rows)
    used = _in_use(lake)
    decisions = read_decisions(lake)
    matches = known_matches(people, nodes.identifiers, rules)
    blocking = choose_rules(people, matches)
    say("blocking rules chosen by pairs known to match", matches.num_rows)

    thresholds = rules.probabilistic
    before = probabilistic_edges(people, used, thresholds.review_weight) if used else None
    say("pairs weighed by the model in use", before.num_rows if before else 0)
    settings = train(people)
    say("weights estimated without labels", people.num_rows)
    wide = probabilistic_edges(people, new_model(name, settings, {}), thresholds.review_weight)
    labelled = _labelled(decisions, wide, before)
    lessons = _lessons(labelled, wide, before, thresholds)
    if lessons.num_rows:
        settings = taught(settings, lessons)
        wide = probabilistic_edges(people, new_model(name, settings, {}), thresholds.review_weight)
    say("labelled pairs learnt from", lessons.num_rows)
    settings |= {"blocking_rules_to_generate_predictions": _as_splink_says(settings, blocking.chosen)}
    model = new_model(name, settings, _trained_on(people, lessons, rules))
    after = _met(wide, people, blocking.chosen, model.version)
    say("pairs weighed by the new model", after.num_rows)

    change = None
    if before is not None:
        change = _change(nodes, (before, after), standing(decisions, as_of), rules, lake.settings.identity_key)
        say("profiles compared", change.profiles_after)
    judging = labelled.filter(pc.invert(labelled["teaches"]))
    stewards = judge(judging, after, before, thresholds.link_weight)
    identifiers = judge(_told(matches, nodes, after, before, rules), after, before, thresholds.link_weight)
    links = _links(before, thresholds), _links(after, thresholds)
    found = levels(model, used)
    return Training(
        name=name,
        model=model,
        in_use=used.version if used else None,
        levels=found,
        blocking=blocking,
        dropped=_dropped(wide, people, blocking, thresholds),
        stewards=stewards,
        identifiers=identifiers,
        quality=estimate(bands(after, judging, thresholds)),
        taught=lessons.num_rows,
        links=links,
        change=change,
        checks=checks(found, stewards, identifiers, links, change),
    )


def take(lake: "Lake", training: Training, forced: dict[str, str] | None) -> Path:
    """Write the model where the workspace finds it, and write that down.

    Args:
        lake: The lake.
        training: What was trained.
        forced: author and reason, if it is taken though the gate is closed.

    Raises:
        DataError: If the audit can take no entry.
    """
    taken = new_model(
        training.name,
        training.model.settings,
        training.model.trained_on,
        training.as_dict() | {"forced": forced},
    )
    audit.ready(lake)
    path = save_model(training.name, taken, lake.settings.models)
    written = {f"models/{name}.json" for name in (training.name, taken.version)}
    # No word of the reason: it is in the model's file, and an entry stays for ever.
    detail = f"{taken.version}, taken " + ("against its gate" if forced else "as its gate let it")
    audit.note(lake, [replace(act, detail=detail) for act in model_acts(lake) if act.subject in written])
    return path


def _in_use(lake: "Lake") -> Model | None:
    name = lake.contracts.identity.probabilistic.model
    try:
        return load_model(name, lake.settings.models)
    except DataError:
        return None


def _trained_on(people: pa.Table, lessons: pa.Table, rules: IdentityRules) -> dict[str, Any]:
    return {
        "records": people.num_rows,
        "seed": SEED,
        "random_pairs": int(RANDOM_PAIRS),
        "labels": lessons.num_rows,
        "rules": rules.version,
        "splink": version("splink"),
    }


def _labelled(decisions: list[Decision], wide: pa.Table, before: pa.Table | None) -> pa.Table:
    """The labels of pairs that either model weighed, and whether they teach or judge.

    left_record, right_record, is_match, is_sampled, teaches.
    """
    weighed = wide if before is None else pa.concat_tables([wide, before])
    return query(
        """SELECT DISTINCT left_record, right_record, is_match, is_sampled,
                  is_sampled AND md5(concat_ws(chr(31), left_record, right_record)) < '8' AS teaches
           FROM labelled ORDER BY ALL""",
        labelled=labels(decisions, weighed),
    )


def _lessons(labelled: pa.Table, wide: pa.Table, before: pa.Table | None, thresholds: Probabilistic) -> pa.Table:
    """The matches that teach: evidence, and how many pairs each stands for in the sample that it was drawn in."""
    drawn_from = wide if before is None else before
    known = bands(drawn_from, labelled, thresholds)
    lower = [band.lower for band in known if band.sampled]
    stands_for = [band.pairs / band.sampled for band in known if band.sampled]
    return query(
        """WITH strata AS (SELECT unnest($lower::DOUBLE[]) AS lower, unnest($stands_for::DOUBLE[]) AS stands_for),
                drawn AS (
                    SELECT left_record, right_record, arg_max(stands_for, lower) AS stands_for
                    FROM labelled JOIN drawn_from USING (left_record, right_record) JOIN strata ON match_weight >= lower
                    WHERE teaches AND is_match GROUP BY ALL)
           SELECT evidence, stands_for FROM drawn JOIN wide USING (left_record, right_record)
           ORDER BY left_record, right_record""",
        {"lower": lower, "stands_for": stands_for},
        labelled=labelled,
        drawn_from=drawn_from.select(_PAIR),
        wide=wide.select([*_PAIR, "evidence"]),
    )


def _as_splink_says(settings: dict[str, Any], rules: tuple[Rule, ...]) -> list[dict[str, Any]]:
    """The blocking rules of a model's settings, cut down to ``rules``."""
    every = dict(zip(BLOCKING_RULES, settings["blocking_rules_to_generate_predictions"], strict=True))
    return [every[rule] for rule in rules]


def _met(wide: pa.Table, people: pa.Table, rules: tuple[Rule, ...], model_version: str) -> pa.Table:
    """Of the pairs that all candidates bring together, those that ``rules`` do."""
    met = " OR ".join(equal_in(columns) for columns in rules)
    return query(
        f"""SELECT wide.* REPLACE ($version::VARCHAR AS model_version) FROM wide
            JOIN people AS l ON l.record_id = left_record JOIN people AS r ON r.record_id = right_record
            WHERE {met} ORDER BY left_record, right_record""",
        {"version": model_version},
        wide=wide,
        people=people,
    ).cast(wide.schema)


def _dropped(wide: pa.Table, people: pa.Table, blocking: Blocking, thresholds: Probabilistic) -> tuple[Dropped, ...]:
    unmet = " OR ".join(equal_in(columns) for columns in blocking.chosen)
    found = []
    for columns in blocking.dropped:
        row = query(
            f"""SELECT count(*) AS pairs, count(*) FILTER (match_weight >= $link) AS links FROM wide
                JOIN people AS l ON l.record_id = left_record JOIN people AS r ON r.record_id = right_record
                WHERE {equal_in(columns)} AND NOT coalesce({unmet}, false)""",
            {"link": thresholds.link_weight},
            wide=wide.select(_PAIR),
            people=people,
        ).to_pylist()[0]
        found.append(Dropped(columns, row["pairs"], row["links"]))
    return tuple(found)


def _told(matches: pa.Table, nodes: Nodes, after: pa.Table, before: pa.Table | None, rules: IdentityRules) -> pa.Table:
    """The pairs that identifiers tell: left_record, right_record, is_match."""
    weighed = pa.concat_tables([after, before] if before else [after]).select(["left_record", "right_record"])
    others = known_differences(weighed, nodes.identifiers, rules)
    return query(
        "SELECT *, true AS is_match FROM matches UNION ALL SELECT *, false FROM others ORDER BY ALL",
        matches=matches,
        others=others,
    )


def _links(edges: pa.Table | None, thresholds: Probabilistic) -> int:
    return (
        0
        if edges is None
        else int(pc.sum(pc.greater_equal(edges["match_weight"], thresholds.link_weight)).as_py() or 0)
    )


def _change(
    nodes: Nodes, sides: tuple[pa.Table, pa.Table], decisions: list[Decision], rules: IdentityRules, key: bytes
) -> Difference:
    """What the new model (the second of the sides) would change."""
    before, after = (resolved(nodes, weighed, decisions, rules, key) for weighed in sides)
    # No examples: the model's file keeps what is found here, and a file of weights should name no record.
    held = unusable(nodes.identifiers)
    return difference(before, after, held, held, examples=0)
