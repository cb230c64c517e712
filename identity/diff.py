"""What other rules or another model would change: two resolutions of the same records, compared.

Merges and splits are told from the records alone: a profile of the one side that holds records of several profiles of
the other. The edge shown with each is one that joins across them; it is the weakest such edge, for the doubtful ones
are what somebody who takes rules should see.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa

from identity.resolution import Resolution
from identity.sql import query

_MOVES = """
    WITH moves AS (
        SELECT record_id, b.profile_id AS old, a.profile_id AS new FROM before AS b JOIN after AS a USING (record_id)),
    olds AS (SELECT old, count(*) AS records, count(DISTINCT new) AS parts FROM moves GROUP BY old),
    news AS (SELECT new, count(*) AS records, count(DISTINCT old) AS parts FROM moves GROUP BY new)
"""


@dataclass(frozen=True)
class Example:
    """A merge or a split, and an edge that makes it.

    Attributes:
        change: merge or split.
        profile: The profile after the merge, or before the split, and how many records and how many profiles of the
            other side it holds.
        left_record, right_record, kind, rule, match_weight: The edge that joins across them.
        before, after: What clustering makes of that edge under the rules in use and under the new ones, with the
            reason; "not there" where its evidence is none under those rules.
    """

    change: Literal["merge", "split"]
    profile: str
    records: int
    parts: int
    left_record: str
    right_record: str
    kind: str
    rule: str
    match_weight: float
    before: str
    after: str


@dataclass(frozen=True)
class EdgeCount:
    """How many edges of a rule are in a state, before and after."""

    kind: str
    rule: str
    state: str
    before: int
    after: int


@dataclass(frozen=True)
class Difference:
    """What would change.

    Attributes:
        records: Records resolved, the same on both sides.
        profiles_before, profiles_after: Profiles.
        merges: Profiles after that hold records of several profiles before.
        splits: Profiles before whose records would be in several profiles.
        people_touched: Profiles before that would not hold the very same records.
        ids_changed: Records that would be in a profile of another id.
        biggest_before, biggest_after: Records of the biggest profile.
        edges: By kind, rule and state.
        examples: Merges, then splits, the biggest first.
    """

    records: int
    profiles_before: int
    profiles_after: int
    merges: int
    splits: int
    people_touched: int
    ids_changed: int
    biggest_before: int
    biggest_after: int
    edges: tuple[EdgeCount, ...]
    examples: tuple[Example, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def difference(
    before: Resolution, after: Resolution, unusable_before: pa.Table, unusable_after: pa.Table, examples: int
) -> Difference:
    """Compare two resolutions of the same records.

    Args:
        before: Under the rules in use.
        after: Under the new ones.
        unusable_before: ``unusable`` of the identifiers under the rules in use.
        unusable_after: The same under the new ones.
        examples: How many merges and how many splits to show.
    """
    sides = {
        "before": before.assignments.select(["record_id", "profile_id"]),
        "after": after.assignments.select(["record_id", "profile_id"]),
    }
    counts = query(
        f"""{_MOVES}
            SELECT count(*) AS records, count(DISTINCT old) AS profiles_before, count(DISTINCT new) AS profiles_after,
                   (SELECT count(*) FROM news WHERE parts > 1) AS merges,
                   (SELECT count(*) FROM olds WHERE parts > 1) AS splits,
                   count(DISTINCT old) FILTER (olds.parts > 1 OR news.parts > 1) AS people_touched,
                   count(*) FILTER (old <> new) AS ids_changed,
                   coalesce(max(olds.records), 0) AS biggest_before, coalesce(max(news.records), 0) AS biggest_after
            FROM moves JOIN olds USING (old) JOIN news USING (new)""",
        **sides,
    ).to_pylist()[0]
    merges = _examples("merge", after, before, unusable_before, examples, sides)
    splits = _examples("split", before, after, unusable_after, examples, sides)
    return Difference(**counts, edges=_edge_counts(before.edges, after.edges), examples=(*merges, *splits))


def unusable(identifiers: pa.Table) -> pa.Table:
    """The identifiers that do not identify: record_id, identifier and reason."""
    return query(
        """SELECT record_id, identifier, min(reason) AS reason FROM identifiers
           WHERE NOT is_usable GROUP BY ALL ORDER BY ALL""",
        identifiers=identifiers,
    )


def _edge_counts(before: pa.Table, after: pa.Table) -> tuple[EdgeCount, ...]:
    columns = ["kind", "rule", "state"]
    rows = query(
        """SELECT kind, rule, state, count(*) FILTER (side = 'before') AS before,
                  count(*) FILTER (side = 'after') AS after
           FROM (SELECT *, 'before' AS side FROM edges_before UNION ALL SELECT *, 'after' FROM edges_after)
           GROUP BY ALL ORDER BY ALL""",
        edges_before=before.select(columns),
        edges_after=after.select(columns),
    ).to_pylist()
    return tuple(EdgeCount(**row) for row in rows)


def _examples(
    change: Literal["merge", "split"],
    joined: Resolution,
    apart: Resolution,
    unusable_apart: pa.Table,
    wanted: int,
    sides: dict[str, pa.Table],
) -> list[Example]:
    """One edge for each profile of ``joined`` that holds several profiles of ``apart``."""
    whole, part = ("new", "old") if change == "merge" else ("old", "new")
    rows = query(
        f"""{_MOVES}
            , across AS (
                SELECT l.{whole} AS profile, joined.* FROM joined
                JOIN moves AS l ON l.record_id = left_record JOIN moves AS r ON r.record_id = right_record
                WHERE state = 'linked' AND l.{part} <> r.{part}
                QUALIFY row_number() OVER (PARTITION BY l.{whole} ORDER BY probability, match_weight, left_record,
                                                                           right_record, rule) = 1)
            SELECT profile, records, parts, across.left_record, across.right_record, across.kind, across.rule,
                   across.match_weight, 'linked' AS joined_as,
                   CASE WHEN apart.state IS NOT NULL THEN concat_ws(': ', apart.state, apart.reason)
                        ELSE concat_ws(': ', 'not there', coalesce(l.reason, r.reason)) END AS apart_as
            FROM across JOIN {whole}s ON {whole}s.{whole} = profile
            LEFT JOIN apart USING (left_record, right_record, kind, rule)
            LEFT JOIN unusable AS l ON l.record_id = across.left_record AND l.identifier = across.rule
            LEFT JOIN unusable AS r ON r.record_id = across.right_record AND r.identifier = across.rule
            ORDER BY records DESC, profile LIMIT {wanted:d}""",
        joined=joined.edges.select(
            ["left_record", "right_record", "kind", "rule", "match_weight", "probability", "state"]
        ),
        apart=apart.edges.select(["left_record", "right_record", "kind", "rule", "state", "reason"]),
        unusable=unusable_apart,
        **sides,
    ).to_pylist()
    found = []
    for row in rows:
        joined_as, apart_as = row.pop("joined_as"), row.pop("apart_as")
        before, after = (apart_as, joined_as) if change == "merge" else (joined_as, apart_as)
        found.append(Example(change=change, before=before, after=after, **row))
    return found
