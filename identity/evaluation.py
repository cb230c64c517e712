"""A lake's profiles against a known truth: all figures, by group, and why pairs were missed."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from identity.evaluate import Metrics, evaluate, to_be_joined, within_reach
from identity.records import Nodes
from identity.sql import query
from identity.subgroups import Group, subgroups
from identity.truth import FILE, read_truth
from lakehouse.errors import DataError, UsageError

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_READ = ("records", "identifiers", "edges", "assignments")


@dataclass(frozen=True)
class Missed:
    """Pairs of one person that are in two profiles, for one cause."""

    cause: str
    pairs: int


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        metrics: Of all records of one person each.
        reachable_pairs: Pairs of one person that some evidence joins; see ``evaluate.within_reach``.
        right_reachable_pairs: Those of them that were found.
        missed: Why the others were not, the most frequent cause first.
        groups: By source, and by what the truth knows of the people.
    """

    metrics: Metrics
    reachable_pairs: int
    right_reachable_pairs: int
    missed: tuple[Missed, ...]
    groups: tuple[Group, ...]

    @property
    def recall_within_reach(self) -> float:
        """Of the pairs of one person that some evidence joins, the share that was found."""
        return self.right_reachable_pairs / self.reachable_pairs if self.reachable_pairs else 1.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return self.metrics.as_dict() | {
            "reachable_pairs": self.reachable_pairs,
            "right_reachable_pairs": self.right_reachable_pairs,
            "recall_within_reach": self.recall_within_reach,
            "missed": [asdict(item) for item in self.missed],
            "groups": [group.as_dict() for group in self.groups],
        }


def evaluate_lake(lake: "Lake", truth: Path) -> Evaluation:
    """Judge the live profiles of a lake, but for the records of who refused to be linked.

    Args:
        lake: The lake.
        truth: A folder with records.parquet (``truth.read_truth``) and, if groups of people are known, groups.parquet
            (person_id, dimension, value).

    Raises:
        UsageError: If there is no such folder, or the lake has no profiles yet.
        DataError: If the truth knows none of the records.
    """
    if not (truth / FILE).is_file():
        raise UsageError(
            "there is no truth here", str(truth), "give the folder that holds records.parquet: --truth FOLDER"
        )
    missing = [name for name in _READ if not lake.exists(f"identity.{name}")]
    if missing:
        raise UsageError("there are no profiles yet", str(lake.settings.lake), "make them: clew run")
    with lake.duck(only=[f"identity.{name}" for name in _READ]) as connection:
        tables = {name: connection.sql(f"SELECT * FROM identity.{name}").to_arrow_table() for name in _READ}
    known = to_be_joined(read_truth(truth, lake.settings.identity_key), tables["assignments"])
    metrics = evaluate(tables["assignments"], known)
    if not metrics.records:
        raise DataError(
            "the truth knows none of the records", str(truth), "give the truth of this lake's landing files"
        )
    judged = query(
        """SELECT record_id, profile_id, person_id, reach FROM assignments JOIN truth USING (record_id)
           JOIN within USING (record_id) WHERE NOT is_shared AND person_id IS NOT NULL ORDER BY record_id""",
        assignments=tables["assignments"].select(["record_id", "profile_id"]),
        truth=known,
        within=within_reach(Nodes(tables["records"], tables["identifiers"]), known),
    )
    groups = subgroups(judged, _members(tables["records"], known, truth / "groups.parquet"))
    everyone = subgroups(judged, _everyone(judged))
    reachable, found = (everyone[0].reachable_pairs, everyone[0].right_reachable_pairs) if everyone else (0, 0)
    return Evaluation(metrics, reachable, found, missed(judged, tables["edges"]), groups)


def missed(judged: pa.Table, edges: pa.Table) -> tuple[Missed, ...]:
    """The missed pairs by cause.

    Two profiles of one person are apart for the strongest edge between them that does not join: one that awaits review,
    or else one that a rule blocked. Where no edge is, either no evidence joins the records, or it is one that no rule
    and no weight above the review threshold makes an edge of.

    Args:
        judged: record_id, profile_id, person_id and reach.
        edges: identity.edges.
    """
    rows = query(
        """WITH profiles AS (SELECT record_id, profile_id FROM judged),
                cells AS (SELECT person_id, profile_id, reach, count(*) AS n FROM judged GROUP BY ALL),
                apart AS (
                    SELECT l.profile_id AS one, r.profile_id AS other, l.reach = r.reach AS is_reachable,
                           l.n * r.n AS pairs
                    FROM cells AS l JOIN cells AS r USING (person_id)
                    WHERE l.profile_id < r.profile_id),
                between_them AS (
                    SELECT least(l.profile_id, r.profile_id) AS one, greatest(l.profile_id, r.profile_id) AS other,
                           max_by(CASE WHEN state = 'review' THEN 'awaits review'
                                       ELSE 'refused: ' || split_part(reason, ':', 1) END,
                                  (state = 'review', match_weight, reason)) AS cause
                    FROM edges JOIN profiles AS l ON l.record_id = left_record
                    JOIN profiles AS r ON r.record_id = right_record
                    WHERE l.profile_id <> r.profile_id GROUP BY ALL)
           SELECT CASE WHEN cause IS NOT NULL THEN cause WHEN is_reachable THEN 'too little evidence for an edge'
                       ELSE 'no evidence' END AS cause, sum(pairs)::BIGINT AS pairs
           FROM apart LEFT JOIN between_them USING (one, other) GROUP BY 1 ORDER BY pairs DESC, cause""",
        judged=judged,
        edges=edges.select(["left_record", "right_record", "state", "match_weight", "reason"]),
    ).to_pylist()
    return tuple(Missed(**row) for row in rows)


def _members(records: pa.Table, truth: pa.Table, groups: Path) -> pa.Table:
    """record_id, dimension and value: of each source that a record comes from, and of what the truth says of people."""
    sources = query(
        "SELECT record_id, 'source' AS dimension, unnest(string_split(sources, ',')) AS value FROM records",
        records=records.select(["record_id", "sources"]),
    )
    if not groups.is_file():
        return sources
    of_people = query(
        """SELECT record_id, dimension, value FROM truth
           JOIN (SELECT person_id, dimension, value FROM read_parquet($path::VARCHAR)) USING (person_id)""",
        {"path": str(groups)},
        truth=truth.select(["record_id", "person_id"]),
    )
    return pa.concat_tables([sources, of_people])


def _everyone(judged: pa.Table) -> pa.Table:
    return query("SELECT record_id, 'all' AS dimension, 'all' AS value FROM judged", judged=judged)
