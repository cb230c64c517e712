"""Constrained clustering: which edges join records, and which are refused.

Connected components first, by Borůvka's method (doi:10.1016/S0012-365X(00)00224-7), vectorised; it gives the
strongest spanning forest at the same time. A component that breaks no constraint is one cluster, and its
forest its linked edges. Any other is handed, alone, to ``constrain.join_component``. We differ from plain
single-link clustering in that a union which would break a constraint is refused and kept as a blocked edge.

The order of edges is a total order on what they say, so the order of rows never changes the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from contracts.identity import IdentityRules
from identity.constrain import ALREADY_JOINED, Facts, join_component
from identity.edges import STEWARD
from identity.forest import spanning_forest
from identity.sql import query

_KEPT = ["left_record", "right_record", "kind", "rule", "match_weight", "probability", "evidence", "model_version"]


@dataclass(frozen=True)
class Clusters:
    """What clustering found.

    Attributes:
        edges: As identity.edges, in any order.
        members: record_id; cluster, a number of this run only; and refused_by, the consent event by which a record is
            kept apart, as ``refusals`` fills it in.
    """

    edges: pa.Table
    members: pa.Table


def cluster(
    records: pa.Table,
    identifiers: pa.Table,
    edges: pa.Table,
    rules: IdentityRules,
    cannot_link: Mapping[tuple[str, str], int] | None = None,
) -> Clusters:
    """Join records along edges, strongest first, within the constraints.

    Args:
        records: identity.records.
        identifiers: identity.identifiers.
        edges: Deterministic and probabilistic edges (EDGE_COLUMNS); those with a reason in ``blocked`` join
            nothing.
        rules: The contract.
        cannot_link: Pairs of records, the lesser first, that somebody decided are not one person, each with the
            number of the decision.
    """
    nodes = np.array(sorted(records["record_id"].to_pylist()), dtype=object)
    ordered = in_order(edges, rules, cannot_link or {})
    left, right = (_places(ordered[name], nodes) for name in ("left_record", "right_record"))
    states, reasons = (ordered[name].to_numpy(zero_copy_only=False).copy() for name in ("state", "reason"))
    is_known = (left >= 0) & (right >= 0)  # an edge of an unknown record joins nothing, and stays for the gate to find
    joins = (states == "linked") & is_known
    components, is_tree = spanning_forest(len(nodes), left[joins], right[joins])

    joining = np.flatnonzero(joins)
    states[joining[~is_tree]] = "redundant"
    reasons[joining[~is_tree]] = ALREADY_JOINED

    facts = Facts.of(records, identifiers, rules, _touched(components, nodes), cannot_link or {})
    conflicted = _conflicted(components, nodes, facts)
    component_of_edge = components[left[joining]]
    in_conflict = np.flatnonzero(np.isin(component_of_edge, conflicted))
    groups = pd.Series(in_conflict).groupby(component_of_edge[in_conflict]).indices
    torn = joining[in_conflict]
    ends_left, ends_right = nodes[left[torn]], nodes[right[torn]]
    believed = _believed(ordered["rule"].take(pa.array(torn)), rules)
    for places in groups.values():  # ascending, hence strongest first
        ends = list(zip(ends_left[places], ends_right[places], believed[places], strict=True))
        for at, refusal in zip(torn[places], join_component(ends, facts), strict=True):
            states[at], reasons[at] = refusal or ("linked", None)

    final = (states == "linked") & is_known
    members, _ = spanning_forest(len(nodes), left[final], right[final])
    together = (members[left] == members[right]) & is_known
    moot = together & (states == "review")
    states[moot], reasons[moot] = "redundant", ALREADY_JOINED
    found = ordered.select(_KEPT).append_column("state", pa.array(states, pa.string()))
    return Clusters(
        found.append_column("reason", pa.array(reasons, pa.string(), from_pandas=True)),
        pa.table(
            {
                "record_id": pa.array(list(nodes), pa.string()),
                "cluster": pa.array(members, pa.int64()),
                "refused_by": pa.nulls(len(nodes), pa.string()),
            }
        ),
    )


def in_order(
    edges: pa.Table, rules: IdentityRules, cannot_link: Mapping[tuple[str, str], int] | None = None
) -> pa.Table:
    """Edges strongest first, each with the state that it has before clustering.

    Of equals, those of a record that a decision keeps apart come first: whoever shares a value with that record shares
    it with others, too, and the steward meant the one that they named.
    """
    named = sorted({record for pair in cannot_link or {} for record in pair})
    return query(
        """SELECT *, CASE WHEN blocked IS NOT NULL THEN 'blocked'
                          WHEN kind = 'probabilistic' AND match_weight < link_weight THEN 'review'
                          ELSE 'linked' END AS state,
                  CASE WHEN blocked IS NOT NULL THEN blocked
                       WHEN kind = 'probabilistic' AND match_weight < link_weight
                       THEN printf('match weight %.2f is below %.2f, from which records are linked',
                                   match_weight, link_weight) END AS reason
           FROM edges, (SELECT link_weight FROM thresholds)
           ORDER BY kind, priority, match_weight DESC,
                    left_record IN (FROM named) OR right_record IN (FROM named) DESC,
                    left_record, right_record, rule, evidence""",
        edges=edges,
        named=pa.table({"record_id": pa.array(named, pa.string())}),
        thresholds=pa.table({"link_weight": [rules.probabilistic.link_weight]}),
    )


def _places(ids: pa.ChunkedArray, nodes: np.ndarray) -> np.ndarray:
    """The number of each record among the nodes; -1 for one that is not there."""
    found = pc.index_in(ids, value_set=pa.array(nodes, pa.string()))
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)


def _believed(edge_rules: pa.ChunkedArray, rules: IdentityRules) -> np.ndarray:
    names = edge_rules.to_numpy(zero_copy_only=False)
    one_person = np.where(np.isin(names, rules.one_person), "though names differ", "unless contradicted")
    return np.where(names == STEWARD, "always", one_person)


def _touched(components: np.ndarray, nodes: np.ndarray) -> list[str]:
    """Records that share their component with another."""
    sizes = np.bincount(components, minlength=len(nodes))
    return list(nodes[sizes[components] > 1])


def _conflicted(components: np.ndarray, nodes: np.ndarray, facts: Facts) -> np.ndarray:
    """Components whose records could not all be one profile."""
    of_record = pd.Series(components, index=nodes)
    broken: set[int] = set()
    held = facts.limited
    counted = held.assign(component=of_record.loc[held["record_id"]].to_numpy())
    counted = counted.drop_duplicates(["component", "identifier", "value"])
    counts = counted.groupby(["component", "identifier"]).size().reset_index(name="values_held")
    over = counts["values_held"] > counts["identifier"].map(facts.limits)
    broken.update(counts.loc[over, "component"].tolist())
    for attribute in facts.attributes:
        said = attribute.of_record
        rows = pd.DataFrame({"component": of_record.loc[list(said)].to_numpy(), "value": list(said.values())})
        distinct = rows.drop_duplicates().groupby("component")["value"].agg(list)
        several = distinct[distinct.map(len) > 1]
        for component, values in zip(several.index.to_numpy(), several, strict=True):
            if not all(attribute.agree(a, b) for at, a in enumerate(values) for b in values[:at]):
                broken.add(int(component))
    for one, other in facts.cannot_link:
        if one in of_record.index and other in of_record.index and of_record[one] == of_record[other]:
            broken.add(int(of_record[one]))
    return np.array(sorted(broken), dtype=np.int64)
