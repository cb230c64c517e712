"""Visits that would be somebody else's under other rules: spells between log-ins, compared event by event."""

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_MOVED = """
    WITH visits AS (
        SELECT event_id, record_id, occurred_at FROM silver.events
        WHERE record_id IN (SELECT record_id FROM spells_before UNION SELECT record_id FROM spells_after)),
    whose AS (
        SELECT event_id, visits.record_id, b.account_record AS before, a.account_record AS after FROM visits
        LEFT JOIN spells_before AS b ON b.record_id = visits.record_id AND occurred_at >= b.since
             AND (b.until IS NULL OR occurred_at < b.until)
        LEFT JOIN spells_after AS a ON a.record_id = visits.record_id AND occurred_at >= a.since
             AND (a.until IS NULL OR occurred_at < a.until))
    SELECT count(*) FROM whose JOIN assignments AS b ON b.record_id = coalesce(before, whose.record_id)
    JOIN assignments AS a ON a.record_id = coalesce(after, whose.record_id) WHERE b.profile_id <> a.profile_id
"""


def visits_moved(lake: "Lake", before: pa.Table, after: pa.Table, assignments: pa.Table) -> int:
    """How many events other spells would give to another person.

    Args:
        lake: Has the events.
        before: Spells under the rules in use.
        after: Spells under the new ones.
        assignments: identity.assignments under the new rules, for both sides: what profiles become is told elsewhere.
    """
    columns = ["record_id", "since", "until", "account_record"]
    with lake.quick("silver.events") as connection:
        connection.register("spells_before", before.select(columns))
        connection.register("spells_after", after.select(columns))
        connection.register("assignments", assignments.select(["record_id", "profile_id"]))
        (moved,) = connection.execute(_MOVED).fetchone() or (0,)
    return int(moved)
