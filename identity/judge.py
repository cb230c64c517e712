"""Two models before the same labelled pairs.

A model is right about a pair if it links a match, or does not link a pair of two people. Whether the new one is worse
is told by the pairs about which only one of the two is right: McNemar, "Note on the Sampling Error of the Difference
Between Correlated Proportions" (1947, doi:10.1007/BF02295996), in its exact one-sided form, because such pairs are few.
"""

from dataclasses import dataclass
from math import comb

import pyarrow as pa

from identity.sql import query


@dataclass(frozen=True)
class Judgement:
    """What labelled pairs say of two models.

    Attributes:
        pairs, matches: Labelled pairs, and those that are one person.
        linked_matches, linked_others: Matches, and pairs of two people, that the new model links.
        linked_matches_in_use, linked_others_in_use: The same of the model in use; None where there is none.
        gained, lost: Pairs about which only the new model, and only the one in use, is right.
        chance: How probable it is to lose so many of those that changed, or more, if both are equally good.
    """

    pairs: int
    matches: int
    linked_matches: int
    linked_others: int
    linked_matches_in_use: int | None
    linked_others_in_use: int | None
    gained: int
    lost: int
    chance: float


def judge(labelled: pa.Table, weighed: pa.Table, in_use: pa.Table | None, link_weight: float) -> Judgement:
    """Compare two models on labelled pairs.

    Args:
        labelled: left_record, right_record, is_match.
        weighed: The new model's edges (left_record, right_record, match_weight); a pair that is not there is not
            linked.
        in_use: Those of the model in use; None if there is none.
        link_weight: From which weight on a pair is linked.
    """
    columns = ["left_record", "right_record", "match_weight"]
    row = query(
        """WITH judged AS (
               SELECT is_match, coalesce(n.match_weight >= $link, false) AS new,
                      coalesce(o.match_weight >= $link, false) AS old
               FROM labelled LEFT JOIN weighed AS n USING (left_record, right_record)
               LEFT JOIN in_use AS o USING (left_record, right_record))
           SELECT count(*) AS pairs, count(*) FILTER (is_match) AS matches,
                  count(*) FILTER (is_match AND new) AS linked_matches,
                  count(*) FILTER (NOT is_match AND new) AS linked_others,
                  count(*) FILTER (is_match AND old) AS linked_matches_in_use,
                  count(*) FILTER (NOT is_match AND old) AS linked_others_in_use,
                  count(*) FILTER (new <> old AND new = is_match) AS gained,
                  count(*) FILTER (new <> old AND old = is_match) AS lost
           FROM judged""",
        {"link": link_weight},
        labelled=labelled.select(["left_record", "right_record", "is_match"]),
        weighed=weighed.select(columns),
        in_use=(weighed if in_use is None else in_use).select(columns),
    ).to_pylist()[0]
    if in_use is None:
        row |= {"linked_matches_in_use": None, "linked_others_in_use": None}
    return Judgement(**row, chance=_chance(row["lost"], row["gained"]))


def _chance(lost: int, gained: int) -> float:
    """Of losing so many or more out of those that changed, where losing and gaining are equally probable."""
    changed = lost + gained
    return round(sum(comb(changed, number) for number in range(lost, changed + 1)) / 2**changed, 6)
