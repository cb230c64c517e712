"""Profiles: the stable id of each cluster, and how each record came to it.

A profile's id is its founder's (invariant 4): a keyed hash of the record that landed first. So another model
or a rebuild keeps ids, and a part that is split off gets the id back that its own founder gave it before.
"""

import hashlib
import hmac

import numpy as np
import pyarrow as pa

from contracts.link import FIRMEST_FIRST
from identity.forest import weakest_to_roots
from identity.sql import query

ID_DIGITS = 20


def profile_id(key: bytes, founder: str) -> str:
    """``p_`` and the first 20 hex digits of HMAC-SHA256 of the founding record's id."""
    return "p_" + hmac.new(key, founder.encode(), hashlib.sha256).hexdigest()[:ID_DIGITS]


def assign(records: pa.Table, members: pa.Table, edges: pa.Table, key: bytes) -> pa.Table:
    """identity.assignments: one row a record, as sure as the weakest edge on its best path to the founder.

    Of all chains of edges that could join the two the best is the one whose weakest edge is the strongest, kinds before
    weights; it is the one in the spanning forest. ``kind`` is the weakest kind on it, ``probability`` the least.

    Args:
        records: identity.records, whose landing columns give the order of founding.
        members: ``Clusters.members``.
        edges: ``Clusters.edges``; the linked ones are the strongest spanning forest.
        key: The lake's identity key.
    """
    founded = query(
        """SELECT record_id, cluster, first_value(record_id) OVER founding AS founder_record_id,
                  count(*) OVER (PARTITION BY cluster) AS records
           FROM members JOIN records USING (record_id)
           WINDOW founding AS (PARTITION BY cluster
                               ORDER BY landed_landing, landed_source, landed_position, record_id)
           ORDER BY record_id""",
        members=members,
        records=records.select(["record_id", "landed_landing", "landed_source", "landed_position"]),
    )
    linked = query(
        """SELECT left_record, right_record, list_position(kinds, kind) - 1 AS grade, probability
           FROM edges, firmest_first WHERE state = 'linked' ORDER BY ALL""",
        edges=edges,
        firmest_first=pa.table({"kinds": [list(FIRMEST_FIRST)]}),
    )
    nodes = founded["record_id"].to_numpy(zero_copy_only=False)
    founders = founded["founder_record_id"].to_numpy(zero_copy_only=False)
    is_founder = nodes == founders
    least, grades = weakest_to_roots(
        len(nodes),
        np.flatnonzero(is_founder),
        np.searchsorted(nodes, linked["left_record"].to_numpy(zero_copy_only=False)),
        np.searchsorted(nodes, linked["right_record"].to_numpy(zero_copy_only=False)),
        linked["probability"].to_numpy(zero_copy_only=False),
        linked["grade"].to_numpy(zero_copy_only=False),
    )
    kinds = np.array(FIRMEST_FIRST)[grades]
    ids = {founder: profile_id(key, founder) for founder in nodes[is_founder]}
    return pa.table(
        {
            "record_id": founded["record_id"],
            "profile_id": pa.array([ids[founder] for founder in founders], pa.string()),
            "kind": pa.array(list(kinds), pa.string()),
            "probability": pa.array(least, pa.float64()),
            "founder_record_id": founded["founder_record_id"],
            "records": founded["records"],
        }
    )
