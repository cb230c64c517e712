"""Which evidence changed nodes change: what is stored and no longer holds, and what takes its place."""

from dataclasses import dataclass

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.decisions import Decision, decided_edges
from identity.edges import STEWARD, deterministic_edges
from identity.model import Model, compared_people
from identity.score import probabilistic_edges
from identity.sql import query
from identity.stored import Stored
from identity.touched import ChangedNodes

_USABLE_NOW = """(SELECT record_id, identifier, value FROM identity.identifiers ANTI JOIN renewed USING (record_id)
                  WHERE is_usable
                  UNION ALL SELECT record_id, identifier, value FROM identifiers WHERE is_usable)"""
"""What identifies records now, over the stored tables, ``renewed`` and the new rows of ``identifiers``."""


@dataclass(frozen=True)
class ChangedEdges:
    """Evidence, both with EDGE_COLUMNS: ``dropped`` as it is stored, ``added`` in its place.

    An edge that was looked at and stays as it is may be in both.
    """

    dropped: pa.Table
    added: pa.Table

    def ends(self) -> pa.Table:
        """record_id of the records whose evidence is not what it was."""
        return query(
            """WITH differing AS (
                   (SELECT * FROM dropped EXCEPT SELECT * FROM added) UNION ALL
                   (SELECT * FROM added EXCEPT SELECT * FROM dropped))
               SELECT left_record AS record_id FROM differing UNION SELECT right_record FROM differing""",
            dropped=self.dropped,
            added=self.added,
        )


def changed_edges(
    stored: Stored, nodes: ChangedNodes, decisions: list[Decision], rules: IdentityRules, model: Model, key: bytes
) -> ChangedEdges:
    """The evidence that changes with the nodes, and with the decisions that stand now."""
    steward = ChangedEdges(stored.evidence(f"WHERE rule = '{STEWARD}'", rules), decided_edges(decisions, rules))
    parts = [steward, _shared(stored, nodes, steward, rules, key), _scored(stored, nodes, rules, model)]
    return ChangedEdges(
        pa.concat_tables([part.dropped for part in parts]), pa.concat_tables([part.added for part in parts])
    )


def _shared(
    stored: Stored, nodes: ChangedNodes, steward: ChangedEdges, rules: IdentityRules, key: bytes
) -> ChangedEdges:
    """Deterministic edges on the values that changed records hold, or held, with all holders of those.

    Records that a decision keeps apart, or kept, count as changed, as more edges are on their values.

    Such an edge stands for all values of one identifier that its two records share. So the other values that the
    holders have of that identifier are looked at, too; edges on these alone are made in passing and left out.
    """
    apart = {name: _kept_apart(edges) for name, edges in (("now", steward.added), ("past", steward.dropped))}
    changed = query("FROM changed UNION FROM now UNION FROM past", changed=nodes.changed, **apart)
    here = {"renewed": nodes.renewed, "identifiers": nodes.nodes.identifiers}
    touched = stored.query(
        """SELECT identifier, value FROM identity.identifiers SEMI JOIN changed USING (record_id) WHERE is_usable
           UNION SELECT identifier, value FROM identifiers SEMI JOIN changed USING (record_id) WHERE is_usable""",
        identifiers=nodes.nodes.identifiers,
        changed=changed,
    )
    holdings = stored.query(
        f"""SELECT record_id, identifier, value FROM identity.identifiers SEMI JOIN touched USING (identifier, value)
            UNION SELECT record_id, identifier, value FROM {_USABLE_NOW} SEMI JOIN touched USING (identifier, value)""",
        touched=touched,
        **here,
    )
    holders = stored.query(
        f"""WITH usable AS {_USABLE_NOW},
                 beside AS (SELECT DISTINCT identifier, value FROM usable SEMI JOIN holdings
                            USING (record_id, identifier))
            SELECT DISTINCT record_id FROM usable SEMI JOIN beside USING (identifier, value)""",
        holdings=holdings,
        **here,
    )
    found = deterministic_edges(
        current(stored, "records", nodes, holders),
        current(stored, "identifiers", nodes, holders),
        rules,
        key,
        apart["now"]["record_id"].to_pylist(),
    )
    on_touched = """SEMI JOIN (SELECT l.record_id AS left_record, r.record_id AS right_record, l.identifier AS rule
                               FROM holdings AS l JOIN holdings AS r USING (identifier, value)
                               WHERE l.record_id < r.record_id) AS pairs USING (left_record, right_record, rule)"""
    dropped = stored.evidence(f"{on_touched} WHERE kind <> 'probabilistic'", rules, holdings=holdings)
    added = query(f"SELECT e.* FROM found AS e {on_touched}", found=found, holdings=holdings)
    return ChangedEdges(dropped, added)


def _scored(stored: Stored, nodes: ChangedNodes, rules: IdentityRules, model: Model) -> ChangedEdges:
    """Probabilistic edges of changed records, with each other and with all the rest."""
    dropped = stored.evidence(
        """WHERE kind = 'probabilistic' AND (left_record IN (SELECT record_id FROM changed)
                                             OR right_record IN (SELECT record_id FROM changed))""",
        rules,
        changed=nodes.changed,
    )
    people = compared_people(current(stored, "records", nodes)) if nodes.changed.num_rows else None
    pairs = _blocked_pairs(people, nodes.changed, model) if people is not None else None
    if pairs is None or pairs.num_rows == 0:
        return ChangedEdges(dropped, dropped.slice(0, 0))
    met = query(
        """SELECT * FROM people WHERE record_id IN (SELECT left_record FROM pairs)
           OR record_id IN (SELECT right_record FROM pairs)""",
        people=people,
        pairs=pairs,
    )
    return ChangedEdges(dropped, probabilistic_edges(met, model, rules.probabilistic.review_weight, pairs))


def _blocked_pairs(people: pa.Table, changed: pa.Table, model: Model) -> pa.Table | None:
    """left_record and right_record of the pairs with a changed record that a blocking rule brings together."""
    met = " UNION ".join(
        f"""SELECT least(l.record_id, r.record_id) AS left_record, greatest(l.record_id, r.record_id) AS right_record
            FROM fresh AS l JOIN people AS r ON {rule["blocking_rule"]} WHERE l.record_id <> r.record_id"""
        for rule in model.settings["blocking_rules_to_generate_predictions"]
    )
    if not met:
        return None
    fresh = query("SELECT * FROM people SEMI JOIN changed USING (record_id)", people=people, changed=changed)
    return query(met, people=people, fresh=fresh)


def _kept_apart(steward: pa.Table) -> pa.Table:
    """record_id of the records that decisions, as edges, keep apart."""
    return query(
        """SELECT left_record AS record_id FROM steward WHERE blocked IS NOT NULL
           UNION SELECT right_record FROM steward WHERE blocked IS NOT NULL""",
        steward=steward,
    )


def current(stored: Stored, table: str, nodes: ChangedNodes, chosen: pa.Table | None = None) -> pa.Table:
    """Rows of identity.records or identity.identifiers as they are now; of chosen records, or of all."""
    only = "" if chosen is None else "SEMI JOIN chosen USING (record_id)"
    return stored.query(
        f"""SELECT * FROM identity.{table} ANTI JOIN renewed USING (record_id) {only}
            UNION ALL BY NAME SELECT * FROM fresh {only}""",
        renewed=nodes.renewed,
        fresh=getattr(nodes.nodes, table),
        **({} if chosen is None else {"chosen": chosen}),
    )
