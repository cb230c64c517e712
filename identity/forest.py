"""Components and the strongest spanning forest of a graph, vectorised.

Borůvka's method (see Nešetřil, Milková, Nešetřilová, "Otakar Borůvka on minimum spanning tree problem",
2001, doi:10.1016/S0012-365X(00)00224-7): each component takes its strongest edge outwards, all at once, until
none is left.
"""

import numpy as np


def spanning_forest(nodes: int, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected components and the edges of the strongest spanning forest.

    Args:
        nodes: Number of nodes, 0 to nodes - 1.
        left: One end of each edge, strongest edge first; its position is its rank, so no two are equal.
        right: The other end.

    Returns:
        The component of each node, named by its least node, and for each edge whether it is in the forest.
    """
    component = np.arange(nodes)
    is_tree = np.zeros(len(left), dtype=bool)
    alive = np.flatnonzero(left != right)
    while len(alive):
        ends_left, ends_right = component[left[alive]], component[right[alive]]
        outward = ends_left != ends_right
        alive, ends_left, ends_right = alive[outward], ends_left[outward], ends_right[outward]
        if not len(alive):
            break
        best = np.full(nodes, len(left))
        np.minimum.at(best, ends_left, alive)
        np.minimum.at(best, ends_right, alive)
        chosen = np.unique(best[best < len(left)])
        is_tree[chosen] = True
        component = _merged(component, component[left[chosen]], component[right[chosen]])
    return component, is_tree


def _merged(component: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Give joined components the least name among them, by hooking and pointer jumping."""
    name = np.arange(len(component))
    while True:
        low, high = np.minimum(name[left], name[right]), np.maximum(name[left], name[right])
        if np.array_equal(low, high):
            return name[component]
        np.minimum.at(name, high, low)
        while not np.array_equal(name, name[name]):
            name = name[name]


def weakest_to_roots(
    nodes: int, roots: np.ndarray, left: np.ndarray, right: np.ndarray, strength: np.ndarray, grade: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Walk a forest outwards from its roots, one step for all trees at a time.

    Args:
        nodes: Number of nodes.
        roots: One node of each tree.
        left: One end of each edge of the forest.
        right: The other end.
        strength: Of each edge.
        grade: Of each edge, a whole number.

    Returns:
        For each node the least strength on its path from the root (1.0 at a root), and the greatest grade on it (0
        at a root).
    """
    least, greatest = np.full(nodes, np.nan), np.zeros(nodes, dtype=np.int64)
    least[roots] = 1.0
    tails, heads = np.concatenate([left, right]), np.concatenate([right, left])
    strengths, grades = np.concatenate([strength, strength]), np.concatenate([grade, grade])
    while len(tails):
        reached, ahead = ~np.isnan(least[tails]), np.isnan(least[heads])
        step = reached & ahead
        if not step.any():
            break
        least[heads[step]] = np.minimum(least[tails[step]], strengths[step])
        greatest[heads[step]] = np.maximum(greatest[tails[step]], grades[step])
        keep = ~reached | step
        keep &= np.isnan(least[heads])
        tails, heads, strengths, grades = tails[keep], heads[keep], strengths[keep], grades[keep]
    return least, greatest
