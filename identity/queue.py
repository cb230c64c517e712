"""The review queue: which pairs of profiles a steward is asked about, and in which order.

The model leaves pairs between its two thresholds to people. Several such pairs may stand between the same two
profiles; one answer settles them all, so the queue holds one question for a pair of profiles, about its strongest
edge. First comes what joins most people, then what is worth most. The queue is a function of the other identity
tables and of silver: nothing that was shown or skipped leaves a trace in it.
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.edges import STEWARD
from identity.sql import query

if TYPE_CHECKING:
    from lakehouse.lake import Lake

MOST = "9999999999999999.99"
"""Two orders of ten thousand million million each are two broken lines, and no reason to stop."""
NO_VALUE = pa.Table.from_batches([], pa.schema([("record_id", pa.string()), ("value", pa.decimal128(18, 2))]))


def read_value(lake: "Lake", rules: IdentityRules) -> pa.Table:
    """What the events of each record were worth: record_id and value, without the records that have none.

    Sums of decimals, which, unlike those of floats, do not depend on the order of rows.
    """
    if rules.review is None:
        return NO_VALUE
    amounts = " ".join(
        f"WHEN event = '{worth.event}' THEN try_cast(properties['{worth.property}'] AS DECIMAL(18, 2))"
        for worth in rules.review.value_of
    )
    events = ", ".join(f"'{worth.event}'" for worth in rules.review.value_of)
    with lake.quick("silver.events") as connection:
        return connection.sql(
            f"""SELECT record_id, (CASE WHEN total > {MOST} THEN {MOST} ELSE total END)::DECIMAL(18, 2) AS value
                FROM (SELECT record_id, sum(CASE {amounts} END) AS total FROM silver.events
                      WHERE event IN ({events}) AND record_id IS NOT NULL GROUP BY record_id)"""
        ).to_arrow_table()


def review_queue(edges: pa.Table, assignments: pa.Table, records: pa.Table, value: pa.Table) -> pa.Table:
    """identity.review_queue.

    Args:
        edges: identity.edges. A pair of profiles that an unlink keeps apart is not asked about, nor is any other
            edge between them.
        assignments: identity.assignments.
        records: identity.records.
        value: ``read_value``.
    """
    return query(
        f"""WITH placed AS (
               SELECT edges.*, l.profile_id AS left_profile, r.profile_id AS right_profile,
                      least(l.profile_id, r.profile_id) AS one, greatest(l.profile_id, r.profile_id) AS other
               FROM edges JOIN assignments AS l ON l.record_id = left_record
               JOIN assignments AS r ON r.record_id = right_record
               WHERE l.profile_id <> r.profile_id),
           refused AS (
               SELECT one, other, arg_max(reason, (probability, rule, reason)) AS against,
                      bool_or(rule = '{STEWARD}') AS is_decided
               FROM placed WHERE state = 'blocked' GROUP BY ALL),
           waiting AS (
               SELECT one, other, left_record, right_record, left_profile, right_profile, match_weight, probability,
                      count(*) OVER pair AS edges
               FROM placed WHERE state = 'review'
               WINDOW pair AS (PARTITION BY one, other)
               QUALIFY row_number() OVER (PARTITION BY one, other
                                          ORDER BY match_weight DESC, left_record, right_record) = 1),
           open AS (
               SELECT waiting.*, against FROM waiting LEFT JOIN refused USING (one, other)
               WHERE NOT coalesce(is_decided, false)),
           around AS (
               SELECT profile_id, count(*) + 1 AS people
               FROM (SELECT one AS profile_id FROM open UNION ALL SELECT other FROM open) GROUP BY profile_id),
           profiles AS (
               SELECT profile_id, count(*) AS records, sum(events) AS events, coalesce(sum(value), 0) AS value
               FROM assignments JOIN records USING (record_id) LEFT JOIN value USING (record_id)
               WHERE profile_id IN (SELECT profile_id FROM around) GROUP BY profile_id),
           asked AS (
               SELECT left_record, right_record, left_profile, right_profile, match_weight, probability, edges,
                      greatest(around_one.people, around_other.people) AS people,
                      l.records + r.records AS records, (l.events + r.events)::BIGINT AS events,
                      (l.value + r.value)::DECIMAL(18, 2) AS value, against
               FROM open JOIN around AS around_one ON around_one.profile_id = one
               JOIN around AS around_other ON around_other.profile_id = other
               JOIN profiles AS l ON l.profile_id = left_profile JOIN profiles AS r ON r.profile_id = right_profile)
           SELECT row_number() OVER (ORDER BY people DESC, value DESC, records DESC, events DESC, match_weight DESC,
                                              left_record, right_record)::INTEGER AS place,
                  * REPLACE (edges::INTEGER AS edges, people::INTEGER AS people, records::INTEGER AS records)
           FROM asked ORDER BY place""",
        edges=edges.select(["left_record", "right_record", "rule", "match_weight", "probability", "state", "reason"]),
        assignments=assignments.select(["record_id", "profile_id"]),
        records=records.select(["record_id", "events"]),
        value=value,
    )
