"""How right the profiles are, against a known truth.

Pairwise precision and recall, as in Menestrina, Whang, Garcia-Molina, "Evaluating Entity Resolution Results"
(2010, doi:10.14778/1920841.1920871). We do not use B-cubed: it stays high while a cluster swallows thousands
of people.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.forest import spanning_forest
from identity.rates import PairCounts
from identity.records import Nodes
from identity.sql import query


@dataclass(frozen=True, kw_only=True)
class Metrics(PairCounts):
    """What the evaluation found, over records that belong to one person.

    Attributes:
        records: Records that were judged.
        people: People in the truth.
        profiles: Profiles that hold them.
        merged_profiles: Profiles that hold records of several people.
        split_people: People whose records are in several profiles.
        biggest_profile: Most records in one profile.
        biggest_wrong_profile: Most records in one profile that holds several people.
    """

    records: int
    people: int
    profiles: int
    merged_profiles: int
    split_people: int
    biggest_profile: int
    biggest_wrong_profile: int


def evaluate(assignments: pa.Table, truth: pa.Table) -> Metrics:
    """Compare profiles with the truth.

    Args:
        assignments: record_id and profile_id.
        truth: record_id, person_id, is_shared; a shared record (a kiosk, a family mailbox) has no one person
            and is not judged, nor is a record that the truth does not know.
    """
    row = query(
        """WITH judged AS (
               SELECT record_id, profile_id, person_id FROM assignments JOIN truth USING (record_id)
               WHERE NOT is_shared AND person_id IS NOT NULL),
           cells AS (SELECT profile_id, person_id, count(*) AS n FROM judged GROUP BY ALL),
           profiles AS (SELECT profile_id, sum(n) AS n, count(*) AS people FROM cells GROUP BY ALL),
           persons AS (SELECT person_id, sum(n) AS n, count(*) AS profiles FROM cells GROUP BY ALL)
           SELECT (SELECT count(*) FROM judged) AS records,
                  (SELECT count(*) FROM persons) AS people,
                  (SELECT count(*) FROM profiles) AS profiles,
                  (SELECT sum(n * (n - 1) // 2) FROM persons) AS true_pairs,
                  (SELECT sum(n * (n - 1) // 2) FROM profiles) AS found_pairs,
                  (SELECT sum(n * (n - 1) // 2) FROM cells) AS right_pairs,
                  (SELECT count(*) FROM profiles WHERE people > 1) AS merged_profiles,
                  (SELECT count(*) FROM persons WHERE profiles > 1) AS split_people,
                  (SELECT max(n) FROM profiles) AS biggest_profile,
                  (SELECT max(n) FROM profiles WHERE people > 1) AS biggest_wrong_profile""",
        assignments=assignments.select(["record_id", "profile_id"]),
        truth=truth.select(["record_id", "person_id", "is_shared"]),
    ).to_pylist()[0]
    return Metrics(**{name: int(value or 0) for name, value in row.items()})


def to_be_joined(truth: pa.Table, assignments: pa.Table) -> pa.Table:
    """The truth without the records of who refused to be linked: to keep those apart is right, and no pair missed.

    Args:
        truth: As for ``evaluate``.
        assignments: identity.assignments; a release of before refusals were read names none.
    """
    if "refused_by" not in assignments.column_names:
        return truth
    return query(
        """SELECT truth.* FROM truth ANTI JOIN (
               SELECT record_id FROM assignments WHERE refused_by IS NOT NULL) USING (record_id)""",
        truth=truth,
        assignments=assignments.select(["record_id", "refused_by"]),
    )


def within_reach(nodes: Nodes, truth: pa.Table) -> pa.Table:
    """What a judge who never errs but sees only our evidence would join: record_id and reach, a number.

    Two records of a person are within reach of each other if a chain of that person's records joins them in which
    neighbours share an identifier, usable or not, or both have a name. A browser that never logged in is not. No engine
    that links by identifiers and attributes can pass the recall of this judge.
    """
    records = nodes.records.select(["record_id", "first_name", "last_name"])
    numbered = query(
        """SELECT record_id, person_id, row_number() OVER (ORDER BY record_id) - 1 AS number,
                  first_name IS NOT NULL OR last_name IS NOT NULL AS is_named
           FROM records JOIN truth USING (record_id) WHERE NOT is_shared AND person_id IS NOT NULL ORDER BY number""",
        records=records,
        truth=truth,
    )
    pairs = query(
        """SELECT number, min(number) OVER (PARTITION BY person_id, identifier, value) AS hub
           FROM identifiers JOIN numbered USING (record_id)
           UNION ALL
           SELECT number, min(number) OVER (PARTITION BY person_id) FROM numbered WHERE is_named
           ORDER BY ALL""",
        identifiers=nodes.identifiers.select(["record_id", "identifier", "value"]),
        numbered=numbered,
    )
    groups, _ = spanning_forest(
        numbered.num_rows, pairs["number"].to_numpy().astype(np.int64), pairs["hub"].to_numpy().astype(np.int64)
    )
    return pa.table({"record_id": numbered["record_id"], "reach": pa.array(groups, pa.int64())})
