"""What stewards' decisions teach: a label is a decision on a pair of records that the model weighed.

A decision made while a random sample was reviewed says so in its reason. Only such labels are like the pairs that
they were drawn from; what was reviewed in order of value, or decided after a complaint, is not.
"""

from collections.abc import Iterable

import pyarrow as pa

from identity.decisions import Decision, in_force
from identity.sql import query

FROM_QUEUE = "review:"
FROM_SAMPLE = "review of a random sample:"
"""How the reasons begin of decisions that answer the queue, and of those that answer a sample."""
WEIGHED = ("left_record", "right_record", "kind", "match_weight")


def is_of_review(reason: str) -> bool:
    """Whether a reason reads as that of an answer to the queue or to a sample."""
    return reason.strip().startswith((FROM_QUEUE, FROM_SAMPLE))


def labels(decisions: Iterable[Decision], edges: pa.Table) -> pa.Table:
    """The labelled pairs, in the order of their records.

    Args:
        decisions: All decisions ever made. One that expired still says what a steward saw; one that was taken back
            says nothing.
        edges: identity.edges.

    Returns:
        left_record, right_record, is_match, match_weight, and is_sampled: whether the pair was drawn at random.
    """
    made = in_force(decisions)
    columns = {
        "left_record": [item.left_record for item in made],
        "right_record": [item.right_record for item in made],
        "is_match": [item.action == "link" for item in made],
        "is_sampled": [item.reason.startswith(FROM_SAMPLE) for item in made],
    }
    return query(
        """WITH decided AS (
               SELECT unnest($left_record::VARCHAR[]) AS left_record, unnest($right_record::VARCHAR[]) AS right_record,
                      unnest($is_match::BOOLEAN[]) AS is_match, unnest($is_sampled::BOOLEAN[]) AS is_sampled)
           SELECT left_record, right_record, is_match, match_weight, is_sampled
           FROM decided JOIN edges USING (left_record, right_record)
           WHERE kind = 'probabilistic' ORDER BY ALL""",
        columns,
        edges=edges.select(list(WEIGHED)),
    )
