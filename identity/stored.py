"""The identity tables as the last run left them, to be asked in SQL beside tables at hand."""

import duckdb
import pyarrow as pa

from contracts.identity import IdentityRules
from identity.edges import EDGE_COLUMNS, STEWARD

_BLOCKED = f"""CASE WHEN kind = 'probabilistic' OR state <> 'blocked' THEN NULL
                     WHEN rule <> '{STEWARD}' THEN evidence ->> '$.values[0].blocked'
                     WHEN evidence ->> '$.action' = 'unlink' THEN reason END"""
"""Why the evidence itself joins nothing; None where it was clustering that refused an edge."""


class Stored:
    """identity.records, .identifiers, .edges and .assignments as views of a DuckDB connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """Run one statement over the stored tables, with each keyword as a table of that name."""
        for name, table in tables.items():
            self._connection.register(name, table)
        try:
            return self._connection.sql(sql).to_arrow_table()
        finally:
            for name in tables:
                self._connection.unregister(name)

    def evidence(self, where: str, rules: IdentityRules, **tables: pa.Table) -> pa.Table:
        """Stored edges as they were before clustering, with EDGE_COLUMNS.

        Args:
            where: What follows ``FROM identity.edges AS e``, over ``tables``; it gives each edge once.
            rules: The contract under which they were made.
            tables: As for ``query``.
        """
        ranks = {name: rule.priority for name, rule in rules.identifiers.items()} | {STEWARD: 0}
        priorities = pa.table(
            {"rule": pa.array(list(ranks), pa.string()), "priority": pa.array(list(ranks.values()), pa.int64())}
        )
        return self.query(
            f"""SELECT {", ".join(EDGE_COLUMNS)}
                FROM (SELECT e.*, {_BLOCKED} AS blocked FROM identity.edges AS e {where})
                LEFT JOIN priorities USING (rule)""",
            priorities=priorities,
            **tables,
        )

    def members(self) -> pa.Table:
        """record_id and profile_id of the records that share their profile with another."""
        return self.query(
            """SELECT record_id, profile_id FROM identity.assignments
               QUALIFY count(*) OVER (PARTITION BY profile_id) > 1"""
        )

    def refused(self) -> pa.Table:
        """left_record and right_record of the edges that would join profiles, had clustering not refused them."""
        return self.query(
            f"""SELECT left_record, right_record FROM identity.edges
                WHERE state = 'blocked' AND {_BLOCKED} IS NULL"""
        )
