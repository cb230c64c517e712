"""Whether what tables and marts say of their origins can be: the tables are there, and so are the columns."""

from collections.abc import Iterator
from pathlib import Path

from contracts.catalog import Contracts, declared_in
from contracts.errors import ContractError, Problem
from contracts.lineage import ASSIGNMENTS, STAGING, Lineage, Node, staged_columns
from contracts.origin import Origin


def wrong_origins(root: Path) -> Iterator[Problem]:
    """Every origin, and whatever a table says that it reads, that names a table or a column that is not there."""
    try:
        lineage = Lineage(Contracts(root))
        nodes = lineage.nodes
    except ContractError as error:
        yield from error.problems
        return
    for node in nodes.values():
        for name in (name for name in node.reads if name not in nodes and name not in node.made_of):
            yield _problem(root, node, name, f"{name} is no table", tuple(nodes), "reads")
        for parent, origins in node.made_of.items():
            theirs = _columns(lineage, parent)
            if theirs is None:
                yield _problem(root, node, parent, f"{parent} is no table", tuple(nodes))
                continue
            for origin in origins:
                yield from _columns_missing(root, lineage, node, parent, origin, theirs)


def _columns_missing(
    root: Path, lineage: Lineage, node: Node, parent: str, origin: Origin, theirs: tuple[str, ...]
) -> Iterator[Problem]:
    mine = {*origin.same, *origin.during, *(name for pair in origin.within.values() for name in pair)}
    named = [name for given in origin.same.values() for name in ((given,) if isinstance(given, str) else given)]
    other = {*named, *origin.within, *origin.only, *origin.joined.values()}
    other |= {name for pair in origin.during.values() for name in pair}
    for name in sorted(mine - set(node.columns)):
        yield _problem(root, node, parent, f"{node.name} has no column {name}", tuple(node.columns))
    for name in sorted(other - set(theirs)):
        yield _problem(root, node, parent, f"{parent.removeprefix(STAGING)} has no column {name}", theirs)
    if origin.via is not None and origin.via != ASSIGNMENTS:
        via = next((name for name in node.made_of if name.rsplit(".", 1)[-1] == origin.via), None)
        if via is None:
            yield _problem(root, node, parent, f"it is not made of {origin.via}", tuple(node.made_of))
            return
        for name in sorted(set(origin.joined) - set(_columns(lineage, via) or ())):
            yield _problem(root, node, parent, f"{origin.via} has no column {name}")


def _columns(lineage: Lineage, parent: str) -> tuple[str, ...] | None:
    if parent.startswith(STAGING):
        return staged_columns(lineage.models[parent.removeprefix(STAGING)].sql)
    return tuple(lineage.nodes[parent].columns) if parent in lineage.nodes else None


def _problem(
    root: Path, node: Node, parent: str, what: str, allowed: tuple[str, ...] = (), field: str = "made_of"
) -> Problem:
    schema, _, name = node.name.partition(".")
    file = lineage_file(root, schema, name, node.is_mart)
    return Problem(str(file), 1, f"{field}.{parent.removeprefix(STAGING)}", what, allowed)


def lineage_file(root: Path, schema: str, name: str, is_mart: bool) -> Path:
    """Where a table says what it is made of."""
    if not is_mart:
        home = declared_in(root, "tables/*/*.yml")[0].parents[2]
        return home / "tables" / schema / f"{name.strip('<>')}.yml"
    from contracts import DBT_MODELS

    return next(iter(DBT_MODELS.rglob(f"{name}.yml")), DBT_MODELS)
