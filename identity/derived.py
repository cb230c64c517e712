"""What is read off the identity tables as they stand: spells between log-ins, questions to stewards, counts.

Each is a function of the whole tables and made whole in every run, from the few columns and rows that it needs.
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from identity.basis import KEPT
from identity.decisions import Decision
from identity.queue import read_value, review_queue
from identity.stitches import read_by_stitches, spells_under

if TYPE_CHECKING:
    from lakehouse.lake import Lake


def assigned(lake: "Lake", about: pa.Table | None = None) -> pa.Table:
    """record_id, profile_id and own_profile_id of the records that it is about; none for all."""
    rows = "SELECT record_id, profile_id, own_profile_id FROM identity.assignments"
    return _rows(lake, rows) if about is None else _rows(lake, f"{rows} SEMI JOIN about USING (record_id)", about=about)


def spells(lake: "Lake", decisions: list[Decision]) -> pa.Table:
    """identity.stitches.

    Args:
        lake: The lake.
        decisions: The links and unlinks that stand.
    """
    rules = lake.contracts.identity
    told = ", ".join(f"'{name}'" for name in read_by_stitches(rules))
    identifiers = _rows(lake, f"SELECT * FROM identity.identifiers WHERE identifier IN ({told})")
    placed = _rows(lake, "SELECT record_id, profile_id, refused_by FROM identity.assignments")
    return spells_under(lake, identifiers, placed, rules, decisions)


def questions(lake: "Lake") -> pa.Table:
    """identity.review_queue."""
    edges = _rows(
        lake,
        """SELECT left_record, right_record, rule, match_weight, probability, state, reason FROM identity.edges
           WHERE state IN ('review', 'blocked')""",
    )
    records = _rows(lake, "SELECT record_id, events FROM identity.records")
    return review_queue(edges, assigned(lake), records, read_value(lake, lake.contracts.identity))


def counted(lake: "Lake") -> dict[str, int]:
    """What the identity tables hold, as ``resolve`` counts it."""
    identifiers = _rows(
        lake, "SELECT count(*) AS identifiers, count(*) FILTER (NOT is_usable) AS unusable FROM identity.identifiers"
    )
    edges = _rows(
        lake,
        """SELECT kind AS name, count(*) AS edges FROM identity.edges GROUP BY kind UNION ALL
           SELECT state, count(*) FROM identity.edges GROUP BY state""",
    )
    profiles = _rows(
        lake,
        """SELECT coalesce(sum(n), 0)::BIGINT AS records, count(*) AS profiles,
                  count(*) FILTER (n > 1) AS joined_profiles, coalesce(max(n), 0) AS biggest_profile
           FROM (SELECT count(*) AS n FROM identity.assignments GROUP BY profile_id)""",
    )
    found = {row["name"]: row["edges"] for row in edges.to_pylist()}
    named = ("deterministic", "inferred", "probabilistic", "linked", "redundant", "review", "blocked")
    return identifiers.to_pylist()[0] | {name: found.get(name, 0) for name in named} | profiles.to_pylist()[0]


def _rows(lake: "Lake", sql: str, **tables: pa.Table) -> pa.Table:
    with lake.duck(only=KEPT) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(sql).to_arrow_table()
