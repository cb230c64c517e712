"""Profiles: the stable id of each cluster, and how each record came to it.

A profile's id is its founder's (invariant 4): a keyed hash of the record that landed first. So another model
or a rebuild keeps ids, and a part that is split off gets the id back that its own founder gave it before. Each
record's own id, whether it founds a profile or not, is kept beside the profile that it is in: that is where an id
leads that was retired when its profile was joined to an elder's.
"""

import hashlib
import hmac

import numpy as np
import pyarrow as pa

from contracts.link import FIRMEST_FIRST
from identity.forest import weakest_to_roots
from identity.sql import query
from lakehouse.keyed import keyed_hash, keys

ID_DIGITS = 20

_FOUNDED = f"""
    WITH owned AS (
        SELECT record_id, 'p_' || left({keyed_hash("record_id")}, {ID_DIGITS}) AS own_id
        FROM records, keys)
    SELECT record_id, own_id AS own_profile_id, first_value(own_id) OVER founding AS profile_id,
           first_value(record_id) OVER founding AS founder_record_id, row_number() OVER founding = 1 AS is_founder,
           count(*) OVER (PARTITION BY cluster) AS records, refused_by,
           row_number() OVER (ORDER BY record_id) - 1 AS place
    FROM members JOIN records USING (record_id) JOIN owned USING (record_id)
    WINDOW founding AS (PARTITION BY cluster ORDER BY landed_landing, landed_source, landed_position, record_id)
    ORDER BY place
"""


def profile_id(key: bytes, founder: str) -> str:
    """``p_`` and the first 20 hex digits of HMAC-SHA256 of the founding record's id."""
    return "p_" + hmac.new(key, founder.encode(), hashlib.sha256).hexdigest()[:ID_DIGITS]


def assign(records: pa.Table, members: pa.Table, edges: pa.Table, key: bytes) -> pa.Table:
    """identity.assignments: one row a record, as sure as the weakest edge on its best path to the founder.

    Of all chains of edges that could join the two the best is the one whose weakest edge is the strongest, kinds before
    weights; it is the one in the spanning forest. ``kind`` is the weakest kind on it, ``probability`` the least.

    Args:
        records: identity.records, whose landing columns give the order of founding.
        members: ``Clusters.members`` as ``refusals`` leaves them.
        edges: ``Clusters.edges``; the linked ones are the strongest spanning forest.
        key: The lake's identity key.
    """
    founded = query(
        _FOUNDED,
        members=members,
        records=records.select(["record_id", "landed_landing", "landed_source", "landed_position"]),
        keys=keys(key),
    )
    linked = query(
        """SELECT l.place AS left_place, r.place AS right_place, list_position(kinds, kind) - 1 AS grade, probability
           FROM firmest_first, edges JOIN founded AS l ON l.record_id = left_record
           JOIN founded AS r ON r.record_id = right_record
           WHERE state = 'linked' ORDER BY ALL""",
        edges=edges,
        founded=founded,
        firmest_first=pa.table({"kinds": [list(FIRMEST_FIRST)]}),
    )
    least, grades = weakest_to_roots(
        founded.num_rows,
        np.flatnonzero(founded["is_founder"].to_numpy()),
        linked["left_place"].to_numpy(),
        linked["right_place"].to_numpy(),
        linked["probability"].to_numpy(),
        linked["grade"].to_numpy(),
    )
    kinds = np.array(FIRMEST_FIRST)[grades]
    return pa.table(
        {
            "record_id": founded["record_id"],
            "profile_id": founded["profile_id"],
            "own_profile_id": founded["own_profile_id"],
            "kind": pa.array(kinds, pa.string()),
            "probability": pa.array(least, pa.float64()),
            "founder_record_id": founded["founder_record_id"],
            "refused_by": founded["refused_by"],
            "records": founded["records"],
        }
    )
