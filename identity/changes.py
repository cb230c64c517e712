"""What a run changed in who is who, against what was believed before it: the numbers of ops.identity_changes."""

import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from identity.sql import query

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run

TABLE = "ops.identity_changes"


def changes(before: pa.Table, after: pa.Table) -> dict[str, int]:
    """Compare two beliefs.

    Args:
        before: record_id and profile_id of what was believed.
        after: record_id, profile_id and own_profile_id of what is believed now.
    """
    (counts,) = query(
        """WITH held AS (SELECT *, count(*) OVER (PARTITION BY profile_id) AS size FROM before),
           parts AS (
               SELECT held.profile_id AS was, after.profile_id AS became, any_value(size) AS size, count(*) AS kept
               FROM held JOIN after USING (record_id) GROUP BY ALL),
           compared AS (
               SELECT *, was <> became AND kept = size AND kept = sum(kept) OVER (PARTITION BY became) AS has_churned
               FROM parts),
           told AS (
               SELECT coalesce(sum(kept), 0) AS kept, count(*) - count(DISTINCT became) AS merges,
                      count(*) - count(DISTINCT was) AS splits,
                      coalesce(sum(kept) FILTER (has_churned), 0) AS records_churned
               FROM compared),
           redirected AS (
               SELECT count(*) AS redirects FROM after SEMI JOIN before ON before.profile_id = own_profile_id
               WHERE own_profile_id <> after.profile_id),
           sizes AS (
               SELECT count(*) AS records, count(DISTINCT profile_id) AS profiles,
                      (SELECT count(*) FROM before) AS records_before
               FROM after)
           SELECT records, (records - kept)::BIGINT AS records_new, (records_before - kept)::BIGINT AS records_gone,
                  profiles, merges, splits, redirects, records_churned::BIGINT AS records_churned
           FROM told, redirected, sizes""",
        before=before.select(["record_id", "profile_id"]),
        after=after.select(["record_id", "profile_id", "own_profile_id"]),
    ).to_pylist()
    return counts


def id_churn(counts: dict[str, int]) -> float:
    """The share of the records that were there before, and still are, whose id changed though nothing else did."""
    kept = counts["records"] - counts["records_new"]
    return counts["records_churned"] / kept if kept else 0.0


def publish_changes(lake: "Lake", run: "Run", counts: dict[str, int]) -> None:
    """Keep the counts of a run, instead of those of an earlier try of it."""
    row = {"run_id": run.run_id, "as_of": run.as_of, "at": datetime.datetime.now(datetime.UTC), **counts}
    of_run = run.run_id.replace("'", "''")
    lake.overwrite(TABLE, [row | {"id_churn": id_churn(counts)}], where=f"run_id = '{of_run}'")
