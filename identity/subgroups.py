"""False and missed merges by group: by source, and by what the truth knows of the people.

A pair of records counts for a group if one of its two records is in it, so that a wrong pair of two people counts for
the groups of both. Counts are of pairs: one large wrong profile weighs as much as it does in precision and recall.
"""

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from identity.sql import query

_PARTITIONS = {
    "true_pairs": "person_id",
    "reachable_pairs": "person_id, reach",
    "found_pairs": "profile_id",
    "right_pairs": "person_id, profile_id",
    "right_reachable_pairs": "person_id, profile_id, reach",
}
"""What is counted, and what two records must share to be one of those pairs."""


@dataclass(frozen=True)
class Group:
    """What went right and wrong with one group.

    Attributes:
        dimension, value: What makes the group, such as source and crm.
        records, people: Records judged, and the people they are of.
        true_pairs: Pairs of one person.
        reachable_pairs: Those that some evidence joins; see ``evaluate.within_reach``.
        found_pairs: Pairs of one profile.
        right_pairs: Pairs of one person in one profile.
        right_reachable_pairs: Those that some evidence joins.
    """

    dimension: str
    value: str
    records: int
    people: int
    true_pairs: int
    reachable_pairs: int
    found_pairs: int
    right_pairs: int
    right_reachable_pairs: int

    @property
    def false_merges(self) -> float | None:
        """Of the pairs found, the share that is two people; None where none was found."""
        return 1 - self.right_pairs / self.found_pairs if self.found_pairs else None

    @property
    def missed_merges(self) -> float | None:
        """Of all pairs of one person, the share that was not found; None where there are none."""
        return 1 - self.right_pairs / self.true_pairs if self.true_pairs else None

    @property
    def missed_within_reach(self) -> float | None:
        """Of the pairs of one person that some evidence joins, the share that was not found."""
        return 1 - self.right_reachable_pairs / self.reachable_pairs if self.reachable_pairs else None

    def as_dict(self) -> dict[str, Any]:
        """All figures, the rates included."""
        return asdict(self) | {
            "false_merges": self.false_merges,
            "missed_merges": self.missed_merges,
            "missed_within_reach": self.missed_within_reach,
        }


def subgroups(judged: pa.Table, members: pa.Table) -> tuple[Group, ...]:
    """The figures of each group, by dimension and value.

    Args:
        judged: record_id, profile_id, person_id and reach of each record that is judged.
        members: record_id, dimension and value; a record may be in several groups of a dimension.
    """
    joins = " ".join(f"JOIN ({_touching(name, parts)}) USING (dimension, value)" for name, parts in _PARTITIONS.items())
    rows = query(
        f"""WITH placed AS (SELECT * FROM judged JOIN members USING (record_id)),
                 counted AS (
                     SELECT dimension, value, count(*) AS records, count(DISTINCT person_id) AS people
                     FROM placed GROUP BY ALL)
            SELECT * FROM counted {joins} ORDER BY dimension, value""",
        judged=judged,
        members=members,
    ).to_pylist()
    return tuple(Group(**row) for row in rows)


def _touching(name: str, parts: str) -> str:
    """SQL for the pairs within the parts of a partition that touch a group: all but those between two others."""
    return f"""
        SELECT dimension, value, sum((n * (n - 1) - (n - inside) * (n - inside - 1)) // 2)::BIGINT AS {name}
        FROM (SELECT dimension, value, {parts}, count(*) AS inside FROM placed GROUP BY ALL)
        JOIN (SELECT {parts}, count(*) AS n FROM judged GROUP BY ALL) USING ({parts})
        GROUP BY ALL"""
