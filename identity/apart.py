"""Who a person is who refused that their records are put together: needed to erase all of them, and for nothing else.

Their records stand alone in every table (``identity.refusals``). Whoever asks to be erased asks for all of their data,
so the evidence is joined once more as if nobody had refused. Nothing of the answer is kept.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa

from identity.cluster import cluster
from identity.decisions import among, kept_apart, read_decisions, standing
from identity.evidence import IS_REFUSED, TABLES
from identity.sql import query
from identity.stored import Stored

if TYPE_CHECKING:
    import datetime

    from lakehouse.lake import Lake


def as_one(lake: "Lake", profiles: Collection[str], as_of: "datetime.date") -> list[frozenset[str]]:
    """The people behind some profiles, as if nobody had refused: of each, the ids of all profiles.

    Args:
        lake: The lake, as the last run left it.
        profiles: Ids of profiles that there are.
        as_of: The date whose decisions stand.

    Returns:
        As many sets as there are people; each profile is in one. One that no refusal keeps apart is alone.
    """
    with lake.duck(only=TABLES) as connection:
        stored = Stored(connection)
        near = _near(stored, profiles)
        if near.num_rows == 0:
            return [frozenset([profile]) for profile in sorted(set(profiles))]
        rules = lake.contracts.identity
        tables = {
            name: stored.query(f"SELECT * FROM identity.{name} SEMI JOIN near USING (record_id)", near=near)
            for name in ("records", "identifiers", "assignments")
        }
        evidence = stored.evidence(
            "SEMI JOIN near AS l ON l.record_id = left_record SEMI JOIN near AS r ON r.record_id = right_record",
            rules,
            near=near,
        )
    apart = kept_apart(among(standing(read_decisions(lake), as_of), tables["records"]))
    found = cluster(tables["records"], tables["identifiers"], evidence, rules, apart)
    people = query(
        """SELECT list(DISTINCT profile_id ORDER BY profile_id) AS profiles
           FROM members JOIN assignments USING (record_id) GROUP BY cluster ORDER BY 1""",
        members=found.members,
        assignments=tables["assignments"],
    )
    wanted = set(profiles)
    known = [frozenset(one) for one in people["profiles"].to_pylist() if not wanted.isdisjoint(one)]
    alone = wanted.difference(*known)
    return [*known, *(frozenset([profile]) for profile in sorted(alone))]


def _near(stored: Stored, profiles: Collection[str]) -> pa.Table:
    """record_id of the records kept apart that evidence may join with those of the profiles, themselves included."""
    apart = stored.query("SELECT record_id, profile_id FROM identity.assignments WHERE refused_by IS NOT NULL")
    edges = stored.query(f"SELECT left_record, right_record FROM identity.edges WHERE {IS_REFUSED}")
    asked = pa.table({"profile_id": pa.array(sorted(set(profiles)), pa.string())})
    near = query("SELECT record_id FROM apart SEMI JOIN asked USING (profile_id)", apart=apart, asked=asked)
    reached = 0
    while near.num_rows > reached:
        reached = near.num_rows
        near = query(
            """SELECT record_id FROM near
               UNION SELECT right_record FROM edges SEMI JOIN near ON record_id = left_record
                     SEMI JOIN apart ON apart.record_id = right_record
               UNION SELECT left_record FROM edges SEMI JOIN near ON record_id = right_record
                     SEMI JOIN apart ON apart.record_id = left_record""",
            near=near,
            edges=edges,
            apart=apart,
        )
    return near
