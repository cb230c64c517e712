"""Sets of rows followed along the lineage, backwards to bronze or forwards to the marts: one query a pair of tables."""

from dataclasses import dataclass, field
from typing import Any

from clew.traced.conditions import MadeOf, literal, quoted, rows_behind, rows_made
from clew.traced.opened import OWN, Opened
from contracts.lineage import STAGING, Node
from contracts.origin import Origin

BRONZE = "bronze.<source>"


@dataclass
class Found:
    """The rows of one table that a trace reached.

    Attributes:
        table: The table.
        through: The tables by which they were reached; none for those that were asked for.
        rows: How many.
        is_evidence: They only say whose the rows before them are.
    """

    table: str
    through: list[str] = field(default_factory=list)
    rows: int = 0
    is_evidence: bool = False

    @property
    def kept(self) -> str:
        """The name of the temporary table that holds them."""
        return quoted(f"found {self.table}".replace(".", " "))


class Walk:
    """One trace under way: the rows reached so far, by table.

    Args:
        opened: What is read.
    """

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.found: dict[str, Found] = {}

    def start(self, table: str, where: str, parameters: list[Any]) -> int:
        """Take the rows of a table of which a condition holds; how many there are now."""
        return self._add(table, f"SELECT * FROM {quoted(table)} WHERE {where}", None, False, parameters)

    def back(self, but: tuple[str, ...] = ()) -> None:
        """Follow every row to those that it is made of, down to bronze; ``but`` names tables that are not followed."""
        lineage = self.opened.lineage
        for name in lineage.downwards():
            node = lineage.nodes[name]
            for found in [found for found in self.found.values() if lineage.node(found.table) is node]:
                if found.table in but:
                    continue
                for parent, origins in node.made_of.items():
                    self._back(found, parent, origins)

    def onwards(self) -> None:
        """Follow every row to those that are made of it, up to the marts; not to what it is evidence for only."""
        lineage = self.opened.lineage
        for name in reversed(lineage.downwards()):
            if not self.opened.has(name):
                continue
            for parent, origins in lineage.nodes[name].made_of.items():
                for origin in origins:
                    if origin.role == "data":
                        self._onwards(lineage.nodes[name], parent, origin)

    def _back(self, child: Found, parent: str, origins: tuple[Origin, ...]) -> None:
        node = self.opened.lineage.node(child.table)
        assert node is not None  # noqa: S101 - only declared tables are followed
        for origin in origins:
            is_evidence = origin.role == "evidence"
            if child.is_evidence and not is_evidence:
                continue
            if parent == BRONZE:
                for row in self.opened.rows(f"SELECT DISTINCT source FROM {child.kept} ORDER BY source"):
                    of_source = f"(SELECT * FROM {child.kept} WHERE source = {literal(row['source'])})"
                    table = f"bronze.{row['source']}"
                    self._add(table, self._behind(node.made_of, origin, of_source, table), child, is_evidence)
            else:
                table = self.opened.lineage.table_of(parent)
                self._add(table, self._behind(node.made_of, origin, child.kept, parent), child, is_evidence)

    def _behind(self, made_of: MadeOf, origin: Origin, rows: str, parent: str) -> str:
        opened, lineage = self.opened, self.opened.lineage
        table = lineage.table_of(parent)
        if not opened.has(table):
            return ""
        sql = rows_behind(lineage, made_of, origin, rows, opened.view(parent), opened.view)
        if not parent.startswith(STAGING):
            return sql
        keys = lineage.nodes[table].key
        own = ", ".join(f"{quoted(OWN + key)} AS {quoted(key)}" for key in keys)
        return f"SELECT t.* FROM {quoted(table)} AS t SEMI JOIN (SELECT {own} FROM ({sql})) AS k USING ({_names(keys)})"

    def _onwards(self, node: Node, parent: str, origin: Origin) -> None:
        opened, lineage = self.opened, self.opened.lineage
        table = lineage.table_of(parent)
        if parent == BRONZE:
            for reached in [found for found in self.found.values() if found.table.startswith("bronze.")]:
                source = literal(reached.table.removeprefix("bronze."))
                child = f"(SELECT * FROM {quoted(node.name)} WHERE source = {source})"
                sql = rows_made(lineage, node.made_of, origin, child, reached.kept, opened.view)
                self._add(node.name, sql, reached, False)
        elif table in self.found:
            reached = self.found[table]
            rows = reached.kept
            if parent.startswith(STAGING):
                keys = lineage.nodes[table].key
                same = " AND ".join(f"k.{quoted(key)} = s.{quoted(OWN + key)}" for key in keys)
                rows = f"(SELECT s.* FROM {opened.view(parent)} AS s SEMI JOIN {reached.kept} AS k ON {same})"
            sql = rows_made(lineage, node.made_of, origin, quoted(node.name), rows, opened.view)
            self._add(node.name, sql, reached, False)

    def _add(
        self, table: str, sql: str, through: Found | None, is_evidence: bool, parameters: list[Any] | None = None
    ) -> int:
        if not sql:
            return 0
        known = self.found.get(table)
        if known is None:
            made = Found(table, is_evidence=is_evidence)
            self.opened.run(f"CREATE TEMP TABLE {made.kept} AS {sql}", parameters or [])
        else:
            made = known
            node = self.opened.lineage.node(table)
            keys = _names(node.key if node else ())
            fresh = f"SELECT * FROM ({sql}) AS n ANTI JOIN {made.kept} AS k USING ({keys})"
            self.opened.run(f"INSERT INTO {made.kept} BY NAME {fresh}", parameters or [])
        before = made.rows
        made.rows = self.opened.rows(f"SELECT count(*) AS n FROM {made.kept}")[0]["n"]
        if made.rows > before:
            self.found[table] = made
            made.is_evidence = made.is_evidence and is_evidence
            if through is not None and through.table not in made.through:
                made.through.append(through.table)
        elif known is None:
            self.opened.run(f"DROP TABLE {made.kept}")
        return made.rows


def _names(keys: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, keys))
