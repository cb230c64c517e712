"""Rows past their period in tables that are no function of bronze: of runs, and what was once believed of records."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts import period

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

HISTORY = "identity.history"
BY_RUN_DATE = {"ops.runs": "as_of", "ops.identity_changes": "as_of"}
"""Tables of runs that say themselves which date they stand for."""
BY_RUN = ("ops.check_results", "ops.gated_versions")
"""Tables of runs whose date ops.runs knows."""


@dataclass(frozen=True)
class OldRows:
    """The rows of one table that are past its period.

    Attributes:
        table: The table.
        days: Its period.
        on: The columns that tell the rows.
        keys: Their values.
        rows: How many rows that are.
    """

    table: str
    days: int
    on: tuple[str, ...]
    keys: pa.Table
    rows: int


def find(lake: "Lake", as_of: datetime.date, held: Collection[str]) -> list[OldRows]:
    """The old rows by table; ops.runs tells the dates of the others, and comes last.

    Args:
        lake: The lake.
        as_of: The date from which periods are counted back.
        held: Profiles under a legal hold, of whose records nothing goes.
    """
    found = []
    with lake.duck(only=[*BY_RUN_DATE, *BY_RUN, HISTORY, "identity.assignments"]) as connection:
        connection.register("held", pa.table({"profile_id": pa.array(sorted(held), pa.string())}))
        for table in sorted({*BY_RUN_DATE, *BY_RUN, HISTORY}, key=lambda name: (name == "ops.runs", name)):
            days = period.of_table(lake.contracts, table)
            if days is not None:
                oldest = as_of - datetime.timedelta(days=days)
                old = _beliefs if table == HISTORY else _of_runs
                found.append(OldRows(table, days, *old(connection, table, oldest)))
    return found


def _of_runs(
    connection: "duckdb.DuckDBPyConnection", table: str, oldest: datetime.date
) -> tuple[tuple[str, ...], pa.Table, int]:
    keys = connection.sql(
        "SELECT run_id FROM ops.runs GROUP BY run_id HAVING max(as_of) < $oldest", params={"oldest": oldest}
    ).to_arrow_table()
    connection.register("keys", keys)
    (count,) = connection.execute(f"SELECT count(*) FROM {table} SEMI JOIN keys USING (run_id)").fetchall()[0]
    connection.unregister("keys")
    return ("run_id",), keys, int(count)


def _beliefs(
    connection: "duckdb.DuckDBPyConnection", table: str, oldest: datetime.date
) -> tuple[tuple[str, ...], pa.Table, int]:
    """What is believed no more; of a record's old revisions the newest stays, which held when the period began."""
    keys = connection.sql(
        f"""SELECT DISTINCT record_id, revision FROM {table}
            WHERE known_since < $oldest AND record_id NOT IN (
                SELECT record_id FROM identity.assignments SEMI JOIN held USING (profile_id))
            QUALIFY revision < max(revision) OVER (PARTITION BY record_id)""",
        params={"oldest": oldest},
    ).to_arrow_table()
    return ("record_id", "revision"), keys, keys.num_rows
