"""The graph that a page draws: records in rows, each below the one it was joined to, and what joins them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from identity.evidence import walk

if TYPE_CHECKING:
    from identity.evidence import Edge, Record
    from identity.explain import Explanation
    from identity.merges import BuildUp

REFUSED_DRAWN = 40
"""Of the edges that were refused or await review the strongest are drawn; the table below the drawing has all."""


@dataclass(frozen=True)
class Node:
    """A record in its place: ``row`` and ``column`` count from 0."""

    record: "Record"
    row: int
    column: int
    note: str


@dataclass(frozen=True)
class Line:
    """An edge between two records. A branch leads from a node to one below it that hangs on it; others are arcs."""

    upper: str
    lower: str
    edge: "Edge"
    is_branch: bool


@dataclass(frozen=True)
class Graph:
    """What is drawn, and how many refused edges are not."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    left_out: int = 0


def graph_of_path(found: "Explanation") -> Graph:
    """The chain between two records, from the first down to the second; both alone where there is none."""
    records = {record.record_id: record for record in found.records}
    steps = walk(found.path, found.left)
    chain = [found.left, *(there for _, there, _ in steps)]
    if not steps and found.left != found.right:
        chain.append(found.right)
    notes, before = {}, None
    for record in chain:
        profile = records[record].profile_id
        notes[record] = f"profile {profile}" if profile != before else ""
        before = profile
    nodes = [Node(records[record], row, 0, notes[record]) for row, record in enumerate(chain)]
    return Graph(tuple(nodes), tuple(Line(here, there, edge, True) for here, there, edge in steps))


def graph_of_build_up(found: "BuildUp") -> Graph:
    """A profile as a tree from its founder, with the refused edges around it."""
    records = {record.record_id: record for record in (*found.records, *found.outside)}
    founder = found.records[0].record_id
    branches = _branches(founder, [merge.edge for merge in found.merges])
    inside = {record.record_id for record in found.records}
    hung: set[str] = set()
    arcs: list[tuple[str, str, Edge]] = []
    drawn = found.around[:REFUSED_DRAWN]
    for edge in drawn:
        inner, outer = edge.ends if edge.left_record in inside else edge.ends[::-1]
        if outer in inside or outer in hung:
            arcs.append((inner, outer, edge))
        else:
            hung.add(outer)
            branches.setdefault(inner, []).append((outer, edge))
    places = _places(founder, {upper: [lower for lower, _ in below] for upper, below in branches.items()})
    nodes = [Node(records[name], row, column, _note(found, records[name])) for name, (row, column) in places.items()]
    lines = [Line(upper, lower, edge, True) for upper, below in branches.items() for lower, edge in below]
    for one, other, edge in arcs:
        upper, lower = sorted((one, other), key=lambda name: places[name])
        lines.append(Line(upper, lower, edge, False))
    return Graph(tuple(nodes), tuple(lines), len(found.around) - len(drawn))


def _note(found: "BuildUp", record: "Record") -> str:
    if record.profile_id != found.profile_id:
        return f"profile {record.profile_id}"
    if record.link_kind == "founder":
        return "founder"
    return "asked for" if record.record_id == found.asked else ""


def _branches(root: str, edges: Sequence["Edge"]) -> dict[str, list[tuple[str, "Edge"]]]:
    """A tree's edges from the root on: what hangs on each record, in the order of the edges."""
    around: dict[str, list[Edge]] = {}
    for edge in edges:
        for end in edge.ends:
            around.setdefault(end, []).append(edge)
    branches: dict[str, list[tuple[str, Edge]]] = {}
    met, waiting = {root}, [root]
    while waiting:
        upper = waiting.pop()
        for edge in around.get(upper, ()):
            lower = edge.other_end(upper)
            if lower not in met:
                met.add(lower)
                waiting.append(lower)
                branches.setdefault(upper, []).append((lower, edge))
    return branches


def _places(root: str, below: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Row and column of each node of a tree: one row each, depth first.

    The child with the most below it comes last and stays in its parent's column, so that a tree of n nodes is at most
    log2(n) columns deep, however long its chains are.
    """
    sizes = _sizes(root, below)
    places: dict[str, tuple[int, int]] = {}
    waiting = [(root, 0)]
    while waiting:
        name, column = waiting.pop()
        places[name] = len(places), column
        children = sorted(below.get(name, ()), key=sizes.__getitem__)
        trunk = children[-1:] if children and (len(children) == 1 or sizes[children[-1]] > 1) else []
        branches = [child for child in below.get(name, ()) if child not in trunk]
        waiting += [(child, column) for child in trunk]
        waiting += [(child, column + 1) for child in reversed(branches)]
    return places


def _sizes(root: str, below: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many nodes each subtree has."""
    ordered = [root]
    for name in ordered:  # grows while it is read: parents before their children
        ordered += below.get(name, ())
    sizes: dict[str, int] = {}
    for name in reversed(ordered):
        sizes[name] = 1 + sum(sizes[child] for child in below.get(name, ()))
    return sizes
